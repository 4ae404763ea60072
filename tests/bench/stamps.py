"""Receipt stamps on letters, slanted by up to 15 degrees, over text or not: found, and their day readable?

    python tests/bench/stamps.py [--count N] [--seed N] [--slant DEGREES] [--show N] [--modes colour,grey,bitonal]
    python tests/bench/stamps.py --without [--count N] [--seed N]

"found": a stamp region covers the stamp by half (intersection over union). "day": the stamp's words hold the day as printed.
"F1": of the day of receipt as `intake.extract.stamp` proposes it.
"--without": letters without a stamp, and with one that has no day: on how many is a day of receipt proposed? (0 is right)
"other": regions where no stamp is (a signature may look like one; each costs a second look of about 0.1 s).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from PIL import Image  # noqa: E402
from stamping import Box, page_without_day, stamped_page  # noqa: E402

from intake.box.inside.read import run  # noqa: E402
from intake.extract.stamp import stamp  # noqa: E402
from intake.propose import best  # noqa: E402
from intake.resources import resource  # noqa: E402
from intake.vocabulary import Material, Page, Word  # noqa: E402

TESSDATA = next((str(folder) for folder in sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True)), "")
MODELS = str(resource("models"))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    common = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def within(box: Box, other: Box) -> bool:
    """True when the middle of a box lies in the other."""
    return other[0] <= (box[0] + box[2]) / 2 <= other[2] and other[1] <= (box[1] + box[3]) / 2 <= other[3]


def read(image: Image.Image, folder: Path) -> dict[str, object]:
    path = folder / "page.png"
    image.save(path, dpi=image.info["dpi"], compress_level=1)
    told = {"media_type": "image/png", "tessdata": TESSDATA, "models": MODELS}
    page: dict[str, object] = run(told, [path], folder)["pages"][0]
    return page


def proposed(page: dict[str, object]) -> str:
    """The day of receipt that extraction proposes for the page, "" for none."""
    words = tuple(Word(**{**word, "box": tuple(word["box"])}) for word in page["words"])  # type: ignore[attr-defined]
    seen = Page(1, 210.0, 297.0, str(page["text"]), words, stamps=tuple(tuple(box) for box in page["stamps"]))  # type: ignore[attr-defined]
    answer = best(stamp(Material((seen,), received_on=date(2026, 12, 31))), "receipt_date")
    return answer.value if answer is not None else ""


def plain(text: str) -> str:
    return re.sub(r"[^0-9a-zä]", "", text.lower())


def without(count: int, first: int, modes: list[str]) -> None:
    """Days of receipt proposed where there is none, and CPU per page."""
    with tempfile.TemporaryDirectory() as name:
        for mode in modes:
            for stamped in (False, True):
                start, false = time.process_time(), list[str]()
                for seed in range(first, first + count):
                    image = page_without_day(seed, mode, dpi=(200, 300)[seed % 2], stamped=stamped)  # type: ignore[arg-type]
                    said = proposed(read(image, Path(name)))
                    false += [f"{seed}: {said}"] * bool(said)
                spent = (time.process_time() - start) / count
                what = "a stamp without day" if stamped else "no stamp"
                print(f"{mode:8} {what:20} of {count}: false days {len(false)} {false}  {spent:.2f} CPU s a page", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--slant", type=float, default=15.0)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--modes", default="colour,grey,bitonal")
    parser.add_argument("--without", action="store_true")
    asked = parser.parse_args()
    if asked.without:
        return without(asked.count, asked.seed, asked.modes.split(","))
    with tempfile.TemporaryDirectory() as name:
        for mode in asked.modes.split(","):
            counts, start = Counter[str](), time.process_time()
            for seed in range(asked.seed, asked.seed + asked.count):
                made = stamped_page(seed, mode, slant=asked.slant, dpi=(200, 300)[seed % 2])
                page = read(made.image, Path(name))
                hits = [box for box in page["stamps"] if overlap(box, made.box) >= 0.5]  # type: ignore[attr-defined]
                inside = [word["text"] for word in page["words"] if within(word["box"], made.box)]  # type: ignore[attr-defined]
                day = plain(made.printed) in plain(" ".join(inside))
                said = proposed(page)
                counts += {"answered": bool(said), "right": said == made.day.isoformat(), "found": bool(hits), "day": day,
                           "other": len(page["stamps"]) - len(hits),  # type: ignore[arg-type]
                           "over text": made.over_text, "day over text": day and made.over_text}
                if asked.show and not day:
                    print(f"  {mode} {seed} {made.angle:.1f} over={made.over_text} found={bool(hits)} "
                          f"{made.printed}: {' '.join(inside)}")
            spent = (time.process_time() - start) / asked.count
            f1 = 2 * counts["right"] / max(counts["answered"] + asked.count, 1)
            print(f"{mode:8} of {asked.count}: F1 {f1:.3f}  {dict(counts)}  {spent:.2f} CPU s a page", flush=True)


if __name__ == "__main__":
    main()
