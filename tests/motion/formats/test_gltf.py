from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import JOINT_NAMES
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.formats.glb import GlbWriter
from loki_core.motion.formats.gltf import read_gltf_weights, write_gltf
from tests.motion.tracks import random_motion

TYPES = {5121: "<u1", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class Glb:
    """A .glb read by the letter of the format, apart from the project's own reader."""

    document: dict[str, Any]
    binary: bytes

    @staticmethod
    def of(path: Path) -> Glb:
        data = path.read_bytes()
        magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
        assert (magic, version, total, kind, length % 4) == (b"glTF", 2, len(data), b"JSON", 0)
        size, second = struct.unpack_from("<I4s", data, 20 + length)
        assert second == b"BIN\0" and 28 + length + size == total
        return Glb(json.loads(data[20 : 20 + length]), data[28 + length :])

    def array(self, index: int) -> np.ndarray:
        accessor = self.document["accessors"][index]
        view = self.document["bufferViews"][accessor["bufferView"]]
        dtype, width = TYPES[accessor["componentType"]], WIDTHS[accessor["type"]]
        flat = np.frombuffer(self.binary, dtype, accessor["count"] * width, view["byteOffset"])
        return flat.reshape(accessor["count"], width)

    def channels(self) -> dict[tuple[int, str], np.ndarray]:
        animation = self.document["animations"][0]
        return {
            (c["target"]["node"], c["target"]["path"]): self.array(animation["samplers"][c["sampler"]]["output"])
            for c in animation["channels"]
        }

    def vertices(self, frame: int) -> Float[np.ndarray, "V 3"]:
        """Morph targets, then the skin, as the specification says."""
        channels = self.channels()
        primitive = self.document["meshes"][0]["primitives"][0]
        points = self.array(primitive["attributes"]["POSITION"]).astype(np.float64)
        targets = [self.array(target["POSITION"]) for target in primitive.get("targets", [])]
        if targets:
            weights = channels[0, "weights"].reshape(-1, len(targets))[frame]
            points = points + np.tensordot(weights, np.stack(targets), 1)
        skin = self.document["skins"][0]
        inverse = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        globals_: dict[int, np.ndarray] = {}
        self._descend(self.document["scenes"][0]["nodes"], np.eye(4), frame, channels, globals_)
        matrices = np.stack([globals_[node] for node in skin["joints"]]) @ inverse
        joints, weights = (self.array(primitive["attributes"][name]) for name in ("JOINTS_0", "WEIGHTS_0"))
        blended = np.einsum("vk,vkij->vij", weights.astype(np.float64), matrices[joints])
        return np.einsum("vij,vj->vi", blended[:, :3, :3], points) + blended[:, :3, 3]

    def _descend(
        self,
        nodes: list[int],
        parent: np.ndarray,
        frame: int,
        channels: dict[tuple[int, str], np.ndarray],
        out: dict[int, np.ndarray],
    ) -> None:
        for index in nodes:
            node = self.document["nodes"][index]
            local = np.eye(4)
            local[:3, 3] = node.get("translation", [0, 0, 0])
            if (index, "translation") in channels:
                local[:3, 3] = channels[index, "translation"][frame]
            if (index, "rotation") in channels:
                local[:3, :3] = Rotation.from_quat(channels[index, "rotation"][frame]).as_matrix()
            out[index] = parent @ local
            self._descend(node.get("children", []), out[index], frame, channels, out)


@pytest.fixture
def wild(embedded: HeadModel) -> Motion:
    """Everything moves at once."""
    motion = random_motion(embedded, 5)
    return replace(motion, expression=motion.expression * (torch.arange(52) % 3 == 0), betas=motion.betas * 0.3)


def test_a_viewer_sees_the_vertices_of_the_head(tmp_path: Path, wild: Motion, embedded: HeadModel) -> None:
    write_gltf(tmp_path / "m.glb", wild, embedded)
    read = Glb.of(tmp_path / "m.glb")
    expected = pose_vertices(embedded, wild.params()).numpy()
    for frame in range(wild.frame_count):
        assert np.abs(read.vertices(frame) - expected[frame]).max() < 2e-6  # metres: two thousandths of a millimetre


def test_a_head_at_rest_is_a_mesh_without_targets(tmp_path: Path, embedded: HeadModel) -> None:
    still = Motion.of(embedded.neutral((2,)), fps=Fraction(25), head=embedded.id)
    write_gltf(tmp_path / "m.glb", still, embedded)
    read = Glb.of(tmp_path / "m.glb")
    assert "targets" not in read.document["meshes"][0]["primitives"][0]
    assert {path for _, path in read.channels()} == {"rotation"}
    np.testing.assert_allclose(read.vertices(1), embedded.template, atol=1e-6)


def test_structure_is_what_the_specification_asks_for(tmp_path: Path, wild: Motion, embedded: HeadModel) -> None:
    write_gltf(tmp_path / "m.glb", wild, embedded)
    read = Glb.of(tmp_path / "m.glb")
    document = read.document
    assert document["asset"]["version"] == "2.0" and len(read.binary) == document["buffers"][0]["byteLength"]
    for view in document["bufferViews"]:
        assert view["byteOffset"] % 4 == 0 and view["byteOffset"] + view["byteLength"] <= len(read.binary)
    for index, accessor in enumerate(document["accessors"]):
        rows = read.array(index)
        assert accessor["min"] == rows.min(0).tolist() and accessor["max"] == rows.max(0).tolist()
    primitive = document["meshes"][0]["primitives"][0]
    attributes = {name: document["accessors"][index] for name, index in primitive["attributes"].items()}
    assert {name: (a["componentType"], a["type"]) for name, a in attributes.items()} == {
        "POSITION": (5126, "VEC3"), "NORMAL": (5126, "VEC3"), "COLOR_0": (5126, "VEC3"),
        "JOINTS_0": (5121, "VEC4"), "WEIGHTS_0": (5126, "VEC4"),
    }  # fmt: skip
    assert {a["count"] for a in attributes.values()} == {len(embedded.template)}
    np.testing.assert_allclose(read.array(primitive["attributes"]["WEIGHTS_0"]).sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(read.array(primitive["attributes"]["NORMAL"]), axis=1), 1, atol=1e-5)
    assert (read.array(primitive["indices"])[:, 0].reshape(-1, 3) == embedded.faces.numpy()).all()
    names = document["meshes"][0]["extras"]["targetNames"]
    assert names == [embedded.expression_names[i] for i in range(52) if i % 3 == 0] and len(names) == len(primitive["targets"])
    assert [document["nodes"][j]["name"] for j in document["skins"][0]["joints"]] == list(JOINT_NAMES)


def test_keys_stand_at_the_exact_times_of_the_frames(tmp_path: Path, wild: Motion, embedded: HeadModel) -> None:
    write_gltf(tmp_path / "m.glb", wild, embedded)
    read = Glb.of(tmp_path / "m.glb")
    (times,) = {sampler["input"] for sampler in read.document["animations"][0]["samplers"]}
    exact = [float(np.float32(k * 1001 / 30000)) for k in range(5)]
    assert read.array(times)[:, 0].tolist() == pytest.approx(exact, abs=1e-8)
    for (_, path), values in read.channels().items():
        if path == "rotation":
            np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-6)
            assert ((values[1:] * values[:-1]).sum(1) >= 0).all()


