"""How well pages are read: the counts behind the bars of reading, each a table; nothing is shown but what is counted.

    python tests/bench/accuracy.py fraktur|turns|codes|codes-false|blank|digital|layer [--step N] [--seed N] [--count N]

fraktur: every page of the shared Fraktur books, script chosen by the machine; bars 2.2 % (1841), 3.6 % (1809), script 95 %.
turns: every page of the shared municipal scans turned in pixels by 0, 90, 180 and 270 degrees; bar 99.5 % upright.
codes: generated separator sheets at 200 and 300 dpi, skewed 0-5 degrees, bitonal, 5 % noise; bar 99.5 % found.
codes-false: every page of the shared scans, invoices, books and plans; bar 0 found.
blank: so many generated blank pages and so many with one line or stamp; the truly blank pages of the scans; bar all right.
digital: every PDF of the shared scans and invoices through the sandbox; how many become PDF/A, how many words change (bar 0).
layer: the text layer of renditions of scans against the stored words; bar 99 % of the pages.
`--step N` takes every N-th page or file only. Reading runs in this process, `digital` in the sandbox.
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1]),
                str(Path(__file__).resolve().parent)]

from drawn import (  # noqa: E402
    LETTER,
    PATCHES,
    bleeding,
    code_sheet,
    dusty,
    paper,
    patch_sheet,
    punched,
    scanned,
    shadowed,
    stamped,
    write,
    written,
)
from measures import cer  # noqa: E402
from PIL import Image  # noqa: E402
from stamping import stamped_page  # noqa: E402

from intake.box import Box, ReadOrder, RenditionPage  # noqa: E402
from intake.box.inside import barcodes, blank, clean, geometry, patch, upright  # noqa: E402
from intake.box.inside.image import at_dpi, grey_of, turn  # noqa: E402
from intake.box.inside.read import ocr_dpi, run  # noqa: E402
from intake.box.inside.sheets import opened  # noqa: E402
from intake.box.inside.words import mean_confidence  # noqa: E402
from intake.config import BoxSettings  # noqa: E402
from intake.ocr.tesseract import Tesseract  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")
KINDS = (("QRCode", "qr", (30, 35, 40)), ("DataMatrix", "datamatrix", (15, 20, 25)), ("Code128", "code128", (70, 90, 110)))
PAYLOAD = "MI1|T=D|AP=031.2|AZ=|ID=123e4567-e89b-12d3-a456-426614174000|C=1A2B"


def fraktur(asked: argparse.Namespace) -> None:
    rates: dict[str, list[float]] = {}
    right = pages = 0
    with tempfile.TemporaryDirectory() as out:
        for path in sorted((DATA / "fraktur_pages").glob("*/*.tif"))[::asked.step]:
            truth = path.with_suffix("").with_suffix(".gt.txt").read_text()
            start = time.process_time()
            (page,) = run({"media_type": "image/tiff", "tessdata": TESSDATA}, [path], Path(out))["pages"]
            rate = cer(truth, page["text"])
            rates.setdefault(path.parent.name, []).append(rate)
            pages, right = pages + 1, right + (page["script"] == "fraktur")
            print(f"{path.parent.name}/{path.stem}  {100 * rate:5.2f} %  {page['script']}  {time.process_time() - start:.1f} s",
                  flush=True)
    for book, found in rates.items():
        found.sort()
        print(f"{book}: mean {100 * sum(found) / len(found):.2f} %, median {100 * found[len(found) // 2]:.2f} % of {len(found)}")
    print(f"script right on {right} of {pages} pages")


def scans(step: int = 1) -> Iterator[tuple[Path, int, Any]]:
    """Pages of the shared municipal scans."""
    place = 0
    for path in sorted((DATA / "municipal_scans" / "pdf").glob("*.pdf")):
        with opened(path, "application/pdf", 200) as source:
            for number in range(1, source.page_count + 1):
                place += 1
                if place % step == 0:
                    sheet = source.sheet(number)
                    yield path, number, sheet
                    source.release(sheet)


def turns(asked: argparse.Namespace) -> None:
    """Upright = the turn found takes back the one made; the page as it lies in the file counts as upright when read so."""
    engine, found, wrong = Tesseract(TESSDATA), Counter[bool](), []
    for path, number, sheet in scans(asked.step):
        grey = grey_of(sheet.render(ocr_dpi(sheet.native_dpi(), 300), colour=False))
        small = geometry.ink_of(at_dpi(grey, geometry.SMALL_DPI))
        if blank.is_bare(at_dpi(grey, 150), small):
            continue
        grey = clean.despeckled(grey)
        lies = None
        for way in (0, 90, 180, 270):
            page = turn(grey, way)
            words, back = upright.read_upright(page, geometry.ink_of(at_dpi(page, geometry.SMALL_DPI)),
                                               lambda image: clean.without_specks(engine.words(image, "deu")))
            lies = (way + back) % 360 if lies is None else lies
            right = (way + back) % 360 == lies
            found[right] += 1
            if not right or (way == 0 and back):
                wrong.append(f"{path.name} {number} turned {way}: {back}, first {lies}, confidence {mean_confidence(words):.2f}")
                print(wrong[-1], flush=True)
    print(f"{found[True]} of {found.total()} upright ({found[True] / max(found.total(), 1):.4f})")


def codes(asked: argparse.Namespace) -> None:
    found, missed = Counter[str](), []
    for seed in range(asked.seed, asked.seed + asked.count):
        chance = random.Random(seed)
        dpi, code = chance.choice((200, 300)), chance.choice(sorted(PATCHES))
        sheet = patch_sheet(code, dpi, across=chance.random() < 0.6, length_mm=chance.choice((50, 100, 170)),
                            top_mm=chance.choice((7, 15)))
        page = as_read(scanned(sheet, seed, skew=chance.uniform(-5, 5), noise=0.05, bitonal=True))
        kinds = [mark.kind for mark in patch.patches(at_dpi(page, geometry.SMALL_DPI))]
        found["patch right" if kinds == [f"patch-{code}"] else "patch wrong"] += 1
        missed += [f"patch {seed}: {code} read as {kinds}"] if kinds != [f"patch-{code}"] else []
        name, kind, sizes = KINDS[seed % 3]
        payload = {"QRCode": PAYLOAD, "DataMatrix": "DEA5-0001", "Code128": "MITTELAU-0001"}[name]
        sheet = code_sheet(payload, dpi, name, chance.choice(sizes))
        page = as_read(scanned(sheet, seed, skew=chance.uniform(-5, 5), noise=0.05, bitonal=True))
        marks = [(mark.kind, mark.payload) for mark in barcodes.found_on(page, at_dpi(page, 150), ())]
        found[f"{kind} right" if marks == [(kind, payload)] else f"{kind} wrong"] += 1
        missed += [f"{kind} {seed} at {dpi} dpi: {marks}"] if marks != [(kind, payload)] else []
    print(*missed, sep="\n")
    print(dict(sorted(found.items())))


def as_read(page: Image.Image) -> Image.Image:
    """The page in the resolution that reading works in."""
    return at_dpi(page, 220) if page.info["dpi"][0] > 220 else page


def codes_false(asked: argparse.Namespace) -> None:
    """Text pages count their words as reading does; a code that is really printed on an invoice is shown, too."""
    files = [(path, "application/pdf") for folder in ("municipal_scans/pdf", "invoices/pdf", "bebauungsplan_sample")
             for path in sorted((DATA / folder).glob("*.pdf"))]
    files += [(path, "image/tiff") for path in sorted((DATA / "fraktur_pages").glob("*/*.tif"))]
    files += [(path, "image/png") for path in sorted((DATA / "bebauungsplan_sample/test_images").glob("*.png"))]
    pages = hits = 0
    for path, media_type in files[::asked.step]:
        with opened(path, media_type, 200) as source:
            for number in range(1, source.page_count + 1):
                sheet = source.sheet(number)
                grey = as_read(grey_of(sheet.render(min(ocr_dpi(sheet.native_dpi(), 300), 200), colour=False)))
                marks = barcodes.found_on(grey, at_dpi(grey, 150), ()) + patch.patches(at_dpi(grey, geometry.SMALL_DPI))
                pages, hits = pages + 1, hits + bool(marks)
                if marks:
                    print(f"{path.name} {number}: {[(mark.kind, mark.payload[:40]) for mark in marks]}", flush=True)
                source.release(sheet)
    print(f"{hits} of {pages} pages with a code")


def blanks(asked: argparse.Namespace) -> None:
    missed, called = [], []
    for seed in range(asked.seed, asked.seed + asked.count):
        chance = random.Random(seed * 31 + 7)
        if not _bare(_blank_page(seed, chance)):
            missed.append(seed)
        if _bare(_nearly_blank(seed, chance)):
            called.append(seed)
    print(f"generated: blank {asked.count - len(missed)} of {asked.count} found {missed}, "
          f"content called blank {len(called)} of {asked.count} {called}")
    truly = {(row["file"], int(row["page"])) for row in csv.DictReader((DATA / "municipal_scans/page_inventory.csv").open())
             if row["blank"] == "1"}
    found = set()
    for path, number, sheet in scans():
        if _bare(grey_of(sheet.render(ocr_dpi(sheet.native_dpi(), 300), colour=False))):
            found.add((path.name, number))
    print(f"scans: {len(truly & found)} of {len(truly)} blank pages found, content called blank: {sorted(found - truly)}")


def _bare(page: Image.Image) -> bool:
    page = as_read(page)
    return blank.is_bare(at_dpi(page, 150), geometry.ink_of(at_dpi(page, geometry.SMALL_DPI)))


def _blank_page(seed: int, chance: random.Random) -> Image.Image:
    page = paper(chance.choice((150, 200, 300)), chance.choice((255, 242, 225)))
    if seed % 2:
        page = bleeding(page, written(LETTER * 3, round(page.info["dpi"][0])), chance.choice((10, 20, 28)))
    if seed % 3:
        punched(page, ink=chance.choice((10, 140)))
    if seed % 4:
        page = shadowed(page, depth=chance.choice((40, 120, 200)), width_mm=chance.choice((3, 8)))
    dusty(page, seed, chance.choice((10, 40, 60)))
    return scanned(page, seed, skew=chance.uniform(-2, 2), grey=chance.choice((0, 13)), blur=chance.choice((0, 0.6)),
                   bitonal=chance.random() < 0.2)


def _nearly_blank(seed: int, chance: random.Random) -> Image.Image:
    page = paper(chance.choice((150, 200, 300)), chance.choice((255, 248, 240)))
    if seed % 2:
        stamped(page, seed, ink=chance.choice((90, 110, 130, 150, 170)))
    else:
        line = chance.choice(("Anlage 3 zum Bescheid", "Anlage", "- 2 -", "Seite 12", "gez. Boysen", "Blatt 4"))
        write(page, [line], ink=chance.choice((20, 90, 150)), points=chance.choice((8, 10, 12)),
              at_mm=(chance.uniform(20, 150), chance.uniform(15, 280)))
    if seed % 3:
        punched(page)
    return scanned(page, seed, skew=chance.uniform(-2, 2), blur=chance.choice((0, 0.6)), grey=chance.choice((0, 13)))


def digital(asked: argparse.Namespace) -> None:
    """Words are compared as pdftotext reads them, before and after."""
    box, levels, changed = Box(BoxSettings()), Counter[str](), []
    for folder in ("municipal_scans/pdf", "invoices/pdf"):
        for path in sorted((DATA / folder).glob("*.pdf"))[::asked.step]:
            with tempfile.TemporaryDirectory() as name:
                pages = box.open(path, path.name, ReadOrder(chunk_pages=60), Path(name)).read
                if pages is None or any(page.source == "ocr" for page in pages.pages):
                    levels["scan or long"] += 1
                    continue
                leaves = [RenditionPage(0, page.number, 0, page) for page in pages.pages]
                made = box.rendition([(path, "application/pdf")], leaves, title=path.stem, workdir=Path(name))
                levels[made.pdfa] += 1
                if made.pdfa == "none":
                    print(f"{path.name}: {made.reason}", flush=True)
                elif subprocess.run(["qpdf", "--check", made.pdf], check=False, capture_output=True).returncode not in (0, 3):
                    levels["false claim"] += 1
                if _words_of(path) != _words_of(made.pdf):
                    changed.append(path.name)
    print(dict(levels), f"words changed in {changed}")


def layer(asked: argparse.Namespace) -> None:
    """Scans and stamped letters: the words of each page's text layer, as pdftotext reads them in the order of the file."""
    box, right, pages, wrong = Box(BoxSettings()), 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        for path, media_type in _scanned_files(asked, Path(name)):
            found = box.read(path, media_type, [1, 2] if path.suffix == ".pdf" else [1], ReadOrder(), Path(name)).pages
            made = box.rendition([(path, media_type)], [RenditionPage(0, page.number, 0, page) for page in found],
                                 title=path.stem, workdir=Path(name))
            wrong[made.pdfa] += 1
            for place, page in enumerate(found, start=1):
                command = ["pdftotext", "-raw", "-f", str(place), "-l", str(place), str(made.pdf), "-"]
                shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
                pages, right = pages + 1, right + (shown == [piece for word in page.words for piece in word.text.split()])
                if shown != [piece for word in page.words for piece in word.text.split()]:
                    print(f"{path.name} {page.number}: {len(shown)} words shown, {len(page.words)} stored", flush=True)
    print(f"{right} of {pages} pages give the stored words in order; PDF/A: {dict(wrong)}")


