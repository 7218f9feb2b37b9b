from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls, convert_params, read_controls
from loki_core.head.controls import ARKIT_UNITS, CONTROLS
from loki_core.head.embedded import embedded_head
from loki_core.head.flame_file import head_from_flame
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, rotation_matrix
from loki_core.head.units import UnitBasis, unit_basis
from tests.head.flame_files import flame_like

RIGID = [c.name for c in CONTROLS if c.name.startswith(("head", "neck"))]


@pytest.fixture(scope="module")
def head() -> HeadModel:
    return embedded_head()


@pytest.fixture(scope="module")
def units(head: HeadModel) -> UnitBasis:
    return unit_basis(head, head)


@pytest.fixture(scope="module")
def flame(head: HeadModel) -> HeadModel:
    return head_from_flame(flame_like(head))


@pytest.fixture(scope="module")
def flame_units(flame: HeadModel, head: HeadModel) -> UnitBasis:
    return unit_basis(flame, head)


def posed_base(head: HeadModel) -> FlameParams:
    """A head as a portrait may hold it, expression at rest."""
    base = head.neutral()
    betas = torch.zeros(head.shape_count)
    betas[:2] = torch.tensor([1.0, -0.5])
    orient, neck = torch.tensor([0.1, -0.4, 0.2]), torch.tensor([0.05, 0.1, -0.02])
    return replace(base, betas=betas, global_orient=orient, neck_pose=neck, translation=torch.tensor([0.02, 0.01, -0.6]))


def joint_place(head: HeadModel, params: FlameParams, joint: int) -> torch.Tensor:
    """Where skinning takes a joint: measured with a vertex put there that hangs on it alone."""
    place = head.joint_regressor[joint] @ (head.template + head.shape_basis @ params.betas)
    probe = replace(
        head,
        template=torch.cat([head.template, place[None]]),
        shape_basis=torch.cat([head.shape_basis, torch.zeros(1, 3, head.shape_count)]),
        expression_basis=torch.cat([head.expression_basis, torch.zeros(1, 3, head.expression_count)]),
        pose_correctives=torch.zeros(36, 3 * (len(head.template) + 1)),
        joint_regressor=torch.cat([head.joint_regressor, torch.zeros(5, 1)], dim=1),
        skinning_weights=torch.cat([head.skinning_weights, torch.eye(5)[joint][None]]),
        vertex_masks={},
        mirror=torch.arange(len(head.template) + 1),
    )
    return pose_vertices(probe, replace(params, expression=torch.zeros_like(params.expression)))[-1]


def test_on_the_embedded_head_a_unit_is_its_own_axis_and_its_joints(head: HeadModel, units: UnitBasis) -> None:
    for name in ("mouthSmileLeft", "jawOpen", "eyeLookOutRight"):
        params = apply_controls(head, units, head.neutral(), {name: 0.5})
        axis = head.expression_names.index(name)
        assert torch.equal(params.expression, 0.5 * torch.eye(52)[axis])
        torch.testing.assert_close(params.jaw_pose, 0.5 * head.unit_joints[axis, 0])
        torch.testing.assert_close(params.eye_pose, 0.5 * head.unit_joints[axis, 1:])


def test_no_controls_change_nothing(head: HeadModel, units: UnitBasis) -> None:
    base = posed_base(head)
    same = apply_controls(head, units, base, {})
    for f in fields(FlameParams):
        torch.testing.assert_close(getattr(same, f.name), getattr(base, f.name), atol=1e-6, rtol=0)


def test_a_unit_that_the_portrait_already_shows_stops_at_its_end(head: HeadModel, units: UnitBasis) -> None:
    smile, jaw = head.expression_names.index("mouthSmileLeft"), head.expression_names.index("jawOpen")
    base = head.neutral()
    base.expression[smile] = 0.7
    base = replace(base, jaw_pose=head.unit_joints[jaw, 0] * 0.6)
    params = apply_controls(head, units, base, {"mouthSmileLeft": 0.8, "jawOpen": 0.8})
    assert params.expression[smile] == 1
    torch.testing.assert_close(params.jaw_pose, head.unit_joints[jaw, 0])
    beyond = replace(base, expression=base.expression * 2)
    assert apply_controls(head, units, beyond, {"mouthSmileLeft": 0.8}).expression[smile] == pytest.approx(1.4)


@settings(max_examples=20, deadline=None)
@given(st.dictionaries(st.sampled_from(["headYaw", "headPitch", "headRoll"]), st.floats(-30, 30)))
def test_the_head_turns_about_the_neck_joint(head: HeadModel, units: UnitBasis, values: dict[str, float]) -> None:
    base = posed_base(head)
    turned = apply_controls(head, units, base, values)
    torch.testing.assert_close(joint_place(head, turned, 1), joint_place(head, base, 1), atol=1e-5, rtol=0)


