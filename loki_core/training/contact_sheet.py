"""A sheet of pictures that shows what a table cannot: reference, what drives, truth, then each method, one row for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from loki_core.data.samples import Sample
from loki_core.training.held_out import Driven

__all__ = ["contact_sheet", "driven_sheet", "stacked"]

_SIDE = 128
"""Pixels of a picture on the sheet."""
_LABEL = 130
"""Pixels to the left of the rows."""
_LETTERS = 15
"""That fit on a line there."""
_TEXT, _PAPER = (20, 20, 20), (255, 255, 255)


Rows = Mapping[str, UInt8[Tensor, "N 3 H W"]]


def contact_sheet(samples: Sequence[Sample], target: int, made: Rows) -> Image.Image:
    """One column for each sample; `target` is the number of the target shown, `made` what each method drew of it.

    The map is shown by its deformation, grey where nothing moves.
    """
    maps = torch.stack([s.maps[target, -3:] for s in samples]).float()
    shown = torch.where(torch.stack([s.masks[target] for s in samples])[:, None], maps / 2 + 0.5, torch.tensor(0.0))
    return _sheet({**_given(samples, target, {"map (deformation)": (shown.clamp(0, 1) * 255).to(torch.uint8)}), **made})


def driven_sheet(samples: Sequence[Driven], target: int, made: Rows) -> Image.Image:
    """The same with the drivers' pictures in place of the map."""
    poses, faces = torch.stack([s.poses[target] for s in samples]), torch.stack([s.faces[target] for s in samples])
    return _sheet({**_given(samples, target, {"pose from": poses, "expression from": faces}), **made})


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """One below the other."""
    whole = Image.new("RGB", (max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)), _PAPER)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole


def _given(samples: Sequence[Sample], target: int, told: Rows) -> Rows:
    references, targets = torch.stack([s.reference for s in samples]), torch.stack([s.targets[target] for s in samples])
    return {"reference": references, **told, "truth": targets}


def _sheet(rows: Rows) -> Image.Image:
    count = len(next(iter(rows.values())))
    sheet = Image.new("RGB", (_LABEL + _SIDE * count, _SIDE * len(rows)), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (name, pictures) in enumerate(rows.items()):
        pen.multiline_text((8, row * _SIDE + 8), "\n".join(wrap(name, _LETTERS)), _TEXT, font=font)
        for column, picture in enumerate(pictures):
            image = Image.fromarray(np.ascontiguousarray(picture.permute(1, 2, 0).numpy()))
            sheet.paste(image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), (_LABEL + column * _SIDE, row * _SIDE))
    return sheet
