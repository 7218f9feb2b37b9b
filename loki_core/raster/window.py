"""The lit head in a window that can be turned with the mouse: pyrender's viewer."""

from __future__ import annotations

import os
import sys

import numpy as np
from jaxtyping import Int, UInt8
from torch import Tensor

from loki_core.raster.camera import Camera
from loki_core.raster.shaded import GROUND, lit_scene

__all__ = ["show_in_window"]


def show_in_window(
    vertices: Tensor,
    faces: Int[Tensor, "F 3"],
    colours: UInt8[Tensor, "V 3"],
    camera: Camera,
    *,
    title: str,
    ground: tuple[int, int, int] = GROUND,
) -> None:
    """Show camera-space vertices (V, 3) in a window of the camera's size, and return when it is closed.

    Drag turns, wheel zooms, Q closes. Raises `RuntimeError` where there is no screen or no OpenGL on it.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        raise RuntimeError("there is no screen (DISPLAY is not set)")
    try:
        import pyrender

        scene = lit_scene(pyrender, vertices, faces, colours, camera, ground)
        scene.remove_node(scene.main_camera_node)  # made for one size; a window has any
        scene.add(pyrender.PerspectiveCamera(2 * float(np.arctan(0.5 * camera.height / camera.focal))), pose=np.eye(4))
        size = (camera.width, camera.height)
        pyrender.Viewer(scene, viewport_size=size, window_title=title, viewer_flags={"use_raymond_lighting": False})
    except Exception as error:  # pyglet and PyOpenGL raise their own types for one and the same lack
        raise RuntimeError(f"no window with OpenGL can be opened ({error})") from error
