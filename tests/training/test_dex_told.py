"""Coefficients and the warp beside what the encoders say of true pictures."""

from __future__ import annotations

import math

import torch

from loki_core.dex.coefficients import feature_count
from loki_core.dex.mapping import DexMapping, motion_fingerprint
from loki_core.dex.motion import MotionNetwork
from loki_core.head.embedded import embedded_head
from loki_core.training.dex_told import measure_told
from tests.dex.tiny import TINY_MOTION

HEAD = embedded_head()


def test_a_mapping_that_says_nothing_is_as_far_as_a_portrait_that_does_not_move():
    torch.manual_seed(0)
    network = MotionNetwork(TINY_MOTION.to_dict()).eval()
    silent = torch.zeros(feature_count(HEAD.expression_count), 8)
    mapping = DexMapping(HEAD.id, motion_fingerprint(network.state_dict()), silent, torch.zeros(6, 6))
    expression, pose = measure_told(network, mapping, HEAD, people=1)
    assert math.isclose(expression.coefficients, 1, rel_tol=1e-5) and math.isclose(pose.coefficients, 1, rel_tol=1e-5)
    assert 0 < expression.warp < 10 and 0 < pose.warp < 10
