"""Writes files in FLAME's layout, as Python 2 and chumpy left them, around arrays made by the tests."""

from __future__ import annotations

import pickle
import struct
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from loki_core.head.model import HeadModel, pose_vertices


@contextmanager
def fake_chumpy() -> Iterator[types.ModuleType]:
    """chumpy's class names for the pickler, inside the block only."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering", "chumpy.logic")}
    for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select"), ("chumpy.logic", "Add")):
        setattr(modules[module], name, type(name, (), {"__module__": module}))
    sys.modules.update(modules)
    try:
        yield modules["chumpy"]
    finally:
        for name in modules:
            del sys.modules[name]


def chumpy_object(name: str, **state: Any) -> Any:
    """An instance of a chumpy class, such as "ch.Ch"; only inside `fake_chumpy`."""
    module, _, kind = name.partition(".")
    instance = getattr(sys.modules[f"chumpy.{module}"], kind)()
    instance.__dict__.update(state)
    return instance


def write_flame_pickle(path: Path, arrays: Mapping[str, Any], *, protocol: int = 2, chumpy: tuple[str, ...] = ()) -> Path:
    """Pickle `arrays`, those named in `chumpy` wrapped as `chumpy.ch.Ch`."""
    with fake_chumpy():
        wrapped = {k: chumpy_object("ch.Ch", x=v, _dirty_vars={"x"}) if k in chumpy else v for k, v in arrays.items()}
        path.write_bytes(pickle.dumps(wrapped, protocol=protocol))
    return path


def python2_pickle(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A protocol 2 pickle byte for byte as Python 2's cPickle wrote it: arrays as raw `str`, keys as short `str`."""
    body = b"".join(_short(key) + _python2_array(array) for key, array in arrays.items())
    return b"\x80\x02}(" + body + b"u."


def _python2_array(array: np.ndarray) -> bytes:
    raw = np.asfortranarray(array).tobytes(order="F")
    shape = b"(" + b"".join(b"J" + struct.pack("<i", size) for size in array.shape) + b"t"
    dtype = (
        b"cnumpy\ndtype\n"
        + _short(array.dtype.str[1:])
        + b"K\x00K\x01\x87R(K\x03"
        + _short("<")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    data = b"T" + struct.pack("<i", len(raw)) + raw
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        + _short("b")
        + b"\x87R(K\x01"
        + shape
        + dtype
        + b"\x88"
        + data
        + b"tb"
    )


def _short(text: str) -> bytes:
    return b"U" + bytes([len(text)]) + text.encode("latin-1")


def tiny_flame(*, directions: int = 400, seed: int = 0) -> dict[str, np.ndarray]:
    """FLAME's arrays for an egg with two eyeballs: right layout, no anatomy. Its lower front follows the jaw."""
    rng = np.random.default_rng(seed)
    skin, skin_faces = _ball(np.array([0.08, 0.12, 0.1]), np.zeros(3), rows=14, columns=16)
    eyes = [_ball(np.full(3, 0.012), np.array([side * 0.031, 0.02, 0.085]), rows=4, columns=6) for side in (1, -1)]
    template = np.concatenate([skin, eyes[0][0], eyes[1][0]])
    offsets = len(skin), len(skin) + len(eyes[0][0])
    weights = np.zeros((len(template), 5))
    weights[:, 1] = 1
    weights[template[:, 1] < -0.1] = [1, 0, 0, 0, 0]
    weights[(template[:, 1] < -0.03) & (template[:, 1] > -0.1) & (template[:, 2] > 0.02)] = [0, 0, 1, 0, 0]
    weights[offsets[0] : offsets[1]] = [0, 0, 0, 1, 0]
    weights[offsets[1] :] = [0, 0, 0, 0, 1]
    joints = np.array([[0, -0.12, -0.02], [0, -0.05, -0.02], [0, -0.01, 0.02], [0.031, 0.02, 0.085], [-0.031, 0.02, 0.085]])
    samples = np.concatenate([template, np.ones((len(template), 1))], axis=1)
    return {
        "v_template": template,
        "shapedirs": rng.standard_normal((len(template), 3, directions)) * 1e-3,
        "posedirs": rng.standard_normal((len(template), 3, 36)) * 1e-4,
        "J_regressor": np.concatenate([joints, np.ones((5, 1))], axis=1) @ np.linalg.pinv(samples),
        "weights": weights,
        "f": np.concatenate([skin_faces, eyes[0][1] + offsets[0], eyes[1][1] + offsets[1]]).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }


