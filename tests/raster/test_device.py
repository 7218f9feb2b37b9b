from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from loki_core.raster import device

_FIRST_PICTURES = """
from concurrent.futures import ThreadPoolExecutor
import torch
from loki_core.raster.rasterize import rasterize
clip = torch.tensor([[-1.0, 1, 0, 1], [-1, -1, 0, 1], [1, 1, 0, 1]])
with ThreadPoolExecutor(4) as pool:
    masks = list(pool.map(lambda _: rasterize(clip, torch.tensor([[0, 1, 2]]), size=(8, 8)).mask, range(16)))
assert all(torch.equal(mask, masks[0]) for mask in masks) and masks[0].any()
"""


def test_the_first_pictures_of_a_process_may_come_from_many_threads_and_nothing_is_printed() -> None:
    root = Path(device.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", _FIRST_PICTURES], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
