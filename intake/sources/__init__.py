"""Doors through which deliveries come: one file each, found by name in poststelle.toml."""
