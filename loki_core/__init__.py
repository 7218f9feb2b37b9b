"""The core of Loki Studio: heads, motion, driver maps, tracking and rendering. Imports without gradio."""
