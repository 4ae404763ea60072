"""Values from texts alone: `python -m intake.extract --text FILE.jsonl.gz --json OUT`.

FILE has one JSON object a line with `text` (a whole document; form feeds part its pages) or `pages` (a list of texts, of
[number, text] or of objects with `text`); OUT gets one object a line for each, with the fields by which the line is known
(`file`, `id`, `paper`, `reference_id`, `hash`, `folder`, whichever it has) and `fields`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from intake.extract.standard import as_fields, extract, standard
from intake.vocabulary import Material, Page

KNOWN_BY = ("id", "file", "paper", "document", "doc_id", "folder", "hash", "sha256", "name", "file_name")
A4 = (210.0, 297.0)


def material_of(said: Mapping[str, Any]) -> Material:
    """The pages of one line. Raises KeyError when it has neither `pages` nor `text`."""
    pages = said["pages"] if said.get("pages") else said["text"].split("\f")
    return Material(tuple(Page(number, *A4, _text(page)) for number, page in enumerate(pages, start=1)))


def _text(page: Any) -> str:
    if isinstance(page, Mapping):
        return str(page["text"])
    return str(page if isinstance(page, str) else page[-1])


def answers(lines: TextIO) -> Iterator[dict[str, Any]]:
    """For each line of `lines` its known fields and what was found; blank lines are left out. Raises ValueError for no JSON."""
    extractors = standard()
    for line in lines:
        if line.strip():
            said = json.loads(line)
            yield {name: said[name] for name in KNOWN_BY if name in said} | {
                "fields": as_fields(extract(material_of(said), extractors))}


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0, or 2 with a German sentence when the file is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m intake.extract", description="Werte aus Texten (JSON-Zeilen) lesen.")
    parser.add_argument("--text", type=Path, required=True, help="JSON-Zeilen mit Texten, auch mit gzip gepackt")
    parser.add_argument("--json", type=Path, required=True, help="hierhin kommt für jede Zeile eine Antwort")
    given = parser.parse_args(arguments)
    try:
        with _opened(given.text) as lines, given.json.open("w", encoding="utf-8") as out:
            for answer in answers(lines):
                out.write(json.dumps(answer, ensure_ascii=False) + "\n")
    except (OSError, EOFError, ValueError, KeyError) as error:
        sys.stderr.write(f"{given.text.name}: Die Datei kann nicht gelesen werden ({type(error).__name__}). Erwartet werden "
                         "JSON-Zeilen mit dem Feld text oder pages.\n")
        return 2
    return 0


def _opened(path: Path) -> TextIO:
    """The lines of a file, unpacked when its first bytes say gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return io.TextIOWrapper(gzip.open(path)) if packed else path.open(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
