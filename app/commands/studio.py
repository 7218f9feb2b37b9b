"""No command: the studio."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING

from app.commands.options import Parser
from app.desktop import check_desktop, show_window
from loki_core.errors import InputError

if TYPE_CHECKING:
    from app.stage import Limits  # imports packages that the commands' parser must do without

__all__ = ["configure", "run"]


def configure(parser: Parser) -> None:
    """Add the studio's options to the main parser."""
    group = parser.add_argument_group("the studio")
    group.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only; on a Space 0.0.0.0)")
    group.add_argument("--port", type=int, help="port (default: the first free one from 7860)")
    group.add_argument(
        "--desktop", action="store_true", help="open in a window of its own, which needs pywebview; closing it ends the studio"
    )
    group.add_argument("--user", help="name that the page asks for; needs --password (default: LOKI_USER)")
    group.add_argument("--password", help="password that the page asks for; needs --user (default: LOKI_PASSWORD)")
    parser.set_defaults(run=run, needs_packages=True, debug=False)


def default_host() -> str:
    """All addresses inside a Hugging Face Space, whose own server stands before it; elsewhere this machine alone."""
    return "0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1"


def kept_folder() -> Path | None:
    """Where work is kept while it is made: among the user's own data. Nowhere in a Space, whose users are strangers."""
    from platformdirs import user_data_path

    return None if "SPACE_ID" in os.environ else user_data_path("loki-studio") / "work"


def credentials(user: str | None, password: str | None) -> tuple[str, str] | None:
    """Name and password together, or neither; what is not given is taken from LOKI_USER and LOKI_PASSWORD."""
    user, password = user or os.environ.get("LOKI_USER"), password or os.environ.get("LOKI_PASSWORD")
    if (user is None) != (password is None):
        raise InputError("expected --user and --password together, got one of them; add the other")
    return None if user is None or password is None else (user, password)


def _limits() -> Limits:
    """Smaller in a Space, where strangers share one machine."""
    from app.stage import Limits

    return Limits(upload_megabytes=100, clip_seconds=60, pages=24) if "SPACE_ID" in os.environ else Limits()


def check_port(host: str, port: int) -> None:
    """Refuse a port that cannot be had before anything is loaded."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as exc:
            raise InputError(f"cannot listen on {host}:{port} ({exc}); choose another: --port {port % 60000 + 1}") from exc


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or until its window is closed."""
    host = arguments.host or default_host()
    auth = credentials(arguments.user, arguments.password)
    if arguments.port is not None:
        check_port(host, arguments.port)
    if arguments.desktop:
        check_desktop()
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # gradio asks the network for its newest version otherwise
    from app.serve import serve

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))  # unwind as at Ctrl-C, so that no session leaves files
    address, kept = Queue[str](), kept_folder()
    window = None if kept is None else kept.with_name("window")
    wait = partial(_show, address, window) if arguments.desktop else None
    with suppress(KeyboardInterrupt):  # the usual way to end it
        serve(host, arguments.port, auth=auth, limits=_limits(), kept=kept, opened=partial(announce, address), wait=wait)
    return 0


def announce(address: Queue[str], url: str) -> None:
    """Say where the page is."""
    print(f"Loki Studio: {url}  (Ctrl-C ends it)", flush=True)
    address.put(url)


def _show(address: Queue[str], kept: Path | None) -> None:
    show_window(address.get(), kept)
