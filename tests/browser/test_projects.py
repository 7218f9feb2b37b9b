"""Work as a file, in a real browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import let_go, open_page
from tests.browser.test_studio import SETTLED, drag, work

ROOT = Path(__file__).resolve().parents[2]


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


def test_a_dropped_project_is_among_the_recent_ones_and_a_refused_one_is_not(page: Page, tmp_path: Path):
    drag(page, "browInnerUp", 0.8)
    wanted = work(page)
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    file = tmp_path / "mine.loki"
    download.value.save_as(file)
    (tmp_path / "broken.loki").write_bytes(file.read_bytes()[:200])
    drag(page, "browInnerUp", 0.2)
    page.evaluate(
        """() => {
          const ask = window.loki.ask.bind(window.loki);
          window.kept = [];
          window.loki.ask = (name, values) => {
            if (name === "keep_recent") window.kept.push(values.name);
            return ask(name, values);
          };
        }"""
    )
    let_go(page, tmp_path / "broken.loki", "#ls-viewport canvas", "")
    expect(page.locator("#ls-toasts p").first).to_contain_text("Broken.loki")
    page.locator("#ls-header input[type=file]").set_input_files(tmp_path / "broken.loki")
    expect(page.locator("#ls-toasts p")).to_have_count(2)
    let_go(page, file, "#ls-viewport canvas", "")
    page.wait_for_function(f"window.loki.studio.hash === '{wanted}' && window.kept.length && {SETTLED}")
    assert page.evaluate("window.kept") == ["mine"]


@contextmanager
def served(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A studio in a process of its own, which may be killed, with a user's folder of its own."""
    environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home / "data")}
    command = [sys.executable, str(ROOT / "launch.py"), "--port", str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None and b"http" in server.stdout.readline()
            yield server
        finally:
            server.kill()


def test_a_killed_server_loses_neither_work_nor_render(context: BrowserContext, tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, kept = f"http://127.0.0.1:{port}", tmp_path / "data" / "loki-studio" / "work"
    with served(tmp_path, port) as server:
        page = open_page(context, address)
        page.keyboard.press("Space")
        drag(page, "browInnerUp", 0.8)
        wanted = work(page)
        while not list(kept.glob("*/*/snapshot-*.json")):
            page.wait_for_timeout(100)
        page.get_by_role("tab", name="Render").click()
        page.get_by_role("button", name="Render", exact=True).click()
        page.wait_for_function("window.loki.library.jobs[0]?.done > 3")
        server.kill()
    with served(tmp_path, port):
        page = open_page(context, address)
        page.get_by_role("button", name="Take it up again").click()
        page.wait_for_function(f"window.loki.studio.hash === '{wanted}'")
        page.get_by_role("tab", name="Render").click()
        page.get_by_role("button", name="Go on").click()
        page.wait_for_function("window.loki.library.jobs[0]?.state === 'done'")
        page.reload()
        page.get_by_role("tab", name="Render").click()
        expect(page.locator("#ls-render [data-part=gallery] img")).to_have_count(1)
        page.wait_for_function("document.querySelector('#ls-render video')?.readyState > 1")
    assert list(kept.glob("frames/*.png"))
