"""Nachscans: pages of the back-file are replaced or inserted from rescans, doubles set aside. Nothing is deleted.

A rescan comes by the folder `nachscan` of its profile. Which page it is for says the slip in front of it (`code`), else its name
(`A_1_akte_S12.tif` replaces page 12 of A_1/akte.pdf, `A_1_akte_S12+.tif` is inserted behind it, `S0+` in front of all), else a
row of `nachscan.csv` beside it (Nachscan; Datei; Seite; Art). Its bytes become a further part of the delivery they mend, whose
ledger then names every page of both: the old ones as replaced, slips and backs as aside. Of what lies in one file everything is
put in whose page can be told; the rest of it waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from intake.backfile.stacking import sign_of
from intake.config import Backfile
from intake.db import batches as lose
from intake.db import checks
from intake.db import rescans as rows
from intake.db.batches import Batch, Item
from intake.db.core import Database, Tx
from intake.db.deliveries import get_delivery, move_delivery
from intake.db.documents import (
    add_decision,
    check_conservation,
    get_document,
    live_decision,
    move_document,
    proposals_of,
    put_pages,
)
from intake.db.filings import filing_of_document, undo_filing
from intake.db.rescans import Rescan
from intake.db.signs import put_signs
from intake.db.splices import lock_delivery
from intake.errors import InputError, Reason, Refused, Stale
from intake.filing import WITH
from intake.journal import record
from intake.sheets import renumber_evidence
from intake.vocabulary import Delivery, DeliveryState, Document, DocumentState, Page, PageRef, PageState, Part

FOLDER, LIST = "nachscan", "nachscan.csv"
PREFIX = "poststelle/nachscan/"
ACTOR = "service:rescans"
_CODE = re.compile(rf"{PREFIX}([0-9A-Z]{{26}})/([0-9A-Z]{{26}})/(\d{{1,5}})/(\d{{1,4}})\.(\d{{1,5}})/(ersetzt|fehlt)")
_NAME = re.compile(r"(?P<file>.+)_S(?P<page>\d{1,5})(?P<behind>\+?)$", re.IGNORECASE)
_INSERT = ("einf", "fehl", "neu", "insert")
"""How a word in the column "Art" begins that asks to insert rather than to replace."""
SLIP_AGAIN = "Drucken Sie den Zettel neu (poststelle batch slips) oder benennen Sie die Datei wie DATEI_S12.tif."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with the pages behind a slip: `page` of the document is replaced, or they go in behind it.

    `place` (part, number) is where that page lay when the slip was printed; `page` 0 with `ersetzt` means all its pages.
    """

    batch: str
    document: str
    page: int
    place: tuple[int, int]
    how: Literal["ersetzt", "fehlt"]


def code(wish: Wish) -> str:
    """What the QR code of a slip says; `decoded` gives the wish back."""
    return f"{PREFIX}{wish.batch}/{wish.document}/{wish.page}/{wish.place[0]}.{wish.place[1]}/{wish.how}"


def decoded(payload: str) -> Wish | None:
    """The wish of a slip; None for any other code."""
    found = _CODE.fullmatch(payload)
    if found is None:
        return None
    return Wish(found[1], found[2], int(found[3]), (int(found[4]), int(found[5])), "fehlt" if found[6] == "fehlt" else "ersetzt")


@dataclass(frozen=True, slots=True)
class Told:
    """What name or list say of a rescan: file of the batch, page in it as people count, replace or insert behind."""

    file: str
    page: int
    how: Literal["ersetzt", "fehlt"]


def told_by(part: Part) -> Told | None:
    """What a row of the list, else the file's own name, says of a rescan; None when neither does."""
    said = {fact.term.rpartition(" ")[2].casefold(): fact.value for fact in part.facts if fact.name == "sidecar"}
    if said.get("datei") and said.get("seite", "").rstrip("+").isdecimal():
        behind = said["seite"].endswith("+") or said.get("art", "").casefold().startswith(_INSERT)
        return Told(said["datei"], int(said["seite"].rstrip("+")), "fehlt" if behind else "ersetzt")
    name = part.blob.name.replace("\\", "/").rpartition("/")[2]
    found = _NAME.fullmatch(name.rpartition(".")[0] or name)
    return Told(found["file"], int(found["page"]), "fehlt" if found["behind"] else "ersetzt") if found else None


