"""The texts of DKIM keys from the DNS: the only file that names a resolver. Bounded in time, and quiet when nobody answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.resolver

SECONDS = 4.0
"""For all keys of one message."""
MOST, LONGEST = 5, 4_000
REST, PATIENCE = 300.0, 3
"""Seconds without a question after so many were not answered in turn: a network that is away must not slow down the mail."""


@dataclass(slots=True)
class DnsKeys:
    """Asks the resolver of this machine, or `server` (address, port)."""

    server: tuple[str, int] | None = None
    clock: Callable[[], float] = time.monotonic
    _quiet_until: float = 0.0
    _unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def texts(self, names: Sequence[str]) -> dict[str, str | None]:
        """The text of each key by its name; "" where there is none, None where nobody answered (in time)."""
        found: dict[str, str | None] = dict.fromkeys(names)
        end = self.clock() + SECONDS
        for name in names[:MOST]:
            left = end - self.clock()
            if left <= 0 or self.clock() < self._quiet_until:
                break
            found[name] = self._text(name, left)
        return found

    def _text(self, name: str, seconds: float) -> str | None:
        resolver = dns.resolver.Resolver(configure=self.server is None)
        if self.server is not None:
            resolver.nameservers, resolver.port = [self.server[0]], self.server[1]
        try:
            answer = [b"".join(one.strings) for one in resolver.resolve(name, "TXT", lifetime=seconds, search=False)]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            answer = []
        except dns.exception.Timeout:
            self._answered(False)
            return None
        except (dns.exception.DNSException, OSError):  # refused, no network, a name that cannot be asked for
            return None
        self._answered(True)
        return next((text.decode("ascii", "replace")[:LONGEST] for text in answer if b"p=" in text), "")

    def _answered(self, answered: bool) -> None:
        with self._lock:
            self._unanswered = 0 if answered else self._unanswered + 1
            if self._unanswered >= PATIENCE:
                self._unanswered, self._quiet_until = 0, self.clock() + REST
