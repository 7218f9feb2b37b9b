"""Between a session and a project file: what the work needs, packed; and unpacked into a session."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from pathlib import Path

from app.material import SPEECH_RATE, sit
from app.sessions import Session
from app.stage import Act, Sitter, Voice
from app.words import say
from loki_core.errors import InputError
from loki_core.media.picture import read_picture
from loki_core.media.sound_file import read_sound
from loki_core.motion.own_expressions import joined
from loki_core.project.contents import Project, ProjectMotion, ProjectPortrait, ProjectSound, StoredFile
from loki_core.project.document import project_from_bytes
from loki_core.project.embed import extract_project
from loki_core.timeline.state import StudioState, with_frame
from loki_core.track.portrait import fit_portrait

__all__ = ["adopt", "open_in", "project_of", "read_any"]

_PLAIN = re.compile(r"[.][a-z0-9]{1,8}")


def project_of(session: Session, state: StudioState, *, clips: bool = True) -> Project:
    """The portrait and motions that a state of this session needs. `clips`: with the videos they were tracked from
    and the sounds of layers."""
    with session.lock:
        sitter = session.sitters[state.portrait]
        sources = {layer.source for layer in state.layers if not layer.by_hand}
        motions = {key: _motion(session, key, session.acts[key], clips=clips) for key in sorted(sources)}
        heard = {layer.sound.source for layer in state.layers if layer.sound is not None}
        voices = {key: session.sounds[key] for key in sorted(heard)}
    if not clips:
        state = replace(state, layers=tuple(replace(layer, sound=None) for layer in state.layers))
    sounds = {key: voice.as_saved() for key, voice in voices.items()} if clips else {}
    portraits = {state.portrait: ProjectPortrait(sitter.name, sitter.picture, sitter.face)}
    return Project(sitter.name, session.stage.head.id, state, portraits, motions, sounds)


def _motion(session: Session, key: str, act: Act, *, clips: bool) -> ProjectMotion:
    if key in session.stage.motions:
        return ProjectMotion(act.name, key)
    return act.as_saved if clips else replace(act.as_saved, media=None)


def read_any(session: Session, file: Path, name: str) -> Project | None:
    """The project in a file: its own kind, or a picture or video that carries one; None where none is inside.

    Raises `InputError` for a damaged or hostile one.
    """
    if file.suffix.lower() == ".loki":
        return project_from_bytes(file.read_bytes(), session.stage.head.id, name)
    data = extract_project(file)
    return None if data is None else project_from_bytes(data, session.stage.head.id, name)


def open_in(session: Session, project: Project) -> None:
    """Make a project the work of a session: one step of undo. Own expressions of the session stay beside the project's.

    Raises `InputError` when a part of it cannot be used; the work is as before then.
    """
    with session.lock:
        adopt(session, project)
        count = session.frame_count(project.state)
        state = with_frame(project.state, project.state.look.frame, frame_count=count)
        session.change(lambda before: replace(state, expressions=joined(state.expressions, before.expressions)))


def adopt(session: Session, project: Project) -> None:
    """Add a project's portraits, motions and sounds to a session. Raises `InputError` when one of them cannot be used."""
    sitters = {key: _sitter(session, portrait) for key, portrait in project.portraits.items()}
    acts = {key: _act(session, motion) for key, motion in project.motions.items()}
    sounds = {key: _voice(session, sound) for key, sound in project.sounds.items()}
    if project.state.portrait not in sitters:
        raise InputError(say("project_empty"))
    with session.lock:
        for key, sitter in sitters.items():
            session.keep_sitter(key, sitter)
        session.acts.update(acts)
        session.sounds.update(sounds)


def _sitter(session: Session, portrait: ProjectPortrait) -> Sitter:
    file = _write(session, portrait.picture)
    picture = read_picture(file)
    fitted = fit_portrait(picture.rgb, session.stage.head, alpha=picture.alpha, face=portrait.face)
    return sit(session.stage, portrait.name, fitted, portrait.picture, portrait.face)


def _act(session: Session, motion: ProjectMotion) -> Act:
    if isinstance(motion.source, str):
        if motion.source not in session.stage.motions:
            raise InputError(say("project_preset", name=motion.source))
        return session.stage.motions[motion.source]
    clip = None if motion.media is None else _write(session, motion.media)
    return Act(motion.name, motion.source, clip, has_sound=clip is not None)


def _voice(session: Session, sound: ProjectSound) -> Voice:
    file = _write(session, sound.file)
    samples = read_sound(file, rate=SPEECH_RATE, channels=1, most_seconds=session.stage.limits.clip_seconds)
    return Voice(sound.name, file, len(samples) / SPEECH_RATE)


def _write(session: Session, stored: StoredFile) -> Path:
    """A file of the project in the session's folder, under a name of our own."""
    suffix = stored.suffix if _PLAIN.fullmatch(stored.suffix) else ""
    file = session.folder / f"project-{secrets.token_hex(8)}{suffix}"
    file.write_bytes(stored.content)
    return file
