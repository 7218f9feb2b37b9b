"""Finding the frame in which a driver's face is at rest: what relative motion is measured from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.head.rotation import compose, invert
from loki_core.motion.axes import axes_named
from loki_core.motion.clip import Motion

__all__ = ["NeutralChoice", "find_neutral"]

_FRONT = 0.25
"""Radians away from the camera (14 degrees) at which a frame loses 40 % of its score; the others alike."""
_LID = 0.15
"""Blink units above the clip's open eyes."""
_JAW = 0.06
"""Radians above the clip's closed mouth."""
_TURN = 0.5
"""Head speed, radians a second."""
_CHANGE = 3.0
"""Expression speed, in the clip's own spread a second."""
_ANCHORS = 512
"""Frames that stand for the clip's usual expressions: memory stays linear in its length."""


@dataclass(frozen=True, eq=False)
class NeutralChoice:
    """The frame proposed as neutral, and how neutral every frame looks."""

    index: int
    scores: Float[Tensor, "T"]
    """0 (lost, or not at all) to 1."""


def find_neutral(motion: Motion, head: HeadModel) -> NeutralChoice:
    """Score frames by usual expression, frontality, open eyes, closed mouth, stillness and confidence; the best is proposed.

    Raises `InputError` when no frame shows a face.
    """
    if not motion.confidence.any():
        raise InputError("expected at least one frame with a face, got none; choose another clip")
    seen = motion.confidence > 0
    blink = motion.expression[:, axes_named(head, "eyeBlink")]
    gaze = compose(motion.global_orient, motion.neck_pose)
    scores = motion.confidence * _usualness(motion.expression, seen)
    scores = scores * _near(gaze.norm(dim=-1), _FRONT)
    if blink.shape[1]:
        scores = scores * _near(_above(blink.amax(-1), seen, 0.25), _LID)
    scores = scores * _near(_above(motion.jaw_pose[:, 0], seen, 0.1), _JAW)
    scores = scores * _stillness(motion, gaze)
    return NeutralChoice(int(scores.argmax()), scores)


def _near(distance: Float[Tensor, "*B"], scale: float) -> Float[Tensor, "*B"]:
    return torch.exp(-0.5 * (distance / scale) ** 2)


def _above(values: Float[Tensor, "T"], seen: Tensor, quantile: float) -> Float[Tensor, "T"]:
    """How far each value lies above the clip's own low level."""
    return (values - torch.quantile(values[seen], quantile)).clamp_min(0)


def _usualness(expression: Float[Tensor, "T E"], seen: Tensor) -> Float[Tensor, "T"]:
    """Kernel density of each frame's expression among the clip's, over its maximum: the robust mode scores 1."""
    known = expression[seen]
    anchors = known[torch.linspace(0, len(known) - 1, min(_ANCHORS, len(known))).long()]
    distance = torch.cdist(expression, anchors)
    width = torch.quantile(torch.cdist(anchors, anchors), 0.2).clamp_min(1e-6)
    density = _near(distance, float(width)).mean(-1)
    return density / density[seen].amax()


def _stillness(motion: Motion, gaze: Float[Tensor, "T 3"]) -> Float[Tensor, "T"]:
    rate = float(motion.fps)
    spread = (motion.expression - motion.expression.median(0).values).norm(dim=-1).mean().clamp_min(1e-6)
    change = _speed((motion.expression[1:] - motion.expression[:-1]).norm(dim=-1) / spread * rate)
    turn = _speed(compose(invert(gaze[:-1]), gaze[1:]).norm(dim=-1) * rate)
    return _near(change, _CHANGE) * _near(turn, _TURN)


def _speed(steps: Float[Tensor, "N"]) -> Float[Tensor, "N+1"]:
    """Per frame the larger of the steps into and out of it."""
    zero = steps.new_zeros(1)
    return torch.maximum(torch.cat([zero, steps]), torch.cat([steps, zero]))
