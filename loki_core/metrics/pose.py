"""HPF: how far the head's motion is from the target's."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.rotation import compose, invert
from loki_core.motion.clip import Motion

__all__ = ["hpf", "seen_in_both"]


def hpf(pred: Motion, target: Motion, *, frames: int | None = None) -> float:
    """Head-pose fidelity (Loki): mean angle in degrees between the two heads' turns since the first frame. 0 is best.

    R = R(global_orient) R(neck); dR_t = R_t R_0^T for both; mean over t of the angle between dR_pred and dR_target, which is
    the paper's 2 arccos |<q_pred, q_target>|. Frame 0 contributes its 0. `frames` counts from the start, as the paper's first 16;
    None = all. Frames lost in either motion are left out.
    """
    seen = seen_in_both(pred, target, frames)
    apart = compose(invert(_turn_since_start(pred, seen)), _turn_since_start(target, seen))
    return float(torch.rad2deg(apart.norm(dim=-1)).mean())


def seen_in_both(pred: Motion, target: Motion, frames: int | None) -> Bool[Tensor, "T"]:
    """Mark the frames, of the first `frames`, in which both trackers saw the face. Raises `InputError` when there are none."""
    if pred.frame_count != target.frame_count:
        raise InputError(
            f"expected motions of one length, got {pred.frame_count} and {target.frame_count} frames; cut the longer one"
        )
    seen = (pred.confidence > 0) & (target.confidence > 0)
    seen[frames if frames is not None else len(seen) :] = False
    if not seen.any():
        raise InputError("expected a frame in which both clips show a face, got none; choose other clips")
    return seen


def _turn_since_start(motion: Motion, seen: Bool[Tensor, "T"]) -> Float[Tensor, "N 3"]:
    head = compose(motion.global_orient[seen].double(), motion.neck_pose[seen].double())
    return compose(head, invert(head[:1]))
