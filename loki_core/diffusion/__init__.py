"""Loki: a diffusion network that draws a portrait from driver maps."""