@pytest.fixture
def spoken(embedded: HeadModel, embedded_units: UnitBasis) -> Motion:
    generator = torch.Generator().manual_seed(5)
    names = ("jawOpen", "mouthFunnel", "mouthSmileLeft", "eyeBlinkLeft", "eyeLookDownRight")
    values = {name: torch.rand(7, generator=generator) for name in names}
    params = apply_controls(embedded, embedded_units, embedded.neutral(), values)
    return Motion.of(params, fps=Fraction(30000, 1001), head=embedded.id)


def test_weights_come_back_as_a_motion(tmp_path: Path, spoken: Motion, embedded: HeadModel, embedded_units: UnitBasis) -> None:
    write_gltf(tmp_path / "m.glb", spoken, embedded)
    loaded = read_gltf_weights(tmp_path / "m.glb", embedded, embedded_units)
    assert (loaded.fps, loaded.head) == (spoken.fps, embedded.id)
    torch.testing.assert_close(loaded.expression, spoken.expression, atol=1e-5, rtol=0)
    torch.testing.assert_close(loaded.jaw_pose, spoken.jaw_pose, atol=1e-5, rtol=0)
    torch.testing.assert_close(loaded.eye_pose, spoken.eye_pose, atol=1e-5, rtol=0)


def animated(path: Path, *, interpolation: str = "LINEAR") -> Path:
    """As other programs write it: pascal case, a target of another name, no rate, uneven keys."""
    glb = GlbWriter()
    times = glb.add(np.array([0, 0.04, 0.08, 0.16], np.float32), "SCALAR")
    weights = np.array([[0, 5], [0.5, 5], [1, 5], [0, 5]], np.float32)
    output = glb.add(weights, "SCALAR")
    document: dict[str, Any] = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [], "extras": {"targetNames": ["JawOpen", "Horn"]}}],
        "animations": [
            {
                "samplers": [{"input": times, "output": output, "interpolation": interpolation}],
                "channels": [{"sampler": 0, "target": {"node": 0, "path": "weights"}}],
            }
        ],
    }
    glb.write(path, document)
    return path


