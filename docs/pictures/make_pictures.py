"""Makes the pictures of the documentation: starts a studio, works in it as docs/guide.md tells, and photographs the page.

    python docs/pictures/make_pictures.py

Every picture is taken twice, NAME.webp light and NAME-dark.webp dark. What is shown is the example portrait (NASA, public
domain), and a clip that is rendered from it. The studio gets a home of its own, so that nobody's work is shown or touched.
Needs Chromium, and a font that has Chinese.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT))  # a script's own folder is there, not the project's

from benchmarks.chromium import READY, SWITCHES, find_chromium  # noqa: E402

_LIMIT = 60_000
"""Bytes of a picture."""
_QUALITIES = range(80, 20, -6)
_PATIENCE = 600_000
"""Milliseconds that nothing but a hang takes."""
_SETTLED = "window.loki.settled"
_NOWHERE = (640, 20)
"""A place of the page that nothing happens at."""
_VIEWPORT, _RIGHT, _KEYS = "#ls-viewport", "#ls-right", "#ls-keys"


def main() -> None:
    """Write every picture beside this file."""
    executable = find_chromium()
    if executable is None:
        raise SystemExit("expected Chromium, found none; install the system's package 'chromium'")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = {**os.environ, "HOME": folder, "XDG_DATA_HOME": f"{folder}/data", "LOKI_WEIGHTS": "weights"}
        clip = Path(folder, "clip.mp4")
        subprocess.run([sys.executable, "launch.py", "animate", "--example", "--out", str(clip)], cwd=_ROOT, env=home, check=True)
        browser = playwright.chromium.launch(executable_path=executable, args=list(SWITCHES))
        page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
        page.set_default_timeout(_PATIENCE)
        with _studio(home) as address:
            page.goto(address)
            page.wait_for_function(READY)
            _work(page, clip)


@contextmanager
def _studio(environment: dict[str, str]) -> Iterator[str]:
    """The address of a studio in a process of its own."""
    command = [sys.executable, "launch.py"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            said = server.stdout.readline().split()
            if len(said) < 3:
                raise RuntimeError("expected the studio to say its address, got nothing; what it wrote above says why")
            yield said[2]
        finally:
            server.terminate()


def _work(page: Page, clip: Path) -> None:
    """The shot of the guide, from the example to the video."""
    page.keyboard.press("Space")
    _seek(page, 36)
    _photograph(page, "studio")
    _photograph(page, "face-tab", _RIGHT)
    _take_clip(page, clip)
    _show_driver(page)
    _lengthen(page)
    _edit_by_hand(page)
    _show_tools(page)
    _show_layers(page)
    _show_keys(page)
    _show_the_rest(page)
    _show_directions(page)
    _render(page)
    _show_results(page)
    _show_chinese(page)


def _take_clip(page: Page, clip: Path) -> None:
    page.locator("#ls-sources [data-part=driver] input[type=file]").set_input_files(clip)
    page.wait_for_function("document.querySelector('#ls-sources progress').value > 0.3")
    _photograph(page, "tracking", "#ls-sources")
    page.wait_for_function("window.loki.library.motions.find(({ id }) => id === window.loki.studio.motion)?.clip")
    page.evaluate("window.loki.pause()")
    _seek(page, 96)
    _photograph(page, "clip")


def _show_driver(page: Page) -> None:
    _open_tab(page, "Driver")
    page.locator("[data-filter=head] select").select_option("savgol")
    page.wait_for_function(f"{_SETTLED} && window.loki.studio.layers[0].cleaning.head.method === 'savgol'")
    _settle(page)
    _photograph(page, "driver", _RIGHT)
    _undo(page)


def _lengthen(page: Page) -> None:
    """The clip's eight seconds become ten."""
    _open_tab(page, "Layers")
    page.locator("#ls-layers [data-part=name]").last.click()
    _settle(page)
    page.locator("#ls-layers [data-field=extend]").select_option("loop")
    stop = page.locator("#ls-layers [data-field=stop]")
    stop.fill("300")
    stop.press("Enter")
    page.wait_for_function("window.loki.studio.frame_count === 300")
    stop.blur()
    page.mouse.move(*_NOWHERE)
    _photograph(page, "clip-layer", _RIGHT)


