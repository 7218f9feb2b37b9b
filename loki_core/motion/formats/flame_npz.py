"""FLAME coefficients in the npz layouts of two public trackers.

`flame_param.npz` (VHAP and GaussianAvatars): shape (S,), expr (T, E), rotation, neck_pose, jaw_pose, translation (T, 3),
eyes_pose (T, 6) left then right, static_offset (1, V, 3). Vertices are LBS with all rotations, plus translation, as in this
project.

`fit.npz` (the public Loki release): shape (150,), expr (T, 65) whose last entry is a blink, rot, tra, eye_rot, neck_rot and
perhaps jaw_rot (T, 3), and for each camera fx, fy, cx, cy (C,) and extr (C, 4, 4), world to OpenCV camera. Vertices are
R(rot) LBS(...) + tra in the world: the turn is about the origin, not about the root joint. One rotation holds for both eyes.

Neither says its frame rate or its head. What this project writes has three more arrays that do (`marks`), and a fourth, size
(width, height), in `fit.npz`; other programs do not look at them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel
from loki_core.head.params import FlameParams
from loki_core.head.rotation import rotation_matrix, rotation_vector, slerp
from loki_core.head.units import UnitBasis
from loki_core.motion.axes import ranged_axes
from loki_core.motion.clip import Motion
from loki_core.motion.formats.marks import MARKS, check_head, mark, read_confidence, read_fps, read_head
from loki_core.motion.formats.npz_arrays import NpzLayout, read_npz
from loki_core.raster.camera import Camera

__all__ = ["read_fit", "read_flame_param", "write_fit", "write_flame_param"]

_VECTOR = ("f", ("T", 3))
_FLAME_PARAM = NpzLayout(
    "a flame_param file",
    {
        "shape": ("f", ("S",)),
        "expr": ("f", ("T", "E")),
        **dict.fromkeys(("rotation", "neck_pose", "jaw_pose", "translation"), _VECTOR),
        "eyes_pose": ("f", ("T", 6)),
        **MARKS,
    },
    optional=frozenset(MARKS),
)
_FIT = NpzLayout(
    "a fit file",
    {
        "shape": ("f", ("S",)),
        "expr": ("f", ("T", 65)),
        **dict.fromkeys(("rot", "tra", "eye_rot", "neck_rot", "jaw_rot"), _VECTOR),
        **dict.fromkeys(("fx", "fy", "cx", "cy"), ("f", ("C",))),
        "extr": ("f", ("C", 4, 4)),
        "size": ("iu", (2,)),
        **MARKS,
    },
    optional=frozenset((*MARKS, "size", "jaw_rot")),
)
_SHAPES, _EXPRESSIONS = 300, 100
"""FLAME's own counts, which programs around `flame_param.npz` expect."""
_FIT_SHAPES, _FIT_COMPONENTS = 150, 64
_SQUARE = 0.01
"""Share by which fx and fy may differ: pixels are taken for square."""
_OPENCV = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
"""Camera space of this project (y up, looking along -z) to OpenCV's, and back."""
_BLINKS = [ARKIT_UNITS.index("eyeBlinkLeft"), ARKIT_UNITS.index("eyeBlinkRight")]


def read_flame_param(path: Path, head: HeadModel, *, fps: Fraction | None = None) -> Motion:
    """Read a `flame_param.npz` on a FLAME head. `fps` None = as the file says, which only this project's files do.

    Vertex offsets are not coefficients and are left out. Raises `InputError` for a file that is damaged or of another head, and
    for coefficients that `head` has no axes for.
    """
    arrays = read_npz(path, _FLAME_PARAM)
    _check_flame(path, arrays, head)
    numbers = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items() if array.dtype.kind == "f"}
    params = FlameParams(
        betas=_padded(path, "shape", numbers["shape"], head.shape_count).expand(len(numbers["expr"]), -1),
        expression=_padded(path, "expr", numbers["expr"], head.expression_count),
        global_orient=numbers["rotation"],
        neck_pose=numbers["neck_pose"],
        jaw_pose=numbers["jaw_pose"],
        eye_pose=numbers["eyes_pose"].unflatten(-1, (2, 3)),
        translation=numbers["translation"],
    )
    return Motion.of(params, fps=_fps(path, arrays, fps), head=head.id, confidence=_confidence(path, arrays))


