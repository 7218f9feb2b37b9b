"""A rendered face of 96 pixels, and a motion for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from loki_core.head.arkit import apply_controls
from loki_core.head.params import FlameParams
from loki_core.head.units import unit_basis
from loki_core.render.base import Portrait
from loki_core.track.coloured import random_look, render_coloured
from tests.track.faces import HEAD, rendered_face, true_landmarks

SIDE = 96


@pytest.fixture(scope="session")
def portrait() -> Portrait:
    _, params, camera = rendered_face(size=SIDE)
    picture = render_coloured(HEAD, params, camera, random_look(np.random.default_rng(3)))
    whole = np.ones((SIDE, SIDE), np.float32)
    return Portrait(picture, None, whole, params, camera, true_landmarks(params, camera), np.zeros((len(HEAD.template), 3)))


@pytest.fixture(scope="session")
def frames(portrait) -> FlameParams:
    turns = torch.linspace(0, 20, 9)
    return apply_controls(HEAD, unit_basis(HEAD, HEAD), portrait.params, {"headYaw": turns, "jawOpen": turns / 25})
