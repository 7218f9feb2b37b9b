"""Tracking a clip: landmarks in one pass over the video, then one identity for all frames, then frame by frame.

The video is streamed and the landmarks wait in a temporary file, so memory does not grow with the clip.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from loki_core.errors import InputError
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.media.video_in import probe, read_frames, select_span
from loki_core.motion.clip import Motion
from loki_core.motion.filters import SmoothSettings, smooth
from loki_core.motion.gaps import bridge_gaps
from loki_core.raster.camera import Camera
from loki_core.render.base import Cancelled, Progress
from loki_core.track.errors import measured_errors
from loki_core.track.landmarks import LANDMARK_COUNT, Face, FaceFinder, FaceFollower, choose_face
from loki_core.track.lids import close_lids, iris_trust, measure_lids
from loki_core.track.portrait import frame_params
from loki_core.track.posing import Frames, pose_landmarks, project_points
from loki_core.track.priors import head_priors
from loki_core.track.reader import FrameReader, as_one_person, measure_shift, measured_reader, take_out
from loki_core.track.reduced import LandmarkHead, reduce_head, shape_head
from loki_core.track.solver import Identity, measure_misfit, solve_frames, solve_identity

__all__ = ["Watch", "first_faces", "track_clip"]

Watch = Callable[[UInt8[np.ndarray, "H W 3"], Float[np.ndarray, "L 2"] | None], None]
"""Is shown every frame as it is read, with the landmarks found in it; None where the face is lost."""

_SEARCH_EVERY = 5
"""Frames between two searches of the whole picture while the face is lost."""
_IDENTITY_FRAMES = 24
"""Frames that the identity is solved on."""
_CANDIDATES = 400
"""Frames that those are chosen from."""
_CHUNK = 32
"""Frames solved at a time: their derivatives fit the processor's cache."""
_GOOD_ERROR = 0.03
"""Reprojection error over the distance of the outer eye corners at which confidence has fallen to a half."""
_OUTER_CORNERS = (33, 263)
_FIRST_SEARCHES = 20
"""Searches after which a clip counts as one whose faces come late: some seconds of it."""
_SMOOTHING = SmoothSettings(head_window=0.3, face_window=0.2)
"""Takes the trembling of the landmarks, leaves blinks and syllables."""


def track_clip(
    path: str | os.PathLike[str], head: HeadModel, *, start: Fraction | None = None, end: Fraction | None = None,
    face: int | None = None, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None,
    watch: Watch | None = None,
) -> Motion:  # fmt: skip
    """Track one face through a clip, from `start` to `end` (seconds).

    `face`: its number in the first frame that shows one, from 1, counted from left to right; None: the largest. Frames without
    it have confidence 0 and are bridged. `progress` counts frames twice: once read, once solved. `watch` sees them when read.
    Raises `InputError` when no frame shows a face, `Cancelled` when `cancelled` says so.
    """
    info = probe(path)
    span = select_span(info, start=start, end=end)
    tick = _Ticker(progress, cancelled, 2 * span.frame_count)
    camera = Camera(focal=2.0 * max(info.size), cx=info.width / 2, cy=info.height / 2, width=info.width, height=info.height)
    with tempfile.TemporaryFile() as store:
        _detect(read_frames(path, start=start, end=end), store, measured_reader(), face, tick, watch)
        stored = _stored(store, measured_reader())
        seen = ~np.isnan(stored.landmarks[:, 0, 0])
        if not seen.any():
            raise InputError(
                f"expected a clip of a human face, found none in {Path(path).name}; use one in which the face is larger"
            )
        motion = _solve(stored, seen, head, camera, span.fps, tick)
    return smooth(bridge_gaps(motion), head, _SMOOTHING)


