"""Performances as glTF 2.0: a head of this identity with morph targets, a skin and one animation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from loki_core.head.arkit import apply_controls
from loki_core.head.controls import ARKIT_UNITS
from loki_core.head.model import HeadModel
from loki_core.head.params import JOINT_NAMES, FlameParams, pack_pose
from loki_core.head.units import UnitBasis
from loki_core.motion.clip import Motion
from loki_core.motion.formats.glb import ARRAY_BUFFER, ELEMENT_BUFFER, GlbReader, GlbWriter
from loki_core.raster.shaded import part_colours

__all__ = ["read_gltf_weights", "write_gltf"]

_INFLUENCES = 4
"""Joints that a vertex may follow in one set of glTF's attributes."""
_MOVES = 1e-7
"""Metres: joints that stay nearer to their rest need no keys for their place."""
_RATES = tuple(Fraction(n, d) for n in (24000, 25000, 30000, 48000, 50000, 60000) for d in (1000, 1001))
_RATE_TOLERANCE = 3e-4
"""Share by which a rate read off key times, which are float32, may miss a usual one; 24 and 24000/1001 are 1e-3 apart."""
_MAX_FRAMES = 1_000_000


def write_gltf(path: Path, motion: Motion, head: HeadModel) -> None:
    """Write `motion` as .glb, whole or not at all: metres, camera space (y up, the camera at the origin looking along -z).

    One mesh, the shape without expression, has a morph target for each expression axis that the motion uses, by its name; a skin
    with the five joints has a key of rotation in every frame, and keys of place where the joint moves: the root with the head,
    the others because LBS takes them from the expressed skin. Between frames viewers interpolate. Names of the morph targets
    stand in mesh.extras.targetNames, the exact frame rate in asset.extras.fps.

    The skin follows `pose_vertices` exactly, but for pose correctives, which are left out (zero on the embedded head, up to some
    millimetres on FLAME), and for a fifth joint of a vertex, whose weight goes to the other four.
    """
    if motion.head != head.id:
        raise ValueError(f"expected a motion on the head '{head.name}' ({head.hash}), got one on '{motion.head.name}'")
    used = motion.expression.any(0).nonzero()[:, 0].tolist()
    shaped = (head.template + head.shape_basis @ motion.betas).numpy()
    joints = head.joint_regressor.double().numpy() @ shaped.astype(np.float64)
    glb = GlbWriter()
    times = glb.add((np.arange(motion.frame_count) / float(motion.fps)).astype(np.float32), "SCALAR")
    rotations, places = _tracks(head, motion, joints)
    keys = [_Keys(1 + j, "rotation", glb.add(rotations[:, j], "VEC4")) for j in range(len(joints))]
    rest = joints - np.concatenate([np.zeros((1, 3)), joints[list(head.parents[1:])]])
    for j in np.flatnonzero(np.abs(places - rest).max((0, 2)) > _MOVES).tolist():
        keys.append(_Keys(1 + j, "translation", glb.add(places[:, j].astype(np.float32), "VEC3")))
    if used:
        keys.append(_Keys(0, "weights", glb.add(motion.expression[:, used].numpy().astype(np.float32), "SCALAR")))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    inverse[:, 3, :3] = -joints  # matrices lie column by column
    document = {
        "asset": {"version": "2.0", "generator": "Loki Studio", "extras": {"fps": list(motion.fps.as_integer_ratio())}},
        "scene": 0,
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [{"name": "head", "mesh": 0, "skin": 0}, *_joint_nodes(head.parents, rest)],
        "meshes": [_mesh(glb, head, shaped, used)],
        "skins": [{"joints": list(range(1, 6)), "skeleton": 1, "inverseBindMatrices": glb.add(inverse, "MAT4")}],
        "animations": [_animation(times, keys)],
    }
    glb.write(path, document)


