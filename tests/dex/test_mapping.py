"""Coefficients in the words of the motion encoders: what depends on what, and mappings saved and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.data.vectors import head_similarity
from loki_core.dex.coefficients import face_features, feature_count
from loki_core.dex.mapping import DexMapping, motion_fingerprint, read_mapping, save_mapping
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.saved import read_dex, saved_fingerprint
from loki_core.dex.similarity import pose_matrix, pose_values
from loki_core.errors import InputError
from loki_core.head.model import pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, project
from tests.dex.saved import make_tiny_dex
from tests.dex.tiny import TINY_MOTION
from tests.track.faces import HEAD, random_frame

CROP = CropBox(250.0, 240.0, 150.0)
numbers = st.lists(st.floats(-0.9, 0.9), min_size=6, max_size=6).map(lambda v: torch.tensor(v, dtype=torch.float64))


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def mapping() -> DexMapping:
    return DexMapping(HEAD.id, "abc", noise(feature_count(HEAD.expression_count), 8, seed=0), noise(6, 6, seed=1) * 0.3)


def clip(count: int = 3) -> tuple[FlameParams, Camera]:
    """A person at `count` moments."""
    start, camera = random_frame(0)
    others = [random_frame(seed)[0] for seed in range(count)]
    moved = FlameParams(
        **{name: torch.stack([getattr(each, name) for each in others]) for name in FlameParams.__dataclass_fields__}
    )
    return replace(moved, betas=start.betas.expand(count, -1), translation=start.translation.expand(count, -1)), camera


@given(numbers)
def test_the_six_numbers_of_a_pose_are_found_again(values: torch.Tensor):
    torch.testing.assert_close(pose_values(pose_matrix(values)), values)


def test_the_true_pose_is_that_of_the_mesh_before_the_camera():
    params, camera = clip()
    bare = replace(params, expression=torch.zeros_like(params.expression))
    found = head_similarity(HEAD, params, camera, CROP)
    eyes = torch.zeros(len(HEAD.template))
    for side in ("eye_left", "eye_right"):
        eyes += HEAD.vertex_masks[side] / HEAD.vertex_masks[side].sum() / 2
    centre = torch.einsum("v,tvc->tc", eyes, pose_vertices(HEAD, replace(bare, eye_pose=torch.zeros_like(bare.eye_pose))))
    middle = (project(camera, centre) - torch.tensor([CROP.cx, CROP.cy])) / CROP.half
    torch.testing.assert_close(found[:, 3:5], middle, atol=0.03, rtol=0)
    torch.testing.assert_close(found[:, 5].exp(), camera.focal * 0.1 / -centre[:, 2] / CROP.half, rtol=0.02, atol=0)


def test_turning_to_the_subjects_left_turns_the_picture_plane_the_same_way():
    params = HEAD.neutral((1,))
    turned = replace(params, global_orient=torch.tensor([[0.0, 0.3, 0.0]]), translation=torch.tensor([[0, 0, -1.0]]))
    values = head_similarity(HEAD, turned, Camera(500.0, 256, 256, 512, 512), CROP)
    torch.testing.assert_close(values[0, :3], torch.tensor([0.0, -0.3, 0.0]))
    moved = pose_matrix(values)[0, :, :3] @ torch.tensor([0.0, 0.0, -1.0])  # the nose points out of the picture
    assert moved[0] > 0  # +x is the subject's left and the picture's right


def test_the_portraits_own_coefficients_give_its_own_latent_and_pose(mapping: DexMapping):
    params, camera = clip(1)
    latent, pose = noise(1, 8, seed=2), pose_matrix(noise(1, 6, seed=3) * 0.2)
    torch.testing.assert_close(mapping.expressions(params, params[0], latent), latent)
    torch.testing.assert_close(mapping.poses(HEAD, params, params[0], pose, camera, CROP), pose)


def test_pose_alone_leaves_the_latent_and_the_face_alone_leaves_the_pose(mapping: DexMapping):
    params, camera = clip()
    start, latent, pose = params[0], noise(1, 8, seed=2), pose_matrix(noise(1, 6, seed=3) * 0.2)
    turned = replace(params, global_orient=params.global_orient + 0.1, neck_pose=params.neck_pose - 0.2)
    other = replace(params, expression=params.expression + 0.1, jaw_pose=params.jaw_pose + 0.1, eye_pose=params.eye_pose - 0.1)

    def told(moved: FlameParams) -> tuple[torch.Tensor, torch.Tensor]:
        return mapping.expressions(moved, start, latent), mapping.poses(HEAD, moved, start, pose, camera, CROP)

    (face, place), (face_turned, place_turned), (face_other, place_other) = told(params), told(turned), told(other)
    assert torch.equal(face, face_turned) and not torch.allclose(place, place_turned)
    assert torch.equal(place, place_other) and not torch.allclose(face, face_other)


def test_features_are_the_values_and_their_squares():
    params, _ = clip()
    features = face_features(params)
    assert features.shape == (3, feature_count(HEAD.expression_count))
    values, squares = features.chunk(2, dim=-1)
    assert torch.equal(values**2, squares)


def test_a_mapping_is_read_back_as_it_was_saved(mapping: DexMapping, tmp_path: Path):
    save_mapping(mapping, tmp_path / "mapping")
    again = read_mapping(tmp_path / "mapping", HEAD, "abc", 8)
    assert torch.equal(again.face, mapping.face) and torch.equal(again.pose, mapping.pose)
    assert {path.suffix for path in (tmp_path / "mapping").iterdir()} == {".json", ".safetensors"}


def _of_another_head(folder: Path) -> None:
    _tell(folder, head=["flame", "ffff"])


def _of_other_weights(folder: Path) -> None:
    _tell(folder, motion="def")


def _tell(folder: Path, **changes: object) -> None:
    path = folder / "mapping.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def _cut_off(folder: Path) -> None:
    path = folder / "mapping.safetensors"
    path.write_bytes(path.read_bytes()[:-40])


def _pickled(folder: Path) -> None:
    (folder / "mapping.safetensors").unlink()
    torch.save({"face": torch.zeros(2)}, folder / "mapping.pt")


def _of_another_size(folder: Path) -> None:
    save_mapping(DexMapping(HEAD.id, "abc", torch.zeros(4, 8), torch.eye(6)), folder)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_of_another_head, "one for .'flame'"),
        (_of_other_weights, "got one for others; fit it anew"),
        (_cut_off, "damaged or foreign"),
        (_pickled, "mapping.pt, a pickle"),
        (_of_another_size, r"face has shape \(4, 8\)"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_by_name(mapping: DexMapping, tmp_path: Path, spoil, words: str):
    save_mapping(mapping, tmp_path / "mapping")
    spoil(tmp_path / "mapping")
    with pytest.raises(InputError, match=words):
        read_mapping(tmp_path / "mapping", HEAD, "abc", 8)


def test_other_encoders_have_another_fingerprint():
    torch.manual_seed(0)
    one, other = MotionNetwork(TINY_MOTION.to_dict()), MotionNetwork(TINY_MOTION.to_dict())
    assert motion_fingerprint(one.state_dict()) != motion_fingerprint(other.state_dict())
    other.load_state_dict(one.state_dict())
    assert motion_fingerprint(one.state_dict()) == motion_fingerprint(other.state_dict())


def test_weights_in_half_precision_have_the_same_fingerprint(tmp_path: Path):
    network = make_tiny_dex().network
    DexPipeline.build(network).save_pretrained(tmp_path / "whole")
    DexPipeline.build(network.half()).save_pretrained(tmp_path / "half")
    read = read_dex(tmp_path / "half")[0].motion
    assert next(read.parameters()).dtype == torch.float32
    assert saved_fingerprint(tmp_path / "whole") == saved_fingerprint(tmp_path / "half") == motion_fingerprint(read.state_dict())
