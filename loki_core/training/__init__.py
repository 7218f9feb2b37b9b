"""Training of the diffusion network."""
