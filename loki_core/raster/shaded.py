"""The head as a lit model: by our own rasteriser everywhere, or through OpenGL with pyrender where there is EGL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from loki_core.head.model import HeadModel
from loki_core.raster.camera import Camera, image_clip
from loki_core.raster.lighting import soft_light, vertex_normals
from loki_core.raster.rasterize import paint_vertices, rasterize

__all__ = ["GROUND", "lit_scene", "opengl_shader", "part_colours", "render_shaded"]

GROUND = (22, 23, 25)
"""The dark ground behind a head, sRGB."""
_PARTS = (
    (214, 178, 156), (196, 120, 116), (238, 236, 232), (238, 236, 232),
    (112, 52, 56), (206, 116, 124), (240, 232, 208), (240, 232, 208),
)  # fmt: skip
"""A natural colour for each of `PART_NAMES`, sRGB."""

Shader = Callable[[Float[Tensor, "V 3"], Int[Tensor, "F 3"], UInt8[Tensor, "V 3"]], UInt8[np.ndarray, "H W 3"]]
"""Draws camera-space vertices, faces and vertex colours."""


def part_colours(head: HeadModel) -> UInt8[Tensor, "V 3"]:
    """A natural sRGB colour for each vertex, by the part it belongs to; where parts meet, the later in `PART_NAMES` wins."""
    colours = torch.zeros(len(head.template), 3, dtype=torch.uint8)
    for part, colour in enumerate(_PARTS):
        colours[head.faces[head.face_part == part].flatten()] = torch.tensor(colour, dtype=torch.uint8)
    return colours


def render_shaded(
    vertices: Float[Tensor, "V 3"],
    faces: Int[Tensor, "F 3"],
    colours: UInt8[Tensor, "V 3"],
    camera: Camera,
    *,
    ground: tuple[int, int, int] = GROUND,
) -> UInt8[np.ndarray, "H W 3"]:
    """Draw camera-space vertices with our own rasteriser: Lambert and a soft fill; `colours` are sRGB."""
    lit = colours * soft_light(vertex_normals(vertices, faces))
    buffers = rasterize(image_clip(camera, vertices), faces, size=(camera.height, camera.width))
    return paint_vertices(buffers, faces, lit, torch.tensor(ground, dtype=torch.uint8)).cpu().numpy()


@contextmanager
def opengl_shader(camera: Camera, *, ground: tuple[int, int, int] = GROUND) -> Iterator[Shader]:
    """Open an OpenGL context without a window, for as many pictures as the block draws; smooth shading per pixel.

    Raises `RuntimeError` that names the system package where EGL is missing; `render_shaded` needs none of it.
    """
    pyrender = _load_pyrender()
    try:
        renderer = pyrender.OffscreenRenderer(camera.width, camera.height)
    except Exception as error:  # PyOpenGL raises its own types, ctypes' and AttributeError for one and the same lack
        raise RuntimeError(_NO_EGL.format(error)) from error
    try:
        yield lambda vertices, faces, colours: renderer.render(lit_scene(pyrender, vertices, faces, colours, camera, ground))[0]
    finally:
        renderer.delete()


_NO_EGL = "expected OpenGL through EGL, got: {}; apt-get install libegl1 libgl1, or draw with our own rasteriser"


def _load_pyrender() -> Any:
    """pyrender picks its platform while it is imported, from the environment."""
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    try:
        import pyrender
    except (ImportError, OSError, AttributeError) as error:
        raise RuntimeError(_NO_EGL.format(error)) from error
    return pyrender


def lit_scene(
    pyrender: Any,
    vertices: Float[Tensor, "V 3"],
    faces: Int[Tensor, "F 3"],
    colours: UInt8[Tensor, "V 3"],
    camera: Camera,
    ground: tuple[int, int, int],
) -> Any:
    """The `pyrender.Scene` of camera-space vertices, lit, with the camera in it. `pyrender`: the module."""
    import trimesh

    linear = (colours.cpu().numpy() / 255) ** 2.2  # pyrender lights vertex colours as they are and encodes the sum
    solid = trimesh.Trimesh(vertices.cpu().numpy(), faces.cpu().numpy(), vertex_colors=linear, process=False)
    depth = -vertices[:, 2]
    view = pyrender.IntrinsicsCamera(
        camera.focal, camera.focal, camera.cx, camera.cy, znear=max(0.5 * float(depth.min()), 1e-3), zfar=2 * float(depth.max())
    )
    scene = pyrender.Scene(ambient_light=[0.3] * 3, bg_color=[*(value / 255 for value in ground), 1.0])
    scene.add(pyrender.Mesh.from_trimesh(solid, smooth=True))
    scene.add(view)
    scene.add(pyrender.DirectionalLight(intensity=3.0), pose=_facing(np.array([0.40, 0.45, 0.80])))
    return scene


def _facing(source: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """T_world_light for light that comes from the direction `source`: lights shine along their own -z."""
    back = source / np.linalg.norm(source)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    return pose
