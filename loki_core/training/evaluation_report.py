"""An evaluation as tables for people and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from loki_core.data.samples import HELD_OUT_SEED
from loki_core.training.evaluation import Figures, Likeness, People
from loki_core.training.evaluation_pose import PoseAccuracy
from loki_core.training.held_out import MOVEMENTS
from loki_core.training.leakage import Leakage
from loki_core.training.seams import Seams

__all__ = ["Setting", "cell", "markdown_table", "notes", "pose_lines", "report_table", "report_values"]

_NONE: Mapping[str, PoseAccuracy] = MappingProxyType({})
_NO_SEAMS: Mapping[str, Seams] = MappingProxyType({})


@dataclass(frozen=True)
class Setting:
    """What the figures were made with."""

    identities: int
    steps: Mapping[str, int]
    """Of DDIM, by the column's name."""
    guidance: float
    commit: str | None
    weights: Mapping[str, str]
    """SHA-256 of the file of each network, by the column's name."""
    threads: int
    """That the network was given."""
    precision: str
    """Of its arithmetic."""
    noise_seed: int = 0
    data_seed: int = HELD_OUT_SEED


_Row = tuple[str, Callable[[Figures], float | None], str, Callable[[People], int] | None]
"""What it says, the value, its form, and how many people it stands on."""


def _likeness(name: str, of: Callable[[Figures], Likeness | None], count: Callable[[People], int]) -> tuple[_Row, ...]:
    return (
        (f"{name}: PSNR of the head, dB ↑", lambda f: each.psnr if (each := of(f)) else None, ".2f", count),
        (f"{name}: SSIM of the head ↑", lambda f: each.ssim if (each := of(f)) else None, ".3f", count),
    )


def _read(name: str, of: Callable[[Figures], Likeness | None], count: Callable[[People], int]) -> tuple[_Row, ...]:
    return (
        (f"{name}: pose read back, degrees ↓", lambda f: each.read.pose_degrees if (each := of(f)) else None, ".2f", count),
        (f"{name}: HEF read back ↓", lambda f: each.read.hef if (each := of(f)) else None, ".4f", count),
    )


_ROWS: tuple[_Row, ...] = (
    *_likeness("own motion", lambda f: f.own, lambda p: p.pairs),
    *_likeness("another's motion", lambda f: f.borrowed, lambda p: p.pairs),
    *_likeness("pose and face of two others", lambda f: f.apart, lambda p: p.apart),
    ("PSNR with a wrong driver, dB", lambda f: f.wrong_driver_psnr, ".2f", lambda p: p.probed),
    ("PSNR with a wrong portrait, dB", lambda f: f.wrong_reference_psnr, ".2f", lambda p: p.probed),
    *(
        (f"{name}: cosine with the true change ↑", lambda f, k=k: f.cosines[k], ".3f", lambda p: p.movements)
        for k, name in enumerate(MOVEMENTS)
    ),
    ("portrait found by the head's colours ↑", lambda f: f.borrowed.identity, ".3f", lambda p: p.found),
    *_read("own motion", lambda f: f.own, lambda p: p.probed),
    *_read("another's motion", lambda f: f.borrowed, lambda p: p.probed),
    *_read("pose and face of two others", lambda f: f.apart, lambda p: p.apart),
    (
        "another face: head moved, degrees ↓",
        lambda f: f.separation.pose_degrees if f.separation else None,
        ".2f",
        lambda p: p.apart,
    ),
    ("another face: head turned, by matching, degrees ↓", lambda f: f.turned, ".2f", lambda p: min(p.apart, p.probed)),
    ("another pose: face changed, HEF ↓", lambda f: f.separation.hef if f.separation else None, ".4f", lambda p: p.apart),
    ("faces that the tracker found ↑", lambda f: (f.own.read.found + f.borrowed.read.found) / 2, ".3f", lambda p: p.probed),
    ("change in a held pose / in motion ↓", lambda f: f.held_change, ".3f", lambda p: p.clips),
    ("change in motion / the truth's (1 is best)", lambda f: f.liveliness, ".3f", lambda p: p.clips),
    ("seconds a frame", lambda f: f.seconds_a_frame, ".3f", lambda p: p.clips),
    ("parameters", lambda f: f.parameters, ",d", None),
)


