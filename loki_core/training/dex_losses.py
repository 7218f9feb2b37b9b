"""What DeX-Portrait learns from (arXiv 2512.15524): losses of the motion encoders with their decoder, and of the animator.

The paper's first stage is adversarial and does not tell its losses; here they are L1 and differences of Laplacian pyramids, more
about eyes and mouth, behind a beginning on known poses and faces: docs/decisions/0014-dex.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.data.samples import Batch
from loki_core.data.vectors import face_numbers
from loki_core.dex.configs import MotionConfig
from loki_core.dex.looks import crop_faces, pose_pictures
from loki_core.dex.similarity import pose_matrix
from loki_core.dex.windows import DRIVERS, SOURCE, VIEWS
from loki_core.diffusion.latents import to_latents
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.training.dex_runs import DexRun
from loki_core.training.loudness import heard
from loki_core.training.own_course import OwnCourse
from loki_core.training.pictures import pyramid_difference, signed
from loki_core.training.step import Draws

__all__ = [
    "Chances",
    "animator_loss",
    "change_error",
    "draw_dex_chances",
    "drawing_error",
    "known_loss",
    "motion_loss",
    "pose_error",
]

_USUAL_SIZE = -0.87
"""Logarithm of the size of 10 cm in a crop, in half sides: about 0.42."""
_LEAST_SPREAD = 0.1
"""Of a coefficient within a batch; what hardly changes there is not made much of."""
_LEAST_CHANGE = 1e-4
"""Mean square over a picture: about one level of 255; less is not made much of."""
_LEAST_OWN = 0.1
"""Of the levels; below, the network can change little of what it has drawn."""
_LEAST_NOISE = 0.4
"""In noisy latents, for an error of clean ones to count as the velocity's does, which is that over it; else the lowest levels
would have it all."""
_CHANCES = 7919
"""Apart from the seeds that noise is drawn with."""


@dataclass(frozen=True, eq=False)
class Chances:
    """What is random in a step of the animator beside noise and levels."""

    faced: Bool[Tensor, "B"]
    """Windows with expression."""
    own: Bool[Tensor, "B"]
    """Windows with what the network draws in place of the truth."""

    def to(self, device: torch.device) -> Chances:
        return Chances(self.faced.to(device), self.own.to(device))


def draw_dex_chances(count: int, run: DexRun, *, seed: int, step: int) -> Chances:
    """Of the windows of a step: they depend on `seed` and `step` alone."""
    generator = torch.Generator().manual_seed((seed + _CHANCES) * 1_000_003 + step)
    faced, own = torch.rand((2, count), generator=generator)
    return Chances(faced >= run.faceless, own < run.own)


def pose_error(poses: Float[Tensor, "B N 3 4"], places: Float[Tensor, "B N 6"]) -> Float[Tensor, ""]:
    """Mean absolute difference of [sR | t] from the known ones, whose sizes are taken relative to a usual one."""
    usual = places.new_tensor([0, 0, 0, 0, 0, _USUAL_SIZE])
    return (poses - pose_matrix(places - usual)).abs().mean()


def face_error(faces: Float[Tensor, "B N F"], vectors: Float[Tensor, "B N K"]) -> Float[Tensor, ""]:
    """Mean square difference of coefficients from the known ones, each over its spread in the batch."""
    known = face_numbers(vectors)
    spread = known.flatten(0, 1).std(0, correction=0).clamp_min(_LEAST_SPREAD)
    return ((faces - known) / spread).square().mean()


def known_loss(network: nn.Module, config: MotionConfig, batch: Batch) -> Float[Tensor, ""]:
    """How far poses and faces of all pictures are from the known ones."""
    poses, faces, _ = network(_masked(config, batch), _faces(config, batch, slice(None)))
    return pose_error(poses, batch.places) + face_error(faces, batch.vectors)


def motion_loss(
    network: nn.Module,
    config: MotionConfig,
    batch: Batch,
    weights: Float[Tensor, "B K 1 H W"],
    hint: float = 0.0,
    change: float = 0.0,
) -> Float[Tensor, ""]:
    """The source drawn in each driver's pose, with the expression of the driver as another view shows it, against the driver.

    `weights` are those of `drawing_error`. `hint`: weight of what is known of pose and face; `change`: of `change_error`.
    """
    pictures, masked = signed(batch.targets), _masked(config, batch)
    drivers, shown = pictures[:, DRIVERS], VIEWS if config.augmented else DRIVERS
    posed = [SOURCE, *range(len(batch.places[0]))[DRIVERS]]
    poses, faces, drawn = network(masked[:, posed], _faces(config, batch, shown), pictures[:, SOURCE])
    loss = drawing_error(drawn.float(), drivers, weights) + change * change_error(drawn.float(), drivers)
    return loss + hint * (pose_error(poses, batch.places[:, posed]) + face_error(faces, batch.vectors[:, shown]))


def drawing_error(
    drawn: Float[Tensor, "B K 3 H W"], wanted: Float[Tensor, "B K 3 H W"], weights: Float[Tensor, "B K 1 H W"]
) -> Float[Tensor, ""]:
    """Mean absolute difference of pictures times `weights`, and of the octaves of their Laplacian pyramids."""
    seen, true = ((pictures * weights).flatten(0, 1) for pictures in (drawn, wanted))
    return (seen - true).abs().mean() + pyramid_difference(seen, true)


def change_error(
    drawn: Float[Tensor, "B K C H W"], wanted: Float[Tensor, "B K C H W"], counted: Bool[Tensor, "B"] | None = None
) -> Float[Tensor, ""]:
    """What is not drawn of the change between the last two pictures, of one pose: squares, as a share of the change's own.

    Samples that are not `counted` have none.

    A blink moves so few pixels that the mean over a picture hardly knows it, and what an expression should leave alone, such as
    the outline of the head, counts here too. The size of what changes is the same for all drawings, so it is no way out.
    """
    made, true = (pictures[:, -1] - pictures[:, -2] for pictures in (drawn, wanted))
    energy = true.square().flatten(1).mean(1).clamp_min(_LEAST_CHANGE)
    missing = (made - true).square().flatten(1).mean(1) / energy
    return (missing if counted is None else missing * counted).mean()


def _masked(config: MotionConfig, batch: Batch) -> Float[Tensor, "B T 3 H W"]:
    """All pictures as the pose encoder is shown them."""
    shape = batch.targets.shape[:2]
    return pose_pictures(config, signed(batch.targets).flatten(0, 1), batch.focus.flatten(0, 1)).unflatten(0, shape)


def _faces(config: MotionConfig, batch: Batch, shown: slice) -> Float[Tensor, "B K 3 S S"]:
    """Some of the pictures as the expression encoder is shown them."""
    pictures, places = batch.targets[:, shown], batch.places[:, shown]
    return crop_faces(config.expression, signed(pictures.flatten(0, 1)), places.flatten(0, 1)).unflatten(0, pictures.shape[:2])


def animator_loss(
    network: nn.Module,
    run: DexRun,
    schedule: NoiseSchedule,
    batch: Batch,
    draws: Draws,
    chances: Chances,
    weights: Float[Tensor, "B T 1 H W"],
) -> Float[Tensor, ""]:
    """Weighted mean square error of what is predicted for the noisy frames behind the source, and what `run` adds.

    That is `sketch` times `drawing_error` and `change_error` of the drawing, and `change` times the `change_error` of the clean
    latents that the prediction implies, where it is told of expression and its frames do not betray it: at the last level, and
    on its own course. There the clean latents count, as much as errors of velocity do, for what was drawn so far is no truth that
    a velocity could lead to. And `loud` times what is `heard` of blocks. `weights`: of pixels; latents have their means.
    """
    config = run.network
    count, kept = len(batch.targets), (~draws.dropped).float()
    pictures, masked = signed(batch.targets), _masked(config.motion, batch)
    latents = to_latents(pictures.flatten(0, 1), config).unflatten(0, (count, -1))
    source, clean = latents[:, SOURCE] * kept[:, None, None, None], latents[:, 1:]
    noisy, level, last = schedule.noisy(clean, draws.noise, draws.timesteps), draws.timesteps[:, -1], config.schedule.levels - 1
    told = chances.faced & ~draws.dropped
    course = OwnCourse(schedule, draws.noise, told & chances.own & (level >= _LEAST_OWN * last))
    posed, moving = masked[:, SOURCE], masked[:, 1:]
    faces = _faces(config.motion, batch, slice(1, None))
    shown = (pictures[:, SOURCE], posed, moving, faces)
    with heard(network) as excesses:
        made = network(noisy, draws.timesteps, source, *shown, kept, chances.faced.float(), course)
    predicted, noisy, drawn = (each.float() for each in made)
    implied = schedule.clean(noisy, predicted, draws.timesteps)
    missed = predicted - schedule.target(clean, draws.noise, draws.timesteps)
    spread = schedule.spread(draws.timesteps).clamp_min(_LEAST_NOISE)[..., None, None, None]
    wrong = torch.where(course.taken[:, None, None, None, None], (implied - clean) / spread, missed).square()
    pooled = F.avg_pool2d(weights.flatten(0, 1), config.latent_scale).unflatten(0, weights.shape[:2])
    frames, counted = pictures[:, 1:], told & (course.taken | (level == last))
    loss = (wrong * pooled).mean() + run.sketch * (drawing_error(drawn, frames, weights) + change_error(drawn, frames))
    return loss + run.change * change_error(implied, clean, counted) + run.loud * sum(excesses, loss.new_zeros(()))
