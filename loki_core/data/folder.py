"""Windows out of a folder that `prepare` wrote: the same samples as the synthetic ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from loki_core.data.portraits import draw_map
from loki_core.data.samples import Sample
from loki_core.data.shards import Shard, load_shard
from loki_core.data.vectors import head_similarity
from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.raster.driver_map import pose_and_deform

__all__ = ["MANIFEST", "FolderConfig", "FolderWindows", "folder_config"]

MANIFEST = "manifest.json"
_OPEN = 16
"""Scenes that are kept in memory."""

Split = Literal["train", "test"]


@dataclass(frozen=True)
class FolderConfig:
    """Which windows there are in a prepared folder."""

    folder: str
    manifest: str
    """SHA-256 of its manifest: other data is another run."""
    size: int
    """Side of the pictures, pixels."""
    frames: int = 4
    """Targets of a window."""
    clips: float = 0.25
    """Share of windows that are consecutive frames; the others are frames from anywhere in the scene."""
    split: Split = "train"
    seed: int = 0


def folder_config(folder: Path, *, split: Split = "train") -> FolderConfig:
    """Windows of that folder. Raises `InputError` where nothing was prepared."""
    content = _manifest_bytes(folder)
    return FolderConfig(str(folder), hashlib.sha256(content).hexdigest(), int(_parsed(content, folder)["size"]), split=split)


class FolderWindows(Dataset[Sample]):
    """An endless set: sample k depends on the folder, the seed and k alone. Scenes are shown as often as they have frames."""

    def __init__(self, head: HeadModel, config: FolderConfig) -> None:
        """Raises `InputError` where the folder is not the one that `config` names, or holds no scene that is long enough."""
        self.head, self.config, self.folder = head, config, Path(config.folder)
        content = _manifest_bytes(self.folder)
        if hashlib.sha256(content).hexdigest() != config.manifest:
            raise InputError(f"expected the folder '{config.folder}' as it was, got other data; start another run")
        sources = [source for source in _parsed(content, self.folder)["sources"] if source["split"] == config.split]
        scenes = [scene for source in sources for scene in source["scenes"] if scene["frames"] > config.frames]
        if not scenes:
            raise InputError(
                f"expected scenes of more than {config.frames} frames for '{config.split}' in '{config.folder}', found none; "
                "prepare more clips"
            )
        self.scenes: list[str] = [scene["shard"] for scene in scenes]
        self.ends = np.cumsum([scene["frames"] for scene in scenes])

    def __getitem__(self, index: int) -> Sample:
        config = self.config
        rng = np.random.default_rng([config.seed, index])
        scene = int(np.searchsorted(self.ends, rng.integers(self.ends[-1]), side="right"))
        shard = _opened(self.folder / self.scenes[scene], self.head)
        count = len(shard.pictures)
        if rng.random() < config.clips:
            first = int(rng.integers(count - config.frames + 1))
            targets = np.arange(first, first + config.frames)
            reference = int(rng.integers(count))
        else:
            reference, *others = rng.permutation(count)[: config.frames + 1].tolist()
            targets = np.array(others)
        return _sample(self.head, shard, reference, targets)


def _sample(head: HeadModel, shard: Shard, reference: int, targets: np.ndarray) -> Sample:
    params, camera, crop = shard.motion.params(), shard.motion.camera, shard.crop
    assert camera is not None  # a shard has one
    chosen = type(params)(**{name: value[torch.from_numpy(targets)] for name, value in vars(params).items()})
    map_, focus = draw_map(head, *pose_and_deform(head, chosen), camera, crop, size=shard.pictures.shape[1])
    return Sample(
        _planes(shard.pictures[reference]),
        torch.stack([_planes(shard.pictures[t]) for t in targets]),
        map_.map,
        map_.mask,
        focus,
        chosen,
        params[reference],
        camera,
        crop,
        head_similarity(head, chosen, camera, crop),
    )


def _planes(picture: UInt8[np.ndarray, "H W 3"]) -> UInt8[Tensor, "3 H W"]:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


@lru_cache(maxsize=_OPEN)
def _opened(path: Path, head: HeadModel) -> Shard:
    return load_shard(path, head)


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as exc:
        raise InputError(f"expected {MANIFEST} in '{folder}', found none; run prepare first, it is written last") from exc


def _parsed(content: bytes, folder: Path) -> dict[str, Any]:
    """The manifest, as far as it is used."""
    try:
        values: dict[str, Any] = json.loads(content)
        for source in values["sources"]:
            for scene in source["scenes"]:
                if not isinstance(scene["frames"], int) or Path(scene["shard"]).name != scene["shard"].removeprefix("scenes/"):
                    raise ValueError(f"a scene {scene!r}")
        return values
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InputError(f"expected a manifest of prepare in '{folder}', got a damaged one ({exc}); prepare it again") from exc
