"""The rasteriser and the driver map once more, slowly and plainly, in numpy."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from loki_core.raster.rasterize import RasterBuffers

Point = tuple[int, int]


def rasterize_slowly(
    clip: Float[np.ndarray, "V 4"], faces: Int[np.ndarray, "F 3"], *, size: tuple[int, int], cull: bool = True
) -> RasterBuffers:
    """One triangle after the other, one pixel after the other."""
    height, width = size
    face_index = np.full(size, -1)
    barycentrics = np.zeros((height, width, 3))
    depth = np.full(size, np.inf)
    for index, face in enumerate(faces):
        if (clip[face, 3] <= 0).any():
            continue
        ndc = clip[face, :3].astype(np.float64) / clip[face, 3:]
        pixels = np.stack([(ndc[:, 0] + 1) * width / 2, (1 - ndc[:, 1]) * height / 2], axis=1)
        a, b, c = ((int(x), int(y)) for x, y in np.rint(pixels * 256))
        area = cross(a, b, c)
        if area == 0 or (cull and area > 0):  # y points down: counter-clockwise in space is negative here
            continue
        for row in range(height):
            for column in range(width):
                centre = (column * 256 + 128, row * 256 + 128)
                if not holds(a, b, c, centre):
                    continue
                flat = np.array([cross(centre, b, c), cross(a, centre, c), cross(a, b, centre)]) / area
                z = float(flat @ ndc[:, 2])
                if z < depth[row, column] - 1e-9:  # equal but for rounding: the earlier face stays
                    weights = flat / clip[face, 3]
                    face_index[row, column], depth[row, column] = index, z
                    barycentrics[row, column] = weights / weights.sum()
    return RasterBuffers(torch.from_numpy(face_index), torch.from_numpy(barycentrics), torch.from_numpy(depth))


def cross(a: Point, b: Point, c: Point) -> int:
    """Twice the area of a triangle, positive when clockwise on screen."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def holds(a: Point, b: Point, c: Point, point: Point) -> bool:
    """Whether the triangle owns the point: inside, or on a top or left edge."""
    if cross(a, b, c) < 0:
        b, c = c, b
    for start, end in ((a, b), (b, c), (c, a)):
        side = cross(start, end, point)
        right, up = end[0] - start[0], start[1] - end[1]
        owns_edge = up > 0 or (up == 0 and right > 0)  # clockwise: left edges run up, the top edge runs right
        if side < 0 or (side == 0 and not owns_edge):
            return False
    return True


def encode_slowly(
    buffers: RasterBuffers, faces: Int[np.ndarray, "F 3"], canonical: Float[np.ndarray, "V 3"], moved: Float[np.ndarray, "V 3"]
) -> Float[np.ndarray, "45 H W"]:
    """The 45 channels, each from its own sine or cosine."""
    height, width = buffers.face_index.shape
    channels = np.zeros((45, height, width))
    for row in range(height):
        for column in range(width):
            face = int(buffers.face_index[row, column])
            if face < 0:
                continue
            weights = buffers.barycentrics[row, column].double().numpy()
            place = weights @ canonical[faces[face]].astype(np.float64)
            for axis in range(3):
                for octave in range(7):
                    channels[14 * axis + octave, row, column] = np.sin(2**octave * place[axis])
                    channels[14 * axis + 7 + octave, row, column] = np.cos(2**octave * place[axis])
            channels[42:, row, column] = weights @ moved[faces[face]].astype(np.float64)
    return channels


def silhouette(buffers: RasterBuffers) -> Bool[Tensor, "H W"]:
    """The band of one pixel on either side of every change of triangle."""
    face = buffers.face_index
    band = torch.zeros_like(face, dtype=torch.bool)
    down, across = face[1:] != face[:-1], face[:, 1:] != face[:, :-1]
    band[1:] |= down
    band[:-1] |= down
    band[:, 1:] |= across
    band[:, :-1] |= across
    return band


def assert_raster_close(fast: RasterBuffers, oracle: RasterBuffers, *, edge: Bool[Tensor, "H W"]) -> None:
    """Identical away from edges; on the `edge` band 1 % may pick the neighbour (rounding of positions)."""
    differs = fast.face_index != oracle.face_index
    assert not differs[~edge].any()
    assert not edge.any() or differs[edge].float().mean() <= 0.01
    same = ~differs
    torch.testing.assert_close(fast.barycentrics[same].double(), oracle.barycentrics[same], rtol=0, atol=2e-5)
    torch.testing.assert_close(fast.depth[same].double(), oracle.depth[same], rtol=0, atol=2e-6)
