"""Quality assurance after TR-RESISCAN: a sample is drawn, a person compares picture and paper, the lot is accepted or rejected.

A.O.1 e: by staff that did not scan. A.SC.8: the sample depends on the need for protection; what a machine found is looked at by
a person besides the sample; nothing is destroyed before all that is done. A.NB.4 e: the result stands in the Transfervermerk.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from sqlalchemy import Connection

from intake.backfile.alike import NOTHING, unreadable
from intake.backfile.sampling import Plan, drawn, plan
from intake.db import batches as lose
from intake.db import checks
from intake.db.batches import Batch
from intake.db.checks import Check, Draw
from intake.db.core import Tx
from intake.db.signs import Sign
from intake.errors import Refused
from intake.journal import record

VERDICTS: Mapping[str, str] = {
    "ok": "stimmt mit dem Papier überein", "defect": "fehlerhaft, hinnehmbar nur im Rahmen der Annahmezahl",
    "rescan": "neu scannen"}
DEFECTS: Mapping[str, str] = {
    "missing": "Seite fehlt", "double": "Seite doppelt", "order": "Reihenfolge falsch", "cut_off": "Text abgeschnitten",
    "blur": "unscharf oder zu hell", "skew": "schief", "turned": "verdreht", "back": "Rückseite fehlt",
    "foreign": "fremdes Blatt", "other": "anderes"}
"""The closed list of kinds of faults."""
MUCH_SKEW = 3.0
"""Degrees; more is told as a finding (text is still read well at this slant)."""
FAINT = 0.6
"""Mean confidence below which a page is told as faint or blurred."""


def told(one: Check) -> str:
    """What became of a check, in words."""
    if one.verdict is None:
        return "offen"
    if one.settled_at:
        return f"{VERDICTS[one.verdict]}; Nachscan geprüft, stimmt"
    return VERDICTS[one.verdict] + ("; Nachscan ist da, bitte ansehen" if one.open else "")


def _finding(sign: Sign) -> str:
    if sign.blank:
        return ""
    if unreadable(sign):
        return "keine lesbare Schrift"
    if sign.letters >= 40 and sign.quality < FAINT and sign.script not in ("handwriting", "drawing"):
        return "blass oder unscharf"
    if abs(sign.skew) > MUCH_SKEW:
        return f"schief ({sign.skew:+.1f} Grad)"
    return ", ".join(sign.warnings[:2])


def draw(tx: Tx, batch: Batch, by: str) -> Draw:
    """Draw the sample over everything that is filed of the batch; what machines noticed is added to it.

    Raises Refused: nothing is filed, somebody still works on the batch, or a draw is open already.
    """
    conn = tx.connection
    before = checks.draws_of(conn, batch.id)
    if before and before[0].verdict is None:
        raise Refused("Es läuft schon eine Prüfung dieses Stapels. Schließen Sie sie zuerst ab.")
    if left := lose.unfinished(conn, batch) + lose.backlog(conn, batch):
        raise Refused(f"{left} Schriftstücke oder Dateien des Stapels sind noch nicht abgelegt; die Stichprobe gilt für das "
                      "ganze Los.")
    lot = [one.document for one in checks.lot_of(conn, batch)]
    if not lot:
        raise Refused("Von diesem Stapel ist noch nichts abgelegt.")
    made = plan(len(lot), batch.protection)
    seed = secrets.token_hex(16)
    chosen, noticed = set(drawn(lot, made.size, seed)), findings(conn, batch)
    rows = [Check("", one, position, one in chosen, "; ".join(noticed.get(one, ())[:5]))
            for position, one in enumerate(lot, start=1) if one in chosen or one in noticed]
    found = checks.add_draw(tx, batch.tenant, Draw(
        "", batch.id, made.protection, made.lot, made.size, made.accept, made.letter, seed, tx.now, by), rows)
    record(tx, batch.tenant, by, "qa.drawn", subjects={"batch": batch.id},
           new={"lot": made.lot, "size": made.size, "accept": made.accept, "seed": seed, "findings": len(noticed)})
    return found


def findings(conn: Connection, batch: Batch) -> dict[str, list[str]]:
    """What machines noticed in filed documents, page by page: unreadable, faint, slanted, or what reading warned of."""
    found: dict[str, list[str]] = {}
    for document, page, sign in checks.noticed(conn, batch, NOTHING, FAINT, MUCH_SKEW):
        if said := _finding(sign):
            found.setdefault(document, []).append(f"Seite {page}: {said}")
    return found


def check(tx: Tx, batch: Batch, one: Check, verdict: str, by: str, *, defect: str = "", page: int = 0, note: str = "") -> None:
    """Note what a person saw. Raises Refused (unknown words; who scanned may not check), Stale."""
    if verdict not in VERDICTS:
        raise Refused(f"„{verdict}“ ist kein Ergebnis. Möglich sind: {', '.join(VERDICTS)}.")
    if verdict != "ok" and defect not in DEFECTS:
        raise Refused(f"Nennen Sie die Art des Fehlers: {', '.join(f'{name} ({title})' for name, title in DEFECTS.items())}.")
    if batch.operator and by.removeprefix("clerk:").casefold() == batch.operator.casefold():
        raise Refused("Wer gescannt hat, prüft nicht selbst (TR-RESISCAN A.O.1 e). Lassen Sie eine andere Person prüfen.")
    if one.verdict is not None and one.open:  # the rescan that was asked for lies beside the paper
        if verdict == "ok":
            checks.settle_check(tx, one, by)
        else:
            checks.ask_again(tx, one, defect, page, note.strip())
    else:
        checks.set_check(tx, one, verdict, defect if verdict != "ok" else "", page, note.strip(), by)
    record(tx, batch.tenant, by, "qa.checked", subjects={"batch": batch.id, "document": one.document},
           new={"verdict": verdict, "defect": defect, "page": page, "note": note.strip()})


def decide(tx: Tx, batch: Batch, open_draw: Draw, by: str) -> str:
    """Accept or reject the lot by the plan; the verdict. Raises Refused while something was not looked at, Stale."""
    left, faulty, _ = checks.counted(tx.connection, open_draw.id)
    if left:
        raise Refused(f"{left} Schriftstücke der Prüfung sind noch nicht angesehen.")
    verdict = checks.ACCEPTED if faulty <= open_draw.accept else checks.REJECTED
    checks.decide_draw(tx, open_draw, verdict, by)
    record(tx, batch.tenant, by, f"qa.{verdict}", subjects={"batch": batch.id},
           new={"faulty": faulty, "accept": open_draw.accept, "size": open_draw.size})
    return verdict


def plan_of(one: Draw) -> Plan:
    """The plan a draw followed, for its sentence."""
    return Plan(one.protection, one.lot, one.size, one.accept, one.letter)
