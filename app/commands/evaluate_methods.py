"""Which trained networks `evaluate` compares: those that are named, or for the comparison of renderers those that are there."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import existing
from app.setup.environment import ROOT
from loki_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loki_core.dex.configs import DexConfig
    from loki_core.dex.pipeline import DexPipeline
    from loki_core.diffusion.configs import LokiConfig
    from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
    from loki_core.head.model import HeadModel
    from loki_core.training.dex_telling import Telling
    from loki_core.training.methods import Learned

__all__ = ["Compared", "named_networks", "suite_networks"]

LOKI_MINI, DEX_MINI = Path("presets") / "loki" / "mini", Path("presets") / "dex" / "mini"
"""In the project: weights that may come with it."""
_SIDE = 64
"""Pixels of the pictures where no network says how many."""


@dataclass(frozen=True)
class Compared:
    """Networks for pictures of one size."""

    methods: tuple[Learned, ...]
    weights: Mapping[str, str]
    """SHA-256 of the file of each, by its name."""
    side: int
    """Of the pictures, pixels."""
    absent: tuple[str, ...] = ()
    """What is left out, and why."""


@dataclass(frozen=True)
class _Saved:
    name: str
    folder: Path
    pipeline: LokiPipeline | DexPipeline


def named_networks(arguments: argparse.Namespace) -> Compared:
    """Those of `--network`: Loki's or DeX-Portrait's, each under its own name."""
    read: dict[str, _Saved] = {}
    for folder in arguments.network:
        pipeline = _pipeline(folder)
        name = _config(pipeline).name
        name = name if name not in read else f"{name} {len(read) + 1}"
        read[name] = _Saved(name, folder, pipeline)
    return _compared(list(read.values()), arguments)


def suite_networks(arguments: argparse.Namespace, root: Path = ROOT) -> Compared:
    """Loki's and DeX-Portrait's `mini`, named or in the project at `root`, and the LIA-X that is named."""
    from loki_core.dex.pipeline import DexPipeline
    from loki_core.diffusion.pipeline import LokiPipeline
    from loki_core.head.embedded import embedded_head

    read, absent = [], []
    loki, dex = _place(arguments.loki, root / LOKI_MINI), _place(arguments.dex, root / DEX_MINI)
    if loki is None:
        absent.append(f"Loki (no weights in {LOKI_MINI}; name a folder with --loki)")
    else:
        pipeline = LokiPipeline.from_pretrained(loki, head=embedded_head().id)
        read.append(_Saved(f"loki {_config(pipeline).name}", loki, pipeline))
    if dex is None:
        absent.append(f"DeX-Portrait (no weights in {DEX_MINI}; name a folder with --dex)")
    else:
        faces = DexPipeline.from_pretrained(dex)
        read.append(_Saved(_config(faces).name, dex, faces))
    compared = _compared(read, arguments)
    if arguments.lia_x is None:
        return replace(compared, absent=(*absent, "LIA-X (name a file of weights with --lia-x)"))
    method, digest = _lia_x(existing(arguments.lia_x))
    methods, weights = (*compared.methods, method), {**compared.weights, method.name: digest}
    return replace(compared, methods=methods, weights=weights, absent=tuple(absent))


def _place(given: Path | None, shipped: Path) -> Path | None:
    if given is not None:
        return given
    return shipped if shipped.is_dir() else None


def _pipeline(folder: Path) -> LokiPipeline | DexPipeline:
    """Read by what the folder says that it holds."""
    from loki_core.dex.pipeline import DexPipeline
    from loki_core.dex.saved import holds_dex
    from loki_core.diffusion.pipeline import LokiPipeline
    from loki_core.head.embedded import embedded_head

    if holds_dex(folder):
        return DexPipeline.from_pretrained(folder)
    return LokiPipeline.from_pretrained(folder, head=embedded_head().id)


def _compared(read: list[_Saved], arguments: argparse.Namespace) -> Compared:
    from loki_core.diffusion.saved import weights_hash
    from loki_core.training.held_out import CLIP_FRAMES

    for saved in read:
        if saved.pipeline.vae is not None:
            raise InputError(
                f"expected a network on pixels, got '{saved.folder}', which works behind a VAE; evaluate its clips with --self"
            )
        if _config(saved.pipeline).frames < CLIP_FRAMES:
            raise InputError(
                f"expected a network that draws {CLIP_FRAMES} frames at once, got '{saved.folder}' of "
                f"{_config(saved.pipeline).frames}; train one of a larger window"
            )
    sides = {_config(saved.pipeline).image_size for saved in read}
    if len(sides) > 1:
        raise InputError("expected networks for pictures of one size, got several; evaluate them one by one")
    methods, weights = [], {}
    for saved in read:
        for made in _methods(saved, arguments):
            methods.append(made)
            weights[made.name] = weights_hash(saved.folder)
    return Compared(tuple(methods), weights, next(iter(sides), _SIDE))


def _samplers(saved: _Saved, arguments: argparse.Namespace) -> dict[str, SamplerConfig]:
    """By what is added to a network's name: plain sampling, and progressive guidance where it is asked for."""
    from loki_core.diffusion.guidance import Guidance
    from loki_core.diffusion.pipeline import SamplerConfig

    steps = _usual_steps(saved.pipeline) if arguments.steps is None else arguments.steps
    late = arguments.progressive
    if late is not None and not 1 <= late < steps / 2:
        raise InputError(
            f"expected --progressive of 1 or more, and below half of the {steps} steps of '{saved.name}', got {late}; "
            "ask for more --steps, or for fewer of them without expression"
        )
    spans = {"": 0} if late is None else {"": 0, f", progressive {late}": late}
    return {
        label: SamplerConfig(steps=steps, guidance=Guidance(motion=arguments.guidance, progressive=span))
        for label, span in spans.items()
    }


