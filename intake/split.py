"""Pages -> documents. Pure: every page comes out in exactly one place (house.md, page conservation).

1. Sheets cut for certain: patch codes T, 2 (document) and 3 (batch) on a page with few words, and codes of our own
   (`intake/sheetcode.py`). They belong to no document. What a sheet says of its Akte, entry or kind holds for the documents
   behind it: said by a document's sheet until the next sheet, by a Leitbeleg until the next Leitbeleg or batch, by a batch's
   sheet until the next batch. Codes of others (postage, forms, parcel labels) never cut. A code of ours that is damaged or
   another tenant's does not cut either, unless a patch code stands beside it; the document is doubtful in both cases. So is one
   with a page of text that seems to bear a patch code: the page stays in it.
2. Between two sheets: a fixed number of scanned pages a document (blank ones counted), or the learned boundary, or one document.
3. Blank pages (backs of single-sided paper) belong to no document but stay viewable.

A learned decision, to cut before a page or not to, is as sure as the probability of what was decided. At least `cut_auto`: taken.
At least `cut_ask`: taken and marked. Below: the better guess is taken, and the documents on both sides of the place (or the one
in which it lies) are doubtful: a person must look. With boundaries "ask" every learned cut is doubtful.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from intake import sheetcode
from intake.protocols import Boundary
from intake.sheetcode import Begins, Fault, SheetCode
from intake.vocabulary import Cut, Page, Said, Separator, Stack

CUTTING_PATCHES: dict[str, Begins] = {"patch-T": "document", "patch-2": "document", "patch-3": "batch"}
"""Document, document or batch (standards.md 11); 1, 4 and 6 steer scanners."""
OUR_CODES = frozenset({"qr", "code128", "datamatrix"})
BY_SEPARATOR, BY_FILE, BY_COUNT = "rule:separator@1", "rule:one-file@1", "rule:page-count@1"
MOST_WORDS, FEW_WORDS, EDGE = 150, 40, 0.25
"""Words of a sheet whose patch code stands along an edge (a Leitbeleg has 80), of one with it elsewhere; what is an edge."""
MOST_MARKS = 8  # sentences a document is marked with; a person looks at the first


@dataclass(frozen=True, slots=True)
class Way:
    """How the paper of a scan profile is cut. `tenant` whose sheets are ours; `pages_per_document` 0 = no fixed number."""

    tenant: str = ""
    separators: Literal["cut", "ignore"] = "cut"
    pages_per_document: int = 0
    boundaries: Literal["off", "ask", "auto"] = "off"
    cut_auto: float = 0.95
    cut_ask: float = 0.75


ONE_DOCUMENT = Way(separators="ignore")
"""One file, one document."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One document: the numbers of its pages in their order, and why just these."""

    pages: tuple[int, ...]
    cut: Cut


@dataclass(frozen=True, slots=True)
class Cuts:
    """Page numbers by what becomes of them: each page in exactly one of the three. `probability` that all cuts are right."""

    documents: tuple[Piece, ...]
    separators: tuple[int, ...]
    blanks: tuple[int, ...]
    probability: float = 1.0


# ---- sheets -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the marks of one page come to. `begins` None: no sheet, the page is an ordinary one; `fault`: a doubt (sentences)."""

    begins: Begins | None
    code: SheetCode | None = None
    fault: str = ""


