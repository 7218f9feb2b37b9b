"""The real set-up, run by a small program in a folder of its own, with one tiny package instead of three gigabytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.setup.environment import ROOT

PROGRAM = """
import sys
from app.setup.environment import ensure
from app.setup.errors import SetupError

def main(argv):
    try:
        ensure(argv)
    except SetupError as exc:
        print(exc, file=sys.stderr)
        return 2
    import tiny
    print(tiny.VERSION, sys.prefix, *argv, sep="|")
    return 0
"""


@dataclass(frozen=True)
class Project:
    """A clone that needs one package, and the folder from which pip takes its wheels."""

    root: Path
    wheels: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    def require(self, version: str) -> None:
        (self.root / "requirements.txt").write_text(f"tiny=={version}\n")

    def launch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Start it with a Python that lacks the package."""
        environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_CONFIG_FILE": os.devnull}
        command = [sys.executable, str(self.root / "launch.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, stdin=subprocess.DEVNULL)


def write_wheel(folder: Path, version: str) -> None:
    info = f"tiny-{version}.dist-info"
    with zipfile.ZipFile(folder / f"tiny-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", f"VERSION = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "a clone", tmp_path / "wheels")
    project.wheels.mkdir()
    for version in ("1.0", "2.0"):
        write_wheel(project.wheels, version)
    shutil.copytree(ROOT / "app" / "setup", project.root / "app" / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("launch.py", "app/__init__.py"):
        shutil.copy(ROOT / name, project.root / name)
    (project.root / "app" / "cli.py").write_text(PROGRAM)
    (project.root / "constraints.txt").touch()
    project.require("1.0")
    return project


@pytest.mark.slow
def test_the_first_start_makes_the_environment_the_next_finds_it_and_changes_are_installed(project: Project):
    first = project.launch("animate", "--out", "two words")
    assert (first.returncode, first.stdout) == (0, f"1.0|{project.venv}|animate|--out|two words\n"), first.stderr
    assert "tiny 1.0" in first.stderr
    assert "Successfully installed tiny-1.0" in (project.venv / "install.log").read_text()
    second = project.launch()
    assert (second.returncode, second.stdout, second.stderr) == (0, f"1.0|{project.venv}\n", "")
    project.require("2.0")
    assert project.launch().stdout.startswith("2.0|")


@pytest.mark.slow
def test_an_environment_that_an_interrupted_start_left_is_made_anew(project: Project):
    (project.venv / "lib").mkdir(parents=True)
    (project.venv / "half.py").touch()
    (project.venv / "loki-setup").write_text("begun")
    assert project.launch().stdout.startswith("1.0|")
    assert not (project.venv / "half.py").exists()


@pytest.mark.slow
def test_an_environment_that_a_person_made_keeps_what_is_in_it(project: Project):
    subprocess.run([sys.executable, "-m", "venv", project.venv], check=True)
    theirs = project.venv / "theirs.txt"
    theirs.touch()
    assert project.launch().stdout.startswith("1.0|")
    assert theirs.exists()


@pytest.mark.slow
def test_a_package_that_cannot_be_had_stops_with_one_sentence(project: Project):
    project.require("3.0")
    answer = project.launch()
    assert answer.returncode == 2
    assert "there is no build of tiny==3.0" in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_may_not_be_written_stops_with_one_sentence(project: Project):
    project.root.chmod(0o555)
    answer = project.launch()
    project.root.chmod(0o755)
    assert answer.returncode == 2
    assert "no permission to write" in answer.stderr and answer.stderr.count("\n") == 1
