"""Sampling: a portrait is looked at once, then clips of any length are drawn from driver maps, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from jaxtyping import Float
from torch import Tensor

from loki_core.diffusion.attention import ReferenceBank
from loki_core.diffusion.guidance import Branch, Guidance
from loki_core.diffusion.latents import from_latents, to_latents
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.passes import Passes
from loki_core.diffusion.sampler import BeforeStep, denoise, draw_windows
from loki_core.diffusion.saved import read_pipeline
from loki_core.diffusion.schedule import ddim, seeded_noise
from loki_core.diffusion.windows import Window, plan_windows, windows_of
from loki_core.head.model import HeadId
from loki_core.render.base import Progress

__all__ = ["LokiPipeline", "Maps", "Remembered", "SamplerConfig"]

Maps = Callable[[int, int], Tensor]
"""Driver maps of the frames from a first to a last (not included), shape (T, 45, H, W); asked for one window at a time."""


@dataclass(frozen=True)
class SamplerConfig:
    """How a clip is drawn."""

    steps: int = 20
    """Of DDIM."""
    guidance: Guidance = field(default_factory=Guidance)
    seed: int = 0
    window: int | None = None
    """Frames drawn together; None: as many as the network was made for. Fewer take less memory."""
    overlap: int = 4
    """Frames that a window shares with the one before; half of a window at most."""
    unconditional: Literal["zero_picture", "zero_features"] = "zero_picture"
    """What stands for no reference: features of a zero latent, as in training, or features of 0, as in the authors' sampling."""

    def __post_init__(self) -> None:
        if self.guidance.progressive and self.steps <= 2 * self.guidance.progressive:
            raise ValueError(
                f"expected more than {2 * self.guidance.progressive} steps for expression to come in over, got {self.steps}"
            )

    def windows(self, frames: int, most: int) -> tuple[Window, ...]:
        """How a clip is cut for a network that was made for `most` frames at once."""
        size = min(self.window or most, most)
        return plan_windows(frames, size=size, overlap=min(self.overlap, size // 2))


@dataclass(frozen=True, eq=False)
class Remembered:
    """What the reference UNet saw of one portrait, and of none."""

    portrait: ReferenceBank
    nobody: ReferenceBank


@dataclass(frozen=True, eq=False)
class _Given:
    """Maps of a window."""

    whole: Float[Tensor, "T M H W"]
    bare: Float[Tensor, "T M H W"]
    """Of the poses alone."""


_Conditions = tuple[ReferenceBank, Tensor]
"""What a branch sees: the reference's features, and what the maps add, (1, T, D, h, w)."""


class LokiPipeline(DiffusionPipeline):
    """A network, its VAE (None where pixels are folded) and its sampler, made for one head."""

    _optional_components = ["vae"]  # noqa: RUF012  # read by diffusers as it is

    network: LokiNetwork
    vae: Any

    def __init__(self, network: LokiNetwork, vae: Any, scheduler: Any, head: tuple[str, str] = ("", "")) -> None:
        """As diffusers has it; `build` is shorter. `head` is a name and a hash."""
        super().__init__()
        self.register_modules(network=network, vae=vae, scheduler=scheduler)
        self.register_to_config(head=list(head))
        self._passes = Passes(network, network.loki.frames)
        self._computing: torch.device | None = None

    @classmethod
    def build(cls, network: LokiNetwork, head: HeadId, vae: AutoencoderKL | None = None) -> LokiPipeline:
        """A pipeline that samples with DDIM over the network's own levels."""
        return cls(network.eval(), vae, ddim(network.loki.schedule), (head.name, head.hash))

    @property
    def head(self) -> HeadId:
        """The head whose maps the network knows."""
        return HeadId(*self.config["head"])

    def offload(self, device: torch.device) -> None:
        """Compute on `device`, and keep there only the large part that is at work: reference UNet, generation UNet or VAE.

        diffusers' `enable_model_cpu_offload` moves whole components when their `forward` is called; the network is one of them,
        and is called part by part.
        """
        from accelerate import cpu_offload_with_hook  # type: ignore[import-untyped]  # late: it takes seconds

        parts = [self.network.reference, self.network.generation, *([] if self.vae is None else [self.vae])]
        self.network.encoder.to(device)
        hooks: list[Any] = []
        for part in parts:
            hooks.append(cpu_offload_with_hook(part, device, prev_module_hook=hooks[-1] if hooks else None)[1])
        hooks[0].hook.prev_module_hook = hooks[-1]  # the next portrait, behind the last picture
        self._computing = device

    @property
    def _where(self) -> torch.device:
        """Computes."""
        return self._computing or self.network.device

    def save_pretrained(self, folder: str | Path) -> None:  # type: ignore[override]  # fewer options: never pickles
        """Write a folder of JSON and safetensors."""
        super().save_pretrained(folder, safe_serialization=True)

    @classmethod
    def from_pretrained(  # type: ignore[override]  # fewer options: all that is read is checked
        cls, folder: str | Path, *, head: HeadId | None = None, torch_dtype: torch.dtype = torch.float32
    ) -> LokiPipeline:
        """Read what `save_pretrained` wrote. `head` None accepts any head.

        Raises `InputError` for a folder that is damaged, holds pickles, or was made for another head or architecture.
        """
        saved = read_pipeline(Path(folder), head, torch_dtype)
        return cls.build(saved.network, saved.head, saved.vae)

    @torch.no_grad()
    def remember(self, image: Float[Tensor, "3 H W"]) -> Remembered:
        """Look at a portrait, in [-1, 1] and of the network's size: the slow part, once a portrait."""
        size = self.network.loki.image_size
        if image.shape[1:] != (size, size):
            raise ValueError(f"expected a portrait of {size} x {size} pixels, got {tuple(image.shape[1:])}; resize it")
        latents = to_latents(image[None].to(self._where, self.network.dtype), self.network.loki, self.vae)
        return Remembered(
            self._passes(lambda: self.network.remember(latents)),
            self._passes(lambda: self.network.remember(torch.zeros_like(latents))),
        )

    def sample(
        self,
        remembered: Remembered,
        maps: Maps,
        frames: int,
        config: SamplerConfig | None = None,
        *,
        bare: Maps | None = None,
        part: range | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Float[Tensor, "3 H W"]]:
        """Pictures in [-1, 1] (cut there), float32 on the CPU, in order, as soon as each is done; memory is that of two windows.

        `bare`: the maps of the same poses without expression, which progressive guidance begins with (`without_expression` makes
        their coefficients). `part`: only these of the clip's frames, as they are in the whole clip; None: all.
        `progress` counts denoising steps of all windows. `cancelled` is asked before each step; then `Cancelled` is raised.
        """
        config, part = config or SamplerConfig(), range(frames) if part is None else part
        if config.guidance.progressive and bare is None:
            raise ValueError("expected maps without expression for progressive guidance, got none; give them as `bare`")
        windows = windows_of(config.windows(frames, self.network.loki.frames), part)

        def draw(window: Window, before_step: BeforeStep) -> Tensor:
            given = maps(window.start, window.stop)
            posed = bare(window.start, window.stop) if bare is not None and config.guidance.progressive else given
            return self._denoise(remembered, _Given(given, posed), window, config, before_step)

        for latents in draw_windows(windows, part, draw, steps=config.steps, progress=progress, cancelled=cancelled):
            yield self._picture(latents)

    def __call__(
        self,
        image: Float[Tensor, "3 H W"],
        maps: Float[Tensor, "T M H W"],
        config: SamplerConfig | None = None,
        *,
        bare: Float[Tensor, "T M H W"] | None = None,
    ) -> Float[Tensor, "T 3 H W"]:
        """The whole clip of `maps` at once; `bare` as in `sample`."""
        posed = None if bare is None else lambda start, stop: bare[start:stop]
        remembered = self.remember(image)
        return torch.stack(list(self.sample(remembered, lambda start, stop: maps[start:stop], len(maps), config, bare=posed)))

    @torch.no_grad()
    def _denoise(
        self,
        remembered: Remembered,
        given: _Given,
        window: Window,
        config: SamplerConfig,
        before_step: BeforeStep,
    ) -> Float[Tensor, "T C h w"]:
        network = self.network
        conditions: dict[Branch, _Conditions] = {}

        def predict(branch: Branch, x: Tensor, time: int) -> Tensor:
            key = replace(branch, weight=0.0)
            if key not in conditions:
                conditions[key] = self._conditions(branch, remembered, given, config)
            bank, added = conditions[key]
            times = torch.full((1, len(x)), time, device=self._where)
            return self._passes(lambda: network.predict(x[None].to(network.dtype), times, added, bank))[0]

        noise = self._noise(window, config).to(self._where)
        return denoise(noise, self.scheduler, predict, config.guidance, steps=config.steps, before_step=before_step)

    def _conditions(self, branch: Branch, remembered: Remembered, given: _Given, config: SamplerConfig) -> _Conditions:
        bank = remembered.portrait if branch.reference else remembered.nobody
        if not branch.reference and config.unconditional == "zero_features":
            bank = bank.zeros()
        maps = given.whole if branch.expression else given.bare
        shown = maps if branch.map else torch.zeros_like(maps)
        read = shown[None].to(self._where, self.network.dtype)
        return bank, self._passes(lambda: self.network.encode(read))

    def _noise(self, window: Window, config: SamplerConfig) -> Float[Tensor, "T C h w"]:
        loki = self.network.loki
        shape = (loki.unet.channels, loki.latent_size, loki.latent_size)
        return seeded_noise(config.seed, range(window.start, window.stop), shape, shared=loki.schedule.shared_noise)

    @torch.no_grad()
    def _picture(self, latents: Float[Tensor, "C h w"]) -> Float[Tensor, "3 H W"]:
        image = from_latents(latents[None].to(self.network.dtype), self.network.loki, self.vae)[0]
        return image.float().clamp(-1, 1).cpu()
