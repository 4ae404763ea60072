"""Choose what to learn; each model is a module of this package with `main(arguments) -> exit code`."""

from __future__ import annotations

import sys
from importlib import import_module

WHAT = ("boundary", "filing", "signs", "stampday")


def main(arguments: list[str]) -> int:
    """Learn what is named first; 2 and a line of help when there is none of that name."""
    if not arguments or arguments[0] not in WHAT:
        sys.stderr.write(f"usage: python -m classifiers.train {{{','.join(WHAT)}}} ... (each with --help)\n")
        return 2
    code = import_module(f"classifiers.train.{arguments[0]}").main(arguments[1:])
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
