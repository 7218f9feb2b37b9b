"""Classifier-free guidance as a weighted sum of predictions with and without identity and motion."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Branch", "Guidance"]


@dataclass(frozen=True)
class Branch:
    """One prediction of the sum. Without the reference: that of a picture of zeros; without the map: an empty one."""

    weight: float
    reference: bool
    map: bool


@dataclass(frozen=True)
class Guidance:
    """How strongly reference and map push the prediction. 1 everywhere = the plain prediction, one network call a step."""

    motion: float = 2.0
    """Weight of the driver map, and of the reference with it unless `identity` is given."""
    identity: float | None = None
    """Weight of the reference. None = reference and map are left out together, as in training."""

    def branches(self) -> tuple[Branch, ...]:
        """The predictions to add up; those of weight 0 are not among them.

        Joint, u + s (c - u): Ho & Salimans 2022, Classifier-Free Diffusion Guidance, eq. 6, with s = 1 + w. Separate,
        u + s_I (i - u) + s_M (c - i): Brooks et al. 2023, InstructPix2Pix, eq. 3, the reference as their image.
        """
        identity = self.motion if self.identity is None else self.identity
        sums = (
            Branch(self.motion, reference=True, map=True),
            Branch(identity - self.motion, reference=True, map=False),
            Branch(1 - identity, reference=False, map=False),
        )
        return tuple(branch for branch in sums if branch.weight != 0)
