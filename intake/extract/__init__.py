"""Extractors: pure functions from what was read to proposals, each with the words on the page that carry it."""
