"""`python -m intake.cli` is the same as `poststelle`."""

from intake.cli import main

main()
