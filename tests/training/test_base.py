"""Training that begins with Stable Diffusion's weights, at tiny size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from loki_core.data.samples import SyntheticConfig
from loki_core.diffusion.configs import EncoderConfig, ReferenceConfig, UNetConfig, preset
from loki_core.diffusion.pipeline import LokiPipeline
from loki_core.diffusion.stable_diffusion import Base, null_prompt, read_base
from loki_core.diffusion.unet import FrameUNet
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from loki_core.training.config import LossConfig, OptimizerConfig, TrainConfig
from loki_core.training.trainer import Trainer
from loki_core.training.validation import Validator
from tests.diffusion.tiny import save_base

TINY = replace(
    preset("sd21"),
    name="tiny-sd",
    image_size=32,
    latent_scale=2,
    frames=2,
    unet=UNetConfig(channels=4, widths=(8, 16), attention=("spatial", "full"), layers=1, head_dim=8, groups=4),
    encoder=EncoderConfig(widths=(4, 8)),
    reference=ReferenceConfig(frozen=True, context=(3, 6)),
)
RUN = TrainConfig(
    batch=1,
    precision="no",
    workers=0,
    data=SyntheticConfig(size=32, frames=2),
    optimizer=OptimizerConfig(rate=1e-2, warm_up=1),
    loss=LossConfig(drop=0.0, focus=0.0, levels="each"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stable Diffusion as diffusers stores it, with a UNet and a VAE of a few channels."""
    torch.manual_seed(0)
    return save_base(tmp_path / "sd", FrameUNet(TINY.unet, context=6))


def base(folder: Path) -> Base:
    return read_base(folder, TINY, torch.randn(3, 6, generator=torch.Generator().manual_seed(1)))


def trained(folder: Path, out: Path, config: TrainConfig = RUN) -> Trainer:
    made = Trainer(config, TINY, embedded_head(), out, lambda: base(folder))
    made.train(2)
    return made


def test_a_run_on_its_latents_changes_the_generation_and_the_encoder_alone(folder, tmp_path):
    begun = base(folder)
    read = LokiPipeline.from_pretrained(trained(folder, tmp_path / "run").folder / "weights")
    before, after = begun.network.state_dict(), read.network.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"generation", "encoder"}
    assert begun.vae is not None
    vae = begun.vae.state_dict()
    assert all(torch.equal(value, vae[name]) for name, value in read.vae.state_dict().items())


def test_recomputed_activations_give_the_same_weights(folder, tmp_path):
    plain = trained(folder, tmp_path / "plain").network.state_dict()
    saving = trained(folder, tmp_path / "saving", replace(RUN, checkpointing=True)).network.state_dict()
    assert all(torch.allclose(value, saving[name], atol=1e-6) for name, value in plain.items())


def test_its_clips_can_be_looked_at_along_the_way(folder):
    pipeline = LokiPipeline.build(base(folder).network, embedded_head().id, base(folder).vae)
    seen = Validator(embedded_head(), size=32, frames=2, people=2)(pipeline)
    assert seen.made.shape == seen.truth.shape == (2, 2, 3, 32, 32)
    assert seen.still_psnr > seen.head_psnr  # noise is further from a person than the person's portrait


def test_a_prompt_of_another_length_is_refused(folder):
    with pytest.raises(InputError, match=r"\(3, 6\).*\(5, 6\)"):
        read_base(folder, TINY, torch.zeros(5, 6))


def test_a_vae_without_safetensors_is_refused(folder):
    (folder / "vae" / "diffusion_pytorch_model.safetensors").rename(folder / "vae" / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="VAE with safetensors"):
        base(folder)


def test_the_empty_prompt_needs_a_text_encoder(folder):
    pytest.importorskip("transformers", reason="the text encoder is read by transformers, which only training on sd21 needs")
    with pytest.raises(InputError, match="tokenizer and text_encoder"):
        null_prompt(folder)
