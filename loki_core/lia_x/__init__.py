"""LIA-X: a latent portrait animator with an interpretable dictionary of motion (arXiv 2508.09959), under its released names."""
