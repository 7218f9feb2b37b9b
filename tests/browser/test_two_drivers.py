"""Two drivers on one shot, in a real browser: from dropped clips to the rendered video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import BrowserContext, Locator, Page, expect

from loki_core.head.arkit import apply_controls
from loki_core.head.embedded import embedded_head
from loki_core.head.params import FlameParams
from loki_core.head.units import unit_basis
from loki_core.media.video_out import open_writer
from loki_core.motion.clip import Motion
from loki_core.motion.files import read_motion, write_motion
from tests.browser.conftest import open_page
from tests.browser.test_studio import SETTLED, pixels, work
from tests.track.faces import rendered_face

HEAD = embedded_head()
UNITS = unit_basis(HEAD, HEAD)
FRAMES = 12
DONE = "window.loki.library.jobs.filter((job) => job.kind === 'render' && job.state === 'done').length"
PATIENCE = 600_000
"""Milliseconds for tracking on a busy machine; nothing but a hang takes them."""


def clip(path: Path, yaw: float, smile: float) -> Path:
    """A drawn head, at rest at first, that turns and smiles by the end."""
    with open_writer(path, Fraction(24), (256, 256)) as writer:
        for share in np.linspace(0, 1, FRAMES).tolist():
            writer.write(rendered_face(yaw=yaw * share, mouthSmileLeft=smile * share, mouthSmileRight=smile * share)[0])
    return path


def motion(path: Path, **ends: float) -> Path:
    """From rest to what `ends` says."""
    values = {name: torch.linspace(0, end, FRAMES) for name, end in ends.items()}
    made = Motion.of(apply_controls(HEAD, UNITS, HEAD.neutral(), values), fps=Fraction(24), head=HEAD.id)
    write_motion(path, made, HEAD, UNITS)
    return path


@pytest.fixture
def turning(tmp_path: Path) -> Path:
    return motion(tmp_path / "turning.npz", headYaw=20.0, jawOpen=0.2)


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    return motion(tmp_path / "talking.npz", headPitch=12.0, jawOpen=0.9)


def drop(page: Page, file: Path) -> None:
    page.locator("[data-part=driver] input[type=file]").set_input_files(file)


def drop_first(page: Page, file: Path) -> None:
    drop(page, file)
    page.wait_for_function(f"window.loki.studio.layers[0].name === '{file.stem}' && {SETTLED}", timeout=PATIENCE)


def drop_second(page: Page, file: Path, use: str) -> None:
    """Drop it, and answer what it is for."""
    drop(page, file)
    expect(page.locator("[data-part=offer-words]")).to_contain_text(f"{file.stem} is ready", timeout=PATIENCE)
    page.locator("[data-part=offer]").get_by_role("button", name=use, exact=True).click()
    expect(page.locator("[data-part=offer]")).to_be_hidden()


def slot(page: Page, side: str) -> Locator:
    return page.get_by_label(f"{side} from")


def wait_for_slots(page: Page, pose: str, expression: str) -> None:
    """Until the chosen layer's slots show these names."""
    for side, name in (("Pose", pose), ("Expression", expression)):
        expect(slot(page, side).locator("option:checked")).to_have_text(name)
    page.wait_for_function(SETTLED)


def rendered(page: Page, form: str, path: Path) -> Path:
    """The whole shot as a file."""
    page.get_by_role("tab", name="Render").click()
    page.locator("[name=ls-format]").select_option(form)
    done = page.evaluate(DONE)
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_function(f"{DONE} === {done + 1}", timeout=PATIENCE)
    link = page.locator("[data-part=download]")
    expect(link).to_contain_text(f".{form}")
    with page.expect_download() as download:
        link.click()
    download.value.save_as(path)
    return path


def coefficients(page: Page, path: Path) -> FlameParams:
    """What the page's work gives in every frame."""
    return read_motion(rendered(page, "npz", path), HEAD, UNITS).params()


