"""Starting points that come with the project, and bad ones."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loki_core.errors import InputError
from loki_core.motion.presets import MOTIONS, list_presets
from loki_core.project.templates import TEMPLATES, begin_with, load_template
from loki_core.timeline.state import StudioState

NAMES = {path.stem for path in MOTIONS.glob("*.json")}
GOOD: dict[str, Any] = {"label": "Nod", "help": "Yes.", "state": {"layers": [{"id": "1", "source": "nod"}]}}


def written(folder: Path, content: object) -> Path:
    path = folder / "own.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_every_template_of_the_project_can_be_used():
    templates, problems = list_presets(TEMPLATES, partial(load_template, motions=NAMES))
    assert not problems and len(templates) >= 3
    assert len({template.label for template in templates}) == len(templates)


def test_a_template_keeps_the_portrait_of_the_work(tmp_path: Path):
    template = load_template(written(tmp_path, GOOD), NAMES)
    state = begin_with(template, StudioState(portrait="mine"))
    assert state.portrait == "mine" and [layer.source for layer in state.layers] == ["nod"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"label": ""}, "label"),
        ({"more": 1}, "more"),
        ({"state": {"layers": [{"id": "1", "source": "waltz"}]}}, "'waltz'"),
        ({"state": {"portrait": "mine"}}, "portrait"),
        ({"state": {"fps": [0, 1]}}, "rate"),
        ({"state": {"look": {"view": "upside"}}}, "state.look.view"),
        ({"state": {"layers": [{"id": "1", "controls": [["jawOpen", 9.0]]}]}}, "jawOpen"),
    ],
)
def test_a_bad_template_is_named_with_what_is_wrong_in_it(tmp_path: Path, change: dict[str, Any], words: str):
    with pytest.raises(InputError, match=f"own.json: .*{words}"):
        load_template(written(tmp_path, GOOD | change), NAMES)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"label": NaN}', "[" * 5000])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str):
    with pytest.raises(InputError, match="own.json"):
        load_template(written(tmp_path, text), NAMES)
