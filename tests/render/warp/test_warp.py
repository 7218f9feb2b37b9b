"""The warp on a rendered face, whose every pixel is known in any pose."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from loki_core.head.arkit import apply_controls
from loki_core.head.model import PART_NAMES, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.head.units import unit_basis
from loki_core.metrics.images import psnr
from loki_core.raster.camera import Camera, CropBox, clip_from_camera
from loki_core.raster.rasterize import rasterize
from loki_core.render.base import Portrait
from loki_core.render.warp.prepared import WarpPrepared
from loki_core.render.warp.renderer import WarpRenderer
from loki_core.track.coloured import random_look, render_coloured
from tests.track.faces import HEAD, rendered_face, true_landmarks

UNITS = unit_basis(HEAD, HEAD)
SIZE = 256
LOOK = random_look(np.random.default_rng(3))


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    _, params, camera = rendered_face(size=SIZE)
    picture = render_coloured(HEAD, params, camera, LOOK)
    matte = (part_map(params, camera) >= 0).astype(np.float32)
    nothing = np.zeros((len(HEAD.template), 3))
    return Portrait(picture, None, matte, params, camera, true_landmarks(params, camera), nothing)


@pytest.fixture(scope="module")
def prepared(portrait: Portrait) -> WarpPrepared:
    return WarpRenderer(HEAD).prepare(portrait)


def part_map(params: FlameParams, camera: Camera) -> np.ndarray:
    """What part of the head each pixel shows; -1 beside it."""
    crop = CropBox(cx=camera.cx, cy=camera.cy, half=camera.width / 2)
    seen = rasterize(clip_from_camera(camera, crop, pose_vertices(HEAD, params)), HEAD.faces, size=(SIZE, SIZE))
    return np.append(HEAD.face_part.numpy(), -1)[seen.face_index.numpy()]


def warped(prepared: WarpPrepared, params: FlameParams) -> UInt8[np.ndarray, "H W 3"]:
    return next(iter(WarpRenderer(HEAD).render(prepared, params[None])))


def moved(portrait: Portrait, **controls: float | Tensor) -> FlameParams:
    return apply_controls(HEAD, UNITS, portrait.params, controls)


def truth(portrait: Portrait, params: FlameParams) -> UInt8[np.ndarray, "H W 3"]:
    return render_coloured(HEAD, params, portrait.camera, LOOK)


def error_beside(a: np.ndarray, b: np.ndarray, where: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, ""]:
    return np.asarray(np.abs(a[where].astype(float) - b[where]).mean())


def test_portrait_in_its_own_pose_is_the_portrait(portrait: Portrait, prepared: WarpPrepared) -> None:
    assert np.array_equal(warped(prepared, portrait.params), portrait.image)


def test_rendering_some_frames_gives_those_of_rendering_all(portrait: Portrait, prepared: WarpPrepared) -> None:
    frames = moved(portrait, headYaw=torch.linspace(-20, 20, 5), jawOpen=torch.linspace(0, 1, 5))
    every = list(WarpRenderer(HEAD).render(prepared, frames))
    assert np.array_equal(np.stack(every[3:]), np.stack(list(WarpRenderer(HEAD).render(prepared, frames[3:]))))


def test_background_away_from_the_person_stays(portrait: Portrait, prepared: WarpPrepared) -> None:
    far = np.zeros((SIZE, SIZE), dtype=bool)
    far[:12] = far[: SIZE // 2, :12] = far[: SIZE // 2, -12:] = True
    far &= portrait.matte == 0
    frame = warped(prepared, moved(portrait, headYaw=20.0, jawOpen=0.5))
    assert far.any() and np.abs(frame[far].astype(int) - portrait.image[far]).max() <= 2


@pytest.mark.parametrize(
    "controls",
    [
        {"headYaw": 15.0}, {"headYaw": -15.0}, {"headPitch": 10.0}, {"jawOpen": 0.6}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
        {"gazeYaw": 20.0}, {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}, {"browInnerUp": 1.0},
    ],
    ids=str,
)  # fmt: skip
def test_warp_is_nearer_to_the_true_picture_than_the_portrait_is(
    portrait: Portrait, prepared: WarpPrepared, controls: dict[str, float]
) -> None:
    params = moved(portrait, **controls)
    true = truth(portrait, params)
    changed = np.abs(true.astype(int) - portrait.image).max(-1) > 24
    frame = warped(prepared, params)
    assert changed.sum() > 20
    assert error_beside(frame, true, changed) < 0.75 * error_beside(portrait.image, true, changed)
    assert psnr(frame, true) > psnr(portrait.image, true)


def test_closed_lids_show_skin_where_the_eyes_were(portrait: Portrait, prepared: WarpPrepared) -> None:
    eyes = np.isin(part_map(portrait.params, portrait.camera), [PART_NAMES.index("eye_left"), PART_NAMES.index("eye_right")])
    shut = moved(portrait, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    skin = np.median(truth(portrait, shut)[eyes], axis=0)
    open_, closed = (np.abs(p[eyes] - skin).mean() for p in (portrait.image.astype(float), warped(prepared, shut).astype(float)))
    assert closed < 0.6 * open_


def test_open_mouth_is_dark_inside_and_whole_elsewhere(portrait: Portrait, prepared: WarpPrepared) -> None:
    params = moved(portrait, jawOpen=0.8)
    inside = [PART_NAMES.index("mouth_cavity"), PART_NAMES.index("tongue")]
    cavity = np.isin(part_map(params, portrait.camera), inside)
    frame = warped(prepared, params)
    assert cavity.sum() > 50
    assert frame[cavity].mean() < 0.7 * portrait.image[cavity].mean()


def test_transparent_pictures_keep_their_transparency(portrait: Portrait) -> None:
    alpha = (255 * portrait.matte).astype(np.uint8)
    renderer = WarpRenderer(HEAD)
    scene = renderer.prepare(replace(portrait, alpha=alpha))
    still, turned = renderer.render(scene, moved(portrait, headYaw=torch.tensor([0.0, 15.0])))
    assert still.shape == (SIZE, SIZE, 4) and np.array_equal(still[..., 3], alpha)
    assert turned[:8, :, 3].max() == 0 and turned[SIZE // 2, SIZE // 2, 3] == 255
