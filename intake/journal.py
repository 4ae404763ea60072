"""The hash-chained audit log: one chain per tenant, written in the transaction of the change it tells of.

An entry is the RFC 8785 form of {v, tenant, seq, at, actor, action, subjects, old, new, prev}; its hash is the SHA-256
of exactly these bytes. It holds ids and hashes, never what a person wrote (safety.md 7). What `old` and `new` were is kept
beside the chain, which knows only the SHA-256 of salt and text: these rows can be deleted (`forget`), the chain holds, and
without the salt nobody can try out what they may have said. The one thing in the chain that leads to a person is the actor, the
login of a clerk: who wants it pseudonymous gives people signs instead of names.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import Connection

from intake.db import chain
from intake.db.core import Tx, parse_stamp, plain_values, stamp

VERSION = 1
GENESIS = "0" * 64
"""`prev` of the first entry of a chain."""
FORGOTTEN, RESTORED = "journal.forgotten", "journal.restored"
"""Actions: the values of one id were deleted; the installation was restored from a backup."""
LONGEST_SUBJECT = 64


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
class Values:
    """What the old and the new state were; None where the entry tells of none. Personal: show it with the subject's access."""

    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not whole: a closed kind, the id or hash it is about, a German sentence."""

    kind: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Head:
    """Kopf: number and hash of an entry as shown outside at `at`.

    `restored`: with it the operator said that everything published from this number on before was lost with a restore.
    """

    at: str
    tenant: str
    seq: int
    hash: str
    restored: bool = False


def record(tx: Tx, tenant: str, actor: str, action: str, *, subjects: Mapping[str, str],
           old: Mapping[str, Any] | None = None, new: Mapping[str, Any] | None = None) -> int:
    """Append an entry to the tenant's chain; returns its number (from 1, without gaps).

    `actor` is "service:…", "rule:…" or "clerk:…", `action` a closed word, `subjects` ids by kind ({"delivery": id}; ValueError
    for anything else). `old` and `new` may hold anything JSON can say; the entry holds only the salted hash of each. Other
    writers of the tenant wait until this transaction ends.
    """
    for subject in subjects.values():
        if len(subject) > LONGEST_SUBJECT or any(map(str.isspace, subject)):
            raise ValueError(f"the subject of a journal entry ({action}) is an id, not a text")
    seq, prev = chain.lock_head(tx, tenant, GENESIS)
    told = None
    if old is not None or new is not None:
        told = chain.Told(secrets.token_hex(16), _text(old), _text(new))
    data = canonical({
        "v": VERSION, "tenant": tenant, "seq": seq, "at": stamp(tx.now), "actor": actor, "action": action,
        "subjects": subjects, "old": told and fingerprint(told.salt, told.old),
        "new": told and fingerprint(told.salt, told.new), "prev": prev})
    chain.append(tx, tenant, seq, data.decode("utf-8"), hashlib.sha256(data).hexdigest(), list(subjects.values()), told)
    return seq


def forget(tx: Tx, tenant: str, actor: str, subject: str) -> int:
    """Delete what the old and new values of all entries about this id were; returns of how many entries.

    The entries stay, and one more says that their values were deleted (GDPR Art. 17). Irreversible.
    """
    deleted = chain.delete_values(tx, tenant, subject)
    record(tx, tenant, actor, FORGOTTEN, subjects={"forgotten": subject}, new={"entries": deleted})
    return deleted


def canonical(values: Mapping[str, Any]) -> bytes:
    """The RFC 8785 form (sorted keys, no blanks, UTF-8); times as `stamp`, enums by value."""
    return rfc8785.dumps(plain_values(values))


def _text(values: Mapping[str, Any] | None) -> str | None:
    return None if values is None else canonical(values).decode("utf-8")


def fingerprint(salt: str, text: str | None) -> str | None:
    """SHA-256 (hex) of the salt's hex digits and the text behind them; None for None."""
    return None if text is None else hashlib.sha256((salt + text).encode("utf-8")).hexdigest()


