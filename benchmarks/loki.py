"""What Loki's network takes to train and to sample: seconds, memory, and its share of what the chip multiplies at most.

`mini` anywhere; `sd21`, at full size, on a CUDA GPU. Weights are random, which changes neither.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import Measurement, median_ms
from loki_core.data.samples import Batch
from loki_core.data.vectors import vector_length
from loki_core.diffusion.configs import LokiConfig, preset
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
from loki_core.diffusion.schedule import NoiseSchedule
from loki_core.head.embedded import embedded_head
from loki_core.training.config import TrainConfig
from loki_core.training.loki_runs import loki_run
from loki_core.training.step import draw_chances, loss_weights, prediction_loss

__all__ = ["run"]

_STEPS = 10
"""Of denoising; `sd21` takes as long for each of its 50."""
_MATRIX = {"cpu": 2048, "cuda": 16384}
"""Side of the matrices whose product says what the chip can do."""
_HALF = torch.bfloat16


def run() -> list[Measurement]:
    """One training step and one window of 16 frames of each preset that this machine can hold."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rate = _matrix_rate(device)
    figures = [Measurement("loki, bfloat16 matrix product", rate / 1e12, "TFLOP/s")]
    for name in ("mini", "sd21") if device.type == "cuda" else ("mini",):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            figures += _training(name, device, rate) + _sampling(name, device, rate)
    return figures


def _training(name: str, device: torch.device, rate: float) -> list[Measurement]:
    config, loki = loki_run(name), preset(name)
    network = LokiNetwork(loki.to_dict()).to(device).train()
    if config.checkpointing:
        network.enable_gradient_checkpointing()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad])
    vae, schedule = _vae(loki, device), NoiseSchedule(loki.schedule)
    batch = _batch(config, loki).to(device)
    frames = config.data.frames
    draws = draw_chances(loki, config.batch, frames, config.loss, seed=0, step=0).to(device)
    weights = loss_weights(batch, loki, config.loss, 0).to(device)

    def step() -> None:
        with torch.autocast(device.type, _HALF):
            loss = prediction_loss(network, loki, schedule, batch, draws, weights, vae)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        _wait(device)

    label = f"loki {name}, a step on {config.batch * frames} frames of {loki.image_size} px"
    return _figures(label, step, device, rate, budget=None)


@torch.no_grad()
def _sampling(name: str, device: torch.device, rate: float) -> list[Measurement]:
    loki = preset(name)
    network = LokiNetwork(loki.to_dict()).eval()
    pipeline = LokiPipeline.build(network, embedded_head().id, _vae(loki, torch.device("cpu")))
    if device.type == "cuda":
        pipeline.to(device, _HALF)
    size, dtype = loki.image_size, network.dtype
    maps = torch.rand(loki.frames, loki.encoder.channels, size, size, device=device, dtype=dtype)
    remembered = pipeline.remember(torch.rand(3, size, size) * 2 - 1)
    config = SamplerConfig(steps=_STEPS)

    def window() -> None:
        for _ in pipeline.sample(remembered, lambda start, stop: maps[start:stop], loki.frames, config):
            pass
        _wait(device)

    label = f"loki {name}, {loki.frames} frames in {_STEPS} steps with guidance"
    return _figures(label, window, device, rate, budget="<= 60" if name == "mini" else None)


def _figures(label: str, work: Callable[[], None], device: torch.device, rate: float, budget: str | None) -> list[Measurement]:
    with FlopCounterMode(display=False) as counter:
        work()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    seconds = median_ms(work, repeats=3, warm_up=1) / 1000
    share = counter.get_total_flops() / seconds / rate
    figures = [Measurement(label, seconds, "s", budget, share, "the matrix rate")]
    if device.type == "cuda":
        figures.append(Measurement(f"{label}, peak memory", torch.cuda.max_memory_allocated(device) / 2**30, "GiB"))
    return figures


def _batch(config: TrainConfig, loki: LokiConfig) -> Batch:
    """Noise in the shape of a batch."""
    windows, frames, size = config.batch, config.data.frames, loki.image_size
    shape = (windows, frames)
    return Batch(
        reference=torch.randint(256, (windows, 3, size, size), dtype=torch.uint8),
        targets=torch.randint(256, (*shape, 3, size, size), dtype=torch.uint8),
        maps=torch.rand(*shape, loki.encoder.channels, size, size).half(),
        masks=torch.ones(*shape, size, size, dtype=torch.bool),
        focus=torch.rand(*shape, size, size),
        vectors=torch.rand(*shape, vector_length(embedded_head().expression_count)),
        places=torch.rand(*shape, 6),
    )


def _vae(loki: LokiConfig, device: torch.device) -> AutoencoderKL | None:
    """Stable Diffusion's, where the network works on its latents."""
    if not loki.reference.frozen:
        return None
    widths = (128, 256, 512, 512)
    vae = AutoencoderKL(
        block_out_channels=widths,
        layers_per_block=2,
        latent_channels=loki.unet.channels,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
    )
    vae.enable_slicing()
    return vae.to(device).eval().requires_grad_(False)


def _matrix_rate(device: torch.device) -> float:
    """Operations a second in the product of two large matrices in bfloat16."""
    side = _MATRIX[device.type]
    one, other = (torch.rand(side, side, device=device, dtype=_HALF) for _ in range(2))

    def product() -> Tensor:
        made = one @ other
        _wait(device)
        return made

    return 2 * side**3 / (median_ms(product, repeats=5) / 1000)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