def _ball(radii: np.ndarray, centre: np.ndarray, *, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid about the y axis, symmetric in x, faces outwards."""
    theta = np.linspace(0, np.pi, rows + 1)[1:-1, None]
    phi = np.arange(columns) * 2 * np.pi / columns
    rings = np.stack(np.broadcast_arrays(np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)), -1)
    points = np.concatenate([rings.reshape(-1, 3), [[0, 1, 0], [0, -1, 0]]])
    row, column = np.divmod(np.arange((rows - 2) * columns), columns)
    here, beside = row * columns + column, row * columns + (column + 1) % columns
    top, bottom = (rows - 1) * columns, (rows - 1) * columns + 1
    first, last = np.arange(columns), (rows - 2) * columns + np.arange(columns)
    faces = [
        np.stack([here, here + columns, beside], 1),
        np.stack([beside, here + columns, beside + columns], 1),
        np.stack([np.full(columns, top), first, np.roll(first, -1)], 1),
        np.stack([np.full(columns, bottom), np.roll(last, -1), last], 1),
    ]
    return points * radii + centre, np.concatenate(faces)


def flame_like(head: HeadModel, *, jaw: bool = True, seed: int = 0) -> dict[str, np.ndarray]:
    """The embedded head without the inside of its mouth as FLAME's arrays: 300 + 100 directions, of which the first are its own.

    The expression directions are random mixtures of its units, as principal components would be. Without `jaw` nothing follows
    the jaw joint, and the opening of the jaw is an expression, as in FLAME's no-jaw variant.
    """
    inside = head.vertex_masks["mouth_cavity"] | head.vertex_masks["teeth"]
    keep = ~inside
    renumber = torch.cumsum(keep, 0) - 1
    faces = renumber[head.faces[keep[head.faces].all(1)]]
    units = head.expression_basis[keep].numpy()
    weights = head.skinning_weights[keep].numpy().astype(np.float64)
    if not jaw:
        units = np.concatenate([units, jaw_opening(head)[keep].numpy()[..., None]], axis=-1)
        weights = np.stack([weights[:, 0], weights[:, 1] + weights[:, 2], np.zeros(len(weights)), *weights[:, 3:].T], axis=1)
    mixture = np.random.default_rng(seed).standard_normal((units.shape[-1], 100)) * 0.3
    directions = np.zeros((int(keep.sum()), 3, 400))
    directions[..., : head.shape_count] = head.shape_basis[keep].numpy()
    directions[..., 300:] = units @ mixture
    return {
        "v_template": head.template[keep].numpy().astype(np.float64),
        "shapedirs": directions,
        "posedirs": np.zeros((int(keep.sum()), 3, 36)),
        "J_regressor": _regressor(head, keep),
        "weights": weights,
        "f": faces.numpy().astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }


def _regressor(head: HeadModel, keep: torch.Tensor) -> np.ndarray:
    """Weights of the kept vertices that give the head's joints for the template and every shape axis, and sum to 1."""
    shapes = torch.cat([head.template[..., None], head.shape_basis], dim=-1)
    samples = torch.cat([shapes[keep].flatten(1), torch.ones(int(keep.sum()), 1)], dim=1).double()
    joints = torch.cat([torch.einsum("jv,vcs->jcs", head.joint_regressor, shapes).flatten(1), torch.ones(5, 1)], dim=1).double()
    return np.asarray(torch.linalg.lstsq(samples.T, joints.T, driver="gelsd").solution.T)


def jaw_opening(head: HeadModel) -> torch.Tensor:
    """Displacement (V, 3) of 0.3 radians of jaw."""
    opened = replace(head.neutral(), jaw_pose=torch.tensor([0.3, 0.0, 0.0]))
    return pose_vertices(head, opened) - pose_vertices(head, head.neutral())