def report_table(
    figures: Mapping[str, Figures],
    leakage: Leakage,
    setting: Setting,
    *,
    poses: Mapping[str, PoseAccuracy] = _NONE,
    seams: Mapping[str, Seams] = _NO_SEAMS,
) -> str:
    """A markdown table, a column for each method, that can be read as it is too; then learned poses, the maps' own, and the
    circumstances."""
    rows = [
        [label, *(cell(read(f), form) for f in figures.values()), _people(figures, read, n)] for label, read, form, n in _ROWS
    ]
    lines = markdown_table([["", *figures, "people"], *rows])
    return "\n".join([*lines, "", *pose_lines(poses), *_seam_lines(seams), *_leaks(leakage), "", *notes(figures, setting)]) + "\n"


def pose_lines(poses: Mapping[str, PoseAccuracy]) -> list[str]:
    """A table of learned poses beside the known ones, and an empty line; nothing where there are none."""
    if not poses:
        return []
    head = ["learned pose beside the known one", "rotation, degrees ↓", "place, % of the side ↓", "size, % ↓", "pictures"]
    rows = []
    for name, found in poses.items():
        for label, errors in ((name, found.learned), ("one pose for all", found.constant)):
            shown = (errors.rotation_degrees, errors.shift_percent, errors.scale_percent)
            rows.append([label, *(f"{value:.2f}" for value in shown), str(found.pictures)])
    return [*markdown_table([head, *rows]), ""]


def notes(figures: Mapping[str, Figures], setting: Setting) -> list[str]:
    """The circumstances."""
    ways = next(iter(figures.values())).ways
    return [
        f"{setting.identities} people whom training has not met (data seed {setting.data_seed}); "
        f"portraits are found among {ways}.",
        f"Guidance {setting.guidance:g}, noise seed {setting.noise_seed}, {setting.precision}, {setting.threads} threads, "
        f"commit {setting.commit or 'unknown'}.",
        *(f"Steps of DDIM for {name}: {count}." for name, count in setting.steps.items()),
        *(f"Weights of {name}: SHA-256 {value}." for name, value in setting.weights.items()),
    ]


def markdown_table(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines that can be read as they are too: all cells of a column are of one width. The first row is the head."""
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [_line([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]) for row in cells]
    return [lines[0], _line(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]), *lines[1:]]


def report_values(
    figures: Mapping[str, Figures],
    setting: Setting,
    *,
    leakage: Leakage | None = None,
    poses: Mapping[str, PoseAccuracy] = _NONE,
    seams: Mapping[str, Seams] = _NO_SEAMS,
) -> dict[str, Any]:
    """Plain values for JSON; what is infinite or undefined becomes None."""
    values: dict[str, Any] = {
        "setting": asdict(setting),
        "figures": {name: asdict(each) for name, each in figures.items()},
        "poses": {name: asdict(each) for name, each in poses.items()},
        "seams": {name: asdict(each) for name, each in seams.items()},
    }
    return _finite(values if leakage is None else {**values, "leakage": asdict(leakage)})


def _seam_lines(seams: Mapping[str, Seams]) -> list[str]:
    """A table and an empty line; nothing where there are none."""
    if not seams:
        return []
    head = ["clips of several windows: change from frame to frame / the truth's", "at joints of windows", "elsewhere", "clips"]
    rows = [[name, f"{s.at_joints:.3f}", f"{s.elsewhere:.3f}", f"{s.clips} of {s.frames} frames"] for name, s in seams.items()]
    return [*markdown_table([head, *rows]), ""]


def _leaks(found: Leakage) -> list[str]:
    return [
        "| drivers named from their maps (chance " + f"{found.chance:.3f}) | nearest map | linear probe |",
        "| --- | ---: | ---: |",
        f"| drawn on the driver's own head | {found.own_nearest:.3f} | {found.own_linear:.3f} |",
        f"| drawn on one portrait's head | {found.portrait_nearest:.3f} | {found.portrait_linear:.3f} |",
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _people(
    figures: Mapping[str, Figures], read: Callable[[Figures], float | None], count: Callable[[People], int] | None
) -> str:
    """How many a row stands on: most methods' number, and which have another."""
    if count is None:
        return ""
    counts = {name: count(each.people) for name, each in figures.items() if read(each) is not None}
    most = max(counts.values(), default=0)
    return ", ".join([str(most), *(f"{name} {number}" for name, number in counts.items() if number != most)])


def cell(value: float | None, form: str) -> str:
    """A figure as a table has it: a dash where it does not apply."""
    return "–" if value is None else format(value, form)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
