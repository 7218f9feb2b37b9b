"""Training of DeX-Portrait in two stages (arXiv 2512.15524): motion encoders with a decoder, then the diffusion animator on them.

The paper's first stage is adversarial and does not tell its losses; here they are L1 and differences of Laplacian pyramids, more
about eyes and mouth, behind a beginning on known poses and faces. All numbers are ours: docs/decisions/0014-dex.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from loki_core.data.samples import Batch, SyntheticConfig
from loki_core.data.vectors import face_numbers
from loki_core.dex.configs import DexConfig, DexPart, MotionConfig, dex_preset, dex_without, motion_without
from loki_core.dex.looks import crop_faces, pose_pictures
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.network import DexNetwork
from loki_core.dex.pipeline import DexPipeline
from loki_core.dex.similarity import pose_matrix
from loki_core.dex.windows import DRIVERS, SOURCE, VIEWS, DrivenWindows
from loki_core.diffusion.latents import to_latents
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.training.begin import take_unets
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig
from loki_core.training.loop import TrainingLoop
from loki_core.training.pictures import pyramid_difference, signed
from loki_core.training.step import Draws, draw_chances, focus_weights

__all__ = [
    "DEX_RUNS",
    "Chances",
    "DexRun",
    "DexTrainer",
    "MotionRun",
    "MotionTrainer",
    "after_known",
    "animator_loss",
    "change_error",
    "drawing_error",
    "known_loss",
    "motion_loss",
    "pose_error",
    "run_without",
    "seeded",
]

_USUAL_SIZE = -0.87
"""Logarithm of the size of 10 cm in a crop, in half sides: about 0.42."""
_LEAST_SPREAD = 0.1
"""Of a coefficient within a batch; what hardly changes there is not made much of."""
_LEAST_CHANGE = 1e-4
"""Mean square over a picture: about one level of 255; less is not made much of."""
_CHANCES = 7919
"""Apart from the seeds that noise is drawn with."""


@dataclass(frozen=True)
class MotionRun:
    """The first stage."""

    network: MotionConfig
    train: TrainConfig
    known: int = 2500
    """Steps at the start in which the encoders learn alone, from known poses and faces."""
    hint: float = 1.0
    """Weight of what is known behind that."""
    hint_steps: int = 4000
    """Steps in which it fades; what pose and expression are in the end, the pictures say."""
    change: float = 1.0
    """Weight of what is not drawn of a change of expression: `change_error`."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True)
