from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from loki_core.errors import InputError
from loki_core.media.video_in import probe, read_frames, select_span
from tests.media.clips import Beep, numbered, numbers, quadrants, write_clip

NTSC = Fraction(30000, 1001)


def count_up(count: int, height: int = 64, width: int = 96) -> list[np.ndarray]:
    return [numbered(k, height, width) for k in range(count)]


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), NTSC, Fraction(60000, 1001), Fraction(25, 2)])
@pytest.mark.parametrize("name", ["c.mp4", "c.mov", "c.mkv", "c.avi", "c.ts"])
def test_every_frame_comes_once_at_the_exact_rate(tmp_path, fps, name):
    path = write_clip(tmp_path / name, count_up(40), fps=fps)
    info = probe(path)
    assert (info.fps, info.frame_count, info.size, info.has_sound) == (fps, 40, (64, 96), False)
    assert not info.variable_rate and abs(info.duration - 40 / fps) < Fraction(2, 1000)
    assert numbers(read_frames(path)) == list(range(40))


def test_mpeg4_in_avi_and_vp9_in_webm_are_read(tmp_path):
    for name, codec in (("c.avi", "mpeg4"), ("c.webm", "libvpx-vp9")):
        path = write_clip(tmp_path / name, count_up(20), fps=NTSC, codec=codec)
        assert probe(path).fps == NTSC and numbers(read_frames(path)) == list(range(20))


@pytest.mark.parametrize("name", ["c.mp4", "c.mkv", "c.ts", "c.avi"])
@pytest.mark.parametrize("first", [0, 1, 37, 61, 79])
def test_a_part_begins_at_its_very_frame_wherever_key_frames_lie(tmp_path, name, first):
    path = write_clip(tmp_path / name, count_up(80), fps=NTSC, key_every=25)
    assert numbers(read_frames(path, start=first / NTSC, end=min(first + 5, 80) / NTSC)) == list(range(first, min(first + 5, 80)))


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_variable_rates_are_resampled_by_presentation_time(tmp_path, name):
    ticks = np.cumsum([0, *([33, 34, 33] * 6), 133, 34, 33, 100, 33, 34, 17, 16, 33])
    path = write_clip(tmp_path / name, count_up(len(ticks)), fps=Fraction(30), ticks=[int(t) for t in ticks])
    info = probe(path)
    assert info.variable_rate and info.fps in (Fraction(30), NTSC)
    shown = numbers(read_frames(path))
    assert len(shown) == info.frame_count
    for k, number in enumerate(shown):
        begins = ticks[number] / 1000
        ends = ticks[number + 1] / 1000 if number + 1 < len(ticks) else np.inf
        assert begins - 0.02 <= (k + 0.5) / float(info.fps) <= ends + 0.02


def test_another_rate_repeats_or_drops_frames(tmp_path):
    path = write_clip(tmp_path / "c.mp4", count_up(20), fps=Fraction(50))
    assert numbers(read_frames(path, fps=Fraction(25))) == list(range(0, 20, 2))
    assert numbers(read_frames(path, fps=Fraction(100))) == [k // 2 for k in range(40)]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_flags_are_applied(tmp_path, rotation):
    path = write_clip(tmp_path / "r.mp4", [quadrants()] * 3, rotation=rotation)
    upright = np.rot90(quadrants(), rotation // 90)  # the flag turns counter-clockwise, as rot90 does
    read = list(read_frames(path))
    assert probe(path).size == upright.shape[:2] == read[0].shape[:2]
    assert np.abs(read[1][8::48, 8::48].astype(int) - upright[8::48, 8::48]).max() <= 12


def test_a_slanted_rotation_flag_is_refused(tmp_path):
    path = write_clip(tmp_path / "r.mp4", count_up(3), rotation=30)
    with pytest.raises(InputError, match="quarters"):
        probe(path)


def test_non_square_pixels_are_squared(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count_up(3), aspect=Fraction(4, 3))
    assert probe(path).size == (64, 128)
    assert numbers(read_frames(path)) == [0, 1, 2] and next(read_frames(path)).shape == (64, 128, 3)


def test_non_square_pixels_are_squared_before_turning(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count_up(3), aspect=Fraction(4, 3), rotation=90)
    assert probe(path).size == (128, 64) == next(read_frames(path)).shape[:2]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("t.mkv", "libx264", "yuv420p10le"), ("g.mkv", "ffv1", "gray"), ("a.mov", "png", "rgba"), ("f.mp4", "libx264", "yuvj420p")],
)
def test_ten_bit_grey_alpha_and_full_range_are_converted(tmp_path, name, codec, pix_fmt):
    path = write_clip(tmp_path / name, count_up(6), codec=codec, pix_fmt=pix_fmt)
    frames = list(read_frames(path))
    assert numbers(frames) == list(range(6))
    assert frames[3].max() >= 250 and frames[3].min() <= 5


