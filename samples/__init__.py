"""Samples made by this project: a generator with fixed seeds and what it wrote (see README.md)."""
