"""Still pictures in and out: whatever the file holds comes in as upright 8-bit sRGB with straight alpha."""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.media.checks import require_file

__all__ = ["MAX_PIXELS", "MIN_SIDE", "Picture", "flatten", "is_still", "read_picture", "write_picture"]

MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded."""
MIN_SIDE = 64
"""Pixels; a face in less cannot be tracked."""

_READABLE = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
_WRITABLE: Mapping[str, str] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_COLOUR_MODE: Mapping[str, str] = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK"} | dict.fromkeys(
    ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr"), "RGB"
)
"""For each Pillow mode that is read, the mode of its colours without alpha or palette."""
_PROFILE_MODE: Mapping[str, str] = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged data."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture."""

    rgb: UInt8[np.ndarray, "H W 3"]
    """sRGB. Under full transparency the colours are whatever the file holds: `flatten` before showing or tracking."""
    alpha: UInt8[np.ndarray, "H W"] | None
    """Straight (not multiplied into `rgb`); None when the picture is opaque."""


def flatten(rgb: UInt8[np.ndarray, "H W 3"], alpha: UInt8[np.ndarray, "H W"] | None) -> UInt8[np.ndarray, "H W 3"]:
    """Lay a picture with straight alpha over white."""
    if alpha is None:
        return rgb
    cover = alpha[..., None].astype(np.uint16)
    return ((rgb * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)


def is_still(path: str | os.PathLike[str]) -> bool:
    """Whether the file is a picture that does not move. Reads its header only."""
    try:
        with Image.open(path, formats=_READABLE) as image:
            return not getattr(image, "is_animated", False) or image.format not in ("GIF", "PNG", "WEBP")
    except (*_DECODE_ERRORS, Image.DecompressionBombError):
        return False


def read_picture(path: str | os.PathLike[str]) -> Picture:
    """Read JPEG, PNG, WebP, BMP, TIFF, GIF or AVIF. Of an animated or many-page file the first frame is taken.

    EXIF orientation is applied; palette, grey, CMYK, 16 bits a channel and colour profiles become 8-bit sRGB.
    Raises `InputError` for anything that is not a whole picture of `MIN_SIDE` pixels a side to `MAX_PIXELS` in all.
    """
    file = require_file(path, "a picture")
    try:
        with Image.open(file, formats=_READABLE) as image:
            _check_size(image.width, image.height, file.name)
            if image.mode not in _COLOUR_MODE and image.mode not in _SIXTEEN_BIT:
                raise InputError(
                    f"expected 8 or 16 bits a channel, got {file.name} in mode {image.mode}; save it as an 8-bit PNG"
                )
            return _picture(ImageOps.exif_transpose(image), file.name)
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(file.name, "far more")) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"expected a picture ({', '.join(_READABLE)}), got {file.name}, which is none of them; save it as PNG or JPEG"
        ) from error
    except _DECODE_ERRORS as error:
        raise InputError(f"expected a whole picture, got {file.name}, which is damaged or cut short; export it again") from error


def write_picture(path: str | os.PathLike[str], pixels: UInt8[np.ndarray, "H W C"]) -> None:
    """Write RGB or RGBA as PNG or JPEG, chosen by the extension; a JPEG shows RGBA over white.

    The file appears whole or not at all.
    """
    file = Path(path)
    if file.suffix.lower() not in _WRITABLE:
        raise InputError(f"expected a name that ends in .png, .jpg or .jpeg, got {file.name}; change its ending")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError(f"expected uint8 pixels of shape (H, W, 3) or (H, W, 4), got {pixels.dtype} {pixels.shape}")
    kind = _WRITABLE[file.suffix.lower()]
    if kind == "JPEG" and pixels.shape[2] == 4:
        pixels = flatten(pixels[..., :3], pixels[..., 3])
    # PNG compression above 1 takes four times as long for a tenth less.
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"compress_level": 1}
    with replacing(file) as out:
        Image.fromarray(pixels).save(out, kind, **options)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(_too_large(name, f"{width} x {height}"))
    if min(width, height) < MIN_SIDE:
        raise InputError(f"expected at least {MIN_SIDE} pixels a side, got {name} with {width} x {height}; use a larger picture")


def _too_large(name: str, size: str) -> str:
    return f"expected at most {MAX_PIXELS // 1_000_000} megapixels, got {name} with {size}; make it smaller first"


def _picture(image: Image.Image, name: str) -> Picture:
    profile = image.info.get("icc_profile")
    alpha = np.asarray(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    rgb = np.asarray(_srgb(_colours(image), profile, name))
    return Picture(rgb, None if alpha is None or alpha.min() == 255 else alpha)


def _colours(image: Image.Image) -> Image.Image:
    """The picture without alpha or palette, as L, RGB or CMYK of 8 bits."""
    if image.mode in _SIXTEEN_BIT:
        values = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    if image.mode == "La":
        image = image.convert("LA")
    return image.convert(_COLOUR_MODE[image.mode])


def _srgb(colours: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """Convert by the embedded colour profile; without a usable one the values are taken for sRGB, as browsers do."""
    if not profile:
        return colours.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _PROFILE_MODE.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and colours.mode == "L":
            colours = colours.convert("RGB")
        if mode != colours.mode:
            raise ImageCms.PyCMSError(f"a {source.profile.xcolor_space.strip()} profile on {colours.mode} pixels")
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(colours, source, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        _log.warning("%s: its colour profile cannot be used (%s); its values are taken for sRGB", name, error)
        return colours.convert("RGB")
    assert converted is not None  # only None when asked to work in place
    return converted
