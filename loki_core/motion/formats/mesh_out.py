"""One frame of a performance as a mesh file, for sculpting and printing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import trimesh
from trimesh.exchange.obj import export_obj
from trimesh.exchange.ply import export_ply

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.shaded import part_colours

__all__ = ["MESH_FORMATS", "MeshFormat", "write_mesh"]

MeshFormat = Literal["obj", "ply"]
MESH_FORMATS: tuple[MeshFormat, ...] = ("obj", "ply")


def write_mesh(path: Path, head: HeadModel, params: FlameParams) -> None:
    """Write the head of `params` (batch shape ()) as the path's ending says, obj or ply (binary), whole or not at all.

    Vertices in the model's own order, metres, camera space (y up, the camera at the origin looking along -z), with normals and
    the parts' colours (sRGB) at the vertices. There is no texture, for heads carry no picture coordinates. Raises `InputError`
    for other endings.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in MESH_FORMATS:
        raise InputError(f"expected a mesh file that ends in {' or '.join(MESH_FORMATS)}, got '{path.name}'; rename it")
    mesh = trimesh.Trimesh(
        pose_vertices(head, params).numpy(), head.faces.numpy(), vertex_colors=part_colours(head).numpy(), process=False
    )
    data = (
        export_ply(mesh, vertex_normal=True)
        if form == "ply"
        else export_obj(mesh, include_normals=True, include_color=True).encode()
    )
    with replacing(path) as file:
        file.write(data)
