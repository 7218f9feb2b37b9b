"""Which renderers there are: what each is called, what it is good for, under which licence, and what can be set.

Standard library only, as `settings`; what builds them is in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from loki_core.errors import InputError
from loki_core.render.dex.options import DEX_SETTINGS
from loki_core.render.dex.weights import lacking_dex
from loki_core.render.loki.options import LOKI_SETTINGS
from loki_core.render.loki.weights import lacking_loki
from loki_core.render.settings import Setting, SettingValue, stored

__all__ = ["DEFAULT_RENDERER", "RENDERERS", "RendererKind", "check_choice", "renderer_kind"]

DEFAULT_RENDERER = "warp"


@dataclass(frozen=True)
class RendererKind:
    """A renderer as it is offered."""

    key: str
    label: str
    help: str
    """A sentence: how it works and what it is good for."""
    licence: str
    """A sentence: of its weights, where it has any."""
    settings: tuple[Setting, ...] = ()
    lacking: Callable[[Mapping[str, SettingValue]], str | None] = lambda values: None
    """For a value of each setting: what is missing on this machine and what to do about it, a sentence; None: nothing."""


def _lacks_lia_x(values: Mapping[str, SettingValue]) -> str | None:
    from loki_core.weights import find_weights, weights_folder  # not the standard library alone

    folder = weights_folder()
    if find_weights("lia-x", folder) is not None:
        return None
    return (
        f"expected the LIA-X weights in '{folder}', found none; download lia-x.pt from huggingface.co/YaohuiW/LIA-X "
        "(research and evaluation only) and run: python launch.py weights lia-x --put lia-x.pt"
    )


_OWN_WEIGHTS = "Weights that come with the project: its own licence, trained on its own synthetic portraits."

RENDERERS: Mapping[str, RendererKind] = MappingProxyType(
    {
        kind.key: kind
        for kind in (
            RendererKind(
                key="warp",
                label="Warp",
                help="Moves the portrait's own pixels with the head mesh: fast and sharp; what was never seen is drawn simply.",
                licence="No weights: nothing to license.",
            ),
            RendererKind(
                key="loki",
                label="Loki (diffusion)",
                help="A diffusion network draws the head from the driver map, the warp what is around it. Slow.",
                licence=_OWN_WEIGHTS,
                settings=LOKI_SETTINGS,
                lacking=lacking_loki,
            ),
            RendererKind(
                key="dex",
                label="DeX-Portrait (diffusion)",
                help="A diffusion network draws the head from its pose in six numbers and a latent of its expression. Slow.",
                licence=_OWN_WEIGHTS,
                settings=DEX_SETTINGS,
                lacking=lacking_dex,
            ),
            RendererKind(
                key="lia-x",
                label="LIA-X",
                help="Redraws the head by a latent network: with the driver's motion and edits of the network's directions.",
                licence="Its weights are for research and evaluation only, no commercial use, and do not come with the studio.",
                settings=(
                    Setting(
                        "drive",
                        "Driven by",
                        "choice",
                        "performance",
                        choices=(("performance", "The edited performance"), ("clip", "The clip itself")),
                        help="The warped portrait with all edits, or the pictures of the driver's clip as they are.",
                    ),
                    Setting(
                        "motion",
                        "Motion",
                        "choice",
                        "relative",
                        choices=(("relative", "From the first frame on"), ("absolute", "As the driver has it")),
                        help="What changes from the driver's first frame, added to the portrait; or the driver's own pose.",
                    ),
                    Setting(
                        "stretch",
                        "Stretch contrast",
                        "switch",
                        False,
                        help="Brings the darkest value of the clip to black, the lightest to white, as its authors do.",
                    ),
                ),
                lacking=_lacks_lia_x,
            ),
        )
    }
)
"""By key, in the order in which they are offered."""


def renderer_kind(key: str) -> RendererKind:
    """The renderer called `key`. Raises `InputError` for a name that is none."""
    if key not in RENDERERS:
        raise InputError(f"expected a renderer ({', '.join(RENDERERS)}), got '{key:.40}'; choose one of these")
    return RENDERERS[key]


def check_choice(key: str, settings: tuple[tuple[str, SettingValue], ...]) -> None:
    """Raise `InputError` unless these are settings of that renderer, as `stored` keeps them."""
    kind = renderer_kind(key)
    if stored(kind.settings, dict(settings)) != settings:
        raise InputError("expected settings of a renderer in order, each once, and none at its default; use another copy")
