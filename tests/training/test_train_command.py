"""`train` refuses what it cannot do before anything is written."""

from __future__ import annotations

import pytest

from app.cli import build_parser
from loki_core.errors import InputError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume"], "found none"),
        (["--preset", "sd21"], "train mini"),
        (["--preset", "huge"], "choose one"),
        (["--steps", "0"], "at least 1"),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, options, words):
    arguments = build_parser().parse_args(["train", "--out", str(tmp_path / "run"), *options])
    with pytest.raises(InputError, match=words):
        arguments.run(arguments)
    assert not (tmp_path / "run").exists()
