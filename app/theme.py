"""One look for Gradio's parts and ours: neutral greys and one accent, light and dark, fonts that every system has."""

from __future__ import annotations

import gradio as gr
from gradio.themes.utils import colors, sizes

__all__ = ["build_theme"]

_ACCENT = colors.Color(
    name="slate-blue",
    c50="#eef3fb", c100="#dbe6f7", c200="#b9cef0", c300="#8fb0e6", c400="#6b95dc", c500="#4a7ccf",
    c600="#3766b8", c700="#2c5299", c800="#26447c", c900="#223a66", c950="#172644",
)  # fmt: skip
_GREY = colors.Color(
    name="grey",
    c50="#f7f7f8", c100="#eeeef0", c200="#dedfe2", c300="#c5c7cb", c400="#989ba1", c500="#6b6e75",
    c600="#4f5258", c700="#3a3c41", c800="#2a2c30", c900="#1f2023", c950="#161719",
)  # fmt: skip


def build_theme() -> gr.themes.Base:
    """The theme; nothing in it is fetched from the network."""
    theme = gr.themes.Base(
        primary_hue=_ACCENT,
        secondary_hue=_ACCENT,
        neutral_hue=_GREY,
        text_size=sizes.text_sm,
        spacing_size=sizes.spacing_sm,
        radius_size=sizes.radius_sm,
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
    return theme.set(
        body_background_fill="*neutral_100",
        body_background_fill_dark="*neutral_950",
        background_fill_secondary="white",
        background_fill_secondary_dark="*neutral_900",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        color_accent="*primary_600",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_950",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        error_text_color="#b3261e",
        error_text_color_dark="#f2918a",
    )
