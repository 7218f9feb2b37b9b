"""Starting the studio: everything is built once here and handed down."""

from __future__ import annotations

import logging
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import torch

from app.autosave import RENDERS, Autosave
from app.example import furnish, load_example
from app.gpu import borrow_gpu
from app.languages import readings
from app.live import live_route
from app.panels.viewport import look
from app.recent import Recent
from app.server import Binder
from app.sessions import Sessions
from app.stage import Act, Limits, Sitter, Stage
from app.studio import build_studio, page_head
from app.theme import build_theme
from app.words import say
from loki_core.head.embedded import embedded_head
from loki_core.head.units import unit_basis
from loki_core.motion.presets import EXPRESSIONS, MOTIONS, list_presets, load_expression, load_motion_preset
from loki_core.render.frame_cache import FrameCache
from loki_core.render.kinds import DEFAULT_RENDERER
from loki_core.render.registry import Renderers

__all__ = ["load_stage", "serve"]

_log = logging.getLogger(__name__)
_WORKERS = 2
"""Renders and tracks at the same time, over all pages; others wait."""
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_MOST_FRAMES = 2_000_000_000
"""Bytes of finished frames on disk."""


def load_stage(executor: Executor, limits: Limits, frames: Path, own: Path | None = None) -> Stage:
    """Head, renderer and presets; finished frames lie in the folder `frames`, own expressions in `own` (None: nowhere).

    A preset that cannot be read is named in the log and left out.
    """
    head = embedded_head()
    renderers = Renderers(head)
    expressions, skipped = list_presets(EXPRESSIONS, load_expression)
    motions, skipped_motions = list_presets(MOTIONS, load_motion_preset)
    for problem in (*skipped, *skipped_motions):
        _log.warning(say("skipped_preset", reason=problem.reason))
    return Stage(
        head=head,
        units=unit_basis(head, head),
        renderer=renderers.get(DEFAULT_RENDERER),
        renderers=renderers,
        expressions={preset.name: preset for preset in expressions},
        motions={preset.name: Act(preset.label, preset, None) for preset in motions},
        limits=limits,
        executor=executor,
        frames=FrameCache(frames, _MOST_FRAMES),
        lent=borrow_gpu(renderers),
        own=own,
    )


def serve(
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    auth: tuple[str, str] | None = None,
    limits: Limits | None = None,
    kept: Path | None = None,
    opened: Callable[[str], None] = lambda url: None,
    wait: Callable[[], object] | None = None,
) -> None:
    """Serve the studio until `wait` returns or raises (None: until Ctrl-C).

    `opened` is called with the address once the page can be opened. `port` None: the first free one from 7860.
    Nothing is shared beyond `host`, nothing is asked of the network. `kept`: the folder in which work is kept against loss; None:
    nothing outlives its page. Own expressions lie there too, but only where all pages are this machine's own.
    """
    limits = limits or Limits()
    sys.setswitchinterval(0.001)  # seconds: an answer does not wait long for a thread that draws
    torch.set_num_threads(1)  # pictures are drawn side by side, a thread each; torch's own would fight over the cores
    with tempfile.TemporaryDirectory(prefix="loki-studio-") as folder, ThreadPoolExecutor(_WORKERS) as executor:
        own = kept / "expressions" if kept is not None and host in _THIS_MACHINE else None
        stage = load_stage(executor, limits, (kept or Path(folder)) / "frames", own)
        example = _once(lambda: load_example(stage))
        sessions = Sessions(stage, Path(folder), lambda session: furnish(example(), session))
        autosave = Autosave(kept, sessions)
        recent = Recent(None if kept is None else kept / "recent")
        compose = partial(build_studio, stage, sessions, autosave, recent)
        page = compose()
        _, url, _ = page.launch(
            server_name=host,
            server_port=port,
            auth=auth,
            share=False,
            inbrowser=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            footer_links=[],
            theme=build_theme(),
            head=page_head(readings(page, compose)),
            allowed_paths=[folder] if kept is None else [folder, str(kept / RENDERS)],
            app_kwargs={"routes": [live_route(Binder(sessions)(look))]},
            max_file_size=f"{limits.upload_megabytes}mb",
        )
        try:
            autosave.start()
            executor.submit(example)  # ready by the time a browser has drawn the page
            opened(url)
            (wait or threading.Event().wait)()
        finally:
            autosave.stop()
            sessions.close_all()
            page.close(verbose=False)


def _once(load: Callable[[], Sitter]) -> Callable[[], Sitter]:
    """What `load` gives, loaded by whoever asks first; others wait."""
    lock, loaded = threading.Lock(), cache(load)

    def get() -> Sitter:
        with lock:
            return loaded()

    return get
