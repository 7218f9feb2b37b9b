"""The list under the button to open, and the language of the page, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.test_studio import SETTLED, drag, work


def test_a_template_is_one_click_away_and_can_be_undone(page: Page):
    before = work(page)
    page.locator("#ls-header [data-do=open]").click()
    page.locator("[data-template=blank]").click()
    page.wait_for_function(f"window.loki.studio.look.autokey && window.loki.studio.frame_count === 150 && {SETTLED}")
    expect(page.locator("#ls-header [data-part=works]")).to_be_hidden()
    page.keyboard.press("Control+z")
    page.wait_for_function(f"window.loki.studio.hash === '{before}' && {SETTLED}")


def test_the_list_closes_with_escape_and_beside_it(page: Page):
    listed = page.locator("#ls-header [data-part=works]")
    page.locator("#ls-header [data-do=open]").click()
    expect(listed).to_be_visible()
    page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    page.locator("#ls-header [data-do=open]").click()
    page.locator("h1").click()
    expect(listed).to_be_hidden()


def test_another_language_takes_the_work_along(page: Page):
    drag(page, "browInnerUp", 0.8)
    wanted = work(page)
    page.locator("select[name=ls-language]").select_option("zh")
    page.wait_for_function(f"document.documentElement.lang === 'zh' && window.loki?.studio?.hash === '{wanted}'")
    expect(page.locator("#ls-sources h2").first).to_have_text("肖像")
    page.locator("select[name=ls-language]").select_option("en")
    page.wait_for_function(f"document.documentElement.lang === 'en' && window.loki?.studio?.hash === '{wanted}'")
    expect(page.locator("#ls-sources h2").first).to_have_text("Portrait")
