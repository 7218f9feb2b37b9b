from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from loki_core.errors import InputError
from loki_core.head.flame_file import head_from_flame
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.units import UnitBasis, unit_basis
from loki_core.motion.clip import Motion
from loki_core.motion.formats.flame_npz import read_fit, read_flame_param, write_fit, write_flame_param
from loki_core.raster.camera import project
from tests.head.flame_files import flame_like
from tests.motion.tracks import random_motion


@pytest.fixture(scope="session")
def flame(embedded: HeadModel) -> HeadModel:
    return head_from_flame(flame_like(embedded))


@pytest.fixture(scope="session")
def flame_units(flame: HeadModel, embedded: HeadModel) -> UnitBasis:
    return unit_basis(flame, embedded)


@pytest.fixture
def motion(flame: HeadModel) -> Motion:
    """As `fit.npz` can hold it: 150 shape axes, 64 components, both eyes alike."""
    motion = random_motion(flame, 4)
    eyes = motion.eye_pose[:, :1].expand(-1, 2, -1)
    inside = torch.arange(flame.expression_count) < 64
    return replace(
        motion,
        expression=motion.expression * inside,
        eye_pose=eyes,
        betas=motion.betas * 0.3 * (torch.arange(flame.shape_count) < 150),
    )


def foreign_fit(**changes: np.ndarray) -> dict[str, np.ndarray]:
    """A file as the release writes it: two cameras, no marks, no jaw."""
    rng = np.random.default_rng(2)
    extrinsics = np.tile(np.eye(4), (2, 1, 1))
    extrinsics[:, :3, :3] = Rotation.from_rotvec([[np.pi, 0.1, 0], [2.9, 0.3, -0.1]]).as_matrix()
    extrinsics[:, :3, 3] = [[0.02, 0, 0.8], [0, 0.1, 1.0]]
    return {
        "shape": rng.standard_normal(150) * 0.3,
        "expr": np.concatenate([rng.standard_normal((3, 64)) * 0.3, np.zeros((3, 1))], axis=1),
        **{name: rng.standard_normal((3, 3)) * 0.2 for name in ("rot", "eye_rot", "neck_rot")},
        "tra": rng.standard_normal((3, 3)) * 0.02,
        "fx": np.array([900.0, 1000.0]),
        "fy": np.array([901.0, 1000.0]),
        "cx": np.array([250.0, 260.0]),
        "cy": np.array([240.0, 250.0]),
        "extr": extrinsics,
        **changes,
    }


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


Write = Callable[[Path, Motion, HeadModel], None]
Read = Callable[[Path, HeadModel, UnitBasis], Motion]


def read_param(path: Path, head: HeadModel, units: UnitBasis) -> Motion:
    return read_flame_param(path, head)


LAYOUTS = [pytest.param(write_flame_param, read_param, id="flame_param"), pytest.param(write_fit, read_fit, id="fit")]


@pytest.mark.parametrize(("write", "read"), LAYOUTS)
def test_a_motion_comes_back(
    tmp_path: Path, flame: HeadModel, flame_units: UnitBasis, motion: Motion, write: Write, read: Read
) -> None:
    write(tmp_path / "m.npz", motion, flame)
    loaded = read(tmp_path / "m.npz", flame, flame_units)
    for field in fields(motion):
        before, after = getattr(motion, field.name), getattr(loaded, field.name)
        if isinstance(before, torch.Tensor):
            torch.testing.assert_close(after, before, atol=2e-6, rtol=0)
        elif field.name != "camera" or read is read_fit:
            assert after == before


def test_flame_param_has_the_public_names_and_shapes(tmp_path: Path, flame: HeadModel, motion: Motion) -> None:
    write_flame_param(tmp_path / "m.npz", motion, flame)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        shapes = {name: file[name].shape for name in file.files}
    assert shapes == {
        "shape": (300,), "expr": (4, 100), "rotation": (4, 3), "neck_pose": (4, 3), "jaw_pose": (4, 3), "eyes_pose": (4, 6),
        "translation": (4, 3), "static_offset": (1, len(flame.template), 3), "fps": (2,), "head": (2,), "confidence": (4,),
    }  # fmt: skip


@pytest.mark.parametrize("camera", [0, 1])
def test_a_foreign_fit_puts_the_vertices_where_its_own_formula_does(
    tmp_path: Path, flame: HeadModel, flame_units: UnitBasis, camera: int
) -> None:
    given = foreign_fit()
    loaded = read_fit(save(tmp_path / "f.npz", given), flame, flame_units, camera=camera, size=(512, 480), fps=Fraction(25))
    assert loaded.camera is not None and loaded.fps == Fraction(25) and bool((loaded.confidence == 1).all())
    pixels = project(loaded.camera, pose_vertices(flame, loaded.params())).numpy()

    rest = replace(loaded.params(), global_orient=torch.zeros(3, 3), translation=torch.zeros(3, 3))
    local = pose_vertices(flame, rest).double().numpy()
    world = np.einsum("tij,tvj->tvi", Rotation.from_rotvec(given["rot"]).as_matrix(), local) + given["tra"][:, None]
    seen = world @ given["extr"][camera, :3, :3].T + given["extr"][camera, :3, 3]
    focal = (given["fx"][camera] + given["fy"][camera]) / 2
    expected = seen[..., :2] / seen[..., 2:] * focal + np.array([given["cx"][camera], given["cy"][camera]])
    np.testing.assert_allclose(pixels, expected, atol=0.02)
    torch.testing.assert_close(loaded.eye_pose[:, 0], loaded.eye_pose[:, 1])
    torch.testing.assert_close(loaded.betas[:150], torch.from_numpy(given["shape"]).float())


