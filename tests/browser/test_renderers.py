"""Choosing what renders, with the mouse and the keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect


def test_a_renderer_is_chosen_and_set_and_says_what_it_lacks(page: Page):
    page.get_by_role("tab", name="Render").click()
    panel = page.locator("#ls-render")
    expect(panel.get_by_role("button", name="Render", exact=True)).to_be_enabled()
    panel.get_by_label("Rendered by").select_option("loki")
    page.wait_for_function("window.loki.studio.render.renderer === 'loki'")
    loki = panel.locator("[data-renderer=loki]")
    steps = loki.get_by_label("Steps", exact=True)
    expect(steps).to_have_value("10")
    steps.fill("7")
    steps.press("Enter")
    page.wait_for_function("window.loki.studio.render.settings.steps === 7")
    expect(loki.get_by_label("Keep the person")).to_be_hidden()
    loki.get_by_text("More settings").click()
    expect(loki.get_by_label("Keep the person")).to_be_visible()
    loki.locator("[data-setting=preset]").select_option("sd21")
    expect(panel.get_by_text("Expected weights of the preset sd21")).to_be_visible()
    expect(panel.get_by_role("button", name="Render", exact=True)).to_be_disabled()
    panel.get_by_label("Rendered by").select_option("warp")
    expect(panel.get_by_role("button", name="Render", exact=True)).to_be_enabled()
    expect(steps).to_be_hidden()


@pytest.mark.parametrize("renderer", ["loki", "dex"])
def test_a_clip_is_drawn_by_a_diffusion_network_that_comes_with_the_project(page: Page, renderer: str):
    page.get_by_role("tab", name="Render").click()
    page.evaluate("window.loki.edit({ do: 'trim', first: 60, stop: 64 })")
    page.wait_for_function("window.loki.studio.trim?.[1] === 64")
    page.locator("#ls-render").get_by_label("Rendered by").select_option(renderer)
    page.wait_for_function("(renderer) => window.loki.studio.render.renderer === renderer", arg=renderer)
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_function("window.loki.library.jobs[0]?.state === 'done'")
    page.wait_for_function("document.querySelector('#ls-render video')?.readyState > 1")
