"""Several renders from one page: the queue, the results, and two of them against each other."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import open_page

DONE = "window.loki.library.jobs[0]?.state === 'done'"
BOTH = "[...document.querySelectorAll('#ls-render dialog video')]"
SLOW = """() => new Promise((done) => {
  const soon = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (act) => setTimeout(() => soon(act), 500);
  soon(() => soon(done)); // behind those that still come soon
})"""
"""A page that is late to draw, as one of a busy machine is."""


def order(page: Page, form: str, frames: str = "range") -> None:
    page.locator("[name=ls-format]").select_option(form)
    page.locator("[name=ls-frames]").select_option(frames)
    page.get_by_role("button", name="Render", exact=True).click()


def begin(page: Page) -> None:
    page.get_by_role("tab", name="Render").click()
    page.evaluate("window.loki.edit({ do: 'trim', first: 60, stop: 66 })")
    page.wait_for_function("window.loki.studio.trim?.[1] === 66")


def test_renders_wait_in_a_row_and_their_results_stay_and_are_compared(page: Page):
    begin(page)
    for form in ("mp4", "webm"):
        order(page, form)
    order(page, "mp4", "frame")
    expect(page.locator("#ls-render [data-part=gallery] li")).to_have_count(3)
    expect(page.locator("#ls-render [data-part=queue] li")).to_have_count(0)
    page.wait_for_function("window.loki.foreseen?.done.some(([first, stop]) => first <= 60 && stop >= 66)")
    expect(page.locator("#ls-transport [data-part=made] .done").first).to_be_attached()
    expect(page.locator("#ls-render [data-part=foreseen]")).not_to_be_empty()
    for number, letter in ((1, "A"), (2, "B")):
        page.locator("#ls-render [data-part=gallery] button").nth(number).click()
        page.wait_for_function("document.querySelector('#ls-render video')?.readyState > 1")  # webm plays as mp4 does
        page.get_by_role("button", name=f"Show this one as {letter}").click()
    page.get_by_role("button", name="Compare A and B").click()
    page.wait_for_function(f"{BOTH}.length === 2 && {BOTH}.every((video) => video.currentTime > 0)")
    page.evaluate(SLOW)
    page.keyboard.press("Space")
    page.wait_for_function(f"{BOTH}.every((video) => video.paused && !video.seeking)")
    page.wait_for_function(f"(([one, other]) => Math.abs(one.currentTime - other.currentTime) < 0.01)({BOTH})")
    frame = page.evaluate("window.loki.frame")
    page.keyboard.press("ArrowRight")
    page.get_by_role("radio", name="Side by side").last.check(force=True)
    expect(page.locator("#ls-render [data-part=pair]")).to_have_attribute("data-mode", "side")
    page.keyboard.press("Escape")
    expect(page.locator("#ls-render dialog")).to_be_hidden()
    assert page.evaluate("window.loki.frame") == frame and not page.evaluate("window.loki.playing")


def test_a_render_that_is_not_wanted_can_be_cancelled_taken_up_and_removed(page: Page):
    begin(page)
    order(page, "mp4")
    page.wait_for_function(DONE)
    page.evaluate("window.loki.edit({ do: 'trim', first: 0, stop: 239 })")
    page.wait_for_function("window.loki.studio.trim?.[1] === 239")
    order(page, "gif")
    row = page.locator("#ls-render [data-part=queue] li")
    row.get_by_role("button", name="Cancel").click()
    row.get_by_role("button", name="Again").click()
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    row.get_by_role("button", name="Forget it").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Remove the result").click()
    expect(page.locator("#ls-render [data-part=empty]")).to_be_visible()


def test_another_page_does_not_see_them(page: Page, studio: str):
    begin(page)
    order(page, "mp4", "frame")
    page.wait_for_function(DONE)
    other = open_page(page.context, studio)
    other.get_by_role("tab", name="Render").click()
    expect(other.locator("#ls-render [data-part=empty]")).to_be_visible()
    assert other.evaluate("window.loki.library.jobs") == []