def _scanned_files(asked: argparse.Namespace, folder: Path) -> Iterator[tuple[Path, str]]:
    """Scans of two pages and more, and letters with slanted stamps."""
    with (DATA / "municipal_scans/inventory.csv").open() as file:
        scanned_ones = {row["file"] for row in csv.DictReader(file) if row["kind"] != "born_digital"}
    found = [path for path in sorted((DATA / "municipal_scans/pdf").glob("*.pdf")) if path.name in scanned_ones]
    for path in found[::asked.step]:
        with pikepdf.open(path) as pdf:
            if len(pdf.pages) > 1:
                yield path, "application/pdf"
    for seed in range(asked.seed, asked.seed + 6):
        made = stamped_page(seed, ("colour", "grey", "bitonal")[seed % 3])
        made.image.save(folder / f"stamp-{seed}.png", dpi=made.image.info["dpi"])
        yield folder / f"stamp-{seed}.png", "image/png"


def _words_of(path: Path) -> list[str]:
    return subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = {"fraktur": fraktur, "turns": turns, "codes": codes, "codes-false": codes_false, "blank": blanks, "digital": digital,
             "layer": layer}
    parser.add_argument("what", choices=tasks)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--seed", type=int, default=10_000)
    parser.add_argument("--count", type=int, default=200)
    asked = parser.parse_args()
    tasks[asked.what](asked)


if __name__ == "__main__":
    main()
