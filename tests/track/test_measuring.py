"""Measuring the tracker's data at tiny size: the loaders' shapes, and what the parts promise."""

from __future__ import annotations

import numpy as np
import pytest

from loki_core.track.errors import LandmarkErrors
from loki_core.track.reader import FrameReader
from presets.heads.measure_anchors import measure
from tests.track.faces import HEAD


@pytest.fixture(scope="module")
def files() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return measure(people=30, frames=4, seed=5)


def test_a_small_run_gives_all_that_the_loaders_read(files: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> None:
    anchors, reader = files
    LandmarkErrors(anchors["bias"], anchors["modes"].astype(np.float64), anchors["noise"]).whitening()
    assert anchors["own_noise"].shape == (478, 2) and anchors["spread"].shape == (478,)
    assert reader["names"].tolist() == list(HEAD.expression_names)
    numbers = [reader[name] for name in ("offset", "by_landmarks", "by_brows", "spread", "own_spread")]
    assert FrameReader(HEAD.expression_names, *numbers).by_brows.shape == (1188, 55)
    assert all(np.isfinite(n).all() for n in numbers)


def test_anchors_come_in_mirrored_pairs(files: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> None:
    anchors = files[0]
    corners = HEAD.template.numpy()[HEAD.faces.numpy()[anchors["faces"]]]
    points = (corners * anchors["barycentrics"][..., None]).sum(1)
    np.testing.assert_allclose(points[anchors["mirror"]], points * [-1, 1, 1], atol=3e-4)
    np.testing.assert_allclose(anchors["barycentrics"].sum(1), 1)


def test_committed_anchors_are_found_again_within_millimetres(files: tuple[dict[str, np.ndarray], dict[str, np.ndarray]]) -> None:
    assert HEAD.anchors is not None
    template, faces = HEAD.template.numpy(), HEAD.faces.numpy()
    committed = (template[faces[HEAD.anchors.faces.numpy()]] * HEAD.anchors.barycentrics.numpy()[..., None]).sum(1)
    again = (template[faces[files[0]["faces"]]] * files[0]["barycentrics"][..., None]).sum(1)
    assert np.median(np.linalg.norm(again - committed, axis=1)) < 0.003
