"""Large sheets: an A0 page at 300 dpi in colour, and a PDF of many plans, through the sandbox: peak memory, CPU, what is read.

    python tests/bench/plans.py [--pages N] [--mib-a-page N] [--rendition]

Bar: 2 GiB for all processes together. The PDF is built page by page in a temporary folder: one drawn A0 sheet as JPEG, filled up
with comment segments to the size asked for, each page with a stream of its own (20 pages of 70 MiB are 1.4 GB).
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

import pikepdf
from PIL import Image

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1]),
                str(Path(__file__).resolve().parent)]

from measures import measured  # noqa: E402
from test_plan import plan  # noqa: E402

from intake.box import Box, ReadOrder, RenditionPage  # noqa: E402
from intake.config import BoxSettings  # noqa: E402
from intake.vocabulary import Page  # noqa: E402
from samples.canvas import ScanCanvas  # noqa: E402

A0, DPI = (1189.0, 841.0), 300
COMMENT = b"\xff\xfe\xff\xff" + bytes(65533)


def sheet() -> tuple[bytes, tuple[int, int]]:
    """One A0 plan in colour as JPEG."""
    canvas = ScanCanvas(A0, DPI)
    plan(canvas)
    image = Image.merge("RGB", (canvas.image, canvas.image, canvas.image.point([min(value + 20, 255) for value in range(256)])))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70, dpi=(DPI, DPI))
    return out.getvalue(), image.size


def many(path: Path, pages: int, mib: int) -> None:
    """A PDF of so many plans, each `mib` MiB."""
    data, (width, height) = sheet()
    filled = data[:2] + COMMENT * max(((mib << 20) - len(data)) // len(COMMENT), 0) + data[2:]
    size = [0, 0, A0[0] * 72 / 25.4, A0[1] * 72 / 25.4]
    with pikepdf.new() as pdf:
        for number in range(pages):
            picture = pdf.make_stream(
                filled + bytes([number]), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=width, Height=height,
                ColorSpace=pikepdf.Name.DeviceRGB, BitsPerComponent=8, Filter=pikepdf.Name.DCTDecode)
            content = pdf.make_stream(f"q {size[2]} 0 0 {size[3]} 0 0 cm /Im0 Do Q".encode())
            pdf.pages.append(pikepdf.Page(pdf.make_indirect(pikepdf.Dictionary(
                Type=pikepdf.Name.Page, MediaBox=size, Contents=content,
                Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=picture))))))
        pdf.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--mib-a-page", type=int, default=0)
    parser.add_argument("--rendition", action="store_true")
    asked = parser.parse_args()
    box, pages = Box(BoxSettings()), list[Page]()
    with tempfile.TemporaryDirectory() as name:
        path, folder = Path(name) / "plans.pdf", Path(name)
        many(path, asked.pages, asked.mib_a_page)
        print(f"{asked.pages} plans, {path.stat().st_size / 1e6:.0f} MB")
        cost = measured(lambda: box.unpack(path, "plans.pdf", folder))
        print(f"unpack: {cost.cpu:.1f} CPU s, peak {cost.peak_mib:.0f} MiB")
        cost = measured(lambda: pages.extend(
            box.read(path, "application/pdf", range(1, min(asked.pages, 2) + 1), ReadOrder(), folder).pages))
        print(f"read {len(pages)}: {cost.cpu / len(pages):.1f} CPU s a page, peak {cost.peak_mib:.0f} MiB (bar 2048); "
              f"first words: {pages[0].text[:60]!r}")
        if asked.rendition:
            leaves = [RenditionPage(0, number, 0, pages[number % len(pages)]) for number in range(1, asked.pages + 1)]
            cost = measured(lambda: print(box.rendition([(path, "application/pdf")], leaves, title="Pläne", workdir=folder).pdfa))
            print(f"rendition: {cost.cpu:.1f} CPU s, peak {cost.peak_mib:.0f} MiB (bar 2048)")
    box.close()


if __name__ == "__main__":
    main()
