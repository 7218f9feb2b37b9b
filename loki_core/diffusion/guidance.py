"""Classifier-free guidance as a weighted sum of predictions with and without identity, motion and expression."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Branch", "Guidance", "expression_share"]


@dataclass(frozen=True)
class Branch:
    """One prediction of the sum. Without the reference: that of a picture of zeros; without the map: an empty one."""

    weight: float
    reference: bool
    map: bool
    expression: bool = True
    """Without it the map is that of the pose alone. Means nothing where there is no map."""


@dataclass(frozen=True)
class Guidance:
    """How strongly reference and map push the prediction. 1 everywhere = the plain prediction, one network call a step."""

    motion: float = 2.0
    """Weight of the driver map, and of the reference with it unless `identity` is given."""
    identity: float | None = None
    """Weight of the reference. None = reference and map are left out together, as in training."""
    progressive: int = 0
    """Steps S that the map is without expression for, and then over which expression fades in. 0 = it is there from the start."""

    def __post_init__(self) -> None:
        if self.progressive < 0:
            raise ValueError(f"expected 0 or more steps of progressive guidance, got {self.progressive}")

    def branches(self, step: int | None = None) -> tuple[Branch, ...]:
        """The predictions to add up at a step, counted from 0; those of weight 0 are not among them. None: any, all being alike.

        Joint, u + s (c - u): Ho & Salimans 2022, Classifier-Free Diffusion Guidance, eq. 6, with s = 1 + w. Separate,
        u + s_I (i - u) + s_M (c - i): Brooks et al. 2023, InstructPix2Pix, eq. 3, the reference as their image. Progressive:
        the conditional prediction c is itself a mean of those with and without expression, by `expression_share`.
        """
        if step is None and self.progressive:
            raise ValueError("expected the number of the step, got none; progressive guidance differs from step to step")
        identity = self.motion if self.identity is None else self.identity
        sums = (
            Branch(self.motion, reference=True, map=True),
            Branch(identity - self.motion, reference=True, map=False),
            Branch(1 - identity, reference=False, map=False),
        )
        share = expression_share(step or 0, self.progressive)
        parts = [part for branch in sums for part in _with_and_without(branch, share)]
        return tuple(part for part in parts if part.weight != 0)


def expression_share(step: int, span: int) -> float:
    """Weight of the prediction with expression at a step, counted from 0; the one without has the rest.

    Progressive hybrid guidance of DeX-Portrait (arXiv 2512.15524), span = S: with t counted down from the number of steps N,
    expression is left out while t > N - S, fades in linearly as (N - S - t) / S, and is whole from t = N - 2 S on. Since
    step = N - t, N drops out.
    """
    return min(max((step - span) / span, 0.0), 1.0) if span else 1.0


def _with_and_without(branch: Branch, share: float) -> tuple[Branch, ...]:
    if not branch.map:
        return (branch,)
    return (
        replace(branch, weight=branch.weight * share),
        replace(branch, weight=branch.weight * (1 - share), expression=False),
    )
