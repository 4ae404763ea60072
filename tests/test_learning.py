"""Learning in the product: a correction is known at once, taking back forgets it, versions are trained, compared, used."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import fake_room

from intake import learning, pipeline, postroom, review, versions
from intake.db.core import Database
from intake.db.documents import documents_of, get_document, proposals_of
from intake.db.forecasts import proposed_entries
from intake.db.lessons import lessons, uses
from intake.db.plan import import_plan
from intake.errors import Refused
from intake.journal import entries
from intake.pipeline import Postroom
from intake.receive import receive_all
from intake.sources.folder import FolderSource
from intake.vocabulary import AktenplanEntry

PLAN = (AktenplanEntry("e-dog", "962.10", "Hundesteuer"), AktenplanEntry("e-tree", "364.20", "Baumschutz"),
        AktenplanEntry("e-lamp", "652.30", "Straßenbeleuchtung"), AktenplanEntry("e-staff", "053.00", "Personalakten",
                                                                                access_class="Personal"))
TEXTS = {
    "e-dog": "Mein Dackel Waldi ist verstorben, bitte melden Sie ihn von der Abgabe ab.",
    "e-tree": "Die alte Linde vor dem Gartenzaun droht umzustürzen, ich will sie fällen.",
    "e-lamp": "Vor Nummer sieben ist es nachts stockfinster, der Mast flackert nur noch.",
}
TENANT = "mittelau"


@pytest.fixture
def room(tmp_path: Path, database: Database) -> Postroom:
    """A fake box, but the real knowledge: plan, models, decisions."""
    made = fake_room(tmp_path, database)
    library = postroom._Library(made.home, database)
    library.room = replace(made, knowledge=library.knowledge)
    with database.transaction() as tx:
        import_plan(tx, TENANT, PLAN)
    return library.room


def arrived(room: Postroom, text: str) -> str:
    """One letter, opened and proposed; the id of its document."""
    tenant = room.home.settings.tenant[0]
    folder = room.home.folder(tenant.profile[0])
    (folder / f"{time.monotonic_ns()}.pdf").write_text(f"{text}\n#{time.monotonic_ns()}", encoding="utf-8")
    receive_all(room.db, room.blobs(TENANT), tenant, tenant.profile[0],
                FolderSource("scanner", folder, settle_seconds=0, watch="network"))
    with room.db.read() as conn:
        delivery = [one.subjects["delivery"] for one in entries(conn, TENANT) if one.action == "delivery.received"][-1]
    for chunk in pipeline.plan_reading(room, delivery):
        pipeline.read_chunk(room, delivery, chunk)
    pipeline.assemble(room, delivery)
    with room.db.read() as conn:
        (document,) = documents_of(conn, delivery)
    pipeline.propose_document(room, document.id)
    return document.id


def decided(room: Postroom, text: str, entry: str) -> str:
    document = arrived(room, text)
    with room.db.transaction() as tx:
        review.approve(tx, document, get_document(tx.connection, document).revision, "kms", {"entry": entry})
    return document


def undone(room: Postroom, document: str) -> None:
    with room.db.transaction() as tx:
        review.undo(tx, document, get_document(tx.connection, document).revision, "kms")


def first_entry(room: Postroom, document: str) -> tuple[str, str]:
    """(entry, who says so) as proposed first."""
    with room.db.read() as conn:
        found = next((one for one in proposals_of(conn, document) if one.field == "entry"), None)
    return (found.value, found.evidence[0].by) if found else ("", "")


@pytest.fixture
def taught(room: Postroom) -> Postroom:
    for entry, text in TEXTS.items():
        decided(room, text, entry)
    return room


def test_the_next_document_is_proposed_by_what_was_just_decided(room: Postroom) -> None:
    assert first_entry(room, arrived(room, TEXTS["e-lamp"]))[0] != "e-lamp"  # the plan's words do not say it
    for entry, text in TEXTS.items():
        decided(room, text, entry)
    entry, by = first_entry(room, arrived(room, "Hier ist es nachts stockfinster, der Mast flackert."))
    assert entry == "e-lamp" and by.startswith("model:filing@0+3")


def test_every_learnt_proposal_says_why(taught: Postroom) -> None:
    document = arrived(taught, "Die Linde am Gartenzaun will ich fällen.")
    with taught.db.read() as conn:
        found = [one for one in proposals_of(conn, document) if one.field == "entry"]
    assert found and all(place.text for one in found for place in one.evidence)
    assert any(place.page == 1 and place.box and place.text.lower().startswith(("linde", "gartenzaun", "fällen"))
               for place in found[0].evidence)


def test_what_is_taken_back_is_forgotten(taught: Postroom) -> None:
    wrong = decided(taught, "Der Mast flackert nur noch, stockfinster nachts, stockfinster.", "e-dog")
    assert any(one.document == wrong for one in _lessons(taught))
    undone(taught, wrong)
    assert all(one.document != wrong for one in _lessons(taught))
    assert first_entry(taught, arrived(taught, "stockfinster, der Mast flackert")) == ("e-lamp", "model:filing@0+3")


def _lessons(room: Postroom) -> list[learning.Lesson]:
    with room.db.read() as conn:
        return lessons(conn, TENANT)


def test_restricted_documents_are_not_learnt(taught: Postroom) -> None:
    decided(taught, "Bewerbungsmappe Zeugnis Lebenslauf", "e-staff")
    decided(taught, "vertraulich Zahnradkrankheit", "e-tree")
    lines = list(learning.export_lines(taught, postroom.learning_tools(), TENANT))
    assert [line["label"] for line in lines] == list(TEXTS)
    assert not any("Lebenslauf" in line["text"] or "Zahnrad" in line["text"] for line in lines)


def test_two_workers_learn_the_same(taught: Postroom) -> None:
    tools, probe = postroom.learning_tools(), "Der Dackel ist verstorben"
    first = learning.refresh(taught, tools, TENANT, None)
    decided(taught, "Ein Dackel ist verstorben", "e-dog")
    one, other = (learning.refresh(taught, tools, TENANT, old) for old in (first, None))
    assert one is not None and other is not None and one.since == other.since and len(one.since) == 4
    example = type(tools.example(learning.material_of(taught, _document(taught)), (), ""))(probe)
    assert one.model.predict([example]) == other.model.predict([example])


def _document(room: Postroom) -> learning.Document:
    with room.db.read() as conn:
        return get_document(conn, lessons(conn, TENANT)[0].document)


def test_versions_are_trained_used_and_rolled_back(taught: Postroom) -> None:
    tools = postroom.learning_tools()
    done = learning.train(taught, tools, TENANT, "clerk:kms")
    assert (done.version, done.decisions, done.used) == ("1", 3, True)
    assert first_entry(taught, arrived(taught, "stockfinster, der Mast flackert")) == ("e-lamp", "model:filing@1")
    card = learning.card_of(taught, tools, TENANT, "1")
    assert card["data"]["decisions"] == 3 and set(card["sha256"]) == {"arrays.npz", "meta.json"}
    decided(taught, "Unsere Katze jagt Vögel am Teich", "e-tree")
    assert learning.train(taught, tools, TENANT, "clerk:kms").version == "2"
    count, differs = learning.compare(taught, tools, TENANT, "1", "2")
    assert count == 4 and all(one.decided in TEXTS for one in differs)
    with taught.db.transaction() as tx:
        versions.put_in_use(tx, TENANT, "1", "clerk:kms", "zurück")
    with taught.db.read() as conn:
        assert [one.version for one in uses(conn, TENANT, "filing")] == ["1", "2", "1"]
        assert [one.action for one in entries(conn, TENANT)].count("model.used") == 3
    assert first_entry(taught, arrived(taught, "stockfinster, der Mast flackert"))[1] == "model:filing@1+1"
    with pytest.raises(Refused, match="gibt es nicht"):
        versions.folder(taught.home, TENANT, "9")


def test_too_few_decisions_are_said(room: Postroom) -> None:
    decided(room, TEXTS["e-dog"], "e-dog")
    with pytest.raises(Refused, match="mindestens zwei"):
        learning.train(room, postroom.learning_tools(), TENANT, "clerk:kms")


@pytest.mark.parametrize(("new", "used", "put"), [((5,), 25, False), ((30,), 25, True)])
def test_a_worse_version_is_not_put_in_use(taught: Postroom, monkeypatch: pytest.MonkeyPatch, new: tuple[int], used: int,
                                           put: bool) -> None:
    monkeypatch.setattr(learning, "_on_recent", lambda *_: (40, (new[0], used)))
    done = learning.train(taught, postroom.learning_tools(), TENANT, "clerk:kms")
    assert done.used is put and f"{new[0]}, die bisherige {used}" in done.why
    with taught.db.read() as conn:
        assert bool(uses(conn, TENANT, "filing")) is put
    assert learning.train(taught, postroom.learning_tools(), TENANT, "clerk:kms", force=True).used


def test_the_comparison_asks_before_it_tells(taught: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LEAST_TO_COMPARE", 2)
    monkeypatch.setattr(learning, "RECENT_SHARE", 0.5)
    document = decided(taught, "Der Mast flackert, stockfinster nachts", "e-lamp")
    with taught.db.read() as conn:
        assert proposed_entries(conn, [document]) == {document: "e-lamp"}
    done = learning.train(taught, postroom.learning_tools(), TENANT, "clerk:kms")
    assert done.recent == 2 and done.right[0] == 1  # the first of its entry could not be known, the second could
