"""The mapping from a head's coefficients to what DeX-Portrait's encoders say, learned on synthetic people.

Each person's pictures are compared among themselves: what of latent and pose is the person's own drops out, and what is left is
how both change. That is ridge regression with fixed effects, in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from loki_core.data.samples import Sample, SyntheticConfig, SyntheticWindows
from loki_core.dex.coefficients import face_features
from loki_core.dex.looks import crop_faces, pose_pictures
from loki_core.dex.mapping import DexMapping, motion_fingerprint
from loki_core.dex.motion import MotionNetwork
from loki_core.dex.similarity import pose_values
from loki_core.head.model import HeadModel
from loki_core.render.base import Progress
from loki_core.training.pictures import signed

__all__ = ["MappingConfig", "fit_mapping", "people_of_their_own", "read_motion", "solve_within"]

_RIDGE = 1e-3
"""Of each input's own sum of squares."""
_UNUSED = 1e-9
"""Mean square below which an input that never changes gets weight 0."""


@dataclass(frozen=True)
class MappingConfig:
    """What a mapping is fitted to."""

    people: int = 1500
    frames: int = 8
    """Pictures of each, every one with a pose and a face of its own."""
    seed: int = 7
    """Apart from that of training."""


def fit_mapping(
    network: MotionNetwork, head: HeadModel, config: MappingConfig | None = None, *, progress: Progress | None = None
) -> DexMapping:
    """A mapping for the coefficients of `head`, whose synthetic people are drawn. `progress` counts them."""
    config = config or MappingConfig()
    windows = people_of_their_own(network, head, config.frames, config.seed)
    faces, latents, true, learned = [], [], [], []
    for index in range(config.people):
        sample = windows[index]
        faces.append(face_features(sample.coefficients))
        true.append(sample.places)
        expression, pose = read_motion(network, sample, sample.targets)
        latents.append(expression)
        learned.append(pose_values(pose))
        if progress is not None:
            progress(index + 1, config.people)
    return DexMapping(
        head.id,
        motion_fingerprint(network.state_dict()),
        solve_within(torch.stack(faces), torch.stack(latents)),
        solve_within(torch.stack(true), torch.stack(learned)),
    )


def solve_within(inputs: Float[Tensor, "N T F"], outputs: Float[Tensor, "N T E"]) -> Float[Tensor, "F E"]:
    """Weights of a linear map from changes of inputs to changes of outputs within each of N groups, by ridge regression."""
    x, y = ((values.double() - values.double().mean(1, keepdim=True)).flatten(0, 1) for values in (inputs, outputs))
    gram = x.mT @ x / len(x)
    ridge = (_RIDGE * gram.diagonal() + _UNUSED).diag()
    return torch.linalg.solve(gram + ridge, x.mT @ y / len(x)).float()


def people_of_their_own(network: MotionNetwork, head: HeadModel, frames: int, seed: int) -> SyntheticWindows:
    """Synthetic people in pictures of the network's size, each picture with a pose and a face of its own."""
    size = network.motion.image_size
    return SyntheticWindows(head, SyntheticConfig(size=size, frames=frames, clips=0.0, still=0.0, seed=seed))


@torch.no_grad()
def read_motion(
    network: MotionNetwork, sample: Sample, pictures: UInt8[Tensor, "T 3 H W"]
) -> tuple[Float[Tensor, "T E"], Float[Tensor, "T 3 4"]]:
    """Latents and poses of pictures whose heads, eyes and mouths are where the sample's are."""
    seen = signed(pictures)
    faces = crop_faces(network.motion.expression, seen, sample.places)
    return network.expression(faces), network.pose(pose_pictures(network.motion, seen, sample.focus))