def sheet_of(page: Page, tenant: str) -> Sheet:
    """Whether a page is a separator sheet for `tenant` ("" accepts the sheets of all), and what it says."""
    found = [sheetcode.decode(mark.payload, tenant) for mark in page.separators if mark.kind in OUR_CODES]
    codes = tuple(dict.fromkeys(code for code in found if isinstance(code, SheetCode)))
    faulty = next((code for code in found if isinstance(code, Fault)), None)
    patch = _patch(page.separators)
    if patch and not codes and not _is_bare_sheet(page):
        return Sheet(None, None, f"Seite {page.number} trägt ein Patchmuster, ist aber beschrieben: sie blieb im Schriftstück "
                                 "und hat nicht geschnitten. Prüfen Sie, ob hier ein neues beginnt.")
    if faulty:
        then = ("geschnitten wurde nach dem Patchcode daneben." if patch else
                "es hat nicht geschnitten. Prüfen Sie, ob hier ein neues Schriftstück beginnt.")
        return Sheet(patch, None, f"Seite {page.number} ist {faulty.sentence}; {then}")
    if len(codes) > 1:
        return Sheet(patch or "document", None, f"Seite {page.number} trägt mehrere Trennblatt-Codes; keiner wurde übernommen.")
    return Sheet(codes[0].begins, codes[0]) if codes else Sheet(patch)


def _patch(marks: Sequence[Separator]) -> Begins | None:
    begins = {CUTTING_PATCHES[mark.kind] for mark in marks if mark.kind in CUTTING_PATCHES}
    return "batch" if "batch" in begins else "document" if begins else None


def _is_bare_sheet(page: Page) -> bool:
    """Whether a page with a patch code has no more on it than a separator sheet: bars in the middle of a letter are no sheet."""
    across = [mark.box for mark in page.separators if mark.kind in CUTTING_PATCHES]
    at_edge = any(abs((box[one] + box[one + 2]) / 2 - 0.5) > EDGE for box in across for one in (0, 1))
    return len(page.words) <= (MOST_WORDS if at_edge else FEW_WORDS)


def is_separator(page: Page, tenant: str = "") -> bool:
    """True for a sheet that cuts: a patch code T, 2 or 3, or a whole code of ours."""
    return sheet_of(page, tenant).begins is not None


@dataclass(slots=True)
class _Run:
    """The pages between two sheets, and what is known of them before anybody looks at their words."""

    pages: list[Page] = field(default_factory=list)
    by: str = BY_FILE
    evidence: str = "Anfang der Datei"
    says: tuple[Said, ...] = ()
    doubts: list[tuple[int, str]] = field(default_factory=list)  # number of the page, sentence


ENDS: dict[Begins, tuple[Begins, ...]] = {
    "document": ("document",), "file": ("file", "document"), "batch": ("batch", "file", "document")}
"""Whose word ends at a sheet."""


def _runs(pages: Sequence[Page], tenant: str) -> tuple[list[_Run], list[int]]:
    """The runs between the sheets, in order (some may be empty), and the numbers of the sheets."""
    runs: list[_Run] = [_Run()]
    sheets: list[int] = []
    said: dict[Begins, tuple[Said, ...]] = {}
    for page in pages:
        sheet = sheet_of(page, tenant)
        if sheet.begins is None:
            runs[-1].pages.append(page)
        else:
            sheets.append(page.number)
            for ended in ENDS[sheet.begins]:
                said.pop(ended, None)
            said[sheet.begins] = _says(sheet.code, page.number)
            runs.append(_Run(by=BY_SEPARATOR, evidence=_named(sheet, page.number), says=_effective(said)))
        if sheet.fault:
            runs[-1].doubts.append((page.number, sheet.fault))
    return runs, sheets


def _says(code: SheetCode | None, page: int) -> tuple[Said, ...]:
    if code is None:
        return ()
    said = (Said("entry", code.entry, page), Said("file", code.file, page), Said("kind", code.kind, page))
    return tuple(one for one in said if one.value)


def _effective(said: dict[Begins, tuple[Said, ...]]) -> tuple[Said, ...]:
    """Each field as the nearest sheet says it. Whoever names an Akte or an entry displaces both of the wider sheets."""
    found: dict[str, Said] = {}
    placed = False
    for begins in ENDS["batch"][::-1]:
        own = said.get(begins, ())
        for one in own:
            if not (placed and one.field in ("entry", "file")):
                found.setdefault(one.field, one)
        placed = placed or any(one.field in ("entry", "file") for one in own)
    return tuple(found.values())


