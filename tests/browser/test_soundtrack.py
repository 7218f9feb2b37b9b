"""The page plays the work's sound in step with the playhead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import let_go, open_page
from tests.media.test_sound_file import tone, write_wav

AUDIO = "document.querySelector('#ls-transport audio')"
READY = f"{AUDIO}.readyState === 4 && !{AUDIO}.seeking"
OFF = f"Math.abs({AUDIO}.currentTime - window.loki.frame / window.loki.rate)"
PLAY = "#ls-transport [data-part=play]"
SPEAKER = "#ls-transport [data-part=sound]"


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "voice.wav", tone(6.0, rate=16_000), rate=16_000)


@pytest.fixture
def sounding(page: Page, voice: Path) -> Page:
    """The example with a sound of six seconds from its first frame on, paused there."""
    page.evaluate("window.loki.seek(0)")
    page.get_by_role("tab", name="Layers").click()
    page.locator("#ls-layers .make input[type=file]").set_input_files(voice)
    page.wait_for_function(f"window.loki.studio.heard && {READY}")
    return page


def test_without_sound_there_is_no_speaker(page: Page):
    expect(page.locator(SPEAKER)).to_be_hidden()


def test_sound_and_playhead_move_together(sounding: Page):
    expect(sounding.locator(SPEAKER)).to_be_visible()
    sounding.locator(PLAY).click()
    sounding.wait_for_function(f"window.loki.playing && !{AUDIO}.paused && window.loki.frame > 15 && {OFF} < 0.1")
    sounding.evaluate("window.loki.seek(100)")
    sounding.wait_for_function(f"!{AUDIO}.paused && window.loki.frame > 110 && {OFF} < 0.1")
    sounding.locator(PLAY).click()
    sounding.wait_for_function(f"!window.loki.playing && {AUDIO}.paused && {OFF} < 0.03")
    sounding.evaluate("window.loki.seek(20)")
    sounding.wait_for_function(f"{AUDIO}.paused && {READY} && {OFF} < 0.03")


def test_the_sound_begins_again_with_the_range(sounding: Page):
    sounding.evaluate("window.loki.edit({ do: 'trim', first: 30, stop: 75 })")
    sounding.wait_for_function("window.loki.studio.trim?.[1] === 75")
    sounding.evaluate("window.loki.on('seek', () => { window.turns = (window.turns ?? 0) + (window.loki.frame < window.last); "
                      "window.last = window.loki.frame; })")  # fmt: skip
    sounding.locator(PLAY).click()
    sounding.wait_for_function(f"window.turns > 1 && window.loki.frame > 36 && !{AUDIO}.paused && {OFF} < 0.1")


def test_another_sound_is_mixed_when_a_layer_falls_silent(sounding: Page):
    before = sounding.evaluate("window.loki.studio.heard")
    sounding.locator("#ls-layers li [data-part=mute]").first.click()
    expect(sounding.locator(SPEAKER)).to_be_hidden()
    sounding.wait_for_function(f"!{AUDIO}.hasAttribute('src')")
    sounding.locator("#ls-layers li [data-part=mute]").first.click()
    sounding.wait_for_function(f"window.loki.studio.heard === '{before}' && {READY}")


def test_the_speaker_mutes_and_stays_so(sounding: Page, studio: str):
    sounding.locator(SPEAKER).click()
    expect(sounding.locator(SPEAKER)).to_have_attribute("aria-pressed", "false")
    assert sounding.evaluate(f"{AUDIO}.muted")
    again = open_page(sounding.context, studio)
    assert again.evaluate(f"{AUDIO}.muted")


@pytest.mark.parametrize("place", ["#ls-viewport canvas", "#ls-sources [data-part=driver] button"])
def test_a_sound_that_is_dropped_is_spoken(page: Page, voice: Path, place: str):
    page.evaluate("window.loki.seek(12)")
    let_go(page, voice, place, "audio/wav")
    page.wait_for_function(f"window.loki.studio.layers.some(({{ name, sound }}) => name === 'voice' && sound) && {READY}")
    expect(page.get_by_role("tab", name="Layers")).to_have_attribute("aria-selected", "true")


def test_a_sound_can_be_chosen_as_a_driver(page: Page, voice: Path):
    page.locator("#ls-sources [data-part=driver] input[type=file]").set_input_files(voice)
    page.wait_for_function("window.loki.studio.layers.some(({ sound }) => sound)")


def test_a_sound_that_is_none_says_so(page: Page, tmp_path: Path):
    write_wav(tmp_path / "silence.wav", np.zeros(8_000), rate=16_000)
    let_go(page, tmp_path / "silence.wav", "#ls-viewport canvas", "audio/wav")
    expect(page.locator("#ls-toasts")).to_contain_text("silence")
