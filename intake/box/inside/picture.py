"""The job `picture`: one page as a person looks at it, a JPEG, turned upright. Made on demand and kept by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intake.box.inside.sheets import MM_PER_INCH, opened

OUTPUT = "page.jpg"
MOST_PIXELS = 16e6  # A1 at 85 dpi, A4 at 400: what a screen can show and a browser loads at once
QUALITY = 80


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Write page.jpg into `out`; returns {"picture": "page.jpg"}. Raises InputError when the page cannot be shown.

    `order`: media_type, number (from 1), rotation (clockwise, on top of what the file itself says), dpi, max_megapixels.
    """
    from intake.box.inside import image  # noqa: PLC0415

    with opened(inputs[0], order["media_type"], order["max_megapixels"]) as source:
        sheet = source.sheet(order["number"])
        area = sheet.width_mm * sheet.height_mm / MM_PER_INCH ** 2
        shown = image.turn(sheet.render(min(float(order["dpi"]), (MOST_PIXELS / area) ** 0.5)), order["rotation"])
        source.release(sheet)
    if not image.is_coloured(shown):
        shown = image.grey_of(shown)
    shown.save(out / OUTPUT, "JPEG", quality=QUALITY, dpi=tuple(round(value) for value in shown.info["dpi"]))
    return {"picture": OUTPUT}