def test_the_blink_of_a_fit_closes_both_lids(tmp_path: Path, flame: HeadModel, flame_units: UnitBasis) -> None:
    open_eyes = foreign_fit()
    shut = open_eyes["expr"].copy()
    shut[1, 64] = 1
    before = read_fit(save(tmp_path / "o.npz", open_eyes), flame, flame_units, fps=Fraction(25))
    after = read_fit(save(tmp_path / "s.npz", {**open_eyes, "expr": shut}), flame, flame_units, fps=Fraction(25))
    assert before.camera is None
    change = (after.expression - before.expression).square().sum(1)
    assert change[0] == change[2] == 0 and change[1] > 0
    moved = (pose_vertices(flame, after.params()) - pose_vertices(flame, before.params()))[1].norm(dim=-1)
    assert all(float(moved[flame.vertex_masks[lids]].max()) > 2e-3 for lids in ("lids_left", "lids_right"))


def foreign_param(expressions: int = 100) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    vectors = {name: rng.standard_normal((3, 3)) * 0.1 for name in ("rotation", "neck_pose", "jaw_pose", "translation")}
    shape = np.pad(rng.standard_normal(20), (0, 280))
    return {"shape": shape, "expr": rng.standard_normal((3, expressions)), **vectors, "eyes_pose": np.zeros((3, 6))}


def test_a_foreign_flame_param_is_read_at_the_given_rate(tmp_path: Path, flame: HeadModel) -> None:
    given = foreign_param(50)
    loaded = read_flame_param(save(tmp_path / "f.npz", given), flame, fps=Fraction(30000, 1001))
    assert (loaded.fps, loaded.head, loaded.expression.shape) == (Fraction(30000, 1001), flame.id, (3, 100))
    np.testing.assert_allclose(loaded.expression[:, :50], given["expr"], rtol=1e-6)
    with pytest.raises(InputError, match="f.npz: expected a frame rate"):
        read_flame_param(tmp_path / "f.npz", flame)


def test_flame_files_ask_for_a_flame_head(
    tmp_path: Path, embedded: HeadModel, embedded_units: UnitBasis, flame: HeadModel, motion: Motion
) -> None:
    with pytest.raises(InputError, match="expected a FLAME head for FLAME's coefficients, got the head 'anny'"):
        read_flame_param(save(tmp_path / "p.npz", foreign_param()), embedded, fps=Fraction(25))
    with pytest.raises(InputError, match="expected a FLAME head"):
        read_fit(save(tmp_path / "f.npz", foreign_fit()), embedded, embedded_units, fps=Fraction(25))
    write_flame_param(tmp_path / "m.npz", motion, flame)
    with pytest.raises(InputError, match=r"for the head 'anny' .* got one for 'flame'"):
        read_flame_param(tmp_path / "m.npz", embedded)
    with pytest.raises(InputError, match="one of the head 'anny', whose coefficients mean something else"):
        write_flame_param(tmp_path / "a.npz", random_motion(embedded, 2), embedded)
    assert not (tmp_path / "a.npz").exists()


def test_a_file_that_names_the_head_is_read_on_it(tmp_path: Path, embedded: HeadModel) -> None:
    marks = {"head": np.array([embedded.name, embedded.hash]), "fps": np.array([25, 1])}
    own = foreign_param(52) | {"shape": np.zeros(140)} | marks
    assert read_flame_param(save(tmp_path / "m.npz", own), embedded).head == embedded.id


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expr": np.zeros((3, 64))}, r"expected shape \(T, 65\) for 'expr'|expected shape \(T=3, 65\) for 'expr'"),
        ({"rot": np.full((3, 3), np.nan)}, "'rot' holds numbers that are not finite"),
        ({"extr": np.zeros((2, 4, 4))}, "a rotation and a shift in 'extr'"),
        ({"fx": np.array([1800.0, 1000.0])}, "one positive focal length for both axes, got fx 1800 and fy 901"),
        ({"fy": np.array([0.0, 1.0])}, "one positive focal length"),
        ({"shape": np.ones(310)}, "at most 300 coefficients in 'shape', got 310"),
        ({"fx": np.ones(3)}, "expected shape"),
        ({"size": np.array([0, 5])}, "at least one pixel"),
        ({"rot": np.array([[None] * 3] * 3)}, "expected numbers in 'rot', got object"),
    ],
)
def test_wrong_contents_are_refused_by_name(
    tmp_path: Path, flame: HeadModel, flame_units: UnitBasis, changes: dict[str, np.ndarray], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read_fit(save(tmp_path / "f.npz", foreign_fit(**changes)), flame, flame_units, fps=Fraction(25))


def test_a_camera_that_is_not_there_is_refused(tmp_path: Path, flame: HeadModel, flame_units: UnitBasis) -> None:
    with pytest.raises(InputError, match="a camera from 0 to 1, got 2"):
        read_fit(save(tmp_path / "f.npz", foreign_fit()), flame, flame_units, camera=2, fps=Fraction(25))


def test_a_motion_without_camera_is_no_fit(tmp_path: Path, flame: HeadModel, motion: Motion) -> None:
    with pytest.raises(InputError, match="save it as flame_param"):
        write_fit(tmp_path / "f.npz", replace(motion, camera=None), flame)
