"""What the user brings: uploads checked, portraits fitted, clips tracked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from gradio.utils import get_upload_folder
from jaxtyping import Float32, UInt8

from app.sessions import Session
from app.stage import Act, Prepared, Sitter, Stage, Stamp, Voice, name_of
from app.thumbs import Thumbs, cut_face
from app.words import say
from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices, with_identity
from loki_core.media.picture import flatten, read_picture
from loki_core.media.sound_file import read_sound
from loki_core.media.video_in import probe
from loki_core.motion.files import read_motion
from loki_core.project.contents import StoredFile
from loki_core.raster.camera import CropBox, head_crop, project
from loki_core.render.base import Portrait, Progress
from loki_core.render.resize import shrink_portrait
from loki_core.track.clip import first_faces, track_clip
from loki_core.track.landmarks import Face, FaceFinder
from loki_core.track.portrait import fit_portrait
from loki_core.track.reduced import reduce_head

__all__ = [
    "SPEECH_RATE",
    "Several",
    "clip_faces",
    "fit_sitter",
    "plain_name",
    "read_act",
    "read_voice",
    "sit",
    "stamp_of",
    "take_upload",
    "track_act",
]

_LIVE_SIDE = 512
"""Pixels of the longer side of what follows the hand."""
SPEECH_RATE = 16_000
"""Samples a second in which sounds are analysed: speech has little above half of it."""
_STAMP_SIDE = 160
"""Pixels of the side of small pictures."""
_FACE_MARGIN = 0.4
"""Of the face's half side, around it in small pictures."""


@dataclass(frozen=True, eq=False)
class Several:
    """A picture with more than one face; the user must choose."""

    faces: tuple[UInt8[np.ndarray, "H W 3"], ...]
    """Each on its own, from left to right."""


def take_upload(session: Session, path: str) -> Path:
    """Copy a file that the page has uploaded into the session's folder.

    The page names the file, so the name is believed only where uploads lie. Raises `InputError` for others and for large ones.
    """
    uploaded = Path(path).resolve()
    if not uploaded.is_relative_to(Path(get_upload_folder()).resolve()) or not uploaded.is_file():
        raise InputError(say("bad_request"))
    megabytes = uploaded.stat().st_size / 1e6
    limit = session.stage.limits.upload_megabytes
    if megabytes > limit:
        raise InputError(say("too_large", limit=limit, size=f"{megabytes:.0f}"))
    copy = session.folder / f"{uploaded.parent.name[:16]}{uploaded.suffix}"
    shutil.copyfile(uploaded, copy)
    return copy


def fit_sitter(stage: Stage, file: Path, name: str, face: int | None) -> tuple[str, Sitter] | Several:
    """Read a picture and fit the head to face number `face` (from 1, from the left); None: the only one.

    Raises `InputError` when there is no face, or no picture.
    """
    picture = read_picture(file)
    if face is None:
        with FaceFinder() as finder:
            faces = finder.find(flatten(picture.rgb, picture.alpha))
        if len(faces) > 1:
            return Several(tuple(_cut_out(picture.rgb, found) for found in faces))
    portrait = fit_portrait(picture.rgb, stage.head, alpha=picture.alpha, face=face)
    key = name_of(picture.rgb.tobytes(), str(picture.rgb.shape).encode(), str(face or 1).encode())
    return key, sit(stage, plain_name(name), portrait, StoredFile(file.read_bytes(), file.suffix.lower()), face)


def sit(stage: Stage, name: str, portrait: Portrait, picture: StoredFile, face: int | None = None) -> Sitter:
    """Make a fitted portrait ready for the viewport; `picture` and `face` say what it was fitted to."""
    live = shrink_portrait(portrait, _LIVE_SIDE / max(portrait.camera.width, portrait.camera.height))
    own = replace(stage.head, template=stage.head.template + torch.from_numpy(portrait.offsets).float())
    return Sitter(
        name,
        full=portrait,
        live=Prepared(live, stage.renderer.prepare(live)),
        crop=_head_box(stage.head, live),
        person=with_identity(stage.head, portrait.params.betas),
        landmarks=reduce_head(own),
        picture=picture,
        face=face,
    )


