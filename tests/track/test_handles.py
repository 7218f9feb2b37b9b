from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import control
from loki_core.head.units import unit_basis
from loki_core.track.handles import HANDLES, drag_handles, handle_points, on_both_sides
from loki_core.track.reduced import reduce_head
from tests.track.faces import HEAD, random_frame, true_landmarks

UNITS = unit_basis(HEAD, HEAD)
REDUCED = reduce_head(HEAD)
INDEX = {h.name: i for i, h in enumerate(HANDLES)}


def a_face():
    params, camera = random_frame(4)
    return replace(params, expression=torch.zeros(HEAD.expression_count), jaw_pose=torch.zeros(3)), camera


def places(base, camera, **values: float) -> dict[str, tuple[float, float]]:
    points = handle_points(REDUCED, apply_controls(HEAD, UNITS, base[None], values), camera)[0]
    return {name: (float(x), float(y)) for name, (x, y) in zip(INDEX, points, strict=True)}


def apart(first: tuple[float, float], second: tuple[float, float]) -> float:
    return float(np.hypot(first[0] - second[0], first[1] - second[1]))


def test_handles_lie_on_the_posed_mesh():
    params, camera = random_frame(8)
    truth = true_landmarks(params, camera)[[h.landmark for h in HANDLES]]
    np.testing.assert_allclose(handle_points(REDUCED, params[None], camera)[0], truth, atol=2e-3)


@pytest.mark.parametrize("name", list(INDEX))
def test_a_handle_goes_where_a_control_would_have_taken_it(name):
    base, camera = a_face()
    chosen = HANDLES[INDEX[name]].controls[0]
    goal = places(base, camera, **{chosen: 0.6 * control(chosen).maximum})[name]
    values = drag_handles(HEAD, REDUCED, UNITS, base, {}, camera, {name: goal})
    before, after = (apart(places(base, camera, **v)[name], goal) for v in ({}, values))
    assert after < max(0.15 * before, 0.3)


def test_controls_stay_within_their_ranges_however_far_the_hand_goes():
    base, camera = a_face()
    for name, start in places(base, camera).items():
        for x, y in ((300, 0), (-300, 0), (0, 300), (0, -300)):
            values = drag_handles(HEAD, REDUCED, UNITS, base, {}, camera, {name: (start[0] + x, start[1] + y)})
            assert all(control(n).minimum <= value <= control(n).maximum for n, value in values.items())


def test_pinned_handles_stay_while_another_moves():
    base, camera = a_face()
    start = places(base, camera)
    goal = places(base, camera, jawOpen=0.5)["lipLowerLeft"]
    free, pinned = (
        drag_handles(HEAD, REDUCED, UNITS, base, {}, camera, {"lipLowerLeft": goal, **pins})
        for pins in ({}, {"chin": start["chin"], "mouthCornerLeft": start["mouthCornerLeft"]})
    )
    moved = [apart(places(base, camera, **values)["chin"], start["chin"]) for values in (free, pinned)]
    assert moved[1] < 0.5 * moved[0]


def test_a_handle_held_where_it_is_changes_nothing():
    base, camera = a_face()
    values = {"mouthSmileLeft": 0.4, "headYaw": 10.0}
    kept = drag_handles(
        HEAD, REDUCED, UNITS, base, values, camera, {"mouthCornerLeft": places(base, camera, **values)["mouthCornerLeft"]}
    )
    assert (
        kept["mouthSmileLeft"] == pytest.approx(0.4, abs=1e-3) and max(v for n, v in kept.items() if n != "mouthSmileLeft") < 1e-3
    )


def test_an_unknown_handle_is_named():
    base, camera = a_face()
    with pytest.raises(InputError, match="ear"):
        drag_handles(HEAD, REDUCED, UNITS, base, {}, camera, {"ear": (0, 0)})


def test_both_sides_move_alike_and_the_middle_does_not_go_aside() -> None:
    values = {"mouthSmileLeft": 0.6, "mouthLeft": 0.3, "jawOpen": 0.2, "eyeYawLeft": 12.0}
    assert on_both_sides(values) == {
        "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "jawOpen": 0.2, "eyeYawLeft": 12.0, "eyeYawRight": 12.0,
    }  # fmt: skip
