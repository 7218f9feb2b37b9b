"""A driver's clip, from its file to what the network is told."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from loki_core.media.video_out import open_writer
from loki_core.motion.clip import Motion
from loki_core.render.dex.renderer import DexRenderer
from loki_core.render.reenact import Driver, watching
from loki_core.render.warp.renderer import WarpRenderer
from tests.render.dex.test_dex_renderer import renderer, told
from tests.track.faces import HEAD


def film(path: Path, portrait, frames) -> Path:
    """The warped portrait as a video."""
    warp = WarpRenderer(HEAD)
    with open_writer(path, Fraction(25), portrait.image.shape[:2]) as writer:
        for picture in warp.render(warp.prepare(portrait), frames):
            writer.write(np.ascontiguousarray(picture[..., :3]))
    return path


def test_the_clip_of_a_driver_is_read_picture_by_picture(pipeline, portrait, frames, tmp_path: Path):
    few = frames[:3]
    motion = Motion.of(few, fps=Fraction(25), head=HEAD.id, camera=portrait.camera)
    driver = Driver(motion, film(tmp_path / "driver.mp4", portrait, few))
    plain = renderer(pipeline, told="clip")
    made = watching(plain, driver)
    assert isinstance(made, DexRenderer)
    prepared = plain.prepare(portrait)
    by_film = told(made, prepared, few)
    by_warp = told(renderer(pipeline, told="warp"), prepared, few)
    # one picture in two squares that hardly differ, compressed in between: near, but not the same
    assert (by_film.expressions - by_warp.expressions).abs().mean() < 0.5 * by_warp.expressions.abs().mean()
    assert not torch.equal(by_film.poses[0], by_film.poses[2])


def test_a_renderer_that_is_told_otherwise_and_a_driver_without_a_clip_stay_as_they_are(pipeline, portrait, frames, tmp_path):
    motion = Motion.of(frames, fps=Fraction(25), head=HEAD.id, camera=portrait.camera)
    for made in (renderer(pipeline), renderer(pipeline, told="warp")):
        assert watching(made, Driver(motion, tmp_path / "driver.mp4")) is made
    filmed = renderer(pipeline, told="clip")
    assert watching(filmed, Driver(motion)) is filmed
    assert watching(filmed, Driver(replace(motion, camera=None), tmp_path / "driver.mp4")) is filmed
