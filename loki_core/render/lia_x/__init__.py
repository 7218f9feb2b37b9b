"""LIA-X as a renderer of performances."""
