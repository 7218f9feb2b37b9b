"""A network that is small enough for tests, and whose weights are all alive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file

from loki_core.diffusion.configs import EncoderConfig, LokiConfig, ReferenceConfig, UNetConfig, preset
from loki_core.diffusion.network import LokiNetwork
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.unet import FrameUNet
from loki_core.head.embedded import embedded_head

__all__ = ["make_tiny", "save_base", "save_tiny", "tiny"]


def tiny() -> LokiConfig:
    """Spatial attention on top, full below, as in `sd21`; pictures of 16 pixels, 4 frames at once."""
    unet = UNetConfig(channels=12, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4)
    encoder = EncoderConfig(widths=(8,), unshuffle=2)
    reference = ReferenceConfig(frozen=False, whole=False)
    return replace(preset("mini"), name="tiny", image_size=16, frames=4, unet=unet, encoder=encoder, reference=reference)


def make_tiny(config: LokiConfig) -> LokiNetwork:
    """Random weights, the encoder's last convolution included."""
    torch.manual_seed(0)
    network = LokiNetwork(config.to_dict()).eval()
    torch.nn.init.normal_(network.encoder.out.weight, std=0.2)
    return network


def save_tiny(folder: Path, name: str = "tiny") -> Path:
    """Such a network for the embedded head, as training leaves one that is called `name`. Returns the folder."""
    network = make_tiny(replace(tiny(), name=name))
    LokiPipeline.build(network, embedded_head().id).save_pretrained(folder)
    return folder


def save_base(folder: Path, unet: FrameUNet) -> Path:
    """Stable Diffusion as diffusers stores it, with that UNet and a VAE of a few channels that halves pictures once."""
    (folder / "unet").mkdir(parents=True)
    save_file(unet.state_dict(), folder / "unet" / "diffusion_pytorch_model.safetensors")
    torch.manual_seed(0)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
        block_out_channels=(4, 8),
        norm_num_groups=2,
        latent_channels=4,
    )
    vae.save_pretrained(folder / "vae")
    return folder