def read_gltf_weights(
    path: Path, head: HeadModel, units: UnitBasis, *, fps: Fraction | None = None, base: FlameParams | None = None
) -> Motion:
    """Read an animation of ARKit-named morph targets through the named controls, on top of `base`; None = the head at rest.

    The first animation with such weights is read; targets of other names and the motion of nodes are left alone, so the units
    turn the jaw and the eyes. Weights are cut to 0 and 1. Keys are brought to even times, by straight interpolation or by steps
    as the file says. `fps` None = as the file says, which this project's files do, else the middle distance of its keys.
    Raises `InputError` for a file that is damaged or has no such animation.
    """
    glb = GlbReader(path)
    try:
        names, sampler = _arkit_sampler(glb)
        times, weights = glb.array(sampler["input"])[:, 0], glb.array(sampler["output"])
        written = _written_rate(glb)
    except (KeyError, TypeError, AttributeError, IndexError) as exc:
        raise glb.wrong("the fields of glTF 2.0", f"something else ({exc!r:.80})") from exc
    if len(times) == 0 or weights.size != len(times) * len(names) or not (np.diff(times) > 0).all():
        raise glb.wrong(f"{len(names)} weights at rising times", f"{weights.size} at {len(times)} times")
    interpolation = sampler.get("interpolation", "LINEAR")
    if interpolation not in ("LINEAR", "STEP"):
        raise glb.wrong("weights with LINEAR or STEP interpolation", repr(interpolation))
    rate = fps or written or _usual_rate(times)
    frames = round((times[-1] - times[0]) * float(rate)) + 1
    if frames > _MAX_FRAMES:
        raise glb.wrong(f"at most {_MAX_FRAMES} frames", f"{frames}")
    tracks = _resampled(times - times[0], weights.reshape(len(times), -1), np.arange(frames) / float(rate), interpolation)
    values = {n: torch.from_numpy(tracks[:, i].clip(0, 1)).float() for i, n in enumerate(names) if n in ARKIT_UNITS}
    return Motion.of(apply_controls(head, units, base or head.neutral(), values), fps=rate, head=head.id)


@dataclass(frozen=True)
class _Keys:
    """One animated property of a node."""

    node: int
    path: str
    output: int
    """Accessor of its values."""


def _animation(times: int, keys: Sequence[_Keys]) -> dict[str, Any]:
    return {
        "name": "performance",
        "samplers": [{"input": times, "output": key.output, "interpolation": "LINEAR"} for key in keys],
        "channels": [{"sampler": i, "target": {"node": key.node, "path": key.path}} for i, key in enumerate(keys)],
    }


def _joint_nodes(parents: Sequence[int], rest: Float[np.ndarray, "5 3"]) -> list[dict[str, Any]]:
    """Nodes 1 to 5, at rest."""
    nodes: list[dict[str, Any]] = [{"name": n, "translation": rest[j].tolist()} for j, n in enumerate(JOINT_NAMES)]
    for joint, node in enumerate(nodes):
        children = [1 + child for child, parent in enumerate(parents) if parent == joint]
        node.update({"children": children} if children else {})
    return nodes


def _mesh(glb: GlbWriter, head: HeadModel, shaped: Float[np.ndarray, "V 3"], used: Sequence[int]) -> dict[str, Any]:
    joints, weights = _influences(head.skinning_weights.numpy())
    normals = trimesh.Trimesh(shaped, head.faces.numpy(), process=False).vertex_normals.astype(np.float32)
    attributes = {
        "POSITION": glb.add(shaped.astype(np.float32), "VEC3", target=ARRAY_BUFFER),
        "NORMAL": glb.add(normals, "VEC3", target=ARRAY_BUFFER),
        "COLOR_0": glb.add(_linear_colours(head), "VEC3", target=ARRAY_BUFFER),
        "JOINTS_0": glb.add(joints, "VEC4", target=ARRAY_BUFFER),
        "WEIGHTS_0": glb.add(weights, "VEC4", target=ARRAY_BUFFER),
    }
    primitive: dict[str, Any] = {
        "attributes": attributes,
        "indices": glb.add(head.faces.numpy().astype(np.uint32), "SCALAR", target=ELEMENT_BUFFER),
    }
    mesh: dict[str, Any] = {"name": head.name, "primitives": [primitive]}
    if used:
        basis = head.expression_basis.numpy().astype(np.float32)
        primitive["targets"] = [{"POSITION": glb.add(basis[..., axis], "VEC3", target=ARRAY_BUFFER)} for axis in used]
        mesh["weights"] = [0.0] * len(used)
        mesh["extras"] = {"targetNames": [head.expression_names[axis] for axis in used]}
    return mesh


