"""How well invoices are read: python -m tests.bench.invoices [--settings born ocr xml] [--keep FOLDER] [--data FOLDER].

Truth is what the XML embedded in each PDF says (truth.jsonl of the shared invoices), scored where it is printed (`visible`).
born: text layer without the XML; ocr: printed at 200 dpi, skewed, blurred, dusty, punched (samples/noise.py), read by
recognition; xml: with the XML. A field counts as found when its surest proposal of at least --least equals the truth (blanks
and case do not count, amounts by value); precision counts fields answered among those that are printed. Folds: contents
(`content_group`) that no other file shares, the worst of them named.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium

from intake.box import Box, ReadOrder
from intake.config import BoxSettings
from intake.extract.invoice import invoice
from intake.vocabulary import Fact, Material, Page
from samples import noise

FIELDS = {"number": "invoice_number", "date": "invoice_date", "due": "due_date", "net": "net_total", "tax": "tax_total",
          "gross": "gross_total", "iban": "iban", "bic": "bic", "seller": "seller_name", "seller_vat": "seller_vat",
          "buyer": "buyer_name", "order_ref": "order_reference"}
DPI = 200
Read = tuple[tuple[Page, ...], tuple[Fact, ...]]


def printed_and_scanned(pdf: Path, target: Path, seed: int) -> None:
    """Write the pages of `pdf` as a TIFF as an office scanner gives it back."""
    document = pdfium.PdfDocument(pdf)
    images = [noise.scan(document[number].render(scale=DPI / 72).to_pil().convert("L"), seed * 10 + number)
              for number in range(len(document))]
    images[0].save(target, "TIFF", save_all=True, append_images=images[1:], compression="jpeg", quality=75, dpi=(DPI, DPI))


def read(box: Box, path: Path, workdir: Path) -> Read:
    """Pages and facts of a file as the box gives them."""
    opened = box.open(path, path.name, ReadOrder(), workdir)
    part = opened.unpacked.parts[0]
    pages = opened.read.pages if opened.read else box.read(
        part.path, part.media_type, range(1, part.pages + 1), ReadOrder(), workdir).pages
    return pages, part.facts


def answers(found: Read, least: float, *, xml: bool) -> dict[str, str]:
    """The surest value of each field."""
    pages, facts = found
    best: dict[str, tuple[float, str]] = {}
    for one in invoice(Material(pages, facts=facts if xml else ())):
        if one.confidence >= max(least, best.get(one.field, (0.0, ""))[0] + 1e-9):
            best[one.field] = (one.confidence, one.value)
    return {name: value for name, (_, value) in best.items()}


def same(name: str, truth: str, value: str | None) -> bool:
    """Whether an answer is the truth: amounts by value, the rest without blanks, case and signs between words."""
    if value is None:
        return False
    if name.endswith("_total"):
        return Decimal(truth) == Decimal(value)
    plain = re.compile(r"[\s.,]")
    return plain.sub("", truth).casefold() == plain.sub("", value).casefold()


def f1(right: int, answered: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall, F1."""
    precision, recall = right / max(1, answered), right / max(1, wanted)
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def score(rows: Iterable[Mapping[str, Any]], said: Mapping[str, Mapping[str, str]], title: str) -> float:
    """Print the table of a setting; the micro F1 over all fields."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        for key, name in FIELDS.items():
            if not row["visible"].get(key):
                continue
            value = said[row["file"]].get(name)
            for count in (counts[name], counts["all"], groups[row["content_group"]]):
                count[0] += same(name, row["truth"][key], value)
                count[1] += value is not None
                count[2] += 1
    print(f"\n{title}\n{'field':18} {'printed':>8} {'precision':>10} {'recall':>8} {'F1':>8}")
    for name in (*FIELDS.values(), "all"):
        if name in counts:
            print(f"{name:18} {counts[name][2]:8d} " + " ".join(f"{value:9.3f}" for value in f1(*counts[name])))
    worst = sorted((f1(*count)[2], name, count[2]) for name, count in groups.items())
    print(f"contents: {len(groups)}, mean F1 of a content {sum(one[0] for one in worst) / len(worst):.3f}, worst: "
          + ", ".join(f"{name} {value:.2f} ({size})" for value, name, size in worst[:3]))
    return f1(*counts["all"])[2]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--settings", nargs="+", default=["born", "ocr", "xml"], choices=["born", "ocr", "xml"])
    asked.add_argument("--files", type=int, default=10_000)
    asked.add_argument("--least", type=float, default=0.0)
    asked.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[3] / "shared" / "data" / "invoices")
    asked.add_argument("--keep", type=Path, help="folder in which readings are kept from run to run")
    given = asked.parse_args()
    rows = [json.loads(line) for line in (given.data / "truth.jsonl").open(encoding="utf-8")][:given.files]
    box = Box(BoxSettings())
    results = {}
    for setting in given.settings:
        said = {}
        for seed, row in enumerate(rows):
            found = _kept(box, given, "ocr" if setting == "ocr" else "born", row["file"], seed)
            said[row["file"]] = answers(found, given.least, xml=setting == "xml")
        shown = [replace_visible(row) for row in rows] if setting == "xml" else rows
        results[setting] = score(shown, said, {"born": "born-digital, without the XML", "ocr": "printed, scanned, recognised",
                                               "xml": "with the XML (every stated field)"}[setting])
    box.close()
    print("\n" + "  ".join(f"{setting} F1 {value:.3f}" for setting, value in results.items()))


def replace_visible(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row with every field that the XML states as wanted, printed or not."""
    return {**row, "visible": {key: row["truth"].get(key) is not None for key in FIELDS}}


def _kept(box: Box, given: argparse.Namespace, kind: str, file: str, seed: int) -> Read:
    kept = given.keep / kind / f"{file}.read" if given.keep else None
    if kept is not None and kept.exists():
        found: Read = pickle.loads(kept.read_bytes())  # written by ourselves in the run before
        return found
    with tempfile.TemporaryDirectory() as folder:
        path = given.data / "pdf" / file
        if kind == "ocr":
            printed_and_scanned(path, Path(folder) / "scan.tif", seed)
            path = Path(folder) / "scan.tif"
        (Path(folder) / "work").mkdir()
        found = read(box, path, Path(folder) / "work")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps(found))
    return found


if __name__ == "__main__":
    main()
