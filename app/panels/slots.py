"""Where pose and expression come from: a part of the layers' panel, and what is offered when a second clip is there."""

from __future__ import annotations

from html import escape

from app.widgets.icons import icon_button
from app.words import say
from loki_core.timeline.slots import SIDES

__all__ = ["offer_part", "slots_part"]


def slots_part() -> str:
    """The switch, and a list for each of the two, which the script fills."""
    switch = "".join(
        f"""<label title="{_quoted(f"slot_{sides}_help")}"><input type="radio" name="ls-slots" value="{sides}">
        <span>{say(f"slot_{sides}_only" if sides in SIDES else "slot_both")}</span></label>"""
        for sides in ("both", *reversed(SIDES))
    )
    return f"""<section class="slots" data-for="source">
      <h2 title="{_quoted("slot_help")}">{say("slot_title")}</h2>
      <div class="switch" role="radiogroup" aria-label="{_quoted("slot_title")}">{switch}</div>
      {"".join(map(_slot, SIDES))}
    </section>"""


def _slot(side: str) -> str:
    return f"""<label title="{_quoted(f"slot_{side}_from_help")}"><span>{say(f"slot_{side}_from")}</span>
      <select data-slot="{side}"></select></label>"""


def offer_part() -> str:
    """What a clip may be used for while another moves the portrait; hidden while there is none."""
    uses = "".join(
        f"""<button type="button" class="plain" data-use="{use}" title="{_quoted(f"slot_use_{use}_help")}">
        {say(f"slot_use_{use}")}</button>"""
        for use in ("expression", "pose", "layer", "instead")
    )
    return f"""<div class="offer" data-part="offer" role="group" aria-label="{_quoted("slot_offer_label")}" hidden>
      <span data-part="offer-words" role="status"></span>
      {icon_button("close", "slot_offer_close")}{uses}</div>"""


def _quoted(key: str) -> str:
    return escape(say(key), quote=True)
