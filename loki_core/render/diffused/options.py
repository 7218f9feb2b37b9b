"""What can be set of every renderer that draws with a diffusion network. Standard library only."""

from __future__ import annotations

from loki_core.render.settings import Setting

__all__ = ["DIFFUSED_SETTINGS"]

DIFFUSED_SETTINGS = (
    Setting(
        "detail",
        "Detail from the warp",
        "number",
        1.0,
        step=0.05,
        help="What is finer than the network's pixels comes from the warp by this share. 0: the network alone.",
    ),
    Setting(
        "likeness",
        "Likeness from the warp",
        "number",
        1.0,
        step=0.05,
        help="What the network gets wrong in the portrait itself is put right, moved along by the warp. 0: nothing is.",
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
        10,
        minimum=1,
        maximum=200,
        help="Of denoising. More take longer; small networks gain nothing by them, sd21 was made for 50.",
    ),
    Setting(
        "guidance_motion",
        "Follow the motion",
        "number",
        1.5,
        minimum=1.0,
        maximum=6.0,
        step=0.1,
        help="Guidance: how strongly the motion pushes. 1: not beyond what was learnt.",
        rare=True,
    ),
    Setting(
        "guidance_identity",
        "Keep the person",
        "number",
        1.5,
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
)
