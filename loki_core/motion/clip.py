"""A motion: FLAME coefficients over time, with their rate, their confidence and the head they belong to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from jaxtyping import Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.head.model import HeadId
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera

__all__ = ["Motion"]


@dataclass(frozen=True, eq=False)
class Motion:
    """One performance. All frames share one identity (`betas`)."""

    betas: Float[Tensor, "S"]
    expression: Float[Tensor, "T E"]
    global_orient: Float[Tensor, "T 3"]
    neck_pose: Float[Tensor, "T 3"]
    jaw_pose: Float[Tensor, "T 3"]
    eye_pose: Float[Tensor, "T 2 3"]
    translation: Float[Tensor, "T 3"]
    confidence: Float[Tensor, "T"]
    """0 where the face was lost (the frame is bridged), 1 where it was seen well."""
    fps: Fraction
    head: HeadId
    camera: Camera | None = None
    """The camera that the clip was tracked with; None for hand-made motions."""

    @property
    def frame_count(self) -> int:
        return self.expression.shape[0]

    @staticmethod
    def of(
        params: FlameParams,
        *,
        fps: Fraction,
        head: HeadId,
        camera: Camera | None = None,
        confidence: Float[Tensor, "T"] | None = None,
    ) -> Motion:
        """A motion from a batch of shape (T,); the first frame's identity holds for all. `confidence` None = seen throughout."""
        return Motion(
            betas=params.betas[0],
            expression=params.expression,
            global_orient=params.global_orient,
            neck_pose=params.neck_pose,
            jaw_pose=params.jaw_pose,
            eye_pose=params.eye_pose,
            translation=params.translation,
            confidence=params.expression.new_ones(params.batch_shape) if confidence is None else confidence,
            fps=fps,
            head=head,
            camera=camera,
        )

    def trimmed(self, start: Fraction | None, end: Fraction | None) -> Motion:
        """The part from `start` to `end`, seconds; None = the edge. Raises `InputError` where no frame is left."""
        first = 0 if start is None else max(0, math.ceil(start * self.fps))
        stop = self.frame_count if end is None else min(self.frame_count, math.ceil(end * self.fps))
        if first >= stop:
            raise InputError(
                f"expected a part of the motion's {float(self.frame_count / self.fps):.2f} s, "
                f"got {_seconds(start)} to {_seconds(end)}; choose times inside it"
            )
        return Motion.of(
            self.params()[first:stop], fps=self.fps, head=self.head, camera=self.camera, confidence=self.confidence[first:stop]
        )

    def params(self) -> FlameParams:
        """All frames as one batch of shape (T,)."""
        return FlameParams(
            betas=self.betas.expand(self.frame_count, -1),
            expression=self.expression,
            global_orient=self.global_orient,
            neck_pose=self.neck_pose,
            jaw_pose=self.jaw_pose,
            eye_pose=self.eye_pose,
            translation=self.translation,
        )


def _seconds(time: Fraction | None) -> str:
    return "the edge" if time is None else f"{float(time):g} s"
