"""The upkeep of the search index: what changed is indexed again, durably, and nothing can be forgotten."""