@dataclass(frozen=True, slots=True)
class _Sheets:
    """Pages behind a slip (or of a file that needs none), blank ones left out; `problem`: why nothing can be done with them."""

    part: Part
    pages: tuple[Page, ...]
    wish: Wish | None = None
    problem: str = ""


def sheets_of(part: Part, pages: Sequence[Page]) -> Iterator[_Sheets]:
    """The pages of a rescan, slip by slip."""
    found: list[tuple[Page | None, list[Page]]] = [(None, [])]
    for page in pages:
        if _mark(page):
            found.append((page, []))
        elif not page.blank:
            found[-1][1].append(page)
    for slip, here in found:
        if slip is not None or here or len(found) == 1:
            yield _some(part, slip, tuple(here))


def _mark(page: Page) -> str:
    return next((one.payload for one in page.separators if one.payload.startswith(PREFIX)), "")


def _some(part: Part, slip: Page | None, pages: tuple[Page, ...]) -> _Sheets:
    wish = decoded(_mark(slip)) if slip else None
    problem = ""
    if slip is not None and wish is None:
        problem = f"Der Zettel auf Seite {slip.number} von „{part.blob.name}“ ist nicht lesbar. {SLIP_AGAIN}"
    elif not pages:
        problem = (f"In „{part.blob.name}“ liegt hinter einem Zettel kein beschriebenes Blatt. Legen Sie das Blatt "
                   "dahinter und scannen Sie beides noch einmal.")
    return _Sheets(part, pages, wish, problem)


def _unmatched(sentence: str) -> InputError:
    return InputError(sentence, reason=Reason.UNMATCHED)


# ---- carrying out ------------------------------------------------------------------------------------------------------


def put_in(db: Database, delivery: Delivery, read: Sequence[tuple[Part, Sequence[Page]]], unread: Sequence[str] = ()) -> int:
    """Carry out what a delivery of rescans asks for and open it; how many pages were put in. `unread`: why parts of it cannot.

    What can be told goes in, in one transaction. Raises InputError for the rest (a person must look: nobody can tell the page,
    the Akte is closed), behind which the delivery waits; tried again, only that rest is tried. Raises Stale.
    """
    left = list(unread)
    with db.transaction() as tx:
        lock_delivery(tx, delivery.id)
        now = get_delivery(tx.connection, delivery.id)
        if (now.state, now.revision) != (delivery.state, delivery.revision):
            raise Stale("Diese Sendung wurde inzwischen anders bearbeitet.")
        used = rows.used_of(tx.connection, delivery.id)
        by_bytes = {part.blob.sha256: part.position for part, _ in read}
        parts = {(one.delivery, by_bytes[one.sha256]): one.part for one in used if one.sha256 in by_bytes}
        done = 0
        for part, pages in read:
            in_already = {one.number for one in used if one.sha256 == part.blob.sha256}
            for sheets in sheets_of(part, pages):
                if in_already.isdisjoint(page.number for page in sheets.pages):
                    why = sheets.problem or _tried(tx, delivery, sheets, parts)
                    left += [why] if why else []
                    done += 0 if why else len(sheets.pages)
        if not left:
            move_delivery(tx, delivery, DeliveryState.OPENED)
            rows.turn(tx, delivery.id, delivery.tenant, [
                (part.position, page.number, PageState.ASIDE) for part, pages in read for page in pages])
        for touched in {*([] if left else [delivery.id]), *(target for target, _ in parts)}:
            check_conservation(tx, touched)
        if done or not left:
            record(tx, delivery.tenant, ACTOR, "rescan.used", subjects={"delivery": delivery.id},
                   new={"pages": done} | ({"waiting": len(left)} if left else {}))
    if left:
        raise _unmatched(_rest(left, done + len(used)))
    return done


