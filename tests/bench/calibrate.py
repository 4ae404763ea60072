"""How far what extractors say lies from how often they are right, and the lines that put it right (intake/extract/calibrated.py).

    python -m tests.bench.calibrate --keep FOLDER [--letters N] [--every N] [--invoices] [--write]

Material: generated letters, scanned and recognised (tests/lettering.py), council papers, the labelled parcels, and with
--invoices the born-digital invoices. Readings are kept in FOLDER from run to run. Every proposal counts, also the less sure ones;
each kind of material weighs the same in a field. ECE: ten bins of equal width, weighted; "after" is measured on documents that
were not fitted on (five folds by document). --write prints the table to paste.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from lettering import made_letter, scanned  # noqa: E402

from intake.extract import calibrated as used  # noqa: E402
from intake.extract.council import council  # noqa: E402
from intake.extract.invoice import invoice  # noqa: E402
from intake.extract.letter import letter  # noqa: E402
from intake.extract.parcels import Parcels  # noqa: E402
from intake.extract.places import Places  # noqa: E402
from intake.extract.roles import parties  # noqa: E402
from intake.extract.standard import extract  # noqa: E402
from intake.keys import street_key  # noqa: E402
from intake.vocabulary import Material, Page  # noqa: E402
from tests.bench import extract as bench  # noqa: E402
from tests.bench import invoices  # noqa: E402

LEAST_ROWS, RIDGE, FOLDS = 60, 3.0, 5


@dataclass(frozen=True, slots=True)
class Row:
    """One proposal: what it said, whether it was right, of which document and kind of material."""

    field: str
    said: float
    right: bool
    document: str
    kind: str


def of_letters(keep: Path, count: int, first: int = 4000) -> Iterator[Row]:
    """Letters as scans, first answers and less sure ones."""
    (keep / "letters").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        reader = bench.Reader(Path(name))
        for seed in range(first, first + count):
            kept = keep / "letters" / f"{seed}.pkl"
            if not kept.exists():
                kept.write_bytes(pickle.dumps(reader.pages(scanned(made_letter(seed).letter, seed, (200, 300)[seed % 2]), seed)))
    for kept in sorted((keep / "letters").glob("*.pkl")):
        truth = made_letter(int(kept.stem)).truth
        pages: tuple[Page, ...] = pickle.loads(kept.read_bytes())  # written by ourselves
        for one in extract(Material(pages, received_on=date(2026, 11, 1)), (letter,)):
            if one.field in bench.LETTER_FIELDS:
                good = _is_true(one.field, one.value, truth.get(one.field, ""))
                yield Row(one.field, one.confidence, good, kept.stem, "letters")


def _is_true(field: str, value: str, truth: str) -> bool:
    if field == "sender_address":
        return street_key(value) == street_key(truth)
    return "".join(value.split()) == "".join(truth.split()) if field.endswith("_reference") else value == truth


def of_council(every: int) -> Iterator[Row]:
    """Council papers, fields that their text prints."""
    for number, record in enumerate(list(bench.lines_of("routing.jsonl.gz"))[::every]):
        printed = bench.printed_fields(record)
        for one in extract(bench.text_material(record["text"]), (council,)):
            truth = printed.get(one.field, [])
            if truth:
                good = one.value in truth if one.field in ("reference", "meeting_date") else any(
                    bench.same_title(one.value, name) for name in truth)
                yield Row(one.field, one.confidence, good, str(number), "council")


def of_parcels() -> Iterator[Row]:
    """The labelled documents, both halves."""
    texts = {record["file"]: record["text"] for record in bench.lines_of("parcels.jsonl.gz")}
    for label in (json.loads(line) for line in bench.LABELS.read_text(encoding="utf-8").splitlines()):
        material = bench.text_material(texts[label["file"]])
        checks: dict[str, Callable[[str], bool]] = {
            "applicant": lambda value, names=tuple(label["bauherr"]): any(bench.same_name(name, value) for name in names)}
        if "parcels" in label:
            checks["parcel"] = lambda value, known=frozenset(label["parcels"]): value in known
            streets = frozenset(street_key(value) for value in label["address"])
            checks["site_address"] = lambda value, known=streets: street_key(value) in known
        for one in extract(material, (Parcels(), Places(), parties)):
            if one.field in checks:
                yield Row(one.field, one.confidence, checks[one.field](one.value), label["file"], "parcels")


def of_invoices(keep: Path) -> Iterator[Row]:
    """Born-digital invoices without their XML; what is not printed is left out."""
    data = bench.DATA.parent / "invoices"
    given = argparse.Namespace(keep=keep, data=data)
    box = bench.Box(bench.Settings().box)
    names = {name: key for key, name in invoices.FIELDS.items()}
    for seed, line in enumerate((data / "truth.jsonl").open(encoding="utf-8")):
        row = json.loads(line)
        pages, _ = invoices._kept(box, given, "born", row["file"], seed)
        for one in extract(Material(pages), (invoice,)):
            key = names.get(one.field)
            if key and row["visible"].get(key):
                yield Row(one.field, one.confidence, invoices.same(one.field, row["truth"][key], one.value),
                          row["content_group"], "invoices")
    box.close()


def weights(rows: Sequence[Row]) -> Any:
    """Each kind of material weighs the same, in all as much as there are rows."""
    kinds = [row.kind for row in rows]
    return np.array([len(rows) / len(set(kinds)) / kinds.count(kind) for kind in kinds])


def fitted(rows: Sequence[Row]) -> tuple[float, float]:
    """Slope and shift by maximum likelihood, drawn towards the line that changes nothing."""
    said = np.clip([row.said for row in rows], 0.005, 0.995)
    odds, right, weight = np.log(said / (1 - said)), np.array([row.right for row in rows], float), weights(rows)

    def loss(line: Any) -> float:
        points = line[0] * odds + line[1]
        change = (line[0] - 1) ** 2 + line[1] ** 2 / 4
        return float((weight * (np.logaddexp(0, points) - right * points)).sum() + RIDGE * change)

    best = minimize(loss, [1.0, 0.0], bounds=[(0.1, 4.0), (-4.0, 4.0)], method="L-BFGS-B")
    return round(float(best.x[0]), 2), round(float(best.x[1]), 2)


def ece(said: Sequence[float], rows: Sequence[Row]) -> float:
    """Expected calibration error, ten bins."""
    right, weight = np.array([row.right for row in rows], float), weights(rows)
    places = np.minimum((np.array(said) * 10).astype(int), 9)
    gaps = [abs(float((weight * (np.array(said) - right))[places == place].sum())) for place in range(10)]
    return sum(gaps) / float(weight.sum())


def brier(said: Sequence[float], rows: Sequence[Row]) -> float:
    """Mean squared distance."""
    return float((weights(rows) * (np.array(said) - [row.right for row in rows]) ** 2).sum() / weights(rows).sum())


def unseen(rows: Sequence[Row]) -> list[float]:
    """The probability of each row by a line fitted on other documents."""
    order = {document: place % FOLDS for place, document in enumerate(sorted({row.document for row in rows}, key=_shuffled))}
    lines = [fitted([row for row in rows if order[row.document] != fold]) for fold in range(FOLDS)]
    return [used.on_line(row.said, *lines[order[row.document]]) for row in rows]


def _shuffled(name: str) -> int:
    return int.from_bytes(name.encode(), "big") * 2654435761 % 2**32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--letters", type=int, default=0)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--invoices", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    by_field: dict[str, list[Row]] = defaultdict(list)
    for rows in (of_letters(asked.keep, asked.letters), of_council(asked.every), of_parcels(),
                 of_invoices(asked.keep) if asked.invoices else ()):
        for row in rows:
            by_field[row.field].append(row)
    lines, total = {}, [0.0, 0.0, 0.0, 0.0, 0.0]
    print(f"{'field':18}{'rows':>6}{'right':>7}{'said':>7}  ECE before, after  Brier before, after")
    for field, rows in sorted(by_field.items()):
        if len(rows) < LEAST_ROWS:
            print(f"{field:18}{len(rows):6d}  too few")
            continue
        said, after = [row.said for row in rows], unseen(rows)
        found = (ece(said, rows), ece(after, rows), brier(said, rows), brier(after, rows))
        if found[1] < found[0]:  # a line that helps nothing on other documents is none
            lines[field] = fitted(rows)
        total = [one + len(rows) * other for one, other in zip(total, (*found, 1.0), strict=True)]
        print(f"{field:18}{len(rows):6d}{np.mean([row.right for row in rows]):7.3f}{np.mean(said):7.3f}"
              f"  {found[0]:10.3f} {found[1]:6.3f}  {found[2]:12.3f} {found[3]:6.3f}")
    print("all, by rows      " + " ".join(f"{one / max(total[4], 1.0):.3f}" for one in total[:4]))
    if asked.write:
        print("LINES = {\n" + "\n".join(f'    "{field}": ({line[0]}, {line[1]}),' for field, line in lines.items()) + "\n}")
    assert all(math.isfinite(number) for line in lines.values() for number in line)


if __name__ == "__main__":
    main()
