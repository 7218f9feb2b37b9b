"""`evaluate --network`: trained networks on held-out synthetic people, side by side."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.material import bar
from app.commands.options import check_output
from loki_core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loki_core.training.held_out import HeldOut
    from loki_core.training.methods import Method, NetworkMethod

__all__ = ["add_options", "run"]

_PROBES, _CLIPS, _COLUMNS = 40, 4, 12
"""People whose single movements are compared, clips, and people on the sheet; fewer where fewer are asked for."""
_DRIVERS, _POSES = 24, 32
"""Of the probe for leaks."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this half of the command."""
    group = parser.add_argument_group("trained networks")
    group.add_argument(
        "--network", type=Path, nargs="+", metavar="FOLDER", help="weights of `train`; several make several columns"
    )
    group.add_argument("--identities", type=int, default=200, metavar="N", help="held-out people (default: 200)")
    group.add_argument("--steps", type=int, default=20, metavar="N", help="steps of sampling (default: 20)")
    group.add_argument(
        "--guidance",
        type=float,
        default=1.5,
        metavar="X",
        help="weight of map and portrait (default: 1.5); 1 takes half the time",
    )
    group.add_argument("--out", type=Path, metavar="FILE", help="write the table here too, as markdown")
    group.add_argument("--sheet", type=Path, metavar="FILE", help="draw portraits, maps, truth and results on one sheet")


def run(arguments: argparse.Namespace) -> int:
    """Print the table and write what was asked for."""
    import torch

    from loki_core.head.embedded import embedded_head
    from loki_core.training.evaluation import evaluate_methods
    from loki_core.training.evaluation_report import Setting, report_table, report_values, weights_hash
    from loki_core.training.held_out import draw_held_out
    from loki_core.training.leakage import measure_leakage
    from loki_core.training.methods import Frozen, Truth, WarpMethod
    from loki_core.training.run_folder import source_commit
    from loki_core.training.sampling import half_is_fast

    table, values, sheet = (
        None if path is None else check_output(path, suffixes)
        for path, suffixes in (
            (arguments.out, (".md",)),
            (arguments.json, (".json",)),
            (arguments.sheet, (".png", ".webp", ".jpg")),
        )
    )
    if arguments.identities < 2 or arguments.steps < 1:
        raise InputError(f"expected at least 2 identities and 1 step, got {arguments.identities} and {arguments.steps}")
    head = embedded_head()
    networks = _networks(arguments)
    side = networks[0].pipeline.network.loki.image_size
    if any(each.pipeline.network.loki.image_size != side for each in networks):
        raise InputError("expected networks for pictures of one size, got several; evaluate them one by one")
    count = arguments.identities
    scenes = draw_held_out(head, size=side, pairs=count, movements=min(count, _PROBES), clips=min(count, _CLIPS))
    methods: list[Method] = [*networks, Frozen(), WarpMethod(head), Truth()]
    with bar("Evaluating", unit="picture", logged=True) as progress:
        found = evaluate_methods(methods, scenes, head, progress=progress)
    figures = {method.name: each for method, each in zip(methods, found, strict=True)}
    weights = {each.name: weights_hash(path) for each, path in zip(networks, arguments.network, strict=True)}
    precision = "bfloat16" if half_is_fast() else "float32"
    setting = Setting(count, arguments.steps, arguments.guidance, source_commit(), weights, torch.get_num_threads(), precision)
    leakage = measure_leakage(head, drivers=min(count, _DRIVERS), poses=_POSES, size=side)
    text = report_table(figures, leakage, setting)
    print(text, end="")
    if table is not None:
        table.write_text(text, encoding="utf-8")
    if values is not None:
        values.write_text(json.dumps(report_values(figures, leakage, setting), indent=2) + "\n", encoding="utf-8")
    if sheet is not None:
        _draw_sheet(sheet, methods[:-1], scenes)
    return 0


def _networks(arguments: argparse.Namespace) -> list[NetworkMethod]:
    from loki_core.diffusion.guidance import Guidance
    from loki_core.diffusion.pipeline import LokiPipeline, SamplerConfig
    from loki_core.head.embedded import embedded_head
    from loki_core.training.methods import NetworkMethod
    from loki_core.training.sampling import half_is_fast

    config = SamplerConfig(steps=arguments.steps, guidance=Guidance(motion=arguments.guidance))
    made: dict[str, NetworkMethod] = {}
    for folder in arguments.network:
        pipeline = LokiPipeline.from_pretrained(folder, head=embedded_head().id)
        if pipeline.vae is not None:
            raise InputError(
                f"expected a network on pixels, got '{folder}', which works behind a VAE; evaluate its clips with --self"
            )
        name = pipeline.network.loki.name
        name = name if name not in made else f"{name} {len(made) + 1}"
        made[name] = NetworkMethod(name, pipeline, config, half_is_fast())
    return list(made.values())


def _draw_sheet(path: Path, methods: Sequence[Method], scenes: HeldOut) -> None:
    """Borrowed motions of the first people."""
    from loki_core.training.contact_sheet import contact_sheet

    shown = scenes.pairs[:_COLUMNS]
    drawn = {method.name: method.frames(shown)[:, 1] for method in methods if method.name != "frozen portrait"}
    contact_sheet(shown, 1, drawn).save(path)
