"""Parts that many tests share: a real head model of 186 vertices."""

from __future__ import annotations

import pytest
import torch
import trimesh
from hypothesis import settings
from jaxtyping import Float
from torch import Tensor

from loki_core.head.identity import content_hash
from loki_core.head.model import PART_NAMES, HeadModel

settings.register_profile("loki", deadline=None, max_examples=40)  # no test may fail because the machine is busy
settings.load_profile("loki")

_CENTRES = torch.tensor([[0.0, -0.10, -0.01], [0.0, -0.06, -0.01], [0.0, -0.01, 0.0], [0.03, 0.03, 0.075], [-0.03, 0.03, 0.075]])
"""Joints of the tiny head in metres: root, neck, jaw, left eye, right eye."""


@pytest.fixture(scope="session")
def tiny_head() -> HeadModel:
    """A ball with a jaw, two eyeballs and a mouth patch: 186 vertices, 360 faces, 3 shape and 4 expression axes."""
    skull = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    eye = trimesh.creation.icosphere(subdivisions=0, radius=0.03)
    balls = [(skull.vertices * [0.8, 1.0, 0.95], skull.faces), *((eye.vertices + c.numpy(), eye.faces) for c in _CENTRES[3:])]
    vertices, faces = trimesh.util.append_faces([b[0] for b in balls], [b[1] for b in balls])
    template, triangles = torch.tensor(vertices, dtype=torch.float32), torch.tensor(faces, dtype=torch.int64)
    part = _parts(template[triangles].mean(1), len(skull.faces))
    weights = _weights(template, len(skull.vertices))
    masks = {name: _touched(part == index, triangles, len(template)) for index, name in enumerate(PART_NAMES)}
    masks |= {
        "face": template[:, 2] > 0.02,
        "jaw": weights[:, 2] > 0.5,
        "neck": weights[:, 0] > 0.5,
        "scalp": template[:, 1] > 0.06,
    }
    names = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp")
    unit_joints = torch.zeros(4, 3, 3)
    unit_joints[0, 0, 0] = 0.4
    arrays = {"template": vertices, "faces": faces}
    return HeadModel(
        name="tiny",
        template=template,
        shape_basis=torch.stack([template * torch.eye(3)[axis] * 0.05 for axis in range(3)], dim=-1),
        expression_basis=_expressions(template),
        pose_correctives=torch.zeros(36, 3 * len(template)),
        joint_regressor=_regressor(template),
        skinning_weights=weights,
        parents=(-1, 0, 1, 1, 1),
        faces=triangles,
        face_part=part,
        vertex_masks=masks,
        mirror=torch.cdist(template * torch.tensor([-1.0, 1, 1]), template).argmin(1),
        expression_names=names,
        unit_joints=unit_joints,
        shape_names=("wide", "tall", "deep"),
        named_shapes={"wide": torch.tensor([1.0, 0, 0])},
        deformation_scale=0.0104,
        anchors=None,
        hash=content_hash(arrays, names),
    )


def _parts(centres: Float[Tensor, "F 3"], skull_faces: int) -> Tensor:
    part = torch.zeros(len(centres), dtype=torch.int64)
    mouth = (centres - torch.tensor([0.0, -0.045, 0.08])).norm(dim=1)
    part[mouth < 0.035] = PART_NAMES.index("lips")
    part[mouth < 0.018] = PART_NAMES.index("mouth_cavity")
    part[skull_faces : skull_faces + 20] = PART_NAMES.index("eye_left")
    part[skull_faces + 20 :] = PART_NAMES.index("eye_right")
    return part


def _touched(faces: Tensor, triangles: Tensor, vertex_count: int) -> Tensor:
    mask = torch.zeros(vertex_count, dtype=torch.bool)
    mask[triangles[faces].flatten()] = True
    return mask


def _weights(template: Float[Tensor, "V 3"], skull_vertices: int) -> Float[Tensor, "V 5"]:
    """Jaw below and in front, root at the bottom, eyeballs on their own joints, the rest on the neck."""
    weights = torch.zeros(len(template), 5)
    jaw = ((-0.03 - template[:, 1]) / 0.02).clamp(0, 1) * (template[:, 2] > 0.02)
    root = ((-0.07 - template[:, 1]) / 0.02).clamp(0, 1) * (1 - jaw)
    weights[:, 0], weights[:, 1], weights[:, 2] = root, 1 - jaw - root, jaw
    weights[skull_vertices : skull_vertices + 12] = torch.eye(5)[3]
    weights[skull_vertices + 12 :] = torch.eye(5)[4]
    return weights


def _regressor(template: Float[Tensor, "V 3"]) -> Float[Tensor, "5 V"]:
    """Smallest weights, summing to 1, that give the joints."""
    system = torch.cat([template.T, torch.ones(1, len(template))]).double()
    wanted = torch.cat([_CENTRES.T, torch.ones(1, 5)]).double()
    return (torch.linalg.pinv(system) @ wanted).T.float()


def _expressions(template: Float[Tensor, "V 3"]) -> Float[Tensor, "V 3 4"]:
    """A chin that drops, two mouth corners that rise, a brow that rises: millimetres that fade with distance."""
    centres = torch.tensor([[0, -0.08, 0.06], [0.03, -0.045, 0.08], [-0.03, -0.045, 0.08], [0, 0.05, 0.08]])
    moves = torch.tensor([[0, -0.006, 0], [0.005, 0.008, 0], [-0.005, 0.008, 0], [0, 0.008, 0.002]])
    near = torch.exp(-((template[:, None] - centres) ** 2).sum(-1) / 0.03**2)
    return torch.einsum("ve,ex->vxe", near, moves)
