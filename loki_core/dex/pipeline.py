"""Sampling with DeX-Portrait: a portrait is looked at once, then clips are drawn from poses and expression latents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from jaxtyping import Float
from torch import Tensor

from loki_core.dex.looks import crop_faces, pose_pictures
from loki_core.dex.network import Conditions, DexNetwork, Observed
from loki_core.dex.saved import read_dex
from loki_core.diffusion.guidance import Branch
from loki_core.diffusion.latents import from_latents, to_latents
from loki_core.diffusion.pipeline import SamplerConfig
from loki_core.diffusion.sampler import BeforeStep, denoise, draw_windows
from loki_core.diffusion.schedule import ddim, seeded_noise
from loki_core.diffusion.windows import Window, windows_of
from loki_core.render.base import Progress

__all__ = ["DexMotion", "DexPipeline", "KnownPortrait", "Motions"]


@dataclass(frozen=True, eq=False)
class DexMotion:
    """What moves a portrait. Poses and expressions may come from different performances of one length."""

    poses: Float[Tensor, "T 3 4"]
    expressions: Float[Tensor, "T E"]


Motions = Callable[[int, int], DexMotion]
"""Motion of the frames from a first to a last (not included); asked for one window at a time."""


@dataclass(frozen=True, eq=False)
class KnownPortrait:
    """What the network saw of a portrait and of a picture of zeros, and the portrait's pose."""

    portrait: Observed
    nobody: Observed
    pose: Float[Tensor, "1 3 4"]


