"""How well the fields of letters are read.

    python -m tests.bench.letters [--first SEED] [--count N] [--ocr] [--bare] [--skew DEGREES] [--show N]

Letters are made by samples/letters.py (forms A and B, block, line or none); the truth is what was printed. Without options the
words are those that were drawn; --ocr: a scan at 200 or 300 dpi in turn, read by the box as the product reads; --bare: the same
scan by recognition alone, for comparison. Letters in many looks: tests/bench/extract.py letters.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from PIL import Image

from intake.extract.references import References, compiled
from intake.extract.standard import extract, standard
from intake.ocr.tesseract import Tesseract
from intake.propose import best
from intake.vocabulary import Material, Page
from samples.canvas import ScanCanvas
from samples.letters import Letter, lay_out, random_letter
from tests.bench.extract import Reader
from tests.paper import WordCanvas

PATTERN = r"\b(?:BA|OA|KA|HA|SA)/\d{1,3}(?:\.\d{2})?-\d{4}/\d{4}\b"
FIELDS = ("sender_name", "recipient_name", "letter_date", "subject", "your_reference", "file_reference", "receipt_date")


def made(seed: int) -> tuple[Letter, dict[str, str]]:
    """A letter with signs (in block, line, subject or nowhere) and its truth."""
    rng = random.Random(seed * 7919)
    plain = random_letter(seed)
    sign = f"BA/632.{rng.randint(1, 9)}0-{rng.randint(1, 999):04d}/20{rng.randint(10, 26)}"
    place = rng.choice(("block", "references", "subject", "none"))
    changes: dict[str, object] = {}
    truth = {"sender_name": plain.sender[0], "recipient_name": plain.recipient[0], "subject": plain.subject,
             "letter_date": datetime.strptime(plain.date, "%d.%m.%Y").date().isoformat()}
    if place == "block":
        changes = {"block": (("Ihr Zeichen", sign), ("Ihre Nachricht", "02.03.2026"), *plain.block), "references": ()}
        truth["your_reference"] = sign
    elif place == "references":
        changes = {"references": (("Ihr Zeichen", sign), ("Unser Zeichen", f"ab-{rng.randint(1, 99)}")), "block": ()}
        truth["your_reference"] = sign
    elif place == "subject":
        changes = {"subject": f"{plain.subject}, Ihr Zeichen {sign}"}
        truth["subject"] = str(changes["subject"])
    if place != "none":
        truth["file_reference"] = sign
    return Letter(**{**{name: getattr(plain, name) for name in plain.__dataclass_fields__}, **changes}), truth


def page_exact(paper: Letter, skew: float, seed: int, truth: dict[str, str]) -> tuple[Page, ...]:
    canvas = WordCanvas(skew=skew)
    lay_out(canvas, paper)
    _stamp(canvas, seed, truth)
    return canvas.pages()


def _stamp(canvas: WordCanvas, seed: int, truth: dict[str, str]) -> None:
    rng = random.Random(seed)
    if rng.random() < 0.6:
        day = date(2026, 10, rng.randint(1, 28))
        x, y = rng.choice(((128, 100), (130, 20), (85, 225)))
        canvas.text(x, y, "AMT MITTELAU", 9)
        canvas.text(x + 2, y + 5, "Eingegangen", 11)
        canvas.text(x, y + 11, rng.choice((f"{day:%d.%m.%Y}", f"{day:%d}. Okt. {day:%Y}", f"{day:%d. Oktober %Y}")), 11)
        canvas.text(x, y + 16, "Anl. ___  Amt ____", 7)
        truth["receipt_date"] = day.isoformat()


def scan(paper: Letter, skew: float, seed: int, truth: dict[str, str]) -> Image.Image:
    """The first page as a scanner sees it, at 200 or 300 dpi in turn."""
    dpi = (200, 300)[seed % 2]
    canvas = ScanCanvas(dpi=dpi)
    lay_out(canvas, paper)
    _stamp(canvas, seed, truth)  # type: ignore[arg-type]
    image = canvas.pages[0].rotate(-skew, Image.Resampling.BICUBIC, fillcolor=255)
    image.info["dpi"] = (float(dpi), float(dpi))
    return image


@lru_cache
def _engine() -> Tesseract:
    return Tesseract("/usr/share/tesseract-ocr/5/tessdata")


def page_bare(paper: Letter, skew: float, seed: int, truth: dict[str, str]) -> tuple[Page, ...]:
    words = _engine().words(scan(paper, skew, seed, truth), "deu")
    lines: dict[tuple[int, int], list[str]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word.text)
    return (Page(1, 210.0, 297.0, "\n".join(" ".join(line) for line in lines.values()), words, source="ocr"),)


def measured_by_box(first: int, count: int, skew: float, show: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder))
        measure(first, count, lambda *made: reader.pages(scan(*made), made[2]), skew, show)


Pages = Callable[[Letter, float, int, dict[str, str]], tuple[Page, ...]]


def measure(first: int, count: int, pages: Pages, skew: float, show: int) -> None:
    hits: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    spent = 0.0
    own = References(compiled((PATTERN,)))
    for seed in range(first, first + count):
        paper, truth = made(seed)
        turn = random.Random(seed).uniform(-skew, skew)
        material = Material(pages(paper, turn, seed, truth), received_on=date(2026, 11, 1))
        start = time.process_time()
        found = extract(material, (*standard(), own))
        spent += time.process_time() - start
        for name in FIELDS:
            answer = best(found, name)
            wanted[name] += name in truth
            answered[name] += answer is not None
            right = answer is not None and answer.value == truth.get(name)
            hits[name] += right
            if not right and (answer or name in truth) and show > 0:
                show -= 1
                print(f"  {seed} {name}: {answer.value if answer else None!r} statt {truth.get(name)!r}")
    for name in FIELDS:
        precision, recall = hits[name] / max(1, answered[name]), hits[name] / max(1, wanted[name])
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"{name:16} P {precision:.3f}  R {recall:.3f}  F1 {f1:.3f}  ({wanted[name]})")
    print(f"{1000 * spent / count:.2f} ms CPU je Brief")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ocr", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--skew", type=float, default=2.0)
    parser.add_argument("--show", type=int, default=0)
    given = parser.parse_args()
    if given.ocr:
        measured_by_box(given.first, given.count, given.skew, given.show)
    if given.bare or not given.ocr:
        measure(given.first, given.count, page_bare if given.bare else page_exact, given.skew, given.show)


if __name__ == "__main__":
    main()