@pytest.mark.parametrize(("interpolation", "jaw"), [("LINEAR", [0, 0.5, 1, 0.5, 0]), ("STEP", [0, 0.5, 1, 1, 0])])
def test_animations_of_other_programs_are_brought_to_even_times(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, interpolation: str, jaw: list[float]
) -> None:
    loaded = read_gltf_weights(animated(tmp_path / "m.glb", interpolation=interpolation), embedded, embedded_units)
    assert loaded.fps == 25
    assert loaded.expression[:, embedded.expression_names.index("jawOpen")].tolist() == pytest.approx(jaw, abs=1e-5)
    assert loaded.expression.count_nonzero() == sum(value > 0 for value in jaw)


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        read = Glb.of(path)
        change(read.document)
        text = json.dumps(read.document).encode()
        text += b" " * (-len(text) % 4)
        head = struct.pack("<4sIII4s", b"glTF", 2, 28 + len(text) + len(read.binary), len(text), b"JSON")
        path.write_bytes(head + text + struct.pack("<I4s", len(read.binary), b"BIN\0") + read.binary)

    return edit


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["meshes"][0]["extras"].update(targetNames=["Horn", "Tail"]), "ARKit's names, such as jawOpen"),
        (lambda d: d["meshes"][0]["extras"].update(targetNames=["JawOpen"]), "1 weights at rising times, got 8 at 4"),
        (lambda d: d.update(animations=[]), "an animation of morph targets"),
        (lambda d: d.update(animations=7), "the fields of glTF 2.0"),
        (lambda d: d["animations"][0]["samplers"][0].update(interpolation="CUBICSPLINE"), "LINEAR or STEP .* 'CUBICSPLINE'"),
        (lambda d: d["animations"][0]["samplers"][0].pop("input"), "the fields of glTF 2.0"),
        (lambda d: d["animations"][0]["samplers"][0].update(output=9), "number 9 among 'accessors'"),
        (lambda d: d["accessors"][1].update(count=10**12), "bytes for accessor 1"),
        (lambda d: d["accessors"][1].update(count=-1), "an accessor of numbers"),
        (lambda d: d["accessors"][1].update(componentType=5130), "an accessor of numbers"),
        (lambda d: d["bufferViews"][1].update(byteOffset=10**9), "bytes for accessor 1"),
        (lambda d: d["asset"].update(extras={"fps": [30, 0]}), "a frame rate as two numbers"),
        (lambda d: d["asset"].update(extras={"fps": [10**9, 1]}), "at most 1000000 frames"),
        (lambda d: d.update(asset=[]), "the fields of glTF 2.0"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = animated(tmp_path / "m.glb")
    edited(change)(path)
    with pytest.raises(InputError, match=words):
        read_gltf_weights(path, embedded, embedded_units)


@pytest.mark.parametrize("kept", [0, 10, 18, 100, 0.99])
def test_truncated_and_foreign_files_are_refused(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, kept: float
) -> None:
    data = animated(tmp_path / "m.glb").read_bytes()
    (tmp_path / "m.glb").write_bytes(data[: int(kept if kept >= 1 else kept * len(data))])
    with pytest.raises(InputError, match="m.glb"):
        read_gltf_weights(tmp_path / "m.glb", embedded, embedded_units)
    (tmp_path / "m.glb").write_bytes(b"solid " + data)
    with pytest.raises(InputError, match="binary glTF 2.0"):
        read_gltf_weights(tmp_path / "m.glb", embedded, embedded_units)


def test_trimesh_opens_the_mesh(tmp_path: Path, wild: Motion, embedded: HeadModel) -> None:

    write_gltf(tmp_path / "m.glb", wild, embedded)
    scene = trimesh.load_scene(tmp_path / "m.glb", process=False)
    (mesh,) = scene.geometry.values()
    assert mesh.faces.shape == tuple(embedded.faces.shape) and len(mesh.vertices) == len(embedded.template)
