"""What videos of both kinds have in common."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from tests.media.clips import quadrants
from tests.media.test_video_out import tone, write_all


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_a_film_says_that_it_is_bt709_and_has_as_much_sound_as_pictures(tmp_path, name):
    path = write_all(tmp_path / name, [quadrants()] * 10, Fraction(25), sound=tone(seconds=2))
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        next(container.decode(video=0))
        assert (context.color_primaries, context.color_trc) == (ColorPrimaries.BT709, ColorTrc.BT709)
        assert (context.colorspace, context.color_range) == (1, ColorRange.MPEG)
    with av.open(str(path)) as container:
        ends = [(frame.time or 0.0) + frame.samples / frame.sample_rate for frame in container.decode(audio=0)]
    assert max(ends) == pytest.approx(10 / 25, abs=0.05)
