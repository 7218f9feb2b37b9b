"""`train --preset dex-mini` refuses what it cannot do before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import build_parser
from loki_core.errors import InputError
from loki_core.head.embedded import embedded_head
from tests.dex.saved import save_tiny_dex


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "dex-mini"], "train --preset dex-motion-mini first"),
        (["--preset", "dex-mini", "--motion", "nowhere"], "expected config.json in nowhere"),
        (["--preset", "dex-motion-mini", "--motion", "nowhere"], "--motion with the preset dex-mini"),
        (["--preset", "dex-motion-mini", "--coefficients"], "leave them out"),
        (["--preset", "dex-motion-mini", "--data", "nowhere"], "leave them out"),
        (["--preset", "dex-motion-mini", "--without", "encoding"], "got encoding; choose one"),
        (["--preset", "dex-motion-mini", "--without", "rays"], "the animator has that"),
        (["--preset", "mini", "--without", "rays"], "got rays; choose one"),
        (["--preset", "mini", "--network", "nowhere"], "--network with the preset dex-mapping-mini"),
        (["--preset", "dex-mapping-mini"], "expected only --network .* got --out"),
        (["--preset", "dex-motion-mini", "--resume"], "found none"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path: Path, options: list[str], words: str):
    arguments = build_parser().parse_args(["train", "--out", str(tmp_path / "run"), *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "dex-mapping-mini"], "train --preset dex-mini first"),
        (["--preset", "dex-mapping-mini", "--network", "nowhere"], "expected model_index.json in nowhere"),
        (["--preset", "dex-mini"], "expected --out with a folder"),
    ],
)
def test_what_cannot_be_fitted_is_refused(options: list[str], words: str):
    arguments = build_parser().parse_args(["train", *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--begin", "{dex}"], "expected weights of dex-mini to begin with, got .* of tiny"),
        (["--begin", "{dex}", "--motion", "{dex}"], "leave --motion out"),
        (["--motion", "{dex}"], "expected motion weights of 'dex-motion-mini', got 'tiny-motion'"),
        (["--preset", "dex-motion-mini", "--begin", "{dex}"], "weights of 'dex-motion-mini' to begin with, got 'tiny-motion'"),
    ],
)
def test_an_animator_of_another_size_is_no_beginning(tmp_path: Path, options: list[str], words: str):
    dex = save_tiny_dex(tmp_path / "dex", embedded_head())
    given = [option.format(dex=dex) for option in options]
    arguments = build_parser().parse_args(["train", "--out", str(tmp_path / "run"), "--preset", "dex-mini", *given])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)
    assert not (tmp_path / "run").exists()
