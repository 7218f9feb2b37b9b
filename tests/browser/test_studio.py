from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from playwright.sync_api import BrowserContext, Page, Route, expect

from loki_core.media.picture import write_picture
from loki_core.media.video_in import probe
from loki_core.media.video_out import open_writer
from tests.browser.conftest import open_page

FACE = skimage.data.astronaut()[:320, 60:380]
PIXELS = """() => {
  const canvas = document.querySelector("#ls-viewport canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return Array.from(pen.getImageData(0, 0, canvas.width / 2, canvas.height).data.filter((_, index) => index % 97 === 0));
}"""
"""A sample of the left half of the viewport, where the driver map is."""
SETTLED = "window.loki.settled"


def pixels(page: Page) -> np.ndarray:
    """The driver map as it is on screen, once nothing is on its way."""
    page.wait_for_function(SETTLED)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.array(page.evaluate(PIXELS))


def work(page: Page) -> str:
    page.wait_for_function(SETTLED)
    return page.evaluate("window.loki.studio.hash")


def drag(page: Page, control: str, share: float) -> None:
    """Pull a slider to a share of its way with the mouse."""
    page.wait_for_function(SETTLED)
    slider = page.locator(f"#ls-{control}")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 7, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + 7 + (box["width"] - 14) * share * step / 8, y)
    page.mouse.up()


def test_the_first_paint_shows_the_example_in_motion(context: BrowserContext, studio: str):
    page = open_page(context, studio)
    assert page.evaluate("window.loki.playing")
    before = np.array(page.evaluate(PIXELS))
    page.wait_for_function("window.loki.frame > 40")
    assert np.abs(np.array(page.evaluate(PIXELS)) - before).max() > 60


def test_nothing_is_asked_of_the_network(context: BrowserContext, studio: str):
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(studio)
    page.wait_for_function("window.loki?.pictures.map")
    assert [url for url in asked if not url.startswith((studio, "data:", "blob:"))] == []


def test_the_page_does_not_scroll_at_1280_by_720(page: Page):
    sizes = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert sizes == [1280, 720]


def test_dragging_a_slider_changes_the_map_and_undo_brings_it_back(page: Page):
    page.keyboard.press("Home")  # wherever the page was paused, brows may be up already
    page.wait_for_function("window.loki.frame === 0")
    before, start = pixels(page), work(page)
    drag(page, "browInnerUp", 0.9)
    after = pixels(page)
    assert np.abs(after - before).max() > 40 and work(page) != start
    expect(page.locator("[data-control=browInnerUp] input[type=number]")).to_have_value(re.compile(r"0\.[89]\d?"))
    page.keyboard.press("Control+z")
    page.wait_for_function("!window.loki.studio.can_undo")
    assert work(page) == start and np.array_equal(pixels(page), before)
    expect(page.locator("#ls-browInnerUp")).to_have_value("0")
    page.keyboard.press("Control+Shift+z")
    page.wait_for_function("window.loki.studio.can_undo")
    assert np.array_equal(pixels(page), after)


def test_linked_sides_move_together_on_screen(page: Page):
    drag(page, "browDownLeft", 0.5)
    page.wait_for_function(SETTLED)
    left, right = (page.locator(f"#ls-browDown{side}").input_value() for side in ("Left", "Right"))
    assert left == right != "0"


def test_a_number_can_be_typed_and_a_double_click_resets(page: Page):
    box = page.locator("[data-control=eyeBlinkLeft] input[type=number]")
    box.fill("7")
    box.press("Enter")
    expect(page.locator("#ls-eyeBlinkLeft")).to_have_value("1")
    page.locator("#ls-eyeBlinkLeft").dblclick(position={"x": 2, "y": 2})
    expect(box).to_have_value("0")


def test_keys_play_step_and_switch_views(page: Page):
    frame = page.evaluate("window.loki.frame")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("window.loki.frame") == frame + 1
    page.keyboard.press("3")
    expect(page.locator("input[name=ls-view][value=map]")).to_be_checked()
    page.keyboard.press("Space")
    page.wait_for_function("window.loki.playing")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_every_input_and_button_has_a_name(page: Page):
    nameless = page.evaluate(
        """() => [...document.querySelectorAll(".ls :is(button, input, select, [role=slider])")].filter((part) =>
          part.type !== "file" && !part.ariaLabel && !part.labels?.length && !part.textContent.trim() && !part.title)
          .map((part) => part.outerHTML)"""
    )
    assert nameless == []


def test_an_expression_is_shown_on_the_portrait_and_can_be_chosen(page: Page):
    before = pixels(page)
    page.get_by_role("tab", name="Expressions").click()
    page.wait_for_function("document.querySelector('[data-preset=surprise] img').src")
    page.get_by_role("button", name="Surprise", exact=True).click()
    page.wait_for_function("window.loki.studio.controls.length > 3")
    assert np.abs(pixels(page) - before).max() > 60