def test_head_controls_turn_and_shift_as_their_help_says(head: HeadModel, units: UnitBasis) -> None:
    base = replace(head.neutral(), translation=torch.tensor([0.0, 0, -0.6]))
    nose = head.template[:, 2].argmax()
    crown = head.template[:, 1].argmax()
    rest = pose_vertices(head, base)

    def moved(name: str, value: float) -> torch.Tensor:
        return pose_vertices(head, apply_controls(head, units, base, {name: value})) - rest

    assert moved("headYaw", 20)[nose, 0] > 0.02
    assert moved("headPitch", 20)[nose, 1] < -0.02
    assert moved("headRoll", 20)[crown, 0] < -0.02
    assert moved("neckYaw", 20)[nose, 0] > 0.02
    torch.testing.assert_close(moved("headX", 3), torch.tensor([0.03, 0, 0]).expand_as(rest), atol=1e-6, rtol=0)
    torch.testing.assert_close(moved("headZ", 3), torch.tensor([0, 0, 0.03]).expand_as(rest), atol=1e-6, rtol=0)


def test_gaze_turns_both_eyes_and_each_eye_control_its_own(head: HeadModel, units: UnitBasis) -> None:
    ahead = torch.tensor([0.0, 0, 1])
    params = apply_controls(head, units, head.neutral(), {"gazeYaw": 10, "eyeYawLeft": 5, "gazePitch": 8})
    left, right = (rotation_matrix(eye) @ ahead for eye in params.eye_pose)
    assert left[0] > right[0] > 0.1
    assert right[1] < -0.1
    assert torch.rad2deg(torch.atan2(left[0], left[2])) == pytest.approx(15, abs=0.1)


def test_batched_values_equal_one_frame_at_a_time(head: HeadModel, units: UnitBasis) -> None:
    values: dict[str, float | torch.Tensor] = {
        "jawOpen": torch.rand(4),
        "headYaw": torch.rand(4) * 20,
        "mouthSmileLeft": 0.3,
        "gazeYaw": torch.rand(4),
    }
    base = posed_base(head)
    together = apply_controls(head, units, base, values)
    assert together.batch_shape == (4,)
    for frame in range(4):
        single = apply_controls(
            head, units, base, {n: float(v[frame]) if isinstance(v, torch.Tensor) else v for n, v in values.items()}
        )
        for f in fields(FlameParams):
            torch.testing.assert_close(getattr(together, f.name)[frame], getattr(single, f.name), atol=1e-6, rtol=1e-5)
    frames = apply_controls(head, units, together, {"jawOpen": 0.1})
    assert frames.batch_shape == (4,)
    grid = apply_controls(head, units, base, {"jawOpen": torch.rand(2, 3)})
    assert {getattr(grid, f.name).shape[:2] for f in fields(FlameParams)} == {(2, 3)}


def test_controls_do_not_touch_the_base(head: HeadModel, units: UnitBasis) -> None:
    base = posed_base(head)
    before = {f.name: getattr(base, f.name).clone() for f in fields(FlameParams)}
    apply_controls(head, units, base, dict.fromkeys(ARKIT_UNITS, 1.0))
    assert all(torch.equal(getattr(base, name), value) for name, value in before.items())


def test_unknown_names_and_foreign_units_are_refused(head: HeadModel, units: UnitBasis, flame: HeadModel) -> None:
    with pytest.raises(InputError, match="did you mean jawOpen"):
        apply_controls(head, units, head.neutral(), {"jawOpn": 0.5})
    with pytest.raises(ValueError, match="expected the units of the head 'flame'"):
        apply_controls(flame, units, flame.neutral(), {})
    with pytest.raises(ValueError, match="expected the units of the head 'flame'"):
        read_controls(flame, units, flame.neutral(), flame.neutral())


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from([n for n in ARKIT_UNITS if "Look" not in n]), st.floats(0, 1), max_size=8),
    st.dictionaries(st.sampled_from(RIGID), st.floats(-10, 10)),
)
def test_controls_are_read_back_from_the_embedded_head(
    head: HeadModel, units: UnitBasis, shares: dict[str, float], rigid: dict[str, float]
) -> None:
    base = posed_base(head)
    values = {**shares, **rigid}
    for one, other in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):  # these undo each other
        if one in values:
            values.pop(other, None)
    read = read_controls(head, units, apply_controls(head, units, base, values), base)
    for name, value in read.items():
        assert float(value) == pytest.approx(values.get(name, 0.0), abs=0.02), name


