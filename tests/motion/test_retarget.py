from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import compose, from_yaw_pitch_roll, invert, rotation_matrix, to_yaw_pitch_roll
from loki_core.motion.clip import Motion
from loki_core.motion.retarget import RetargetSettings, retarget
from loki_core.raster.camera import Camera, project
from tests.motion.tracks import UNITS, random_motion, still_motion, tiny_head

FIELDS = ("betas", "expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation")
OFF = RetargetSettings(expression=0, jaw=0, eye_left=0, eye_right=0, neck=0, head_rotation=0, head_translation=0)
FIRST = RetargetSettings(neutral=0)
SHARES = st.floats(0, 1)


def portrait_of(head: HeadModel, seed: int = 7) -> FlameParams:
    return random_motion(head, 1, seed).params()[0]


def assert_same(result: FlameParams, expected: FlameParams) -> None:
    for name in FIELDS:
        torch.testing.assert_close(
            getattr(result, name), getattr(expected, name).expand_as(getattr(result, name)), atol=2e-6, rtol=0
        )


def units_motion(head: HeadModel, **tracks: list[float]) -> Motion:
    """A still face with the given units over time."""
    motion = still_motion(head, len(next(iter(tracks.values()))))
    for name, values in tracks.items():
        motion.expression[:, UNITS.index(name)] = torch.tensor(values)
    return motion


def unit(result: FlameParams, name: str) -> list[float]:
    return result.expression[:, UNITS.index(name)].tolist()


@given(st.integers(0, 99), st.integers(0, 99))
def test_driver_at_its_neutral_leaves_the_portrait_as_it_is(driver_seed: int, portrait_seed: int) -> None:
    head = tiny_head()
    driver, portrait = random_motion(head, 3, driver_seed), portrait_of(head, portrait_seed)
    for frame in range(3):
        assert_same(retarget(driver, portrait, head, RetargetSettings(neutral=frame))[frame], portrait)


@pytest.mark.parametrize("absolute", [0.0, 0.5, 1.0])
def test_all_gains_zero_leave_the_portrait_as_it_is(head: HeadModel, absolute: float) -> None:
    portrait = portrait_of(head)
    assert_same(retarget(random_motion(head, 4), portrait, head, replace(OFF, absolute=absolute, neutral=0)), portrait)


def test_absolute_takes_expression_and_pose_of_the_driver_and_betas_and_place_of_the_portrait(head: HeadModel) -> None:
    driver, portrait = random_motion(head, 4), portrait_of(head)
    result = retarget(driver, portrait, head, replace(FIRST, absolute=1.0))
    place = torch.cat([portrait.translation[None], result.translation[1:]])
    assert_same(result, replace(driver.params(), betas=portrait.betas.expand(4, -1), translation=place))


def test_relative_on_oneself_is_the_driver(head: HeadModel) -> None:
    driver = random_motion(head, 6)
    assert_same(retarget(driver, driver.params()[2], head, RetargetSettings(neutral=2)), driver.params())


@given(SHARES, st.floats(0, 2 / 3), st.sampled_from(["eyeBlinkLeft", "mouthClose", "mouthSmileRight"]))
def test_full_units_stay_full_and_empty_ones_empty(portrait: float, rest: float, name: str) -> None:
    head = tiny_head()
    own = head.neutral()
    own.expression[UNITS.index(name)] = portrait
    driver = units_motion(head, **{name: [rest, 1.0]})
    assert unit(retarget(driver, replace(own, translation=driver.translation[0]), head, FIRST), name)[1] == pytest.approx(
        1, abs=1e-5
    )


@given(SHARES, SHARES, st.lists(SHARES, min_size=2, max_size=8))
def test_units_stay_within_their_range_and_keep_their_order(portrait: float, rest: float, track: list[float]) -> None:
    head = tiny_head()
    own = replace(head.neutral(), translation=torch.tensor([0.0, 0.0, -1.0]))
    own.expression[0] = portrait
    result = unit(retarget(units_motion(head, eyeBlinkLeft=[rest, *sorted(track)]), own, head, FIRST), "eyeBlinkLeft")[1:]
    assert min(result) >= 0 and max(result) <= 1
    assert all(a <= b + 1e-6 for a, b in pairwise(result))


