from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from trimesh.visual import ColorVisuals

from loki_core.errors import InputError
from loki_core.head.model import HeadModel, pose_vertices
from loki_core.motion.formats.mesh_out import MESH_FORMATS, write_mesh
from loki_core.raster.shaded import part_colours
from tests.motion.tracks import random_motion


@pytest.mark.parametrize("form", MESH_FORMATS)
def test_a_frame_comes_back_vertex_by_vertex(tmp_path: Path, embedded: HeadModel, form: str) -> None:
    frame = random_motion(embedded, 2).params()[1]
    path = tmp_path / f"frame.{form}"
    write_mesh(path, embedded, frame)
    loaded = trimesh.load_mesh(path, process=False, maintain_order=True)
    np.testing.assert_allclose(loaded.vertices, pose_vertices(embedded, frame), atol=1e-6)
    assert (loaded.faces == embedded.faces.numpy()).all()
    assert isinstance(loaded.visual, ColorVisuals)
    assert (loaded.visual.vertex_colors[:, :3] == part_colours(embedded).numpy()).all()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("form", "mark"), [("obj", b"\nvn "), ("ply", b"property float nx")])
def test_normals_are_in_the_file(tmp_path: Path, embedded: HeadModel, form: str, mark: bytes) -> None:
    write_mesh(tmp_path / f"f.{form}", embedded, embedded.neutral())
    assert mark in (tmp_path / f"f.{form}").read_bytes()


def test_other_endings_are_refused(tmp_path: Path, embedded: HeadModel) -> None:
    with pytest.raises(InputError, match="ends in obj or ply, got 'frame.fbx'"):
        write_mesh(tmp_path / "frame.fbx", embedded, embedded.neutral())
    assert not list(tmp_path.iterdir())