def _edit_by_hand(page: Page) -> None:
    """Brows that go up and down again, a smile, a head that turns: with keys, on the layer for edits."""
    page.locator("#ls-layers [data-part=name]").first.click()
    _open_tab(page, "Face")
    for frame, brows, smile, yaw in ((30, 0.0, 0.1, 0), (75, 0.8, 0.3, 8), (130, 0.2, 0.8, -6), (200, 0.0, 0.2, 0)):
        _seek(page, frame)
        values = {"browInnerUp": brows, "mouthSmileLeft": smile, "mouthSmileRight": smile, "headYaw": yaw}
        for name, value in values.items():
            page.evaluate("([name, value]) => window.loki.edit({ do: 'control', name, value })", [name, value])
        page.evaluate("names => window.loki.edit({ do: 'key', names })", list(values))
        _settle(page)
    _seek(page, 130)
    for group in ("Brows", "Lids", "Mouth"):
        page.locator("#ls-inspector summary").filter(has_text=group).click()
    page.locator("#ls-inspector summary").filter(has_text="Mouth").scroll_into_view_if_needed()
    _settle(page)
    _photograph(page, "edited")


def _show_tools(page: Page) -> None:
    for key, name in (("g", "grab"), ("h", "head"), ("e", "gaze")):
        page.keyboard.press(key)
        page.wait_for_function(f"{_SETTLED} && window.loki.marks?.key === window.loki.marksKey")
        _photograph(page, f"tool-{name}", _VIEWPORT)
    page.keyboard.press("v")
    page.keyboard.press("2")
    _photograph(page, "wipe", _VIEWPORT)
    page.keyboard.press("1")


def _show_layers(page: Page) -> None:
    _open_tab(page, "Layers")
    _seek(page, 210)
    page.get_by_role("button", name="Add as a layer, from the playhead on: Nod").click()
    page.wait_for_function(f"{_SETTLED} && window.loki.studio.layers.length === 3")
    page.mouse.move(*_NOWHERE)
    _photograph(page, "layers", _RIGHT)
    _show_two_drivers(page)
    page.locator("#ls-layers [data-part=name]").filter(has_text="Edits").click()


def _show_two_drivers(page: Page) -> None:
    page.locator("#ls-layers [data-part=name]").last.click()
    page.get_by_label("Expression from").select_option(label="Laugh")
    page.wait_for_function(f"{_SETTLED} && window.loki.studio.layers[1].name === 'Laugh'")
    page.mouse.move(*_NOWHERE)
    _settle(page)
    _photograph(page, "two-drivers", _RIGHT)
    _undo(page)


def _show_keys(page: Page) -> None:
    _open_tab(page, "Face")
    _seek(page, 130)
    _photograph(page, "keys", _KEYS)
    page.locator("#ls-keys [data-do=graph]").click()
    canvas = page.locator("#ls-keys canvas")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 150 + 130.5 * (box["width"] - 158) / 300, box["y"] + 60)
    _settle(page)
    _photograph(page, "graph", _KEYS)
    page.mouse.click(box["x"] + 600, box["y"] + 35)  # selects nothing
    canvas.blur()
    page.locator("#ls-keys [data-do=graph]").click()


def _show_the_rest(page: Page) -> None:
    _open_tab(page, "Expressions")
    page.wait_for_function("[...document.querySelectorAll('[data-preset] img')].every((image) => image.src)")
    _photograph(page, "expressions", _RIGHT)
    _show_pad(page)
    page.locator("#ls-header [data-do=keys]").click()
    _photograph(page, "keyboard", "#ls-header dialog")
    page.keyboard.press("Escape")


def _show_pad(page: Page) -> None:
    page.locator("#ls-mixpad summary").click()
    page.wait_for_function("[...document.querySelectorAll('#ls-mixpad img')].every((image) => image.naturalWidth)")
    pad = page.locator("#ls-mixpad .pad")
    box = pad.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    pad.blur()
    page.mouse.move(*_NOWHERE)
    _settle(page)
    _photograph(page, "mixpad", _RIGHT)
    _undo(page)
    page.locator("#ls-mixpad summary").click()


def _show_directions(page: Page) -> None:
    """LIA-X's weights may be missing here: the tab says so, and has the directions that need none."""
    _open_tab(page, "LIA-X")
    page.locator("#ls-lia_x summary").filter(has_text="Motion directions").click()
    page.mouse.move(*_NOWHERE)
    _settle(page)
    _photograph(page, "lia-x", _RIGHT)