def entries(conn: Connection, tenant: str, subject: str | None = None) -> Iterator[Entry]:
    """The entries of a tenant in order; only those about the id `subject`, when given."""
    for _seq, text, digest in chain.rows(conn, tenant, subject):
        yield entry_from(json.loads(text), digest)


def values(conn: Connection, tenant: str, seqs: Collection[int]) -> dict[int, Values]:
    """What the entries of these numbers tell of, by number; one whose values were deleted, or never were, is not there."""
    return {seq: Values(_said(told.old), _said(told.new)) for seq, told in chain.values_of(conn, tenant, seqs).items()}


def _said(text: str | None) -> dict[str, Any] | None:
    return None if text is None else dict(json.loads(text))


def entry_from(said: Mapping[str, Any], digest: str) -> Entry:
    """An entry as it was hashed, read back."""
    return Entry(said["tenant"], said["seq"], parse_stamp(said["at"]), said["actor"], said["action"], said["subjects"],
                 said["old"], said["new"], said["prev"], digest)


def export(conn: Connection, tenant: str, *, with_values: bool = False) -> Iterator[str]:
    """The chain as JSON lines for `intake/pruefe_protokoll.py` and every auditor's own program; `with_values` is personal."""
    for seq, text, digest, told in chain.rows_with_values(conn, tenant):
        beside = told._asdict() if with_values and told is not None else {}
        yield json.dumps({"tenant": tenant, "seq": seq, "entry": text, "hash": digest, **beside}, ensure_ascii=False)


# ---- is it whole? ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Walk:
    """What a walk along the chain gathers for the questions that can only be answered at its end."""

    last: int = 0
    prev: str = GENESIS
    told: int = 0
    index: int = 0  # sum over (subject, number): the same for the same rows, in any order
    silent: list[tuple[int, frozenset[str]]] = field(default_factory=list)  # entries whose values are not there
    forgotten: dict[str, int] = field(default_factory=dict)
    restored: set[int] = field(default_factory=set)


def check(conn: Connection, tenant: str, heads: Sequence[Head] = (),
          visit: Callable[[Mapping[str, Any]], None] | None = None) -> list[Fault]:
    """Walk the whole chain of a tenant; [] when it is whole. `visit` is shown every entry that stands in its place.

    Found is every edit, deletion, insertion, exchange and cut tail that leaves the head row alone, values that are not the
    hashed ones or were deleted without a word, and an index that leads past entries. A chain rewritten together with its
    head is found by `heads`, which were published outside (in the order of their publication).
    """
    faults: list[Fault] = []
    walk, shown = _Walk(), _shown(heads, tenant)
    for seq, text, digest, told in chain.rows_with_values(conn, tenant):
        if seq != walk.last + 1:
            faults.append(_fault(tenant, f"Eintrag {walk.last + 1} fehlt, es folgt {seq}."))
        said = _continuing(text, tenant, seq, walk.prev)
        if hashlib.sha256(text.encode("utf-8")).hexdigest() != digest:
            faults.append(_fault(tenant, f"Eintrag {seq} wurde verändert."))
        elif said is None:
            faults.append(_fault(tenant, f"Eintrag {seq} gehört nicht an diese Stelle."))
        else:
            faults += _beside(walk, tenant, said, told)
            if visit is not None:
                visit(said)
        if not shown.get(seq, {digest}) <= {digest}:
            faults.append(_fault(tenant, f"Eintrag {seq} ist ein anderer als der veröffentlichte."))
        walk.last, walk.prev = seq, digest
    faults += _ends(conn, tenant, walk, heads, shown)
    return faults or list(_sides(conn, tenant, walk))  # what a broken chain says of others is worth nothing


