"""The expressions tab by hand: own faces, strength, and the mixing pad with its recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_studio import SETTLED
from tests.media.test_sound_file import tone, write_wav


@pytest.fixture
def tab(page: Page) -> Page:
    page.get_by_role("tab", name="Expressions").click()
    expect(page.get_by_role("button", name="Save this face")).to_be_visible()
    return page


def controls(page: Page) -> dict[str, float]:
    page.wait_for_function(SETTLED)
    return dict(page.evaluate("window.loki.studio.controls"))


def press(page: Page, pad: Locator, x: float, y: float) -> None:
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_a_saved_face_is_shown_found_renamed_and_deleted_with_undo(tab: Page):
    tab.evaluate("window.loki.edit({ do: 'control', name: 'jawOpen', value: 0.7 })")
    tab.get_by_role("textbox", name="Name, tags").fill("Wry <i>, secret")
    tab.get_by_role("button", name="Save this face").click()
    own = tab.locator("#ls-expressions .mine")
    expect(own).to_have_count(1)
    expect(own.locator("[data-preset] span")).to_have_text("Wry <i>")
    tab.wait_for_function("document.querySelector('#ls-expressions .mine img').src")

    tab.get_by_role("searchbox", name="Find an expression").fill("secret")
    expect(tab.locator("#ls-expressions [data-preset]:visible")).to_have_count(1)
    tab.get_by_role("searchbox", name="Find an expression").fill("")

    own.hover()
    tab.get_by_role("button", name="Rename Wry <i>").click()
    tab.get_by_role("textbox", name="Rename Wry <i>").fill("Dry")
    tab.keyboard.press("Enter")
    expect(own.locator("[data-preset] span")).to_have_text("Dry")
    own.hover()
    tab.get_by_role("button", name="Delete Dry").click()
    expect(own).to_have_count(0)
    tab.get_by_role("button", name="Undo").click()
    expect(own.locator("[data-preset] span")).to_have_text("Dry")


def test_strength_and_regions_say_how_far_and_where_a_click_goes(tab: Page):
    tab.locator("#ls-expressions summary").click()
    for region in tab.locator("#ls-expressions .chips input").all():
        if region.get_attribute("name") != "mouth":
            region.uncheck()
    strength = tab.get_by_role("slider", name="Strength")
    strength.fill("0.5")
    tab.locator("#ls-expressions [data-preset=surprise]").click()
    tab.wait_for_function("window.loki.studio.controls.length")
    half = controls(tab)
    assert half and all(name.startswith("mouth") for name in half)
    before = tab.evaluate("window.loki.studio.revision")
    strength.fill("1")
    tab.wait_for_function("(before) => window.loki.studio.revision > before", arg=before)
    assert controls(tab) == pytest.approx({name: 2 * value for name, value in half.items()})


def test_the_pad_mixes_by_mouse_and_keys_and_a_drag_is_one_step(tab: Page):
    tab.locator("#ls-mixpad summary").click()
    pad = tab.get_by_role("slider", name="Mix of the four corners")
    press(tab, pad, 0.2, 0.2)
    tab.mouse.down()
    for x in np.linspace(0.2, 0.98, 6):
        press(tab, pad, float(x), 0.02)
    tab.mouse.up()
    assert controls(tab)["mouthSmileLeft"] > 0.4
    frame = tab.evaluate("window.loki.frame")
    pad.press("ArrowLeft")
    tab.wait_for_function("document.querySelector('#ls-mixpad .pad').getAttribute('aria-valuenow') === '95'")
    assert tab.evaluate("window.loki.frame") == frame, "the arrow keys move the dot, not the playhead"
    tab.wait_for_function(SETTLED)
    tab.keyboard.press("Control+z")
    tab.keyboard.press("Control+z")
    tab.wait_for_function("!window.loki.studio.controls.length")

    corner = tab.locator("#ls-mixpad [data-corner='0']")
    tab.locator("#ls-expressions [data-preset=anger]").drag_to(corner)
    expect(corner.locator("select")).to_have_value("anger")


def test_a_recording_on_the_pad_becomes_keys_and_one_undo_takes_it_back(tab: Page):
    tab.locator("#ls-mixpad summary").click()
    tab.evaluate("window.loki.seek(0)")
    pad = tab.get_by_role("slider", name="Mix of the four corners")
    tab.locator("#ls-mixpad [data-do=record]").click()
    press(tab, pad, 0.02, 0.02)
    tab.mouse.down()
    tab.wait_for_function("window.loki.playing")
    for x in (0.5, 0.98):
        frame = tab.evaluate("window.loki.frame")
        tab.wait_for_function("(frame) => window.loki.frame > frame + 5", arg=frame)
        press(tab, pad, x, 0.02)
    tab.mouse.up()
    frame = tab.evaluate("window.loki.frame")
    tab.wait_for_function("(frame) => window.loki.frame > frame + 3", arg=frame)
    tab.locator("#ls-mixpad [data-do=record]").click()
    tab.wait_for_function("window.loki.studio.tracks.mouthSmileLeft")
    keys = tab.evaluate("window.loki.studio.tracks.mouthSmileLeft")
    assert keys[0][0] <= 1 and max(key[1] for key in keys) > 0.4
    tab.wait_for_function(SETTLED)
    tab.get_by_role("button", name="Undo").click()
    tab.wait_for_function("!window.loki.studio.controls.length && !Object.keys(window.loki.studio.tracks).length")


def test_a_sound_file_becomes_a_layer_that_speaks(page: Page, tmp_path: Path):
    page.get_by_role("tab", name="Layers").click()
    page.locator("#ls-layers input[type=file]").set_input_files(write_wav(tmp_path / "Hello.wav", tone()))
    expect(page.locator("#ls-layers [data-part=name]").first).to_have_text("♪ Hello")
    assert page.evaluate("Object.keys(window.loki.studio.tracks)").count("jawOpen") == 1
    page.get_by_role("tab", name="Render").click()
    expect(page.get_by_role("checkbox", name="Sound")).to_be_visible()
