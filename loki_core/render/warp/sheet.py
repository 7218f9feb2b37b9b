"""The sheet: the picture as a relief of small squares, which takes hair, ears, neck and collar along with the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_matrix, diags, eye
from scipy.sparse.linalg import splu
from torch import Tensor

from loki_core.raster.camera import Camera
from loki_core.raster.rasterize import RasterBuffers
from loki_core.render.warp.mesh import edge_weights, smooth_step, vertex_normals

__all__ = ["MARGIN", "Sheet", "build_sheet"]

_CELLS = 72
"""Squares along the window's larger side."""
MARGIN = 0.12
"""Share of the larger side by which the sheet reaches beyond the window, so that the picture's edge can move inwards."""
_STIFFNESS = 3.0
"""Weight of the relief's smoothness against its agreement with the head mesh."""
_REACH = 0.03
"""Metres over which an expression's displacement fades outside the face."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A grid over the window. Node n moves to p + follow * (R (p + attach @ D) + t - p): (R, t) is the skull's motion, D the
    displacement of the head's vertices that remains when it is taken out."""

    pixels: Float[np.ndarray, "N 2"]
    """Where each node lies in the window."""
    points: Float[np.ndarray, "N 3"]
    """The same in camera space."""
    faces: Int[Tensor, "F 3"]
    follow: Float[np.ndarray, "N 1"]
    """1 where the sheet goes with the head, 0 where it stays."""
    attach: csr_matrix
    """(N, V)."""

    def moved(
        self, rotation: Float[np.ndarray, "3 3"], shift: Float[np.ndarray, "3"], displacement: Float[np.ndarray, "V 3"]
    ) -> Float[np.ndarray, "N 3"]:
        """The nodes in camera space after a motion."""
        carried = (self.points + self.attach @ displacement) @ rotation.T + shift
        return self.points + self.follow * (carried - self.points)


def build_sheet(
    camera: Camera,
    seen: RasterBuffers,
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    outside: np.ndarray,
    matte: Float[np.ndarray, "H W"],
    follow: FollowField,
) -> Sheet:
    """Lay the sheet over a window in which the head's `vertices` (camera space) are `seen`; `outside` marks skin faces."""
    pixels, triangles = _grid(camera)
    column, row = (pixels.astype(np.int64).clip(0, [camera.width - 1, camera.height - 1])).T
    inside = ((pixels >= 0) & (pixels < [camera.width, camera.height])).all(1)
    hit = seen.face_index.numpy()[row, column]
    on_head = inside & (hit >= 0) & outside[hit]
    attach = _attach(hit, seen.barycentrics.numpy()[row, column], on_head, faces, len(vertices))
    weights = edge_weights(pixels, triangles)
    normals = attach @ vertex_normals(vertices, faces[outside])
    towards = -np.einsum("nk,nk->n", normals, attach @ vertices) / np.linalg.norm(attach @ vertices, axis=1).clip(1e-6)
    depth = np.where(on_head, -(attach @ vertices)[:, 2], -follow.axis_z)
    trust = np.where(on_head, smooth_step(towards, 0.25, 0.7), 0.1 * (matte[row, column] < 0.05))
    depth = _smooth_relief(depth, trust, weights)
    points = np.stack(
        [(pixels[:, 0] - camera.cx) * depth / camera.focal, (camera.cy - pixels[:, 1]) * depth / camera.focal, -depth], axis=1
    )
    spread = _spread_attachment(attach, on_head, weights, _REACH * camera.focal / -follow.axis_z)
    return Sheet(pixels, points, torch.from_numpy(triangles.astype(np.int32)), follow(points)[:, None], spread)


@dataclass(frozen=True, eq=False)
class FollowField:
    """How much a point of camera space goes with the head: fully above the chin, less and less down to the shoulders."""

    rotation: Float[np.ndarray, "3 3"]
    """Head space to camera space at the fit."""
    origin: Float[np.ndarray, "3"]
    chin: float
    """Height of the chin in head space, metres."""
    axis_z: float
    """Depth (camera-space z) of the axis about which a head turns: where the outline of hair lies."""

    def __call__(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N"]:
        x, y, _ = ((points - self.origin) @ self.rotation).T
        return (
            smooth_step(y, self.chin - 0.10, self.chin + 0.02) * smooth_step(np.abs(x), 0.26, 0.15) * smooth_step(y, 0.28, 0.18)
        )


def _smooth_relief(depth: Float[np.ndarray, "N"], trust: Float[np.ndarray, "N"], weights: csr_matrix) -> Float[np.ndarray, "N"]:
    """The least bent depths that follow `depth` as far as it is trusted (thin plate)."""
    total = diags(1 / np.asarray(weights.sum(1)).ravel())
    bend = eye(len(depth)) - total @ weights
    return splu((diags(trust + 1e-6) + _STIFFNESS * bend.T @ bend).tocsc()).solve((trust + 1e-6) * depth)


def _grid(camera: Camera) -> tuple[Float[np.ndarray, "N 2"], Int[np.ndarray, "F 3"]]:
    """Nodes row by row, and triangles that are counter-clockwise with y up."""
    side = max(camera.width, camera.height)
    spacing, margin = side / _CELLS, MARGIN * side
    across = np.linspace(-margin, camera.width + margin, max(4, round((camera.width + 2 * margin) / spacing)))
    down = np.linspace(-margin, camera.height + margin, max(4, round((camera.height + 2 * margin) / spacing)))
    pixels = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    index = np.arange(len(pixels)).reshape(len(down), len(across))
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel()
    return pixels, np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def _attach(hit: np.ndarray, weights: np.ndarray, on_head: np.ndarray, faces: np.ndarray, vertex_count: int) -> csr_matrix:
    rows = np.flatnonzero(on_head)
    columns = faces[hit[rows]]
    return csr_matrix((weights[rows].ravel(), (rows.repeat(3), columns.ravel())), shape=(len(hit), vertex_count))


def _spread_attachment(attach: csr_matrix, known: np.ndarray, weights: csr_matrix, reach: float) -> csr_matrix:
    """Let nodes outside the head follow those at its edge, less and less over `reach` pixels (screened Poisson)."""
    spacing = 1 / np.median(weights.data)
    pull = np.asarray(weights.sum(1)).ravel() * (spacing / reach) ** 2
    laplacian = (diags(np.asarray(weights.sum(1)).ravel() + pull) - weights).tocsr()
    free, fixed = np.flatnonzero(~known), np.flatnonzero(known)
    border = fixed[np.asarray((weights[free][:, fixed]).sum(0)).ravel() > 0]
    response = splu(laplacian[free][:, free].tocsc()).solve(-laplacian[free][:, border].toarray())
    response[np.abs(response) < 1e-3] = 0
    scatter = csr_matrix((np.ones(len(free)), (free, np.arange(len(free)))), shape=(len(known), len(free)))
    return (attach + scatter @ csr_matrix(response) @ attach[border]).tocsr().astype(np.float32)
