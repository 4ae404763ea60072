"""Ours (in the box: words, preview, PDF/A), bare tesserocr and the `ocrmypdf` command on the same pages, in one run.

    python tests/bench/read.py [FILE.pdf[:1,2,3] ...] [--without-ocrmypdf] [--rounds N] [--dense PAGES] [--long PAGES]

Without files: the pages of the shared municipal scans that have a hand-made transcription, and a few more. CPU seconds count
every process that was started; one box serves all files, as in the service, and its start is told apart; "bare" is
recognition alone, on pages rendered at 300 dpi, without rendering and loading.
Bars: ours at most 0.52 x of ocrmypdf on real scans. `--dense`: so many generated full pages at 300 dpi instead; at most 0.45 x.
`--long`: `poststelle read` on so many pages instead (500 for the bar): at most 700 MiB for all its processes, both cores
at least 90 % busy (CPU over wall; anything else that runs on the machine lowers it).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pikepdf

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parent)]

from measures import Cost, cer, measured  # noqa: E402

from intake.box import Box, ReadOrder, RenditionPage  # noqa: E402
from intake.config import BoxSettings  # noqa: E402
from intake.vocabulary import Page  # noqa: E402
from samples.letters import dense_page  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SCANS = DATA / "municipal_scans"
DEFAULT = ("feuerwehrgebuehrensatzung-2018.pdf:1", "taxiverordnung.pdf:1,2", "hebesatzsatzung-20241212.pdf:3,4",
           "entwaesserungssatzung-vom-21.03.2017.pdf:4", "spielgeraete-satzung-2017-03-21-original.pdf:1,4")
TESSDATA = "/usr/share/tesseract-ocr/5/tessdata"
BARE = """
import sys, time
sys.path.insert(0, {root!r})
import tesserocr
from intake.box.inside.pdf import Pdf
from pathlib import Path
api = tesserocr.PyTessBaseAPI(path={tessdata!r}, lang="deu", psm=3, oem=1)
pdf = Pdf(Path(sys.argv[1]))
for number in range(1, pdf.page_count + 1):
    image = pdf.page(number).render(300, colour=False)
    start = time.process_time()
    api.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
    api.SetSourceResolution(300)
    api.Recognize()
    text = api.GetUTF8Text()
    print("CPU", time.process_time() - start)
    Path(sys.argv[2], f"bare-{{number}}.txt").write_text(text)
"""


Run = Callable[["Case", Path], tuple[Cost, list[str]]]


@dataclass(frozen=True, slots=True)
class Case:
    """A few pages of one file; `truth` by position, "" where there is none."""

    name: str
    pdf: Path
    truth: tuple[str, ...]

    @property
    def pages(self) -> int:
        return len(self.truth)


def cases(asked: list[str], folder: Path) -> list[Case]:
    """The files asked for, each cut down to the pages asked for."""
    found = []
    for one in asked:
        name, _, pages = one.partition(":")
        path = Path(name) if Path(name).exists() else SCANS / "pdf" / name
        with pikepdf.open(path) as source, pikepdf.new() as small:
            numbers = [int(number) for number in pages.split(",")] if pages else list(range(1, len(source.pages) + 1))
            for number in numbers:
                small.pages.append(source.pages[number - 1])
            target = folder / f"{path.stem[:30]}.pdf"
            small.save(target)
        texts = [SCANS / "truth" / f"{path.stem}_p{number}.txt" for number in numbers]
        found.append(Case(path.stem[:30], target, tuple(text.read_text() if text.exists() else "" for text in texts)))
    return found


def dense(pages: int, folder: Path, dpi: int = 300) -> Case:
    """Full pages of small print as a scanner's PDF (grey JPEG)."""
    target = folder / "dense.pdf"
    with pikepdf.new() as pdf:
        for seed in range(pages):
            dense_page(seed, dpi).convert("L").save(folder / "dense.page", "PDF", resolution=dpi, quality=80)
            with pikepdf.open(folder / "dense.page") as page:
                pdf.pages.extend(page.pages)
        pdf.save(target)
    return Case("dense", target, ("",) * pages)


def long_file(pages: int, folder: Path) -> None:
    """What `poststelle read` with JSON and PDF/A costs on a scan of so many pages at 200 dpi, ten different ones in turn."""
    few = dense(min(pages, 10), folder, dpi=200)
    with pikepdf.open(few.pdf) as source, pikepdf.new() as pdf:
        for place in range(pages):
            pdf.pages.append(source.pages[place % few.pages])
            picture = next(iter(pdf.pages[-1].get_images().values()))
            name = next(iter(pdf.pages[-1].Resources.XObject.keys()))
            copy = pdf.make_stream(picture.read_raw_bytes(), dict(picture.items()))
            pdf.pages[-1].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary({name: copy}))
        pdf.save(folder / "long.pdf")
    command = [str(Path(sys.executable).with_name("poststelle")), "read", str(folder / "long.pdf"),
               "--json", str(folder / "long.json"), "--pdf", str(folder / "out.pdf")]
    cost = measured(lambda: subprocess.run(command, check=True, capture_output=True), every=1.0)
    cores = len(os.sched_getaffinity(0))
    print(f"{pages} pages: {cost.cpu / pages:.2f} CPU s and {cost.wall / pages:.2f} s a page, "
          f"{cost.cpu / cost.wall / cores:.0%} of {cores} cores busy, peak {cost.peak_mib:.0f} MiB (bar 700)")