class DexRun:
    """The second stage; in the paper a second and, on clips, a third."""

    network: DexConfig
    train: TrainConfig
    faceless: float = 0.1
    """Share of samples that are trained without expression, for progressive guidance."""
    sketch: float = 0.1
    """Weight of what is wrong in the motion trainer's drawing of the frames and of their change; it learns by that and by what is
    predicted from it."""
    change: float = 1.0
    """Weight of what is wrong in the change of expression that is predicted from noise alone, or with the drawing in place of the
    truth: `change_error` of clean latents."""
    redrawn: float = 0.5
    """Share of the windows at the upper half of the levels where the drawing takes the place of the truth below the noise, as in
    sampling what the first steps draw does."""

    def __post_init__(self) -> None:
        if (self.change or self.redrawn) and self.network.schedule.prediction == "epsilon":
            raise ValueError(
                "expected no change and nothing redrawn with a network that predicts noise, which says little of frames"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Chances:
    """What is random in a step of the animator beside noise and levels."""

    faced: Bool[Tensor, "B"]
    """Windows with expression."""
    redrawn: Bool[Tensor, "B"]
    """Windows with the drawing in place of the truth, at the upper half of the levels."""

    def to(self, device: torch.device) -> Chances:
        return Chances(self.faced.to(device), self.redrawn.to(device))


DEX_RUNS: Mapping[str, MotionRun | DexRun] = MappingProxyType(
    {
        "dex-motion-mini": MotionRun(
            dex_preset("mini").motion,
            TrainConfig(
                preset="dex-motion-mini",
                data=SyntheticConfig(size=64, frames=7, clips=0.0, still=0.0),
                optimizer=OptimizerConfig(rate=1e-3),
                loss=LossConfig(focus=10.0, focus_steps=100_000),  # what is drawn is to teach expression
            ),
        ),
        "dex-mini": DexRun(
            dex_preset("mini"),
            TrainConfig(
                preset="dex-mini",
                data=SyntheticConfig(size=64, frames=5, still=0.0),
                loss=LossConfig(focus=10.0, pure=0.25),  # the UNets know heads already
            ),
        ),
    }
)
"""By the name of their preset."""


def seeded(run: MotionRun | DexRun, seed: int) -> MotionRun | DexRun:
    """The run with other people, noise and first weights."""
    return replace(run, train=replace(run.train, seed=seed, data=replace(run.train.data, seed=seed)))


def after_known(run: MotionRun) -> MotionRun:
    """The run of a network that begins with encoders that have learned from known poses and faces."""
    return replace(run, known=0)


def run_without(run: MotionRun | DexRun, part: DexPart) -> MotionRun | DexRun:
    """The run of a network without one part, to see what it is worth. Raises `InputError` for a part that it has not."""
    if isinstance(run, DexRun):
        return replace(run, network=dex_without(run.network, part))
    if part != "augmentation":
        raise InputError(f"expected --without augmentation for motion encoders, got {part}; the animator has that")
    return replace(run, network=motion_without(run.network))


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
    where they are redrawn. There the clean latents count, not what is predicted. `weights`: of pixels; latents have their means.
    """
    config = run.network
    count, kept = len(batch.targets), (~draws.dropped).float()
    pictures, masked = signed(batch.targets), _masked(config.motion, batch)
    latents = to_latents(pictures.flatten(0, 1), config).unflatten(0, (count, -1))
    source, clean = latents[:, SOURCE] * kept[:, None, None, None], latents[:, 1:]
    noisy, level, levels = schedule.noisy(clean, draws.noise, draws.timesteps), draws.timesteps[:, -1], config.schedule.levels
    told = chances.faced & ~draws.dropped
    redrawn = told & chances.redrawn & (level >= levels // 2)
    swapped = redrawn[:, None] * schedule.signal(draws.timesteps)
    posed, moving = masked[:, SOURCE], masked[:, 1:]
    faces = _faces(config.motion, batch, slice(1, None))
    shown = (pictures[:, SOURCE], posed, moving, faces)
    predicted, drawn = network(noisy, draws.timesteps, source, *shown, kept, chances.faced.float(), swapped, clean)
    predicted, drawn = predicted.float(), drawn.float()
    sketched = to_latents(drawn.detach().flatten(0, 1), config).unflatten(0, clean.shape[:2])
    implied = schedule.clean(noisy + swapped[..., None, None, None] * (sketched - clean), predicted, draws.timesteps)
    missed = predicted - schedule.target(clean, draws.noise, draws.timesteps)
    wrong = torch.where(redrawn[:, None, None, None, None], implied - clean, missed).square()
    pooled = F.avg_pool2d(weights.flatten(0, 1), config.latent_scale).unflatten(0, weights.shape[:2])
    frames, counted = pictures[:, 1:], told & (redrawn | (level == levels - 1))
    loss = (wrong * pooled).mean() + run.sketch * (drawing_error(drawn, frames, weights) + change_error(drawn, frames))
    return loss + run.change * change_error(implied, clean, counted)


class MotionTrainer(TrainingLoop):
    """Learns pose and expression, then appearance with them. The weights are as `read_motion_network` reads them."""

    idle = True

    def __init__(self, run: MotionRun, head: HeadModel, folder: Path, begun: MotionNetwork | None = None) -> None:
        """`begun`: what it begins with; None: untrained."""
        if run.train.data.size != run.network.image_size:
            raise ValueError(f"expected windows of {run.network.image_size} pixels, got {run.train.data.size}")
        if begun is not None and not run.network.fits(begun.motion):
            raise ValueError(f"expected a network of '{run.network.name}' to begin with, got '{begun.motion.name}'")
        self.run = run

        def build() -> MotionNetwork:
            network = MotionNetwork(run.network.to_dict())
            if begun is not None:
                network.load_state_dict(begun.state_dict())
            return network

        super().__init__(run.train, head, folder, build)
        self.windows = DrivenWindows(head, _synthetic(run.train), "views")

    def averaged(self) -> MotionNetwork:
        """A network with the moving average of the weights."""
        network = MotionNetwork(self.run.network.to_dict())
        self._average_into(network)
        return network

    def _loss(self, batch: Batch, number: int) -> Tensor:
        batch, run = batch.to(self.accelerator.device), self.run
        if self.step < run.known:
            return known_loss(self.network, run.network, batch)
        drawing = self.step - run.known
        weights = focus_weights(batch.focus[:, DRIVERS], 1, self.config.loss, drawing)
        hint = run.hint * max(0.0, 1 - drawing / run.hint_steps)
        return motion_loss(self.network, run.network, batch, weights, hint, run.change)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)


class DexTrainer(TrainingLoop):
    """Learns to take noise away. The weights in the folder are as `DexPipeline.from_pretrained` reads them."""

    def __init__(
        self, run: DexRun, learned: MotionNetwork | DexNetwork, head: HeadModel, folder: Path, begun: LokiNetwork | None = None
    ) -> None:
        """`learned`: the first stage, whose pose and expression stay as they are; or an animator, to go on from.

        `begun` gives the UNets: `read_unets`.
        """
        dex, data = run.network, run.train.data
        if (data.size, data.frames - 1 <= dex.frames) != (dex.image_size, True):
            raise ValueError(f"expected a source and at most {dex.frames} frames of {dex.image_size} pixels, got {data}")
        wanted, found = (dex, learned.dex) if isinstance(learned, DexNetwork) else (dex.motion, learned.motion)
        if wanted != found:
            raise ValueError(f"expected a network of '{wanted.name}' to begin with, got '{found.name}'")
        self.run, self.dex = run, dex

        def build() -> DexNetwork:
            network = DexNetwork(dex.to_dict())
            whole = isinstance(learned, DexNetwork)
            (network if whole else network.motion).load_state_dict(learned.state_dict())
            if begun is not None:
                take_unets(network, begun)
            return network

        super().__init__(run.train, head, folder, build)
        self.windows = DrivenWindows(head, _synthetic(run.train), "clip")
        self.schedule = NoiseSchedule(dex.schedule)

    def averaged(self) -> DexPipeline:
        """A pipeline with the moving average of the weights."""
        network = DexNetwork(self.dex.to_dict())
        self._average_into(network)
        return DexPipeline.build(network)

    def _loss(self, batch: Batch, number: int) -> Tensor:
        count, frames = len(batch.targets), batch.targets.shape[1] - 1
        seed, step = self.config.seed, number * self._processes + self._rank
        draws = draw_chances(self.dex, count, frames, self.config.loss, seed=seed, step=step)
        chances = _chances(count, self.run, seed=seed, step=step)
        weights, device = focus_weights(batch.focus[:, 1:], 1, self.config.loss, self.step), self.accelerator.device
        batch, draws, chances, weights = batch.to(device), draws.to(device), chances.to(device), weights.to(device)
        return animator_loss(self.network, self.run, self.schedule, batch, draws, chances, weights)

    def _save_weights(self, folder: Path) -> None:
        self.averaged().save_pretrained(folder)


def _synthetic(config: TrainConfig) -> SyntheticConfig:
    """The data, of which other views and the places of eyes and mouth must be known."""
    if not isinstance(config.data, SyntheticConfig):
        raise ValueError(f"expected synthetic windows, whose other views are known, got {config.data}")
    return config.data


def _chances(count: int, run: DexRun, *, seed: int, step: int) -> Chances:
    """Of the windows of a step: they depend on `seed` and `step` alone."""
    generator = torch.Generator().manual_seed((seed + _CHANCES) * 1_000_003 + step)
    faced, redrawn = torch.rand((2, count), generator=generator)
    return Chances(faced >= run.faceless, redrawn < run.redrawn)
