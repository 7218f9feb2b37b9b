"""The `dex` renderer: a diffusion network draws the head from an explicit pose and a latent expression."""
