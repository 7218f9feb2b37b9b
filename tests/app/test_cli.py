from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Never

import pytest

from app.cli import build_parser, guard
from app.commands import test as checks
from app.commands.doctor import Finding
from app.commands.options import check_output
from app.commands.studio import check_port, credentials, default_host
from app.setup.environment import ROOT
from app.setup.errors import SetupError
from app.setup.system import missing_library
from loki_core.errors import InputError


def raising(error: BaseException) -> Callable[[], int]:
    def run() -> Never:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("expected a face, found none"), 2, "launch.py: expected a face, found none\n"),
        (SetupError("the disk is full"), 2, "launch.py: the disk is full\n"),
        (KeyboardInterrupt(), 130, "launch.py: stopped; nothing half-written is left\n"),
        (ValueError("oops"), 1, "launch.py: ValueError: oops (a fault of the program; --debug shows where)\n"),
        (ImportError("libGL.so.1: cannot open shared object file: No such file"), 2, None),
        (ImportError("no module named x"), 1, None),
    ],
)
def test_errors_become_one_sentence_and_a_status(
    error: BaseException, status: int, words: str | None, capsys: pytest.CaptureFixture[str]
):
    assert guard(raising(error), debug=False) == status
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert words in (None, shown.err)


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]):
    assert guard(raising(ValueError("oops")), debug=True) == 1
    assert "Traceback" in capsys.readouterr().err


def test_debug_may_stand_before_or_after_the_command():
    parser = build_parser()
    assert parser.parse_args(["--debug", "doctor"]).debug
    assert parser.parse_args(["doctor", "--debug"]).debug
    assert not parser.parse_args(["doctor"]).debug


def test_a_missing_system_library_is_named_with_the_line_that_installs_it():
    sentence = missing_library(ImportError("libGL.so.1: cannot open shared object file: No such file or directory"))
    assert sentence is not None and "libGL.so.1 is missing" in sentence and "libgl1" in sentence
    assert missing_library(ImportError("No module named 'torch'")) is None


def test_no_command_is_the_studio():
    arguments = build_parser().parse_args([])
    assert arguments.run.__module__ == "app.commands.studio"


def test_parsing_imports_no_package():
    code = "import sys; from app.cli import build_parser; build_parser(); print({'numpy', 'torch', 'gradio'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


def test_the_page_is_for_this_machine_alone_unless_in_a_space(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert default_host() == "127.0.0.1"
    monkeypatch.setenv("SPACE_ID", "someone/loki-studio")
    assert default_host() == "0.0.0.0"


def test_name_and_password_belong_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LOKI_USER", raising=False)
    monkeypatch.delenv("LOKI_PASSWORD", raising=False)
    assert credentials(None, None) is None
    assert credentials("a", "b") == ("a", "b")
    with pytest.raises(InputError, match="--user and --password together"):
        credentials("a", None)
    monkeypatch.setenv("LOKI_USER", "c")
    monkeypatch.setenv("LOKI_PASSWORD", "d")
    assert credentials(None, None) == ("c", "d") and credentials("a", "b") == ("a", "b")


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70000), ("256.0.0.1", 7860), ("no such host", 7860)])
def test_an_address_that_cannot_be_had_is_refused(host: str, port: int):
    with pytest.raises(InputError, match="cannot listen on"):
        check_port(host, port)


def test_outputs_are_checked_before_work_starts(tmp_path: Path):
    assert check_output(tmp_path / "a.MP4", (".mp4", ".gif")) == tmp_path / "a.MP4"
    with pytest.raises(InputError, match=r"ends in .mp4 or .gif"):
        check_output(tmp_path / "a.avi", (".mp4", ".gif"))
    with pytest.raises(InputError, match="does not exist; run: mkdir -p"):
        check_output(tmp_path / "no" / "a.mp4", (".mp4",))
    (tmp_path / "b.mp4").mkdir()
    with pytest.raises(InputError, match="got the folder"):
        check_output(tmp_path / "b.mp4", (".mp4",))


def test_only_what_the_studio_needs_counts_as_missing():
    assert Finding("x", "1.0", "all", required=True).state == "ok"
    assert Finding("x", None, "all", required=True).state == "missing"
    assert Finding("x", None, "some").state == "absent"


def test_quick_leaves_out_slow_and_browser_tests():
    assert "not slow and not browser and not gpu" in checks.pytest_options(quick=True, expression=None, workers=1)
    assert checks.pytest_options(quick=False, expression="raster", workers=1)[-2:] == ["-k", "raster"]


@pytest.mark.parametrize("fails", ["ruff", "mypy", "pytest", None])
def test_every_check_runs_and_the_last_words_name_the_one_that_failed(
    fails: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    called: list[str] = []

    def call(tool: str, *options: str) -> int:
        called.append(tool)
        sys.stdout.write(f"{tool} runs\n")
        return int(tool == fails)

    monkeypatch.setattr(checks, "_call", call)
    monkeypatch.setattr(checks, "install_missing", lambda path: None)
    assert checks.run(build_parser().parse_args(["test"])) == int(fails is not None)
    assert called == ["ruff", "ruff", "mypy", "pytest"]
    assert (f"Not well: {fails}" in capsys.readouterr().out.splitlines()[-1]) == (fails is not None)


@pytest.mark.slow
def test_doctor_writes_its_findings_as_a_list(tmp_path: Path):
    report = tmp_path / "report.json"
    answer = subprocess.run(
        [sys.executable, ROOT / "launch.py", "doctor", "--json", report], capture_output=True, text=True, check=False
    )
    rows = json.loads(report.read_text())
    lacking = [row["name"] for row in rows if row["state"] == "missing"]
    assert answer.returncode == (2 if lacking else 0)
    assert {"Python", "torch", "mediapipe", "embedded head", "FLAME head"} <= {row["name"] for row in rows}
    assert all(row["way_out"] for row in rows if row["state"] == "missing")