def stamp_of(session: Session, key: str) -> Stamp:
    """A portrait of the session, ready for small pictures: prepared when it is first asked for. Raises `InputError` for none."""
    if key not in session.sitters:
        raise InputError(say("bad_request"))
    if key not in session.stamps:
        session.stamps[key] = _stamp(session.stage, session.sitters[key].full)
    return session.stamps[key]


def _stamp(stage: Stage, portrait: Portrait) -> Stamp:
    """Make a fitted portrait ready for small pictures of its face."""
    small = shrink_portrait(portrait, _STAMP_SIDE / (2 * _face_box(portrait).half))
    return Stamp(Prepared(small, stage.renderer.prepare(small)), _face_box(small))


def clip_faces(file: Path) -> Several | None:
    """The faces of a clip, where it begins with more than one; None: there is no choice to make.

    Raises `InputError` for what is no clip.
    """
    found = first_faces(file)
    if found is None or len(found[1]) < 2:
        return None
    frame, faces = found
    return Several(tuple(cut_face(frame, face.landmarks[:, :2]) for face in faces))


def track_act(
    stage: Stage, file: Path, name: str, face: int | None, progress: Progress, cancelled: Callable[[], bool]
) -> tuple[str, Act]:
    """Track a clip. Raises `InputError` for what is no clip of a face, and for one that is too long; `Cancelled`."""
    info = probe(file)
    limit = stage.limits.clip_seconds
    if info.duration > limit:
        raise InputError(say("too_long", limit=limit, seconds=f"{float(info.duration):.0f}"))
    thumbs = Thumbs(info.frame_count)
    motion = track_clip(file, stage.head, face=face, progress=progress, cancelled=cancelled, watch=thumbs)
    return name_of(file.name.encode(), str(face).encode()), Act(plain_name(name), motion, file, info.has_sound, thumbs)


def read_act(stage: Stage, file: Path, name: str) -> tuple[str, Act]:
    """Read a motion file. Raises `InputError` for what is none, and for one that is too long."""
    motion = read_motion(file, stage.head, stage.units)
    limit, seconds = stage.limits.clip_seconds, motion.frame_count / motion.fps
    if seconds > limit:
        raise InputError(say("too_long", limit=limit, seconds=f"{float(seconds):.0f}"))
    return name_of(file.read_bytes()), Act(plain_name(name), motion, None)


def read_voice(stage: Stage, file: Path, name: str) -> tuple[str, Voice, Float32[np.ndarray, "N"]]:
    """Read a sound: its key, itself, and its samples at `SPEECH_RATE`. Raises `InputError` for none, and one that is too long."""
    samples = read_sound(file, rate=SPEECH_RATE, channels=1, most_seconds=stage.limits.clip_seconds)[:, 0]
    return name_of(file.read_bytes()), Voice(plain_name(name), file, len(samples) / SPEECH_RATE), samples


def plain_name(name: str) -> str:
    """A file's name without its ending, as it can be shown and be part of another file's name."""
    return re.sub(r"[^\w \-]", "_", Path(name).stem)[:60].strip() or "untitled"


def _head_box(head: HeadModel, portrait: Portrait) -> CropBox:
    return head_crop(project(portrait.camera, pose_vertices(head, portrait.params)))


def _face_box(portrait: Portrait) -> CropBox:
    return head_crop(torch.from_numpy(portrait.landmarks[:, :2]), margin=_FACE_MARGIN)


def _cut_out(picture: UInt8[np.ndarray, "H W 3"], face: Face) -> UInt8[np.ndarray, "h w 3"]:
    """The face with some of what is around it."""
    points, margin = face.landmarks[:, :2], 0.25 * face.size
    left, top = np.maximum(points.min(0) - margin, 0).astype(int)
    right, bottom = (points.max(0) + margin).astype(int)
    return picture[top:bottom, left:right]