def write_flame_param(path: Path, motion: Motion, head: HeadModel) -> None:
    """Write a motion of a FLAME head as `flame_param.npz`, whole or not at all, without vertex offsets.

    Shape and expression are filled up to 300 and 100. The camera is not in this format. Raises `InputError` for other heads.
    """
    _check_writable(path, motion, head)
    vertices = int((~head.vertex_masks["mouth_cavity"]).sum()) if "mouth_cavity" in head.vertex_masks else len(head.template)
    arrays = {
        "shape": _resized(motion.betas, max(_SHAPES, head.shape_count)),
        "expr": _resized(motion.expression, max(_EXPRESSIONS, head.expression_count)),
        "rotation": motion.global_orient,
        "neck_pose": motion.neck_pose,
        "jaw_pose": motion.jaw_pose,
        "eyes_pose": motion.eye_pose.flatten(-2),
        "translation": motion.translation,
        "static_offset": torch.zeros(1, vertices, 3),
    }
    _write(path, arrays, mark(motion))


def read_fit(
    path: Path,
    head: HeadModel,
    units: UnitBasis,
    *,
    camera: int = 0,
    size: tuple[int, int] | None = None,
    fps: Fraction | None = None,
) -> Motion:
    """Read a `fit.npz` on a FLAME head, in the space of the camera of that number.

    `size`: width and height of the camera's pictures, which the format does not say; None = as the file says where this project
    wrote it, else the motion has no camera. `fps` None = as the file says, which only this project's files do.
    The blink is taken as a share of the two units eyeBlinkLeft and eyeBlinkRight on this head, 1 for shut: FLAME has no axis for
    it. Raises `InputError` for a file that is damaged or of another head.
    """
    if units.head != head.id:
        raise ValueError(f"expected the units of the head '{head.name}' ({head.hash}), got those of '{units.head.name}'")
    arrays = read_npz(path, _FIT)
    _check_flame(path, arrays, head)
    numbers = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items() if array.dtype.kind == "f"}
    betas = _padded(path, "shape", numbers["shape"], head.shape_count)
    if not 0 <= camera < len(numbers["extr"]):
        raise InputError(f"{path.name}: expected a camera from 0 to {len(numbers['extr']) - 1}, got {camera}")
    view = _view(path, numbers["extr"][camera])
    blink = numbers["expr"][:, _FIT_COMPONENTS:].clamp(0, 1) * units.expression[_BLINKS].sum(0)
    turn = view[:3, :3] @ rotation_matrix(numbers["rot"])
    params = FlameParams(
        betas=betas.expand(len(turn), -1),
        expression=_padded(path, "expr", numbers["expr"][:, :_FIT_COMPONENTS], head.expression_count) + blink,
        global_orient=rotation_vector(turn),
        neck_pose=numbers["neck_rot"],
        jaw_pose=numbers.get("jaw_rot", torch.zeros_like(numbers["rot"])),
        eye_pose=numbers["eye_rot"][:, None].expand(-1, 2, -1),
        translation=numbers["tra"] @ view[:3, :3].T + view[:3, 3],
    )
    root = _root(head, params)
    params = replace(params, translation=params.translation + _turned(turn, root) - root)
    return Motion.of(
        params,
        fps=_fps(path, arrays, fps),
        head=head.id,
        camera=_camera(path, arrays, camera, size),
        confidence=_confidence(path, arrays),
    )


def write_fit(path: Path, motion: Motion, head: HeadModel) -> None:
    """Write a motion of a FLAME head as `fit.npz`, whole or not at all; the world is the space of its one camera.

    The format holds 150 shape axes, 64 components and one rotation for both eyes: the rest is cut off, and the eyes get the
    middle of theirs. The blink is 0, for FLAME's components hold the lids. Raises `InputError` for other heads and for motions
    without a camera.
    """
    _check_writable(path, motion, head)
    if motion.camera is None:
        raise InputError(f"{path.name}: expected a motion with the camera it was tracked with, got none; save it as flame_param")
    root = _root(head, motion.params())
    extrinsic = torch.eye(4)
    extrinsic[:3, :3] = _OPENCV
    focal = torch.tensor([motion.camera.focal])
    arrays = {
        "shape": _resized(motion.betas, _FIT_SHAPES),
        "expr": _resized(_resized(motion.expression, _FIT_COMPONENTS), _FIT_COMPONENTS + 1),
        "rot": motion.global_orient,
        "tra": motion.translation + root - _turned(rotation_matrix(motion.global_orient), root),
        "eye_rot": slerp(motion.eye_pose[:, 0], motion.eye_pose[:, 1], 0.5),
        "neck_rot": motion.neck_pose,
        "jaw_rot": motion.jaw_pose,
        "fx": focal,
        "fy": focal,
        "cx": torch.tensor([motion.camera.cx]),
        "cy": torch.tensor([motion.camera.cy]),
        "extr": extrinsic[None],
    }
    _write(path, arrays, {**mark(motion), "size": np.array([motion.camera.width, motion.camera.height], np.int64)})