def _tried(tx: Tx, source: Delivery, sheets: _Sheets, parts: dict[tuple[str, int], int]) -> str:
    """Why these sheets cannot be put in, with nothing of them done; "" when they are in."""
    trial = dict(parts)
    try:
        with tx.connection.begin_nested():
            _carry_out(tx, source, sheets, trial)
    except InputError as error:
        return str(error)
    parts.update(trial)
    return ""


def _rest(left: Sequence[str], done: int) -> str:
    """What waits, in sentences; and that the others are in."""
    said = left[0] if len(left) == 1 else f"{len(left)} Stellen dieses Nachscans warten. Die erste: {left[0]}"
    others = "Eine andere Seite ist" if done == 1 else f"{done} andere Seiten sind"
    return f"{said} {others} schon eingefügt." if done else said


@dataclass(frozen=True, slots=True)
class _Target:
    """Where pages go: the places of the document's own pages they replace, or (none) the one they go in behind or before."""

    batch: Batch
    item: Item
    document: Document
    replaced: tuple[PageRef, ...]
    at: int

    @property
    def neighbour(self) -> PageRef:
        """The page an inserted one lies behind (of the first: before)."""
        return self.document.pages[max(0, self.at - 1)]


def _carry_out(tx: Tx, source: Delivery, sheets: _Sheets, parts: dict[tuple[str, int], int]) -> int:
    target = _by_slip(tx, source, sheets.wish) if sheets.wish else _by_name(tx, source, sheets.part)
    if target.replaced and len(target.replaced) != len(sheets.pages):
        wanted = "eine Seite" if len(target.replaced) == 1 else f"{len(target.replaced)} Seiten"
        raise _unmatched(f"„{sheets.part.blob.name}“ soll {wanted} von „{target.item.path}“ ersetzen und bringt "
                         f"{len(sheets.pages)}. Scannen Sie je Zettel genau die genannten Seiten (leere zählen nicht).")
    delivery = target.document.delivery
    part = parts.get((delivery, sheets.part.position)) or _new_part(tx, source, delivery, sheets.part)
    parts[delivery, sheets.part.position] = part
    fresh = [PageRef(part, page.number) for page in sheets.pages]
    old = list(target.document.pages)
    refs = [*old[:target.at], *fresh, *old[target.at + len(target.replaced):]]
    rows.turn(tx, delivery, source.tenant, [(ref.part, ref.number, PageState.REPLACED) for ref in target.replaced])
    document = change_pages(tx, target.document, refs)
    for ref in target.replaced:
        rows.forget_sign(tx, delivery, ref.part, ref.number)
    owner = get_delivery(tx.connection, delivery)
    put_signs(tx, source.tenant, [sign_of(owner, ref, page) for ref, page in zip(fresh, sheets.pages, strict=True)])
    _note(tx, source, target, fresh, document)
    checks.rescanned(tx, document.id)
    return len(fresh)


def _new_part(tx: Tx, source: Delivery, delivery: str, part: Part) -> int:
    """The rescan as a further part of the delivery it mends, all its pages aside as yet."""
    position = rows.add_part(tx, source.tenant, replace(part, delivery=delivery))
    rows.turn(tx, delivery, source.tenant, [(position, number, PageState.ASIDE) for number in range(1, part.pages + 1)])
    return position


def _note(tx: Tx, source: Delivery, target: _Target, fresh: Sequence[PageRef], document: Document) -> None:
    kind = "replaced" if target.replaced else "inserted"
    for at, ref in enumerate(fresh):
        old = target.replaced[at] if target.replaced else target.neighbour
        rows.add_rescan(tx, source.tenant, Rescan(
            "", target.batch.id, document.delivery, document.id, kind, old.part, old.number, target.item.path, target.at + at + 1,
            ACTOR, source.id, ref.part, ref.number))
    record(tx, source.tenant, ACTOR, f"rescan.{kind}",
           subjects={"delivery": document.delivery, "document": document.id, "batch": target.batch.id, "rescan": source.id},
           old={"pages": [[ref.part, ref.number] for ref in target.replaced]},
           new={"pages": [[ref.part, ref.number] for ref in fresh], "page": target.at + 1, "revision": document.revision})


