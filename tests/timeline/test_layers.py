"""Layers over one another, against a plain walk over frames."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.embedded import embedded_head
from loki_core.head.params import FlameParams
from loki_core.head.rotation import rotation_matrix
from loki_core.head.units import unit_basis
from loki_core.motion.clip import Motion
from loki_core.motion.retarget import retarget
from loki_core.timeline.curves import Curve, Key
from loki_core.timeline.evaluate import evaluate_layers
from loki_core.timeline.layers import (
    REGIONS,
    Layer,
    Mode,
    audible,
    hand_values,
    source_places,
    weights,
    with_field,
    with_gain,
    with_region,
)
from loki_core.timeline.tracks import Tracks

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)
LENGTH = 24
PORTRAIT = replace(
    apply_controls(HEAD, UNITS, HEAD.neutral(), {"mouthSmileLeft": 0.2, "headYaw": 8.0}),
    translation=torch.tensor([0.0, 0.0, -0.7]),
)
FRAMES = np.arange(40.0)


def moving(seed: int) -> Motion:
    """Everything moves."""
    rng = np.random.default_rng(seed)
    names = ("jawOpen", "eyeBlinkLeft", "browInnerUp", "mouthSmileRight", "cheekPuff", "noseSneerLeft")
    values = {name: torch.from_numpy(rng.random(LENGTH)).float() for name in names}
    turns = {
        name: torch.from_numpy(rng.uniform(-15, 15, LENGTH)).float() for name in ("headYaw", "neckPitch", "gazeYaw", "headX")
    }
    return Motion.of(apply_controls(HEAD, UNITS, HEAD.neutral(), {**values, **turns}), fps=Fraction(30), head=HEAD.id)


MOTIONS = {name: moving(seed) for seed, name in enumerate(("driver", "other"))}


def source(layer: Layer) -> tuple[FlameParams, float]:
    return retarget(MOTIONS[layer.source], PORTRAIT, HEAD, replace(layer.retarget, neutral=0)), 1.0


def evaluated(*layers: Layer, frames: np.ndarray = FRAMES) -> FlameParams:
    return evaluate_layers(layers, source, PORTRAIT, HEAD, UNITS, frames)


def same(a: FlameParams, b: FlameParams) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


DRIVER = Layer("1", "Driver", "driver")
EDIT = Layer("2", "Edit", "other", mode="additive", stop=40)

edits = st.builds(
    Layer, st.just("2"), st.just("Edit"), st.just("other"), st.sampled_from(["override", "additive"]), st.integers(-10, 30),
    st.one_of(st.none(), st.integers(31, 60)), st.integers(0, 30), st.sampled_from([0.5, 1.0, 1.7, 3.0]),
    st.sampled_from(["hold", "loop", "mirror"]),
    st.just(Curve((Key(0, 0.0), Key(20, 1.0), Key(30, 0.3)))),
)  # fmt: skip


def test_without_layers_the_portrait_shows() -> None:
    for frame in range(3):
        assert same(evaluated()[frame], PORTRAIT)


def test_the_driver_alone_is_the_driver_and_then_holds() -> None:
    own, _ = source(DRIVER)
    result = evaluated(DRIVER)
    assert same(result[:LENGTH], own) and same(result[39], own[LENGTH - 1])


@given(edits)
def test_muting_an_edit_gives_exactly_the_driver_back(edit: Layer) -> None:
    assert same(evaluated(DRIVER, replace(edit, mute=True)), evaluated(DRIVER))
    assert same(evaluated(DRIVER, replace(edit, weight=Curve((Key(0, 0.0),)))), evaluated(DRIVER))


@given(edits, st.sets(st.integers(0, 39), min_size=1))
def test_some_frames_are_those_of_all(edit: Layer, chosen: set[int]) -> None:
    frames = np.array(sorted(chosen))
    part, whole = evaluated(DRIVER, edit, frames=frames.astype(float)), evaluated(DRIVER, edit)
    for f in fields(part):
        torch.testing.assert_close(getattr(part, f.name), getattr(whole, f.name)[torch.from_numpy(frames)], atol=1e-6, rtol=0)


@given(edits, st.integers(-5, 45))
def test_the_place_in_the_source_is_what_counting_finds(layer: Layer, frame: int) -> None:
    frames = np.array([float(frame)])
    place, weight = float(source_places(layer, frames, LENGTH)[0]), float(weights(layer, frames)[0])
    walked = layer.offset + (frame - layer.first) * layer.speed
    if layer.extend == "loop":
        while walked >= LENGTH:
            walked -= LENGTH
        while walked < 0:
            walked += LENGTH
        assert place == pytest.approx(min(walked, LENGTH - 1))
    elif layer.extend == "mirror":
        back_and_forth = [*range(LENGTH), *range(LENGTH - 2, 0, -1)]
        if walked == int(walked):
            assert place == back_and_forth[int(walked) % len(back_and_forth)]
    else:
        assert place == min(max(walked, 0), LENGTH - 1)
    outside = frame < layer.first or (layer.stop is not None and frame >= layer.stop)
    assert weight == 0 if outside else 0 <= weight <= 1


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_that_is_faded_out_is_as_below_and_the_others_are_not(region: str) -> None:
    full, faded = evaluated(DRIVER), evaluated(with_region(DRIVER, region, 0.0))
    still = evaluated()
    moved = {
        "head": ("global_orient", "translation"), "neck": ("neck_pose",), "jaw": ("jaw_pose",), "eyes": ("eye_pose",),
    }.get(region, ())  # fmt: skip
    for f in fields(full):
        if f.name == "expression":
            continue
        expected = still if f.name in moved else full
        assert torch.equal(getattr(faded, f.name), getattr(expected, f.name)), f.name
    changed = (faded.expression != full.expression).any(0)
    assert torch.equal(faded.expression[:, changed], still.expression[:, changed])


def test_an_additive_layer_brings_its_change_and_keeps_units_in_their_range() -> None:
    result, below = evaluated(DRIVER, EDIT), evaluated(DRIVER)
    jaw = HEAD.expression_names.index("jawOpen")
    own = source(EDIT)[0].expression[:, jaw] - PORTRAIT.expression[jaw]
    torch.testing.assert_close(
        result.expression[:LENGTH, jaw], (below.expression[:LENGTH, jaw] + own).clamp(0, 1), atol=1e-6, rtol=0
    )
    assert result.expression.max() <= below.expression.max().clamp(min=1)


@pytest.mark.parametrize(("mode", "weight"), [("override", 0.5), ("override", 1.0), ("additive", 1.0), ("additive", 0.3)])
def test_a_head_that_is_turned_by_layers_turns_about_its_neck(mode: Mode, weight: float) -> None:
    turns = {"a": {"headYaw": -30.0, "headPitch": 25.0}, "b": {"headYaw": 40.0, "headPitch": 20.0}}
    posed = {name: apply_controls(HEAD, UNITS, PORTRAIT, values)[None] for name, values in turns.items()}
    layers = [Layer("1", "a", "a", stop=1), Layer("2", "b", "b", mode=mode, stop=1, weight=Curve((Key(0, weight),)))]
    result = evaluate_layers(layers, lambda layer: (posed[layer.source], 1.0), PORTRAIT, HEAD, UNITS, np.zeros(1))

    def neck(params: FlameParams) -> torch.Tensor:
        rest, by_shape = HEAD.joint_places
        joints = rest + by_shape @ PORTRAIT.betas
        return joints[0] + rotation_matrix(params.global_orient) @ (joints[1] - joints[0]) + params.translation

    torch.testing.assert_close(neck(result[0]), neck(PORTRAIT), atol=1e-6, rtol=0)


HAND = Layer(
    "3", controls=(("headYaw", 10.0), ("mouthSmileLeft", 0.5)), tracks=Tracks.of({"jawOpen": Curve((Key(0, 0.0), Key(20, 1.0)))})
)


def test_what_is_set_by_hand_comes_on_top_frame_by_frame():
    result, below = evaluated(DRIVER, HAND), evaluated(DRIVER)
    for frame in (0, 7, 30):
        values = {name: float(column[0]) for name, column in hand_values(HAND, np.array([float(frame)])).items()}
        expected = apply_controls(HEAD, UNITS, below[frame], values)
        for f in fields(expected):
            torch.testing.assert_close(getattr(result[frame], f.name), getattr(expected, f.name), atol=1e-6, rtol=0)


@given(st.integers(0, 10), st.integers(11, 40), st.sampled_from(REGIONS))
def test_what_is_set_by_hand_can_be_cut_and_faded_without_touching_the_rest(first: int, stop: int, region: str):
    below = evaluated(DRIVER)
    cut = evaluated(DRIVER, replace(HAND, first=first, stop=stop))
    assert same(cut[:first], below[:first]) and same(cut[stop:], below[stop:])
    assert same(evaluated(DRIVER, replace(HAND, mute=True)), below)
    silent = HAND
    for every in REGIONS:
        silent = with_region(silent, every, 0.0)
    faded = evaluated(DRIVER, with_region(silent, region, 1.0))
    if region not in ("head", "mouth", "jaw"):
        for f in fields(below):
            torch.testing.assert_close(getattr(faded, f.name), getattr(below, f.name), atol=1e-6, rtol=0)


def test_gains_are_bounded():
    assert with_gain(DRIVER, "jaw", 1.5).retarget.jaw == 1.5
    for name, value, words in (
        ("jaw", 3.0, "jaw from 0 to 2"),
        ("absolute", 1.5, "absolute from 0 to 1"),
        ("strength", 1.0, "one of"),
    ):
        with pytest.raises(InputError, match=f"expected {words}"):
            with_gain(DRIVER, name, value)


def test_solo_silences_the_others_and_wins_over_mute() -> None:
    assert audible((DRIVER, EDIT)) == (DRIVER, EDIT)
    alone = replace(EDIT, solo=True, mute=True)
    assert audible((DRIVER, alone)) == (alone,)


def test_fields_are_checked_by_name_and_value() -> None:
    assert with_field(DRIVER, "speed", 2).speed == 2.0
    for name, value in {"speed": 0, "stop": 0, "extend": "bounce", "mute": 1, "name": " ", "offset": -1, "first": 1.5}.items():
        with pytest.raises(InputError, match=name if name != "stop" else "at least one frame"):
            with_field(DRIVER, name, value)
    with pytest.raises(InputError, match="expected one of name, mode"):
        with_field(DRIVER, "id", "x")
    with pytest.raises(InputError, match="brows"):
        with_region(DRIVER, "hair", 0.5)
    with pytest.raises(InputError, match="0 to 1"):
        with_region(DRIVER, "mouth", 1.5)