def _usual_steps(pipeline: LokiPipeline | DexPipeline) -> int:
    """As many as the network's renderer takes unless told."""
    from loki_core.dex.pipeline import DexPipeline
    from loki_core.render.dex.options import DEX_SETTINGS
    from loki_core.render.diffused.options import DIFFUSED_SETTINGS

    settings = DEX_SETTINGS if isinstance(pipeline, DexPipeline) else DIFFUSED_SETTINGS
    return next(int(each.default) for each in settings if each.name == "steps")


def _methods(saved: _Saved, arguments: argparse.Namespace) -> list[Learned]:
    """One network with each way of sampling; DeX-Portrait's with each way of being told as well, and its first stage alone."""
    from loki_core.dex.pipeline import DexPipeline
    from loki_core.head.embedded import embedded_head
    from loki_core.training.network_methods import DexMethod, NetworkMethod, SketchMethod
    from loki_core.training.sampling import half_is_fast

    head, half, pipeline = embedded_head(), half_is_fast(), saved.pipeline
    made: list[Learned] = []
    for label, config in _samplers(saved, arguments).items():
        name = saved.name + label
        if isinstance(pipeline, DexPipeline):
            tellings = _tellings(saved.folder, pipeline, head, arguments.told or ())
            made += [DexMethod(name + by, pipeline, config, head, half, telling) for by, telling in tellings.items()]
        else:
            made.append(NetworkMethod(name, pipeline, config, head, half))
    if isinstance(pipeline, DexPipeline):
        made.append(SketchMethod(f"{saved.name}, sketch", pipeline, head))
    return made


def _tellings(folder: Path, pipeline: DexPipeline, head: HeadModel, told: Sequence[str]) -> dict[str, Telling]:
    """By what is added to a network's name: told by pictures, and as the renderer is told where that is asked for."""
    from loki_core.dex.mapping import MAPPING_FOLDER, read_mapping
    from loki_core.dex.saved import saved_fingerprint
    from loki_core.training.dex_telling import ByCoefficients, ByPictures, ByWarp

    found: dict[str, Telling] = {"": ByPictures()}
    if "coefficients" in told:
        latent = pipeline.network.dex.motion.expression.latent
        mapping = read_mapping(folder / MAPPING_FOLDER, head, saved_fingerprint(folder), latent)
        found[", by coefficients"] = ByCoefficients(mapping)
    if "warp" in told:
        found[", by the warp"] = ByWarp()
    return found


def _lia_x(file: Path) -> tuple[Learned, str]:
    """The network of a file, and the file's hash."""
    from loki_core.diffusion.saved import weights_hash
    from loki_core.lia_x.checkpoint import load_animator
    from loki_core.training.network_methods import LiaXMethod

    animator = load_animator(file)
    return LiaXMethod(f"lia-x {animator.generator.config.size} px", animator), weights_hash(file)


def _config(pipeline: LokiPipeline | DexPipeline) -> LokiConfig | DexConfig:
    from loki_core.dex.pipeline import DexPipeline

    return pipeline.network.dex if isinstance(pipeline, DexPipeline) else pipeline.network.loki
