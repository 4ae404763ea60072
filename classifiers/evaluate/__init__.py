"""Measuring what is learnt, on files of anyone: `python -m classifiers.evaluate boundary|filing|plan|fewshot ...`."""