def test_components_without_a_range_add(head: HeadModel) -> None:
    own = replace(head.neutral(), translation=torch.tensor([0.0, 0.0, -1.0]))
    own.expression[UNITS.index("psi007")] = 2.0
    result = retarget(units_motion(head, psi007=[0.5, -3.0, 4.0]), own, head, replace(FIRST, expression=2.0))
    assert unit(result, "psi007") == pytest.approx([2.0, -5.0, 9.0])


def test_closed_mouth_of_the_driver_closes_an_open_portrait(head: HeadModel) -> None:
    driver = still_motion(head, 3)
    driver.jaw_pose[:, 0] = torch.tensor([0.1, 0.0, 0.3])
    own = replace(head.neutral(), jaw_pose=torch.tensor([0.2, 0.0, 0.0]), translation=driver.translation[0])
    opening = retarget(driver, own, head, FIRST).jaw_pose[:, 0]
    assert opening[0] == pytest.approx(0.2) and opening[1] == 0 and 0.2 < opening[2] < 0.5


def test_gains_reach_their_own_part_only(head: HeadModel) -> None:
    driver, portrait = random_motion(head, 4), portrait_of(head)
    still = retarget(driver, portrait, head, replace(OFF, neutral=0))
    moves = {
        "expression": "expression", "neck": "neck_pose", "head_rotation": "global_orient", "head_translation": "translation",
    }  # fmt: skip
    for gain, field in moves.items():
        result = retarget(driver, portrait, head, replace(OFF, neutral=0, **{gain: 1.0}))
        moved = {name for name in FIELDS if not torch.allclose(getattr(result, name), getattr(still, name), atol=1e-4)}
        assert moved == {field}
    left = retarget(driver, portrait, head, replace(OFF, neutral=0, eye_left=1.0)).eye_pose
    assert (left[1:, 0] - still.eye_pose[1:, 0]).abs().amax() > 0.01
    torch.testing.assert_close(left[:, 1], still.eye_pose[:, 1])
    jaw = retarget(driver, portrait, head, replace(OFF, neutral=0, jaw=1.0))
    changed = (jaw.expression - still.expression).abs().amax(0) > 1e-4
    assert [name for name, is_changed in zip(UNITS, changed, strict=True) if is_changed] == ["jawOpen"]
    assert (jaw.jaw_pose - still.jaw_pose).abs().amax() > 0.005


def test_rotation_gain_scales_the_angle_about_the_same_axis(head: HeadModel) -> None:
    driver = still_motion(head, 2)
    driver.global_orient[1] = from_yaw_pitch_roll(torch.tensor([20.0, 0.0, 0.0]))
    own = replace(head.neutral(), translation=driver.translation[0])
    half = retarget(driver, own, head, replace(FIRST, head_rotation=0.5)).global_orient[1]
    torch.testing.assert_close(to_yaw_pitch_roll(half), torch.tensor([10.0, 0.0, 0.0]), atol=1e-4, rtol=0)


def test_nod_of_a_driver_seen_askance_is_a_nod_about_the_portraits_own_ears(head: HeadModel) -> None:
    askance = from_yaw_pitch_roll(torch.tensor([25.0, 0.0, 0.0]))
    nod = torch.tensor([0.3, 0.0, 0.0])
    driver = still_motion(head, 2)
    driver.global_orient[:] = torch.stack([askance, compose(askance, nod)])
    turned = from_yaw_pitch_roll(torch.tensor([-40.0, 5.0, 0.0]))
    own = replace(head.neutral(), global_orient=turned, translation=driver.translation[0])
    result = retarget(driver, own, head, FIRST).global_orient[1]
    torch.testing.assert_close(compose(invert(turned), result), nod, atol=1e-5, rtol=0)


