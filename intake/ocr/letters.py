"""Language data without its dictionary: what recognises letters, a hundredth of the file for all languages in Latin script.

The dictionary is what is slow to load (0.5 s and 300 MiB for a moment, against 0.1 s and 12 MiB), and names stand in none.
"""

from __future__ import annotations

import struct
from pathlib import Path

from intake.errors import ConfigError

LATIN = "Latin"
"""The data for all languages in Latin script (Debian: tesseract-ocr-script-latn)."""
KEPT = (17, 21, 22, 23)
"""lstm, lstm-unicharset, lstm-recoder, version: places in the table of a traineddata file (Tesseract, tessdatamanager.h)."""


def latin_in(tessdata: Path) -> Path | None:
    """The file of the Latin script among the language data: beside the others (Debian) or in `script` (Tesseract itself)."""
    return next((path for path in (tessdata / f"{LATIN}.traineddata", tessdata / "script" / f"{LATIN}.traineddata")
                 if path.is_file()), None)


def without_dictionary(data: Path, lean: Path) -> None:
    """Write the parts of the traineddata file `data` that recognise letters into `lean`; raises ConfigError for another file."""
    with data.open("rb") as source:
        head = source.read(4)
        count = struct.unpack("<i", head)[0] if len(head) == 4 else 0
        table = source.read(8 * count) if KEPT[1] < count <= 64 else b""
        if len(table) != 8 * count or not table:
            raise ConfigError(f"Die Sprachdaten {data.name} sind beschädigt. Holen Sie sie neu: "
                              "apt-get install --reinstall tesseract-ocr-script-latn")
        starts = struct.unpack(f"<{count}q", table)
        ends = (*sorted(start for start in starts if start >= 0), data.stat().st_size)
        parts = {}
        for place in KEPT:
            if place < count and starts[place] >= 0:
                source.seek(starts[place])
                parts[place] = source.read(next(end for end in ends if end > starts[place]) - starts[place])
    offsets, at = [-1] * count, 4 + 8 * count
    for place, part in parts.items():
        offsets[place], at = at, at + len(part)
    lean.write_bytes(struct.pack(f"<i{count}q", count, *offsets) + b"".join(parts.values()))
