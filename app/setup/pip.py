"""Runs pip: its log goes to a file, one line a package to the terminal, and its failures become one sentence."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.setup.errors import SetupError

__all__ = ["condense", "explain", "run_pip"]

_ARCHIVE = re.compile(
    r"(?:Downloading|Using cached|Processing)\s+(?:\S*/)?(?P<name>[A-Za-z0-9._]+)-(?P<version>\d[^-\s]*?)"
    r"(?:-\S+\.whl|\.tar\.gz|\.zip)(?:\s\((?P<size>[\d.]+ [kMG]?B)\)|\s\(from .*|)$"
)
_CAUSES = (
    (r"No space left on device|Errno 28", "the disk is full; free some space, then run the same line again"),
    (r"Errno 13|Errno 30|Permission denied", "pip may not write there; give yourself the right to: chown -R $USER {folder}"),
    (
        r"Temporary failure in name resolution|Name or service not known|NewConnectionError|NameResolutionError"
        r"|Max retries exceeded|Network is unreachable|ConnectTimeout|ProxyError|SSLError|Read timed out|ReadTimeout"
        r"|Connection broken|IncompleteRead|Connection reset|ConnectionResetError|RemoteDisconnected",
        "the network did not answer; connect, then run the same line again (what has been fetched is kept)",
    ),
    (r"externally-managed-environment", "this Python belongs to the system; run: {python} -m venv .venv"),
    (r"MemoryError", "there is not enough memory; close something, then run the same line again"),
)


def condense(line: str) -> str | None:
    """What a line of pip's says to a person: package, version and size; None where it says nothing new."""
    line = line.strip()
    if archive := _ARCHIVE.match(line):
        return " ".join(part for part in (archive["name"].replace("_", "-"), archive["version"], archive["size"]) if part)
    if line.startswith("Building wheel for"):
        return f"building {line.split()[3]}"
    if line.startswith("Installing collected packages:"):
        return f"unpacking {line.count(',') + 1} packages"
    return None


def explain(log: str, *, python: str, folder: Path) -> str:
    """The reason why pip stopped, with the way out, from what it printed."""
    for pattern, sentence in _CAUSES:
        if re.search(pattern, log):
            return sentence.format(python=python, folder=folder)
    if missing := re.search(r"No matching distribution found for (\S+)", log):
        return f"there is no build of {missing[1]} for this machine and Python; 64-bit Linux with Python 3.11 or 3.12 has all"
    errors = re.findall(r"^ERROR: (.+)$", log, re.MULTILINE)
    return f"pip says: {errors[-1].rstrip('.')}" if errors else "pip was stopped; run the same line again"


def _lines(process: subprocess.Popen[str]) -> Iterator[str | None]:
    """Lines as they come, and None for each second without one."""
    stream = process.stdout
    assert stream is not None
    lines: queue.Queue[str] = queue.Queue()

    def pump() -> None:
        for line in stream:
            lines.put(line)
        lines.put("")  # no line of a file is empty: the end

    threading.Thread(target=pump, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1)
        except queue.Empty:
            yield None
            continue
        if not line:
            return
        yield line


def _follow(process: subprocess.Popen[str], log: Path, started: float) -> str:
    """Show one line a package, keep all in the log, return it."""
    kept: list[str] = []
    last = "asking for packages"
    live = sys.stderr.isatty()
    with log.open("a", encoding="utf-8") as file:
        for line in _lines(process):
            news = None if line is None else condense(line)
            if line is not None:
                kept.append(line)
                file.write(line)
            if news:
                last = news
            if news or (live and line is None):
                _show(last, time.monotonic() - started, live=live, final=bool(news))
    return "".join(kept)


def _show(text: str, seconds: float, *, live: bool, final: bool) -> None:
    """A line with the time since the start; on a terminal the newest one counts on until the next comes."""
    minutes, seconds_left = divmod(int(seconds), 60)
    head = "\n" if final and live else "\r" if live else ""
    tail = "" if live else "\n"
    sys.stderr.write(f"{head}  {minutes}:{seconds_left:02d}  {text}{tail}")
    sys.stderr.flush()


def run_pip(arguments: Sequence[str], *, python: Path, log: Path) -> None:
    """Run `python -m pip` with visible progress; `SetupError` says why it could not."""
    environment = {**os.environ, "PIP_USER": "0", "PYTHONIOENCODING": "utf-8"}  # a user's `--user` setting has no place in a venv
    options = ["--disable-pip-version-check", "--no-input"]
    command = [str(python), "-m", "pip", arguments[0], *options, *arguments[1:]]
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, encoding="utf-8",
        errors="replace", env=environment,
    )  # fmt: skip
    try:
        output = _follow(process, log, started)
    finally:
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.terminate()
        status = process.wait()
        if sys.stderr.isatty():
            sys.stderr.write("\n")
    if status != 0:
        reason = explain(output, python=str(python), folder=log.parent)
        raise SetupError(f"the packages could not be installed: {reason} (pip's own words: {log})")
