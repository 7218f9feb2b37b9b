"""Loki Studio's two faces, the page and the command line. Knows no mathematics: that is `loki_core`."""
