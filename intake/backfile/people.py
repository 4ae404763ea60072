"""What persons decide about a batch: pause and go on, a word on each difference, closing. Each verb is one transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import Connection

from intake.backfile import rescans
from intake.db import batches as lose
from intake.db import differences as abweichungen
from intake.db.batches import Batch, Numbers
from intake.db.core import Database, Tx
from intake.db.differences import Difference
from intake.errors import Refused
from intake.journal import record
from intake.vocabulary import DocumentState

DECISIONS: Mapping[str, str] = {
    "accepted": "so in Ordnung",
    "ordered": "nachgefordert, wird ersetzt",
    "same": "dasselbe Blatt, eines gilt",
    "different": "kein Fehler, verschiedene Blätter",
    "dropped": "dasselbe Blatt, die zweite Seite wird ausgesondert",
    "lost": "endgültig nicht vorhanden",
    "same_case": "derselbe Vorgang, einer gilt",
    "other_case": "kein Fehler, verschiedene Vorgänge",
}
"""The closed list of words on a difference."""
FORBIDDEN = frozenset({"ledger"})
"""Kinds that no word settles: they end when the fault has ended."""


def pause(tx: Tx, batch: Batch, by: str) -> Batch:
    """Let the batch rest: nothing more is taken, read or filed of it; what runs is finished. Raises Refused, Stale."""
    if batch.state != lose.OPEN:
        raise Refused(f"Der Stapel „{batch.name}“ läuft nicht.")
    moved = lose.set_state(tx, batch, lose.PAUSED)
    rows = lose.hold_back(tx, batch, held=True)
    record(tx, batch.tenant, by, "batch.paused", subjects={"batch": batch.id}, new={"held": rows})
    return moved


def resume(tx: Tx, batch: Batch, by: str) -> Batch:
    """Let a batch go on; files that were away are looked for again. Raises Refused (it is closed), Stale."""
    if batch.state == lose.CLOSED:
        raise Refused(f"Der Stapel „{batch.name}“ ist abgeschlossen.")
    moved = lose.set_state(tx, batch, lose.OPEN) if batch.state != lose.OPEN else batch
    lose.wait_again(tx, batch)
    rows = lose.hold_back(tx, batch, held=False)
    if batch.state != lose.OPEN:
        record(tx, batch.tenant, by, "batch.resumed", subjects={"batch": batch.id}, new={"held": rows})
    return moved


def decide(tx: Tx, batch: Batch, difference: Difference, decision: str, note: str, by: str) -> None:
    """A person's word on a difference. Raises Refused for a word that is not one of `DECISIONS` or not allowed, Stale."""
    if decision not in DECISIONS:
        words = ", ".join(f"{name} ({title})" for name, title in DECISIONS.items())
        raise Refused(f"„{decision}“ ist keine Entscheidung. Möglich sind: {words}.")
    if difference.kind in FORBIDDEN:
        raise Refused("Diese Abweichung lässt sich nicht abhaken; sie verschwindet, wenn der Fehler behoben ist.")
    if decision == "dropped":
        _drop(tx, batch, difference, by)
    abweichungen.decide(tx, difference, decision, note.strip(), by)
    record(tx, batch.tenant, by, "batch.difference_decided", subjects={"batch": batch.id},
           new={"kind": difference.kind, "subject": difference.subject, "decision": decision, "note": note.strip()})


def decisions_on(kind: str) -> Mapping[str, str]:
    """The words that fit a kind of difference."""
    if kind == "alike":
        return {word: DECISIONS[word] for word in ("same_case", "other_case", "accepted")}
    return {word: title for word, title in DECISIONS.items()
            if word not in ("same_case", "other_case") and (word != "dropped" or kind == "double")}


def _drop(tx: Tx, batch: Batch, difference: Difference, by: str) -> None:
    """Set the second page of a double aside; the subject of the difference says which it is (`balance`)."""
    found = re.fullmatch(r"(.+?)(?:, Teil (\d+))?, Seite (\d+)", difference.subject)
    if difference.kind != "double" or found is None:
        raise Refused("Ausgesondert werden nur Seiten, die doppelt sind. Wählen Sie eine andere Entscheidung.")
    items = lose.items_ending(tx.connection, batch.id, found[1])
    if len(items) != 1:
        raise Refused(f"„{found[1]}“ heißen {len(items)} Dateien dieses Stapels. Sondern Sie die Seite in der Prüfung aus.")
    rescans.set_double_aside(tx, batch, items[0], (int(found[2] or 0), int(found[3])), by)


def obstacles(db: Database, batch: Batch) -> list[str]:
    """Why a batch cannot be closed yet, as German sentences; [] when it can. Reconcile before asking."""
    with db.read() as conn:
        return obstacles_in(conn, batch, lose.numbers(conn, batch))


def obstacles_in(conn: Connection, batch: Batch, numbers: Numbers) -> list[str]:
    """The same for numbers that were counted."""
    left = lose.backlog(conn, batch)
    ended = (DocumentState.FILED, DocumentState.SUPERSEDED, DocumentState.REJECTED)
    open_documents = sum(number for state, number in numbers.documents.items() if state not in ended)
    sentences = [
        (numbers.waiting, f"Noch nicht aufgenommen: {_count(numbers.waiting, 'Datei', 'Dateien')}."),
        (left, f"Noch nicht gelesen: {_count(left, 'Datei', 'Dateien')}."),
        (open_documents, f"Noch nicht abgelegt: {_count(open_documents, 'Schriftstück', 'Schriftstücke')}."),
        (numbers.undecided, f"Noch nicht entschieden: {_count(numbers.undecided, 'Abweichung', 'Abweichungen')}.")]
    return [sentence for number, sentence in sentences if number]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def close(db: Database, batch: Batch, by: str) -> Batch:
    """Close a batch whose balance is zero or explained. Raises Refused with everything that is still open."""
    if batch.state == lose.CLOSED:
        raise Refused(f"Der Stapel „{batch.name}“ ist schon abgeschlossen.")
    if still := obstacles(db, batch):
        raise Refused(f"Der Stapel „{batch.name}“ lässt sich noch nicht abschließen: " + " ".join(still))
    with db.transaction() as tx:
        closed = lose.set_state(tx, batch, lose.CLOSED, by)
        record(tx, batch.tenant, by, "batch.closed", subjects={"batch": batch.id}, new={"name": batch.name})
    return closed
