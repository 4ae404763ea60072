"""Precision, recall and F1 of the extracted fields: council papers, parcels, letters as scans, receipt stamps, boxes.

    python tests/bench/extract.py council [--every N] | parcels [--split dev|held-out] |
        letters [--first SEED] [--count N] [--persons] | stamps [--count N]
    options: --show N prints N wrong answers; letters and stamps are read by the box (some seconds each)

council: fields of the record count where they are printed in the first 2,500 characters: the reference and the title literally
(without blanks, hyphens, punctuation), a meeting's date in any form, its committee as whole words. One answer a field, the
surest; a title is right when equal (similarity 0.95) or when the shortened title of the record begins or ends the printed one
("exact" counts equal ones alone). Where several meetings are printed, one that the record has is right.
parcels: tests/labels/parcels.jsonl, labelled by reading; sets of values a document. Names are equal without case and punctuation,
or one holds the other and at least 60 % of it; signs are equal without blanks. Letters are generated
(tests/lettering.py); rules were made on seeds 0 to 2039, those from 3000 on are held out. --persons: the town's register of
persons has the citizens who write.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from lettering import PERSONS, made_letter, scanned  # noqa: E402
from stamping import stamped_page  # noqa: E402

from intake.box import Box, ReadOrder  # noqa: E402
from intake.cli.reading import read_file  # noqa: E402
from intake.config import Settings  # noqa: E402
from intake.extract.council import council  # noqa: E402
from intake.extract.dates import find_dates  # noqa: E402
from intake.extract.parcels import Parcels  # noqa: E402
from intake.extract.places import Places  # noqa: E402
from intake.extract.roles import parties  # noqa: E402
from intake.extract.standard import extract, standard  # noqa: E402
from intake.keys import fold, street_key  # noqa: E402
from intake.protocols import Extractor  # noqa: E402
from intake.vocabulary import Material, Page, Proposal  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "council_routing"
LABELS = Path(__file__).resolve().parents[1] / "labels" / "parcels.jsonl"
HEAD = 2500
LETTER_FIELDS = ("sender_name", "sender_address", "recipient_name", "letter_date", "subject", "your_reference", "our_reference")


class Scores:
    """Counts of right, answered and wanted values by field."""

    def __init__(self, show: int) -> None:
        self.right, self.answered, self.wanted, self.show = Counter[str](), Counter[str](), Counter[str](), show

    def add(self, field: str, right: int, answered: int, wanted: int, said: object = "") -> None:
        self.right[field] += right
        self.answered[field] += answered
        self.wanted[field] += wanted
        if self.show > 0 and not right == answered == wanted:
            self.show -= 1
            print(f"  {field}: {said}")

    def print(self) -> None:
        for field in self.wanted:
            precision, recall = self.right[field] / max(1, self.answered[field]), self.right[field] / max(1, self.wanted[field])
            f1 = 2 * precision * recall / max(1e-9, precision + recall)
            print(f"{field:16} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  ({self.wanted[field]})")


def lines_of(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def squeezed(text: str) -> str:
    return re.sub(r"[^0-9a-zäöüß]", "", re.sub(r"-\s*\n", "", text).lower())


def same_title(answer: str, title: str) -> bool:
    one, other = squeezed(answer), squeezed(title)
    part = (one.startswith(other) or one.endswith(other)) and len(one) <= 3 * len(other)
    return part or SequenceMatcher(None, one, other).ratio() >= 0.95


def printed_fields(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """The fields of a record that its text prints."""
    head = str(record["text"])[:HEAD]
    days = {found.day.isoformat() for found in find_dates(head)}
    flat = " ".join(head.split())
    meetings = record["consultations"]
    committees = [name for meeting in meetings for name in meeting["committee"]]
    return {
        "reference": [record["reference"]] if record["reference"] in head else [],
        "meeting_date": [meeting["meeting_date"] for meeting in meetings if meeting["meeting_date"] in days],
        "committee": [name for name in committees if re.search(rf"\b{re.escape(name)}(?:e?s)?\b", flat)],
        "subject": [record["title"]] if squeezed(record["title"]) in squeezed(head) else []}


def measure_council(every: int, show: int) -> None:
    scores, exact, unprinted = Scores(show), 0, Counter[str]()
    for record in list(lines_of("routing.jsonl.gz"))[::every]:
        found = council(text_material(record["text"]))
        for field, truth in printed_fields(record).items():
            answer = max((one for one in found if one.field == field), key=lambda one: one.confidence, default=None)
            if not truth:
                unprinted[field] += answer is not None
                continue
            value = answer.value if answer else ""
            good = answer is not None and (
                value in truth if field in ("reference", "meeting_date") else any(same_title(value, name) for name in truth))
            exact += field == "subject" and bool(value) and squeezed(value) == squeezed(truth[0])
            scores.add(field, good, answer is not None, 1, f"{value!r} statt {truth}")
    scores.print()
    print(f"subject exact: {exact / max(1, scores.wanted['subject']):.3f}; answered though not printed: {dict(unprinted)}")


def text_material(text: str) -> Material:
    return Material((Page(1, 210.0, 297.0, text),))


def name_key(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", fold(text))


def same_name(one: str, other: str) -> bool:
    a, b = name_key(one), name_key(other)
    return a == b or ((a in b or b in a) and min(len(a), len(b)) >= 0.6 * max(len(a), len(b)))


def measure_parcels(split: str, show: int) -> None:
    texts = {record["file"]: record["text"] for record in lines_of("parcels.jsonl.gz")}
    scores = Scores(show)
    for label in (json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()):
        if label["split"] != split:
            continue
        material = text_material(texts[label["file"]])
        if "parcels" in label:
            _sets(scores, "parcel", values(Parcels(), material, "parcel"), set(label["parcels"]), label["file"])
            found = {street_key(value) for value in values(Places(), material, "site_address")}
            _sets(scores, "site_address", found, {street_key(value) for value in label["address"]}, label["file"])
        names = {name_key(value): value for value in values(parties, material, "applicant")}.values()
        hits = [true for true in label["bauherr"] if any(same_name(true, name) for name in names)]
        extra = [name for name in names if not any(same_name(true, name) for true in label["bauherr"])]
        scores.add("applicant", len(hits), len(hits) + len(extra), len(label["bauherr"]), f"{label['file']}: {list(names)}")
    scores.print()


def values(extractor: Extractor, material: Material, field: str) -> set[str]:
    return {one.value for one in extractor(material) if one.field == field}


def _sets(scores: Scores, field: str, found: set[str], truth: set[str], file: str) -> None:
    scores.add(field, len(found & truth), len(found), len(truth), f"{file}: zu viel {found - truth}, fehlt {truth - found}")


class Reader:
    """Pictures read by the box, with the settings of a fresh installation."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.folder = Settings(), folder
        self.box = Box(self.settings.box)

    def pages(self, image: Any, number: int) -> tuple[Page, ...]:
        path = self.folder / f"{number}.png"
        image.save(path, dpi=image.info["dpi"], compress_level=1)
        read = self.settings.read
        order = ReadOrder(engine=read.engine, languages=read.languages, dpi=read.dpi, trust_text_layer=read.trust_text_layer,
                          preview_dpi=read.preview_dpi, chunk_pages=read.chunk_pages)
        with tempfile.TemporaryDirectory() as work:
            return read_file(self.box, path, order, Path(work), 1, lambda _done, _all: None).pages


