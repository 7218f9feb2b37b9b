"""Fitting the head to the face of a picture."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8

from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import rotation_vector
from loki_core.raster.camera import Camera
from loki_core.render.base import Portrait
from loki_core.track.errors import measured_errors
from loki_core.track.landmarks import FaceFinder, choose_face
from loki_core.track.lids import iris_trust
from loki_core.track.matte import person_matte
from loki_core.track.offsets import spread_offsets
from loki_core.track.posing import Frames, pose_landmarks, project_points
from loki_core.track.priors import head_priors
from loki_core.track.reader import measured_reader
from loki_core.track.reduced import LandmarkHead, reduce_head, rotations, shape_head
from loki_core.track.solver import Identity, solve_identity

__all__ = ["fit_portrait", "frame_params", "picture_camera", "solve_portrait"]


def fit_portrait(
    picture: UInt8[np.ndarray, "H W 3"],
    head: HeadModel,
    *,
    alpha: UInt8[np.ndarray, "H W"] | None = None,
    face: int | None = None,
) -> Portrait:
    """Find the face, fit identity, expression, pose and camera, and pull the mesh onto the landmarks.

    `face`: its number from 1, counted from left to right; None: the largest. Raises `InputError` without a human face.
    """
    seen = picture if alpha is None else _over_grey(picture, alpha)
    with FaceFinder() as finder:
        landmarks = finder.steady(seen, choose_face(finder.find(seen), face))
    reduced = reduce_head(head)
    identity, frames = solve_portrait(seen, landmarks, head, reduced)
    matte = person_matte(seen)
    return Portrait(
        image=picture,
        alpha=alpha,
        matte=matte if alpha is None else matte * (alpha / np.float32(255)),
        params=frame_params(reduced, identity, frames)[0],
        camera=identity.camera,
        landmarks=landmarks,
        offsets=_offsets(head, reduced, identity, frames, landmarks),
    )


def solve_portrait(
    picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"], head: HeadModel, reduced: LandmarkHead
) -> tuple[Identity, Frames]:
    """Identity, expression, pose and camera from the steady `landmarks` of a picture; `reduced` is `reduce_head(head)`."""
    reader = measured_reader()
    reading = reader.read(landmarks[None], reader.see(picture, landmarks)[None], head.expression_names)
    return solve_identity(
        reduced, landmarks[None], picture_camera(picture), head_priors(head),
        errors=measured_errors(), reading=reading, trust=iris_trust(landmarks[None]),
    )  # fmt: skip


def picture_camera(picture: UInt8[np.ndarray, "H W 3"]) -> Camera:
    """A camera of the picture's size; its focal length is a mere start."""
    height, width = picture.shape[:2]
    return Camera(focal=2.0 * max(height, width), cx=width / 2, cy=height / 2, width=width, height=height)


def frame_params(head: LandmarkHead, identity: Identity, frames: Frames) -> FlameParams:
    """The solver's unknowns as coefficients of shape (B,)."""
    joints = torch.from_numpy(frames.total_joints(head.unit_turns)).float()
    batch = len(frames.units)
    return FlameParams(
        betas=torch.from_numpy(identity.betas).float().expand(batch, -1),
        expression=torch.from_numpy(frames.units).float(),
        global_orient=rotation_vector(torch.from_numpy(frames.turn)).float(),
        neck_pose=torch.zeros(batch, 3),
        jaw_pose=joints[:, 0],
        eye_pose=joints[:, 1:],
        translation=torch.from_numpy(frames.shift).float(),
    )


def _over_grey(picture: UInt8[np.ndarray, "H W 3"], alpha: UInt8[np.ndarray, "H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """What lies under transparent pixels is arbitrary: hide it."""
    share = alpha[..., None].astype(np.float32) / 255
    return (picture * share + 127 * (1 - share)).astype(np.uint8)


def _offsets(
    head: HeadModel, reduced: LandmarkHead, identity: Identity, frames: Frames, landmarks: Float[np.ndarray, "L 2"]
) -> Float[np.ndarray, "V 3"]:
    """Move each landmark parallel to the picture to where it was seen, in the head's rest pose."""
    points = pose_landmarks(shape_head(reduced, identity.betas), frames).points[0]
    missing = (landmarks - project_points(identity.camera, points)) * -points[:, 2:] / identity.camera.focal
    shift = np.concatenate([missing * [1, -1], np.zeros((len(missing), 1))], axis=1)
    in_head = shift @ frames.turn[0]
    assert head.anchors is not None
    corners = head.faces.numpy()[head.anchors.faces.numpy()]
    jaw_share = (head.skinning_weights.numpy()[corners, 2] * head.anchors.barycentrics.numpy()).sum(1)[:, None, None]
    jaw = rotations(frames.total_joints(reduced.unit_turns)[0, 0])
    at_rest = np.linalg.solve(np.eye(3) + jaw_share * (jaw - np.eye(3)), in_head[..., None])[..., 0]
    trust = 0.002 / np.hypot(0.002, reduced.spread)
    return spread_offsets(head, at_rest, trust)