def _linear_colours(head: HeadModel) -> Float[np.ndarray, "V 3"]:
    """The parts' colours as linear light, which is what glTF asks for (sRGB, IEC 61966-2-1)."""
    srgb = part_colours(head).numpy() / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _influences(weights: Float[np.ndarray, "V 5"]) -> tuple[UInt8[np.ndarray, "V 4"], Float[np.ndarray, "V 4"]]:
    """The four largest weights of each vertex, summing to 1, and their joints; unused places name joint 0."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    kept = np.take_along_axis(weights, joints, axis=1).astype(np.float32)
    kept /= kept.sum(1, keepdims=True)
    return np.where(kept > 0, joints, 0).astype(np.uint8), kept


def _tracks(
    head: HeadModel, motion: Motion, rest: Float[np.ndarray, "5 3"]
) -> tuple[Float[np.ndarray, "T 5 4"], Float[np.ndarray, "T 5 3"]]:
    """Each joint's rotation (quaternion x, y, z, w) and place in its parent.

    LBS takes v to R (v - j) + p, with j the joint of the expressed skin; a skin that is bound at `rest` takes it to
    R (v - rest) + q. They agree with q = p + R (rest - j), so each joint stands at q.
    """
    pose = pack_pose(motion.params()).double().numpy()
    local = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(*pose.shape, 3)
    by_expression = np.einsum("jv,vce->jce", head.joint_regressor.double().numpy(), head.expression_basis.double().numpy())
    joints = rest + np.einsum("jce,te->tjc", by_expression, motion.expression.double().numpy())
    turns, posed, bound = np.empty_like(local), np.empty_like(joints), np.empty_like(joints)
    places = np.empty_like(joints)
    for j, parent in enumerate(head.parents):
        if parent < 0:
            turns[:, j], posed[:, j] = local[:, j], joints[:, j] + motion.translation.double().numpy()
        else:
            turns[:, j] = turns[:, parent] @ local[:, j]
            posed[:, j] = posed[:, parent] + _turned(turns[:, parent], joints[:, j] - joints[:, parent])
        bound[:, j] = posed[:, j] + _turned(turns[:, j], rest[j] - joints[:, j])
        places[:, j] = bound[:, j] if parent < 0 else _turned(turns[:, parent].swapaxes(1, 2), bound[:, j] - bound[:, parent])
    quaternions = Rotation.from_rotvec(pose.reshape(-1, 3)).as_quat().reshape(*pose.shape[:2], 4)
    flips = np.cumprod(np.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1.0, 1.0), axis=0)
    quaternions[1:] *= flips[..., None]  # neighbours on one side, so that viewers take the short way
    return quaternions.astype(np.float32), places


def _turned(rotations: Float[np.ndarray, "T 3 3"], points: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3"]:
    return np.einsum("tij,tj->ti", rotations, points)


def _arkit_sampler(glb: GlbReader) -> tuple[list[str], Mapping[str, Any]]:
    """Names of the morph targets in ARKit's spelling, and the sampler of their weights."""
    for animation in glb.document.get("animations", []):
        for channel in animation["channels"]:
            target = channel["target"]
            if target.get("path") != "weights" or "node" not in target:
                continue
            mesh = glb.item("meshes", glb.item("nodes", target["node"]).get("mesh"))
            names = [name[:1].lower() + name[1:] for name in mesh.get("extras", {}).get("targetNames", [])]
            if set(names) & set(ARKIT_UNITS):
                return names, animation["samplers"][channel["sampler"]]
    raise glb.wrong("an animation of morph targets with ARKit's names, such as jawOpen", "none")


def _written_rate(glb: GlbReader) -> Fraction | None:
    written = glb.document.get("asset", {}).get("extras", {}).get("fps")
    if written is None:
        return None
    if not (isinstance(written, list) and len(written) == 2 and all(isinstance(n, int) and n > 0 for n in written)):
        raise glb.wrong("a frame rate as two numbers in asset.extras.fps", f"{written!r:.40}")
    return Fraction(*written)


def _usual_rate(times: Float[np.ndarray, "K"]) -> Fraction:
    """The rate that the keys' middle distance comes from; 30 where there is one key."""
    if len(times) == 1:
        return Fraction(30)
    rate = 1 / float(np.median(np.diff(times)))
    near = min(_RATES, key=lambda usual: abs(rate / usual - 1))
    return near if abs(rate / near - 1) < _RATE_TOLERANCE else Fraction(rate).limit_denominator(1001)


def _resampled(
    times: Float[np.ndarray, "K"], weights: Float[np.ndarray, "K N"], grid: Float[np.ndarray, "T"], interpolation: str
) -> Float[np.ndarray, "T N"]:
    if interpolation == "STEP":
        return weights[(np.searchsorted(times, grid + 1e-6, side="right") - 1).clip(0)]
    return np.stack([np.interp(grid, times, column) for column in weights.T], axis=1)
