"""Work as a file, in a real browser."""

from __future__ import annotations

import zipfile
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import open_page
from tests.browser.test_studio import SETTLED, drag, work


def test_saved_work_opens_on_another_page(page: Page, context: BrowserContext, studio: str, tmp_path: Path):
    drag(page, "browInnerUp", 0.8)
    wanted = work(page)
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == ".loki" and "project.json" in zipfile.ZipFile(file).namelist()
    other = open_page(context, studio)
    other.keyboard.press("Space")
    assert work(other) != wanted
    other.locator("#ls-header input[type=file]").set_input_files(file)
    other.wait_for_function(f"window.loki.studio.hash === '{wanted}' && {SETTLED}")
    assert other.evaluate("window.loki.valueOf('browInnerUp')") > 0.5


def test_a_hostile_project_is_refused_and_the_page_goes_on(page: Page, tmp_path: Path):
    before = work(page)
    file = tmp_path / "evil.loki"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escaped.json", "{}")
    page.locator("#ls-header input[type=file]").set_input_files(file)
    expect(page.locator("#ls-toasts p").first).to_contain_text("Evil.loki")
    assert work(page) == before
    drag(page, "browInnerUp", 0.5)
    assert work(page) != before