def test_a_dropped_portrait_becomes_the_one_that_is_moved(page: Page, tmp_path: Path):
    before = work(page)
    write_picture(tmp_path / "me.png", FACE)
    page.locator("[data-part=portrait] input[type=file]").set_input_files(tmp_path / "me.png")
    expect(page.locator("[data-part=portrait-name]")).to_have_text("me")
    page.wait_for_function("window.loki.faceOf === window.loki.studio.portrait")
    assert work(page) != before


def test_a_picture_without_a_face_is_refused_in_words_over_the_last_good_one(page: Page, tmp_path: Path):
    before = work(page)
    write_picture(tmp_path / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    page.locator("[data-part=portrait] input[type=file]").set_input_files(tmp_path / "wall.png")
    expect(page.locator("#ls-toasts")).to_contain_text("found none")
    assert work(page) == before


def test_two_drops_and_one_click_make_a_video(page: Page, tmp_path: Path):
    with open_writer(tmp_path / "driver.mp4", Fraction(25), FACE.shape[:2]) as writer:
        for shift in range(25):
            writer.write(np.roll(FACE, shift, axis=1))
    page.locator("[data-part=driver] input[type=file]").set_input_files(tmp_path / "driver.mp4")
    page.wait_for_function("window.loki.studio.frame_count === 25")
    page.get_by_role("tab", name="Render").click()
    held: list[Route] = []
    page.route("**/*.mp4", lambda route: held.append(route))
    with page.expect_request("**/*.mp4"):
        page.get_by_role("button", name="Render", exact=True).click()
    link = page.locator("[data-part=download]")
    place = link.bounding_box()
    for request in held:
        request.continue_()
    page.unroute("**/*.mp4")
    page.wait_for_function("document.querySelector('[data-part=preview] video').readyState >= 2")
    assert link.bounding_box() == place  # loading moves nothing from under the hand
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert info.frame_count == 25 and info.fps == 25 and info.size == (512, 512)


def test_two_browsers_never_share_state(page: Page, browser, studio: str):
    other_context = browser.new_context(viewport={"width": 1280, "height": 720})
    other = open_page(other_context, studio)
    other.keyboard.press("Space")
    start = work(other)
    drag(page, "browInnerUp", 0.9)
    assert work(page) != start == work(other)
    assert page.evaluate("window.loki.token") != other.evaluate("window.loki.token")
    other.evaluate("window.loki.ask('snapshot')")
    assert other.evaluate("window.loki.studio.controls") == []
    stolen = other.evaluate("token => window.loki.server.snapshot({ token })", "guess")
    assert "studio" not in stolen and "ended" in stolen["error"]
    other_context.close()


@pytest.fixture
def late(page: Page) -> Page:
    """A page whose answers come when the hand rests already."""
    page.wait_for_function(SETTLED)
    page.evaluate(
        """() => {
          const { server } = window.loki;
          const look = server.look;
          server.look = async (request, lane) => {
            const reply = await look(request, lane);
            if (lane === 0) await new Promise((done) => setTimeout(done, 300));
            return reply;
          };
        }"""
    )
    return page


def test_the_map_is_sharp_again_when_answers_are_late(late: Page):
    late.evaluate(
        """() => {
          window.loki.edit({ do: "control", name: "jawOpen", value: 0.4 });
          window.loki.edit({ do: "control", name: "browInnerUp", value: 0.4 });
        }"""
    )
    late.wait_for_function(f"{SETTLED} && window.loki.valueOf('browInnerUp') === 0.4")
    assert late.evaluate("window.loki.pictures.map.bitmap.width") > 288


def test_the_map_stays_sharp_when_a_layer_is_chosen_and_answers_are_late(late: Page):
    late.evaluate("window.loki.edit({ do: 'layer', op: 'select', id: window.loki.studio.layers[0].id })")
    late.wait_for_function(f"{SETTLED} && window.loki.studio.selected === window.loki.studio.layers[0].id")
    assert late.evaluate("window.loki.pictures.map.bitmap.width") > 288


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(context: BrowserContext, studio: str, theme: str):
    page = context.new_page()
    page.goto(f"{studio}?__theme={theme}")
    page.wait_for_function("window.loki?.studio")
    contrast = page.evaluate(
        """() => {
          const light = (colour) => {
            const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
              .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
          };
          const ground = light(getComputedStyle(document.querySelector("#ls-left")).backgroundColor);
          return [...document.querySelectorAll(".ls :is(h2, p, label, summary)")].filter((part) => part.offsetParent)
            .map((part) => light(getComputedStyle(part).color))
            .map((text) => (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05));
        }"""
    )
    assert len(contrast) > 20 and min(contrast) >= 4.5


def on_screen(page: Page, handle: str) -> tuple[float, float]:
    """Where a handle is drawn on the warp, side by side."""
    page.wait_for_function(f"{SETTLED} && window.loki.marks?.handles")
    return page.evaluate(
        """(name) => {
          const canvas = document.querySelector("#ls-viewport canvas");
          const [index] = JSON.parse(canvas.dataset.handles).flatMap(([own], at) => (own === name ? [at] : []));
          const { crop, marks } = window.loki;
          const { left, top, width, height } = canvas.getBoundingClientRect();
          const half = (width - 12) / 2;
          const scale = Math.min(half, height - 22) / crop.width;
          const [x, y] = marks.handles[index];
          return [left + half + 12 + half / 2 + (x - crop.x - crop.width / 2) * scale,
                  top + (height - 22) / 2 + (y - crop.y - crop.height / 2) * scale];
        }""",
        handle,
    )


def test_a_brow_can_be_pulled_up_by_hand_and_undone_in_one_step(page: Page):
    before, start = pixels(page), work(page)
    x, y = on_screen(page, "browInnerLeft")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x, y - 2 * step)
    page.mouse.up()
    page.wait_for_function(f"{SETTLED} && window.loki.valueOf('browInnerUp') > 0.3")
    assert np.abs(pixels(page) - before).max() > 30
    page.keyboard.press("Control+z")
    page.wait_for_function("!window.loki.studio.can_undo")
    assert work(page) == start


