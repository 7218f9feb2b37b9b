"""Makes sure that the program runs where the packages of requirements.txt are: here, or in `.venv` beside launch.py."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.setup.errors import SetupError
from app.setup.pip import run_pip
from app.setup.python import suits
from app.setup.requirements import read_requirements, unmet
from app.setup.system import install_line

__all__ = ["REQUIREMENTS", "ROOT", "ensure", "enter_if_ready", "install_missing"]

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
_CONSTRAINTS = ROOT / "constraints.txt"
"""Versions of what the requirements ask for in turn: pip need not try them out, and all machines get the same."""
_VENV = ROOT / ".venv"
_MARKER = _VENV / "loki-setup"
"""Holds the digest of the requirements that are installed, or `_BEGUN` until they are; absent in a .venv that a person made."""
_BEGUN = "begun"
_INSTALL = ("install", "--progress-bar=off", "--constraint", str(_CONSTRAINTS))
_NEEDED_BYTES = 4_000_000_000
"""The CPU build takes 3 GB unpacked, its archives some more in pip's cache."""


def ensure(argv: list[str]) -> None:
    """Return where requirements.txt is met. Otherwise make `.venv`, install, and start the program again in it.

    Raises `SetupError` when this machine lacks something.
    """
    try:
        if _inside_own_venv():
            if not _ready_inside():
                _install(argv)
            return
        if unmet(read_requirements(REQUIREMENTS)):
            if not _ready_outside():
                _install(argv)
            _start_again(argv)
    except OSError as exc:
        raise SetupError(_explain(exc)) from exc


def enter_if_ready(argv: list[str]) -> None:
    """Start the program again in `.venv` if that is there and whole and this interpreter lacks packages; install nothing."""
    if not _inside_own_venv() and unmet(read_requirements(REQUIREMENTS)) and _ready_outside():
        _start_again(argv)


def install_missing(requirements: Path) -> None:
    """Install what the running interpreter lacks of another requirements file."""
    missing = unmet(read_requirements(requirements))
    if missing:
        _say(f"Installing {', '.join(map(str, missing))}")
        log = (_VENV if _inside_own_venv() else Path(sys.prefix)) / "install.log"
        run_pip([*_INSTALL, *map(str, missing)], python=Path(sys.executable), log=log)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _venv_python() -> Path:
    return _VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _inside_own_venv() -> bool:
    return Path(sys.prefix).resolve() == _VENV.resolve()


def _digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes() + _CONSTRAINTS.read_bytes()).hexdigest()


def _marker() -> str | None:
    return _MARKER.read_text() if _MARKER.exists() else None


def _ready_inside() -> bool:
    return _marker() in (None, _digest()) and not unmet(read_requirements(REQUIREMENTS))


def _ready_outside() -> bool:
    return _venv_python().exists() and _marker() == _digest()


def _install(argv: list[str]) -> None:
    with _alone():
        if _ready_outside():  # another process has just finished
            return
        _check_machine()
        if not _inside_own_venv():
            _make_venv()
        _MARKER.write_text(_BEGUN)
        _say(f"Setting up {_VENV.name} from {REQUIREMENTS.name}: once, some minutes. Ctrl-C stops it, the same line goes on.")
        log = _VENV / "install.log"
        log.unlink(missing_ok=True)
        run_pip([*_INSTALL, "-r", str(REQUIREMENTS)], python=_venv_python(), log=log)
        _mend_opencv(log)
        _MARKER.write_text(_digest())


@contextmanager
def _alone() -> Iterator[None]:
    """Two starts at once must not install into one folder: the second waits."""
    if os.name == "nt":  # no flock there
        yield
        return
    import fcntl

    with (ROOT / ".venv.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another launch.py is setting up; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check_machine() -> None:
    if not os.access(ROOT, os.W_OK):
        raise SetupError(f"no permission to write in {ROOT}; give yourself the right to: sudo chown -R $USER '{ROOT}'")
    free = shutil.disk_usage(ROOT).free
    if free < _NEEDED_BYTES and not _VENV.exists():
        raise SetupError(
            f"the packages need {_NEEDED_BYTES / 1e9:.0f} GB and the disk of {ROOT} has {free / 1e9:.1f} GB; free some space"
        )


def _make_venv() -> None:
    """Make `.venv`, from scratch where an earlier run did not finish: half-unpacked packages look installed."""
    if _marker() == _BEGUN or (_marker() is not None and not _venv_python().exists()):
        shutil.rmtree(_VENV)
    if _venv_python().exists():
        _refuse_other_python()
        return
    if importlib.util.find_spec("ensurepip") is None:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise SetupError(f"this Python cannot make environments; run: {install_line(package)}")
    _VENV.mkdir(exist_ok=True)
    _MARKER.write_text(_BEGUN)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=os.name != "nt").create(_VENV)
    except subprocess.CalledProcessError as exc:
        raise SetupError(f"this Python could not make an environment; see: {sys.executable} -m venv '{_VENV}'") from exc


def _refuse_other_python() -> None:
    """A `.venv` that a person made with another Python is theirs to remove."""
    if not suits(str(_venv_python())):
        raise SetupError(f"the Python in {_VENV} is not 3.11 or 3.12; remove it: rm -r '{_VENV}'")


def _output(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_venv_python(), "-c", code], capture_output=True, text=True, check=False)


def _mend_opencv(log: Path) -> None:
    """The OpenCV that mediapipe asks for wants libGL, which a server lacks; its headless build of the same version does not."""
    if "cannot open shared object file" not in _output("import cv2").stderr:
        return
    version = _output("import importlib.metadata as m; print(m.version('opencv-contrib-python'))").stdout.strip()
    _say(f"This system has no libGL: OpenCV {version} is replaced by its headless build, which needs none.")
    run_pip(["uninstall", "-y", "opencv-contrib-python"], python=_venv_python(), log=log)
    run_pip(["install", "--no-deps", f"opencv-contrib-python-headless=={version}"], python=_venv_python(), log=log)


def _start_again(argv: list[str]) -> None:
    command = [str(_venv_python()), str(ROOT / "launch.py"), *argv]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # execv there returns to the shell before the new process ends
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _explain(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {ROOT} is full; free some space, then run the same line again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write {error.filename}; give yourself the right to: sudo chown -R $USER '{ROOT}'"
    return f"the set-up stopped: {error}"
