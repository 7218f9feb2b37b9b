"""LIA-X's directions on the timeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.errors import InputError
from loki_core.head.controls import LATENT_CONTROLS, control, mirror_controls
from loki_core.head.units import unit_basis
from loki_core.timeline.curves import Curve, Key
from loki_core.timeline.evaluate import evaluate_layers
from loki_core.timeline.latents import latent_edits
from loki_core.timeline.layers import Layer
from loki_core.timeline.state import StudioState, with_control, with_frame, with_keys
from loki_core.timeline.tracks import Tracks

FRAMES = np.arange(5, dtype=np.float64)
KEYED = Tracks.of({"liax/smile": Curve((Key(0, 0.0, "linear"), Key(4, 0.4, "linear")))})


def test_every_direction_is_a_control_of_its_own():
    assert len({c.name for c in LATENT_CONTROLS}) == 40
    assert control("liax/yaw") is LATENT_CONTROLS[37] and control("liax/d18") is LATENT_CONTROLS[18]
    assert mirror_controls({"liax/yaw": 0.3}) == {"liax/yaw": 0.3}


def test_set_and_keyed_directions_add_up_by_weight():
    layers = (
        Layer("a", controls=(("jawOpen", 0.5), ("liax/yaw", 0.2))),
        Layer("b", controls=(("liax/yaw", 0.4),), tracks=KEYED, weight=Curve((Key(0, 0.5),))),
        Layer("c", controls=(("liax/yaw", 3.0),), mute=True),
    )
    edits = latent_edits(layers, FRAMES, 40)
    np.testing.assert_allclose(edits[:, 37], 0.4)
    np.testing.assert_allclose(edits[:, 19], np.linspace(0, 0.2, 5))
    assert not np.delete(edits, [37, 19], axis=1).any()


def test_a_direction_that_the_network_lacks_is_refused():
    with pytest.raises(InputError, match=r"from 0 to 4, got liax/yaw \(37\)"):
        latent_edits([Layer("a", controls=(("liax/yaw", 0.2),))], FRAMES, 5)


def test_directions_move_no_head(tiny_head):
    portrait = tiny_head.neutral(())
    layers = (Layer("a", controls=(("liax/yaw", 0.2),), tracks=KEYED),)
    made = evaluate_layers(
        layers, lambda layer: pytest.fail(layer.id), portrait, tiny_head, unit_basis(tiny_head, tiny_head), FRAMES
    )
    assert torch.equal(made.expression, portrait.expression.expand(5, -1))


def test_directions_are_set_and_keyed_as_controls_are():
    state = with_keys(with_control(StudioState(), "liax/yaw", 0.3), ["liax/yaw"])
    state = with_control(with_frame(state, 4, frame_count=5), "liax/yaw", -0.1)
    (layer,) = state.layers
    assert [(key.frame, key.value) for key in layer.tracks.table()["liax/yaw"].keys] == [(0, 0.3), (4, -0.1)]
    with pytest.raises(InputError, match="from -3 to 3 latent"):
        with_control(state, "liax/yaw", 9)
    assert not latent_edits([replace(layer, mute=True)], FRAMES, 40).any()
