"""The second way to PDF/A for what was born digital: Ghostscript, and the proof that it changed nothing a person sees.

Ghostscript embeds the fonts a file only names, and now and then changes text while it does (safety.md 6): what it wrote
counts only where pages, sizes, words and pictures are those of before. It is started inside the box alone, is given only
files written by us (never PostScript), and its own `-dSAFER` is no boundary, only a second lock.
"""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from intake.box.inside.pdf import Pdf
from intake.box.inside.textlayer import words_of
from intake.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

LOOK_DPI = 60.0
MEAN, SPOT = 2.0, 72
"""How far two pictures of a page may differ, of 255: on average, and in a spot of 1.7 mm (a letter is more)."""
SECONDS, SECONDS_A_PAGE = 60, 10
PROGRAM = "gs"
FOLDERS = "/usr/local/bin:/usr/bin:/bin"  # inside the box there is no PATH
LOSSLESS = ("-dAutoFilterColorImages=false", "-dAutoFilterGrayImages=false", "-dColorImageFilter=/FlateEncode",
            "-dGrayImageFilter=/FlateEncode", "-dDownsampleColorImages=false", "-dDownsampleGrayImages=false",
            "-dDownsampleMonoImages=false")


Seen = tuple["Image", str, tuple[float, float]]
"""Picture, words in order, size in points of a page."""


class ProcessesForbiddenError(Exception):
    """The system-call filter does not let this job start Ghostscript."""


def converted(before: Path, after: Path, pages: int) -> str:
    """Write `before` (a PDF of ours) through Ghostscript to `after`; "" or the German reason why that was not possible.

    Raises ProcessesForbiddenError where this job may not start programs.
    """
    program = shutil.which(PROGRAM, path=FOLDERS)
    if program is None:
        return "Ghostscript ist nicht installiert (apt-get install ghostscript)"
    command = [program, "-dSAFER", "-dPDFA=2", "-dPDFACompatibilityPolicy=1", "-dBATCH", "-dNOPAUSE", "-q", "-sDEVICE=pdfwrite",
               "-sColorConversionStrategy=RGB", *LOSSLESS, f"-sOutputFile={after}", str(before)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={"TMPDIR": "/tmp"}, timeout=SECONDS + SECONDS_A_PAGE * pages, check=False)
    except subprocess.TimeoutExpired:
        return "Ghostscript ist damit nicht fertig geworden"
    except OSError as error:
        if error.errno == errno.EPERM:
            raise ProcessesForbiddenError from error
        return f"Ghostscript lässt sich nicht starten ({error.strerror})"
    if done.returncode != 0 or not after.is_file():
        return f"Ghostscript kommt mit der Datei nicht zurecht (Ende {done.returncode})"
    return ""


def difference(before: Path, after: Path) -> str:
    """What a reader of `after` would see otherwise than one of `before`, as a German sentence; "" when it is nothing."""
    try:
        with ExitStack() as stack:
            old, new = Pdf(before), Pdf(after)
            stack.callback(old.close)
            stack.callback(new.close)
            if old.page_count != new.page_count:
                return f"aus {old.page_count} Seiten würden {new.page_count}"
            pairs = enumerate(zip(_seen(old), _seen(new), strict=True), start=1)
            return next((found for number, (was, now) in pairs if (found := _changed(number, was, now))), "")
    except InputError as error:
        return str(error)


def _changed(number: int, was: Seen, now: Seen) -> str:
    if max(abs(was[2][0] - now[2][0]), abs(was[2][1] - now[2][1])) > 1.0:
        return f"Seite {number} bekäme eine andere Größe"
    if was[1] != now[1]:
        return f"auf Seite {number} würde sich der Text ändern"
    return f"Seite {number} sähe anders aus" if _differ(was[0], now[0]) else ""


def _seen(pdf: Pdf) -> Iterator[Seen]:
    """The pages, one after the other."""
    for number in range(1, pdf.page_count + 1):
        page = pdf.page(number)
        try:
            words = " ".join(word.text for word in words_of(page)[0])
            yield page.render(LOOK_DPI, colour=True), words, (page.width_pt, page.height_pt)
        finally:
            page.close()


def _differ(one: Image, other: Image) -> bool:
    from PIL import ImageChops  # noqa: PLC0415

    if one.size != other.size:
        other = other.resize(one.size)
    for band in ImageChops.difference(one, other).split():
        tones = band.histogram()
        if sum(tone * count for tone, count in enumerate(tones)) > MEAN * one.width * one.height:
            return True
        extrema = band.reduce(4).getextrema()
        if isinstance(extrema[1], int | float) and extrema[1] > SPOT:
            return True
    return False
