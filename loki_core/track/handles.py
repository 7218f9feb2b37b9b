"""Points of the face that a hand can take hold of, and the controls that bring them where the hand wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import lsq_linear

from loki_core.errors import InputError
from loki_core.head.arkit import apply_controls
from loki_core.head.controls import control, mirror_controls
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import rotation_matrix
from loki_core.head.units import UnitBasis
from loki_core.raster.camera import Camera
from loki_core.track.posing import Frames, pose_landmarks, project_points
from loki_core.track.reduced import LandmarkHead, shape_head

__all__ = ["HANDLES", "Handle", "drag_handles", "handle", "handle_points", "on_both_sides"]

_STEPS = 2
"""Gauss-Newton steps: projection and joints are nearly linear over what a hand moves at once."""
_EASE = 0.008
"""Damping: a unit's way from rest to full costs as much as a handle's missing its goal by this share of the eyes' distance."""
_PROBE = 0.02
"""Share of a control's range over which the derivative is taken."""
_OUTER_CORNERS = (33, 263)


@dataclass(frozen=True)
class Handle:
    """A point that can be dragged."""

    name: str
    landmark: int
    """MediaPipe's number of it."""
    controls: tuple[str, ...]
    """What moves it."""


def _pair(name: str, left: int, right: int, *controls: str) -> tuple[Handle, Handle]:
    """The same point of both sides; `{}` in a control's name stands for the side."""
    first, second = (
        Handle(f"{name}{side}", landmark, tuple(c.format(side) for c in controls))
        for side, landmark in (("Left", left), ("Right", right))
    )
    return first, second


_LIPS = ("mouthFunnel", "mouthPucker")
HANDLES: tuple[Handle, ...] = (
    *_pair("browInner", 285, 55, "browInnerUp", "browDown{}"),
    *_pair("browOuter", 276, 46, "browOuterUp{}", "browDown{}"),
    *_pair("lidUpper", 386, 159, "eyeBlink{}", "eyeWide{}"),
    *_pair("lidLower", 374, 145, "eyeSquint{}", "cheekSquint{}"),
    *_pair("iris", 473, 468, "eyeYaw{}", "eyePitch{}"),
    *_pair("cheek", 425, 205, "cheekSquint{}", "mouthSmile{}", "cheekPuff"),
    *_pair("noseWing", 358, 129, "noseSneer{}"),
    *_pair(
        "mouthCorner", 291, 61,
        "mouthSmile{}", "mouthFrown{}", "mouthStretch{}", "mouthDimple{}", "mouthLeft", "mouthRight", *_LIPS,
    ),
    *_pair("lipUpper", 269, 39, "mouthUpperUp{}", "mouthShrugUpper", "mouthRollUpper", *_LIPS),
    *_pair("lipLower", 405, 181, "jawOpen", "mouthLowerDown{}", "mouthShrugLower", "mouthRollLower", *_LIPS),
    Handle("chin", 152, ("jawOpen", "jawLeft", "jawRight", "mouthShrugLower")),
)  # fmt: skip
"""From the top of the face to the chin."""

_BY_NAME = {h.name: h for h in HANDLES}


def handle(name: str) -> Handle:
    """Look a handle up. Raises `InputError` for an unknown name."""
    if name not in _BY_NAME:
        raise InputError(f"expected one of {', '.join(_BY_NAME)}, got '{name}'")
    return _BY_NAME[name]


def handle_points(head: LandmarkHead, params: FlameParams, camera: Camera) -> Float[np.ndarray, "B H 2"]:
    """Where the `HANDLES` are seen, pixels; `params` has batch shape (B,)."""
    return _landmarks(head, params, camera)[:, [h.landmark for h in HANDLES]]


def drag_handles(
    head: HeadModel,
    landmarks: LandmarkHead,
    units: UnitBasis,
    base: FlameParams,
    values: Mapping[str, float],
    camera: Camera,
    goals: Mapping[str, tuple[float, float]],
) -> dict[str, float]:
    """New values of the controls that bring the handles named in `goals` (pixels) nearest to their goals.

    `base` (batch shape ()) is the face without controls, `values` what they are now. A handle that shall stay has its own place
    as its goal. Damped, bounded least squares, Gauss-Newton: controls stay within their ranges, and move no more than need be.
    Raises `InputError` for an unknown handle.
    """
    held = [handle(name) for name in goals]
    index = [h.landmark for h in held]
    wanted = np.array([goals[h.name] for h in held], dtype=np.float64)
    names = list(dict.fromkeys(name for h in held for name in h.controls))
    table = [control(name) for name in names]
    low, high = (np.array([getattr(c, end) for c in table]) for end in ("minimum", "maximum"))
    span = high - np.maximum(low, 0)
    rest = {name: value for name, value in values.items() if name not in names}
    start = np.array([values.get(name, c.default) for name, c in zip(names, table, strict=True)])

    def see(rows: Float[np.ndarray, "B K"]) -> Float[np.ndarray, "B L 2"]:
        moved = {name: torch.from_numpy(column).float() for name, column in zip(names, rows.T, strict=True)}
        return _landmarks(landmarks, apply_controls(head, units, base, {**rest, **moved}), camera)

    now = start
    for _ in range(_STEPS):
        side = np.where(now + _PROBE * span > high, -1.0, 1.0) * _PROBE
        seen = see(np.vstack([now, now + np.diag(side * span)]))
        size = float(np.linalg.norm(seen[0, _OUTER_CORNERS[0]] - seen[0, _OUTER_CORNERS[1]]))
        slopes = (seen[1:, index] - seen[0, index]).reshape(len(names), -1).T / side / size
        missing = (wanted - seen[0, index]).ravel() / size
        matrix = np.vstack([slopes, _EASE * np.eye(len(names))])
        right = np.concatenate([missing + slopes @ (now / span), _EASE * start / span])
        now = lsq_linear(matrix, right, bounds=(low / span - 1e-9, high / span)).x.clip(low / span, high / span) * span
    return dict(zip(names, (round(float(value), 4) for value in now), strict=True))


def on_both_sides(values: Mapping[str, float]) -> dict[str, float]:
    """The same for both halves of the face: what moves one side moves the other alike, what moves the middle aside is left out.

    Eyes keep looking the same way.
    """
    both: dict[str, float] = {}
    for name, value in values.items():
        (partner,) = mirror_controls({name: value})
        if control(name).side:
            both |= {name: value, partner: value}
        elif partner == name:
            both[name] = value
    return both


def _landmarks(head: LandmarkHead, params: FlameParams, camera: Camera) -> Float[np.ndarray, "B L 2"]:
    units, joints = (
        x.double().numpy() for x in (params.expression, torch.cat([params.jaw_pose[:, None], params.eye_pose], dim=1))
    )
    frames = Frames(
        rotation_matrix(params.global_orient).double().numpy(),
        params.translation.double().numpy(),
        joints - np.tensordot(units, head.unit_turns, axes=1),
        units,
    )
    return project_points(camera, pose_landmarks(shape_head(head, params.betas[0].double().numpy()), frames).points)
