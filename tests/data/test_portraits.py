"""Synthetic portraits: what a control does is seen where it should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from loki_core.data.appearance import background, random_appearance
from loki_core.data.dressed import dress
from loki_core.data.portraits import draw, make_person, random_identity
from loki_core.head.embedded import embedded_head
from loki_core.head.model import pose_vertices
from loki_core.raster.camera import Camera, head_crop, project
from loki_core.track.synthetic import unit_params

SIZE = 64


@pytest.mark.parametrize(
    ("names", "rows"),
    [(("eyeBlinkLeft", "eyeBlinkRight"), (22, 40)), (("jawOpen",), (36, 60)), (("browInnerUp",), (14, 36))],
)
def test_a_movement_is_seen_in_its_part_of_the_face(names, rows):
    head, rng = embedded_head(), np.random.default_rng(3)
    person = make_person(head, torch.zeros(head.shape_count), rng, size=SIZE)
    strengths = torch.zeros(head.expression_count)
    strengths[[head.expression_names.index(name) for name in names]] = 1
    away = torch.tensor([0.0, 0.0, -1.0])
    rest, moved = (replace(unit_params(head, s), translation=away) for s in (strengths * 0, strengths))
    camera = Camera(focal=1000, cx=256, cy=256, width=512, height=512)
    crop = head_crop(project(camera, pose_vertices(head, rest)))
    before, after = (draw(head, person, p[None], camera, crop, size=SIZE) for p in (rest, moved))
    change = (before.pictures.float() - after.pictures.float()).abs().sum((0, 1, 3))
    assert change.sum() > 500
    assert change[rows[0] : rows[1]].sum() > 0.8 * change.sum()
    assert not torch.equal(before.maps, after.maps)


def test_a_drawing_leaves_nothing_behind_on_the_person():
    head, rng = embedded_head(), np.random.default_rng(3)
    person = make_person(head, torch.zeros(head.shape_count), rng, size=SIZE)
    params = replace(unit_params(head, torch.zeros(head.expression_count)), translation=torch.tensor([0.0, 0.0, -1.0]))
    camera = Camera(focal=1000, cx=256, cy=256, width=512, height=512)
    crop = head_crop(project(camera, pose_vertices(head, params)))
    ground = person.ground.clone()
    draw(head, person, params[None], camera, crop, size=SIZE)
    assert torch.equal(person.ground, ground)


def test_people_differ_from_each_other():
    looks = [random_appearance(np.random.default_rng(seed)) for seed in range(40)]
    tones = np.array([look.skin.tone for look in looks])
    assert tones.std(0).min() > 0.08
    assert {look.hair.length > 0.05 for look in looks} == {True, False}
    assert any(look.skin.beard > 0 for look in looks) and any(look.hair.thickness == 0 for look in looks)


def test_hair_and_clothes_are_added_behind_the_vertices_of_the_head():
    head = embedded_head()
    look = random_appearance(np.random.default_rng(1))
    dressed = dress(head, look)
    assert torch.equal(dressed.faces[: len(head.faces)].long(), head.faces.long())
    assert int(dressed.faces.max()) < len(dressed.places) == len(head.template) + len(dressed.roots) + len(dressed.body)
    assert float(dressed.colours.min()) >= 0 and float(dressed.colours.max()) <= 1


def test_a_bald_head_has_no_hair():
    look = random_appearance(np.random.default_rng(1))
    assert len(dress(embedded_head(), replace(look, hair=replace(look.hair, thickness=0.0))).roots) == 0


def test_grounds_are_pictures_of_the_size_asked_for():
    for seed in range(8):
        ground = background(np.random.default_rng(seed), 20)
        assert ground.shape == (20, 20, 3) and np.isfinite(ground).all()


def test_an_identity_has_a_coefficient_for_each_shape_axis():
    head = embedded_head()
    assert random_identity(head, np.random.default_rng(0)).shape == (head.shape_count,)
