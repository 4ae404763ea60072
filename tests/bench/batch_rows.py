"""A batch of a million pages, its rows simulated, on every screen and in every list:

    python -m tests.bench.batch_rows [--akten 40000] [--folder FOLDER] [--postgresql]

40,000 files of 25 pages, five documents each; nineteen of twenty filed, the rest still waits; 5,000 differences, a draw of 800
documents and 4,000 findings; 200 files changed since they were last compared. Nothing of this goes the ways of the product, no
page has a picture. Printed: CPU and wall seconds of each screen and each command, the second time it is asked for, with what the
server of a PostgreSQL needed. The bar is 2 s of CPU (wall where the machine does nothing else) for a screen; jobs, which show
their progress (`differences` compares, `report` and `release` write lists and PDFs), have none; of what writes a PDF its drawing
is told apart. Last, every page is compared as for the first time. Exit code 1 when the bar is missed. `--folder` keeps the
installation and uses it again; `--postgresql` copies its rows to a server of our own and asks that.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, literal, select, update

from intake.backfile import report
from intake.cli import run
from intake.config import load
from intake.db.core import Database, make_engine, migrate, new_id, sqlite_driver, stamp
from intake.db.users import grant, new_user
from intake.schema import (
    aktenplan_entries,
    batch_differences,
    batch_expected,
    batch_items,
    batches,
    deliveries,
    documents,
    files,
    filings,
    metadata,
    page_signs,
    pages,
    parts,
    proposals,
    qa_checks,
    qa_draws,
    users,
)
from tests.bench import postgresql
from tests.web_help import PEOPLE, TOWN, Browser, WebSite

BAR = 2.0
NAME = "altakten"
BEGIN = datetime(2026, 3, 2, 6, tzinfo=UTC)
DOCUMENTS, PAGES = 5, 5
"""Documents of a file, pages of a document."""
AT_ONCE = 2000
CHANGED = 200
"""Files whose pages are compared by the first look, the others were before."""


def fill(db: Database, akten: int, profile: str, folder: Path) -> None:
    """One batch of `akten` files, with everything that a year of work has made of it."""
    dice, batch = random.Random(5), new_id()
    with db.transaction() as tx:
        conn = tx.connection
        conn.execute(insert(batches), [{
            "id": batch, "tenant": TOWN, "name": NAME, "profile": profile, "folder": str(folder), "state": "open",
            "protection": "normal", "operator": "Scan AG", "index_name": "index.csv", "master_name": "akten.csv",
            "created_at": stamp(BEGIN), "created_by": "clerk:post"}])
        entry = conn.execute(select(aktenplan_entries.c.id).where(aktenplan_entries.c.tenant == TOWN).limit(1)).scalar_one()
        for start in range(0, akten, AT_ONCE):
            _some(conn, dice, batch, entry, range(start, min(start + AT_ONCE, akten)), akten)
        _ledger(conn)
        _signs(conn, dice)
        _found(conn, batch, akten)
        _draw(conn, dice, batch)
    db.tidy()
    with db.transaction() as tx:
        tx.connection.exec_driver_sql("ANALYZE")


def _some(conn: Connection, dice: random.Random, batch: str, entry: str, which: range, akten: int) -> None:
    """Items, deliveries, parts, documents, Akten, filings and proposals of some files."""
    rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in (
        deliveries, batch_items, batch_expected, parts, files, documents, filings, proposals)}
    for at in which:
        sent, akte, when = new_id(), new_id(), stamp(BEGIN + timedelta(minutes=10 * at))
        name, reference, done = f"BA_{at:06d}.pdf", f"BA/{at:06d}", at < akten * 39 // 40
        mine = {"tenant": TOWN, "received_at": when, "access_class": "Poststelle", "lane": "backfile", "changed_at": when}
        rows[deliveries].append({
            **mine, "id": sent, "key": f"{batch}/{name}", "channel": "backfile", "source": "altakten",
            "original": f"{at:064x}", "media_type": "application/pdf", "name": name, "size": 1, "envelope": {}, "batch": NAME,
            "position": at + 1, "state": "OPENED" if done else "RECEIVED", "revision": 2})
        rows[batch_items].append({
            "tenant": TOWN, "batch": batch, "position": at + 1, "path": name, "members": [[name, 1, 1]], "reference": reference,
            "reference_key": reference.lower(), "pages": DOCUMENTS * PAGES, "fields": [], "state": "taken", "delivery": sent,
            "signed": int(done), "compared": int(done and at < akten * 39 // 40 - CHANGED)})
        rows[batch_expected].append({"tenant": TOWN, "batch": batch, "reference_key": reference.lower(), "reference": reference,
                                     "title": f"Akte {at}", "pages": None})
        if not done:
            continue
        rows[parts].append({"tenant": TOWN, "delivery": sent, "position": 0, "sha256": f"{at:064x}", "size": 1, "facts": [],
                            "media_type": "application/pdf", "name": name, "pages": DOCUMENTS * PAGES, "detail": ""})
        rows[files].append({"id": akte, "tenant": TOWN, "reference": reference, "reference_key": reference.lower(),
                            "title": f"Akte {at}", "entry": entry, "origin": "ours", "persons": [], "former": []})
        for number in range(DOCUMENTS):
            document, filed = new_id(), dice.random() < 0.95
            rows[documents].append({
                **mine, "id": document, "delivery": sent, "position": number, "cut_by": "rule:x@1",
                "cut": {"probability": 1.0, "evidence": [], "marks": [], "doubtful": False, "says": []},
                "state": "FILED" if filed else "PROPOSED", "revision": 4, "indexed": 4})
            rows[proposals].append({"tenant": TOWN, "document": document, "field": "register", "value": f"{at % 14 + 1:02d}",
                                    "confidence": dice.random(), "rank": 1, "evidence": [], "raw": "", "checks": []})
            if filed:
                rows[filings].append({
                    "key": document.rjust(64, "0"), "tenant": TOWN, "document": document, "entry": entry, "notation": "1",
                    "file": akte, "reference": reference, "title": f"Bauantrag {number}", "values": {}, "pdf": {"sha256": "b"},
                    "pdfa": "2b", "pdfa_reason": "", "originals": [], "pages": PAGES, "received_at": when, "at": when,
                    "settled_at": when})
    for table, made in rows.items():
        if made:
            conn.execute(insert(table), made)


def _ledger(conn: Connection) -> None:
    """The ledger: every page of every document, made by the database."""
    for number in range(1, PAGES + 1):
        conn.execute(insert(pages).from_select(
            ["tenant", "delivery", "part", "number", "state", "document", "position", "rotation"],
            select(documents.c.tenant, documents.c.delivery, literal(0), documents.c.position * PAGES + number,
                   literal("live"), documents.c.id, literal(number), literal(0))))


def _signs(conn: Connection, dice: random.Random) -> None:
    """What each page looks like: words of its own, one in two hundred slanted."""
    found = conn.execute(select(deliveries.c.id).where(deliveries.c.state == "OPENED")).scalars().all()
    for start in range(0, len(found), 400):
        conn.execute(insert(page_signs), [
            {"tenant": TOWN, "delivery": sent, "part": 0, "number": number, "picture": f"{dice.getrandbits(256):064x}",
             "letters": dice.randint(200, 1500), "text": f"{dice.getrandbits(128):032x}", "quality": 0.9,
             "skew": 4.0 if dice.random() < 0.005 else 0.2, "script": "print", "width_mm": 210.0, "height_mm": 297.0,
             "blank": False, "warnings": []}
            for sent in found[start:start + 400] for number in range(1, DOCUMENTS * PAGES + 1)])


def _found(conn: Connection, batch: str, akten: int) -> None:
    """5,000 differences, one in ten open."""
    conn.execute(insert(batch_differences), [{
        "id": new_id(), "tenant": TOWN, "batch": batch, "kind": "double", "item": at + 1,
        "subject": f"BA_{at:06d}.pdf, Seite {at % 25 + 1}",
        "sentence": f"Seite {at % 25 + 1} von „BA_{at:06d}.pdf“ ist vermutlich dasselbe Blatt wie Seite {at % 25}. Beide "
        "bleiben; sagen Sie, welche gilt.", "found_at": stamp(BEGIN), "note": "", "decision": None if at % 10 == 0 else "same",
        "decided_by": "clerk:post", "decided_at": stamp(BEGIN)} for at in range(1, min(5001, akten))])


def _draw(conn: Connection, dice: random.Random, batch: str) -> None:
    """A draw of 800 documents and 4,000 findings, of which one half was looked at."""
    filed = conn.execute(select(documents.c.id).where(documents.c.state == "FILED").order_by(documents.c.id)).scalars().all()
    chosen, draw = dice.sample(filed, min(4800, len(filed) // 2)), new_id()
    conn.execute(insert(qa_draws), [{
        "id": draw, "tenant": TOWN, "batch": batch, "protection": "normal", "lot": len(filed), "size": 800, "accept": 12,
        "letter": "P", "seed": "00", "drawn_at": stamp(BEGIN + timedelta(days=400)), "drawn_by": "clerk:qs"}])
    conn.execute(insert(qa_checks), [{
        "tenant": TOWN, "draw": draw, "document": one, "position": number, "sampled": number % 6 == 0,
        "finding": "" if number % 6 == 0 else "Seite 1: schief (+4.0 Grad)", "note": "", "page": 0,
        "verdict": "ok" if number % 2 else None, "defect": ""} for number, one in enumerate(sorted(chosen), 1)])


def accept(db: Database, verdict: str | None) -> None:
    """The verdict on the draw."""
    with db.transaction() as tx:
        tx.connection.execute(update(qa_draws).values(verdict=verdict))


# ---- measuring ---------------------------------------------------------------------------------------------------------


class _Drawing:
    """The seconds that drawing of PDFs took, apart."""

    cpu = wall = 0.0


class _Server:
    """The CPU seconds of a PostgreSQL of our own, all its processes together."""

    data: Path | None = None

    @classmethod
    def seconds(cls) -> float:
        """Of the processes that live, and of those that ended."""
        if cls.data is None:
            return 0.0
        first = (cls.data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15] for pid in (first, *children)]
        own = sum(int(one) for fields in ticks for one in fields[:2]) + sum(int(one) for one in ticks[0][2:])
        return own / os.sysconf("SC_CLK_TCK")


def copied(lite: Path, url: str) -> None:
    """Copy the rows of a SQLite file to an empty PostgreSQL database."""
    migrate(url)
    source = sqlite_driver().connect(f"file:{lite}?mode=ro", uri=True)
    engine = make_engine(url)
    with engine.begin() as conn:
        cursor = conn.connection.cursor()
        cursor.execute("SET session_replication_role = replica")  # the rows come table by table
        for table in metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.c)
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as rows:
                for row in source.execute(f'SELECT {names} FROM "{table.name}"'):
                    rows.write_row(row)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    source.close()


@contextlib.contextmanager
def on_postgresql(folder: Path) -> Iterator[None]:
    """While this holds, the installation of the folder works on a PostgreSQL server of our own, with a copy of its rows."""
    settings = folder / "poststelle" / "poststelle.toml"
    before = re.sub(r"(?m)^url = .*\n", "", settings.read_text(encoding="utf-8"))  # a run that was killed left its own
    with postgresql.server(folder) as server:
        url = server.replace("/postgres?", "/rows?")
        engine = make_engine(server)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            known = conn.exec_driver_sql("SELECT 1 FROM pg_database WHERE datname = 'rows'").first()
            if known is None:
                conn.exec_driver_sql("CREATE DATABASE rows")
        engine.dispose()
        if known is None:
            copied(folder / "poststelle" / "poststelle.db", url)
        settings.write_text(before.replace("[database]\n", f'[database]\nurl = "{url}"\n', 1), encoding="utf-8")
        _Server.data = folder / "postgresql"
        try:
            yield
        finally:
            _Server.data = None
            settings.write_text(before, encoding="utf-8")


@contextlib.contextmanager
def drawing_apart() -> Iterator[None]:
    """While this holds, drawing is timed."""
    draw = report._write

    def timed(page: str, target: Path) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        draw(page, target)
        _Drawing.cpu, _Drawing.wall = time.process_time() - cpu, time.monotonic() - wall

    report._write = timed
    try:
        yield
    finally:
        report._write = draw


def measure(name: str, ask: Callable[[], object], *, job: bool = False, twice: bool = True) -> bool:
    """Ask (twice, print the second); whether the bar for screens was kept (of CPU: the machine may be shared)."""
    if twice:
        ask()
    _Drawing.cpu = _Drawing.wall = 0.0
    cpu, wall, served = time.process_time(), time.monotonic(), _Server.seconds()
    ask()
    cpu, wall = time.process_time() - cpu - _Drawing.cpu, time.monotonic() - wall - _Drawing.wall
    served = _Server.seconds() - served
    good = job or cpu + served <= BAR
    drawn = f"  and drawing {_Drawing.cpu:6.2f} {_Drawing.wall:6.2f}" if _Drawing.cpu else ""
    server = f" + {served:6.2f}" if _Server.data else ""
    print(f"{name:34} {cpu:7.2f}{server} {wall:7.2f}{drawn}{'  (job)' if job else ''}{'' if good else '  MISSED'}", flush=True)
    return good


def command(home: Path, *words: str) -> Callable[[], None]:
    """Ask a command as at the terminal, its answer thrown away."""
    def ask() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            code = run(["--home", str(home), "batch", *words])
        assert code == 0, f"{words}: {code}"
    return ask


def screens(clerk: Browser) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a person looks at and does."""
    yield "GET /stapel", lambda: clerk.look("/stapel")
    yield f"GET /stapel/{NAME}", lambda: clerk.look(f"/stapel/{NAME}")
    yield f"GET /stapel/{NAME}/pruefung", lambda: clerk.look(f"/stapel/{NAME}/pruefung")
    yield f"GET /stapel/{NAME}/bericht", lambda: clerk.get(f"/stapel/{NAME}/bericht")
    yield f"POST /stapel/{NAME}/vergleichen", lambda: clerk.submit(f"/stapel/{NAME}/vergleichen")
    yield "GET /uebersicht", lambda: clerk.look("/uebersicht")
    yield "GET /posteingang", lambda: clerk.look("/posteingang")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--akten", type=int, default=40_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--postgresql", action="store_true")
    asked = parser.parse_args()
    os.environ["COLUMNS"] = "200"
    with tempfile.TemporaryDirectory(prefix="rows", dir="/var/tmp") as name:
        folder = asked.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        _filled(folder, asked.akten)
        with on_postgresql(folder) if asked.postgresql else contextlib.nullcontext():
            return _measured(folder)


