"""DeX-Portrait: explicit pose and latent expression, learned apart and drawn by a diffusion network."""
