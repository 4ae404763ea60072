"""Learning from files of reviewed documents: `python -m classifiers.train boundary|filing ...`. Reads no database."""
