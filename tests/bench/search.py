"""Is the right document found, how fast, and what does the index cost: python -m tests.bench.search [--cpu] quality|fill|speed.

    quality [--queries 300] [--noise 0.02] [--seed 7] [--data FILE]    known items: hit among the first ten, the same on both
    fill FOLDER [--documents 100000]    documents of two pages for the others, once, in a SQLite file and a PostgreSQL cluster
    speed FOLDER [--queries 300]        p50, p95, p99 of a search and of indexing one more document

Known items: documents of municipal_pages, their text misread with so many wrong characters. A question has three to five words
of the *clean* text of one document: half of the questions from one sentence, half from anywhere in it, no word that stands in
more than a tenth of all documents. PostgreSQL is a server of our own as in the tests.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import string
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy import text as sql

from intake import terms
from intake.db.core import Database, new_id, stamp, utcnow
from intake.db.indexed import Entry, _count_words, _field_terms, write
from intake.db.search import search
from intake.schema import SEARCH_INDEX, deliveries, documents, metadata, search_documents, search_pages, search_texts
from intake.vocabulary import Page, Viewer
from tests.bench.postgresql import server
from tests.conftest import SHARED_DATA

PAGES = SHARED_DATA / "municipal_pages" / "documents.jsonl.gz"
TENANT = "mittelau"
VIEWER = Viewer(TENANT)
ALIKE = [("rn", "m"), ("m", "rn"), ("l", "1"), ("i", "l"), ("e", "c"), ("c", "e"), ("u", "n"), ("n", "u"), ("h", "b"), ("o", "0"),
         ("ü", "u"), ("ä", "a"), ("ö", "o"), ("ß", "B"), ("f", "t"), ("t", "f"), ("I", "l"), ("S", "5"), ("B", "8"), ("cl", "d")]


def originals(path: Path = PAGES) -> list[list[str]]:
    """The texts of the pages of every document that is there once and has words."""
    found, seen = [], set()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            one = json.loads(line)
            pages = [Page(1, 210, 297, page["text"]).plain() for page in one["pages"]]
            whole = "\n".join(pages)
            if whole not in seen and len(set(terms.terms_in(whole))) >= 20:
                seen.add(whole)
                found.append(pages)
    return found


def misread(text: str, rate: float, dice: random.Random) -> str:
    """The text with about `rate` of its letters and digits wrong: half as recognition errs (letters that look alike), half at
    random (another letter, one lost, one too many)."""
    made: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isalnum() and dice.random() < rate:
            near = [(one, other) for one, other in ALIKE if text.startswith(one, at)]
            if near and dice.random() < 0.5:
                one, other = dice.choice(near)
                made.append(other)
                at += len(one)
                continue
            kind = dice.random()
            if kind < 0.6:
                made.append(dice.choice(string.ascii_lowercase))
            elif kind < 0.8:
                made += [char, dice.choice(string.ascii_lowercase)]
        else:
            made.append(char)
        at += 1
    return "".join(made)


def questions(corpus: Sequence[Sequence[str]], count: int, dice: random.Random) -> list[tuple[str, int]]:
    """(question, number of the document it is asked for): words as printed."""
    spread = Counter(word for pages in corpus for word in {word for page in pages for word in terms.terms_in(page)})
    most = len(corpus) / 10

    def salient(printed: str) -> bool:
        found = list(terms.terms_in(printed))
        return len(found) == 1 and terms.in_vocabulary(found[0]) and len(found[0]) > 3 and spread[found[0]] <= most

    asked: list[tuple[str, int]] = []
    while len(asked) < count:
        number = dice.randrange(len(corpus))
        words = [word.strip(".,;:!?()\"„“") for word in " ".join(corpus[number]).split()]
        places = [place for place, word in enumerate(words) if salient(word)]
        if len({words[place].lower() for place in places}) < 5:
            continue
        size = dice.choice((3, 4, 5))
        if len(asked) % 2:
            start = dice.randrange(len(places) - size + 1)
            chosen = [words[place] for place in places[start:start + size]]
        else:
            chosen = [words[place] for place in dice.sample(places, size)]
        asked.append((" ".join(dict.fromkeys(chosen)), number))
    return asked


def entry(document: str, pages: Sequence[str], number: int) -> Entry:
    """An index entry with facets as a town would have them."""
    kinds = ("Rechnung", "Antrag", "Bescheid", "Protokoll", "Widerspruch", "Schreiben")
    return Entry(document, 1, TENANT, tuple(pages), title=" ".join(pages[0].split()[:8])[:120], kind=kinds[number % 6],
                 sender=f"Absender {number % 500}", branch=f"{number % 10}",
                 dated=date(2010, 1, 1) + timedelta(days=number % 5800),
                 references=(f"BA/652.{number % 90 + 10}-{number:04d}/{2010 + number % 16}",),
                 parcels=(f"Mittelau {number % 12}-{number % 300}/{number % 9 + 1}",))


def add_rows(db: Database, count: int, ids: Sequence[str] = ()) -> list[str]:
    """So many documents that wait for a person (with these ids), ids in their order, without pages or text."""
    ids = list(ids) or sorted(new_id() for _ in range(count))
    now = stamp(utcnow())
    with db.transaction() as tx:
        for start in range(0, count, 5000):
            part = ids[start:start + 5000]
            tx.connection.execute(insert(deliveries), [{
                "id": id, "tenant": TENANT, "key": id, "channel": "folder", "source": "post", "received_at": now,
                "original": "0" * 64, "media_type": "application/pdf", "name": "a.pdf", "size": 1, "envelope": {},
                "access_class": "Poststelle", "lane": "post", "batch": "", "position": 1, "state": "OPENED", "revision": 1,
                "changed_at": now} for id in part])
            tx.connection.execute(insert(documents), [{
                "id": id, "tenant": TENANT, "delivery": id, "position": 0, "access_class": "Poststelle", "lane": "post",
                "received_at": now, "cut_by": "", "cut": {}, "why": "", "state": "PROPOSED", "revision": 1, "indexed": 0,
                "changed_at": now} for id in part])
    return ids


def index(db: Database, entries: Iterator[Entry], at_once: int = 50) -> None:
    """Write them, so many in a transaction."""
    batch: list[Entry] = []
    for one in entries:
        batch.append(one)
        if len(batch) == at_once:
            with db.transaction() as tx:
                write(tx, batch)
            batch = []
    with db.transaction() as tx:
        write(tx, batch)


@contextmanager
def databases(folder: Path | None = None) -> Iterator[dict[str, Database]]:
    """A SQLite and a PostgreSQL database of our own: in `folder`, or empty ones that are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="search") as scratch, server(folder) as url:
        made = {"sqlite": Database(f"sqlite:///{(folder or Path(scratch)) / 'search.db'}"), "postgresql": Database(url)}
        try:
            yield made
        finally:
            for db in made.values():
                db.close()