def _continuing(text: str, tenant: str, seq: int, prev: str) -> dict[str, Any] | None:
    """The entry, when it is one of this chain at this place."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    fits = isinstance(said, dict) and (said.get("tenant"), said.get("seq"), said.get("prev")) == (tenant, seq, prev)
    return said if fits else None


def _beside(walk: _Walk, tenant: str, said: Mapping[str, Any], told: chain.Told | None) -> Iterator[Fault]:
    """Compare an entry with the values beside it, and note what it says of others."""
    seq, ids = said["seq"], frozenset(said["subjects"].values())
    for id in ids:
        walk.index += hash((id, seq))
    if said["action"] == FORGOTTEN:
        walk.forgotten.update(dict.fromkeys(ids, seq))
    elif said["action"] == RESTORED:
        walk.restored.add(seq)
    if told is not None:
        walk.told += 1
        if (fingerprint(told.salt, told.old), fingerprint(told.salt, told.new)) != (said["old"], said["new"]):
            yield _fault(tenant, f"Die Angaben neben Eintrag {seq} wurden verändert.")
    elif said["old"] is not None or said["new"] is not None:
        walk.silent.append((seq, ids))


def _ends(conn: Connection, tenant: str, walk: _Walk, heads: Sequence[Head], shown: Mapping[int, set[str]]) -> Iterator[Fault]:
    head = chain.head(conn, tenant) or (0, GENESIS)
    if head != (walk.last, walk.prev):
        yield _fault(tenant, f"Die Kette endet bei Eintrag {walk.last}, ihr Kopf steht bei {head[0]}.")
    if max(shown, default=0) > walk.last:
        why = " Wenn die Poststelle wiederhergestellt wurde: poststelle journal publish --restored" if walk.restored else ""
        yield _fault(tenant, f"Eintrag {max(shown)} wurde veröffentlicht und fehlt.{why}")
    for one in heads:
        if one.tenant == tenant and one.restored and one.seq not in walk.restored:
            yield _fault(tenant, f"Eintrag {one.seq} soll eine Wiederherstellung sein und ist keine.")


def _sides(conn: Connection, tenant: str, walk: _Walk) -> Iterator[Fault]:
    """The values and the index belong to just these entries."""
    for seq, ids in walk.silent:
        if not any(walk.forgotten.get(id, 0) > seq for id in ids):
            yield _fault(tenant, f"Die Angaben neben Eintrag {seq} fehlen; dass sie gelöscht wurden, steht nirgends.")
    if chain.count_values(conn, tenant) != walk.told:
        yield _fault(tenant, "Neben der Kette liegen Angaben, zu denen es keinen Eintrag gibt.")
    if sum(map(hash, chain.subjects(conn, tenant))) != walk.index:
        yield _fault(tenant, "Das Verzeichnis der Einträge je Schriftstück stimmt nicht mit der Kette überein.")


def _shown(heads: Sequence[Head], tenant: str) -> dict[int, set[str]]:
    """The published hashes that must stand in the chain, by number; a restore takes back what was published from there on."""
    shown: dict[int, set[str]] = {}
    for one in heads:
        if one.tenant == tenant:
            if one.restored:
                shown = {seq: hashes for seq, hashes in shown.items() if seq < one.seq}
            shown.setdefault(one.seq, set()).add(one.hash)
    return shown


def losses(heads: Sequence[Head], tenant: str) -> list[str]:
    """A German sentence on each restore after which published entries were lost; for everybody who checks the journal."""
    said, newest = [], 0
    for one in heads:
        if one.tenant == tenant:
            if one.restored:
                lost = f"Die Einträge {one.seq} bis {newest} gingen" if newest >= one.seq else "Kein Eintrag ging"
                said.append(f"Am {one.at[:10]} wurde aus einer Sicherung wiederhergestellt (Eintrag {one.seq}). "
                            f"{lost} dabei verloren.")
            newest = one.seq if one.restored else max(newest, one.seq)
    return said


def _fault(tenant: str, detail: str) -> Fault:
    return Fault("journal", tenant, detail)
