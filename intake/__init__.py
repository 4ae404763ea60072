"""Poststelle: the digital mailroom for municipalities. README.md holds the map of the rooms."""

__version__ = "0.1.0"
