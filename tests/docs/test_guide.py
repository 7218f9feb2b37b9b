"""The documentation names pictures that exist, and buttons and keys that the studio has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from app.panels.header import _KEYS
from app.words import _WORDS

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "pictures"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDE = " ".join((ROOT / "docs" / "guide.md").read_text(encoding="utf-8").split())


def named_pictures() -> set[Path]:
    """Every picture of the guide's folder that a page of the documentation shows."""
    found = set()
    for page in PAGES:
        for link in re.findall(r'(?:\]\(|src="|srcset=")([^)"]+[.]webp)', page.read_text(encoding="utf-8")):
            found.add((page.parent / link).resolve())
    return {picture for picture in found if picture.parent == PICTURES}


def labels_and_keys() -> set[str]:
    """What buttons are called, with and without their keys; the keys; those of the keyboard map."""
    labels = set(_WORDS.values())
    plain = {re.sub(r" \(.*\)$", "", label) for label in labels}
    keys = {key for label in labels for key in re.findall(r"\((.+)\)$", label)}
    return labels | plain | keys | {key for shown, _ in _KEYS for key in shown.split()}


def test_every_picture_that_is_named_exists_and_every_picture_is_named():
    assert named_pictures() == set(PICTURES.glob("*.webp"))


def test_every_button_and_key_of_the_guide_is_in_the_studio():
    quoted = re.findall(r"\*\*(.+?)\*\*", GUIDE)
    assert len(quoted) > 60 and [name for name in quoted if name not in labels_and_keys()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_pictures_are_small():
    files = list(PICTURES.glob("*.webp"))
    assert max(file.stat().st_size for file in files) <= 60_000
    assert sum(file.stat().st_size for file in files) <= 1_600_000
    assert all(Image.open(file).size <= (1280, 720) for file in files)