def _named(sheet: Sheet, number: int) -> str:
    what = {"document": "Trennblatt", "file": "Leitbeleg", "batch": "Stapel-Trennblatt"}[sheet.begins or "document"]
    said = sheet.code.file or sheet.code.entry if sheet.code else ""
    return f"{what} auf Seite {number}" + (f": {said}" if said else "")


# ---- cutting ----------------------------------------------------------------------------------------------------------


def cut(pages: Sequence[Page], way: Way, boundary: Boundary | None = None) -> Cuts:
    """Documents of a stack in the order of its pages. `boundary` is asked unless `way` says "off" or a fixed number of pages.

    A stack in which nothing would remain (all blank, or only sheets) stays one document with all its pages. Raises ValueError
    when the learned boundary is wanted but missing.
    """
    if way.separators == "cut":
        runs, sheets = _runs(pages, way.tenant)
    else:
        runs, sheets = [_Run(list(pages))], []
    _hand_back(runs)
    documents: list[Piece] = []
    probability = 1.0
    for run in runs:
        live = [page for page in run.pages if not page.blank]
        if not live:
            continue
        if way.pages_per_document:
            documents += _counted(run, way.pages_per_document)
        elif way.boundaries == "off":
            documents.append(_whole(run, live))
        elif boundary is None:
            raise ValueError("boundaries are wanted, but there is no model")
        else:
            stack = boundary(live)
            documents += _learned(run, live, stack, way)
            probability *= stack.probability
    if not documents and pages:
        return Cuts((Piece(tuple(page.number for page in pages), Cut(BY_FILE, evidence=("Anfang der Datei",))),), (), ())
    blanks = tuple(page.number for run in runs for page in run.pages if page.blank)
    return Cuts(tuple(documents), tuple(sheets), blanks, probability)


def _hand_back(runs: Sequence[_Run]) -> None:
    """What is doubtful about a sheet with no page behind it is told to the document before it."""
    for before, after in reversed([*pairwise(runs)]):
        if all(page.blank for page in after.pages):
            before.doubts += after.doubts


def _doubts(run: _Run, numbers: Sequence[int], *, first: bool) -> list[str]:
    """The doubts about sheets that touch the document with these pages; those about the sheet before the run are its first's."""
    inside = {page.number for page in run.pages}
    return [text for number, text in run.doubts if number in numbers or (first and number not in inside)]


def _piece(run: _Run, live: Sequence[Page], cause: Cut, *, first: bool) -> Piece:
    """The document of these pages, with the doubts about sheets and what the sheet before says."""
    numbers = tuple(page.number for page in live)
    doubts = _doubts(run, numbers, first=first)
    marks = (*doubts, *cause.marks)[:MOST_MARKS]
    return Piece(numbers, replace(cause, marks=marks, doubtful=cause.doubtful or bool(doubts), says=run.says))


def _whole(run: _Run, live: Sequence[Page]) -> Piece:
    return _piece(run, live, Cut(run.by, evidence=(run.evidence,)), first=True)


def _counted(run: _Run, count: int) -> Iterator[Piece]:
    first = True
    for start in range(0, len(run.pages), count):
        live = [page for page in run.pages[start:start + count] if not page.blank]
        if live:
            by, why = (run.by, run.evidence) if first else (BY_COUNT, f"{count} Seiten je Schriftstück")
            yield _piece(run, live, Cut(by, evidence=(why,)), first=first)
            first = False


# ---- learned boundaries -----------------------------------------------------------------------------------------------


