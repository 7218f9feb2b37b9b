"""What can be set of the `loki` renderer. Standard library only."""

from __future__ import annotations

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
    Setting(
        "detail",
        "Detail from the warp",
        "number",
        1.0,
        step=0.05,
        help="What is finer than the network's pixels comes from the warp by this share. 0: the network alone.",
    ),
    Setting(
        "area",
        "Drawn by the network",
        "choice",
        "head",
        choices=(("head", "The head"), ("square", "Its square")),
        help="The head with a little around it, or the whole square that the network sees; the warp draws the rest.",
    ),
    Setting(
        "steps",
        "Steps",
        "whole",
        20,
        minimum=1,
        maximum=200,
        help="Of denoising. More take longer and change little beyond some 30.",
    ),
    Setting(
        "guidance_motion",
        "Follow the motion",
        "number",
        2.0,
        minimum=1.0,
        maximum=6.0,
        step=0.1,
        help="Guidance: how strongly the driver map pushes. 1: not beyond what was learnt.",
        rare=True,
    ),
    Setting(
        "guidance_identity",
        "Keep the person",
        "number",
        2.0,
        minimum=1.0,
        maximum=6.0,
        step=0.1,
        help="Guidance: how strongly the portrait pushes. Quickest where it equals the motion's.",
        rare=True,
    ),
    Setting(
        "progressive",
        "Pose first (steps)",
        "whole",
        0,
        maximum=50,
        help="Steps that follow the head's pose alone before expression fades in over as many. 0: both from the start.",
        rare=True,
    ),
    Setting("seed", "Seed", "whole", 0, maximum=9999, help="Another number draws another version."),
    Setting(
        "window",
        "Frames at once",
        "whole",
        16,
        minimum=2,
        maximum=16,
        help="Frames that are drawn together. Fewer take less memory, and frames agree less.",
        rare=True,
    ),
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
