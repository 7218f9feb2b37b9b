from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.chromium import SWITCHES, find_chromium
from loki_core.media.picture import write_picture
from loki_core.media.video_out import open_writer
from tests.browser.conftest import open_page
from tests.track.faces import rendered_face

FRAMES, LOST = 24, range(10, 15)
SETTLED = "window.loki.settled"
PLAYED = "document.querySelector('.recorder video').getVideoPlaybackQuality().totalVideoFrames"
LAYER = "window.loki.studio.layers[0]"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn head that turns, opens its mouth, and is gone for some frames."""
    path = tmp_path_factory.mktemp("clip") / "turning.mp4"
    with open_writer(path, Fraction(24), (256, 256)) as writer:
        for frame in range(FRAMES):
            picture, _, _ = rendered_face(yaw=float(10 * np.sin(frame / 4)), jawOpen=0.3 * (frame % 6) / 5)
            writer.write(np.full_like(picture, 90) if frame in LOST else picture)
    return path


@pytest.fixture
def driven(page: Page, clip: Path) -> Page:
    """The studio with the clip on the desk."""
    page.get_by_role("tab", name="Driver").click()
    page.locator("[data-part=driver] input[type=file]").set_input_files(clip)
    page.wait_for_function(f"window.loki.studio.frame_count === {FRAMES}")
    expect(page.locator("#ls-driver [data-part=desk]")).to_be_visible()
    page.wait_for_function(SETTLED)
    return page


def ink(page: Page) -> np.ndarray:
    """The strip as it is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.array(
        page.evaluate(
            """() => {
              const canvas = document.querySelector("#ls-driver canvas");
              return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
            }"""
        )
    )


def on_strip(page: Page, share: float, down: float) -> tuple[float, float]:
    """A place of the strip: share of its width, pixels from its top."""
    box = page.locator("#ls-driver canvas").bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + down


def test_without_a_clip_the_desk_says_what_to_do(page: Page):
    page.get_by_role("tab", name="Driver").click()
    expect(page.locator("#ls-driver [data-part=none]")).to_contain_text("Drop a video of a face")
    expect(page.locator("#ls-driver [data-part=desk]")).to_be_hidden()


def test_the_strip_shows_the_clip_and_leads_to_its_frames(driven: Page):
    expect(driven.locator("#ls-driver [data-part=frames]")).to_have_text("24 frames, 24 fps")
    expect(driven.locator("#ls-driver [data-part=lost]")).to_have_text(re.compile(r"No face: \d+"))
    expect(driven.locator("#ls-driver [data-part=neutral-words]")).to_have_text(re.compile(r"Frame \d+, found by itself"))
    assert driven.evaluate("document.querySelector('#ls-driver [data-part=neutral]').naturalWidth") == 72
    before = ink(driven)
    assert np.unique(before.reshape(-1, 4), axis=0).shape[0] > 10
    driven.mouse.click(*on_strip(driven, 20.5 / FRAMES, 90))
    driven.wait_for_function("window.loki.frame === 20")
    assert np.abs(ink(driven) - before).max() > 60


def test_smoothing_and_the_neutral_frame_change_the_work_and_undo_brings_it_back(driven: Page):
    start, before = driven.evaluate("window.loki.studio.hash"), ink(driven)
    driven.locator("[data-filter=head] select").select_option("savgol")
    driven.wait_for_function(f"{SETTLED} && {LAYER}.cleaning.head.method === 'savgol'")
    driven.locator("[data-filter=head] input").fill("1")
    driven.wait_for_function(f"{SETTLED} && {LAYER}.cleaning.head.window === 1")
    expect(driven.locator("[data-filter=head] output")).to_have_text("1.00 s")
    driven.get_by_label("Lost frames").select_option("hold")
    driven.wait_for_function(f"{SETTLED} && {LAYER}.cleaning.lost === 'hold'")
    driven.evaluate("window.loki.seek(3)")
    driven.get_by_role("button", name="Use the frame at the playhead").click()
    expect(driven.locator("#ls-driver [data-part=neutral-words]")).to_have_text("Frame 3, chosen")
    assert np.abs(ink(driven) - before).max() > 60
    driven.get_by_role("button", name="Found by itself").click()
    expect(driven.locator("#ls-driver [data-part=neutral-words]")).to_have_text(re.compile("found by itself"))
    for _ in range(5):
        driven.keyboard.press("Control+z")
    driven.wait_for_function(f"{SETTLED} && window.loki.studio.hash === '{start}'")
    expect(driven.locator("[data-filter=head] select")).to_have_value("none")


