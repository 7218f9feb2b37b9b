"""From the work to a file that can be taken home."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import UInt8
from moviepy.audio.AudioClip import AudioClip

from app.gpu import Borrowing, worth_a_loan
from app.lia_x import driven
from app.paces import Watch
from app.pictures import MAP_SIDE, draw_map, opaque
from app.projects import project_of
from app.requests import Reply
from app.sessions import Session
from app.soundtrack import heard_in, mixed
from app.stage import Sitter, Stage
from app.words import say
from loki_core.errors import InputError
from loki_core.head.params import FlameParams
from loki_core.media.panel import compose_panel
from loki_core.media.picture import flatten, write_picture
from loki_core.media.video_out import open_writer
from loki_core.motion.clip import Motion
from loki_core.motion.files import MOTION_ENDINGS, write_motion
from loki_core.motion.formats.mesh_out import write_mesh
from loki_core.project.document import project_to_bytes
from loki_core.project.embed import embed_project
from loki_core.raster.export import write_map
from loki_core.render.base import Cancelled, Progress, Renderer
from loki_core.render.cut_out import cut_out
from loki_core.render.frame_cache import frame_keys, render_missing
from loki_core.timeline.state import StudioState, played_range

__all__ = ["FORMATS", "Order", "known_frames", "order_range", "render_order", "stem_of", "watch_of"]

Picture = UInt8[np.ndarray, "H W C"]

FORMATS = ("mp4", "webm", "webm_cut", "gif", "png", "png_cut", "map", "exr", "npz", "csv", "glb", "obj")
"""png: numbered pictures in a zip file; webm and png keep what is transparent, and with `_cut` show the person alone; map: a
video of the driver map; exr: its channels, numbered files in a zip; npz, csv, glb: the motion; obj: the head in one frame."""
_CUT = "_cut"


@dataclass(frozen=True)
class Order:
    """What is to be rendered."""

    state: StudioState
    format: str
    frame: int | None
    """A single frame, as a PNG; None: the range."""
    sound: bool
    """Carry the clip's sound over, where there is any."""
    panel: bool
    """Portrait and driver map beside every frame."""
    project: bool
    """Carry the project inside, without the clips: dropped on the page again, the file brings the work back."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise InputError(f"expected one of {', '.join(FORMATS)}, got '{self.format}'")

    @property
    def draws(self) -> bool:
        """Whether the renderer makes its frames; else the driver map or the motion itself is written."""
        return self.format not in ("map", "exr", "obj") and f".{self.format}" not in MOTION_ENDINGS

    @property
    def cut_out(self) -> bool:
        """Whether the person is shown alone."""
        return self.format.endswith(_CUT)

    @property
    def video(self) -> str:
        """Ending of the file that takes the frames."""
        return "mp4" if self.format == "map" else self.format.removesuffix(_CUT)


def render_order(session: Session, order: Order, folder: Path, progress: Progress, cancelled: Callable[[], bool]) -> Reply:
    """Render into the new folder `folder`, and say where the file is. Raises `Cancelled`; nothing half-written is left."""
    stage, state = session.stage, order.state
    sitter, fps = session.sitters[state.portrait], Fraction(*state.fps)
    first, stop = order_range(session, order)
    frames = session.frames(state, first, stop)
    watch = watch_of(session, order)
    folder.mkdir()
    stem = stem_of(session, state)
    try:
        if order.format == "obj":
            return _write_mesh(folder / f"{stem}-{order.frame or first}.obj", stage, frames)
        if f".{order.format}" in MOTION_ENDINGS:
            return _write_motion(folder / f"{stem}.{order.format}", stage, sitter, frames, fps)
        if order.format == "exr":
            return _write_channels(folder, stem, first, stage, sitter, frames, progress, cancelled)
        if order.format == "map":
            stem = f"{stem}-map"
            drawn = _maps(order, stage, sitter, frames, progress, cancelled)
            pictures = watch.frames(drawn, [False] * (stop - first))
        else:
            pictures = _pictures(order, session, sitter, frames, watch, progress, cancelled)
        if order.panel and order.format != "map":
            pictures = _panels(order, stage, sitter, frames, pictures)
        if order.frame is not None:
            reply = _write_still(folder / f"{stem}-{order.frame}.png", next(pictures))
        else:
            reply = _write_video(folder, stem, order.video, pictures, fps, _sound(session, order, first, stop))
        if order.project and (order.video == "mp4" or order.frame is not None):
            embed_project(Path(reply["path"]), project_to_bytes(project_of(session, state, clips=False)))
        return reply
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        watch.tell(session)


def order_range(session: Session, order: Order) -> tuple[int, int]:
    """The frames of an order, from the first to before `stop`. Raises `InputError` for one that is not there."""
    count = session.frame_count(order.state)
    if order.frame is None:
        return played_range(order.state, count)
    if not 0 <= order.frame < count:
        raise InputError(f"expected a frame from 0 to {count - 1}, got {order.frame}")
    return order.frame, order.frame + 1


def stem_of(session: Session, state: StudioState) -> str:
    """Portrait and motion, as a file is called after them."""
    sitter, act = session.sitters[state.portrait], session.act(state)
    return f"{sitter.name}-{act.name}" if act else sitter.name


def watch_of(session: Session, order: Order) -> Watch:
    """What measures an order, and names what was measured of others like it."""
    height, width = session.sitters[order.state.portrait].full.image.shape[:2]
    choice = order.state.render
    maker = f"{choice.renderer} {dict(choice.settings)}" if order.draws else "map"
    form = "png" if order.frame is not None else order.video
    return Watch(maker, f"{form} beside" if order.panel else form, height * width / 1e6)


def known_frames(session: Session, order: Order) -> list[bool]:
    """Which frames of an order are on disk. Raises `InputError` where its renderer cannot be had."""
    sitter, (first, stop) = session.sitters[order.state.portrait], order_range(session, order)
    if not order.draws:
        return [False] * (stop - first)
    frames = session.stage.frames
    return [key in frames for key in _keys(order, session, sitter, session.frames(order.state, first, stop))]


def _renderer(session: Session, order: Order) -> Renderer:
    renderer = session.stage.renderers.get(order.state.render.renderer, dict(order.state.render.settings))
    return driven(session, order.state, renderer, *order_range(session, order))


def _keys(order: Order, session: Session, sitter: Sitter, frames: FlameParams) -> list[str]:
    return frame_keys(_renderer(session, order), f"{sitter.picture.sha256}|{sitter.face}|{order.cut_out}", frames)


def _pictures(
    order: Order,
    session: Session,
    sitter: Sitter,
    frames: FlameParams,
    watch: Watch,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Iterator[Picture]:
    """Those that are on disk are taken from there."""
    portrait = cut_out(sitter.full) if order.cut_out else sitter.full
    renderer, keys = _renderer(session, order), _keys(order, session, sitter, frames)
    stage, choice = session.stage, (order.state.render.renderer, order.state.render.settings)
    if stage.lent is not None and worth_a_loan(choice):
        renderer = Borrowing(renderer, choice, stage.lent)
    pictures = render_missing(
        renderer, lambda: watch.prepared(lambda: renderer.prepare(portrait)), frames, keys, stage.frames,
        progress=progress, cancelled=cancelled,
    )  # fmt: skip
    yield from watch.frames(pictures, [key in stage.frames for key in keys])
    stage.frames.trim()


def _maps(
    order: Order, stage: Stage, sitter: Sitter, frames: FlameParams, progress: Progress, cancelled: Callable[[], bool]
) -> Iterator[Picture]:
    """The driver map as the page shows it."""
    count = frames.batch_shape[0]
    for index in range(count):
        if cancelled():
            raise Cancelled
        yield draw_map(stage, sitter, frames[index], order.state.look.map)
        progress(index + 1, count)


def _sound(session: Session, order: Order, first: int, stop: int) -> AudioClip | None:
    """What is heard in some frames."""
    if not order.sound or order.format == "gif":
        return None
    return mixed(heard_in(session, order.state, first, stop), (stop - first) / Fraction(*order.state.fps))


def _panels(order: Order, stage: Stage, sitter: Sitter, frames: FlameParams, pictures: Iterator[Picture]) -> Iterator[Picture]:
    """Portrait, driver map and each picture in a row."""
    captions = [say("view_portrait"), say("view_map"), say("result")]
    still = flatten(sitter.full.image, sitter.full.alpha)
    for index, picture in enumerate(pictures):
        driver_map = draw_map(stage, sitter, frames[index], order.state.look.map)
        yield compose_panel([still, driver_map, opaque(picture)], captions=captions, height=len(still))


def _write_mesh(path: Path, stage: Stage, frames: FlameParams) -> Reply:
    write_mesh(path, stage.head, frames[0])
    return _result(path, "none")


def _write_motion(path: Path, stage: Stage, sitter: Sitter, frames: FlameParams, fps: Fraction) -> Reply:
    motion = Motion.of(frames, fps=fps, head=stage.head.id, camera=sitter.full.camera)
    write_motion(path, motion, stage.head, stage.units)
    return _result(path, "none")


def _write_channels(
    folder: Path,
    stem: str,
    first: int,
    stage: Stage,
    sitter: Sitter,
    frames: FlameParams,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> Reply:
    """The driver map's channels: the EXR file of a single frame, or numbered ones in a zip."""

    def step(done: int, total: int) -> None:
        if cancelled():
            raise Cancelled
        progress(done, total)

    camera, size, single = sitter.live.portrait.camera, (MAP_SIDE, MAP_SIDE), frames.batch_shape[0] == 1
    with TemporaryDirectory(dir=folder) as scratch:
        drawn = Path(scratch) / "map.exr"
        write_map(drawn, stage.head, frames, camera, sitter.crop, size=size, form="exr", progress=step)
        if single:
            return _result(drawn.replace(folder / f"{stem}-{first}.exr"), "none")
        target = folder / f"{stem}-map.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # the files are compressed in themselves
            for file in sorted(drawn.iterdir()):
                archive.write(file, file.name)
                file.unlink()
    return _result(target, "none")


def _write_still(path: Path, picture: Picture) -> Reply:
    write_picture(path, picture)
    return _result(path, "image")


def _write_video(
    folder: Path, stem: str, kind: str, pictures: Iterator[Picture], fps: Fraction, sound: AudioClip | None
) -> Reply:
    first = next(pictures)
    path = folder / (stem if kind == "png" else f"{stem}.{kind}")
    with open_writer(path, fps, (first.shape[0], first.shape[1]), sound=sound) as writer:
        for picture in chain([first], pictures):
            writer.write(picture)
    if kind == "png":
        return _result(Path(shutil.make_archive(str(folder / stem), "zip", path)), "none")
    return _result(path, "image" if kind == "gif" else "video")


def _result(path: Path, kind: str) -> Reply:
    """`kind`: how the page can show it."""
    return {"path": str(path), "name": path.name, "kind": kind}