def invented(corpus: Sequence[Sequence[str]], count: int, dice: random.Random) -> Iterator[tuple[int, list[str]]]:
    """So many documents of two pages: pages of the corpus, each with a name and a number that no other has."""
    pages = [page for one in corpus for page in one if len(page) > 300]
    for number in range(count):
        yield number, [f"{dice.choice(pages)} Vorgang {number}-{dice.randrange(10**6)} {invented_name(dice)}" for _ in range(2)]


def invented_name(dice: random.Random) -> str:
    parts = ("ber", "hof", "mann", "linde", "stein", "wie", "sel", "gra", "ken", "tor")
    return "".join(dice.choice(parts) for _ in range(4)).title()


def fill(args: argparse.Namespace) -> None:
    """Load the documents in bulk: the same rows as one by one, in a fraction of the time."""
    args.folder.mkdir(parents=True, exist_ok=True)
    ids: list[str] = []
    with databases(args.folder) as made:
        for name, db in made.items():
            start = time.process_time()
            with db.transaction() as tx:
                metadata.create_all(tx.connection)
                if name == "postgresql":
                    tx.connection.execute(sql("DROP INDEX search_index"))
            ids = add_rows(db, args.documents, ids)
            dice = random.Random(args.seed)
            bulk(db, ids, invented(originals(args.data), args.documents, dice))
            print(f"{name}: {args.documents} documents, {time.process_time() - start:.0f} CPU s here", flush=True)


