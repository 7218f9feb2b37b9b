"""What a synthetic person looks like apart from the shape of the head: colours, brows, eyes, hair, clothes, ground, light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Appearance", "Brows", "Eyes", "Hair", "Light", "Skin", "background", "random_appearance"]

_SKINS = np.array([[0.97, 0.82, 0.74], [0.90, 0.70, 0.58], [0.80, 0.58, 0.44], [0.60, 0.41, 0.30], [0.40, 0.26, 0.19]])
_IRISES = np.array([[0.32, 0.19, 0.09], [0.25, 0.45, 0.65], [0.33, 0.48, 0.28], [0.14, 0.09, 0.06], [0.45, 0.50, 0.55]])
_HAIRS = np.array(
    [[0.06, 0.05, 0.05], [0.25, 0.15, 0.09], [0.42, 0.26, 0.14], [0.78, 0.60, 0.34], [0.62, 0.62, 0.62], [0.52, 0.20, 0.08]]
)
_DYED = 0.08
"""Share of people whose hair has any colour."""


@dataclass(frozen=True, eq=False)
class Skin:
    """Colours are sRGB in [0, 1]; amounts are 0 (none) to 1."""

    tone: Float[np.ndarray, "3"]
    lips: Float[np.ndarray, "3"]
    blotches: float
    """Standard deviation of slow changes of brightness."""
    redness: float
    """Of cheeks, nose and ears."""
    freckles: float
    beard: float
    """From stubble to a full beard, in the hair's colour."""


@dataclass(frozen=True, eq=False)
class Brows:
    """Lengths in metres of the template."""

    colour: Float[np.ndarray, "3"]
    density: float
    height: float
    """Of the inner end over the middle between the eyes."""
    tilt: float
    """How much higher the outer end is."""
    arch: float
    """Rise of the middle."""
    half: float
    """Half the thickness."""


@dataclass(frozen=True, eq=False)
class Eyes:
    """Radii in metres."""

    iris: Float[np.ndarray, "3"]
    iris_radius: float
    pupil_radius: float
    white: float
    """Brightness of the sclera."""
    lashes: float
    """Share of darkness that the lids' margins carry."""


@dataclass(frozen=True, eq=False)
class Hair:
    """A shell over the scalp. Lengths in metres."""

    colour: Float[np.ndarray, "3"]
    thickness: float
    """0 = bald."""
    length: float
    """How far it hangs below the scalp."""
    fringe: float
    """How far it reaches down the forehead, 0 to 1."""
    receding: float
    """How far the hairline lies back, 0 to 1."""
    lump: float
    """Extra thickness about `lump_at`: a bun, a quiff."""
    lump_at: Float[np.ndarray, "3"]
    """Place on the template."""
    curls: float
    """Relative unevenness of the thickness."""


@dataclass(frozen=True, eq=False)
class Light:
    """A lamp and what comes from everywhere; colours multiply the surface's."""

    towards: Float[np.ndarray, "3"]
    """Unit vector to the lamp, camera space."""
    lamp: Float[np.ndarray, "3"]
    ambient: Float[np.ndarray, "3"]