def _filled(folder: Path, akten: int) -> None:
    root = folder / "poststelle"
    if root.exists():
        return
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["init", str(root)]) == 0
    home, start = load(root), time.process_time()
    db = Database(home.database_url)
    fill(db, akten, home.settings.for_tenant(TOWN).backfile[0].name, folder)
    with db.transaction() as tx:
        user = new_user(tx, "post", "Frau Post")
        grant(tx, replace(PEOPLE["post"], user=user.id))
    db.close()
    print(f"filled in {time.process_time() - start:.0f} CPU s")


def _measured(folder: Path) -> int:
    root = folder / "poststelle"
    home = load(root)
    from intake.web.app import create

    site = WebSite(home, create(home), Database(home.database_url))
    with site.db.read() as conn:
        site.users["post"] = conn.execute(select(users.c.id)).scalar_one()
    print(f"{'':34} {'CPU s + server' if _Server.data else '  CPU s'}  wall s")
    release = str(folder / "vernichtung.pdf")
    with drawing_apart():
        good = [measure(name, ask) for name, ask in screens(site.as_("post"))]
        accept(site.db, "accepted")
        good.append(measure(f"GET /stapel/{NAME}/freigabe", lambda: site.as_("post").look(f"/stapel/{NAME}/freigabe")))
        good += [measure(f"batch {words[0]}", command(root, *words)) for words in (("ls",), ("status", NAME), ("checks", NAME))]
        for words in (("differences", NAME), ("report", NAME, "--pdf", str(folder / "bericht.pdf")),
                      ("release", NAME, "--pdf", release)):
            measure(f"batch {words[0]}", command(root, *words), job=True)
        accept(site.db, None)
    with site.db.transaction() as tx:
        tx.connection.execute(update(batch_items).where(batch_items.c.signed == 1).values(compared=0))
    measure("first comparison of every page", command(root, "differences", NAME), job=True, twice=False)
    site.db.close()
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
