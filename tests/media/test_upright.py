from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from loki_core.media.upright import square_size, turn, upright_rgb
from tests.media.clips import quadrants


@pytest.mark.parametrize("a", [-1, 1])
@pytest.mark.parametrize("d", [-1, 1])
@pytest.mark.parametrize("swaps", [False, True])
def test_turn_moves_each_pixel_where_the_matrix_says(a, d, swaps):
    """Oracle: (x, y) @ matrix for each pixel, moved back into the picture."""
    matrix = np.array([[0, a], [d, 0]] if swaps else [[a, 0], [0, d]], np.int32)
    pixels = np.arange(2 * 3).reshape(2, 3)
    ys, xs = np.mgrid[:2, :3]
    moved = np.stack([xs.ravel(), ys.ravel()], axis=1) @ matrix
    moved -= moved.min(axis=0)
    expected = np.empty(moved.max(axis=0)[::-1] + 1, int)
    expected[moved[:, 1], moved[:, 0]] = pixels.ravel()
    np.testing.assert_array_equal(turn(pixels, matrix), expected)


def test_pixels_become_square_by_growing():
    assert square_size(720, 576, Fraction(16, 11)) == (1047, 576)
    assert square_size(720, 480, Fraction(8, 9)) == (720, 540)
    assert square_size(720, 480, None) == square_size(720, 480, Fraction(1)) == (720, 480)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv422p10le", "yuv444p", "gbrp", "rgba", "nv12", "p010le"])
@pytest.mark.parametrize("height", [64, 720])
def test_colours_survive_every_pixel_format(pix_fmt, height):
    picture = quadrants(height, 96)
    matrix = "ITU709" if height >= 720 else "ITU601"
    stored = av.VideoFrame.from_ndarray(picture).reformat(format=pix_fmt, dst_colorspace=matrix)
    stored.colorspace = 2  # unspecified, as in most files
    read = upright_rgb(stored, 96, height, VideoReformatter())
    corners = (slice(8, None, height - 16), slice(8, None, 80))
    assert np.abs(read[corners].astype(int) - picture[corners]).max() <= 4


def test_grey_stays_grey():
    ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1))
    read = upright_rgb(av.VideoFrame.from_ndarray(ramp, "gray"), 128, 64, VideoReformatter())
    assert np.abs(read.astype(int) - ramp[..., None]).max() <= 2


def test_transparent_pixels_show_white():
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:32] = (10, 20, 30, 255)
    read = upright_rgb(av.VideoFrame.from_ndarray(pixels, "rgba"), 64, 64, VideoReformatter())
    assert (read[5, 5] == (10, 20, 30)).all() and (read[60, 5] == 255).all()


def test_hdr_is_brought_to_srgb():
    """Oracle: HLG puts diffuse white at 75 % of its signal (ITU-R BT.2408); wide-gamut red becomes fuller."""
    signal = np.zeros((64, 96, 3), np.uint16)
    signal[:32] = round(0.75 * 65535)
    signal[32:, :, 0] = round(0.5 * 65535)
    stored = av.VideoFrame.from_ndarray(signal, "rgb48le").reformat(format="yuv420p10le", dst_colorspace="BT2020")
    stored.color_trc, stored.color_primaries = 18, 9
    read = upright_rgb(stored, 96, 64, VideoReformatter())
    assert read[8, 8].min() >= 250 and read[50, 8, 0] > 145 and read[50, 8, 1] < 30
