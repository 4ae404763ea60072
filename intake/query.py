"""The question of a search as people type it, taken apart. Pure."""