# ---- which page --------------------------------------------------------------------------------------------------------


def _by_slip(tx: Tx, source: Delivery, wish: Wish) -> _Target:
    batch = rows.batch_by_id(tx.connection, source.tenant, wish.batch)
    if batch is None:
        raise _unmatched(f"Der Zettel vor diesem Nachscan nennt einen Stapel, den es hier nicht gibt. {SLIP_AGAIN}")
    try:
        delivery = get_document(tx.connection, wish.document).delivery
    except Refused as error:
        raise _unmatched(f"Der Zettel vor diesem Nachscan nennt ein Schriftstück, das es nicht gibt. {SLIP_AGAIN}") from error
    lock_delivery(tx, delivery)
    found = rows.batch_of_delivery(tx.connection, delivery)
    if found is None or found[0].id != batch.id:
        raise _unmatched(f"Der Zettel vor diesem Nachscan passt nicht zum Stapel „{batch.name}“. {SLIP_AGAIN}")
    if wish.page or wish.how == "fehlt":
        return _target(tx, *found, wish.place, wish.how, before=wish.page == 0)
    document = get_document(tx.connection, wish.document)
    if document.state is DocumentState.SUPERSEDED:
        raise _unmatched(f"Das Schriftstück, das der Zettel nennt, wurde inzwischen anders geschnitten. {SLIP_AGAIN}")
    return _checked(_Target(*found, document, document.pages, 0))


def _by_name(tx: Tx, source: Delivery, part: Part) -> _Target:
    said = told_by(part)
    if said is None:
        raise _unmatched(f"„{part.blob.name}“ beginnt nicht mit einem Zettel, und weder sein Name noch {LIST} sagt, welche Seite "
                         f"gemeint ist. {SLIP_AGAIN}")
    found = rows.files_called(tx.connection, source.tenant, source.source, said.file)
    if len(found) != 1:
        how = "keine Datei eines offenen Stapels" if not found else f"{len(found)} Dateien offener Stapel"
        raise _unmatched(f"„{part.blob.name}“ nennt „{said.file}“; so heißt {how}. Schreiben Sie den ganzen Pfad mit _ statt /, "
                         "etwa A_1_akte_S12.tif.")
    batch, item = found[0]
    assert item.delivery is not None
    lock_delivery(tx, item.delivery)
    pages = rows.delivered_pages(tx.connection, item.delivery)
    if not pages or said.page > len(pages) or (said.page == 0 and said.how == "ersetzt"):
        raise _unmatched(f"„{part.blob.name}“ nennt Seite {said.page} von „{item.path}“; die Datei hat {len(pages)} Seiten. "
                         "Berichtigen Sie den Namen der Datei.")
    return _target(tx, batch, item, pages[max(0, said.page - 1)], said.how, before=said.page == 0)


def _target(tx: Tx, batch: Batch, item: Item, place: tuple[int, int], how: str, *, before: bool) -> _Target:
    assert item.delivery is not None
    place = rows.now_at(tx.connection, item.delivery, *place)
    owner = rows.owner_of(tx.connection, item.delivery, *place)
    if owner is None or owner[1] is None:
        raise _unmatched(f"Die Seite von „{item.path}“, zu der dieser Nachscan gehört, liegt in keinem Schriftstück (leer, "
                         "Trennblatt oder ausgesondert). Fügen Sie sie in der Prüfung wieder ein, dann „Erneut lesen“.")
    document = get_document(tx.connection, owner[1])
    at = [(ref.part, ref.number) for ref in document.pages].index(place)
    if how == "ersetzt":
        return _checked(_Target(batch, item, document, (document.pages[at],), at))
    return _checked(_Target(batch, item, document, (), at if before else at + 1))


def _checked(target: _Target) -> _Target:
    if target.batch.state == lose.CLOSED:
        raise _unmatched(f"Der Stapel „{target.batch.name}“ ist abgeschlossen; an seinen Seiten wird nichts mehr geändert. "
                         "Legen Sie den Nachscan als neue Post ab.")
    return target


