"""The tab LIA-X with a tiny random network, and without any."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import BrowserContext, Page, expect

from loki_core.lia_x.generator import Generator, LiaXConfig
from tests.browser.conftest import open_page

YAW = "#ls-lia_x [data-direction='liax/yaw'] input[type=number] >> nth=0"
BUSY = "document.querySelector('#ls-lia_x img.behind') || !window.loki.settled"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for checkpoints."""
    monkeypatch.setenv("LOKI_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def network(weights: Path) -> None:
    """A random one whose directions move a lot."""
    torch.manual_seed(0)
    generator = Generator(LiaXConfig(scale=1 / 8, size=32))
    with torch.no_grad():
        for name, parameter in generator.named_parameters():
            if ".flow" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
    torch.save(generator.state_dict(), weights / "lia-x.pt")


def open_tab(context: BrowserContext, studio: str) -> Page:
    page = open_page(context, studio)
    page.keyboard.press("Space")
    page.wait_for_function("!window.loki.playing")
    page.get_by_role("tab", name="LIA-X").click()
    return page


def picture(page: Page) -> str:
    """The edited portrait, once it is as it will stay."""
    page.wait_for_selector("#ls-lia_x [data-part=picture][src]")
    page.wait_for_function(f"!({BUSY})")
    return page.locator("#ls-lia_x [data-part=picture]").get_attribute("src") or ""


def set_yaw(page: Page, value: str) -> None:
    page.locator(YAW).fill(value)
    page.locator(YAW).press("Enter")
    page.locator(YAW).blur()
    page.wait_for_function(f"(new Map(window.loki.studio.controls).get('liax/yaw') ?? 0) === {value}")


def test_without_weights_the_tab_says_what_to_do(context: BrowserContext, studio: str, weights: Path):
    page = open_tab(context, studio)
    words = page.locator("#ls-lia_x [data-part=lacking]")
    expect(words).to_contain_text("launch.py weights lia-x --put")
    expect(words).to_contain_text("research and evaluation only")
    expect(page.locator("#ls-lia_x [data-part=picture]")).to_be_hidden()


def test_a_push_along_a_motion_direction_needs_no_network_and_springs_back(context: BrowserContext, studio: str, weights: Path):
    page = open_tab(context, studio)
    expect(page.locator("#ls-lia_x [data-part=lacking]")).to_be_visible()
    page.locator("#ls-lia_x summary").last.click()
    push = page.locator("#ls-lia_x [data-push] input[aria-label=Smile]")
    push.press("End")
    page.wait_for_function("new Map(window.loki.studio.controls).get('mouthSmileLeft') === 1")
    expect(push).to_have_value("0")


def test_a_direction_changes_the_picture_and_undo_brings_it_back(context: BrowserContext, studio: str, network: None):
    page = open_tab(context, studio)
    before = picture(page)
    set_yaw(page, "3")
    assert picture(page) != before
    page.evaluate("window.loki.undo()")
    page.wait_for_function("!new Map(window.loki.studio.controls).has('liax/yaw')")
    assert picture(page) == before


def test_a_click_on_the_sweep_sets_its_value_and_a_key_keeps_it(context: BrowserContext, studio: str, network: None):
    page = open_tab(context, studio)
    picture(page)
    page.locator(YAW).focus()
    stamps = page.locator("#ls-lia_x .strip button")
    expect(page.locator("#ls-lia_x .strip img[src]")).to_have_count(7)
    stamps.first.click()
    page.wait_for_function("new Map(window.loki.studio.controls).get('liax/yaw') === -1")
    page.locator("#ls-lia_x [data-direction='liax/yaw'] [data-key]").first.click()
    page.wait_for_function("window.loki.studio.tracks['liax/yaw']?.[0][1] === -1")
    expect(page.locator(YAW)).to_have_value("-1")


def test_aligning_sets_directions_that_can_be_put_back(context: BrowserContext, studio: str, network: None):
    page = open_tab(context, studio)
    picture(page)
    page.get_by_role("button", name="Align with the driver's first frame").click()
    page.wait_for_function("window.loki.studio.controls.some(([name]) => name.startsWith('liax/'))")
    page.locator("#ls-lia_x [data-do=reset]").click()
    page.wait_for_function("!window.loki.studio.controls.some(([name]) => name.startsWith('liax/'))")