def _write(path: Path, tensors: Mapping[str, Tensor], marks: Mapping[str, np.ndarray]) -> None:
    arrays = {name: tensor.detach().cpu().numpy().astype(np.float32) for name, tensor in tensors.items()}
    with replacing(path) as file:
        np.savez_compressed(file, **arrays, **marks)


def _check_flame(path: Path, arrays: Mapping[str, np.ndarray], head: HeadModel) -> None:
    if "head" in arrays:
        check_head(path, read_head(arrays), head)
    elif ranged_axes(head).any():
        raise InputError(
            f"{path.name}: expected a FLAME head for FLAME's coefficients, got the head '{head.name}'; open the file with a "
            "FLAME model and convert the motion through the named controls"
        )


def _check_writable(path: Path, motion: Motion, head: HeadModel) -> None:
    if motion.head != head.id:
        raise ValueError(f"expected a motion on the head '{head.name}' ({head.hash}), got one on '{motion.head.name}'")
    if ranged_axes(head).any():
        raise InputError(
            f"{path.name}: expected a motion of a FLAME head, got one of the head '{head.name}', whose coefficients mean "
            "something else to other programs; convert it to a FLAME head first, or save it as Live Link Face CSV"
        )


def _fps(path: Path, arrays: Mapping[str, np.ndarray], given: Fraction | None) -> Fraction:
    if given is not None:
        return given
    if "fps" not in arrays:
        raise InputError(
            f"{path.name}: expected a frame rate, the file names none; give the rate of the clip it was tracked from"
        )
    return read_fps(path, arrays)


def _confidence(path: Path, arrays: Mapping[str, np.ndarray]) -> Float[Tensor, "T"] | None:
    return torch.from_numpy(read_confidence(path, arrays)) if "confidence" in arrays else None


def _padded(path: Path, name: str, values: Float[Tensor, "*T N"], count: int) -> Float[Tensor, "*T M"]:
    """Zeros for axes that the file does not have. Axes that only the file has must be at rest."""
    if values[..., count:].any():
        raise InputError(
            f"{path.name}: expected at most {count} coefficients in '{name}', got {values.shape[-1]}; "
            "load the head with that many axes"
        )
    return _resized(values, count)


def _resized(values: Float[Tensor, "*T N"], count: int) -> Float[Tensor, "*T M"]:
    return torch.nn.functional.pad(values, (0, count - values.shape[-1]))


def _root(head: HeadModel, params: FlameParams) -> Float[Tensor, "T 3"]:
    """The root joint of every frame, about which `pose_vertices` turns: LBS takes joints from the shaped and expressed skin."""
    rest, by_shape = head.joint_places
    by_expression = torch.einsum("v,vce->ce", head.joint_regressor[0], head.expression_basis)
    return rest[0] + params.betas @ by_shape[0].T + params.expression @ by_expression.T


def _turned(rotations: Float[Tensor, "T 3 3"], points: Float[Tensor, "T 3"]) -> Float[Tensor, "T 3"]:
    return (rotations @ points[..., None])[..., 0]


def _view(path: Path, extrinsic: Float[Tensor, "4 4"]) -> Float[Tensor, "4 4"]:
    """World to this project's camera space."""
    turn = extrinsic[:3, :3]
    if not (torch.allclose(turn @ turn.T, torch.eye(3), atol=1e-3) and turn.det() > 0):
        raise InputError(f"{path.name}: expected a rotation and a shift in 'extr', got {extrinsic.tolist()}; save it again")
    view = torch.eye(4)
    view[:3] = _OPENCV @ extrinsic[:3]
    return view


def _camera(path: Path, arrays: Mapping[str, np.ndarray], index: int, size: tuple[int, int] | None) -> Camera | None:
    if size is None and "size" in arrays:
        size = (int(arrays["size"][0]), int(arrays["size"][1]))
    fx, fy, cx, cy = (float(arrays[name][index]) for name in ("fx", "fy", "cx", "cy"))
    if not (min(fx, fy) > 0 and abs(fx - fy) < _SQUARE * fx):
        raise InputError(f"{path.name}: expected one positive focal length for both axes, got fx {fx:g} and fy {fy:g}")
    if size is None:
        return None
    if min(size) < 1:
        raise InputError(f"{path.name}: expected a picture of at least one pixel, got {size[0]} by {size[1]}")
    return Camera((fx + fy) / 2, cx, cy, *size)
