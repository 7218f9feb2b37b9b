"""Evaluation of networks on people whom training has not met, beside methods that need no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.raster.driver_map import driver_map
from loki_core.render.base import Progress
from loki_core.training.held_out import FACE_CHANGED, MOVEMENTS, POSE_CHANGED, Driven, HeldOut
from loki_core.training.matched_turn import turned_apart
from loki_core.training.methods import Frozen, Learned, Method, Truth
from loki_core.training.read_back import ReadBack, Separation, look, read_back, separation
from loki_core.training.scores import direction_cosines, frame_change, head_colours, head_psnr, head_ssim, retrieved

__all__ = ["Figures", "Likeness", "People", "evaluate_methods"]

_BATCH = 32
"""Pictures that are drawn side by side. More are no faster on a CPU."""
_PROBED = 48
"""People of whom the slower questions are asked: mixed-up inputs, and the tracker."""
_AT_ONCE = (Frozen, Truth)
"""Draw nothing, so that their pictures say nothing of the time left."""
_WAYS = 24
"""Heads among which the right one is to be found."""

Pictures = UInt8[Tensor, "B T 3 H W"]
Draw = Callable[[Sequence[Driven]], Pictures]


@dataclass(frozen=True)
class People:
    """How many people each kind of figure stands on."""

    pairs: int
    """Own and borrowed motion."""
    apart: int
    """Pose and expression of two others."""
    movements: int
    clips: int
    found: int
    """Portraits looked for: whole groups of `ways`."""
    probed: int
    """Mixed-up inputs, what the tracker reads of own and borrowed motion, and, of those driven apart, turns by matching."""


@dataclass(frozen=True)
class Likeness:
    """How near one kind of motion comes to the truth."""

    psnr: float
    """Of the head, dB."""
    ssim: float
    """Of the head."""
    identity: float
    """Share of heads that are nearest in colour to their own portrait's among `ways`."""
    read: ReadBack


@dataclass(frozen=True)
class Figures:
    """One method's results. None: does not apply."""

    own: Likeness
    """The person's own motion."""
    borrowed: Likeness
    """Another person's expression and pose."""
    apart: Likeness | None
    """One person's pose with another one's expression."""
    separation: Separation | None
    """What moves when only one of those two is replaced."""
    turned: float | None
    """Degrees that the head turns when the expression is another's, by matching."""
    cosines: tuple[float, ...]
    """For each of `MOVEMENTS`: mean cosine between the picture's change as made and as it is."""
    ways: int
    """Heads among which the right one is to be found."""
    held_change: float
    """Change from frame to frame in a held pose (trembling as a tracker does) over that in motion, whole picture."""
    liveliness: float
    """Change from frame to frame in motion over the truth's."""
    seconds_a_frame: float
    """In clips of 16 frames, on this machine."""
    people: People
    wrong_driver_psnr: float | None = None
    """Of the head, dB, told of another person's motion, in their shape and pose."""
    wrong_reference_psnr: float | None = None
    """Of the head, dB, with another person's portrait."""
    parameters: int | None = None


def evaluate_methods(
    methods: Sequence[Method], scenes: HeldOut, head: HeadModel, *, progress: Progress | None = None
) -> tuple[Figures, ...]:
    """The figures of each method on the same scenes. `progress` counts pictures that take time to draw or to read."""
    tick = _Counter(progress, sum(_pictures(method, scenes) for method in methods))
    return tuple(_figures(method, scenes, head, tick) for method in methods)