def first_faces(path: str | os.PathLike[str]) -> tuple[UInt8[np.ndarray, "H W 3"], list[Face]] | None:
    """The first frame that shows a face, and its faces from left to right, as `track_clip` numbers them.

    None when the first seconds show none: tracking looks further. Raises `InputError` for what is no clip.
    """
    with FaceFinder() as finder:
        for frame in islice(read_frames(path), 0, _FIRST_SEARCHES * _SEARCH_EVERY, _SEARCH_EVERY):
            faces = finder.find(frame)
            if faces:
                return frame, faces
    return None


@dataclass(frozen=True, eq=False)
class _Stored:
    """What the first pass found in every frame, on disk; NaN where the face is lost."""

    landmarks: Float[np.ndarray, "T L 2"]
    seen: Float[np.ndarray, "T U3"]
    """What the reader saw in the picture."""


@dataclass
class _Ticker:
    """Counts finished frames, and stops the work when the user asks."""

    progress: Progress | None
    cancelled: Callable[[], bool] | None
    total: int
    done: int = 0

    def __call__(self, frames: int = 1) -> None:
        if self.cancelled is not None and self.cancelled():
            raise Cancelled
        self.done += frames
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)


def _detect(
    frames: Iterator[UInt8[np.ndarray, "H W 3"]], store: IO[bytes], reader: FrameReader, face: int | None, tick: _Ticker,
    watch: Watch | None,
) -> None:  # fmt: skip
    """Write the landmarks and the picture's part of the reading of every frame, NaN where the face is lost."""
    since_seen, last = 0, None
    missing = np.full(2 * LANDMARK_COUNT + len(reader.offset), np.nan)
    with FaceFinder() as finder, FaceFollower() as follower:
        for frame in frames:
            landmarks = follower.follow(frame)
            if landmarks is None and since_seen % _SEARCH_EVERY == 0:
                found = _search(finder, frame, face, last)
                if found is not None:
                    follower.start(found)
                    landmarks = follower.follow(frame)
            row = missing
            if landmarks is not None:
                last = landmarks[:, :2]
                row = np.concatenate([last.ravel(), reader.see(frame, last)])
            since_seen = 0 if landmarks is not None else since_seen + 1
            store.write(row.astype(np.float32).tobytes())
            if watch is not None:
                watch(frame, None if landmarks is None else landmarks[:, :2])
            tick()


def _search(
    finder: FaceFinder, frame: UInt8[np.ndarray, "H W 3"], face: int | None, last: Float[np.ndarray, "L 2"] | None
) -> Face | None:
    """The chosen face at first; later the one nearest to where it was lost."""
    faces = finder.find(frame)
    if not faces:
        return None
    if last is None:
        return choose_face(faces, face)
    return min(faces, key=lambda f: float(np.linalg.norm(f.landmarks[:, :2].mean(0) - last.mean(0))))


def _stored(store: IO[bytes], reader: FrameReader) -> _Stored:
    width = 2 * LANDMARK_COUNT + len(reader.offset)
    count = store.seek(0, os.SEEK_END) // (4 * width)
    store.flush()
    rows = np.memmap(store, dtype=np.float32, mode="r", shape=(count, width)) if count else np.empty((0, width), np.float32)
    return _Stored(rows[:, : 2 * LANDMARK_COUNT].reshape(count, LANDMARK_COUNT, 2), rows[:, 2 * LANDMARK_COUNT :])