def bulk(db: Database, ids: Sequence[str], entries: Iterator[tuple[int, list[str]]]) -> None:
    known: dict[str, tuple[Counter[str], bytes]] = {}
    spread: Counter[tuple[str, str]] = Counter()
    batch: dict[str, list[dict[str, object]]] = {"documents": [], "texts": [], "pages": []}
    now = stamp(utcnow())

    def flush() -> None:
        with db.transaction() as tx:
            tx.connection.execute(insert(search_documents), batch["documents"])
            tx.connection.execute(insert(search_texts), batch["texts"])
            tx.connection.execute(insert(search_pages), batch["pages"])
            for rows in batch.values():
                rows.clear()

    for number, pages in entries:
        one = entry(ids[number], pages, number)
        counted: Counter[str] = Counter(dict.fromkeys(_field_terms(one), 1))
        for at, page in enumerate(pages, start=1):
            base, _, own = page.partition(" Vorgang ")
            if base not in known:
                known[base] = Counter(terms.terms_in(base)), zlib.compress(base.encode())
            counted.update(known[base][0])
            counted.update(terms.terms_in(own))
            batch["pages"].append({"tenant": TENANT, "no": number + 1, "page": at, "text": known[base][1]})
        batch["documents"].append({
            "no": number + 1, "tenant": TENANT, "document": one.document, "branch": one.branch, "kind": one.kind,
            "sender": one.sender, "dated": str(one.dated), "parcels": "\n".join(one.parcels), "title": one.title, "pages": 2,
            "words": sum(counted.values()), "indexed_at": now})
        batch["texts"].append({"no": number + 1, "tenant": TENANT, "terms": " ".join(counted),
                               "counts": "".join(str(min(times, 9)) for times in counted.values())})
        spread.update((TENANT, term) for term in counted if terms.in_vocabulary(term))
        if len(batch["documents"]) == 1000:
            flush()
    if batch["documents"]:
        flush()
    with db.transaction() as tx:
        _count_words(tx, spread)
        tx.connection.execute(sql("UPDATE documents SET indexed = revision"))
        if db.dialect == "sqlite":
            tx.connection.execute(sql("INSERT INTO search_index (rowid, terms) SELECT no, terms FROM search_texts ORDER BY no"))
        else:
            tx.connection.execute(sql(
                "SELECT setval(pg_get_serial_sequence('search_documents', 'no'), (SELECT max(no) FROM search_documents))"))
            tx.connection.execute(sql("SET LOCAL maintenance_work_mem = '256MB'"))
            tx.connection.execute(sql(SEARCH_INDEX["postgresql"]))
    with db.transaction() as tx:
        tx.connection.execute(sql("ANALYZE"))


clock = time.perf_counter


def ten(db: Database, question: str) -> tuple[list[str], float]:
    """The documents of the first ten hits, and how many ms it took (`--cpu`: of this process's CPU alone)."""
    start = clock()
    with db.read() as conn:
        found = search(conn, VIEWER, question)
    return [hit.document for hit in found.hits], (clock() - start) * 1000


