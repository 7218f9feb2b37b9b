"""What a prepared folder holds, as a page of figures with a picture of their spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

__all__ = ["draw_plots", "report_page"]

_PLOTS = (
    ("side", "side of the crop, pixels"),
    ("sharpness", "sharpness"),
    ("confidence", "confidence of the tracker"),
    ("turn_degrees", "turn of the head, degrees"),
    ("expression", "liveliness of the expression"),
    ("frames", "frames of a scene"),
)
"""Figures of a scene that are plotted, and their names."""
_WIDE, _HIGH, _EDGE, _BINS = 320, 200, 36, 20
_INK, _FILL, _PAPER = (40, 40, 40), (70, 110, 170), (255, 255, 255)


def report_page(manifest: Mapping[str, Any], plots: str) -> str:
    """Markdown: what was kept, why the rest was not, and the picture `plots`."""
    sources = manifest["sources"]
    lines = ["# Prepared clips", "", "| | train | test |", "| --- | ---: | ---: |"]
    sides = [[source for source in sources if source["split"] == split] for split in ("train", "test")]
    kept = [[scene for source in side for scene in source["scenes"]] for side in sides]
    rows = (
        ("people", [str(len({source["person"] for source in side if source["scenes"]})) for side in sides]),
        ("clips", [str(len(side)) for side in sides]),
        ("scenes", [str(len(scenes)) for scenes in kept]),
        ("frames", [str(sum(scene["frames"] for scene in scenes)) for scenes in kept]),
        ("minutes", [f"{sum(_seconds(scene) for scene in scenes) / 60:.1f}" for scenes in kept]),
    )
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    lost: Counter[str] = Counter()
    for source in sources:
        for refusal in source["refused"]:
            lost[refusal["reason"].partition(":")[0]] += refusal["frames"]
    lines += ["", "| left out because | frames |", "| --- | ---: |"]
    lines += [f"| {reason} | {frames} |" for reason, frames in sorted(lost.items())]
    return "\n".join([*lines, "", f"![Spread of the scenes' figures]({plots})"]) + "\n"


def draw_plots(manifest: Mapping[str, Any]) -> Image.Image:
    """A histogram over scenes of each figure, three in a row."""
    scenes = [scene for source in manifest["sources"] for scene in source["scenes"]]
    sheet = Image.new("RGB", (3 * _WIDE, -(-len(_PLOTS) // 3) * _HIGH), _PAPER)
    for index, (field, title) in enumerate(_PLOTS):
        values = np.array([scene[field] for scene in scenes], np.float64)
        sheet.paste(_histogram(values, title), (index % 3 * _WIDE, index // 3 * _HIGH))
    return sheet


def _histogram(values: Float[np.ndarray, "N"], title: str) -> Image.Image:
    plot = Image.new("RGB", (_WIDE, _HIGH), _PAPER)
    pen, font = ImageDraw.Draw(plot), ImageFont.load_default(12)
    left, right, top, bottom = _EDGE, _WIDE - _EDGE // 2, _EDGE, _HIGH - _EDGE
    pen.text((left, 10), title, _INK, font=font)
    pen.line([(left, top), (left, bottom), (right, bottom)], _INK)
    if not len(values):
        pen.text((left + 8, top + 8), "no scene", _INK, font=font)
        return plot
    counts, edges = np.histogram(values, _BINS)
    step = (right - left) / _BINS
    for k, count in enumerate(counts):
        height = (bottom - top) * count / counts.max()
        if count:
            pen.rectangle([left + k * step + 1, bottom - height, left + (k + 1) * step - 1, bottom - 1], _FILL)
    pen.text((left, bottom + 4), f"{edges[0]:.4g}", _INK, font=font)
    pen.text((right, bottom + 4), f"{edges[-1]:.4g}", _INK, font=font, anchor="ra")
    pen.text((left - 4, top), str(counts.max()), _INK, font=font, anchor="ra")
    return plot


def _seconds(scene: Mapping[str, Any]) -> float:
    return float(scene["frames"] * scene["fps"][1] / scene["fps"][0])
