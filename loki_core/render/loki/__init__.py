"""The `loki` renderer: a diffusion network draws the head from driver maps."""
