"""What the diffusion network learns from: pictures with known coefficients."""