@pytest.mark.parametrize("which", ["embedded", "flame"])
def test_reading_and_setting_again_gives_the_same_face(
    which: str, head: HeadModel, units: UnitBasis, flame: HeadModel, flame_units: UnitBasis
) -> None:
    model, basis = (head, units) if which == "embedded" else (flame, flame_units)
    generator = torch.Generator().manual_seed(1)
    values: dict[str, torch.Tensor] = {}
    for c in CONTROLS:
        use = torch.rand(6, generator=generator) < 0.2
        values[c.name] = (
            torch.lerp(torch.tensor(c.minimum), torch.tensor(c.maximum), torch.rand(6, generator=generator)) * use * 0.7
        )
    base = posed_base(model)
    params = apply_controls(model, basis, base, values)
    again = apply_controls(model, basis, base, read_controls(model, basis, params, base))
    error = (pose_vertices(model, again) - pose_vertices(model, params)).norm(dim=-1)
    assert error.mean() < 3e-4
    assert error.max() < 4e-3
    assert len(read_controls(model, basis, params, base)) == len(CONTROLS)


def test_motion_goes_to_another_head_and_back(
    head: HeadModel, units: UnitBasis, flame: HeadModel, flame_units: UnitBasis
) -> None:
    values = {
        "jawOpen": torch.tensor([0.0, 0.6, 0.3]),
        "mouthSmileLeft": torch.tensor([0.8, 0.0, 0.2]),
        "eyeBlinkRight": torch.tensor([0.0, 1.0, 0.5]),
        "headYaw": torch.tensor([0.0, 20.0, -10.0]),
        "gazeYaw": torch.tensor([0.0, 5.0, -5.0]),
        "neckPitch": torch.tensor([0.0, 5.0, -5.0]),
    }
    rest = replace(head.neutral(), translation=torch.tensor([0.05, 0.02, -0.7]))
    params = apply_controls(head, units, rest, values)
    there = convert_params(params, head, units, flame, flame_units)
    keep = ~(head.vertex_masks["mouth_cavity"] | head.vertex_masks["teeth"])
    gap = (pose_vertices(flame, there) - pose_vertices(head, params)[:, keep]).norm(dim=-1)
    assert gap.mean() < 1e-3  # the same head in other axes, so the surfaces agree too
    back = convert_params(there, flame, flame_units, head, units, betas=params.betas[0])
    gap = (pose_vertices(head, back) - pose_vertices(head, params))[:, keep].norm(dim=-1)
    assert gap.mean() < 1e-3
    read = read_controls(head, units, back, rest)
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight"):
        torch.testing.assert_close(read[name], values[name], atol=0.1, rtol=0)
    for name in ("headYaw", "neckPitch"):
        torch.testing.assert_close(read[name], values[name], atol=0.01, rtol=0)


def test_conversion_keeps_rotations_and_the_place_of_the_eyes(
    head: HeadModel, units: UnitBasis, flame: HeadModel, flame_units: UnitBasis
) -> None:
    params = replace(posed_base(head), eye_pose=torch.tensor([[0.1, 0.2, 0.0], [0.1, 0.15, 0.0]]))
    betas = torch.zeros(300)
    betas[0] = 2.0
    there = convert_params(params, head, units, flame, flame_units, betas=betas)
    assert torch.equal(there.eye_pose, params.eye_pose)
    assert torch.equal(there.global_orient, params.global_orient)
    assert torch.equal(there.betas, betas)
    middle = [(joint_place(h, p, 3) + joint_place(h, p, 4)) / 2 for h, p in ((head, params), (flame, there))]
    torch.testing.assert_close(middle[0], middle[1], atol=1e-5, rtol=0)


def test_gradients_reach_the_base(head: HeadModel, units: UnitBasis) -> None:
    jaw = torch.tensor([0.1, 0.0, 0.0], requires_grad=True)
    params = apply_controls(head, units, replace(head.neutral(), jaw_pose=jaw), {"mouthSmileLeft": 0.5})
    compose(params.jaw_pose, params.jaw_pose).sum().backward()
    assert jaw.grad is not None
    assert torch.isfinite(jaw.grad).all()


def test_controls_that_are_not_given_leave_their_joints_to_the_bit(head: HeadModel, units: UnitBasis) -> None:
    base = replace(head.neutral(), global_orient=torch.tensor([0.1, 0.2, 0.3]), neck_pose=torch.tensor([0.3, 0.0, 0.1]))
    smiling = apply_controls(head, units, base, {"mouthSmileLeft": 0.5})
    for name in ("global_orient", "neck_pose", "eye_pose", "translation"):
        assert torch.equal(getattr(smiling, name), getattr(base, name))