def quality(args: argparse.Namespace) -> None:
    """Known items on both databases."""
    dice = random.Random(args.seed)
    clean = originals(args.data)
    noisy = [[misread(page, args.noise, dice) for page in pages] for pages in clean]
    asked = questions(clean, args.queries, dice)
    answers: dict[str, list[list[str]]] = {}
    ids: list[str] = []
    with databases() as made:
        for name, db in chosen(made, args):
            with db.transaction() as tx:
                metadata.create_all(tx.connection)
            ids = add_rows(db, len(noisy), ids)
            index(db, (entry(id, pages, number) for number, (id, pages) in enumerate(zip(ids, noisy, strict=True))))
            told = [ten(db, question) for question, _ in asked]
            answers[name] = [found for found, _ in told]
            places = [found.index(ids[number]) if ids[number] in found else None for (found, _), (_, number) in zip(
                told, asked, strict=True)]
            first, hit = sum(place == 0 for place in places), sum(place is not None for place in places)
            print(f"{name:<11} {len(noisy)} documents, {len(asked)} questions: first {first / len(asked):.1%}, among ten "
                  f"{hit / len(asked):.1%}, {timing([took for _, took in told])}")
            if args.show and name == "sqlite":
                for (question, number), place, (found, _) in zip(asked, places, told, strict=True):
                    if place is None:
                        print("  missed:", question, "|", len(found), number)
    same = sum(one == other for one, other in zip(*answers.values(), strict=True)) if len(answers) == 2 else 0
    print(f"the same ten in the same order on both: {same / len(asked):.1%}")


def speed(args: argparse.Namespace) -> None:
    """Questions as of `quality`, for words of the invented documents, and one more document indexed at a time."""
    dice = random.Random(args.seed)
    corpus = originals(args.data)
    asked = [question for question, _ in questions(corpus, args.queries, dice)]
    fresh = [pages for _, pages in invented(corpus, 220, random.Random(args.seed + 1))]
    answers = {}
    with databases(args.folder) as made:
        for name, db in chosen(made, args):
            for question in asked[:20]:
                ten(db, question)
            told = [ten(db, question) for question in asked]
            answers[name] = [found for found, _ in told]
            print(f"{name:<11} search: {timing([took for _, took in told])}", flush=True)
            took = []
            for id, pages in zip(add_rows(db, len(fresh)), fresh, strict=True):
                start = clock()
                with db.transaction() as tx:
                    write(tx, [entry(id, pages, len(took))])
                took.append((clock() - start) * 1000)
            print(f"{name:<11} one more document: {timing(took[20:])}, mean {sum(took[20:]) / len(took[20:]):.1f} ms", flush=True)
    same = sum(one == other for one, other in zip(*answers.values(), strict=True)) if len(answers) == 2 else 0
    print(f"the same ten in the same order on both: {same / len(asked):.1%}")


def chosen(made: dict[str, Database], args: argparse.Namespace) -> list[tuple[str, Database]]:
    """Both databases, or the one that was asked for."""
    return [(name, db) for name, db in made.items() if args.only in (None, name)]


def timing(took: Sequence[float]) -> str:
    """p50, p95, p99 in ms."""
    ordered = sorted(took)
    return ", ".join(f"p{share} {ordered[min(len(ordered) * share // 100, len(ordered) - 1)]:.0f} ms" for share in (50, 95, 99))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("quality")
    one.add_argument("--queries", type=int, default=300)
    one.add_argument("--noise", type=float, default=0.02)
    one.add_argument("--seed", type=int, default=7)
    one.add_argument("--data", type=Path, default=PAGES)
    one.add_argument("--show", action="store_true")
    one.add_argument("--only", choices=("sqlite", "postgresql"))
    one.set_defaults(run=quality)
    one = commands.add_parser("fill")
    one.add_argument("folder", type=Path)
    one.add_argument("--documents", type=int, default=100_000)
    one.add_argument("--seed", type=int, default=7)
    one.add_argument("--data", type=Path, default=PAGES)
    one.set_defaults(run=fill)
    one = commands.add_parser("speed")
    one.add_argument("folder", type=Path)
    one.add_argument("--queries", type=int, default=300)
    one.add_argument("--seed", type=int, default=7)
    one.add_argument("--data", type=Path, default=PAGES)
    one.add_argument("--only", choices=("sqlite", "postgresql"))
    one.set_defaults(run=speed)
    parser.add_argument("--cpu", action="store_true", help="count CPU time of this process: on a machine that others use too")
    args = parser.parse_args()
    global clock  # noqa: PLW0603
    clock = time.process_time if args.cpu else time.perf_counter
    args.run(args)


if __name__ == "__main__":
    main()