def test_odd_sizes_are_kept(tmp_path):
    path = write_clip(tmp_path / "o.mkv", count_up(4, 65, 97), codec="ffv1", pix_fmt="yuv420p")
    assert probe(path).size == (65, 97) and next(read_frames(path)).shape == (65, 97, 3)


def test_one_frame_makes_a_clip(tmp_path):
    path = write_clip(tmp_path / "one.mp4", count_up(1), fps=NTSC)
    assert probe(path).frame_count == 1 and len(list(read_frames(path))) == 1


def test_a_still_picture_is_a_clip_of_one_frame(tmp_path):
    Image.fromarray(quadrants()).save(tmp_path / "s.png")
    assert probe(tmp_path / "s.png").frame_count == 1
    (frame,) = read_frames(tmp_path / "s.png")
    np.testing.assert_array_equal(frame, quadrants())


def test_an_animated_gif_keeps_its_delays(tmp_path):
    frames = [Image.fromarray(numbered(k)) for k in range(5)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=[40, 40, 120, 40, 80], loop=0)
    info = probe(tmp_path / "a.gif")
    assert info.fps == 25 and info.duration == Fraction(32, 100)
    assert numbers(read_frames(tmp_path / "a.gif")) == [0, 1, 2, 2, 2, 3, 4, 4]


def test_frames_cut_off_by_an_edit_list_do_not_show(tmp_path):
    """Trimming without re-encoding, as phones do, keeps the key frame and hides what comes before the cut."""
    whole = write_clip(tmp_path / "whole.mp4", count_up(60), key_every=20)
    with av.open(str(whole)) as source, av.open(str(tmp_path / "cut.mp4"), "w", options={"avoid_negative_ts": "disabled"}) as cut:
        stream = cut.add_stream_from_template(source.streams.video[0])
        assert source.streams.video[0].time_base is not None
        shift = int(30 * Fraction(1, 25) / source.streams.video[0].time_base)
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is not None and packet.dts is not None and packet.pts >= shift * 20 // 30:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
                cut.mux(packet)
    shown = numbers(read_frames(tmp_path / "cut.mp4"))
    assert shown == list(range(30, 60)) and probe(tmp_path / "cut.mp4").frame_count == 30


