"""The network against written-out attention, diffusers' own UNet and the paper's parameter counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from loki_core.diffusion.attention import FrameAttention, ReferenceBank, attention_processors
from loki_core.diffusion.configs import ReferenceConfig, preset
from loki_core.diffusion.network import LokiNetwork, count_parameters
from loki_core.diffusion.unet import FrameUNet


def clip(batch=2, frames=3, seed=1):
    g = torch.Generator().manual_seed(seed)
    noisy = torch.randn(batch, frames, 12, 8, 8, generator=g)
    maps = torch.randn(batch, frames, 45, 16, 16, generator=g)
    timesteps = torch.randint(0, 1000, (batch, frames), generator=g)
    return noisy, timesteps, maps, torch.randn(batch, 12, 8, 8, generator=g)


def written_out(attn, tokens, reference, mode):
    """Attention of each token by loops over samples, frames and heads; tokens (B, T, N, C), reference (B, M, C)."""
    out = torch.zeros_like(tokens)
    for b, frames in enumerate(tokens):
        for t, own in enumerate(frames):
            visible = own if mode == "spatial" else frames.flatten(0, 1)
            visible = torch.cat([visible, reference[b]])
            query, key, value = attn.to_q(own), attn.to_k(visible), attn.to_v(visible)
            mixed = []
            for q, k, v in zip(*(x.chunk(attn.heads, dim=-1) for x in (query, key, value)), strict=True):
                mixed.append(torch.softmax(q @ k.T / q.shape[-1] ** 0.5, dim=-1) @ v)
            out[b, t] = attn.to_out[0](torch.cat(mixed, dim=-1))
    return out


@pytest.mark.parametrize("mode", ["spatial", "full"])
@torch.no_grad()
def test_attention_agrees_with_the_written_out_sum(tiny_network, mode):
    attn = tiny_network.generation.mid_block.attentions[0].transformer_blocks[0].attn1
    tokens, reference = torch.randn(2, 3, 5, 16), torch.randn(2, 7, 16)
    processor = FrameAttention("layer", mode)
    out = processor(attn, tokens.flatten(0, 1), bank=ReferenceBank({"layer": reference}), frames=3)
    torch.testing.assert_close(out.unflatten(0, (2, 3)), written_out(attn, tokens, reference, mode), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_bank_holds_the_output_of_norm1(tiny_network):
    norms = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: norms.update({name: out}))
        for name, module in tiny_network.reference.named_modules()
        if name.endswith("norm1") and "transformer_blocks" in name
    ]
    bank = tiny_network.remember(clip()[3])
    for hook in hooks:
        hook.remove()
    assert {name.replace("attn1.processor", "norm1") for name in bank.features} == set(norms)
    for name, seen in bank.features.items():
        assert torch.equal(seen, norms[name.replace("attn1.processor", "norm1")])


@torch.no_grad()
def test_an_untrained_encoder_changes_nothing(tiny_config):
    network = LokiNetwork(tiny_config.to_dict()).eval()
    noisy, timesteps, maps, reference = clip()
    with_map = network(noisy, timesteps, maps, reference)
    bank = network.remember(reference)
    bare = network.generation(noisy.flatten(0, 1), timesteps.flatten(), frames=3, bank=bank).unflatten(0, (2, 3))
    assert torch.equal(with_map, bare)


@torch.no_grad()
def test_map_reference_and_each_frame_s_timestep_matter(tiny_network):
    noisy, timesteps, maps, reference = clip()
    before = tiny_network(noisy, timesteps, maps, reference)
    later = timesteps.clone()
    later[0, 1] += 1 if later[0, 1] < 999 else -1
    for changed in (
        (noisy, timesteps, maps + 1, reference),
        (noisy, timesteps, maps, reference + 1),
        (noisy, later, maps, reference),
    ):
        assert not torch.equal(tiny_network(*changed), before)


@torch.no_grad()
def test_samples_of_a_batch_do_not_see_each_other(tiny_network):
    together = tiny_network(*clip())
    for b in range(2):
        alone = tiny_network(*(x[b : b + 1] for x in clip()))
        torch.testing.assert_close(together[b : b + 1], alone, atol=1e-5, rtol=1e-4)


def test_attention_is_spatial_at_the_top_and_full_below():
    with torch.device("meta"):
        layers = LokiNetwork(preset("sd21").to_dict()).generation.layers
    spatial = {name for name, processor in layers.items() if processor.mode == "spatial"}
    assert all(name.startswith(("down_blocks.0.", "up_blocks.3.")) for name in spatial)
    assert (len(spatial), len(layers)) == (5, 16)


@torch.no_grad()
def test_a_bank_of_another_network_is_refused(tiny_network):
    noisy, timesteps, maps, reference = clip()
    bank = tiny_network.remember(reference)
    name = next(iter(bank.features))
    with pytest.raises(ValueError, match="1 missing"):
        tiny_network(noisy, timesteps, maps, ReferenceBank({k: v for k, v in bank.features.items() if k != name}))
    with pytest.raises(ValueError, match="1 extra"):
        tiny_network(noisy, timesteps, maps, ReferenceBank({**bank.features, "other": reference.flatten(2)}))


def test_processors_come_back_when_the_block_raises(tiny_network):
    unet = tiny_network.reference
    before = dict(unet.attn_processors)
    name = next(iter(before))

    def fail_inside():
        with attention_processors(unet, {name: FrameAttention("other", "spatial")}):
            assert unet.attn_processors[name].layer == "other"
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail_inside()
    assert dict(unet.attn_processors) == before


@torch.no_grad()
def test_one_frame_is_diffusers_own_unet(tiny_config):
    torch.manual_seed(3)
    config = tiny_config.unet
    ours = FrameUNet(config, context=6).eval()
    theirs = UNet2DConditionModel(
        in_channels=12,
        out_channels=12,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=6,
        attention_head_dim=(1, 2),
        use_linear_projection=True,
        norm_num_groups=4,
    ).eval()
    theirs.load_state_dict(ours.state_dict())
    sample, timesteps, context = torch.randn(2, 12, 8, 8), torch.tensor([3, 700]), torch.randn(2, 5, 6)
    expected = theirs(sample, timesteps, context).sample
    torch.testing.assert_close(ours(sample, timesteps, context=context), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frozen", [True, False])
def test_every_weight_that_trains_has_a_gradient(tiny_config, frozen):
    config = replace(tiny_config, reference=ReferenceConfig(frozen=frozen, whole=frozen, context=(3, 6) if frozen else None))
    network = LokiNetwork(config.to_dict())
    torch.nn.init.normal_(network.encoder.out.weight)
    network(*clip()).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
    assert any(p.requires_grad for p in network.reference.parameters()) != frozen


@pytest.mark.parametrize("frozen", [True, False])
def test_gradients_are_the_same_with_checkpointing(tiny_config, frozen):
    torch.manual_seed(0)
    config = replace(tiny_config, reference=ReferenceConfig(frozen=frozen, context=(3, 6)))
    network = LokiNetwork(config.to_dict())

    def gradients():
        network.zero_grad()
        network(*clip()).square().mean().backward()
        return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}

    plain = gradients()
    network.enable_gradient_checkpointing()
    torch.testing.assert_close(gradients(), plain)


@torch.no_grad()
def test_a_whole_reference_remembers_what_a_cut_one_does(tiny_config):
    mini = replace(tiny_config, unet=replace(tiny_config.unet, attention=("none", "full")))
    cut = LokiNetwork(mini.to_dict())
    whole = LokiNetwork(replace(mini, reference=replace(mini.reference, whole=True)).to_dict())
    whole.reference.load_state_dict(cut.reference.state_dict(), strict=False)
    latents = clip()[3]
    expected = whole.remember(latents).features
    for name, seen in cut.remember(latents).features.items():
        assert torch.equal(seen, expected[name])


def test_parameters_of_the_paper_s_network():
    count = count_parameters(preset("sd21"))
    assert count.encoder == 7_345_344
    assert count.generation + count.encoder == 822_878_788
    assert count.reference == 865_910_724
    with torch.device("meta"):
        vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        )
    assert round((count.total + sum(p.numel() for p in vae.parameters())) / 1e9, 2) == 1.77


def test_mini_fits_in_24_megabytes_of_half_precision():
    assert count_parameters(preset("mini")).total <= 11_000_000


def test_a_few_steps_of_training_lower_the_loss(tiny_network):
    network = tiny_network.train()
    noisy, timesteps, maps, reference = clip()
    target = torch.randn(2, 3, 12, 8, 8, generator=torch.Generator().manual_seed(5))
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(40):
        loss = (network(noisy, timesteps, maps, reference) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
