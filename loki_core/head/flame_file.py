"""Reads the user's own FLAME files: 2020, 2023, 2023 Open and the variants without a jaw, as `.pkl` or `.npz`.

FLAME is licensed by the Max Planck Institute; it is neither downloaded nor passed on by this project.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.head.flame_regions import find_parts, find_regions, lip_contact, mirror_map
from loki_core.head.identity import content_hash
from loki_core.head.model import PART_NAMES, HeadModel
from loki_core.head.mouth_cavity import CAVITY_VERTEX_COUNT, cavity_faces, cavity_vertices
from loki_core.head.params import JOINT_NAMES
from loki_core.head.restricted_pickle import as_array, read_pickle

__all__ = ["head_from_flame", "load_flame"]

_PARENTS = (-1, 0, 1, 1, 1)
_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table")
_DIRECTIONS = 400
"""FLAME's own files hold 300 shape directions, then 100 of expression."""
_SHAPES = 300
_FLAME_VERTICES = 5023
_LIP_VERTEX = 3533
"""On the lips of FLAME's topology; the mouth cavity is hung up there (Loki's paper)."""
_DEFORMATION_SCALE = 0.0104
_MAX_MEMBER_BYTES = 1 << 29


def load_flame(path: Path, *, shape_count: int | None = None, mouth_cavity: bool = True) -> HeadModel:
    """Read a FLAME model. `shape_count` says how many of its directions are shape; None = FLAME's own 300 of 400.

    `mouth_cavity` adds the inside of the mouth, which only FLAME's own 5,023 vertices have a place for.
    Raises `InputError` that names the file for anything that is not a FLAME model; nothing in the file is run.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a FLAME file (.pkl or .npz), found none; get it from https://flame.is.tue.mpg.de")
    try:
        arrays = _read_npz(path) if zipfile.is_zipfile(path) else _read_pickle(path)
        return head_from_flame(arrays, shape_count=shape_count, mouth_cavity=mouth_cavity)
    except InputError as exc:
        raise InputError(f"{path.name}: {str(exc).removeprefix(f'{path.name}: ')}") from exc


def head_from_flame(arrays: Mapping[str, np.ndarray], *, shape_count: int | None = None, mouth_cavity: bool = True) -> HeadModel:
    """Make a head of FLAME's arrays under FLAME's names, all dense. Raises `InputError` for what does not fit together."""
    _check(arrays)
    shapes = _shape_count(arrays["shapedirs"].shape[-1], shape_count)
    template = arrays["v_template"].astype(np.float64)
    weights = arrays["weights"].astype(np.float64)
    joints = arrays["J_regressor"] @ template
    _check_anatomy(template, joints)
    faces = arrays["f"].astype(np.int64)
    own = len(template) == _FLAME_VERTICES
    masks = find_regions(template, weights, joints, template[_LIP_VERTEX] if own else _mouth(template, weights, joints))
    model = {
        "template": template,
        "shape_basis": arrays["shapedirs"][..., :shapes],
        "expression_basis": arrays["shapedirs"][..., shapes:],
        "posedirs": arrays["posedirs"],
        "joint_regressor": arrays["J_regressor"],
        "skinning_weights": weights,
        "faces": faces,
        "face_part": find_parts(faces, masks),
    }
    if own and mouth_cavity:
        model, masks = _with_cavity(model, masks, joints)
    return _assemble(model, masks)


def _read_pickle(path: Path) -> dict[str, np.ndarray]:
    found = read_pickle(path)
    return {key: _named(key, found[key]) for key in _KEYS if key in found}


def _named(key: str, value: Any) -> np.ndarray:
    try:
        return as_array(value)
    except InputError as exc:
        raise InputError(f"'{key}': {exc}") from exc


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            return {key: _read_member(archive, key) for key in _KEYS if f"{key}.npy" in names}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, zlib.error) as exc:
        if isinstance(exc, InputError):
            raise
        raise InputError(f"expected an npz of arrays, got a damaged file ({exc}); get it anew from its source") from exc


def _read_member(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    """One array; its header is judged before memory is taken for it, and objects, which would be pickles, are not read."""
    info = archive.getinfo(f"{key}.npy")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise InputError(f"expected numbers in '{key}', got Python objects; save it as a dense array, or use the .pkl")
    size = math.prod(shape) * dtype.itemsize
    if size > min(info.file_size, _MAX_MEMBER_BYTES):
        raise InputError(f"'{key}' claims {size} bytes and holds {info.file_size}; get the file anew from its source")
    with archive.open(info) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _check(arrays: Mapping[str, np.ndarray]) -> None:
    """Shapes, numbers, the order of joints."""
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise InputError(
            f"expected a FLAME model, found no {', '.join(missing)}; other models (SMPL, masks, landmarks) do not fit"
        )
    joints = len(JOINT_NAMES)
    vertices, directions = arrays["v_template"].shape[:1], arrays["shapedirs"].shape[-1:]
    expected = {
        "v_template": (*vertices, 3),
        "shapedirs": (*vertices, 3, *directions),
        "posedirs": (*vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, *vertices),
        "weights": (*vertices, joints),
        "f": (*arrays["f"].shape[:1], 3),
        "kintree_table": (2, joints),
    }
    for key, shape in expected.items():
        if arrays[key].shape != shape:
            raise InputError(f"expected '{key}' of shape {shape}, got {arrays[key].shape}; not a FLAME head with five joints")
        if arrays[key].dtype.kind not in "iuf" or not np.isfinite(arrays[key]).all():
            raise InputError(f"expected finite numbers in '{key}'; get the file anew from its source")
    faces = arrays["f"]
    if not len(faces) or faces.dtype.kind == "f" or faces.min() < 0 or faces.max() >= vertices[0]:
        raise InputError(f"expected faces 'f' that index {vertices[0]} vertices; get the file anew from its source")
    parents = tuple(arrays["kintree_table"][0, 1:].tolist())
    if parents != _PARENTS[1:]:
        raise InputError(f"expected the joints {', '.join(JOINT_NAMES)} with parents {_PARENTS[1:]}, got {parents}")
    if not np.allclose(arrays["weights"].sum(1), 1, atol=1e-3) or arrays["weights"].min() < -1e-3:
        raise InputError("expected skinning 'weights' that sum to 1 at each vertex; get the file anew from its source")


def _shape_count(directions: int, given: int | None) -> int:
    if given is None and directions != _DIRECTIONS:
        raise InputError(
            f"expected {_DIRECTIONS} directions ({_SHAPES} of shape, then {_DIRECTIONS - _SHAPES} of expression), "
            f"got {directions}; say how many of them are shape (shape_count)"
        )
    count = _SHAPES if given is None else given
    if not 0 <= count < directions:
        raise InputError(f"expected a shape_count from 0 to {directions - 1}, got {count}")
    return count


def _check_anatomy(template: Float[np.ndarray, "V 3"], joints: Float[np.ndarray, "5 3"]) -> None:
    """FLAME's axes are ours: +x the subject's left, +y up, +z out of the face, metres."""
    height = float(np.ptp(template[:, 1]))
    if not 0.1 < height < 1:
        raise InputError(f"expected a head in metres (about 0.3 high), got one {height:.3g} high; scale it")
    _, neck, _, left, right = joints
    if not (left[0] > right[0] and (left[1:] + right[1:] > 2 * neck[1:]).all()):
        raise InputError(
            "expected the joints root, neck, jaw, left eye, right eye with +x left, +y up, +z forward; turn the model"
        )


def _mouth(
    template: Float[np.ndarray, "V 3"], weights: Float[np.ndarray, "V 5"], joints: Float[np.ndarray, "5 3"]
) -> Float[np.ndarray, "3"]:
    contact = lip_contact(template, weights, joints)
    if contact is None:
        raise InputError(
            f"expected FLAME's {_FLAME_VERTICES} vertices, or skin that follows the jaw, to find the mouth by; "
            f"got {len(template)} vertices"
        )
    return contact


def _with_cavity(
    model: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray], joints: Float[np.ndarray, "5 3"]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Append the mouth cavity: it follows the shape (to first order), rides on the neck, and has no expression."""
    lip, jaw = model["template"][_LIP_VERTEX], joints[2]
    base = cavity_vertices(lip, jaw)
    lip_shapes = model["shape_basis"][_LIP_VERTEX].T
    jaw_shapes = np.einsum("v,vcs->sc", model["joint_regressor"][2], model["shape_basis"])
    step = 0.5 * (cavity_vertices(lip + lip_shapes, jaw + jaw_shapes) - cavity_vertices(lip - lip_shapes, jaw - jaw_shapes))
    count = len(model["template"])

    def extend(key: str, rows: np.ndarray) -> np.ndarray:
        return np.concatenate([model[key], rows.astype(model[key].dtype)])

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros((CAVITY_VERTEX_COUNT, *shape))

    neck_only = zeros(5)
    neck_only[:, 1] = 1
    extended = {
        "template": extend("template", base),
        "shape_basis": extend("shape_basis", step.transpose(1, 2, 0)),
        "expression_basis": extend("expression_basis", zeros(3, model["expression_basis"].shape[-1])),
        "posedirs": extend("posedirs", zeros(3, 36)),
        "joint_regressor": np.pad(model["joint_regressor"], ((0, 0), (0, CAVITY_VERTEX_COUNT))),
        "skinning_weights": extend("skinning_weights", neck_only),
        "faces": extend("faces", cavity_faces() + count),
        "face_part": extend("face_part", np.full(len(cavity_faces()), PART_NAMES.index("mouth_cavity"))),
    }
    inside = np.arange(count + CAVITY_VERTEX_COUNT) >= count
    return extended, {
        name: inside if name == "mouth_cavity" else np.pad(mask, (0, CAVITY_VERTEX_COUNT)) for name, mask in masks.items()
    }


