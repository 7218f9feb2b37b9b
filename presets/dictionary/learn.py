"""Learns directions.json from the presets, the generators and random faces: python presets/dictionary/learn.py (a minute)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from loki_core.head.embedded import embedded_head
from loki_core.motion.dictionary import DICTIONARY
from loki_core.motion.dictionary_learning import explained, face_samples, learn_directions
from loki_core.motion.presets import EXPRESSIONS, MOTIONS, list_presets, load_expression, load_motion_preset

COUNT, DRAWN, SPARSITY, SEED = 20, 600, 0.15, 0


def main() -> None:
    expressions, _ = list_presets(EXPRESSIONS, load_expression)
    motions, _ = list_presets(MOTIONS, load_motion_preset)
    samples = face_samples(embedded_head(), expressions, motions, drawn=DRAWN, seed=SEED)
    directions = learn_directions(samples, COUNT, sparsity=SPARSITY, seed=SEED)
    rows = [{"name": d.name, "label": d.label, "units": d.units} for d in directions]
    DICTIONARY.write_text(json.dumps({"directions": rows}, indent=1) + "\n", encoding="utf-8")
    print(f"{len(samples)} faces, {len(directions)} directions, {explained(samples, directions):.1%} explained")  # noqa: T201


if __name__ == "__main__":
    main()
