"""Words for comparing: what a text is found by, made once in Python for every database. Pure."""
