"""What the renderers that draw with a diffusion network share: weights, settings, the square around the head, the loading."""
