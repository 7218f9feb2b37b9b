"""The graph of the keys: its numbers beside the core's, and what the hand does there."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.widgets.widget import read_source
from loki_core.timeline.curves import INTERPOLATIONS, Curve, Key, sample

SETTLED = "window.loki.settled"


def some_curve(generator: np.random.Generator) -> Curve:
    """Keys of every kind, some with handles, which may reach over the next key or stand upright."""
    frames = np.sort(generator.choice(80, generator.integers(1, 9), replace=False))

    def handle(side: int) -> tuple[float, float] | None:
        reach = side * generator.choice([0.0, 2.5, 9.0, 60.0])
        return None if generator.random() < 0.4 else (float(reach), float(generator.normal()))

    return Curve(
        tuple(
            Key(int(frame), float(generator.uniform(-35, 35)), INTERPOLATIONS[generator.integers(4)], handle(-1), handle(1))
            for frame in frames
        )
    )


def test_the_page_and_the_core_draw_the_same_curves(context: BrowserContext):
    page = context.new_page()
    page.add_script_tag(content=read_source("curves.js"))
    generator = np.random.default_rng(7)
    frames = np.sort(np.concatenate([generator.uniform(-5, 85, 300), np.arange(-3.0, 83.0)]))
    for _ in range(60):
        curve = some_curve(generator)
        keys = [(key.frame, key.value, key.interpolation, key.left, key.right) for key in curve.keys]
        drawn = page.evaluate("([keys, frames]) => LokiCurves.sample(keys, frames)", [keys, frames.tolist()])
        assert np.abs(np.array(drawn) - sample(curve, frames)).max() < 1e-6


@pytest.fixture
def graph(page: Page) -> Page:
    """A page with the graph open on a jaw and a head that move."""
    page.evaluate(
        """() => {
          const key = (name, frame, value) => [name, frame, value, "bezier", null, null];
          const copied = [key("jawOpen", 0, 0.2), key("jawOpen", 30, 0.6), key("jawOpen", 60, 0.3),
            key("headYaw", 10, -20), key("headYaw", 50, 20)];
          window.loki.edit({ do: "keys", op: "paste", copied, frame: 10 });
        }"""
    )
    page.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.jawOpen?.length === 3")
    page.locator("#ls-keys [data-do=graph]").click()
    expect(page.locator("#ls-keys .sheet")).to_have_class("sheet scroll graph")
    return page


def point(page: Page, name: str, frame: float, value: float) -> tuple[float, float]:
    """Where a value of a control is on the screen, while all frames and the whole range are shown."""
    box = page.locator("#ls-keys canvas").bounding_box()
    assert box is not None
    low, high = page.evaluate(
        "(name) => JSON.parse(document.querySelector('#ls-keys .sheet').dataset.controls).find(([own]) => own === name).slice(4)",
        name,
    )
    across = (frame + 0.5) * (box["width"] - 158) / page.evaluate("window.loki.studio.frame_count")
    up = ((value - low) / (high - low) + 0.04) / 1.08
    return box["x"] + 150 + across, box["y"] + box["height"] - 7 - up * (box["height"] - 32)


def pull(page: Page, start: tuple[float, float], end: tuple[float, float], *held: str) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    for key in held:
        page.keyboard.down(key)
    page.mouse.move(*end, steps=6)
    page.mouse.up()
    for key in held:
        page.keyboard.up(key)
    page.wait_for_function(SETTLED)


def rows(page: Page, name: str) -> list[list]:
    page.wait_for_function(SETTLED)
    return page.evaluate("(name) => window.loki.studio.tracks[name]", name)


def test_a_key_is_dragged_in_time_and_value_and_undone_in_one_step(graph: Page):
    before = rows(graph, "jawOpen")
    pull(graph, point(graph, "jawOpen", 40, 0.6), point(graph, "jawOpen", 45, 0.9))
    frames, values = zip(*(row[:2] for row in rows(graph, "jawOpen")), strict=True)
    assert frames == (10, 45, 70) and values == pytest.approx((0.2, 0.9, 0.3), abs=0.02)
    graph.keyboard.press("Control+z")
    graph.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.jawOpen[1][0] === 40")
    assert rows(graph, "jawOpen") == before


def test_a_key_that_is_dragged_over_others_leaves_them_where_they_are(graph: Page):
    start, over = point(graph, "jawOpen", 40, 0.6), point(graph, "jawOpen", 70, 0.6)
    graph.mouse.move(*start)
    graph.mouse.down()
    graph.mouse.move(*over)
    graph.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.jawOpen.length === 2")
    graph.mouse.move(*point(graph, "jawOpen", 80, 0.6))
    graph.mouse.up()
    graph.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.jawOpen.length === 3")
    assert [row[0] for row in rows(graph, "jawOpen")] == [10, 70, 80]


def test_shift_keeps_the_frame_and_control_snaps_to_tenths(graph: Page):
    graph.mouse.click(*point(graph, "jawOpen", 40, 0.6))
    graph.keyboard.down("Shift")
    pull(graph, point(graph, "jawOpen", 40, 0.6), point(graph, "jawOpen", 42, 0.87), "Control")
    graph.keyboard.up("Shift")
    assert [row[:2] for row in rows(graph, "jawOpen")][1] == [40, pytest.approx(0.9)]


def test_handles_stay_in_line_until_alt_breaks_them(graph: Page):
    graph.mouse.click(*point(graph, "jawOpen", 40, 0.6))
    pull(graph, point(graph, "jawOpen", 50, 0.6), point(graph, "jawOpen", 50, 0.8))
    _, _, _, left, right = rows(graph, "jawOpen")[1]
    assert right == pytest.approx([10, 0.2], abs=0.05) and left[1] / left[0] == pytest.approx(right[1] / right[0])
    pull(graph, point(graph, "jawOpen", 40 + right[0], 0.6 + right[1]), point(graph, "jawOpen", 48, 0.5), "Alt")
    assert rows(graph, "jawOpen")[1][3] == left and rows(graph, "jawOpen")[1][4] == pytest.approx([8, -0.1], abs=0.05)


def test_a_double_click_adds_a_key_a_box_selects_and_delete_deletes(graph: Page):
    curve = rows(graph, "headYaw")
    middle = graph.evaluate("(keys) => LokiCurves.sample(keys, [30])[0]", curve)
    graph.mouse.dblclick(*point(graph, "headYaw", 30, middle))
    graph.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.headYaw.length === 3")
    assert rows(graph, "headYaw")[1][:2] == [30, pytest.approx(middle)]
    (left, top), (right, bottom) = point(graph, "jawOpen", 35, 0.99), point(graph, "jawOpen", 90, 0.02)
    pull(graph, (left, top), (right, bottom))
    graph.keyboard.press("Delete")
    graph.wait_for_function(f"{SETTLED} && window.loki.studio.tracks.jawOpen.length === 1")
    assert [row[0] for row in rows(graph, "headYaw")] == [20, 30]


def test_a_click_on_a_name_shows_its_curve_alone(graph: Page):
    box = graph.locator("#ls-keys canvas").bounding_box()
    assert box is not None
    before, name = rows(graph, "jawOpen"), (box["x"] + 40, box["y"] + 18 + 16 / 2)  # headYaw comes first
    graph.mouse.click(*name)
    pull(graph, point(graph, "jawOpen", 40, 0.6), point(graph, "jawOpen", 45, 0.9))
    assert rows(graph, "jawOpen") == before
    graph.keyboard.press("Control+a")
    graph.keyboard.press("Delete")
    graph.wait_for_function(f"{SETTLED} && !window.loki.studio.tracks.headYaw")
    assert rows(graph, "jawOpen") == before


def test_the_panel_is_small_and_cuts_nothing_while_the_graph_is_open(graph: Page):
    assert graph.evaluate("document.querySelector('#ls-keys').getBoundingClientRect().height") <= 220
    assert graph.evaluate(
        """() => {
          const box = (name) => document.querySelector(`#ls-${name}`).getBoundingClientRect();
          const boxes = ["viewport", "transport", "keys"].map(box);
          const canvas = document.querySelector("#ls-keys canvas").getBoundingClientRect();
          return boxes[0].bottom <= boxes[1].top && boxes[1].bottom <= boxes[2].top && boxes[2].bottom <= 720
            && canvas.bottom <= boxes[2].bottom && boxes[0].height > 250;
        }"""
    )


def test_a_wheel_zooms_a_drag_moves_and_f_fits_the_frames(graph: Page):
    def shown() -> str:
        graph.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return graph.evaluate("document.querySelector('#ls-keys canvas').toDataURL()")

    graph.mouse.click(*point(graph, "jawOpen", 90, 0.9))
    whole = shown()
    graph.mouse.wheel(0, -300)
    zoomed = shown()
    graph.mouse.move(*point(graph, "jawOpen", 60, 0.9))
    graph.mouse.down(button="middle")
    graph.mouse.move(*point(graph, "jawOpen", 75, 0.7), steps=3)
    graph.mouse.up(button="middle")
    moved = shown()
    graph.keyboard.press("f")
    fitted = shown()
    graph.keyboard.press("f")
    assert len({whole, zoomed, moved, fitted}) == 4 and shown() == whole
    graph.keyboard.press("Space")
    graph.wait_for_function("window.loki.playing")