def measure_letters(first: int, count: int, known: bool, show: int) -> None:
    scores, accents, covered, all_values = Scores(show), Counter[str](), 0, 0
    with tempfile.TemporaryDirectory() as name:
        reader = Reader(Path(name))
        for seed in range(first, first + count):
            made = made_letter(seed)
            pages = reader.pages(scanned(made.letter, seed, (200, 300)[seed % 2]), seed)
            found = extract(Material(pages, received_on=date(2026, 11, 1)), standard(names=PERSONS if known else ()))
            for field in LETTER_FIELDS:
                answer = next((one for one in found if one.field == field), None)
                truth = made.truth.get(field)
                good = answer is not None and truth is not None and (
                    answer.value == truth or (field == "sender_address" and street_key(answer.value) == street_key(truth))
                    or (field.endswith("_reference") and "".join(answer.value.split()) == "".join(truth.split())))
                accents[field] += bool(answer and truth and not good and fold(answer.value) == fold(truth))
                said = f"{seed} {answer.value if answer else None!r} statt {truth!r}"
                scores.add(field, good, answer is not None, truth is not None, said)
            covered += sum(covers(one, pages) for one in found)
            all_values += len(found)
    scores.print()
    print(f"only accents differ: {dict(accents)}; boxes cover their words: {covered / max(1, all_values):.4f} of {all_values}")


def covers(one: Proposal, pages: Sequence[Page]) -> bool:
    """Whether the box of a value covers words that spell its raw text (blanks aside)."""
    place = one.evidence[0]
    if place.box is None or not place.page:
        return False
    left, top, right, bottom = place.box
    inside = [word.text for word in pages[place.page - 1].words if left <= (word.box[0] + word.box[2]) / 2 <= right
              and top <= (word.box[1] + word.box[3]) / 2 <= bottom]
    wanted = Counter(re.sub(r"[\W_]", "", place.text))
    return not wanted - Counter("".join(inside))


def measure_stamps(count: int, show: int) -> None:
    scores = Scores(show)
    with tempfile.TemporaryDirectory() as name:
        reader = Reader(Path(name))
        for mode in ("colour", "grey", "bitonal"):
            for seed in range(count):
                made = stamped_page(seed, mode)
                pages = reader.pages(made.image, seed)
                found = [one for one in extract(Material(pages, received_on=date(2027, 1, 1)), standard())
                         if one.field == "receipt_date"]
                good = bool(found) and found[0].value == made.day.isoformat()
                scores.add(f"stamp {mode}", good, bool(found), 1, f"{seed} {[one.value for one in found]} statt {made.day}")
    scores.print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("council", "parcels", "letters", "stamps"))
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--split", choices=("dev", "held-out"), default="held-out")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--first", type=int, default=3000)
    parser.add_argument("--persons", action="store_true")
    parser.add_argument("--show", type=int, default=0)
    asked = parser.parse_args()
    if asked.what == "council":
        measure_council(asked.every, asked.show)
    elif asked.what == "parcels":
        measure_parcels(asked.split, asked.show)
    elif asked.what == "letters":
        measure_letters(asked.first, asked.count, asked.persons, asked.show)
    else:
        measure_stamps(asked.count, asked.show)


if __name__ == "__main__":
    main()
