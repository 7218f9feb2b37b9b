from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from loki_core.errors import InputError
from loki_core.media.picture import flatten, is_still, read_picture, write_picture
from tests.media.clips import quadrants

UPRIGHT = quadrants(64, 96)


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    return data


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    """Oracle: how each orientation's stored pixels come from the upright ones (EXIF 2.3, tag 274)."""
    stored = {
        1: UPRIGHT, 2: UPRIGHT[:, ::-1], 3: UPRIGHT[::-1, ::-1], 4: UPRIGHT[::-1], 5: UPRIGHT.swapaxes(0, 1),
        6: np.rot90(UPRIGHT), 7: np.rot90(UPRIGHT, 2).swapaxes(0, 1), 8: np.rot90(UPRIGHT, -1),
    }[orientation]  # fmt: skip
    path = saved(tmp_path / "p.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif(orientation))
    np.testing.assert_array_equal(read_picture(path).rgb, UPRIGHT)


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.bmp", "p.tiff", "p.avif"])
def test_common_formats_are_read(tmp_path, name):
    picture = read_picture(saved(tmp_path / name, Image.fromarray(UPRIGHT)))
    assert picture.alpha is None and picture.rgb.dtype == np.uint8
    assert np.abs(picture.rgb[8::48, 8::80].astype(int) - UPRIGHT[8::48, 8::80]).max() <= 8


def test_a_wrong_ending_does_not_matter(tmp_path):
    path = saved(tmp_path / "p.jpg", Image.fromarray(UPRIGHT), format="PNG")
    np.testing.assert_array_equal(read_picture(path).rgb, UPRIGHT)


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = UPRIGHT[..., 0]
    np.testing.assert_array_equal(read_picture(saved(tmp_path / "g.png", Image.fromarray(grey))).rgb, np.stack([grey] * 3, -1))


@pytest.mark.parametrize("name", ["g.png", "g.tiff"])
def test_sixteen_bit_grey_keeps_its_top_eight_bits(tmp_path, name):
    ramp = np.tile(np.linspace(0, 65535, 96).astype(np.uint16), (64, 1))
    rgb = read_picture(saved(tmp_path / name, Image.fromarray(ramp))).rgb
    assert np.abs(rgb[..., 1] - ramp / 257).max() <= 0.5 + 1e-6


def sixteen_bit_rgb_png(pixels: np.ndarray, size: tuple[int, int] | None = None) -> bytes:
    """Pillow cannot write 16 bits of RGB: the chunks by hand. `size` (height, width) is what the header claims."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = size or pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bit_colour_is_read(tmp_path):
    path = tmp_path / "c.png"
    path.write_bytes(sixteen_bit_rgb_png(UPRIGHT.astype(np.uint16) * 257))
    np.testing.assert_array_equal(read_picture(path).rgb, UPRIGHT)


def test_alpha_is_kept_straight_and_an_opaque_one_dropped(tmp_path):
    alpha = np.full((64, 96), 255, np.uint8)
    opaque = read_picture(saved(tmp_path / "a.png", Image.fromarray(np.dstack([UPRIGHT, alpha]))))
    assert opaque.alpha is None
    alpha[:20] = 90
    clear = read_picture(saved(tmp_path / "b.png", Image.fromarray(np.dstack([UPRIGHT, alpha]))))
    assert clear.alpha is not None
    np.testing.assert_array_equal(clear.alpha, alpha)
    np.testing.assert_array_equal(clear.rgb, UPRIGHT)


def test_transparency_of_palettes_and_key_colours_becomes_alpha(tmp_path):
    palette = Image.fromarray(UPRIGHT).quantize(8)
    index = palette.getpixel((0, 0))
    picture = read_picture(saved(tmp_path / "p.png", palette, transparency=index))
    assert picture.alpha is not None and picture.alpha[0, 0] == 0 and picture.alpha[0, 95] == 255
    keyed = read_picture(saved(tmp_path / "k.png", Image.fromarray(UPRIGHT), transparency=(220, 30, 30)))
    assert keyed.alpha is not None and keyed.alpha[0, 0] == 0 and keyed.alpha[0, 95] == 255


def test_cmyk_jpeg_keeps_its_colours(tmp_path):
    rgb = read_picture(saved(tmp_path / "c.jpg", Image.fromarray(UPRIGHT).convert("CMYK"), quality=95)).rgb
    assert np.abs(rgb[8::48, 8::80].astype(int) - UPRIGHT[8::48, 8::80]).max() <= 8


def linear_profile() -> bytes:
    """A matrix profile of sRGB's primaries with a gamma of 1, by hand: Pillow makes only sRGB, Lab and XYZ."""

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(s15(v) for v in values)

    text = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + b"\0" * (4 + 4 + 2 + 1 + 67)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    blobs = {
        b"desc": text, b"cprt": b"text\0\0\0\0CC0\0", b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139), b"gXYZ": xyz(0.3851, 0.7169, 0.0971), b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    table, body, offset = b"", b"", 128 + 4 + 12 * len(blobs)
    for tag, blob in blobs.items():
        blob += b"\0" * (-len(blob) % 4)
        table += tag + struct.pack(">II", offset + len(body), len(blob))
        body += blob
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + s15(0.9642) + s15(1) + s15(0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(blobs)) + table + body


def test_a_colour_profile_is_converted_to_srgb(tmp_path):
    """Oracle: the sRGB transfer function (IEC 61966-2-1) of linear values."""
    ramp = np.repeat(np.tile(np.arange(0, 192, 2, dtype=np.uint8), (64, 1))[..., None], 3, -1)
    linear = ramp[0, :, 0] / 255
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    rgb = read_picture(saved(tmp_path / "l.png", Image.fromarray(ramp), icc_profile=linear_profile())).rgb
    assert np.abs(rgb[0, :, 0] - expected).max() <= 2


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_an_unusable_profile_is_reported_and_left_out(tmp_path, caplog, profile):
    rgb = read_picture(saved(tmp_path / "p.png", Image.fromarray(UPRIGHT), icc_profile=profile)).rgb
    np.testing.assert_array_equal(rgb, UPRIGHT)
    assert "colour profile" in caplog.text


def test_the_first_frame_of_an_animation_is_taken(tmp_path):
    frames = [Image.fromarray(np.full((64, 64, 3), v, np.uint8)) for v in (40, 200)]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_picture(path).rgb.max() == 40 and not is_still(path)


def test_refusals_name_the_file_and_a_way_out(tmp_path):
    def written(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)).save(whole, "JPEG")
    png = sixteen_bit_rgb_png(UPRIGHT.astype(np.uint16))
    cases = {
        "does not exist": tmp_path / "none.png",
        "the folder": tmp_path,
        "0 bytes": written("empty.png", b""),
        "none of them": written("text.jpg", b"not a picture at all"),
        "cut short": written("cut.jpg", whole.getvalue()[: len(whole.getvalue()) // 2]),
        "damaged": written("cut.png", png[: len(png) // 2]),
        "64 pixels a side": saved(tmp_path / "small.png", Image.new("RGB", (300, 63))),
        "with 8100 x 8100": written("large.png", sixteen_bit_rgb_png(UPRIGHT, (8100, 8100))),
        "with far more": written("bomb.png", sixteen_bit_rgb_png(UPRIGHT, (60000, 60000))),
        "8 or 16 bits": saved(tmp_path / "float.tiff", Image.fromarray(np.zeros((64, 64), np.float32))),
    }
    for words, path in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            read_picture(path)
        assert path.name in str(caught.value) and ";" in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
@settings(max_examples=40)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_never_worse(tmp_path_factory, kind, data):
    whole = io.BytesIO()
    Image.fromarray(UPRIGHT).save(whole, kind)
    damaged = bytearray(whole.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("d") / "damaged"
    path.write_bytes(bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    with suppress(InputError):
        assert read_picture(path).rgb.shape[2] == 3


def test_flatten_lays_over_white():
    rgb = np.full((1, 3, 3), 100, np.uint8)
    alpha = np.array([[0, 128, 255]], np.uint8)
    np.testing.assert_array_equal(flatten(rgb, alpha)[0, :, 0], [255, 177, 100])
    assert flatten(rgb, None) is rgb


def test_pictures_are_written_whole(tmp_path):
    rgba = np.dstack([UPRIGHT, np.full((64, 96), 128, np.uint8)])
    write_picture(tmp_path / "a.png", rgba)
    picture = read_picture(tmp_path / "a.png")
    assert picture.alpha is not None
    np.testing.assert_array_equal(np.dstack([picture.rgb, picture.alpha]), rgba)
    write_picture(tmp_path / "a.JPG", rgba)
    assert np.abs(read_picture(tmp_path / "a.JPG").rgb[8, 8] - flatten(rgba[..., :3], rgba[..., 3])[8, 8].astype(int)).max() <= 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.JPG", "a.png"]


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="ends in .png"):
        write_picture(tmp_path / "a.xyz", UPRIGHT)
    with pytest.raises(ValueError, match="uint8"):
        write_picture(tmp_path / "a.png", np.zeros((64, 96, 5), np.uint8))
    with pytest.raises(OSError):
        write_picture(tmp_path / "missing" / "a.png", UPRIGHT)
    assert not list(tmp_path.iterdir())
