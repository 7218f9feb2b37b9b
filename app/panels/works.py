"""What can be opened: templates to begin with, and the projects that were saved or opened last."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from html import escape

from app.material import stamp_of
from app.pictures import draw_small
from app.projects import open_in, project_of
from app.recent import Recent
from app.report import report_library, report_studio
from app.requests import Reply, Request, text
from app.server import Handle
from app.sessions import Session
from app.stage import Stage, data_url
from app.words import name_in, say
from loki_core.errors import InputError
from loki_core.motion.presets import list_presets
from loki_core.project.document import read_project
from loki_core.project.templates import TEMPLATES, Template, begin_with, load_template

__all__ = ["Templates", "load_templates", "menu", "work_handlers"]

Templates = Mapping[str, Template]
"""By the name of their file."""
_LONGEST = 120
"""Letters of a name that is kept."""

_log = logging.getLogger(__name__)


def load_templates(stage: Stage) -> Templates:
    """Those of presets/templates; one that cannot be read is named in the log and left out."""
    templates, problems = list_presets(TEMPLATES, lambda path: (path.stem, load_template(path, stage.motions)))
    for problem in problems:
        _log.warning(say("skipped_preset", reason=problem.reason))
    return dict(templates)


def menu(templates: Templates) -> str:
    """What the button to open leads to, as markup; the script fills in what is recent."""
    starts = "".join(
        f"""<button type="button" data-template="{name}"><b>{escape(name_in(template.label))}</b>
        <span>{escape(name_in(template.help))}</span></button>"""
        for name, template in templates.items()
    )
    return f"""
    <div data-part="works" role="dialog" aria-label="{say("works")}" hidden>
      <button type="button" class="plain" data-do="choose">{say("works_choose")}</button>
      <h2>{say("works_begin")}</h2><div class="starts">{starts}</div>
      <h2 data-part="recent-title" hidden>{say("works_recent")}</h2><div data-part="recent"></div>
    </div>"""


def work_handlers(templates: Templates, recent: Recent) -> tuple[Handle, ...]:
    """To begin with a template, to keep the present work among the recent ones, to list those, and to open one."""

    def begin_template(session: Session, request: Request) -> Reply:
        template = templates.get(text(request, "name"))
        if template is None:
            raise InputError(say("bad_request"))
        session.change(lambda state: begin_with(template, state))
        return {"library": report_library(session), "studio": report_studio(session)}

    def keep_recent(session: Session, request: Request) -> Reply:
        state, name = session.state, text(request, "name")[:_LONGEST]
        if state.portrait:
            picture = data_url(draw_small(session, state, stamp_of(session, state.portrait)))
            recent.add(text(request, "key"), session.folder.name, name, project_of(session, state), picture)
        return {}

    def recent_works(session: Session, request: Request) -> Reply:
        works = recent.list(text(request, "key"))
        return {"works": [{"id": w.id, "name": w.name, "minutes": round(w.seconds / 60), "picture": w.picture} for w in works]}

    def open_recent(session: Session, request: Request) -> Reply:
        open_in(session, read_project(recent.find(text(request, "key"), text(request, "id")), session.stage.head.id))
        return {"library": report_library(session), "studio": report_studio(session)}

    return begin_template, keep_recent, recent_works, open_recent
