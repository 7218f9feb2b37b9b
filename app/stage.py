"""What all sessions share and none changes: the head, the renderer, the presets; and what a session keeps of its own material."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from app.gpu import Draw
from app.thumbs import Thumbs
from loki_core.head.model import HeadModel
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.presets import ExpressionPreset
from loki_core.project.contents import ProjectMotion, ProjectSound, StoredFile
from loki_core.raster.camera import CropBox
from loki_core.render.base import Portrait, Renderer
from loki_core.render.frame_cache import FrameCache
from loki_core.render.registry import Renderers
from loki_core.timeline.performance import Performance
from loki_core.track.reduced import LandmarkHead

__all__ = ["Act", "Limits", "Prepared", "Sitter", "Stage", "Stamp", "Voice", "data_url", "jpeg", "name_of", "png"]

_QUALITY = 85


@dataclass(frozen=True)
class Limits:
    """What one page may ask for."""

    upload_megabytes: int = 500
    clip_seconds: int = 600
    pages: int = 64
    """Open at the same time."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A portrait at one size, ready to be moved."""

    portrait: Portrait
    scene: Any
    """What the renderer made of it."""


@dataclass(frozen=True, eq=False)
class Sitter:
    """A portrait that a session can show."""

    name: str
    full: Portrait
    """As it was given: what is rendered."""
    live: Prepared
    """Small enough to follow the hand."""
    crop: CropBox
    """The square around the head that the driver map is drawn in, in pixels of `live`."""
    person: HeadModel
    """The head with this portrait's identity."""
    landmarks: LandmarkHead
    """The head with this portrait's offsets, reduced to what a hand can take hold of."""
    picture: StoredFile
    """The file as it was given."""
    face: int | None = None
    """Which of its faces, from 1, from the left; None: the only one."""


@dataclass(frozen=True, eq=False)
class Stamp:
    """A portrait at the size of a stamp, and the square around its face."""

    prepared: Prepared
    crop: CropBox


@dataclass(frozen=True, eq=False)
class Act:
    """A motion that a session can play."""

    name: str
    performance: Performance
    clip: Path | None
    """The video it was tracked from, for its sound; None for presets."""
    has_sound: bool = False
    thumbs: Thumbs | None = None
    """Small pictures of the driver's face; None where no clip has been tracked."""

    @cached_property
    def as_saved(self) -> ProjectMotion:
        """As a project holds it: made once, for work is saved often. Not for presets, which are saved by name."""
        assert isinstance(self.performance, Motion)
        heard = self.clip if self.has_sound else None
        media = None if heard is None else StoredFile(heard.read_bytes(), heard.suffix.lower())
        return ProjectMotion(self.name, self.performance, media)


@dataclass(frozen=True)
class Voice:
    """A sound that layers can carry."""

    name: str
    file: Path
    seconds: float

    def as_saved(self) -> ProjectSound:
        """As a project holds it."""
        return ProjectSound(self.name, StoredFile(self.file.read_bytes(), self.file.suffix.lower()))


@dataclass(frozen=True, eq=False)
class Stage:
    """Built once, read by every session."""

    head: HeadModel
    units: UnitBasis
    renderer: Renderer
    """What draws while one works: fast enough to follow the hand."""
    renderers: Renderers
    """What a render may be drawn by; each is built when the first render asks for it."""
    expressions: Mapping[str, ExpressionPreset]
    motions: Mapping[str, Act]
    """The presets, by the name of their file."""
    limits: Limits
    executor: Executor
    """For work that takes long: rendering and tracking."""
    frames: FrameCache
    """Finished pictures of all sessions: found only by who has the same portrait."""
    lent: Draw | None = None
    """Draws what needs a GPU where one is lent; None: renderers draw where they are."""
    own: Path | None = None
    """The folder of the user's own expressions; None: they are kept with their work alone."""


def jpeg(image: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """The picture as the page shows it while one works."""
    done, data = cv2.imencode(".jpg", image[..., 2::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    return data.tobytes()


def png(image: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """The picture without loss."""
    done, data = cv2.imencode(".png", image[..., ::-1])
    assert done
    return data.tobytes()


def data_url(image: UInt8[np.ndarray, "H W 3"]) -> str:
    """The picture as an address that needs no request."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(image)).decode()}"


def name_of(*parts: bytes) -> str:
    """16 hex digits that stand for what they were made of."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:16]
