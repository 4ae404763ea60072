"""What the lists cost for a viewer with classes: python -m tests.bench.access [documents, default 100000] [postgresql].

The shipped plan, one Akte for five documents, a tenth of the documents waiting; a viewer who may not see Personal, Soziales,
Jugend. Printed: milliseconds of CPU of each question (median of five), for him and for the operator, who may see everything.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from intake.aktenplan import read_plan
from intake.db.access import may_see_document, visible_documents, visible_entries
from intake.db.core import Database, new_id, stamp
from intake.db.efile import list_due, list_files, show_file
from intake.db.lists import id_by_ending, list_deliveries, list_documents, list_problems
from intake.db.plan import import_plan
from intake.db.waiting import waiting_for
from intake.keys import reference_key
from intake.schema import deliveries, documents, files, filings, metadata, pages
from intake.vocabulary import DocumentState, Viewer
from tests.bench.postgresql import server

TENANT = "mittelau"
CLERK = Viewer(TENANT, classes=frozenset({"Poststelle", "allgemein", "Bau"}))
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


def fill(db: Database, number: int) -> None:
    """Bulk inserts: nothing of this goes the ways of the product."""
    dice = random.Random(5)
    with db.transaction() as tx:
        metadata.create_all(tx.connection)
        import_plan(tx, TENANT, read_plan(Path("config/aktenplan.csv"))[0])
        entries = sorted(visible_entries(tx.connection, Viewer(TENANT)))
        akten = [(new_id(), f"AZ/{at:06d}/2025", dice.choice(entries)) for at in range(number // 5)]
        tx.connection.execute(insert(files), [{
            "id": id, "tenant": TENANT, "reference": reference, "reference_key": reference_key(reference), "entry": entry,
            "title": f"Akte {reference}", "origin": "ours", "opened_on": "2025-01-01", "persons": [], "former": [],
            "closed_on": "2012-05-05" if dice.random() < 0.3 else None} for id, reference, entry in akten])
        for start in range(0, number, 5000):
            _some(tx.connection, dice, akten, range(start, min(start + 5000, number)))


def _some(conn: Any, dice: random.Random, akten: list[tuple[str, str, str]], numbers: range) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"deliveries": [], "documents": [], "pages": [], "filings": []}
    for at in numbers:
        sent, id, when = new_id(), new_id(), stamp(BEGIN + timedelta(minutes=at))
        waits, own = dice.random() < 0.1, "Poststelle" if dice.random() < 0.97 else "Vertraulich"
        rows["deliveries"].append({
            "id": sent, "tenant": TENANT, "key": sent, "channel": "folder", "source": "post", "received_at": when,
            "original": "a" * 64, "media_type": "application/pdf", "name": f"scan {at}.pdf", "size": 1, "envelope": {},
            "access_class": "Poststelle", "lane": "post", "batch": "", "position": 0, "state": "OPENED", "revision": 2,
            "changed_at": when})
        rows["documents"].append({
            "id": id, "tenant": TENANT, "delivery": sent, "position": 0, "access_class": own, "lane": "post", "received_at": when,
            "cut_by": "rule:x@1", "cut": {"probability": 1.0, "evidence": [], "marks": [], "doubtful": False, "says": []},
            "state": "PROPOSED" if waits else "FILED", "revision": 4, "changed_at": when})
        rows["pages"].append({"tenant": TENANT, "delivery": sent, "part": 0, "number": 1, "state": "live", "document": id,
                              "position": 1})
        if not waits:
            akte, reference, entry = dice.choice(akten)
            rows["filings"].append({
                "key": id.rjust(64, "0"), "tenant": TENANT, "document": id, "entry": entry, "notation": "1", "file": akte,
                "reference": reference, "title": f"Brief {at}", "values": {}, "pdf": {"sha256": "b" * 64}, "pdfa": "2b",
                "pdfa_reason": "", "originals": [], "pages": 1, "received_at": when, "at": when, "settled_at": when})
    for table in (deliveries, documents, pages, filings):
        conn.execute(insert(table), rows[table.name])


def questions(db: Database) -> dict[str, Callable[[Any, Viewer], Any]]:
    with db.read() as conn:
        some = conn.execute(select(documents.c.id).where(
            documents.c.state == "PROPOSED", visible_documents(conn, CLERK)).limit(1)).scalar_one()
        akte = list_files(conn, CLERK, limit=1)[0].file.id
    waiting, filed = (DocumentState.PROPOSED, DocumentState.CLARIFY), (DocumentState.FILED,)
    return {
        "the clause alone": visible_documents, "may_see_document": lambda conn, who: may_see_document(conn, who, some),
        "id_by_ending": lambda conn, who: id_by_ending(conn, who, some[-8:], "document"),
        "waiting_for (badges)": waiting_for, "list_documents waiting, 200": lambda conn, who: list_documents(conn, who, waiting),
        "list_documents filed, 200": lambda conn, who: list_documents(conn, who, filed), "list_deliveries, 200": list_deliveries,
        "list_problems": list_problems, "list_files, 50": list_files,
        "list_files by word": lambda conn, who: list_files(conn, who, "000123"),
        "show_file": lambda conn, who: show_file(conn, who, akte),
        "list_due": lambda conn, who: list_due(conn, who, datetime.now(UTC).date()),
    }


def measure(db: Database, number: int) -> None:
    begun = time.perf_counter()
    fill(db, number)
    db.tidy()
    print(f"{db.dialect}: {number} documents in {time.perf_counter() - begun:.0f} s\n{'':28}{'clerk':>10}{'operator':>10}  ms")
    for name, ask in questions(db).items():
        cells = []
        for who in (CLERK, Viewer(TENANT)):
            taken = []
            for _ in range(5):
                with db.read() as conn:
                    start = time.process_time()
                    ask(conn, who)
                    taken.append(time.process_time() - start)
            cells.append(f"{1000 * statistics.median(taken):10.1f}")
        print(f"{name:28}{''.join(cells)}")


def main() -> None:
    number = next((int(word) for word in sys.argv[1:] if word.isdigit()), 100_000)
    with tempfile.TemporaryDirectory() as folder, (server() if "postgresql" in sys.argv else nullcontext("")) as url:
        db = Database(url or f"sqlite:///{folder}/poststelle.db")
        try:
            measure(db, number)
        finally:
            db.close()


if __name__ == "__main__":
    main()
