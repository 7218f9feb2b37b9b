from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.head.controls import ARKIT_UNITS, control
from loki_core.head.correspondence import outer_skin, transfer_fields, vertex_areas
from loki_core.head.embedded import embedded_head
from loki_core.head.flame_file import head_from_flame
from loki_core.head.model import HeadModel, LandmarkAnchors, pose_vertices
from loki_core.head.units import UnitBasis, unit_basis
from tests.head.flame_files import flame_like


@pytest.fixture(scope="module")
def embedded() -> HeadModel:
    return embedded_head()


@pytest.fixture(scope="module")
def flame(embedded: HeadModel) -> HeadModel:
    return head_from_flame(flame_like(embedded))


@pytest.fixture(scope="module")
def solved(flame: HeadModel, embedded: HeadModel) -> UnitBasis:
    return unit_basis(flame, embedded)


def full_strength(head: HeadModel, units: UnitBasis) -> torch.Tensor:
    """Displacement (U, V, 3) of each unit."""
    params = replace(head.neutral((52,)), expression=units.expression, jaw_pose=units.joints[:, 0], eye_pose=units.joints[:, 1:])
    return pose_vertices(head, params) - pose_vertices(head, head.neutral())


def rms(field: torch.Tensor) -> torch.Tensor:
    return field.square().sum(-1).mean(-1).sqrt()


def kept(head: HeadModel) -> torch.Tensor:
    """The vertices that `flame_like` takes over, in its order."""
    return ~(head.vertex_masks["mouth_cavity"] | head.vertex_masks["teeth"])


def test_on_a_head_whose_axes_are_units_the_basis_is_the_identity(embedded: HeadModel, tiny_head: HeadModel) -> None:
    units = unit_basis(embedded, embedded)
    order = [embedded.expression_names.index(name) for name in ARKIT_UNITS]
    assert torch.equal(units.expression, torch.eye(52)[order])
    assert torch.equal(units.joints, embedded.unit_joints[order])
    assert (units.reachable == 1).all()
    assert (units.ceiling == 1).all()
    few = unit_basis(tiny_head, embedded)
    assert few.reachable.sum() == 4
    assert few.joints[ARKIT_UNITS.index("jawOpen"), 0, 0] == pytest.approx(0.4)


def test_units_are_found_again_behind_mixed_axes(embedded: HeadModel, flame: HeadModel, solved: UnitBasis) -> None:
    """The FLAME-like head is the embedded one in disguise, so the true displacement of each unit is known."""
    truth = full_strength(embedded, unit_basis(embedded, embedded))[:, kept(embedded)]
    error = rms(full_strength(flame, solved) - truth) / rms(truth)
    for index, name in enumerate(ARKIT_UNITS):
        assert error[index] < 0.25 or name == "tongueOut", (name, error[index])
        assert solved.reachable[index] > 0.9 or name == "tongueOut", (name, solved.reachable[index])
    assert solved.reachable[ARKIT_UNITS.index("tongueOut")] == 0
    assert not solved.expression[ARKIT_UNITS.index("tongueOut")].any()
    assert torch.isinf(solved.ceiling).all()


def test_units_are_found_on_another_face_without_landmarks(embedded: HeadModel) -> None:
    """Another person's head, larger by a tenth: laid over by eyes, lips, nose, chin and crown alone."""
    betas = torch.randn(embedded.shape_count, generator=torch.Generator().manual_seed(0)) * 0.7
    arrays = flame_like(embedded)
    arrays["v_template"] = 1.1 * (arrays["v_template"] + (embedded.shape_basis @ betas)[kept(embedded)].numpy())
    other = head_from_flame(arrays)
    truth = 1.1 * full_strength(embedded, unit_basis(embedded, embedded))[:, kept(embedded)]
    error = (rms(full_strength(other, unit_basis(other, embedded)) - truth) / rms(truth))[: ARKIT_UNITS.index("tongueOut")]
    assert error.median() < 0.15
    assert error.max() < 0.4


def test_left_and_right_are_solved_apart(embedded: HeadModel, flame: HeadModel, solved: UnitBasis) -> None:
    """Nothing moves on the other side beyond what the embedded head's own units move there."""
    truth = full_strength(embedded, unit_basis(embedded, embedded))[:, kept(embedded)].norm(dim=-1)
    moved = full_strength(flame, solved).norm(dim=-1)
    for index, name in enumerate(ARKIT_UNITS):
        if side := control(name).side:
            other = flame.template[:, 0] * (1 if side == "left" else -1) < -0.005
            assert moved[index, other].max() < truth[index, other].max() + 0.05 * moved[index].max(), name


def test_a_jaw_without_skinning_is_moved_by_expression(embedded: HeadModel) -> None:
    arrays = flame_like(embedded, jaw=False)
    with pytest.MonkeyPatch.context() as patch:  # the mouth cannot be found on this topology; tell where it is
        patch.setattr("loki_core.head.flame_file._mouth", lambda *_: np.array([0, -0.055, 0.085]))
        head = head_from_flame(arrays)
    units = unit_basis(head, embedded)
    jaw = ARKIT_UNITS.index("jawOpen")
    assert units.reachable[jaw] > 0.9
    opened = full_strength(head, units)[jaw]
    truth = full_strength(embedded, unit_basis(embedded, embedded))[jaw, kept(embedded)]
    assert rms(opened - truth) < 0.15 * rms(truth)


def test_what_a_head_cannot_do_is_said(embedded: HeadModel) -> None:
    """Without the axes that move the brows, brow units are out of reach, smiles are not."""
    arrays = flame_like(embedded)
    brow = embedded.template[kept(embedded), 1].numpy() > 0.02
    arrays["shapedirs"][brow, :, 300:] = 0
    units = unit_basis(head_from_flame(arrays), embedded)
    assert units.reachable[ARKIT_UNITS.index("browInnerUp")] < 0.5
    assert units.reachable[ARKIT_UNITS.index("mouthSmileLeft")] > 0.9


def anchored(head: HeadModel, picked: torch.Tensor) -> HeadModel:
    """Landmarks at the centres of the `picked` faces."""
    return replace(head, anchors=LandmarkAnchors(picked, torch.full((len(picked), 3), 1 / 3), torch.full((len(picked),), 0.001)))


def test_fields_follow_a_head_of_another_size_and_proportion(embedded: HeadModel) -> None:
    """A copy that is larger, wider and moved: anchors lay it over the original, displacements grow with it."""
    skin = (
        outer_skin(embedded)[embedded.faces.long()].all(1) & (embedded.template[embedded.faces[:, 0].long(), 2] > 0)
    ).nonzero()[:, 0]
    picked = skin[torch.randperm(len(skin), generator=torch.Generator().manual_seed(0))[:300]]
    stretch, offset = torch.tensor([1.3, 1.2, 1.2]), torch.tensor([0.01, -0.02, 0.03])
    source = anchored(embedded, picked)
    target = replace(source, template=embedded.template * stretch + offset)
    field = embedded.expression_basis[..., embedded.expression_names.index("mouthSmileLeft")][None]
    carried = transfer_fields(source, target, field)
    face = embedded.vertex_masks["face"] & outer_skin(embedded)
    assert rms((carried - 1.22 * field)[:, face]) < 0.15 * rms(field[:, face])
    assert not carried[:, ~outer_skin(embedded)].any()


def test_areas_add_up_to_the_surface(tiny_head: HeadModel) -> None:
    corners = tiny_head.template[tiny_head.faces]
    total = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=-1).sum() / 2
    assert vertex_areas(tiny_head).sum() == pytest.approx(float(total), rel=1e-5)
