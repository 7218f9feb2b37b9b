"""What can be set of the `loki` renderer. Standard library only."""

from __future__ import annotations

from loki_core.render.diffused.options import DIFFUSED_SETTINGS
from loki_core.render.loki.weights import PRESET_LABELS
from loki_core.render.settings import Setting

__all__ = ["LOKI_SETTINGS"]

LOKI_SETTINGS = (
    Setting(
        "preset",
        "Network",
        "choice",
        "mini",
        choices=tuple(PRESET_LABELS.items()),
        help="Which network draws. Each needs weights of its own; sd21 a CUDA GPU as well.",
    ),
    *DIFFUSED_SETTINGS,
    Setting(
        "offload",
        "Spare the GPU's memory",
        "switch",
        False,
        help="For sd21 on a CUDA GPU: what is not at work waits in main memory. Slower, the same pictures.",
        rare=True,
    ),
    Setting(
        "compiled",
        "Compile first",
        "switch",
        False,
        help="For sd21 on a CUDA GPU: the first frames come minutes later, the others faster.",
        rare=True,
    ),
)