@dataclass(frozen=True, eq=False)
class Appearance:
    """All of one person and scene that no frame changes."""

    skin: Skin
    brows: Brows
    eyes: Eyes
    hair: Hair
    clothes: Float[np.ndarray, "2 3"]
    """Cloth, and its stripes or collar."""
    stripes: float
    """Stripes a metre; 0 = plain."""
    neckline: float
    """Metres below the neck's end at which the clothes begin in front."""
    light: Light
    texture: int
    """Seed of everything fine."""


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a person and a light."""
    tone = _mixed(_SKINS, rng)
    hair = rng.uniform(0.05, 0.95, 3) if rng.random() < _DYED else _mixed(_HAIRS, rng)
    lips = np.clip(tone * rng.uniform([0.80, 0.45, 0.45], [1.0, 0.75, 0.78]) + [rng.uniform(0, 0.12), 0, 0], 0, 1)
    skin = Skin(
        tone,
        lips,
        blotches=rng.uniform(0.01, 0.06),
        redness=rng.uniform(0, 0.25),
        freckles=rng.uniform(0.2, 0.7) if rng.random() < 0.2 else 0.0,
        beard=rng.uniform(0.15, 0.95) if rng.random() < 0.3 else 0.0,
    )
    brows = Brows(
        np.clip(hair * rng.uniform(0.3, 0.8), 0, 1),
        density=rng.uniform(0.6, 1),
        height=rng.uniform(0.028, 0.033),
        tilt=rng.uniform(-0.003, 0.003),
        arch=rng.uniform(0.001, 0.008),
        half=rng.uniform(0.002, 0.005),
    )
    eyes = Eyes(
        _mixed(_IRISES, rng),
        iris_radius=rng.uniform(0.0058, 0.0068),
        pupil_radius=rng.uniform(0.0018, 0.003),
        white=rng.uniform(0.85, 0.97),
        lashes=rng.uniform(0.3, 0.95),
    )
    return Appearance(
        skin,
        brows,
        eyes,
        _random_hair(hair, rng),
        clothes=rng.uniform(0.03, 0.95, (2, 3)),
        stripes=rng.uniform(15, 40) if rng.random() < 0.3 else 0.0,
        neckline=rng.uniform(-0.02, 0.09),
        light=_random_light(rng),
        texture=int(rng.integers(2**31)),
    )


def background(rng: np.random.Generator, size: int) -> Float[np.ndarray, "N N 3"]:
    """A ground of `size` pixels square: a gradient, with soft blobs, stripes or panels over it; sRGB in [0, 1]."""
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    colours = rng.uniform(0.02, 0.95, (3, 3))
    first, second, third = colours + rng.uniform(0.2, 0.9) * (colours.mean(1, keepdims=True) - colours)
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    picture = first + (second - first) * np.clip(along + 0.5, 0, 1)[..., None]
    kind = rng.integers(4)
    share = np.zeros_like(x)
    if kind == 1:
        for cx, cy, radius in zip(*rng.uniform(-0.5, 0.5, (2, 4)), rng.uniform(0.08, 0.3, 4), strict=True):
            share = np.maximum(share, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * radius**2)))
    elif kind == 2:
        share = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(2, 7) * along + rng.uniform(0, 6))
    elif kind == 3:
        share = np.clip((np.cos(angle) * y - np.sin(angle) * x - rng.uniform(-0.3, 0.3)) * 40 + 0.5, 0, 1)
    return picture + (third - picture) * (share * rng.uniform(0.3, 1))[..., None]


def _random_hair(colour: Float[np.ndarray, "3"], rng: np.random.Generator) -> Hair:
    bald, long = rng.random() < 0.1, rng.random() < 0.4
    lump = rng.uniform(0.01, 0.05) if rng.random() < 0.35 else 0.0
    return Hair(
        colour,
        thickness=0.0 if bald else rng.uniform(0.012, 0.035) if long else rng.uniform(0.004, 0.03),
        length=rng.uniform(0.06, 0.22) if long else rng.uniform(0, 0.02),
        fringe=rng.uniform(0.2, 1) if rng.random() < 0.35 else 0.0,
        receding=rng.uniform(0, 0.5),
        lump=lump,
        lump_at=np.array([rng.uniform(-0.04, 0.04), 0.12, rng.uniform(-0.08, 0.05)]),
        curls=rng.uniform(0.15, 0.5) if rng.random() < 0.35 else 0.05,
    )


def _random_light(rng: np.random.Generator) -> Light:
    towards = np.array([rng.uniform(-1, 1), rng.uniform(-0.2, 0.9), rng.uniform(0.4, 1.2)])
    tint = 1 + rng.uniform(-0.12, 0.12) * np.array([1, 0.1, -1])
    ambient = rng.uniform(0.3, 0.65)
    return Light(
        towards / np.linalg.norm(towards),
        lamp=(rng.uniform(0.95, 1.15) - ambient) * tint,
        ambient=ambient * (1 + rng.uniform(-0.08, 0.08, 3)),
    )


def _mixed(palette: Float[np.ndarray, "K 3"], rng: np.random.Generator) -> Float[np.ndarray, "3"]:
    """A colour between two of the palette."""
    first, second = rng.choice(len(palette), 2)
    return palette[first] + (palette[second] - palette[first]) * rng.uniform(0, 1)