def test_a_frame_without_a_face_is_refused_as_neutral_in_words(driven: Page):
    driven.evaluate("window.loki.seek(12)")
    driven.get_by_role("button", name="Use the frame at the playhead").click()
    expect(driven.locator("#ls-toasts")).to_contain_text("in which none was found")


def test_the_clip_is_cut_by_the_ends_of_its_bar(driven: Page):
    driven.mouse.move(*on_strip(driven, 0.999, 6))
    driven.mouse.down()
    driven.mouse.move(*on_strip(driven, 20 / FRAMES, 6), steps=4)
    driven.mouse.up()
    driven.wait_for_function(f"{SETTLED} && window.loki.studio.frame_count === 20")
    driven.mouse.move(*on_strip(driven, 0.001, 6))
    driven.mouse.down()
    driven.mouse.move(*on_strip(driven, 5 / FRAMES, 6), steps=4)
    driven.mouse.up()
    driven.wait_for_function(f"{SETTLED} && {LAYER}.offset === 5 && window.loki.studio.frame_count === 15")
    driven.keyboard.press("Control+z")
    driven.keyboard.press("Control+z")
    driven.wait_for_function(f"{SETTLED} && window.loki.studio.frame_count === {FRAMES}")


def test_an_expression_is_borrowed_from_a_picture(page: Page, tmp_path: Path):
    write_picture(tmp_path / "shout.png", rendered_face(jawOpen=0.9, browInnerUp=0.9)[0])
    page.locator("[data-part=driver] input[type=file]").set_input_files(tmp_path / "shout.png")
    expect(page.locator("#ls-driver [data-part=borrow-name]")).to_have_text("shout")
    page.locator("#ls-driver .regions").get_by_label("Head").check()
    page.locator("#ls-driver [data-do=borrowLayer]").click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.layers.some((layer) => layer.name === 'shout')")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"{SETTLED} && !window.loki.studio.layers.some((layer) => layer.name === 'shout')")
    page.get_by_role("button", name="Put it on the face").click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.can_undo && window.loki.studio.controls.length > 0")


def test_a_page_without_a_camera_says_so(page: Page):
    page.get_by_role("button", name="Record with the camera").click()
    expect(page.get_by_role("dialog")).to_contain_text("There is no camera")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.fixture
def with_camera(browser: Browser, studio: str) -> Iterator[Page]:
    """A page in a browser whose camera shows a test picture."""
    fake = ("--use-fake-device-for-media-stream=fps=10", "--use-fake-ui-for-media-stream")
    other = browser.browser_type.launch(executable_path=find_chromium(), args=[*SWITCHES, *fake])
    context = other.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(120_000)
    page = open_page(context, studio)
    page.keyboard.press("Space")
    page.wait_for_function("!window.loki.playing")
    yield page
    other.close()


def test_the_camera_is_recorded_after_a_countdown_and_what_shows_no_face_is_refused(with_camera: Page):
    with_camera.get_by_role("button", name="Record with the camera").click()
    dialog = with_camera.get_by_role("dialog")
    expect(dialog).to_have_attribute("data-state", "ready")
    dialog.get_by_role("button", name="Record", exact=True).click()
    expect(dialog).to_have_attribute("data-state", "counting")
    expect(dialog).to_have_attribute("data-state", "recording")
    played = with_camera.evaluate(PLAYED)
    with_camera.wait_for_function(
        f"parseFloat(document.querySelector('[data-part=elapsed]').textContent) > 1.5 && {PLAYED} > {played + 9}"
    )
    dialog.get_by_role("button", name="Stop").click()
    expect(with_camera.locator("#ls-toasts")).to_contain_text(re.compile("found none|sent no picture"))
    expect(dialog).to_be_hidden()