def _learned(run: _Run, live: Sequence[Page], stack: Stack, way: Way) -> Iterator[Piece]:
    """The documents of a run as the model cut it, each with what is unsure at its beginning, its end and in between."""
    firsts = set(stack.firsts)
    for start, end in pairwise([*stack.firsts, len(live)]):
        places = [place for place in range(max(start, 1), min(end + 1, len(live)))]
        sure = math.prod(_sureness(stack, place, place in firsts) for place in places)
        told = [mark for place in places if (mark := _mark(live, stack, place, start, way))]
        marks = tuple(text for _, text in sorted(told, key=lambda one: not one[0]))
        by, why = (stack.by, _why(stack, start, begins=True)) if start else (run.by, (run.evidence,))
        cause = Cut(by, round(sure, 4), why, marks, any(hard for hard, _ in told))
        yield _piece(run, live[start:end], cause, first=start == 0)


def _sureness(stack: Stack, place: int, begins: bool) -> float:
    probability = stack.starts[place].probability
    return probability if begins else 1.0 - probability


def _mark(live: Sequence[Page], stack: Stack, place: int, start: int, way: Way) -> tuple[bool, str] | None:
    """(doubtful, sentence) for one place of a document that begins at `start`; None where nothing is to be said."""
    begins = place in stack.firsts
    sure = _sureness(stack, place, begins)
    hard = sure < way.cut_ask or (begins and way.boundaries == "ask")
    if not hard and sure >= way.cut_auto:
        return None
    why = ", ".join(_why(stack, place, begins=begins))
    number, said = live[place].number, f"{stack.starts[place].probability:.2f}".replace(".", ",")
    if not begins:
        where = f"Seite {number} (hier Seite {place - start + 1})"
        return hard, f"Vielleicht beginnt auf {where} ein neues Schriftstück, {said}; dagegen: {why}"
    word = "unsicher" if sure < way.cut_ask else "zu bestätigen" if hard else "nicht ganz sicher"
    return hard, f"{'Schnitt' if place == start else 'Ende'} {word} (vor Seite {number}), {said}: {why}"


def _why(stack: Stack, place: int, *, begins: bool) -> tuple[str, ...]:
    """Why a document begins (or none begins) here; where the pages say otherwise, their number decided."""
    start = stack.starts[place]
    if (start.probability >= 0.5) != begins:
        return ("die übliche Länge von Schriftstücken",)
    return start.evidence or ("das Gesamtbild der Seiten",)


# ---- decoding a stack -------------------------------------------------------------------------------------------------


def decode(probabilities: Sequence[float], length_log_prior: Sequence[float]) -> tuple[int, ...]:
    """Where documents begin: ascending indices of pages, 0 always among them (() for no pages).

    `probabilities[i]`: a document begins on page i (0..1); `length_log_prior[n]`: natural logarithm of the prior of n pages a
    document (index 0 unused; longer documents count like the last entry). Maximum of the sum of both over all cuts of the
    stack: a semi-Markov dynamic programme, O(pages * entries of the prior).
    """
    count = len(probabilities)
    priors = length_log_prior if len(length_log_prior) > 1 else (0.0, 0.0)
    longest = len(priors) - 1
    clipped = [min(max(probability, 1e-9), 1.0 - 1e-9) for probability in probabilities]
    within = [0.0]  # running sum of log(1 - p): what the pages inside a document contribute
    for probability in clipped:
        within.append(within[-1] + math.log1p(-probability))
    came = [0] * (count + 1)
    begun: list[float] = []  # for each page: the best score of all before it, if a document begins there
    total, far = 0.0, (-math.inf, 0)  # the best of those so far back that their length no longer matters
    for end in range(1, count + 1):
        begun.append(total + (math.log(clipped[end - 1]) if end > 1 else 0.0) - within[end])
        if end >= longest:
            far = max(far, (begun[end - longest], longest - end))
        near = max(((begun[start] + priors[end - start], -start) for start in range(max(0, end - longest + 1), end)),
                   default=(-math.inf, 0))
        score, place = max(near, (far[0] + priors[longest], far[1]))
        total, came[end] = score + within[end], -place
    firsts = []
    end = count
    while end:
        end = came[end]
        firsts.append(end)
    return tuple(reversed(firsts))