def _solve(stored: _Stored, seen: Bool[np.ndarray, "T"], head: HeadModel, camera: Camera, fps: Fraction, tick: _Ticker) -> Motion:
    reduced, priors, model, reader = reduce_head(head), head_priors(head), measured_errors(), measured_reader()
    names = head.expression_names

    def frames_at(index: Int[np.ndarray, "B"]) -> tuple[Float[np.ndarray, "B L 2"], Float[np.ndarray, "B U3"]]:
        return stored.landmarks[index].astype(np.float64), stored.seen[index].astype(np.float64)

    shown = np.flatnonzero(seen)
    observed, pictured = frames_at(_varied(stored.landmarks, shown))
    reading = reader.read(observed, pictured, names)
    identity, frames = solve_identity(
        reduced, observed, camera, priors, errors=model, trust=iris_trust(observed),
        reading=as_one_person(reading, reader.read(observed, pictured, names, own=True)),
    )  # fmt: skip
    shift = measure_shift(reading, frames)
    lids = measure_lids(reduced, identity, frames, observed, names)
    own = measured_errors(own=True).shifted(measure_misfit(reduced, identity, frames, observed, model))
    parts, errors = [], []
    for first in range(0, len(shown), _CHUNK):
        observed, pictured = frames_at(shown[first : first + _CHUNK])
        reading, trust = take_out(shift, reader.read(observed, pictured, names, own=True)), iris_trust(observed)
        frames = solve_frames(reduced, identity, observed, priors, errors=own, reading=reading, trust=trust)
        frames = solve_frames(
            reduced, identity, observed, priors, errors=own.with_sharp_lips(), reading=reading, trust=trust, posed=frames, steps=4
        )
        frames = close_lids(reduced, identity, frames, observed, lids)
        parts.append(frame_params(reduced, identity, frames))
        errors.append(_error(reduced, identity, frames, observed))
        tick(len(observed))
    return _motion(parts, np.concatenate(errors), seen, identity, head, fps)


def _varied(landmarks: Float[np.ndarray, "T L 2"], shown: Int[np.ndarray, "N"]) -> Int[np.ndarray, "K"]:
    """Frames that differ most in pose and expression: farthest-point sampling over landmarks without place and size."""
    candidates = shown[np.linspace(0, len(shown) - 1, min(len(shown), _CANDIDATES)).round().astype(int)]
    shapes = np.array(landmarks[candidates], dtype=np.float64)
    shapes -= shapes.mean(1, keepdims=True)
    shapes /= np.sqrt((shapes**2).mean((1, 2), keepdims=True))
    flat = shapes.reshape(len(shapes), -1)
    picked = [int(np.argmin(((flat - np.median(flat, axis=0)) ** 2).sum(1)))]
    nearest = ((flat - flat[picked[0]]) ** 2).sum(1)
    while len(picked) < min(_IDENTITY_FRAMES, len(candidates)):
        picked.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((flat - flat[picked[-1]]) ** 2).sum(1))
    return candidates[np.sort(picked)]


def _error(
    head: LandmarkHead, identity: Identity, frames: Frames, observed: Float[np.ndarray, "B L 2"]
) -> Float[np.ndarray, "B"]:
    """Mean reprojection error over the distance of the outer eye corners."""
    expected = project_points(identity.camera, pose_landmarks(shape_head(head, identity.betas), frames).points)
    right, left = (observed[:, corner] for corner in _OUTER_CORNERS)
    return np.linalg.norm(expected - observed, axis=-1).mean(1) / np.linalg.norm(right - left, axis=-1)


def _motion(
    parts: list[FlameParams], errors: Float[np.ndarray, "N"], seen: Bool[np.ndarray, "T"],
    identity: Identity, head: HeadModel, fps: Fraction,
) -> Motion:  # fmt: skip
    """Join the chunks; frames without a face are zero, with confidence 0."""
    where = torch.from_numpy(np.flatnonzero(seen))

    def placed(name: str) -> torch.Tensor:
        values = torch.cat([getattr(p, name) for p in parts])
        return torch.zeros(len(seen), *values.shape[1:]).index_copy(0, where, values)

    confidence = torch.zeros(len(seen)).index_copy(0, where, torch.from_numpy(1 / (1 + (errors / _GOOD_ERROR) ** 2)).float())
    return Motion(
        betas=torch.from_numpy(identity.betas).float(),
        **{name: placed(name) for name in ("expression", "global_orient", "neck_pose", "jaw_pose", "eye_pose", "translation")},
        confidence=confidence,
        fps=fps,
        head=head.id,
        camera=identity.camera,
    )
