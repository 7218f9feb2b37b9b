from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from PIL import Image

from loki_core.head.model import HeadModel, pose_vertices
from loki_core.head.params import FlameParams
from loki_core.raster.camera import Camera, CropBox, head_crop, project
from loki_core.raster.driver_map import DriverMap, driver_map
from loki_core.raster.export import MAP_FORMATS, MapFormat, write_map
from loki_core.raster.figure import draw_figure, tone

CAMERA = Camera(focal=300, cx=64, cy=64, width=128, height=128)
SIZE = (24, 20)


def motion(head: HeadModel, count: int) -> FlameParams:
    still = replace(head.neutral((count,)), translation=torch.tensor([[0, 0, -0.6]]).repeat(count, 1))
    return replace(still, jaw_pose=torch.linspace(0, 0.3, count)[:, None] * torch.tensor([1.0, 0, 0]))


@pytest.fixture
def crop(tiny_head: HeadModel) -> CropBox:
    return head_crop(project(CAMERA, pose_vertices(tiny_head, motion(tiny_head, 1)[0])))


def frame(head: HeadModel, params: FlameParams, crop: CropBox) -> DriverMap:
    return driver_map(head, params, CAMERA, crop, size=SIZE)


def test_npz_holds_the_maps_and_masks_of_every_frame(tiny_head: HeadModel, crop: CropBox, tmp_path: Path) -> None:
    params, seen = motion(tiny_head, 3), []
    path = tmp_path / "m.npz"
    write_map(
        path, tiny_head, params, CAMERA, crop, size=SIZE, form="npz", progress=lambda done, total: seen.append((done, total))
    )
    with np.load(path, allow_pickle=False) as file:
        maps, masks = file["driver_map"], file["mask"]
    assert maps.shape == (3, 45, *SIZE) and maps.dtype == np.float16
    assert masks.shape == (3, *SIZE) and masks.dtype == bool
    for index in range(3):
        expected = frame(tiny_head, params[index], crop)
        assert np.array_equal(maps[index], expected.map.numpy()) and np.array_equal(masks[index], expected.mask.numpy())
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_exr_holds_every_channel_by_name(tiny_head: HeadModel, crop: CropBox, tmp_path: Path) -> None:
    params = motion(tiny_head, 2)
    write_map(tmp_path / "one.exr", tiny_head, params[:1], CAMERA, crop, size=SIZE, form="exr")
    write_map(tmp_path / "two", tiny_head, params, CAMERA, crop, size=SIZE, form="exr")
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["frame_00000.exr", "frame_00001.exr"]
    for path, index in ((tmp_path / "one.exr", 0), (tmp_path / "two" / "frame_00001.exr", 1)):
        expected = frame(tiny_head, params[index], crop)
        channels = OpenEXR.File(str(path), separate_channels=True).channels()
        assert len(channels) == 46
        for name, k in (("sin0.x", 0), ("cos6.x", 13), ("sin3.y", 17), ("cos0.z", 35), ("delta.z", 44)):
            assert np.array_equal(channels[name].pixels, expected.map[k].numpy())
        assert np.array_equal(channels["mask"].pixels > 0, expected.mask.numpy())


def test_png_writes_one_picture_a_channel(tiny_head: HeadModel, crop: CropBox, tmp_path: Path) -> None:
    write_map(tmp_path / "still", tiny_head, motion(tiny_head, 1), CAMERA, crop, size=SIZE, form="png")
    names = sorted(p.name for p in (tmp_path / "still").iterdir())
    assert len(names) == 46 and names[0] == "00-sin0.x.png" and names[41] == "41-cos6.z.png" and names[45] == "mask.png"
    expected = tone(frame(tiny_head, motion(tiny_head, 1)[0], crop).map[0].float().numpy())
    assert np.array_equal(np.asarray(Image.open(tmp_path / "still" / names[0])), expected)
    write_map(tmp_path / "clip", tiny_head, motion(tiny_head, 2), CAMERA, crop, size=SIZE, form="png")
    assert sorted(p.name for p in (tmp_path / "clip").iterdir()) == ["frame_00000", "frame_00001"]


@pytest.mark.parametrize("form", MAP_FORMATS)
def test_the_figure_goes_beside(tiny_head: HeadModel, crop: CropBox, tmp_path: Path, form: MapFormat) -> None:
    write_map(tmp_path / f"m.{form}", tiny_head, motion(tiny_head, 1), CAMERA, crop, size=SIZE, form=form)
    figure = np.asarray(Image.open(tmp_path / "m-figure.png"))
    assert figure.ndim == 3 and min(figure.shape[:2]) > 1000


def test_a_map_that_cannot_be_drawn_leaves_nothing_behind(tiny_head: HeadModel, crop: CropBox, tmp_path: Path) -> None:
    params = motion(tiny_head, 2)
    params.translation[1] = float("nan")
    for form in MAP_FORMATS:
        with pytest.raises(ValueError, match="finite"):
            write_map(tmp_path / f"m.{form}", tiny_head, params, CAMERA, crop, size=SIZE, form=form)
    assert not list(tmp_path.iterdir())


def test_the_figure_shows_each_channel_in_its_place(tiny_head: HeadModel, crop: CropBox) -> None:
    result = frame(tiny_head, motion(tiny_head, 2)[1], crop)
    figure = draw_figure(result, tile=24)
    alone = draw_figure(DriverMap(result.map * (torch.arange(45) == 14)[:, None, None], result.mask), tile=24)
    changed = (figure != alone).any(-1)
    tile_of_channel_14 = changed[46 + 2 * 32 :, 78:][:24, :24]
    assert not tile_of_channel_14.any() and changed.any()


def test_the_figure_of_an_empty_map_is_drawn_too() -> None:
    empty = DriverMap(torch.zeros(45, *SIZE), torch.zeros(SIZE, dtype=torch.bool))
    assert draw_figure(empty, tile=24).std() < 30
