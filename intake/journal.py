"""The hash-chained audit log: one chain per tenant, written in the transaction of the change it tells of.

An entry is the RFC 8785 form of {v, tenant, seq, at, actor, action, subjects, old, new, prev}; its hash is the SHA-256
of exactly these bytes. It holds ids and hashes, never what a person wrote, so that deleting personal data does not
break the chain (safety.md 7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import Connection

from intake.db import chain
from intake.db.core import Tx, parse_stamp, plain_values, stamp

VERSION = 1
GENESIS = "0" * 64
"""`prev` of the first entry of a chain."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as read back. `old` and `new` are hashes (or None), `hash` is the entry's own."""

    tenant: str
    seq: int
    at: datetime
    actor: str
    action: str
    subjects: Mapping[str, str]
    old: str | None
    new: str | None
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not whole: a closed kind, the id or hash it is about, a German sentence."""

    kind: str
    subject: str
    detail: str


def record(tx: Tx, tenant: str, actor: str, action: str, *, subjects: Mapping[str, str],
           old: Mapping[str, Any] | None = None, new: Mapping[str, Any] | None = None) -> int:
    """Append an entry to the tenant's chain; returns its number (from 1, without gaps).

    `actor` is "service:…", "rule:…" or "clerk:…", `action` a closed word, `subjects` ids by kind ({"delivery": id}).
    `old` and `new` may hold anything JSON can say; only the hash of each is written. Other writers of the tenant wait
    until this transaction ends.
    """
    seq, prev = chain.lock_head(tx, tenant, GENESIS)
    data = canonical({
        "v": VERSION, "tenant": tenant, "seq": seq, "at": stamp(tx.now), "actor": actor, "action": action,
        "subjects": subjects, "old": fingerprint(old), "new": fingerprint(new), "prev": prev})
    chain.append(tx, tenant, seq, data.decode("utf-8"), hashlib.sha256(data).hexdigest(), list(subjects.values()))
    return seq


def canonical(values: Mapping[str, Any]) -> bytes:
    """The RFC 8785 form (sorted keys, no blanks, UTF-8); times as `stamp`, enums by value."""
    return rfc8785.dumps(plain_values(values))


def fingerprint(values: Mapping[str, Any] | None) -> str | None:
    """SHA-256 (hex) of the RFC 8785 form of `values`; None for None."""
    return None if values is None else hashlib.sha256(canonical(values)).hexdigest()


def entries(conn: Connection, tenant: str, subject: str | None = None) -> Iterator[Entry]:
    """The entries of a tenant in order; only those about the id `subject`, when given."""
    for _seq, text, digest in chain.rows(conn, tenant, subject):
        yield _entry(json.loads(text), digest)


def _entry(said: Mapping[str, Any], digest: str) -> Entry:
    return Entry(said["tenant"], said["seq"], parse_stamp(said["at"]), said["actor"], said["action"], said["subjects"],
                 said["old"], said["new"], said["prev"], digest)


def check(conn: Connection, tenant: str, published: tuple[int, str] | None = None) -> list[Fault]:
    """Walk the whole chain of a tenant; [] when it is whole.

    Found is every edit, deletion, insertion, exchange and cut tail that leaves the head row alone; a chain rewritten
    together with its head is found by `published`, a (number, hash) that was shown outside before.
    """
    faults: list[Fault] = []
    last, prev = 0, GENESIS
    for seq, text, digest in chain.rows(conn, tenant):
        if seq != last + 1:
            faults.append(_fault(tenant, f"Eintrag {last + 1} fehlt, es folgt {seq}."))
        if hashlib.sha256(text.encode("utf-8")).hexdigest() != digest:
            faults.append(_fault(tenant, f"Eintrag {seq} wurde verändert."))
        elif not _continues(text, tenant, seq, prev):
            faults.append(_fault(tenant, f"Eintrag {seq} gehört nicht an diese Stelle."))
        if published is not None and published[0] == seq and published[1] != digest:
            faults.append(_fault(tenant, f"Eintrag {seq} ist ein anderer als der veröffentlichte."))
        last, prev = seq, digest
    head = chain.head(conn, tenant) or (0, GENESIS)
    if head != (last, prev):
        faults.append(_fault(tenant, f"Die Kette endet bei Eintrag {last}, ihr Kopf steht bei {head[0]}."))
    if published is not None and published[0] > last:
        faults.append(_fault(tenant, f"Eintrag {published[0]} wurde veröffentlicht und fehlt."))
    return faults


def _continues(text: str, tenant: str, seq: int, prev: str) -> bool:
    try:
        said = json.loads(text)
    except ValueError:
        return False
    return isinstance(said, dict) and (said.get("tenant"), said.get("seq"), said.get("prev")) == (tenant, seq, prev)


def _fault(tenant: str, detail: str) -> Fault:
    return Fault("journal", tenant, detail)
