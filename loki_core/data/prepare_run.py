"""Many videos into one folder of scenes: side by side, and going on where it was stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from loki_core.data.folder import MANIFEST
from loki_core.data.preparing import PrepareConfig, Refusal, Scene, prepare_video
from loki_core.data.shards import save_shard
from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.embedded import embedded_head
from loki_core.head.model import HeadModel
from loki_core.head.rotation import compose
from loki_core.render.base import Progress

__all__ = ["Source", "find_videos", "prepare"]

_ENDINGS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})
_PARTS, _SCENES = "parts", "scenes"
_VERSION = 1


@dataclass(frozen=True)
class Source:
    """One video."""

    path: Path
    name: str
    """Its path in the folder that was given, with slashes."""
    person: str
    """Videos of one name here are on one side of the split: those of a subfolder, else the video alone."""


def find_videos(given: Sequence[Path]) -> tuple[Source, ...]:
    """The videos in folders and among files, by name. Raises `InputError` where there is none."""
    found: dict[str, Source] = {}
    for place in given:
        if not place.exists():
            raise InputError(f"expected a folder or a video, found none at '{place}'; check the name")
        root = place.parent if place.is_file() else place
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and path.suffix.lower() in _ENDINGS:
                inner = path.relative_to(root)
                name = inner.as_posix()
                if name in found:
                    raise InputError(f"expected each video once, got '{name}' from two places; rename one")
                found[name] = Source(path, name, inner.parts[0] if len(inner.parts) > 1 else name)
    if not found:
        raise InputError(f"expected videos ({', '.join(sorted(_ENDINGS))}), found none; choose another folder")
    return tuple(found[name] for name in sorted(found))


def prepare(
    sources: Sequence[Source],
    out: Path,
    config: PrepareConfig,
    *,
    held_out: float = 0.02,
    workers: int = 0,
    commit: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Prepare each video that is not yet done in `out`, and write the manifest; returns it.

    A video is done when its part is written: its name tells the video's bytes, the settings and the head. `held_out` is the
    share of people that are kept for tests, chosen by a hash of their names, so that more videos leave the others where they are.
    `workers`: processes; 0 = this one. `progress` counts videos.
    """
    head = embedded_head()
    for name in (_PARTS, _SCENES):
        (out / name).mkdir(parents=True, exist_ok=True)
    keys = {source.name: _key(source.path, config, head) for source in sources}
    left = [source for source in sources if not _part_path(out, keys[source.name]).is_file()]
    done = len(sources) - len(left)
    for count, _ in enumerate(_work(left, keys, out, config, workers), start=done + 1):
        if progress is not None:
            progress(count, len(sources))
    manifest = {
        "version": _VERSION,
        "commit": commit,
        "head": [head.name, head.hash],
        "size": config.size,
        "settings": asdict(config),
        "held_out": held_out,
        "sources": [_entry(source, out, keys[source.name], held_out) for source in sources],
    }
    with replacing(out / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=2) + "\n").encode())
    return manifest


def _work(left: Sequence[Source], keys: dict[str, str], out: Path, config: PrepareConfig, workers: int) -> Iterator[None]:
    """Prepare the videos; one item for each that is done, in any order."""
    if workers < 1:
        for source in left:
            _prepare_one(source.path, keys[source.name], out, config)
            yield
        return
    # spawned: threads of MediaPipe and torch do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        jobs = [pool.submit(_prepare_one, source.path, keys[source.name], out, config) for source in left]
        try:
            for job in as_completed(jobs):
                job.result()
                yield
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    """The processes share the cores already."""
    torch.set_num_threads(1)


def _prepare_one(path: Path, key: str, out: Path, config: PrepareConfig) -> None:
    """Write the scenes of a video, then its part, which says that they are whole."""
    scenes: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    try:
        for found in prepare_video(path, embedded_head(), config):
            if isinstance(found, Refusal):
                refused.append(asdict(found))
            else:
                scenes.append(_save(found, f"{key}-{len(scenes):03d}.npz", out))
    except InputError as exc:
        refused.append({"start": 0.0, "frames": 0, "reason": f"unreadable: {exc}"})
    with replacing(_part_path(out, key)) as file:
        file.write(json.dumps({"scenes": scenes, "refused": refused}).encode())


def _save(scene: Scene, name: str, out: Path) -> dict[str, Any]:
    """Write one scene; what the manifest says of it."""
    path, shard = out / _SCENES / name, scene.shard
    save_shard(path, shard)
    motion = shard.motion
    turn = torch.rad2deg(compose(motion.global_orient, motion.neck_pose).norm(dim=-1))
    return {
        "shard": f"{_SCENES}/{name}",
        "sha256": _sha256(path),
        "start": round(scene.start, 3),
        "frames": motion.frame_count,
        "fps": [motion.fps.numerator, motion.fps.denominator],
        "side": 2 * shard.crop.half,
        "sharpness": round(float(np.median(shard.sharpness)), 2),
        "confidence": round(float(motion.confidence.mean()), 4),
        "turn_degrees": round(float(turn.mean()), 2),
        "expression": round(float(motion.expression.std(0, correction=0).sum()), 4),
    }


def _entry(source: Source, out: Path, key: str, held_out: float) -> dict[str, Any]:
    part = json.loads(_part_path(out, key).read_bytes())
    return {"video": source.name, "person": source.person, "split": _split(source.person, held_out), "key": key, **part}


def _split(person: str, held_out: float) -> str:
    number = int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big")
    return "test" if number < held_out * 2**64 else "train"


def _key(path: Path, config: PrepareConfig, head: HeadModel) -> str:
    told = json.dumps([_VERSION, _sha256(path), asdict(config), head.hash], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _part_path(out: Path, key: str) -> Path:
    return out / _PARTS / f"{key}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