def _figures(method: Method, scenes: HeldOut, head: HeadModel, tick: _Counter) -> Figures:
    pairs, apart, movements = _asked(method, scenes)
    ways, probed = min(_WAYS, len(pairs), len(apart) or _WAYS), pairs[:_PROBED]
    drew = _unheard if isinstance(method, _AT_ONCE) else tick
    made = _drawn(method.frames, pairs, drew)
    own, borrowed = (_likeness(made[:, k], pairs, k, _seen(made[: len(probed), k], head, tick), head, ways) for k in (0, 1))
    moved = _drawn(method.frames, movements, drew)
    real = torch.stack([s.targets for s in movements])
    start = time.perf_counter()
    moving = _drawn(method.clips, scenes.moving, drew)
    seconds = (time.perf_counter() - start) / (moving.shape[0] * moving.shape[1])
    held = _drawn(method.clips, scenes.held, drew)
    change = _change(moving)
    figures = Figures(
        own=own,
        borrowed=borrowed,
        apart=None,
        separation=None,
        turned=None,
        cosines=tuple(float(direction_cosines(moved[:, [0, 1 + k]], real[:, [0, 1 + k]]).mean()) for k in range(len(MOVEMENTS))),
        ways=ways,
        held_change=_change(held) / change if change else 0.0,
        liveliness=change / _change(torch.stack([s.targets for s in scenes.moving])),
        seconds_a_frame=seconds,
        people=People(len(pairs), len(apart), len(movements), len(moving), len(pairs) // ways * ways, len(probed)),
    )
    if apart:
        made = _drawn(method.frames, apart, drew)
        likeness, separated = _separated(made, apart, head, ways, tick)
        some = slice(min(len(apart), len(probed)))
        turned = turned_apart(head, scenes.shown[some], apart[some], made[some], (0, FACE_CHANGED))
        figures = replace(figures, apart=likeness, separation=separated, turned=turned)
    if not isinstance(method, Learned):
        return figures
    return replace(
        figures,
        wrong_driver_psnr=_mixed_up(method, probed, method.told, tick),
        wrong_reference_psnr=_mixed_up(method, probed, ("reference",), tick),
        parameters=method.parameters,
    )


def _asked(method: Method, scenes: HeldOut) -> tuple[tuple[Driven, ...], ...]:
    """Own and borrowed motion, motions apart, and movements, of so many people as the method draws."""
    kinds = (scenes.pairs, scenes.apart if method.apart else (), scenes.movements)
    return tuple(kind[: method.people] for kind in kinds)


_Seen = Sequence[FlameParams | None]


def _seen(pictures: UInt8[Tensor, "N 3 H W"], head: HeadModel, tick: _Counter) -> _Seen:
    return look(pictures, head, done=lambda: tick(1))


def _likeness(
    made: UInt8[Tensor, "N 3 H W"], samples: Sequence[Driven], target: int, seen: _Seen, head: HeadModel, ways: int
) -> Likeness:
    """Of one of the samples' targets; `seen`: what the tracker sees in the first of the pictures."""
    truth, masks = torch.stack([s.targets[target] for s in samples]), torch.stack([s.masks[target] for s in samples])
    portraits = torch.stack([s.reference for s in samples])
    gallery = head_colours(portraits, torch.stack([_reference_mask(head, s) for s in samples]))
    asked = [s.coefficients[target] for s in samples[: len(seen)]]
    return Likeness(
        head_psnr(made, truth, masks),
        head_ssim(made, truth, masks),
        retrieved(head_colours(made, masks), gallery, ways),
        read_back(seen, asked, samples[: len(seen)], head),
    )


def _separated(
    made: Pictures, samples: Sequence[Driven], head: HeadModel, ways: int, tick: _Counter
) -> tuple[Likeness, Separation]:
    before, face, pose = (_seen(made[:, k], head, tick) for k in (0, FACE_CHANGED, POSE_CHANGED))
    likeness = _likeness(made[:, 0], samples, 0, before, head, ways)
    return likeness, separation(before, face, pose, samples, head)


def _mixed_up(method: Method, pairs: Sequence[Driven], fields: tuple[str, ...], tick: _Counter) -> float:
    """Head PSNR with the next person's `fields`."""
    first = [sample.first(1) for sample in pairs]
    others = [*first[1:], first[0]]
    wrong = [
        replace(sample, **{name: getattr(other, name) for name in fields}) for sample, other in zip(first, others, strict=True)
    ]
    truth, masks = torch.stack([s.targets[0] for s in first]), torch.stack([s.masks[0] for s in first])
    return head_psnr(_drawn(method.frames, wrong, tick)[:, 0], truth, masks)


def _drawn(draw: Draw, samples: Sequence[Driven], tick: Callable[[int], None]) -> Pictures:
    rest, made = iter(samples), []
    while batch := list(islice(rest, max(1, _BATCH // len(samples[0].targets)))):
        made.append(draw(batch))
        tick(made[-1].shape[0] * made[-1].shape[1])
    return torch.cat(made)


def _change(clips: Pictures) -> float:
    return sum(frame_change(clip) for clip in clips) / len(clips)


def _reference_mask(head: HeadModel, sample: Driven) -> Bool[Tensor, "H W"]:
    size = (sample.reference.shape[1], sample.reference.shape[2])
    return driver_map(head, sample.reference_coefficients, sample.camera, sample.crop, size=size).mask


def _pictures(method: Method, scenes: HeldOut) -> int:
    pairs, apart, movements = _asked(method, scenes)
    drawn = 0
    if not isinstance(method, _AT_ONCE):
        drawn = sum(len(s.targets) for part in (pairs, apart, movements, scenes.moving, scenes.held) for s in part)
    looked = sum(len(s.targets) for part in (pairs[:_PROBED], apart) for s in part)
    return drawn + looked + (2 * len(pairs[:_PROBED]) if isinstance(method, Learned) else 0)


def _unheard(pictures: int) -> None:
    """For pictures that take no time."""


class _Counter:
    """Tells how many pictures are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, pictures: int) -> None:
        self._done += pictures
        if self._progress is not None:
            self._progress(self._done, self._total)