def test_fader_halves_the_way_between_relative_and_absolute(head: HeadModel) -> None:
    driver, portrait = random_motion(head, 5), portrait_of(head)
    relative, middle, absolute = (retarget(driver, portrait, head, replace(FIRST, absolute=a)) for a in (0.0, 0.5, 1.0))
    torch.testing.assert_close(middle.expression, (relative.expression + absolute.expression) / 2)
    to_middle, onward = (compose(invert(a), b) for a, b in [
        (relative.global_orient, middle.global_orient), (middle.global_orient, absolute.global_orient)])  # fmt: skip
    torch.testing.assert_close(to_middle, onward, atol=1e-5, rtol=0)


def test_head_moves_in_the_picture_as_far_as_the_drivers_in_heads(head: HeadModel) -> None:
    """Sizes and places of a 0.2 m rod at the head's place, through two cameras."""
    driver = still_motion(head, 2)
    driver.translation[:] = torch.tensor([[0.1, 0.0, -0.5], [0.15, -0.05, -0.4]])
    own = replace(head.neutral(), translation=torch.tensor([-0.2, 0.1, -2.0]))
    result = retarget(driver, own, head, FIRST).translation
    rod = torch.tensor([[-0.1, 0.0, 0.0], [0.1, 0.0, 0.0]])

    def size_and_place(camera: Camera, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ends = project(camera, places[:, None] + rod)
        return (ends[:, 1] - ends[:, 0])[:, :1], ends.mean(1)

    sizes, places = size_and_place(Camera(800, 256, 256, 512, 512), driver.translation)
    own_sizes, own_places = size_and_place(Camera(3000, 900, 700, 2000, 1500), result)
    torch.testing.assert_close(own_sizes[1] / own_sizes[0], sizes[1] / sizes[0])
    torch.testing.assert_close((own_places[1] - own_places[0]) / own_sizes[0], (places[1] - places[0]) / sizes[0])


def test_hand_made_motion_moves_in_metres(head: HeadModel) -> None:
    driver = replace(still_motion(head, 2), camera=None, translation=torch.tensor([[0.0, 0, 0], [0.01, 0.02, 0.03]]))
    own = replace(head.neutral(), translation=torch.tensor([0.0, 0.0, -2.0]))
    result = retarget(driver, own, head, replace(FIRST, head_translation=2.0)).translation
    torch.testing.assert_close(result[1], torch.tensor([0.02, 0.04, -1.94]))


def test_neutral_frame_is_found_when_none_is_given(head: HeadModel) -> None:
    driver = units_motion(head, mouthSmileLeft=[0.9, 0.1, 0.1, 0.1, 0.9])
    own = replace(head.neutral(), translation=driver.translation[0])
    assert unit(retarget(driver, own, head, RetargetSettings()), "mouthSmileLeft")[2] == 0


@pytest.mark.parametrize("batch", [1, 4])
def test_results_are_proper_rotations(head: HeadModel, batch: int) -> None:
    result = retarget(random_motion(head, batch), portrait_of(head), head, FIRST)
    assert result.batch_shape == (batch,)
    torch.testing.assert_close(torch.linalg.det(rotation_matrix(result.eye_pose)), torch.ones(batch, 2))


def test_unusable_settings_are_refused_in_words(head: HeadModel) -> None:
    driver, portrait = random_motion(head, 2), portrait_of(head)
    with pytest.raises(ValueError, match="neutral frame from 0 to 1, got 2"):
        retarget(driver, portrait, head, RetargetSettings(neutral=2))
    with pytest.raises(ValueError, match="absolute from 0"):
        RetargetSettings(absolute=1.5)
    with pytest.raises(ValueError, match="convert the motion"):
        retarget(driver, portrait, replace(head, hash="other"), FIRST)
    with pytest.raises(ValueError, match="in front of the camera"):
        retarget(driver, head.neutral(), head, FIRST)