def started(box: Box, folder: Path) -> float:
    """CPU seconds until the box has everything that reading and rendition need; it serves 200 jobs then."""
    path = folder / "blank.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path)
    return ours(box, Case("blank", path, ("",)), folder)[0].cpu


def ours(box: Box, case: Case, folder: Path, workers: int = 1) -> tuple[Cost, list[str]]:
    """Read and rendition through the box, chunks of eight pages, `workers` at once."""
    order, pages = ReadOrder(), list[Page]()

    def chunk(numbers: range) -> tuple[Page, ...]:
        return box.read(case.pdf, "application/pdf", list(numbers), order, folder).pages

    def work() -> None:
        chunks = [range(start, min(start + 8, case.pages + 1)) for start in range(1, case.pages + 1, 8)]
        with ThreadPoolExecutor(workers) as pool:
            for found in pool.map(chunk, chunks):
                pages.extend(found)
        leaves = [RenditionPage(0, page.number, 0, page) for page in pages]
        made = box.rendition([(case.pdf, "application/pdf")], leaves, title=case.name, workdir=folder)
        if made.pdfa == "none":
            print("   no PDF/A:", made.reason)

    return measured(work), [page.text for page in pages]


def bare(case: Case, folder: Path) -> tuple[Cost, list[str]]:
    """Recognition alone with tesserocr's defaults at 300 dpi."""
    program = BARE.format(root=str(Path(__file__).resolve().parents[2]), tessdata=TESSDATA)
    done = subprocess.run([sys.executable, "-c", program, case.pdf, folder], check=True, capture_output=True, text=True,
                          env={"OMP_THREAD_LIMIT": "1"})
    cpu = sum(float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("CPU"))
    return Cost(cpu, cpu, 0.0), [(folder / f"bare-{number}.txt").read_text() for number in range(1, case.pages + 1)]


def ocrmypdf(case: Case, folder: Path) -> tuple[Cost, list[str]]:
    """The command a town would run."""
    side = folder / "side.txt"
    command = [str(Path(sys.executable).with_name("ocrmypdf")), "-q", "-l", "deu", "--deskew", "--rotate-pages", "-j", "1",
               "--skip-text", "--sidecar", str(side), str(case.pdf), str(folder / "peer.pdf")]
    cost = measured(lambda: subprocess.run(command, check=True, capture_output=True), every=1.0)
    return cost, side.read_text().split("\f")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=DEFAULT)
    parser.add_argument("--without-ocrmypdf", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1, help="in turn; of each the least counts")
    parser.add_argument("--dense", type=int, default=0, metavar="PAGES")
    parser.add_argument("--long", type=int, default=0, metavar="PAGES")
    asked = parser.parse_args()
    totals = {"ours": 0.0, "bare": 0.0, "ocrmypdf": 0.0}
    with tempfile.TemporaryDirectory() as name:
        folder, count = Path(name), 0
        if asked.long:
            long_file(asked.long, folder)
            return
        box = Box(BoxSettings())
        start = started(box, folder)
        print(f"{'pages':32}{'who':10}{'CPU s/page':>11}{'wall':>7}{'peak MiB':>9}  CER of the pages with truth")
        for case in [dense(asked.dense, folder)] if asked.dense else cases(list(asked.files), folder):
            count += case.pages
            runs: dict[str, Run] = {"bare": bare, "ours": partial(ours, box, workers=asked.workers)}
            if not asked.without_ocrmypdf:
                runs["ocrmypdf"] = ocrmypdf
            least: dict[str, tuple[Cost, list[str]]] = {}
            for who, run in [*runs.items()] * asked.rounds:
                one = run(case, folder)
                least[who] = min(one, least.get(who, one), key=lambda found: found[0].cpu)
            for who, (cost, texts) in least.items():
                totals[who] += cost.cpu
                rates = [f"{100 * cer(truth, text):.2f} %" for truth, text in zip(case.truth, texts, strict=False) if truth]
                print(f"{case.name:32}{who:10}{cost.cpu / case.pages:11.2f}{cost.wall / case.pages:7.2f}{cost.peak_mib:9.0f}  "
                      f"{' '.join(rates)}", flush=True)
        for who, cpu in totals.items():
            if cpu:
                print(f"{'all':32}{who:10}{cpu / count:11.2f}   ours is {totals['ours'] / cpu:.2f} x of it, "
                      f"{(totals['ours'] + start) / cpu:.2f} x with the start of a box ({start:.2f} s, once in 200 jobs)")


if __name__ == "__main__":
    main()
