"""poststelle model export-training: what clerks decided, as examples for `python -m classifiers.train`.

The file holds the text of letters: it belongs to the town, stays in its house and is deleted when the model is trained.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from intake import learning, postroom
from intake.cli import common
from intake.cli.common import HomeOption, TenantOption
from intake.db.cuts import reviewed_documents
from intake.db.deliveries import get_delivery
from intake.db.documents import get_document
from intake.errors import Refused
from intake.pipeline import Postroom, pages_of_document

Row = dict[str, Any]


def boundary_examples(room: Postroom, tenant: str) -> Iterator[Row]:
    """Each document that a clerk approved as it is cut: folder (its Sendung), file, hash, pages with `n` from 1, text and size.

    The form of whole documents that `classifiers.train boundary` reads.
    """
    with room.db.read() as conn:
        ids = reviewed_documents(conn, tenant)
    for id in ids:
        with room.db.read() as conn:
            document = get_document(conn, id)
            delivery = get_delivery(conn, document.delivery)
        pages = pages_of_document(room, document)
        name = f"{delivery.original.sha256}:{','.join(str(page.number) for page in pages)}"
        written = [{"n": number, "text": page.text, "width_mm": page.width_mm, "height_mm": page.height_mm}
                   for number, page in enumerate(pages, start=1)]
        yield {"folder": delivery.id, "file": delivery.original.name, "hash": hashlib.sha256(name.encode()).hexdigest(),
               "pages": written}


def filing_examples(room: Postroom, tenant: str) -> Iterator[Row]:
    """Each filing that a clerk decided: text, title, label (id of the entry), date, kind. Nothing restricted."""
    return learning.export_lines(room, postroom.learning_tools(), tenant)


class What(StrEnum):
    """What may be exported; each has its function in EXAMPLES."""

    BOUNDARY = "boundary"
    FILING = "filing"


EXAMPLES: Mapping[What, Callable[[Postroom, str], Iterator[Row]]] = {
    What.BOUNDARY: boundary_examples, What.FILING: filing_examples}


def export_training(
    out: Annotated[Path, typer.Argument(metavar="DATEI.jsonl.gz", help="Diese Datei schreiben (JSON-Zeilen, gepackt).")],
    what: Annotated[What, typer.Option(
        "--what", help="boundary = Grenzen: Schriftstücke, wie sie geprüft und geschnitten sind; "
        "filing = Ablagen: Text und Aktenplaneintrag, ohne Vertrauliches.")],
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Was Menschen entschieden haben, als Beispiele zum Anlernen schreiben. Die Datei enthält den Text der Post."""
    installation = common.open_home(home)
    town = common.the_tenant(installation, tenant).name
    room = postroom.build(installation)
    try:
        with common.writing(out):
            count = write_examples(EXAMPLES[what](room, town), out)
    finally:
        room.db.close()
    if not count:
        out.unlink()
        raise Refused("Es gibt noch nichts, was Menschen geprüft und freigegeben haben. Geben Sie erst Schriftstücke frei.")
    common.say(f"{count} Beispiele in {out}. Die Datei enthält den Text der Post; löschen Sie sie nach dem Anlernen.")
    common.say(f"Anlernen: python -m classifiers.train {what.value} --help")


def write_examples(rows: Iterator[Row], out: Path) -> int:
    """Write the rows as packed JSON lines, readable for their owner alone; their number. The same rows give the same bytes."""
    count = 0
    out.touch(mode=0o600)
    with out.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
        for row in rows:
            packed.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            count += 1
    return count
