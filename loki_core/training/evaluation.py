"""Evaluation of networks on people whom training has not met, beside methods that need no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.head.model import HeadModel
from loki_core.raster.driver_map import driver_map
from loki_core.render.base import Progress
from loki_core.training.held_out import MOVEMENTS, HeldOut
from loki_core.training.methods import Frozen, Method, NetworkMethod, Truth
from loki_core.training.read_back import ReadBack, read_back
from loki_core.training.scores import direction_cosines, frame_change, head_colours, head_psnr, head_ssim, retrieved

__all__ = ["Figures", "People", "evaluate_methods", "first_target"]

_BATCH = 32
"""Pictures that are drawn side by side. More are no faster on a CPU."""
_PROBED = 48
"""People of whom the slower questions are asked: mixed-up inputs, and the tracker."""
_AT_ONCE = (Frozen, Truth)
"""Draw nothing, so that their pictures say nothing of the time left."""
_WAYS = 24
"""Faces among which the right one is to be found."""

Pictures = UInt8[Tensor, "B T 3 H W"]
Draw = Callable[[Sequence[Sample]], Pictures]


@dataclass(frozen=True)
class People:
    """How many people each kind of figure stands on."""

    pairs: int
    """Own and borrowed motion."""
    movements: int
    clips: int
    found: int
    """Portraits looked for: whole groups of `ways`."""
    probed: int
    """Mixed-up inputs, and what the tracker reads."""


@dataclass(frozen=True)
class Figures:
    """One method's results. None: does not apply."""

    own_psnr: float
    """Of the head, dB: the person's own motion."""
    own_ssim: float
    borrowed_psnr: float
    """Of the head, dB: another person's expression and pose."""
    borrowed_ssim: float
    cosines: tuple[float, ...]
    """For each of `MOVEMENTS`: mean cosine between the picture's change as made and as it is."""
    retrieval: float
    """Share of borrowed motions whose head is nearest in colour to its own portrait's among `ways`."""
    ways: int
    own_read: ReadBack
    borrowed_read: ReadBack
    held_change: float
    """Change from frame to frame in a held pose (trembling as a tracker does) over that in motion, whole picture."""
    liveliness: float
    """Change from frame to frame in motion over the truth's."""
    seconds_a_frame: float
    """In clips of 16 frames, on this machine."""
    people: People
    wrong_map_psnr: float | None = None
    """Of the head, dB, with another person's map, in their shape and pose."""
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
    pairs, movements = scenes.pairs[: method.people], scenes.movements[: method.people]
    drew = _unheard if isinstance(method, _AT_ONCE) else tick
    made = _drawn(method.frames, pairs, drew)
    truth, masks = torch.stack([s.targets for s in pairs]), torch.stack([s.masks for s in pairs])
    moved = _drawn(method.frames, movements, drew)
    real = torch.stack([s.targets for s in movements])
    start = time.perf_counter()
    moving = _drawn(method.clips, scenes.moving, drew)
    seconds = (time.perf_counter() - start) / (moving.shape[0] * moving.shape[1])
    held = _drawn(method.clips, scenes.held, drew)
    change = _change(moving)
    ways = min(_WAYS, len(pairs))
    portraits = torch.stack([s.reference for s in pairs])
    gallery = head_colours(portraits, torch.stack([_reference_mask(head, s) for s in pairs]))
    probed = pairs[:_PROBED]
    own_read = read_back(made[: len(probed), 0], [s.coefficients[0] for s in probed], probed, head, done=lambda: tick(1))
    borrowed_read = read_back(made[: len(probed), 1], [s.coefficients[1] for s in probed], probed, head, done=lambda: tick(1))
    figures = Figures(
        own_psnr=head_psnr(made[:, 0], truth[:, 0], masks[:, 0]),
        own_ssim=head_ssim(made[:, 0], truth[:, 0], masks[:, 0]),
        borrowed_psnr=head_psnr(made[:, 1], truth[:, 1], masks[:, 1]),
        borrowed_ssim=head_ssim(made[:, 1], truth[:, 1], masks[:, 1]),
        cosines=tuple(float(direction_cosines(moved[:, [0, 1 + k]], real[:, [0, 1 + k]]).mean()) for k in range(len(MOVEMENTS))),
        retrieval=retrieved(head_colours(made[:, 1], masks[:, 1]), gallery, ways),
        ways=ways,
        own_read=own_read,
        borrowed_read=borrowed_read,
        held_change=_change(held) / change if change else 0.0,
        liveliness=change / _change(torch.stack([s.targets for s in scenes.moving])),
        seconds_a_frame=seconds,
        people=People(len(pairs), len(movements), len(moving), len(pairs) // ways * ways, len(probed)),
    )
    if not isinstance(method, NetworkMethod):
        return figures
    parameters = sum(parameter.numel() for parameter in method.pipeline.network.parameters())
    return replace(
        figures,
        wrong_map_psnr=_mixed_up(method, probed, ("maps", "coefficients", "camera", "crop"), tick),
        wrong_reference_psnr=_mixed_up(method, probed, ("reference",), tick),
        parameters=parameters,
    )


def _mixed_up(method: Method, pairs: Sequence[Sample], fields: tuple[str, ...], tick: _Counter) -> float:
    """Head PSNR with the next person's `fields`."""
    first = [first_target(sample) for sample in pairs]
    others = [*first[1:], first[0]]
    wrong = [
        replace(sample, **{name: getattr(other, name) for name in fields}) for sample, other in zip(first, others, strict=True)
    ]
    truth, masks = torch.stack([s.targets[0] for s in first]), torch.stack([s.masks[0] for s in first])
    return head_psnr(_drawn(method.frames, wrong, tick)[:, 0], truth, masks)


def first_target(sample: Sample) -> Sample:
    """The sample with its first target alone."""
    names = ("targets", "maps", "masks", "focus", "coefficients")
    return replace(sample, **{name: getattr(sample, name)[:1] for name in names})


def _drawn(draw: Draw, samples: Sequence[Sample], tick: Callable[[int], None]) -> Pictures:
    rest, made = iter(samples), []
    while batch := list(islice(rest, max(1, _BATCH // len(samples[0].targets)))):
        made.append(draw(batch))
        tick(made[-1].shape[0] * made[-1].shape[1])
    return torch.cat(made)


def _change(clips: Pictures) -> float:
    return sum(frame_change(clip) for clip in clips) / len(clips)


def _reference_mask(head: HeadModel, sample: Sample) -> Bool[Tensor, "H W"]:
    size = (sample.reference.shape[1], sample.reference.shape[2])
    return driver_map(head, sample.reference_coefficients, sample.camera, sample.crop, size=size).mask


def _pictures(method: Method, scenes: HeldOut) -> int:
    parts = (scenes.pairs[: method.people], scenes.movements[: method.people], scenes.moving, scenes.held)
    drawn = 0 if isinstance(method, _AT_ONCE) else sum(len(s.targets) for part in parts for s in part)
    probed = len(scenes.pairs[: method.people][:_PROBED])
    return drawn + probed * (4 if isinstance(method, NetworkMethod) else 2)


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
