from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import launch
from app.setup.environment import ROOT
from app.setup.python import suits, wrong_python_message

COMMANDS = ("animate", "still", "track", "map", "evaluate", "prepare", "train", "bench", "doctor", "test")


def run(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *options, str(ROOT / "launch.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def test_help_needs_the_standard_library_alone():
    answer = run("--help", options=("-S",))  # -S: no installed package can be imported
    assert answer.returncode == 0
    assert all(command in answer.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(command: str):
    answer = run(command, "--help", options=("-S",))
    assert answer.returncode == 0
    assert re.search(rf"example:\n  python launch.py {command}\b", answer.stdout)


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("--port", "many"), ("animate", "--portait", "x.png"), ("still",), ("track",), ("map", "--format", "tiff")],
)
def test_an_unusable_line_gets_one_sentence_and_status_2(arguments: tuple[str, ...]):
    answer = run(*arguments, options=("-S",))
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("launch.py") and answer.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["launch.py", "app/__init__.py", "app/setup/__init__.py", "app/setup/python.py"])
def test_what_runs_before_the_version_check_parses_on_old_pythons(name: str):
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 5))


@pytest.mark.parametrize("version", [(3, 10, 2), (3, 13, 0)])
def test_a_wrong_python_is_told_which_one_is_needed(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "version_info", version)
    assert launch.main() == 2
    words = capsys.readouterr().err
    assert f"needs Python 3.11 or 3.12, and this is {version[0]}.{version[1]}; " in words
    assert words.endswith(" launch.py\n")


def test_a_python_that_suits_is_offered_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "python3.11").symlink_to(sys.executable)
    (tmp_path / "python3.12").write_text("#!/bin/sh\nexit 1\n")  # there, but it does not run
    (tmp_path / "python3.12").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert wrong_python_message("3.9").endswith("this is 3.9; run: python3.11 launch.py")
    monkeypatch.setenv("PATH", "/nowhere")
    assert wrong_python_message("3.9").endswith("then run: python3.12 launch.py")


def test_this_python_suits():
    assert suits(sys.executable)
