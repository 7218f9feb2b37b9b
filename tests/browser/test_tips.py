"""The card beside a slider, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_label_under_the_pointer_says_and_shows_what_its_slider_does(page: Page):
    card = page.locator(".ls-card")
    page.locator("label[for=ls-browInnerUp]").hover()
    expect(card).to_contain_text("Raises the inner ends of both brows")
    page.wait_for_function("document.querySelector('.ls-card img').naturalWidth > 0")
    box, panel = card.bounding_box(), page.locator("#ls-right").bounding_box()
    assert box is not None and panel is not None and box["x"] + box["width"] <= panel["x"]
    page.locator("h1").hover()
    expect(card).to_be_hidden()


def test_the_keyboard_opens_the_card_and_escape_closes_it(page: Page):
    page.locator("#ls-inspector input[type=search]").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "ls-browInnerUp":
            break
    expect(page.locator(".ls-card")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".ls-card")).to_be_hidden()