def _render(page: Page) -> None:
    _open_tab(page, "Render")
    page.get_by_role("button", name="Render", exact=True).click()
    page.wait_for_function("document.querySelector('[data-part=preview] video')?.readyState >= 2")
    page.locator("#ls-render video").evaluate("(video) => { video.pause(); video.currentTime = 4; }")
    page.wait_for_function("document.querySelector('#ls-render video').readyState > 3")
    page.wait_for_timeout(1500)  # the browser's own mark of loading fades
    _photograph(page, "rendered")


def _show_results(page: Page) -> None:
    """The shot once more without the edits, the two against each other, and more in the queue."""
    _open_tab(page, "Layers")
    page.locator("#ls-layers li").filter(has_text="Edits").locator("button", has_text=re.compile("^M$")).click()
    _open_tab(page, "Render")
    page.get_by_role("button", name="Render", exact=True).click()
    tiles = page.locator("#ls-render [data-part=gallery] button")
    tiles.nth(1).wait_for()
    for number, letter in ((1, "A"), (0, "B")):
        tiles.nth(number).click()
        page.get_by_role("button", name=f"Show this one as {letter}").click()
    page.get_by_role("button", name="Compare A and B").click()
    both = "[...document.querySelectorAll('#ls-render dialog video')]"
    page.wait_for_function(f"{both}.length === 2 && {both}.every((video) => video.currentTime > 0)")
    page.keyboard.press("Space")
    page.wait_for_function(f"{both}.every((video) => video.paused)")
    bar = page.locator("#ls-render [data-part=seek]")
    bar.evaluate("(bar) => { bar.value = 0.433 * bar.max; bar.dispatchEvent(new Event('input')); }")
    page.get_by_role("radio", name="Side by side").last.check(force=True)
    page.wait_for_function(f"{both}.every((video) => !video.seeking && video.readyState > 1 && video.currentTime > 4)")
    page.wait_for_timeout(300)
    _photograph(page, "compare")
    page.keyboard.press("Escape")
    page.locator("#ls-render [data-part=preview] video").evaluate("(video) => { video.pause(); video.currentTime = 4; }")
    for form in ("webm", "png"):
        page.locator("[name=ls-format]").select_option(form)
        page.get_by_role("button", name="Render", exact=True).click()
    page.locator("#ls-render [data-part=queue] li").nth(1).wait_for()
    page.locator("#ls-render .made").evaluate("(made) => (made.scrollTop = 0)")
    page.mouse.move(*_NOWHERE)
    _photograph(page, "queue", _RIGHT)
    page.wait_for_function("!document.querySelector('#ls-render [data-part=queue] li')")
    _undo(page)


def _show_chinese(page: Page) -> None:
    work = page.evaluate("window.loki.studio.hash")
    page.locator("select[name=ls-language]").select_option("zh")
    page.wait_for_function(f"document.documentElement.lang === 'zh' && {READY} && window.loki.studio.hash === '{work}'")
    page.evaluate("window.loki.pause()")
    page.locator("#ls-header [data-do=leave]").evaluate("(button) => button.click()")  # it may offer the work that is here
    _seek(page, 130)
    _photograph(page, "chinese")


def _undo(page: Page) -> None:
    before = page.evaluate("window.loki.studio.revision")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"{_SETTLED} && window.loki.studio.revision > {before}")


def _open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    _settle(page)


def _seek(page: Page, frame: int) -> None:
    page.evaluate("frame => window.loki.seek(frame)", frame)
    _settle(page)


def _settle(page: Page) -> None:
    """Wait until what is on screen stays as it is."""
    page.wait_for_function(_SETTLED)
    page.wait_for_timeout(300)  # what the style sheets fade


def _photograph(page: Page, name: str, part: str | None = None) -> None:
    """The page, or a part of it, light and dark."""
    for ending in ("", "-dark"):
        page.evaluate("dark => { document.body.classList.toggle('dark', dark); window.loki.emit('theme'); }", bool(ending))
        page.wait_for_timeout(300)
        shot = page.screenshot() if part is None else page.locator(part).screenshot()
        _write(Path(__file__).with_name(f"{name}{ending}.webp"), shot)
    page.evaluate("() => { document.body.classList.remove('dark'); window.loki.emit('theme'); }")


def _write(file: Path, shot: bytes) -> None:
    """At the best quality that fits."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    for quality in _QUALITIES:
        packed = io.BytesIO()
        picture.save(packed, "webp", quality=quality, method=6)
        if packed.tell() <= _LIMIT:
            file.write_bytes(packed.getvalue())
            return
    raise RuntimeError(f"expected {file.name} within {_LIMIT} bytes, got {packed.tell()}; photograph a smaller part")


if __name__ == "__main__":
    main()
