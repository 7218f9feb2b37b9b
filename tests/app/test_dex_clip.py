"""DeX-Portrait in a session, told by the clip that the timeline shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app.edits import apply_edit
from app.lia_x import driven
from app.sessions import Session
from loki_core.media.video_out import open_writer
from loki_core.motion.clip import Motion
from loki_core.render.dex.renderer import DexRenderer
from loki_core.timeline.performance import frame_rate
from loki_core.timeline.state import with_motion
from tests.dex.saved import save_tiny_dex

FRAMES = 5


@pytest.fixture
def filmed(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The example, driven by a clip in which its portrait darkens."""
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path / "weights"))
    save_tiny_dex(tmp_path / "weights" / "dex" / "mini", session.stage.head)
    portrait, act = session.sitters[session.state.portrait].full, session.acts["nod"]
    rate, path = frame_rate(act.performance), tmp_path / "driver.mp4"
    height, width = portrait.image.shape[:2]
    with open_writer(path, rate, (height, width)) as writer:
        for index in range(FRAMES):
            writer.write((portrait.image * (1 - 0.15 * index)).astype(np.uint8))
    still = replace(
        portrait.params, **{name: value.expand(FRAMES, *value.shape) for name, value in vars(portrait.params).items()}
    )
    motion = Motion.of(still, fps=rate, head=session.stage.head.id, camera=portrait.camera)
    session.acts["clip"] = replace(act, name="Driver", clip=path, performance=motion)
    session.change(lambda state: with_motion(state, "clip", "Driver", rate))
    apply_edit(session, {"do": "renderer", "name": "dex"})
    return session


def renderer(session: Session, told: str) -> DexRenderer:
    apply_edit(session, {"do": "render_setting", "name": "told", "value": told})
    made = session.stage.renderers.get("dex", dict(session.state.render.settings))
    found = driven(session, session.state, made, 0, FRAMES)
    assert isinstance(found, DexRenderer)
    return found


def test_the_network_is_told_each_picture_of_the_clip_where_that_is_asked(filmed: Session):
    made = renderer(filmed, "clip")
    prepared = made.prepare(filmed.sitters[filmed.state.portrait].full)
    told = made.motions(prepared, filmed.frames(filmed.state, 0, FRAMES))(0, FRAMES)
    assert told.poses.shape == (FRAMES, 3, 4)
    assert all(not torch.equal(told.expressions[0], later) for later in told.expressions[1:])


def test_the_clip_counts_in_what_frames_depend_on_only_where_it_is_asked(filmed: Session):
    signatures = {told: renderer(filmed, told).signature for told in ("clip", "warp", "coefficients")}
    assert len(set(signatures.values())) == 3
    assert signatures["warp"].endswith("|") and not signatures["clip"].endswith("|")