def test_two_dropped_clips_give_pose_and_expression_to_the_map_and_to_the_video(page: Page, tmp_path: Path):
    drop_first(page, clip(tmp_path / "turn.mp4", yaw=18.0, smile=0.0))
    page.evaluate(f"window.loki.seek({FRAMES - 1})")
    turned, turn = pixels(page), coefficients(page, tmp_path / "turn.npz")
    drop_second(page, clip(tmp_path / "smile.mp4", yaw=-18.0, smile=0.9), "Replace")
    page.wait_for_function(f"window.loki.studio.layers[0].name === 'smile' && {SETTLED}")
    page.evaluate(f"window.loki.seek({FRAMES - 1})")
    smiled, smile = pixels(page), coefficients(page, tmp_path / "smile.npz")
    page.get_by_role("tab", name="Layers").click()
    page.locator("#ls-layers [data-part=name]").last.click()
    slot(page, "Pose").select_option(label="turn")
    wait_for_slots(page, "turn", "smile")
    both, given = pixels(page), coefficients(page, tmp_path / "both.npz")
    for name in ("global_orient", "neck_pose", "translation"):
        assert torch.equal(getattr(given, name), getattr(turn, name))
        assert (getattr(given, name) - getattr(smile, name)).abs().max() > 0.01 or name == "neck_pose"
    for name in ("expression", "jaw_pose", "eye_pose"):
        assert torch.equal(getattr(given, name), getattr(smile, name))
    assert (given.expression[-1] - turn.expression[-1]).abs().max() > 0.3
    assert min(np.abs(both - other).max() for other in (turned, smiled)) > 60
    rendered(page, "mp4", tmp_path / "both.mp4")
    video = page.locator("[data-part=preview] video")
    video.evaluate("(video) => video.play()")
    page.wait_for_function("document.querySelector('[data-part=preview] video').currentTime > 0")


def test_a_second_clip_gives_the_expression_and_the_switch_takes_one_side_alone(page: Page, turning: Path, talking: Path):
    drop_first(page, turning)
    page.evaluate(f"window.loki.seek({FRAMES - 1})")
    alone = pixels(page)
    drop_second(page, talking, "Expression")
    wait_for_slots(page, "turning", "talking")
    both, hash = pixels(page), work(page)
    assert np.abs(both - alone).max() > 60
    switch = page.get_by_role("radiogroup", name="Pose and expression")
    expect(switch.get_by_role("radio", name="Both")).to_be_checked()
    switch.get_by_role("radio", name="Both").focus()
    page.keyboard.press("ArrowRight")
    wait_for_slots(page, "None", "talking")
    expect(switch.get_by_role("radio", name="Expression only")).to_be_checked()
    still = pixels(page)
    assert np.abs(still - both).max() > 60
    page.keyboard.press("Control+z")
    page.wait_for_function(f"window.loki.studio.hash === '{hash}' && {SETTLED}")
    assert np.array_equal(pixels(page), both)
    page.locator("#ls-layers [data-part=name]").last.click()
    slot(page, "Expression").select_option(label="The same clip")
    wait_for_slots(page, "turning", "The same clip")
    assert np.array_equal(pixels(page), alone)


def test_a_clip_for_the_pose_is_there_again_when_the_project_is_opened(
    page: Page, context: BrowserContext, studio: str, tmp_path: Path, turning: Path, talking: Path
):
    drop_first(page, talking)
    drop_second(page, turning, "Pose")
    wait_for_slots(page, "turning", "talking")
    wanted = work(page)
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    file = tmp_path / "two.loki"
    download.value.save_as(file)
    other = open_page(context, studio)
    other.keyboard.press("Space")
    other.locator("#ls-header input[type=file]").set_input_files(file)
    other.wait_for_function(f"window.loki.studio.hash === '{wanted}' && {SETTLED}")
    other.get_by_role("tab", name="Layers").click()
    other.locator("#ls-layers [data-part=name]").last.click()
    wait_for_slots(other, "turning", "talking")
    other.get_by_role("button", name="Delete", exact=True).first.click()
    other.wait_for_function(f"window.loki.studio.layers.length === 2 && {SETTLED}")
    other.locator("#ls-layers [data-part=name]").last.click()
    wait_for_slots(other, "turning", "None")


def test_a_second_clip_can_be_a_layer_of_its_own_or_wait_in_the_list(page: Page, turning: Path, talking: Path):
    drop_first(page, turning)
    before = work(page)
    drop(page, talking)
    page.get_by_role("button", name="Not now").click()
    expect(page.locator("[data-part=offer]")).to_be_hidden()
    assert work(page) == before and page.get_by_role("radio", name="talking").count() == 1
    drop_second(page, talking, "Own layer")
    page.wait_for_function(f"window.loki.studio.layers[1].name === 'talking' && {SETTLED}")
    wait_for_slots(page, "talking", "The same clip")
