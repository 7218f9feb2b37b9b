"""A level view of one eye: where its corners are, and its opening as smooth curves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8

__all__ = ["CORNERS", "LEVEL_WIDTH", "LOWER_LID", "UPPER_LID", "Level", "Outline", "eye_pixels"]

UPPER_LID = {"left": (466, 388, 387, 386, 385, 384, 398), "right": (246, 161, 160, 159, 158, 157, 173)}
LOWER_LID = {"left": (249, 390, 373, 374, 380, 381, 382), "right": (7, 163, 144, 145, 153, 154, 155)}
CORNERS = {"left": (263, 362), "right": (33, 133)}
"""MediaPipe's points along the lids' margins and in the corners of the eyes."""
LEVEL_WIDTH = 160
"""Pixels that an eye is wide in a level view."""
_SMALLEST = 10
"""Pixels of an eye's width in the picture below which there is nothing to view."""
_SURE, _POSSIBLE = 0.14, 0.28
"""Shares of an eye's height inside its landmarks that are surely eye, and outside them that may be."""


@dataclass(frozen=True, eq=False)
class Level:
    """A view of the picture in which an eye lies level and is `LEVEL_WIDTH` pixels wide."""

    turn: Float[np.ndarray, "2 2"]
    offset: Float[np.ndarray, "2"]
    size: tuple[int, int]

    @staticmethod
    def on(corners: Float[np.ndarray, "2 2"]) -> Level | None:
        """None for an eye that is too small in the picture."""
        left, right = corners[np.argsort(corners[:, 0])]
        width = float(np.linalg.norm(right - left))
        if width < _SMALLEST:
            return None
        x, y = (right - left) * LEVEL_WIDTH / width**2
        turn, size = np.array([[x, y], [-y, x]]), np.array([1.7, 1.2]) * LEVEL_WIDTH
        return Level(turn, size / 2 - turn @ corners.mean(0), (int(size[0]), int(size[1])))

    def points(self, pixels: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        return pixels @ self.turn.T + self.offset

    def pixels(self, points: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        """The inverse of `points`."""
        return (points - self.offset) @ np.linalg.inv(self.turn).T

    def back(self, change: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 2"]:
        """Displacements in the picture for those in the view."""
        return change @ self.turn / np.linalg.det(self.turn)

    def cut(self, picture: Shaped[np.ndarray, "H W C"]) -> Shaped[np.ndarray, "h w C"]:
        transform = np.column_stack([self.turn, self.offset])
        return cv2.warpAffine(picture, transform, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def uncut(self, mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
        """A mask of the view in a picture of `size` (height, width)."""
        transform = np.column_stack([self.turn, self.offset])
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(mask.astype(np.uint8), transform, size[::-1], flags=flags) > 0


def _shapes(along: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N 5"]:
    """Straight lines and arcs that stand upright at the corners (0 and 1), as lids do: polynomials would swing there."""
    angle = np.arccos(1 - 2 * along.clip(0, 1))
    return np.stack([np.ones_like(angle), np.cos(angle), *(np.sin(k * angle) for k in (1, 2, 3))], axis=-1)


def _robust_curve(along: Float[np.ndarray, "C"], rows: Float[np.ndarray, "C"]) -> Float[np.ndarray, "5"]:
    """Shares of `_shapes` that go through most of the points: lashes and shadows take single columns astray."""
    shapes, weight = _shapes(along), np.ones(len(along))
    for _ in range(5):
        share = np.linalg.lstsq(shapes * weight[:, None], rows * weight, rcond=None)[0]
        off = np.abs(rows - shapes @ share)
        weight = 1 / (off + 1 + np.median(off))
    return share


@dataclass(frozen=True, eq=False)
class Outline:
    """An eye's opening as smooth curves from its left corner (0) to its right (1), in rows of a level view."""

    left: float
    right: float
    upper: Float[np.ndarray, "5"]
    lower: Float[np.ndarray, "5"]

    @staticmethod
    def of(mask: Bool[np.ndarray, "h w"]) -> Outline:
        """The outline of a mask that is not empty."""
        columns = np.flatnonzero(mask.any(0))
        along = (columns + 0.5 - columns[0]) / (columns[-1] + 1 - columns[0])
        edges = mask.argmax(0)[columns], (len(mask) - mask[::-1].argmax(0))[columns]
        upper, lower = (_robust_curve(along, edge.astype(np.float64)) for edge in edges)
        return Outline(float(columns[0]), float(columns[-1]) + 1, upper, lower)

    @property
    def height(self) -> float:
        upper, lower = self.edges(np.linspace(0, 1, 50))
        return float((lower - upper).max())

    def edges(self, along: Float[np.ndarray, "N"]) -> tuple[Float[np.ndarray, "N"], Float[np.ndarray, "N"]]:
        """Rows of the upper and of the lower edge."""
        shapes = _shapes(along)
        return shapes @ self.upper, shapes @ self.lower


def eye_pixels(
    level: Level, picture: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "L 2"], side: str
) -> Bool[np.ndarray, "h w"]:
    """Pixels of the eye by colour and contrast (GrabCut; Rother et al. 2004), from what its landmarks enclose."""
    view = level.cut(picture)
    outline = level.points(landmarks[[*UPPER_LID[side], *CORNERS[side], *LOWER_LID[side]]])
    height = np.ptp(outline[:, 1])
    hull = cv2.convexHull(np.round(outline).astype(np.int32))
    inside = cv2.fillPoly(np.zeros(view.shape[:2], np.uint8), [hull], 1)
    trial = np.full(view.shape[:2], cv2.GC_BGD, np.uint8)
    trial[cv2.dilate(inside, _disc(LEVEL_WIDTH / 8, height * _POSSIBLE)) > 0] = cv2.GC_PR_BGD
    trial[inside > 0] = cv2.GC_PR_FGD
    trial[cv2.erode(inside, _disc(height * _SURE, height * _SURE)) > 0] = cv2.GC_FGD
    if not {cv2.GC_FGD, cv2.GC_BGD} <= set(np.unique(trial).tolist()):
        return np.zeros(view.shape[:2], dtype=bool)
    cv2.setRNGSeed(0)  # GrabCut draws from it: the same portrait shall always give the same lids
    cv2.grabCut(
        cv2.cvtColor(view, cv2.COLOR_RGB2LAB), trial, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK
    )
    found = np.isin(trial, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(4, 4)), cv2.MORPH_CLOSE, _disc(6, 6))
    return found > 0


def _disc(across: float, down: float) -> UInt8[np.ndarray, "h w"]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(across) + 1, 2 * int(down) + 1))
