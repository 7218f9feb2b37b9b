"""From a head's coefficients to what the motion encoders of one network say of its picture: linear, and fitted to pairs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from loki_core.data.vectors import head_similarity
from loki_core.dex.coefficients import face_features, feature_count
from loki_core.dex.similarity import DEGREES_OF_FREEDOM, pose_matrix, pose_values
from loki_core.diffusion.saved import read_json, read_tensors
from loki_core.errors import InputError
from loki_core.files import replacing
from loki_core.head.model import HeadId, HeadModel
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox
from loki_core.tensors import check_tensors

__all__ = ["MAPPING_FOLDER", "DexMapping", "motion_fingerprint", "read_mapping", "save_mapping"]

MAPPING_FOLDER = "mapping"
"""Beside the network, in its folder."""
_TENSORS, _ABOUT = "mapping.safetensors", "mapping.json"


@dataclass(frozen=True, eq=False)
class DexMapping:
    """How latent and pose change with coefficients. What a person's picture says beyond them stays: only changes are mapped."""

    head: HeadId
    """Whose coefficients."""
    motion: str
    """Stands for the encoders: `motion_fingerprint`."""
    face: Float[Tensor, "F E"]
    """Features of the face to the expression latent."""
    pose: Float[Tensor, "6 6"]
    """The true pose's numbers to those of the learned one."""

    def expressions(self, params: FlameParams, start: FlameParams, latent: Float[Tensor, "1 E"]) -> Float[Tensor, "T E"]:
        """Latents of frames (batch shape (T,)), of a person whose picture with the face of `start` has `latent`."""
        return latent + (face_features(params) - face_features(start)) @ self.face.to(latent)

    def poses(
        self,
        head: HeadModel,
        params: FlameParams,
        start: FlameParams,
        pose: Float[Tensor, "1 3 4"],
        camera: Camera,
        crop: CropBox,
    ) -> Float[Tensor, "T 3 4"]:
        """Poses of frames in a crop, of a person whose picture in the pose of `start` has `pose`. `head`: the person's."""
        moved = head_similarity(head, params, camera, crop) - head_similarity(head, start, camera, crop)
        return pose_matrix(pose_values(pose) + moved.to(pose) @ self.pose.to(pose))


def motion_fingerprint(state: Mapping[str, Tensor]) -> str:
    """16 hex digits over the encoders' weights, by name. Weights that were stored in half precision have the same."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].half().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def save_mapping(mapping: DexMapping, folder: Path) -> None:
    """Write safetensors and JSON into the folder, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"head": [mapping.head.name, mapping.head.hash], "motion": mapping.motion, "latent": mapping.face.shape[1]}
    tensors = {"face": mapping.face.contiguous(), "pose": mapping.pose.contiguous()}
    with replacing(folder / _TENSORS) as file:
        file.write(save(tensors))
    with replacing(folder / _ABOUT) as file:
        file.write(f"{json.dumps(about, indent=2)}\n".encode())


def read_mapping(folder: Path, head: HeadModel, motion: str, latent: int) -> DexMapping:
    """What `save_mapping` wrote, for that head and the encoders of fingerprint `motion`, whose latent has so many numbers.

    Raises `InputError` for one that is damaged, a pickle, or made for others.
    """
    about = read_json(folder / _ABOUT)
    if about.get("head") != [head.id.name, head.id.hash]:
        raise InputError(
            f"{folder.name}: expected a mapping for the head '{head.name}', got one for {about.get('head')!r:.60}; "
            "let the warped portrait tell the network of motion, or fit it for this head"
        )
    if about.get("motion") != motion:
        raise InputError(
            f"{folder.name}: expected a mapping for these weights, got one for others; fit it anew with "
            "'launch.py train --preset dex-mapping-mini --network FOLDER'"
        )
    tensors = read_tensors(folder / _TENSORS)
    expected = {
        "face": torch.empty(feature_count(head.expression_count), latent, device="meta"),
        "pose": torch.empty(DEGREES_OF_FREEDOM, DEGREES_OF_FREEDOM, device="meta"),
    }
    check_tensors(expected, tensors, f"{folder.name}/{_TENSORS}", "a mapping of this head and network")
    return DexMapping(head.id, motion, *(tensors[name].clone() for name in ("face", "pose")))
