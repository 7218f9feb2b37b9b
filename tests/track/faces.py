"""Parts that the tracker's tests share: exact landmarks of random heads, and one rendered head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from loki_core.head.embedded import embedded_head
from loki_core.head.model import pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.rotation import from_yaw_pitch_roll, rotation_matrix
from loki_core.raster.camera import Camera, project
from loki_core.track.coloured import random_look, render_coloured
from loki_core.track.errors import LandmarkErrors
from loki_core.track.posing import Frames
from loki_core.track.synthetic import PoseRange, random_camera, random_person, random_strengths, stand_before, unit_params

HEAD = embedded_head()
EXACT = LandmarkErrors(np.zeros((10, 478, 2)), np.zeros((1, 478, 2)), np.full((478, 2), 1e-5))
"""Landmarks without errors."""


def true_landmarks(params: FlameParams, camera: Camera) -> Float[np.ndarray, "L 2"]:
    """Pixels of the anchors on the posed mesh: the slow way, through all vertices."""
    assert HEAD.anchors is not None
    corners = pose_vertices(HEAD, params)[HEAD.faces[HEAD.anchors.faces]]
    points = (corners * HEAD.anchors.barycentrics[..., None]).sum(1)
    return project(camera, points).numpy().astype(np.float64)


def random_frame(seed: int, reach: PoseRange | None = None) -> tuple[FlameParams, Camera]:
    """A random person, turned, with a random face, before a random camera."""
    rng = np.random.default_rng(seed)
    camera = random_camera(rng)
    params = random_person(HEAD, random_strengths(HEAD, rng), rng, reach or PoseRange())
    return stand_before(HEAD, params, camera, rng), camera


def as_frames(params: FlameParams) -> Frames:
    """One frame's coefficients as the solver's unknowns."""
    joints = torch.cat([params.jaw_pose[None], params.eye_pose]) - torch.einsum("e,ejk->jk", params.expression, HEAD.unit_joints)
    return Frames(
        rotation_matrix(params.global_orient)[None].numpy().astype(np.float64),
        params.translation[None].numpy().astype(np.float64),
        joints[None].numpy().astype(np.float64),
        params.expression[None].numpy().astype(np.float64),
    )


def rendered_face(*, yaw: float = 0.0, size: int = 256, **units: float) -> tuple[np.ndarray, FlameParams, Camera]:
    """A coloured render of the template face with some units set."""
    rng = np.random.default_rng(3)
    strengths = torch.tensor([units.get(name, 0.0) for name in HEAD.expression_names])
    camera = Camera(2.2 * size, size / 2, size / 2, size, size)
    turn = from_yaw_pitch_roll(torch.tensor([yaw, 0.0, 0.0]))
    params = stand_before(HEAD, replace(unit_params(HEAD, strengths), global_orient=turn), camera, rng)
    return render_coloured(HEAD, params, camera, random_look(rng)), params, camera
