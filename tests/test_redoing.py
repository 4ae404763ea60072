"""Old files once more: the difference first, then only what nobody decided; repeating finds nothing more to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeBox
from review_help import plan
from test_backfile import BY, LETTER, deliver, new, room, take_all  # noqa: F401  (the fixture)
from test_backfile_rescans import drop
from test_backfile_rescans import work as take_rescans

from intake import pipeline, redoing, review
from intake.box.results import ReadResult
from intake.db import batches as lose
from intake.db import redos
from intake.db.batches import Batch
from intake.db.deliveries import newest_page_reads, parts_of
from intake.db.documents import conservation_faults, documents_of, get_document
from intake.db.work import waiting
from intake.errors import InputError, Reason, Refused
from intake.journal import check as chain
from intake.journal import entries
from intake.pipeline import Postroom
from intake.propose import Knowledge
from intake.redoing import Compared, What, carry_out, compare
from intake.split import Way, cut
from intake.vocabulary import DocumentState, Evidence, Material, Page, Proposal, Stack, Start

TWO = f"{LETTER.format(111)}\f{LETTER.format(222)}"


def batch_of(room: Postroom, tmp_path: Path, **files: str) -> Batch:  # noqa: F811
    batch = new(room, deliver(tmp_path / "disk", **(files or {"A_1__eins": TWO, "A_2__zwei": LETTER.format(333)})))
    with room.db.transaction() as tx:
        plan(tx)
    take_all(room)
    return batch


def documents(room: Postroom, batch: Batch, at: int = 0) -> list[str]:  # noqa: F811
    with room.db.read() as conn:
        return [one.id for one in documents_of(conn, lose.items_of(conn, batch.id)[at].delivery or "")]


def propose_all(room: Postroom, batch: Batch) -> None:  # noqa: F811
    for at in range(2):
        for document in documents(room, batch, at):
            pipeline.propose_document(room, document)


def redo(room: Postroom, batch: Batch, what: What) -> tuple[Compared, int]:  # noqa: F811
    compared = compare(room, batch, what)
    return compared, carry_out(room, batch, compared)


# ---- reading -----------------------------------------------------------------------------------------------------------


class Better(FakeBox):
    """A newer reader, which sees a word more on each page."""

    def read(self, *arguments: object, **options: object) -> ReadResult:
        found = super().read(*arguments, **options)  # type: ignore[arg-type]
        return replace(found, reader="besser@9", pages=tuple(replace(page, text=f"{page.text} besser") for page in found.pages))


def better(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> Postroom:  # noqa: F811
    monkeypatch.setattr(pipeline, "reader_version", lambda _order: "besser@9")
    return replace(room, box=Better())  # type: ignore[arg-type]


def texts(room: Postroom, batch: Batch) -> list[str]:  # noqa: F811
    with room.db.read() as conn:
        return [page.text for page in pipeline.pages_of_document(room, get_document(conn, documents(room, batch)[0]))]


def test_pages_of_an_older_reader_are_told_and_read_anew_and_the_older_reading_stays(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    assert compare(room, batch, "read").changes == ()
    there = better(room, monkeypatch)
    compared = compare(there, batch, "read")
    assert [(one.path, one.after) for one in compared.changes] == [
        ("A_1/eins.txt", "2 von 2 Seiten mit älterer Fassung gelesen"),
        ("A_2/zwei.txt", "1 von 1 Seiten mit älterer Fassung gelesen")]
    assert not any("besser" in text for text in texts(room, batch)), "shown, not done"
    assert carry_out(there, batch, compared) == 2
    assert all("besser" in text for text in texts(room, batch))
    assert [pages for _, pages, _ in redoing.readers(there, batch)] == [3, 3], "a version beside the old one"
    assert compare(there, batch, "read").changes == ()
    with room.db.read() as conn:
        told = [entry for entry in entries(conn, "mittelau") if entry.action == "delivery.read_again"]
        assert len(told) == 2 and chain(conn, "mittelau") == []


def test_killed_while_reading_it_goes_on_where_it_was(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path, A_1__eins="\f".join(LETTER.format(number * 111) for number in range(1, 21)), A_2__zwei="x")
    there = better(room, monkeypatch)
    compared = compare(there, batch, "read")
    chunks = iter(range(9))

    def killed(_room: Postroom) -> None:
        if next(chunks) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(redoing, "_after_the_post", killed)
        carry_out(there, batch, compared)
    assert not any("besser" in text for text in texts(room, batch)), "half a reading never hides a whole one"
    left = compare(there, batch, "read")
    assert left.changes[0].after.startswith("4 von 20 Seiten")
    assert carry_out(there, batch, left) == 2 and all("besser" in text for text in texts(room, batch))


def test_what_the_new_reader_gives_up_stays_as_it_was(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    there = better(room, monkeypatch)

    def bad(*_: object, **__: object) -> ReadResult:
        raise InputError("Diese Seiten sind schlecht.", reason=Reason.DAMAGED)

    monkeypatch.setattr(Better, "read", bad)
    assert redo(there, batch, "read")[1] == 0
    with room.db.read() as conn:
        delivery = lose.items_of(conn, batch.id)[0].delivery or ""
        (part,) = parts_of(conn, delivery)
        assert part.pages == 2 and part.problem is None and len(newest_page_reads(conn, "mittelau", part.blob.sha256)) == 2
        assert conservation_faults(conn, delivery) == []


def test_the_running_post_goes_first(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    looks: list[str] = []

    def busy(_conn: object, kind: str, **_: object) -> list[str]:
        looks.append(kind)
        return ["x"] if len(looks) < 3 else []

    monkeypatch.setattr(redoing, "waiting", busy)
    monkeypatch.setattr(redoing, "PAUSE", 0.0)
    redoing._after_the_post(room)
    assert len(looks) >= 4
    monkeypatch.setattr(redoing, "waiting", lambda *_, **__: ["x"])
    redoing._after_the_post(room)  # nobody works on the post: it does not wait for ever


# ---- cutting -----------------------------------------------------------------------------------------------------------


def every_page(pages: Sequence[Page]) -> Stack:
    return Stack(tuple(Start(1.0) for _ in pages), tuple(range(len(pages))), 1.0)


def cutting(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> Postroom:  # noqa: F811
    """A boundary that was learned since: each page begins a document."""
    monkeypatch.setattr(pipeline, "cut_as_said", lambda _door, _delivery, _parts, stack, *_: cut(
        stack.pages, Way(boundaries="auto"), every_page))
    return room


def test_cuts_are_shown_then_made_where_nobody_worked(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    propose_all(room, batch)
    assert compare(room, batch, "split").changes == ()
    there = cutting(room, monkeypatch)
    compared, done = redo(there, batch, "split")
    assert [(one.before, one.after, one.stays) for one in compared.changes] == [
        ("1 Schriftstück: Seiten 1-2", "2 Schriftstücke: Seiten 1, 2", "")]
    assert done == 1 and len(documents(room, batch)) == 2
    assert compare(there, batch, "split").changes == () and redo(there, batch, "split")[1] == 0
    with room.db.read() as conn:
        for item in lose.items_of(conn, batch.id):
            assert conservation_faults(conn, item.delivery or "") == []
        assert len(waiting(conn, "document", lane="backfile", limit=9)) == 2, "the engine proposes, in the lane of old files"
        assert chain(conn, "mittelau") == []


@pytest.mark.parametrize(("did", "stays"), [
    ("corrected", redoing.DECIDED), ("rejected", redoing.DECIDED), ("filed", redoing.FILED)])
def test_cuts_of_what_a_person_decided_stay_and_are_told(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, did: str, stays: str) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    propose_all(room, batch)
    first = documents(room, batch)[0]
    with room.db.transaction() as tx:
        revision = get_document(tx.connection, first).revision
        if did == "corrected":
            review.correct(tx, first, revision, BY, "subject", "Garage")
        elif did == "rejected":
            review.reject(tx, first, revision, BY)
        else:
            review.approve(tx, first, revision, BY, {"entry": "632.60", "title": "Garage"})
    if did == "filed":
        pipeline.file_document(room, first)
    compared, done = redo(cutting(room, monkeypatch), batch, "split")
    assert [one.stays for one in compared.changes] == [stays] and done == 0
    assert documents(room, batch) == [first]


def test_touched_between_showing_and_doing_it_is_left_alone(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    propose_all(room, batch)
    there = cutting(room, monkeypatch)
    compared = compare(there, batch, "split")
    first = documents(room, batch)[0]
    with room.db.transaction() as tx:
        review.correct(tx, first, get_document(tx.connection, first).revision, BY, "subject", "Garage")
    assert carry_out(there, batch, compared) == 0 and documents(room, batch) == [first]


def test_files_with_rescans_are_listed_and_keep_their_cuts_and_pages(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    drop(room, **{"A_1_eins_S2": "Zweite Seite noch einmal", "A_1_eins_S1+": "Vergessene Seite"})
    assert take_rescans(room) == ["opened", "opened"]
    first = documents(room, batch)
    compared, done = redo(cutting(room, monkeypatch), batch, "split")
    assert [(one.path, one.after, one.stays) for one in compared.changes] == [
        ("A_1/eins.txt", "nicht verglichen",
         "durch Nachscans 1 Seite ersetzt, 1 eingefügt: bleibt, auch die alten Seiten bleiben aufbewahrt")]
    assert (compared.looked, done, documents(room, batch)) == (2, 0, first)
    there = better(room, monkeypatch)
    compared, done = redo(there, batch, "read")
    assert compared.changes[0].after == (
        "4 von 4 Seiten mit älterer Fassung gelesen; durch Nachscans 1 Seite ersetzt, 1 eingefügt, das bleibt so")
    assert done == 2
    assert [text.split()[0] for text in texts(room, batch)] == ["Bauantrag", "Vergessene", "Zweite"]
    assert all("besser" in text for text in texts(room, batch))
    with room.db.read() as conn:
        assert lose.page_balance(conn, batch)["replaced"] == 1
        assert conservation_faults(conn, lose.items_of(conn, batch.id)[0].delivery or "") == []


def test_a_rescan_between_showing_and_doing_it_keeps_the_file_as_it_is(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    there = cutting(room, monkeypatch)
    compared = compare(there, batch, "split")
    assert len(compared.open) == 1
    drop(room, A_1_eins_S2="Zweite Seite noch einmal")
    assert take_rescans(room) == ["opened"]
    assert carry_out(there, batch, compared) == 0
    with room.db.read() as conn:
        assert lose.page_balance(conn, batch)["replaced"] == 1


# ---- proposing ---------------------------------------------------------------------------------------------------------


def registers(value: str) -> Knowledge:
    """A model that sees this register in every document."""

    def classify(_material: Material, _found: Sequence[Proposal]) -> tuple[Proposal, ...]:
        return (Proposal("register", value, 0.9, (Evidence("model:register@2", 0, None, "x"),)),)

    return Knowledge(extractors=(lambda material: classify(material, ()),))


def test_only_what_waits_untouched_is_proposed_anew(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    old = replace(room, knowledge=lambda _tenant: registers("09"))
    propose_all(old, batch)
    first, second = documents(room, batch)[0], documents(room, batch, 1)[0]
    with room.db.transaction() as tx:
        review.approve(tx, first, get_document(tx.connection, first).revision, BY, {"entry": "632.60", "title": "Garage"})
    pipeline.file_document(room, first)
    assert compare(old, batch, "classify").open == ()
    there = replace(room, knowledge=lambda _tenant: registers("12"))
    compared, done = redo(there, batch, "classify")
    assert {one.subject: one.stays for one in compared.changes} == {first: redoing.FILED, second: ""}
    shown = next(one for one in compared.changes if one.subject == second)
    assert "Register: 09" in shown.before and "Register: 12" in shown.after and shown.path.endswith(second[-8:])
    assert done == 1
    with room.db.read() as conn:
        assert get_document(conn, first).state is DocumentState.FILED
        assert get_document(conn, second).state is DocumentState.NEW
    pipeline.propose_document(there, second)
    assert compare(there, batch, "classify").open == (), "done once, nothing is left"
    with room.db.transaction() as tx:
        review.correct(tx, second, get_document(tx.connection, second).revision, BY, "register", "03")
    compared, done = redo(replace(room, knowledge=lambda _tenant: registers("14")), batch, "classify")
    assert done == 0 and {one.stays for one in compared.changes} == {redoing.FILED, redoing.DECIDED}


def test_numbers_are_kept_for_the_screen_and_a_closed_batch_rests(room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    batch = batch_of(room, tmp_path)
    compared = compare(room, batch, "split")
    with room.db.transaction() as tx:
        redoing.note(tx, batch, compared, None, BY)
        redoing.note(tx, batch, compared, 0, BY)
        (kept,) = redos.redos_of(tx.connection, batch.id)
        assert (kept.what, kept.looked, kept.differ, kept.kept, kept.changed, kept.by) == ("split", 2, 0, 0, 0, BY)
        assert [entry.action for entry in entries(tx.connection, "mittelau") if entry.action.startswith("batch.")] == [
            "batch.new", "batch.redone"]
    with pytest.raises(Refused, match="abgeschlossen"):
        carry_out(room, replace(batch, state=lose.CLOSED), compared)