class DexPipeline(DiffusionPipeline):
    """A network, its VAE (None where pixels are folded) and its sampler."""

    _optional_components = ["vae"]  # noqa: RUF012  # read by diffusers as it is

    network: DexNetwork
    vae: Any

    def __init__(self, network: DexNetwork, vae: Any, scheduler: Any) -> None:
        """As diffusers has it; `build` is shorter."""
        super().__init__()
        self.register_modules(network=network, vae=vae, scheduler=scheduler)

    @classmethod
    def build(cls, network: DexNetwork, vae: AutoencoderKL | None = None) -> DexPipeline:
        """A pipeline that samples with DDIM over the network's own levels."""
        return cls(network.eval(), vae, ddim(network.dex.schedule))

    def save_pretrained(self, folder: str | Path) -> None:  # type: ignore[override]  # fewer options: never pickles
        """Write a folder of JSON and safetensors."""
        super().save_pretrained(folder, safe_serialization=True)

    @classmethod
    def from_pretrained(  # type: ignore[override]  # fewer options: all that is read is checked
        cls, folder: str | Path, *, torch_dtype: torch.dtype = torch.float32
    ) -> DexPipeline:
        """Read what `save_pretrained` wrote.

        Raises `InputError` for a folder that is damaged, holds pickles, or was made for another architecture.
        """
        return cls.build(*read_dex(Path(folder), torch_dtype))

    @torch.no_grad()
    def remember(self, image: Float[Tensor, "3 H W"], focus: Float[Tensor, "H W"]) -> KnownPortrait:
        """Look at a portrait in [-1, 1], of the network's size: the slow part, once a portrait.

        `focus` is above 0 on eyes, brows, lids and mouth, which the pose encoder must not see.
        """
        size = self.network.dex.image_size
        if image.shape[1:] != (size, size):
            raise ValueError(f"expected a portrait of {size} x {size} pixels, got {tuple(image.shape[1:])}; resize it")
        picture = self._ours(image[None])
        latents = to_latents(picture, self.network.dex, self.vae)
        portrait, nobody = (self.network.observe(latents * there, picture * there) for there in (1, 0))
        return KnownPortrait(portrait, nobody, self.pose(image[None], focus[None]))

    @torch.no_grad()
    def pose(self, pictures: Float[Tensor, "T 3 H W"], focus: Float[Tensor, "T H W"]) -> Float[Tensor, "T 3 4"]:
        """How the heads of pictures in [-1, 1] are posed."""
        motion = self.network.motion
        return motion.pose(pose_pictures(motion.motion, self._ours(pictures), focus.to(self.network.device)))

    @torch.no_grad()
    def expression(self, pictures: Float[Tensor, "T 3 H W"], places: Float[Tensor, "T 6"]) -> Float[Tensor, "T E"]:
        """What the faces of pictures in [-1, 1] say. `places` say where the heads are, as `head_similarity` gives them."""
        motion = self.network.motion
        return motion.expression(self._ours(crop_faces(motion.motion.expression, pictures, places)))

    def sample(
        self,
        known: KnownPortrait,
        motion: DexMotion,
        config: SamplerConfig | None = None,
        *,
        part: range | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Float[Tensor, "3 H W"]]:
        """`stream` for motion that is known as a whole."""

        def motions(start: int, stop: int) -> DexMotion:
            return DexMotion(motion.poses[start:stop], motion.expressions[start:stop])

        frames = len(motion.poses)
        yield from self.stream(known, motions, frames, config, part=part, progress=progress, cancelled=cancelled)

    def stream(
        self,
        known: KnownPortrait,
        motions: Motions,
        frames: int,
        config: SamplerConfig | None = None,
        *,
        part: range | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Float[Tensor, "3 H W"]]:
        """Pictures in [-1, 1] (cut there), float32 on the CPU, in order; `part`, `progress` and `cancelled` as for Loki."""
        config, shown = config or SamplerConfig(), range(frames) if part is None else part
        windows = windows_of(config.windows(frames, self.network.dex.frames), shown)

        def draw(window: Window, before_step: BeforeStep) -> Tensor:
            return self._denoise(known, motions(window.start, window.stop), window, config, before_step)

        for latents in draw_windows(windows, shown, draw, steps=config.steps, progress=progress, cancelled=cancelled):
            yield self._picture(latents)

    @torch.no_grad()
    def _denoise(
        self, known: KnownPortrait, motion: DexMotion, window: Window, config: SamplerConfig, before_step: BeforeStep
    ) -> Float[Tensor, "T C h w"]:
        network = self.network
        told: dict[Branch, Conditions] = {}

        def predict(branch: Branch, x: Tensor, time: int) -> Tensor:
            key = replace(branch, weight=0.0)
            if key not in told:
                told[key] = self._conditions(branch, known, motion)
            times = torch.full((1, len(x)), time, device=network.device)
            observed = known.portrait if branch.reference else known.nobody
            bank = observed.bank if branch.reference or config.unconditional == "zero_picture" else observed.bank.zeros()
            return network.predict(x[None].to(network.dtype), times, told[key], bank)[0]

        dex = network.dex
        shared = dex.schedule.shared_noise
        noise = seeded_noise(config.seed, range(window.start, window.stop), dex.latent_shape, shared=shared)
        scheduler, steps = self.scheduler, config.steps
        return denoise(noise.to(network.device), scheduler, predict, config.guidance, steps=steps, before_step=before_step)

    def _conditions(self, branch: Branch, known: KnownPortrait, motion: DexMotion) -> Conditions:
        network = self.network
        poses = motion.poses[None].to(network.device)
        told = network.conditions(known.portrait, known.pose, poses, motion.expressions[None].to(network.device, network.dtype))
        flags = [torch.full((1,), float(flag), device=network.device) for flag in (branch.map, branch.expression)]
        return told.kept(*flags)

    def _ours(self, pictures: Float[Tensor, "T 3 H W"]) -> Float[Tensor, "T 3 H W"]:
        return pictures.to(self.network.device, self.network.dtype)

    @torch.no_grad()
    def _picture(self, latents: Float[Tensor, "C h w"]) -> Float[Tensor, "3 H W"]:
        image = from_latents(latents[None].to(self.network.dtype), self.network.dex, self.vae)[0]
        return image.float().clamp(-1, 1).cpu()
