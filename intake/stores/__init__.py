"""Stores: where a decided document is put. Plug-ins; each keeps `vocabulary.Store`."""
