"""Finished frames on disk, by what they were made of: work that was stopped goes on, and only what changed is made again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from loki_core.files import replacing
from loki_core.head.params import FlameParams
from loki_core.render.base import Cancelled, Progress, Renderer, SequenceRenderer

__all__ = ["FrameCache", "frame_keys", "render_missing"]

Picture = UInt8[np.ndarray, "H W C"]
_CODE = Path(__file__).parent
_QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def frame_keys(renderer: Renderer, portrait: str, frames: FlameParams) -> list[str]:
    """What stands for each frame of the batch (shape (T,)): hashes over the portrait's own, the coefficients, the renderer with
    its settings and weights, and the code. Where a frame depends on others, their coefficients and its place among them count."""
    start = hashlib.sha256(f"{renderer.name}|{renderer.signature}|{portrait}|{_code_hash()}".encode())
    columns = [getattr(frames, field.name).contiguous().numpy() for field in fields(frames)]
    total, keys = frames.batch_shape[0], []
    for index in range(total):
        digest = start.copy()
        reach = range(index, index + 1)
        if isinstance(renderer, SequenceRenderer):
            reach = renderer.reach(index, total)
            digest.update(f"{index}|{reach.start}|{reach.stop}".encode())
        for column in columns:
            digest.update(column[reach.start : reach.stop].tobytes())
        keys.append(digest.hexdigest())
    return keys


def render_missing(
    renderer: Renderer,
    prepare: Callable[[], Any],
    frames: FlameParams,
    keys: Sequence[str],
    cache: FrameCache,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Picture]:
    """All frames in order; those that the cache lacks are rendered and put there. `prepare` is called when one is lacking.

    `progress` counts frames; where one takes many steps, what is done of those to come counts as well. Raises `Cancelled`.
    """
    total, prepared = len(keys), None
    show = _rising(progress, total)
    for start, stop, known in _runs([key in cache for key in keys]):
        made: Iterator[Picture] = iter(())
        if not known:
            prepared = prepare() if prepared is None else prepared
            made = _rendered(renderer, prepared, frames, range(start, stop), show, cancelled)
        for index in range(start, stop):
            if cancelled is not None and cancelled():
                raise Cancelled
            picture = cache.get(keys[index]) if known else next(made)
            if picture is None:  # removed, or found damaged, since it was looked for
                prepared = prepare() if prepared is None else prepared
                picture = next(_rendered(renderer, prepared, frames, range(index, index + 1), show, cancelled))
                cache.put(keys[index], picture)
            elif not known:
                cache.put(keys[index], picture)
            yield picture
            show(index + 1)


def _rendered(
    renderer: Renderer,
    prepared: Any,
    frames: FlameParams,
    part: range,
    show: Callable[[int], None],
    cancelled: Callable[[], bool] | None,
) -> Iterator[Picture]:
    """Frames `part` of the batch, made anew."""

    def step(done: int, total: int) -> None:
        show(part.start + done * len(part) // total)

    if isinstance(renderer, SequenceRenderer):
        return iter(renderer.render_part(prepared, frames, part, progress=step, cancelled=cancelled))
    return iter(renderer.render(prepared, frames[part.start : part.stop], cancelled=cancelled))


def _rising(progress: Progress | None, total: int) -> Callable[[int], None]:
    """Passes on how many frames are done, never fewer than before."""
    most = 0

    def show(done: int) -> None:
        nonlocal most
        if progress is not None and done > most:
            most = done
            progress(done, total)

    return show


class FrameCache:
    """Pictures by key in one folder, without loss; those that were not used for longest go when there are too many bytes."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder, self._most = folder, most_bytes

    def __contains__(self, key: str) -> bool:
        return self._path(key).is_file()

    def get(self, key: str) -> Picture | None:
        """The picture, or None where there is none that can be read."""
        path = self._path(key)
        try:
            data = np.frombuffer(path.read_bytes(), np.uint8)
        except FileNotFoundError:
            return None
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
        if image is None or image.ndim != 3:
            return None
        os.utime(path)
        return np.ascontiguousarray(image[..., [2, 1, 0, 3][: image.shape[2]]])

    def put(self, key: str, picture: Picture) -> None:
        """Keep a picture."""
        done, data = cv2.imencode(".png", picture[..., [2, 1, 0, 3][: picture.shape[2]]], _QUICK)
        assert done
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(key)) as file:
            file.write(data.tobytes())

    def trim(self) -> None:
        """Remove what is too much."""
        found = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob("*.png")), reverse=True)
        held = 0
        for _, size, path in found:
            held += size
            if held > self._most:
                path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.png"


def _runs(marks: Sequence[bool]) -> list[tuple[int, int, bool]]:
    """Neighbours that are marked alike, as (start, stop, mark)."""
    edges = [0, *(i for i in range(1, len(marks)) if marks[i] != marks[i - 1]), len(marks)]
    return [(start, stop, marks[start]) for start, stop in pairwise(edges) if stop > start]


@lru_cache(maxsize=1)
def _code_hash() -> str:
    """Over the renderers' source: other code makes other pictures."""
    digest = hashlib.sha256()
    for file in sorted(_CODE.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
