"""The three steps on a box that needs no sandbox: each may run twice, nothing is lost, errors say who must act."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeStore, fake_room
from sqlalchemy import select

from intake import pipeline, review
from intake.db.core import Database
from intake.db.deliveries import Kind, add_delivery, get_delivery, parts_of
from intake.db.documents import documents_of, get_document, ledger, live_decision, move_document, proposals_of
from intake.db.filings import files_of_messages, filing_of_document, filings_without_receipt
from intake.db.lists import list_documents
from intake.db.problems import open_problems
from intake.errors import InputError, PoststelleError, Reason, Refused, ServiceError, Stale
from intake.journal import check, entries
from intake.pipeline import Chunk, Postroom
from intake.receive import receive_all
from intake.schema import aktenplan_entries, files, page_reads
from intake.settle import settle
from intake.sources.folder import FolderSource
from intake.vocabulary import DeliveryState, DocumentState, Material, PageState, Viewer
from tests.making import delivery


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Postroom:
    return fake_room(tmp_path, database)


def drop(room: Postroom, text: str, name: str = "scan.pdf") -> str:
    """One file through receive; its delivery id."""
    tenant = room.home.settings.tenant[0]
    profile = tenant.profile[0]
    folder = room.home.folder(profile)
    (folder / name).write_text(text, encoding="utf-8")
    source = FolderSource("scanner", folder, settle_seconds=0, watch="network")
    receive_all(room.db, room.blobs("mittelau"), tenant, profile, source)
    with room.db.read() as conn:
        rows = [entry.subjects["delivery"] for entry in entries(conn, "mittelau") if entry.action.startswith("delivery.")]
    return rows[-1]


def opened(room: Postroom, text: str, name: str = "scan.pdf") -> str:
    delivery = drop(room, text, name)
    for chunk in pipeline.plan_reading(room, delivery):
        pipeline.read_chunk(room, delivery, chunk)
    pipeline.assemble(room, delivery)
    return delivery


def settled(room: Postroom, kind: Kind, row: str, step: str, error: PoststelleError) -> str:
    return settle(room.db, room.home.settings.engine, kind, row, step, error)


def documents(room: Postroom, delivery: str) -> list[str]:
    with room.db.read() as conn:
        return [document.id for document in documents_of(conn, delivery)]


def plan_and_file(room: Postroom) -> None:
    """One Aktenplan entry with one Akte, written directly."""
    with room.db.transaction() as tx:
        tx.connection.execute(aktenplan_entries.insert().values(
            tenant="mittelau", id="ap-1", version=1, notation="632.60", sort_key="632.60", title="Bauvorhaben", keywords=[],
            description="", unit="Bauamt", disposal="A", access_class="allgemein", current=True))
        tx.connection.execute(files.insert().values(
            tenant="mittelau", id="F1", reference="BA/632.60-0017/2026", reference_key="BA/632.60-0017/2026", title="Neubau",
            entry="ap-1", origin="ours", parcel="", address="", persons=[]))


def test_a_stack_becomes_documents_separators_and_blanks(room: Postroom) -> None:
    delivery = opened(room, "eins\fzwei\f#separator\fdrei\f#blank\fvier")
    with room.db.read() as conn:
        assert get_delivery(conn, delivery).state is DeliveryState.OPENED
        first, second = documents_of(conn, delivery)
        rows = ledger(conn, delivery)
    assert [ref.number for ref in first.pages] == [1, 2] and [ref.number for ref in second.pages] == [4, 6]
    states = {ref.number: ref.state for ref, _, _ in rows}
    assert states[3] is PageState.SEPARATOR and states[5] is PageState.BLANK and len(states) == 6
    assert first.parent is None and second.parent is None


def test_a_mail_is_one_unit_with_its_attachments(room: Postroom) -> None:
    delivery = opened(room, "Guten Tag\n#part a.pdf\nerste Anlage\n#part broken.zip\nx\n#part b.pdf\nS1\fS2")
    with room.db.read() as conn:
        body, one, two = documents_of(conn, delivery)
        assert get_delivery(conn, delivery).envelope.subject == "Betreff"
        (problem,) = open_problems(conn, "mittelau")
        parts = parts_of(conn, delivery)
    assert body.parent is None and one.parent == body.id and two.parent == body.id
    assert len(two.pages) == 2 and [part.problem for part in parts] == [None, None, Reason.ENCRYPTED, None]
    assert problem.subject_kind == "part" and "broken.zip" in problem.title and problem.resolutions == ("without_part",)


def test_every_step_may_run_twice(room: Postroom) -> None:
    delivery = opened(room, "eins\fzwei")
    assert pipeline.plan_reading(room, delivery) == ()
    pipeline.assemble(room, delivery)
    (document,) = documents(room, delivery)
    pipeline.propose_document(room, document)
    pipeline.propose_document(room, document)
    with room.db.read() as conn:
        assert get_document(conn, document).state is DocumentState.PROPOSED
        actions = [entry.action for entry in entries(conn, "mittelau")]
        assert check(conn, "mittelau") == []
    assert actions.count("delivery.opened") == 1 and actions.count("document.proposed") == 1


def test_read_pages_are_not_read_again(room: Postroom) -> None:
    delivery = drop(room, "\f".join(f"Seite {n}" for n in range(1, 21)))
    chunks = pipeline.plan_reading(room, delivery)
    assert [len(chunk.pages) for chunk in chunks] == [8, 8, 4]
    pipeline.read_chunk(room, delivery, chunks[1])
    assert [chunk.pages[0] for chunk in pipeline.plan_reading(room, delivery)] == [1, 17]
    pipeline.read_chunk(room, delivery, chunks[1])  # a late twin of the same work
    with room.db.read() as conn:
        assert len(conn.execute(select(page_reads)).all()) == 8
    with pytest.raises(ServiceError):
        pipeline.assemble(room, delivery)


def test_chunks_are_one_blob_each_with_words_and_previews(room: Postroom) -> None:
    delivery = drop(room, "eins\fzwei")
    before = set(room.blobs("mittelau").iter_all())
    (chunk,) = pipeline.plan_reading(room, delivery)
    pipeline.read_chunk(room, delivery, chunk)
    assert len(set(room.blobs("mittelau").iter_all()) - before) == 1
    with room.db.read() as conn:
        rows = conn.execute(select(page_reads)).all()
    assert len({row.reader for row in rows}) == 1 and len({row.chunk for row in rows}) == 1
    assert {row.page for row in rows} == {1, 2}


def test_nothing_readable_is_an_input_error_with_its_reason(room: Postroom) -> None:
    delivery = drop(room, "#badread\n")
    for chunk in pipeline.plan_reading(room, delivery):
        pipeline.read_chunk(room, delivery, chunk)
    with pytest.raises(InputError) as caught:
        pipeline.assemble(room, delivery)
    assert caught.value.reason is Reason.DAMAGED


def test_words_in_the_address_zone_raise_the_class_of_their_document_only(room: Postroom) -> None:
    delivery = opened(room, "offen\f#separator\fvertraulich")
    with room.db.read() as conn:
        assert [document.access_class for document in documents_of(conn, delivery)] == ["Poststelle", "Vertraulich"]


def test_proposals_are_stored_with_their_evidence(room: Postroom) -> None:
    delivery = opened(room, "subject=Hecke letter_date=2026-10-12")
    (document,) = documents(room, delivery)
    pipeline.propose_document(room, document)
    with room.db.read() as conn:
        found = {proposal.field: proposal for proposal in proposals_of(conn, document)}
    assert found["subject"].value == "Hecke" and found["subject"].evidence[0].page == 1
    assert found["subject"].evidence[0].box is not None
    assert "title" in found


def approve_and_file(room: Postroom, document: str, entry: str = "ap-1") -> None:
    with room.db.read() as conn:
        revision = get_document(conn, document).revision
    with room.db.transaction() as tx:
        review.approve(tx, document, revision, "kms", {"entry": entry})
    pipeline.file_document(room, document)


def test_an_approved_document_is_filed_once_with_rendition_row_and_receipt(room: Postroom) -> None:
    plan_and_file(room)
    delivery = opened(room, "eins\fzwei")
    (document,) = documents(room, delivery)
    pipeline.propose_document(room, document)
    approve_and_file(room, document)
    pipeline.file_document(room, document)
    with room.db.read() as conn:
        assert get_document(conn, document).state is DocumentState.FILED
        filing = filing_of_document(conn, document)
        assert filing is not None and filing.pages == 2 and filing.pdfa == "2b"
        assert list(filings_without_receipt(conn)) == []
    assert room.blobs("mittelau").check(filing.pdf.sha256)
    (store,) = room.stores("mittelau")
    assert isinstance(store, FakeStore) and store.filed == [filing.key]


def test_an_answer_leads_to_the_akte_of_the_message_before_it(room: Postroom) -> None:
    plan_and_file(room)
    (first,) = documents(room, opened(room, "#message <1@example.org>\nAntrag"))
    answer, other = (documents(room, opened(room, f"#message <{number}@example.org> {of}\nDanke", f"{number}.eml"))[0]
                     for number, of in ((2, "<0@example.org> <1@example.org>"), (3, "<2@example.org>")))
    assert material_of(room, answer).notes["thread"] == ()  # not filed yet
    pipeline.propose_document(room, first)
    approve_and_file(room, first)
    with room.db.read() as conn:
        filed = filing_of_document(conn, first)
    assert filed is not None and material_of(room, answer).notes["thread"] == (filed.file.id,)
    assert material_of(room, other).notes["thread"] == () and material_of(room, first).notes["thread"] == ()
    with room.db.read() as conn:
        assert files_of_messages(conn, "nachbar", ["<1@example.org>"]) == ()
        assert files_of_messages(conn, "mittelau", [""]) == ()


def material_of(room: Postroom, document: str) -> Material:
    with room.db.read() as conn:
        found = get_document(conn, document)
    return pipeline.material_of(room, found)


def test_an_office_file_is_filed_with_the_pages_drawn_of_it(room: Postroom) -> None:
    delivery = opened(room, "Guten Tag\n#part broken.odt\nDatei selbst")
    plan_and_file(room)
    _, drawn = documents(room, delivery)
    pipeline.propose_document(room, drawn)
    approve_and_file(room, drawn)
    with room.db.read() as conn:
        filing = filing_of_document(conn, drawn)
    assert filing is not None
    assert [blob.name for blob in filing.originals] == ["broken.pdf", "broken.odt"]
    assert room.blobs("mittelau").read(filing.originals[1].sha256) == b"Datei selbst"


@pytest.mark.parametrize(("channel", "asked"), [("mail", True), ("folder", False), ("upload", False)])
def test_only_for_messages_of_a_mailbox_is_the_dns_asked(room: Postroom, monkeypatch: pytest.MonkeyPatch, channel: str,
                                                         asked: bool) -> None:
    room = replace(room, dkim_keys=dict.fromkeys, anchors="Stellen")
    original = room.blobs("mittelau").add_bytes(b"Guten Tag", "post.eml", "message/rfc822")
    sent = delivery(channel=channel, source="scanner", original=original)
    with room.db.transaction() as tx:
        add_delivery(tx, sent)
    given: list[Any] = []
    unpack = pipeline.unpack.unpack
    monkeypatch.setattr(pipeline.unpack, "unpack", lambda *arguments: given.append(arguments) or unpack(*arguments))
    pipeline.plan_reading(room, sent.id)
    ((*_, order, keys),) = given
    assert (keys is room.dkim_keys) is asked
    assert (order.anchors, order.received_at) == ("Stellen", sent.received_at.isoformat())


def test_a_store_that_does_not_answer_leaves_a_filed_document_and_work_for_later(database: Database, tmp_path: Path) -> None:
    def refuse() -> None:
        raise ServiceError("Die Ablage antwortet nicht.")

    store = FakeStore(refuse=refuse)
    room = fake_room(tmp_path, database, stores=(store,))
    plan_and_file(room)
    (document,) = documents(room, opened(room, "eins"))
    pipeline.propose_document(room, document)
    with pytest.raises(ServiceError):
        approve_and_file(room, document)
    with room.db.read() as conn:
        assert get_document(conn, document).state is DocumentState.FILED
        ((tenant, key),) = filings_without_receipt(conn)
    store.refuse = lambda: None
    pipeline.store_filing(room, tenant, key)
    pipeline.store_filing(room, tenant, key)
    with room.db.read() as conn:
        assert list(filings_without_receipt(conn)) == []
    assert store.filed == [key]


def test_filing_uses_the_page_order_and_turns_of_the_clerk(room: Postroom) -> None:
    plan_and_file(room)
    delivery = opened(room, "eins\fzwei\fdrei")
    (document,) = documents(room, delivery)
    pipeline.propose_document(room, document)
    with room.db.transaction() as tx:
        revision = review.reorder(tx, document, get_document(tx.connection, document).revision, "kms", [3, 1, 2])
    with room.db.transaction() as tx:
        review.rotate(tx, document, revision, "kms", 1, 90)
    with room.db.read() as conn:
        refs = get_document(conn, document).pages
    assert [ref.number for ref in refs] == [3, 1, 2] and refs[0].rotation == 90
    assert [page.number for page in pipeline.pages_of_document(room, get(room, document))] == [3, 1, 2]


def get(room: Postroom, document: str) -> object:
    with room.db.read() as conn:
        return get_document(conn, document)


def test_a_clerk_who_was_faster_wins(room: Postroom) -> None:
    delivery = opened(room, "eins\fzwei")
    (document,) = documents(room, delivery)
    old = get(room, document)
    with room.db.transaction() as tx:
        review.cut(tx, document, get_document(tx.connection, document).revision, "kms", [2])
    with pytest.raises(Stale), room.db.transaction() as tx:
        move_document(tx, old, DocumentState.PROPOSED)  # type: ignore[arg-type]
    assert len(documents(room, delivery)) == 2


def test_scratch_is_gone_after_each_step(room: Postroom) -> None:
    opened(room, "eins")
    assert list((room.home.root / "work").iterdir()) == []


def test_reading_a_chunk_of_a_part_that_broke_meanwhile_does_no_harm(room: Postroom) -> None:
    delivery = drop(room, "#badread")
    chunks = pipeline.plan_reading(room, delivery)
    pipeline.read_chunk(room, delivery, chunks[0])
    pipeline.read_chunk(room, delivery, Chunk(0, (1,)))
    with room.db.read() as conn:
        assert parts_of(conn, delivery)[0].problem == Reason.DAMAGED


def test_automatic_filing_needs_the_switch(database: Database, tmp_path: Path) -> None:
    room = fake_room(tmp_path, database, rules={"own_reference": True})
    (document,) = documents(room, opened(room, "kein Zeichen"))
    pipeline.propose_document(room, document)
    with room.db.read() as conn:
        assert get_document(conn, document).state is DocumentState.PROPOSED and live_decision(conn, document) is None
        (line,) = list_documents(conn, Viewer("mittelau"), [DocumentState.PROPOSED])
    assert line.why == "Es wurde kein eigenes Aktenzeichen gefunden."  # a person reads why it waits, without asking again


def test_trying_again_unpacks_again_when_nothing_was_readable(room: Postroom) -> None:
    delivery = drop(room, "#badread")
    for chunk in pipeline.plan_reading(room, delivery):
        pipeline.read_chunk(room, delivery, chunk)
    with pytest.raises(InputError) as caught:
        pipeline.assemble(room, delivery)
    settled(room, "delivery", delivery, "split", caught.value)
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    with room.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "retry")
    assert len(pipeline.plan_reading(room, delivery)) == 1


@pytest.mark.parametrize(("how", "state"), [("retry", "RECEIVED"), ("reject", "REJECTED")])
def test_what_was_quarantined_can_be_let_go_by_a_person(room: Postroom, how: str, state: str) -> None:
    delivery = drop(room, "eins")
    settled(room, "delivery", delivery, "unpack", InputError("x", reason=Reason.ACTIVE))
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    with room.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", how)
    with room.db.read() as conn:
        assert get_delivery(conn, delivery).state == state
        assert open_problems(conn, "mittelau") == ()


def test_a_place_that_closed_meanwhile_leads_back_to_the_review(room: Postroom) -> None:
    plan_and_file(room)
    (document,) = documents(room, opened(room, "eins"))
    pipeline.propose_document(room, document)
    with room.db.transaction() as tx:
        review.approve(tx, document, get_document(tx.connection, document).revision, "kms", {"file": "F1"})
    with room.db.transaction() as tx:
        tx.connection.execute(files.update().values(closed_on="2026-01-01"))
    with pytest.raises(Refused) as caught:
        pipeline.file_document(room, document)
    assert settled(room, "document", document, "file", caught.value) == "clarify"
    with room.db.read() as conn:
        (problem,) = open_problems(conn, "mittelau")
    with room.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "close")
    with room.db.read() as conn:
        assert get_document(conn, document).state is DocumentState.PROPOSED