def test_a_ring_turns_the_head_and_the_wheel_enlarges_the_pictures(page: Page):
    page.keyboard.press("h")
    page.wait_for_function(f"{SETTLED} && window.loki.marks?.rings")
    page.evaluate(
        """() => {
          const { dataset } = document.querySelector("#ls-viewport canvas");
          const { marks } = window.loki;
          marks.handles = JSON.parse(dataset.handles).map(() => marks.rings[0].points[16]);
        }"""
    )
    x, y = on_screen(page, "chin")
    page.evaluate("delete window.loki.marks.handles")
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x - 6 * step, y)
    page.mouse.up()
    page.wait_for_function(f"{SETTLED} && Math.abs(window.loki.valueOf('headYaw')) > 3")
    before = pixels(page)
    page.mouse.wheel(0, -400)
    page.wait_for_function("document.querySelector('#ls-viewport canvas').dataset.zoom > 1.5")
    assert np.abs(pixels(page) - before).max() > 30
    page.keyboard.press("f")
    page.wait_for_function("document.querySelector('#ls-viewport canvas').dataset.zoom === '1'")
    assert np.array_equal(pixels(page), before)


def test_keys_are_set_moved_and_deleted_on_the_sheet(page: Page):
    page.evaluate("window.loki.seek(10)")
    drag(page, "browInnerUp", 0.5)
    page.keyboard.press("k")
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp?.length === 1")
    page.evaluate("window.loki.seek(60)")
    drag(page, "browInnerUp", 0.9)
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp.length === 2")
    sheet = page.locator("#ls-keys canvas")
    box = sheet.bounding_box()
    assert box is not None
    across = box["x"] + 150 + 10.5 * (box["width"] - 158) / page.evaluate("window.loki.studio.frame_count")
    page.mouse.move(across, box["y"] + 18 + 17 * 1.5)
    page.mouse.down()
    page.mouse.move(across + 40, box["y"] + 18 + 17 * 1.5, steps=4)
    page.mouse.up()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp[0][0] > 15")
    sheet.press("Delete")
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp.length === 1")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp.length === 2")
    key = page.locator("[data-control=browInnerUp] [data-key]")
    expect(key).to_have_attribute("aria-pressed", "true")
    key.click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.browInnerUp.length === 1")


def test_a_muted_edit_gives_the_driver_back_and_a_layer_can_be_added_faded_and_deleted(page: Page):
    page.evaluate("window.loki.seek(40)")
    driver = pixels(page)
    drag(page, "browInnerUp", 0.9)
    edited = pixels(page)
    assert np.abs(edited - driver).max() > 30
    page.get_by_role("tab", name="Layers").click()
    page.get_by_role("button", name="Mute Edits").click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.layers[1].mute")
    assert np.array_equal(pixels(page), driver)
    page.get_by_role("button", name="Mute Edits").click()
    page.wait_for_function(f"{SETTLED} && !window.loki.studio.layers[1].mute")
    assert np.array_equal(pixels(page), edited)
    page.get_by_role("button", name="Add as a layer, from the playhead on: Laugh").click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.layers[1].name === 'Laugh'")
    page.evaluate("window.loki.seek(60)")
    laughing = pixels(page)
    page.get_by_label("Weight of Laugh").fill("0")
    page.wait_for_function(f"{SETTLED} && window.loki.studio.layers[1].weight === 0")
    assert np.abs(pixels(page) - laughing).max() > 30
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.wait_for_function(f"{SETTLED} && window.loki.studio.layers.length === 2")
