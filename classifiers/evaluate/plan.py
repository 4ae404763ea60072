"""How well the plan's own words rank, without any example: `python -m classifiers.evaluate plan --plan PLAN.csv --test B.jsonl`.

Beside it, on the same texts, plain TF-IDF cosine between the text and the titles of the entries.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

from classifiers.evaluate.measures import Fields, read_rows
from classifiers.linear import Example
from classifiers.plan import PlanRanker
from intake.errors import ConfigError
from intake.keys import notation_key
from intake.vocabulary import AktenplanEntry

NAMES = {
    "notation": ("notation", "kennzeichen", "nummer", "aktenplankennzeichen", "zeichen"),
    "title": ("titel", "title", "bezeichnung"), "keywords": ("stichworte", "schlagworte", "schlagwörter", "keywords"),
    "description": ("beschreibung", "description", "erläuterung", "ziele", "inhalt"),
    "parent": ("parent", "übergeordnet", "oberbegriff"),
}
"""What the columns of plans are called."""


def main(arguments: Sequence[str]) -> int:
    """Measure and print the figures; 0, or 4 when the data cannot be used."""
    found = argparse.ArgumentParser(prog="python -m classifiers.evaluate plan", description=__doc__)
    found.add_argument("--plan", type=Path, required=True)
    found.add_argument("--test", type=Path, required=True)
    found.add_argument("--text", required=True)
    found.add_argument("--label", required=True, help="field with the notation of the right entry")
    found.add_argument("--json", type=Path)
    options = found.parse_args(arguments)
    try:
        entries = read_entries(options.plan)
        fields = Fields(tuple(options.text.split(",")), options.label)
        test = [fields.example(row) for row in read_rows(options.test)]
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 4
    result = measure(entries, test)
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    return 0


def measure(entries: Sequence[AktenplanEntry], test: Sequence[Example]) -> dict[str, object]:
    """top-1 and top-5 of the plan's words and of plain TF-IDF on titles, and how they were counted.

    Only entries of the depths at which labels lie are answers (a product group is asked for, not its products).
    """
    depths = _depths(entries)
    keys = {notation_key(one.notation) for one in entries}
    asked = [one for one in test if notation_key(one.label) in keys]
    wanted = {depths[notation_key(one.label)] for one in asked}
    inner = [one for one in entries if depths[notation_key(one.notation)] <= max(wanted, default=0)]
    answers = {notation_key(one.notation) for one in inner if depths[notation_key(one.notation)] in wanted}
    begun = time.process_time()
    ours = _share(words(inner), asked, answers)
    seconds = time.process_time() - begun
    plain = _share(cosine([one for one in inner if notation_key(one.notation) in answers]), asked, answers)
    return {"top1": ours[0], "top5": ours[1], "tfidf_titles": {"top1": plain[0], "top5": plain[1]}, "documents": len(asked),
            "without_entry": len(test) - len(asked), "entries": len(answers), "cpu_s": seconds}


def words(entries: Sequence[AktenplanEntry]) -> Callable[[Example], list[str]]:
    """Ranks by the plan's words (`PlanRanker`); without a title the first line of a text is its subject."""
    ranker = PlanRanker(entries)

    def rank(document: Example) -> list[str]:
        first, _, rest = document.text.strip().partition("\n")
        title, text = (document.title, document.text) if document.title else (first[:200], rest)
        return [entry.notation for entry, _ in ranker.rank_text(text, title)]

    return rank


def cosine(entries: Sequence[AktenplanEntry]) -> Callable[[Example], list[str]]:
    """Ranks by plain TF-IDF cosine on titles."""
    machine = TfidfVectorizer(sublinear_tf=True)
    matrix = machine.fit_transform([entry.title for entry in entries])

    def rank(document: Example) -> list[str]:
        scores = (matrix @ machine.transform([f"{document.title} {document.text}"]).T).toarray().ravel()
        return [entries[row].notation for row in (-scores).argsort(kind="stable") if scores[row] > 0]

    return rank


def read_entries(path: Path) -> tuple[AktenplanEntry, ...]:
    """The entries of a plan in CSV with a column for the notation and one for the title, whatever they are called.

    For measuring foreign plans as they come; a town's own plan is imported by `poststelle plan import`. Raises ConfigError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} ist keine lesbare CSV-Datei ({type(error).__name__}).") from error
    rows = list(csv.DictReader(text.splitlines(keepends=True), delimiter=";" if ";" in text.split("\n", 1)[0] else ","))
    columns = {field: [name for name in (rows[0] if rows else {}) if name.casefold() in names] for field, names in NAMES.items()}
    if not columns["notation"] or not columns["title"]:
        raise ConfigError(f"In {path} fehlt die Spalte mit dem Kennzeichen (notation) oder dem Titel (titel).")

    def value(row: dict[str, str], field: str) -> str:
        return "\n".join(row[name] for name in columns[field] if row[name])

    notations = {row[columns["notation"][0]] for row in rows}
    return tuple(
        AktenplanEntry(sign, sign, value(row, "title"), tuple(filter(None, value(row, "keywords").split("|"))),
                       description=value(row, "description"), parent=_above(sign, value(row, "parent"), notations))
        for row in rows if (sign := row[columns["notation"][0]]))


def _above(sign: str, parent: str, notations: set[str]) -> str | None:
    """The entry above: named in the plan, else the longest notation with which this one begins."""
    if parent in notations and parent != sign:
        return parent
    return next((sign[:size] for size in range(len(sign) - 1, 0, -1) if sign[:size] in notations), None)


def _depths(entries: Sequence[AktenplanEntry]) -> dict[str, int]:
    by_id = {one.id: one for one in entries}
    found = {}
    for one in entries:
        depth, at = 0, one
        while at.parent in by_id and depth < 20:
            at, depth = by_id[at.parent or ""], depth + 1
        found[notation_key(one.notation)] = depth
    return found


def _share(rank: Callable[[Example], list[str]], asked: Sequence[Example], answers: set[str]) -> tuple[float, float]:
    first = fifth = 0
    for one in asked:
        found = [key for notation in rank(one) if (key := notation_key(notation)) in answers][:5]
        first += found[:1] == [notation_key(one.label)]
        fifth += notation_key(one.label) in found
    return first / max(1, len(asked)), fifth / max(1, len(asked))
