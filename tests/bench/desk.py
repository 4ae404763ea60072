"""The desk at size: "file and next" with 100,000 documents in the store, 5,000 confirmed in a session, previews, first paint.

    python -m tests.bench.desk [--stored 100000] [--confirm 5000] [--browser 300]

Rows are generated, nothing is read by OCR. Times are of the server (request in, answer out, in one process); CPU beside the
wall clock, because a measuring machine is rarely idle.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select, update

from intake.db.akten import files_of_entry
from intake.db.core import Database, new_id, stamp, utcnow
from intake.db.deliveries import add_page_reads
from intake.db.documents import get_document
from intake.db.sessions import start_session
from intake.schema import decisions, deliveries, documents, filings, page_reads, pages, parts, proposals
from tests.desk_help import DOGS, TOWN, put_stack
from tests.web_help import WebSite, web_site

SAMPLES = Path(__file__).parents[2] / "samples"


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def times(wall: list[float], cpu: list[float]) -> str:
    """Both in words."""
    return (f"median {percentile(wall, 0.5):.1f} ms, p95 {percentile(wall, 0.95):.1f} ms; "
            f"CPU median {percentile(cpu, 0.5):.1f} ms, p95 {percentile(cpu, 0.95):.1f} ms")


def fill(site: WebSite, stored: int, waiting: int) -> str:
    """`stored` filed documents and `waiting` waiting ones, all with the pages of one template; the id of the first waiting."""
    (template,) = put_stack(site.db, site.blobs, [1])
    with site.db.read() as conn:
        document = get_document(conn, template)
        rows = {table.name: [dict(row) for row in conn.execute(select(table).where(
            (table.c.id if table in (deliveries, documents) else table.c.delivery if table in (parts, pages) else
             table.c.document) == (document.delivery if table in (deliveries, parts, pages) else template))).mappings()]
            for table in (deliveries, documents, parts, pages, proposals)}
    file = _some_file(site.db)
    first = ""
    every = iter(range(stored + waiting))
    while numbers := list(islice(every, 2000)):
        made: dict[Table, list[dict[str, Any]]] = {
            table: [] for table in (deliveries, parts, documents, pages, proposals, decisions, filings)}
        for number in numbers:
            filed = number < stored
            delivery, id = new_id(), new_id()
            first = first or ("" if filed else id)
            at = f"2026-{1 + number // 9000 % 12:02d}-01T00:00:{number % 60:02d}.000000Z" if filed else stamp(utcnow())
            made[deliveries].append(rows["deliveries"][0] | {"id": delivery, "key": f"k/{delivery}", "received_at": at})
            made[parts].append(rows["parts"][0] | {"delivery": delivery})
            made[documents].append(rows["documents"][0] | {
                "id": id, "delivery": delivery, "received_at": at, "state": "FILED" if filed else "PROPOSED"})
            made[pages].append(rows["pages"][0] | {"delivery": delivery, "document": id})
            made[proposals] += [{**row, "document": id} for row in rows["proposals"]]
            if filed:
                made[decisions].append({"id": new_id(), "tenant": TOWN, "document": id, "values": {"entry": DOGS},
                                        "by": "clerk:x", "at": at, "revision": 3, "live": True})
                made[filings].append({
                    "key": f"{number:064x}", "tenant": TOWN, "document": id, "entry": DOGS, "notation": "922.10", "file": file,
                    "reference": "x", "case": None, "title": "Abmeldung", "values": {}, "pdf": {}, "pdfa": "2b",
                    "pdfa_reason": "", "originals": [], "pages": 1, "received_at": at, "at": at, "undone_at": None,
                    "settled_at": at})
        with site.db.transaction() as tx:
            for table, found in made.items():
                known = set(table.c.keys()) - ({"id"} if table is proposals else set())
                if found:
                    tx.connection.execute(table.insert(), [{name: row[name] for name in row if name in known} for row in found])
    return first


def _some_file(db: Database) -> str:
    with db.read() as conn:
        return files_of_entry(conn, TOWN, DOGS)[0].id


def confirm(site: WebSite, first: str, count: int) -> tuple[list[float], list[float], list[int]]:
    """File `count` documents one after the other; wall and CPU milliseconds of each, and the peak memory now and then."""
    browser = site.as_("post")
    at, wall, cpu, memory = first, [], [], []
    for number in range(count):
        with site.db.read() as conn:
            revision = get_document(conn, at).revision
        began, spent = time.perf_counter(), time.process_time()
        answer = browser.submit(f"/pruefen/{at}/ablegen", {
            "revision": str(revision), "desk": "1", "entry": DOGS, "file": "neu", "v.sender_name": "Erika Muster",
            "v.title": "Abmeldung meines Hundes", "v.letter_date": "11.10.2026"}, headers={"HX-Request": "true"})
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - spent))
        assert answer.status_code == 200, answer.text[:500]
        at = answer.headers["HX-Push-Url"].rsplit("/", 1)[1]
        if number % max(count // 10, 1) == 0:
            memory.append(_rss())
            print(f"  {number} confirmed, {memory[-1]} MiB; {times(wall, cpu)}", flush=True)
    return wall, cpu, memory


def _rss() -> int:
    """Resident memory of this process, MiB."""
    pages_used = int(Path("/proc/self/statm").read_text().split()[1])
    return pages_used * resource.getpagesize() // 2**20


def repeated(site: WebSite, url: str, count: int = 200) -> tuple[list[float], list[float]]:
    """Wall and CPU milliseconds of getting `url`."""
    browser, wall, cpu = site.as_("post"), [], []
    for _ in range(count):
        began, spent = time.perf_counter(), time.process_time()
        assert browser.get(url, headers={"Accept": "text/html"}).status_code == 200, url
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - spent))
    return wall, cpu


def first_demand(site: WebSite) -> list[float]:
    """Milliseconds of the fine pictures of 8 real pages that nobody asked for before; the first begins with a cold sandbox."""
    stack = SAMPLES / "posteingang-stapel.pdf"
    original = site.blobs.add_file(stack, stack.name, "application/pdf")
    (id,) = put_stack(site.db, site.blobs, [8])
    with site.db.transaction() as tx:
        delivery = get_document(tx.connection, id).delivery
        tx.connection.execute(update(parts).where(parts.c.delivery == delivery).values(sha256=original.sha256))
        chunk = tx.connection.execute(select(page_reads.c.chunk).where(
            page_reads.c.reader == "test@1", page_reads.c.page == 8).order_by(page_reads.c.read_at.desc()).limit(1)).scalar_one()
        add_page_reads(tx, TOWN, original.sha256, "test@1", [(number, chunk, 0.0) for number in range(1, 9)])
    browser, wall = site.as_("post"), []
    for number in range(1, 9):
        began = time.perf_counter()
        assert browser.get(f"/seiten/{id}/{number}/bild").status_code == 200
        wall.append(1000 * (time.perf_counter() - began))
    return wall


def in_browser(site: WebSite, count: int) -> Iterator[tuple[str, str]]:
    """First paint of the desk, and `count` documents by Ctrl+Enter with the page's heap and nodes now and then."""
    import uvicorn
    from playwright.sync_api import sync_playwright

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with site.db.transaction() as tx:
            secret = start_session(tx, site.users["post"], TOWN)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            context = chromium.new_context(viewport={"width": 1920, "height": 1080})
            context.add_cookies([{"name": "poststelle", "value": secret, "url": url}])
            page = context.new_page()
            paints = []
            for _ in range(7):
                page.goto(f"{url}/pruefen/weiter")
                page.wait_for_timeout(300)
                paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            yield "first paint of the desk, median", f"{percentile(paints, 0.5):.0f} ms"
            tools = context.new_cdp_session(page)
            tools.send("Performance.enable")
            began = time.perf_counter()
            for number in range(count + 1):
                if number % max(count // 5, 1) == 0:
                    tools.send("HeapProfiler.collectGarbage")
                    said = {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}
                    yield f"page after {number}", f"{said['JSHeapUsedSize'] / 2**20:.1f} MiB heap, {said['Nodes']:.0f} nodes"
                before = page.locator("#desk").get_attribute("data-document")
                page.keyboard.press("Control+Enter")
                page.wait_for_function("id => document.querySelector('#desk')?.dataset.document !== id", arg=before)
            yield "a document in the browser", f"{(time.perf_counter() - began) / max(count, 1) * 1000:.0f} ms"
            chromium.close()
        server.should_exit = True
        thread.join(10)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--confirm", type=int, default=5000)
    parser.add_argument("--browser", type=int, default=300)
    asked = parser.parse_args()

    def row(name: str, said: str) -> None:
        print(f"{name:52} {said}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        site = web_site(Path(folder) / "home")
        began = time.perf_counter()
        first = fill(site, asked.stored, asked.confirm + asked.browser + 50)
        with site.db.read() as conn:
            total = conn.execute(select(func.count()).select_from(documents)).scalar_one()
        row("documents in the store", f"{total} (generated in {time.perf_counter() - began:.0f} s)")
        for name, url in (
                ("nothing but the way through the app", "/static/zeichen.svg"), ("the desk, whole page", f"/pruefen/{first}"),
                ("stored preview", f"/seiten/{first}/1/vorschau"), ("words of a page", f"/seiten/{first}/1/woerter"),
                ("fine picture, there already", f"/seiten/{first}/1/bild"),
                ("search in the plan", f"/pruefen/{first}/suche?q=hund"), ("alike ones", f"/pruefen/{first}/gleiche")):
            row(name, times(*repeated(site, url, 60)))
        wall = first_demand(site)
        row("fine picture, asked for the first time", f"cold {wall[0]:.0f} ms; then median {percentile(wall[1:], 0.5):.0f} ms, "
            f"longest {max(wall[1:]):.0f} ms")
        wall, cpu, memory = confirm(site, first, asked.confirm)
        row(f"file and next, {asked.confirm} times", times(wall, cpu))
        row("server memory on the way (MiB)", " ".join(str(one) for one in memory))
        if asked.browser:
            for name, said in in_browser(site, asked.browser):
                row(name, said)
        site.db.close()


if __name__ == "__main__":
    main()

