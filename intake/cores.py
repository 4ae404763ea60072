"""Who gets a core of this machine next: post before old files, old files in their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Cores:
    """The cores of this machine: so many steps at once. Post goes before old files, whose long reading would keep it waiting; but
    while both wait, every so many steps of post one of an old file has its turn."""

    def __init__(self, number: int, post_share: int) -> None:
        self._free, self._share, self._row = number, post_share, 0
        self._waiting = {"post": 0, "backfile": 0}
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, lane: str) -> Iterator[None]:
        """One core, as long as this holds."""
        here = "post" if lane == "post" else "backfile"
        with self._changed:
            self._waiting[here] += 1
            self._changed.wait_for(lambda: self._free > 0 and self._next(here))
            self._waiting[here] -= 1
            self._free -= 1
            self._row = self._row + 1 if here == "post" and self._waiting["backfile"] else 0
            self._changed.notify_all()  # who waits may have become next
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _next(self, lane: str) -> bool:
        other = self._waiting["backfile" if lane == "post" else "post"]
        return not other or (self._row < self._share) == (lane == "post")
