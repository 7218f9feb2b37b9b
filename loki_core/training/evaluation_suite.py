"""The comparison of renderers as tables: how near each comes to the truth for each kind of motion, and what it moves apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loki_core.training.evaluation import Figures, Likeness
from loki_core.training.evaluation_pose import PoseAccuracy
from loki_core.training.evaluation_report import Setting, cell, markdown_table, notes, pose_lines
from loki_core.training.held_out import MOVEMENTS
from loki_core.training.methods import TRUTH

__all__ = ["suite_table"]

_HEAD = (
    "renderer", "motion", "PSNR of the head, dB ↑", "SSIM ↑", "pose (HPF), degrees ↓", "HEF ↓", "faces found ↑",
    "identity kept ↑", "people", "parameters", "seconds a frame",
)  # fmt: skip
_APART_HEAD = (
    "renderer", "another face: head turned, degrees ↓", "people", "as the tracker reads it ↓", "people",
    "another pose: face changed, HEF ↓", "the truth's, same people", "people",
    *(f"{name}: cosine ↑" for name in MOVEMENTS), "people",
)  # fmt: skip


def suite_table(
    figures: Mapping[str, Figures], setting: Setting, *, poses: Mapping[str, PoseAccuracy], absent: Sequence[str]
) -> str:
    """Markdown: a row for each method and kind of motion; then what moves apart, learned poses, and the circumstances.

    `absent` says what is left out, and why.
    """
    lines = [
        *markdown_table([_HEAD, *(row for name, each in figures.items() for row in _rows(name, each))]),
        "",
        *markdown_table([_APART_HEAD, *(_apart(name, each, figures.get(TRUTH)) for name, each in figures.items())]),
        "",
        *pose_lines(poses),
        *notes(figures, setting),
        *(f"Left out: {each}." for each in absent),
    ]
    return "\n".join(lines) + "\n"


def _rows(name: str, figures: Figures) -> list[list[str]]:
    people = figures.people
    parameters, seconds = cell(figures.parameters, ",d"), cell(figures.seconds_a_frame, ".3f")
    kinds = (
        ("same identity", figures.own, people.pairs),
        ("cross identity", figures.borrowed, people.pairs),
        ("disentangled", figures.apart, people.apart),
    )
    return [[name, kind, *_cells(likeness), str(count), parameters, seconds] for kind, likeness, count in kinds]


def _cells(found: Likeness | None) -> list[str]:
    if found is None:
        return [cell(None, "")] * 6
    shown = (found.psnr, ".2f"), (found.ssim, ".3f"), (found.read.pose_degrees, ".2f"), (found.read.hef, ".4f")
    return [cell(value, form) for value, form in (*shown, (found.read.found, ".3f"), (found.identity, ".3f"))]


def _apart(name: str, figures: Figures, truth: Figures | None) -> list[str]:
    found, floor = figures.separation, truth.separation if truth else None
    moved = [cell(None, "")] * 7
    if found is not None:
        face = cell(found.hef, ".4f") + (f" ± {found.hef_error:.4f}" if found.hef_error is not None else "")
        least = cell(floor.hef_among(found) if floor else None, ".4f")
        read = [cell(found.pose_degrees, ".2f"), str(found.pose_people), face, least, str(found.hef_people)]
        moved = [cell(figures.turned, ".2f"), str(min(figures.people.apart, figures.people.probed)), *read]
    return [name, *moved, *(f"{value:.3f}" for value in figures.cosines), str(figures.people.movements)]