# ---- pages of a document change, in whatever state it is ---------------------------------------------------------------


def change_pages(tx: Tx, document: Document, refs: Sequence[PageRef]) -> Document:
    """Give a document other pages. What nobody decided is proposed anew; a decision holds, and what is filed is filed again
    in its place, with the new pages. Raises InputError when its Akte is closed, Stale."""
    put_pages(tx, document, refs)
    places = {(ref.part, ref.number): at for at, ref in enumerate(refs, start=1)}
    renumber_evidence(tx, document, {at: places.get((ref.part, ref.number), 0) for at, ref in enumerate(document.pages, start=1)})
    said = any(one.by.startswith("clerk:") for proposal in proposals_of(tx.connection, document.id) for one in proposal.evidence)
    if document.state is DocumentState.FILED:
        return replace(_file_again(tx, document), pages=tuple(refs))
    state = DocumentState.NEW if document.state is DocumentState.PROPOSED and not said else document.state
    return replace(move_document(tx, document, state), pages=tuple(refs))


def _file_again(tx: Tx, document: Document) -> Document:
    """FILED -> APPROVED by the same decision, its place pinned: the next filing lies where this one lay."""
    filing, decision = filing_of_document(tx.connection, document.id), live_decision(tx.connection, document.id)
    assert filing is not None and decision is not None  # that is what FILED means
    if filing.file.closed_on is not None or (filing.case is not None and filing.case.closed_on is not None):
        raise _unmatched(f"Die Akte {filing.file.reference}, in der die Seite liegt, ist geschlossen. Öffnen Sie sie wieder und "
                         "wählen Sie dann „Erneut lesen“.")
    undo_filing(tx, document.id)
    moved = move_document(tx, document, DocumentState.APPROVED)
    values: Mapping[str, str] = decision.values
    if WITH not in values:
        kept = {name: value for name, value in values.items() if name not in ("file_title", "case_title", "new_file")}
        values = kept | {"entry": filing.entry.id, "file": filing.file.id, "case": filing.case.id if filing.case else "",
                         "title": filing.title}
    add_decision(tx, document.tenant, replace(decision, values=values, revision=moved.revision))
    return moved


def set_double_aside(tx: Tx, batch: Batch, item: Item, place: tuple[int, int], by: str) -> Document:
    """A person says that this page of a file is the same sheet once more: it leaves its document and stays viewable.

    Raises Refused (it lies in no document, or it is the only page of one), InputError as `change_pages`, Stale.
    """
    assert item.delivery is not None
    lock_delivery(tx, item.delivery)
    place = rows.now_at(tx.connection, item.delivery, *place)
    owner = rows.owner_of(tx.connection, item.delivery, *place)
    if owner is None or owner[1] is None:
        raise Refused("Diese Seite liegt in keinem Schriftstück mehr. Vergleichen Sie neu.")
    document = get_document(tx.connection, owner[1])
    if len(document.pages) == 1:
        raise Refused("Das Schriftstück besteht nur aus dieser Seite. Nehmen Sie es zurück, falls es abgelegt ist, und weisen "
                      "Sie es zurück.")
    at = [(ref.part, ref.number) for ref in document.pages].index(place)
    rows.turn(tx, item.delivery, batch.tenant, [(*place, PageState.DOUBLE)])
    changed = change_pages(tx, document, [*document.pages[:at], *document.pages[at + 1:]])
    rows.forget_sign(tx, item.delivery, *place)
    rows.add_rescan(tx, batch.tenant, Rescan("", batch.id, item.delivery, document.id, "double", *place, item.path, at + 1, by))
    check_conservation(tx, item.delivery)
    record(tx, batch.tenant, by, "rescan.double",
           subjects={"delivery": item.delivery, "document": document.id, "batch": batch.id},
           old={"page": at + 1}, new={"pages": [list(place)], "revision": changed.revision})
    return changed


def is_rescan(delivery: Delivery, door: object) -> bool:
    """Whether a delivery came by the folder of rescans of its door, a profile of old files."""
    return isinstance(door, Backfile) and delivery.channel != lose.CHANNEL