def test_a_clip_cut_short_gives_its_readable_frames_and_a_warning(tmp_path, caplog):
    whole = write_clip(tmp_path / "w.mkv", [np.random.default_rng(k).integers(0, 256, (64, 96, 3), np.uint8) for k in range(30)])
    data = whole.read_bytes()
    (tmp_path / "t.mkv").write_bytes(data[: len(data) // 2])
    count = len(list(read_frames(tmp_path / "t.mkv")))
    assert 8 <= count < 30
    assert abs(probe(tmp_path / "t.mkv").frame_count - count) <= 1


def test_damage_in_the_middle_is_reported_and_time_goes_on(tmp_path, caplog):
    path = write_clip(tmp_path / "d.mov", [numbered(k) for k in range(40)], codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    starts = [i for i in range(len(data)) if data[i : i + 4] == b"IDAT"]
    data[starts[20] - 12 : starts[20] + 4] = bytes(16)
    path.write_bytes(bytes(data))
    shown = numbers(read_frames(path))
    assert len(shown) == 40 and shown[20] == 19 and shown[21:] == list(range(21, 40))
    assert "damaged" in caplog.text


def test_refusals_name_the_file_and_a_way_out(tmp_path):
    def written(name: str, data: bytes):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    sound_only = tmp_path / "sound.mp4"
    with av.open(str(sound_only), "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(Beep(0.1, 0.5).samples(), "fltp", "stereo")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    whole = write_clip(tmp_path / "whole.mp4", count_up(20)).read_bytes()
    Image.fromarray(quadrants()).save(tmp_path / "moving.webp", save_all=True, append_images=[Image.fromarray(numbered(1))])
    cases = {
        "does not exist": tmp_path / "none.mp4",
        "the folder": tmp_path,
        "0 bytes": written("empty.mp4", b""),
        "none of them": written("text.mp4", b"these are words, not pictures\n" * 50),
        "none of them or": written("list.mp4", b"#EXTM3U\n#EXTINF:1,\nwhole.mp4\n"),
        "sound only": sound_only,
        "cut short": written("cut.mp4", whole[: len(whole) // 2]),
        "16 to 8192 pixels": write_clip(tmp_path / "small.mkv", count_up(2, 8, 8), codec="ffv1", pix_fmt="gray"),
        "at most 240 frames": write_clip(tmp_path / "fast.mp4", count_up(20), fps=Fraction(1000)),
        "at most 3 hours": write_clip(tmp_path / "long.mkv", count_up(2), ticks=[0, 11_000_000]),
        "convert it": tmp_path / "moving.webp",
    }
    for words, path in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            read_frames(path)
        assert ";" in str(caught.value) and "Errno" not in str(caught.value)


def test_unreadable_pictures_are_refused(tmp_path):
    path = write_clip(tmp_path / "d.mov", count_up(5), codec="png", pix_fmt="rgb24")
    path.write_bytes(path.read_bytes().replace(b"\x89PNG", b"\0\0\0\0"))
    with pytest.raises(InputError, match="no frame can be read"):
        probe(path)


def test_spans_outside_the_clip_are_refused(tmp_path):
    info = probe(write_clip(tmp_path / "c.mp4", count_up(50)))
    for start, end in ((-1, None), (2, None), (1, 1), (1, Fraction(1, 2)), (0, 3)):
        with pytest.raises(InputError, match="expected"):
            select_span(info, start=Fraction(start), end=None if end is None else Fraction(end))
    with pytest.raises(InputError, match="rate above 0"):
        select_span(info, fps=Fraction(0))
    assert select_span(info, end=Fraction("2.004")).frame_count == 50
    assert select_span(info, start=Fraction(1), end=Fraction(3, 2)).frame_count == 12 + 1


@pytest.mark.parametrize("name", ["d.mp4", "d.mkv", "d.ts", "d.gif"])
@settings(max_examples=15)
@given(data=st.data())
def test_damaged_clips_are_read_or_refused_never_worse(tmp_path_factory, name, data):
    path = tmp_path_factory.mktemp("d") / name
    if name == "d.gif":
        pictures = [Image.fromarray(frame) for frame in count_up(3)]
        pictures[0].save(path, save_all=True, append_images=pictures[1:])
    else:
        write_clip(path, count_up(3), beep=Beep(0.02, 0.1))
    damaged = bytearray(path.read_bytes())
    places = st.floats(0, 1, exclude_max=True)  # shares of the length, which differs by some bytes from one encoding to the next
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[int(data.draw(places) * len(damaged))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(damaged[: 1 + int(data.draw(places) * len(damaged))]))
    with suppress(InputError):
        assert all(frame.shape[2] == 3 for frame in islice(read_frames(path), 50))
