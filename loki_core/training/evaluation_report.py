"""An evaluation as a table for people and as JSON for programs."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loki_core.data.samples import HELD_OUT_SEED
from loki_core.training.evaluation import Figures, People
from loki_core.training.held_out import MOVEMENTS
from loki_core.training.leakage import Leakage

__all__ = ["Setting", "report_table", "report_values", "weights_hash"]

_WEIGHTS = Path("network") / "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Setting:
    """What the figures were made with."""

    identities: int
    steps: int
    """Of DDIM."""
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
_ROWS: tuple[_Row, ...] = (
    ("own motion: PSNR of the head, dB ↑", lambda f: f.own_psnr, ".2f", lambda p: p.pairs),
    ("own motion: SSIM of the head ↑", lambda f: f.own_ssim, ".3f", lambda p: p.pairs),
    ("another's motion: PSNR of the head, dB ↑", lambda f: f.borrowed_psnr, ".2f", lambda p: p.pairs),
    ("another's motion: SSIM of the head ↑", lambda f: f.borrowed_ssim, ".3f", lambda p: p.pairs),
    ("PSNR with a wrong map, dB", lambda f: f.wrong_map_psnr, ".2f", lambda p: p.probed),
    ("PSNR with a wrong portrait, dB", lambda f: f.wrong_reference_psnr, ".2f", lambda p: p.probed),
    *(
        (f"{name}: cosine with the true change ↑", lambda f, k=k: f.cosines[k], ".3f", lambda p: p.movements)
        for k, name in enumerate(MOVEMENTS)
    ),
    ("portrait found by the head's colours ↑", lambda f: f.retrieval, ".3f", lambda p: p.found),
    ("own motion: pose read back, degrees ↓", lambda f: f.own_read.pose_degrees, ".2f", lambda p: p.probed),
    ("own motion: HEF read back ↓", lambda f: f.own_read.hef, ".4f", lambda p: p.probed),
    ("another's motion: pose read back, degrees ↓", lambda f: f.borrowed_read.pose_degrees, ".2f", lambda p: p.probed),
    ("another's motion: HEF read back ↓", lambda f: f.borrowed_read.hef, ".4f", lambda p: p.probed),
    ("faces that the tracker found ↑", lambda f: (f.own_read.found + f.borrowed_read.found) / 2, ".3f", lambda p: p.probed),
    ("change in a held pose / in motion ↓", lambda f: f.held_change, ".3f", lambda p: p.clips),
    ("change in motion / the truth's (1 is best)", lambda f: f.liveliness, ".3f", lambda p: p.clips),
    ("seconds a frame", lambda f: f.seconds_a_frame, ".3f", lambda p: p.clips),
    ("parameters", lambda f: f.parameters, ",d", None),
)


def report_table(figures: Mapping[str, Figures], leakage: Leakage, setting: Setting) -> str:
    """A markdown table, a column for each method, that can be read as it is too; then the maps' own, and the circumstances."""
    cells = [
        ["", *figures, "people"],
        *(
            [label, *(_cell(read(f), form) for f in figures.values()), _people(figures, read, count)]
            for label, read, form, count in _ROWS
        ),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(figures) + 2)]
    lines = [_line([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]) for row in cells]
    lines.insert(1, _line(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]))
    ways = next(iter(figures.values())).ways
    notes = [
        f"{setting.identities} people whom training has not met (data seed {setting.data_seed}); "
        f"portraits are found among {ways}.",
        f"{setting.steps} steps of DDIM, guidance {setting.guidance:g}, noise seed {setting.noise_seed}, "
        f"{setting.precision}, {setting.threads} threads, commit {setting.commit or 'unknown'}.",
        *(f"Weights of {name}: SHA-256 {value}." for name, value in setting.weights.items()),
    ]
    return "\n".join([*lines, "", *_leaks(leakage), "", *notes]) + "\n"


def report_values(figures: Mapping[str, Figures], leakage: Leakage, setting: Setting) -> dict[str, Any]:
    """Plain values for JSON; what is infinite or undefined becomes None."""
    methods = {name: asdict(each) for name, each in figures.items()}
    return _finite({"setting": asdict(setting), "figures": methods, "leakage": asdict(leakage)})


def weights_hash(folder: Path) -> str:
    """SHA-256 of a saved pipeline's network, hexadecimal."""
    with (folder / _WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
