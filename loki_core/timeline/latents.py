"""What hands have set in LIA-X's latent space, over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from loki_core.errors import InputError
from loki_core.head.controls import LATENT_CONTROLS
from loki_core.timeline.layers import Layer, audible, hand_values, weights

__all__ = ["latent_edits"]

_INDEX = {control.name: index for index, control in enumerate(LATENT_CONTROLS)}


def latent_edits(layers: Sequence[Layer], frames: Float[np.ndarray, "T"], directions: int) -> Float[np.ndarray, "T M"]:
    """Lengths along each of the network's directions at `frames` of the timeline: the sum over layers, each by its weight.

    Raises `InputError` where one is set that the network does not have.
    """
    edits = np.zeros((len(frames), directions))
    for layer in audible(tuple(layers)):
        if not layer.by_hand:
            continue
        weight = weights(layer, frames)
        for name, column in hand_values(layer, frames).items():
            index = _INDEX.get(name)
            if index is None:
                continue
            if index >= directions:
                raise InputError(f"expected a direction from 0 to {directions - 1}, got {name} ({index}); put it back to 0")
            edits[:, index] += weight * column
    return edits