def _assemble(model: Mapping[str, np.ndarray], masks: Mapping[str, np.ndarray]) -> HeadModel:
    expressions, shapes = model["expression_basis"].shape[-1], model["shape_basis"].shape[-1]
    names = tuple(f"psi{i:03d}" for i in range(expressions))
    arrays = {key: array.astype(np.float32) if array.dtype.kind == "f" else array for key, array in model.items()}
    tensors = {key: torch.from_numpy(np.ascontiguousarray(array)) for key, array in arrays.items()}
    return HeadModel(
        name="flame",
        template=tensors["template"],
        shape_basis=tensors["shape_basis"],
        expression_basis=tensors["expression_basis"],
        pose_correctives=tensors["posedirs"].reshape(-1, 36).T.contiguous(),
        joint_regressor=tensors["joint_regressor"],
        skinning_weights=tensors["skinning_weights"],
        parents=_PARENTS,
        faces=tensors["faces"],
        face_part=tensors["face_part"],
        vertex_masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
        mirror=torch.from_numpy(mirror_map(model["template"])),
        expression_names=names,
        unit_joints=torch.zeros(expressions, 3, 3),
        shape_names=tuple(f"beta{i:03d}" for i in range(shapes)),
        named_shapes={},
        deformation_scale=_DEFORMATION_SCALE,
        anchors=None,
        hash=content_hash({key: arrays[key] for key in arrays if key != "face_part"}, names),
    )
