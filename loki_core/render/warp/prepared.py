"""All that is worked out once a portrait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy.sparse import csr_matrix
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.raster.camera import Camera
from loki_core.render.warp.face import Skin
from loki_core.render.warp.lids import Lid
from loki_core.render.warp.lips import Lips
from loki_core.render.warp.sheet import Sheet
from loki_core.render.warp.window import Window

__all__ = ["Mask", "WarpPrepared"]


@dataclass(frozen=True, eq=False)
class Mask:
    """The mesh that is drawn over the sheet: the head's own vertices, those that refine its lids, then those of the surfaces
    inside its openings."""

    finer: csr_matrix
    """(W, V): the refined head's vertices from the head's."""
    carry: csr_matrix
    """(M, V): all its vertices from the head's."""
    faces: Int[Tensor, "F 3"]
    place: Float[np.ndarray, "M 2"]
    """The pixel of the atlas that each vertex shows."""
    pixels: Float[np.ndarray, "M 2"]
    """Where it lies in the portrait, window pixels."""
    behind: Float[np.ndarray, "M"]
    """Metres that it is taken to lie farther back, so that nothing inside pokes through the skin."""
    first_eye_face: int
    """The eyes' faces come last."""


@dataclass(frozen=True, eq=False)
class WarpPrepared:
    """A portrait, ready to be re-posed. Pictures are premultiplied RGBA, 0 to 255, of the window unless said otherwise."""

    image: UInt8[np.ndarray, "H W C"]
    """The whole portrait, RGBA when it has alpha."""
    head: HeadModel
    """With the portrait's free-form offsets in its template, and teeth of its length."""
    window: Window
    camera: Camera
    """The portrait's, in window pixels."""
    vertices: Float[np.ndarray, "V 3"]
    """The head at the fit, camera space."""
    rigid: Int[np.ndarray, "K"]
    """Vertices that only the skull moves."""
    atlas: Float[np.ndarray, "T S 4"]
    """The person, and below it the pictures of eyes and mouth."""
    eyes: Float[np.ndarray, "h w"]
    """1 where the portrait shows an eye."""
    eyeless: Float[np.ndarray, "h w 4"]
    """The person with skin instead of eyes."""
    background: Float[np.ndarray, "h w 4"]
    sheet: Sheet
    skin: Skin
    lids: tuple[Lid, ...]
    lips: Lips
    mask: Mask
    eye_pixels: float
    """Radius of an eyeball, window pixels."""
    residual: Float[np.ndarray, "h w 4"]
    """What the drawing of the portrait's own pose lacks of the portrait."""
