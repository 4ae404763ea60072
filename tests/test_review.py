"""The verbs of the review: page conservation under any sequence, Stale rolls everything back, threads cannot lose pages."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from review_help import BUILDING, DOGS, TENANT, current, delivery, everything, opened, plan, propose, revision_of
from sqlalchemy import select

from intake import review
from intake.db.akten import close_file
from intake.db.core import Database, new_id
from intake.db.deliveries import add_delivery, get_delivery, move_delivery, note_death
from intake.db.documents import (
    conservation_faults,
    documents_of,
    ledger,
    live_decision,
    move_document,
    proposals_of,
)
from intake.db.plan import all_entries
from intake.db.problems import get_problem, open_problem, open_problems
from intake.errors import PoststelleError, Refused, Stale
from intake.filing import WITH
from intake.journal import check, entries
from intake.schema import documents, pages, parts
from intake.vocabulary import DeliveryState, Document, DocumentState, Evidence, PageRef, PageState, Problem, Proposal

OPEN = {"NEW", "PROPOSED", "CLARIFY"}


def verb(db: Database, name: str, *args: object, **more: object) -> object:
    """One verb in one transaction."""
    with db.transaction() as tx:
        return getattr(review, name)(tx, *args, **more)


def accounted(db: Database, delivery_id: str) -> Counter[str]:
    """Page conservation by the raw rows alone, independent of the code under test; raises AssertionError."""
    with db.read() as conn:
        due = {(row.position, number) for row in conn.execute(select(parts).where(parts.c.delivery == delivery_id))
               for number in range(1, row.pages + 1)}
        states = {row.id: row.state for row in conn.execute(select(documents).where(documents.c.delivery == delivery_id))}
        rows = conn.execute(select(pages).where(pages.c.delivery == delivery_id)).all()
        assert conservation_faults(conn, delivery_id) == []
    assert Counter((row.part, row.number) for row in rows) == Counter(due)
    for row in rows:
        if row.state == "live":
            assert states[row.document] != "SUPERSEDED"
        else:
            assert row.document is None and row.state in ("separator", "blank")
    owned = {row.document for row in rows if row.document}
    assert owned == {id for id, state in states.items() if state != "SUPERSEDED"}, "a live document without a page"
    return Counter(row.state for row in rows)


# ---- the invariant ---------------------------------------------------------------------------------------------------

VERBS = ("cut", "join", "rotate", "reorder", "attach", "undo", "undo", "reject", "clarify", "approve", "put_back", "correct",
         "set_aside", "put_back_page", "page_as_document", "propose")


def random_step(db: Database, delivery_id: str, dice: random.Random) -> str:
    """One random verb with mostly sensible arguments; a Refused is a fine answer, anything else is not."""
    with db.read() as conn:
        every = documents_of(conn, delivery_id, live_only=False)
        loose = [ref for ref, owner, _ in ledger(conn, delivery_id) if owner is None]
    chosen: Document = dice.choice(every)
    live = [document for document in every if document.state.value in OPEN]
    name, at, count = dice.choice(VERBS), (chosen.id, chosen.revision, "kms"), len(chosen.pages)
    try:
        if name == "propose":
            for document in live:
                if document.state is DocumentState.NEW:
                    propose(db, document.id)
        elif name == "cut":
            verb(db, "cut", *at, [dice.randint(1, count + 1) for _ in range(dice.randint(1, 3))])
        elif name == "join":
            some = dice.sample(live, min(len(live), dice.randint(1, 3)))
            verb(db, "join", [(document.id, document.revision) for document in some], "kms")
        elif name == "rotate":
            verb(db, "rotate", *at, dice.randint(1, max(1, count)), dice.choice((90, 180, 270, -90)))
        elif name == "reorder":
            verb(db, "reorder", *at, dice.sample(range(1, count + 1), count))
        elif name == "attach":
            verb(db, "attach", *at, dice.choice([None, *(document.id for document in every)]))
        elif name == "correct":
            verb(db, "correct", *at, "title", "Anderer Titel")
        elif name == "clarify":
            verb(db, "clarify", *at, "Wer ist zuständig?")
        elif name == "approve":
            verb(db, "approve", *at, {"entry": "962.10"})
        elif name == "set_aside":
            verb(db, "set_aside", *at, dice.randint(1, max(1, count)), dice.choice((PageState.BLANK, PageState.SEPARATOR)))
        elif name in ("put_back_page", "page_as_document"):
            ref = dice.choice(loose) if loose else PageRef(0, 1)
            where = at if name == "put_back_page" else (delivery_id, revision_of(db, delivery_id), "kms")
            verb(db, name, *where, ref.part, ref.number)
        else:
            verb(db, name, *at)
    except Refused:
        return "refused"
    return name


@settings(max_examples=20, deadline=None, phases=[Phase.generate, Phase.shrink],
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4), parts_count=st.integers(1, 2), seed=st.integers(0, 10**9))
def test_any_sequence_of_verbs_keeps_every_page(sqlite_database: Database, cuts: list[int], parts_count: int, seed: int) -> None:
    _walk(sqlite_database, cuts, parts_count, seed, steps=20)


def test_the_same_on_both_databases(database: Database) -> None:
    done: Counter[str] = Counter()
    for seed in range(4):
        done += _walk(database, [3, 1, 4], 2, seed, steps=40)
    assert {"cut", "join", "rotate", "undo", "put_back_page", "set_aside"} <= set(done), f"the walk was too short: {done}"
    with database.read() as conn:
        assert check(conn, TENANT) == []


def _walk(db: Database, cuts: list[int], parts_count: int, seed: int, steps: int) -> Counter[str]:
    with db.transaction() as tx:
        if not all_entries(tx.connection, TENANT):
            plan(tx)
    last = sum(cuts)
    delivery_id, _ = opened(db, cuts, parts=parts_count, loose=[(last + 1, PageState.BLANK), (last + 2, PageState.SEPARATOR)])
    before = accounted(db, delivery_id)
    dice, done = random.Random(seed), Counter[str]()
    for _ in range(steps):
        done[random_step(db, delivery_id, dice)] += 1
        assert accounted(db, delivery_id).total() == before.total()
        _no_anlage_of_an_anlage(db, delivery_id)
    return done


def _no_anlage_of_an_anlage(db: Database, delivery_id: str) -> None:
    with db.read() as conn:
        found = {document.id: document for document in documents_of(conn, delivery_id)}
    for document in found.values():
        if document.parent is not None and document.state is not DocumentState.REJECTED:
            assert document.parent in found and found[document.parent].parent is None, document


# ---- cut, join and back ----------------------------------------------------------------------------------------------


def test_cut_makes_new_documents_in_order_and_the_machine_proposes_again(database: Database) -> None:
    delivery_id, (first, second) = opened(database, [5, 2])
    ids = verb(database, "cut", first.id, first.revision, "kms", [4, 2, 4])
    with database.read() as conn:
        live = documents_of(conn, delivery_id)
        assert [document.id for document in live] == [*ids, second.id]
        assert [len(document.pages) for document in live] == [1, 2, 2, 2]
        assert [document.state for document in live[:3]] == [DocumentState.NEW] * 3
    assert current(database, first.id).state is DocumentState.SUPERSEDED
    assert accounted(database, delivery_id)["live"] == 7


@pytest.mark.parametrize("before", [[], [1], [0], [6], [2, 9], [-1]])
def test_cut_refuses_places_that_are_none(sqlite_database: Database, before: list[int]) -> None:
    _, (first,) = opened(sqlite_database, [5])
    with pytest.raises(Refused):
        verb(sqlite_database, "cut", first.id, first.revision, "kms", before)
    assert current(sqlite_database, first.id) == first


def test_join_keeps_the_order_given_the_place_and_the_strictest_access(database: Database) -> None:
    delivery_id, (a, b, c) = opened(database, [2, 1, 3])
    with database.transaction() as tx:
        c = move_document(tx, c, c.state, access_class="Vertraulich")
    joined = verb(database, "join", [(c.id, c.revision), (a.id, a.revision)], "kms")
    document = current(database, str(joined))
    assert [ref.number for ref in document.pages] == [4, 5, 6, 1, 2]
    assert document.access_class == "Vertraulich" and document.state is DocumentState.NEW
    with database.read() as conn:
        assert [live.id for live in documents_of(conn, delivery_id)] == [b.id, joined]


def test_join_refuses_one_document_twice_and_other_deliveries(sqlite_database: Database) -> None:
    _, (a,) = opened(sqlite_database, [2])
    _, (b,) = opened(sqlite_database, [2])
    for documents_given in ([(a.id, a.revision)], [(a.id, a.revision)] * 2, [(a.id, a.revision), (b.id, b.revision)], []):
        with pytest.raises(Refused):
            verb(sqlite_database, "join", documents_given, "kms")


def test_undo_of_a_cut_brings_back_pages_rotation_proposals_and_state(database: Database) -> None:
    delivery_id, (first, _) = opened(database, [4, 1])
    revision = verb(database, "rotate", first.id, first.revision, "kms", 2, 90)
    first = current(database, first.id)
    with database.read() as conn:
        proposals = proposals_of(conn, first.id)
    ids = verb(database, "cut", first.id, revision, "kms", [3])
    for id in ids:  # type: ignore[attr-defined]
        propose(database, id)  # the machine's own work is no reason to refuse
    old = current(database, first.id)
    verb(database, "undo", old.id, old.revision, "kms")
    back = current(database, first.id)
    assert (back.pages, back.state) == (first.pages, DocumentState.PROPOSED)
    assert back.pages[1].rotation == 90
    with database.read() as conn:
        assert proposals_of(conn, first.id) == proposals
        assert {document.id for document in documents_of(conn, delivery_id)} == {first.id, *_others(conn, delivery_id, first.id)}
    for id in ids:  # type: ignore[attr-defined]
        assert current(database, id).state is DocumentState.SUPERSEDED
    accounted(database, delivery_id)


def _others(conn: object, delivery_id: str, id: str) -> set[str]:
    return {document.id for document in documents_of(conn, delivery_id) if document.id != id}  # type: ignore[arg-type]


def test_undo_may_name_a_successor_and_works_for_joins(database: Database) -> None:
    delivery_id, (a, b) = opened(database, [2, 3])
    joined = str(verb(database, "join", [(a.id, a.revision), (b.id, b.revision)], "kms"))
    made = propose(database, joined)
    verb(database, "undo", joined, made.revision, "kms")
    assert [current(database, one.id).pages for one in (a, b)] == [a.pages, b.pages]
    with database.read() as conn:
        assert [document.id for document in documents_of(conn, delivery_id)] == [a.id, b.id]


@pytest.mark.parametrize("touch", ["correct", "rotate", "attach", "approve", "clarify", "cut", "reject"])
def test_undo_refuses_when_somebody_worked_on_a_successor(sqlite_database: Database, touch: str) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    delivery_id, (first, other) = opened(sqlite_database, [4, 1])
    made = verb(sqlite_database, "cut", first.id, first.revision, "kms", [3])
    second = propose(sqlite_database, made[1])  # type: ignore[index]
    more: dict[str, tuple[object, ...]] = {"correct": ("title", "x"), "rotate": (1, 90), "attach": (other.id,),
                                           "clarify": ("?",), "cut": ([2],)}
    verb(sqlite_database, touch, second.id, second.revision, "kms", *more.get(touch, ()))
    old = current(sqlite_database, first.id)
    with sqlite_database.read() as conn:
        before = everything(conn)
    with pytest.raises(Refused, match="Nachfolger"):
        verb(sqlite_database, "undo", old.id, old.revision, "kms")
    with sqlite_database.read() as conn:
        assert everything(conn) == before
    accounted(sqlite_database, delivery_id)


def test_nothing_to_undo_is_said(sqlite_database: Database) -> None:
    _, (first,) = opened(sqlite_database, [4])
    with pytest.raises(Refused, match="nichts rückgängig"):
        verb(sqlite_database, "undo", first.id, first.revision, "kms")


# ---- pages -----------------------------------------------------------------------------------------------------------


def test_rotate_adds_up_and_stays_in_the_circle(sqlite_database: Database) -> None:
    _, (first,) = opened(sqlite_database, [2])
    revision = first.revision
    for degrees in (90, 270, -90):
        revision = verb(sqlite_database, "rotate", first.id, revision, "kms", 2, degrees)  # type: ignore[assignment]
    assert [ref.rotation for ref in current(sqlite_database, first.id).pages] == [0, 270]
    for page, degrees in ((3, 90), (0, 90), (1, 45)):
        with pytest.raises(Refused):
            verb(sqlite_database, "rotate", first.id, revision, "kms", page, degrees)


@given(order=st.permutations(range(1, 6)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_evidence_follows_its_page(sqlite_database: Database, order: list[int]) -> None:
    _, (first,) = opened(sqlite_database, [5])
    first = current(sqlite_database, first.id)
    where = [Proposal(f"f{page}", "x", 0.5, (Evidence("rule:x@1", page, (0.0, 0.0, 1.0, 1.0), "x"),)) for page in range(6)]
    with sqlite_database.transaction() as tx:
        review.put_proposals(tx, first.id, TENANT, where)
    before = {proposal.field: _page_of(first, proposal) for proposal in where}
    verb(sqlite_database, "reorder", first.id, first.revision, "kms", order)
    after = current(sqlite_database, first.id)
    with sqlite_database.read() as conn:
        assert {proposal.field: _page_of(after, proposal) for proposal in proposals_of(conn, first.id)} == before


def _page_of(document: Document, proposal: Proposal) -> PageRef | None:
    page = proposal.evidence[0].page
    return document.pages[page - 1] if page else None


def test_a_blank_page_goes_back_to_its_place_and_out_again(database: Database) -> None:
    delivery_id, (first,) = opened(database, [3], loose=[(4, PageState.BLANK)])
    revision = verb(database, "set_aside", first.id, first.revision, "kms", 2, PageState.SEPARATOR)
    assert [ref.number for ref in current(database, first.id).pages] == [1, 3]
    assert accounted(database, delivery_id) == {"live": 2, "separator": 1, "blank": 1}
    with database.read() as conn:
        assert proposals_of(conn, first.id)[2].evidence[0].page == 2  # was page 3
    revision = verb(database, "put_back_page", first.id, revision, "kms", 0, 2)
    revision = verb(database, "put_back_page", first.id, revision, "kms", 0, 4)
    assert [ref.number for ref in current(database, first.id).pages] == [1, 2, 3, 4]
    with pytest.raises(Refused, match="keine Leer"):
        verb(database, "put_back_page", first.id, revision, "kms", 0, 4)
    with pytest.raises(Refused):
        verb(database, "put_back_page", first.id, revision, "kms", 0, 99)


def test_the_last_page_stays_and_a_loose_page_can_stand_alone(database: Database) -> None:
    delivery_id, (first,) = opened(database, [1], loose=[(2, PageState.BLANK)])
    with pytest.raises(Refused, match="letzte Seite"):
        verb(database, "set_aside", first.id, first.revision, "kms", 1, PageState.BLANK)
    revision = revision_of(database, delivery_id)
    alone = str(verb(database, "page_as_document", delivery_id, revision, "kms", 0, 2))
    assert current(database, alone).state is DocumentState.NEW
    with pytest.raises(Stale):
        verb(database, "page_as_document", delivery_id, revision, "kms", 0, 2)
    assert accounted(database, delivery_id) == {"live": 2}


# ---- Stale -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, args", [
    ("approve", ()), ("correct", ("title", "x")), ("cut", ([2],)), ("rotate", (1, 90)), ("reorder", ([2, 1, 3],)),
    ("attach", (None,)), ("clarify", ("?",)), ("reject", ()), ("undo", ()), ("put_back", ()), ("put_back_page", (0, 4)),
    ("set_aside", (1, PageState.BLANK)),
])
def test_a_stale_revision_changes_nothing(database: Database, name: str, args: tuple[object, ...]) -> None:
    with database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(database, [3], loose=[(4, PageState.BLANK)])
    with database.read() as conn:
        before = everything(conn)
    for revision in (first.revision - 1, first.revision + 1):
        with pytest.raises(Stale):
            verb(database, name, first.id, revision, "kms", *args)
    with database.read() as conn:
        assert everything(conn) == before


def test_join_with_one_stale_half_changes_nothing(database: Database) -> None:
    _, (a, b) = opened(database, [2, 3])
    verb(database, "correct", b.id, b.revision, "kms", "title", "x")
    with database.read() as conn:
        before = everything(conn)
    with pytest.raises(Stale):
        verb(database, "join", [(a.id, a.revision), (b.id, b.revision)], "kms")
    with database.read() as conn:
        assert everything(conn) == before


@pytest.mark.parametrize("first, second", [("join", "approve"), ("cut", "approve"), ("join", "cut"), ("undo", "undo")])
def test_two_threads_one_wins_and_no_page_is_lost(database: Database, first: str, second: str) -> None:
    with database.transaction() as tx:
        plan(tx)
    for _ in range(6):
        delivery_id, (a, b) = opened(database, [2, 3])
        if first == "undo":
            verb(database, "cut", b.id, b.revision, "kms", [2])
            b = current(database, b.id)
        calls = {"join": ([(a.id, a.revision), (b.id, b.revision)], "kms"), "approve": (b.id, b.revision, "xyz"),
                 "cut": (b.id, b.revision, "kms", [2]), "undo": (b.id, b.revision, "kms")}
        outcome = _race(database, (first, calls[first]), (second, calls[second]))
        assert sorted(outcome) == ["Stale", "done"], outcome
        assert accounted(database, delivery_id)["live"] == 5


def test_two_pages_put_back_at_once_from_two_sides(database: Database) -> None:
    """One blank page into two documents: the second finds it taken, though its own document's revision is right."""
    for _ in range(6):
        delivery_id, (a, b) = opened(database, [2, 3], loose=[(6, PageState.BLANK)])
        outcome = _race(database, ("put_back_page", (a.id, a.revision, "kms", 0, 6)),
                        ("put_back_page", (b.id, b.revision, "xyz", 0, 6)))
        assert sorted(outcome) == ["Refused", "done"], outcome
        assert accounted(database, delivery_id)["live"] == 6


def _race(db: Database, *calls: tuple[str, tuple[object, ...]]) -> list[str]:
    gate, outcome = threading.Barrier(len(calls)), []

    def run(name: str, args: tuple[object, ...]) -> None:
        gate.wait()
        try:
            verb(db, name, *args)
            outcome.append("done")
        except PoststelleError as error:
            outcome.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


# ---- decide ----------------------------------------------------------------------------------------------------------


def decided(db: Database, id: str) -> dict[str, str]:
    with db.read() as conn:
        decision = live_decision(conn, id)
        assert decision is not None and decision.revision == current(db, id).revision
        return dict(decision.values)


def test_approve_takes_the_best_proposals_and_the_clerks_word(database: Database) -> None:
    with database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(database, [2])
    verb(database, "approve", first.id, first.revision, "kms", {"letter_date": "18.11.2025", "sender_name": "  Erika \n Muster "})
    assert decided(database, first.id) == {
        "entry": DOGS.id, "title": "Abmeldung Hund", "letter_date": "2025-11-18", "sender_name": "Erika Muster"}
    assert current(database, first.id).state is DocumentState.APPROVED
    with database.read() as conn:
        last = list(entries(conn, TENANT, first.id))[-1]
    assert (last.actor, last.action) == ("clerk:kms", "document.approved")


def test_what_a_clerk_corrected_is_the_best_and_stays_after_approval(database: Database) -> None:
    with database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(database, [2])
    revision = verb(database, "correct", first.id, first.revision, "kms", "entry", "632 60", 2, (0.1, 0.1, 0.2, 0.2))
    revision = verb(database, "correct", first.id, revision, "kms", "title", "Falsch")
    revision = verb(database, "correct", first.id, revision, "kms", "title", "Anbau")
    with database.read() as conn:
        found = proposals_of(conn, first.id)
    assert [(one.field, one.value) for one in found[:2]] == [("title", "Anbau"), ("entry", "632 60")]
    assert found[1].evidence == (Evidence("clerk:kms", 2, (0.1, 0.1, 0.2, 0.2), "632 60"),)
    assert sum(one.value == "Falsch" for one in found) == 0 and sum(one.field == "entry" for one in found) == 3
    verb(database, "approve", first.id, revision, "kms")
    assert decided(database, first.id) == {"entry": BUILDING.id, "title": "Anbau"}


def test_an_emptied_field_is_gone(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(sqlite_database, [2])
    revision = verb(sqlite_database, "correct", first.id, first.revision, "kms", "title", "")
    verb(sqlite_database, "approve", first.id, revision, "kms")
    assert "title" not in decided(sqlite_database, first.id)


@pytest.mark.parametrize("values, words", [
    ({"entry": ""}, "fehlt der Aktenplaneintrag"), ({"entry": "999.99"}, "gibt es nicht"), ({"file": "X/1"}, "gibt es nicht"),
    ({"file": "KÄ/962.10-0007/2025", "entry": "632.60"}, "gehört zu"), ({"letter_date": "31.02.2025"}, "kein Datum"),
    ({"letter_date": "gestern"}, "kein Datum"), ({"file": "KÄ/962.10-0007/2025", "case": "17"}, "Vorgang"),
    ({"entry": "962.10", "case": "17"}, "Vorgang"), ({"title": "x" * 2001}, "Zeichen"),
])
def test_approve_refuses_with_a_sentence(sqlite_database: Database, values: dict[str, str], words: str) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(sqlite_database, [2])
    with pytest.raises(Refused, match=words):
        verb(sqlite_database, "approve", first.id, first.revision, "kms", values)
    assert current(sqlite_database, first.id).state is DocumentState.PROPOSED


def test_the_file_is_believed_and_what_the_clerk_names_displaces_the_machine(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        file = plan(tx)
    known = (Proposal("entry", "632.60", 0.9, (Evidence("model:a@1"),)),
             Proposal("file", file.reference, 0.8, (Evidence("rule:r@1"),)))
    here = {"entry": DOGS.id, "file": file.id}
    for said, expected in (({}, here), ({"entry": "632.60"}, {"entry": BUILDING.id}), ({"file": ""}, {"entry": BUILDING.id}),
                           ({"file": "kä / 962.10-0007/2025"}, here)):
        _, (first,) = opened(sqlite_database, [1], state=DocumentState.NEW)
        first = propose(sqlite_database, first.id, known)
        verb(sqlite_database, "approve", first.id, first.revision, "kms", said)
        assert decided(sqlite_database, first.id) == expected, said


def test_a_closed_file_takes_nothing(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        file = plan(tx)
        close_file(tx, TENANT, file.id, date(2026, 1, 31))
    _, (first,) = opened(sqlite_database, [1])
    with pytest.raises(Refused, match=r"31\.01\.2026 zu den Akten"):
        verb(sqlite_database, "approve", first.id, first.revision, "kms", {"file": file.reference})


@pytest.mark.parametrize("by", ["", "  "])
def test_nobody_decides_nothing(sqlite_database: Database, by: str) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(sqlite_database, [1])
    with pytest.raises(Refused, match="Kürzel"):
        verb(sqlite_database, "approve", first.id, first.revision, by)


# ---- Anlagen ---------------------------------------------------------------------------------------------------------


def test_an_anlage_follows_its_main_document(database: Database) -> None:
    with database.transaction() as tx:
        plan(tx)
    _, (main, annex, third) = opened(database, [2, 1, 1])
    verb(database, "attach", annex.id, annex.revision, "kms", main.id)
    annex = current(database, annex.id)
    with pytest.raises(Refused, match="Hauptschriftstück"):
        verb(database, "approve", annex.id, annex.revision, "kms")
    with pytest.raises(Refused, match="keine eigenen Anlagen"):
        verb(database, "attach", main.id, main.revision, "kms", third.id)
    with pytest.raises(Refused, match="keine eigenen Anlagen"):
        verb(database, "attach", third.id, third.revision, "kms", annex.id)
    verb(database, "approve", main.id, main.revision, "kms")
    verb(database, "approve", annex.id, annex.revision, "kms")
    assert decided(database, annex.id) == {WITH: main.id, "title": "Abmeldung Hund"}
    main = current(database, main.id)
    verb(database, "put_back", main.id, main.revision, "kms")
    assert {current(database, one.id).state for one in (main, annex)} == {DocumentState.PROPOSED}
    with database.read() as conn:
        assert [live_decision(conn, one.id) for one in (main, annex)] == [None, None]


def test_joined_into_an_anlage_ones_own_anlagen_go_to_its_main_document(sqlite_database: Database) -> None:
    delivery_id, (main, annex, other, annex_of_other) = opened(sqlite_database, [1, 1, 1, 1])
    verb(sqlite_database, "attach", annex.id, annex.revision, "kms", main.id)
    verb(sqlite_database, "attach", annex_of_other.id, annex_of_other.revision, "kms", other.id)
    joined = str(verb(sqlite_database, "join", [(annex.id, annex.revision + 1), (other.id, other.revision)], "kms"))
    assert [current(sqlite_database, id).parent for id in (joined, annex_of_other.id)] == [main.id, main.id]
    _no_anlage_of_an_anlage(sqlite_database, delivery_id)
    verb(sqlite_database, "undo", joined, 1, "kms")
    assert current(sqlite_database, annex.id).parent == main.id
    _no_anlage_of_an_anlage(sqlite_database, delivery_id)


def test_a_main_document_that_is_cut_joined_or_rejected_hands_its_anlagen_on(database: Database) -> None:
    _, (main, annex) = opened(database, [3, 1])
    verb(database, "attach", annex.id, annex.revision, "kms", main.id)
    made = verb(database, "cut", main.id, main.revision, "kms", [2])
    assert current(database, annex.id).parent == made[0]  # type: ignore[index]
    old = current(database, main.id)
    verb(database, "undo", old.id, old.revision, "kms")
    assert current(database, annex.id).parent == main.id
    main = current(database, main.id)
    verb(database, "reject", main.id, main.revision, "kms")
    assert current(database, annex.id).parent is None


# ---- clarify, reject, undo -------------------------------------------------------------------------------------------


def test_a_question_is_asked_and_answered(database: Database) -> None:
    _, (first,) = opened(database, [1])
    with pytest.raises(Refused):
        verb(database, "clarify", first.id, first.revision, "kms", "  ")
    problem = str(verb(database, "clarify", first.id, first.revision, "kms", "Welches Amt?"))
    with database.read() as conn:
        found = get_problem(conn, problem)
        assert found.title == "Zu klären: Welches Amt?" and found.resolutions == ("close", "reject")
        assert all(way in review.RESOLUTIONS for way in found.resolutions)
    with pytest.raises(Refused, match="Möglich ist: close"):
        verb(database, "resolve", problem, "kms", "retry")
    verb(database, "resolve", problem, "kms", "close", "Das Ordnungsamt.")
    assert current(database, first.id).state is DocumentState.PROPOSED
    with pytest.raises(Stale):
        verb(database, "resolve", problem, "kms", "close")
    with database.read() as conn:
        assert open_problems(conn) == ()


def test_what_leaves_clarify_takes_its_problems_along(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    for leave, args in (("approve", ()), ("reject", ()), ("cut", ([2],))):
        _, (first,) = opened(sqlite_database, [2])
        verb(sqlite_database, "clarify", first.id, first.revision, "kms", "?")
        first = current(sqlite_database, first.id)
        verb(sqlite_database, leave, first.id, first.revision, "kms", *args)
        with sqlite_database.read() as conn:
            assert open_problems(conn) == ()


def _problem(db: Database, kind: str, subject: str, ways: tuple[str, ...]) -> str:
    with db.transaction() as tx:
        return open_problem(tx, Problem(new_id(), TENANT, kind, subject, "open", "damaged", "Kaputt.", "", ways, tx.now))  # type: ignore[arg-type]


@pytest.mark.parametrize("how, state", [("retry", DeliveryState.RECEIVED), ("reject", DeliveryState.REJECTED)])
def test_a_delivery_in_clarify_is_tried_again_or_rejected(database: Database, how: str, state: DeliveryState) -> None:
    new = delivery()
    with database.transaction() as tx:
        add_delivery(tx, new)
        note_death(tx, "delivery", new.id)
        move_delivery(tx, new, DeliveryState.CLARIFY)
    problem = _problem(database, "delivery", new.id, ("retry", "reject"))
    verb(database, "resolve", problem, "kms", how)
    with database.read() as conn:
        found = get_delivery(conn, new.id)
        assert found.state is state and found.deaths == (0 if how == "retry" else 1)
        assert [entry.action for entry in entries(conn, TENANT, new.id)] == [
            {"retry": "delivery.retried", "reject": "delivery.rejected"}[how], "problem.resolved"]


def test_a_document_whose_filing_failed_is_filed_again_or_reviewed(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    for how, state, decision_lives in (("retry", DocumentState.APPROVED, True), ("close", DocumentState.PROPOSED, False)):
        _, (first,) = opened(sqlite_database, [1])
        verb(sqlite_database, "approve", first.id, first.revision, "kms")
        with sqlite_database.transaction() as tx:
            move_document(tx, current(sqlite_database, first.id), DocumentState.CLARIFY)
        problem = _problem(sqlite_database, "document", first.id, ("retry", "close", "reject"))
        verb(sqlite_database, "resolve", problem, "kms", how)
        with sqlite_database.read() as conn:
            assert current(sqlite_database, first.id).state is state
            assert (live_decision(conn, first.id) is not None) is decision_lives


def test_a_problem_of_a_part_or_a_source_is_only_closed(sqlite_database: Database) -> None:
    delivery_id, (first,) = opened(sqlite_database, [1])
    for kind, subject, way in (("part", f"{delivery_id}/1", "without_part"), ("source", "/eingang/x.pdf", "close")):
        verb(sqlite_database, "resolve", _problem(sqlite_database, kind, subject, (way,)), "kms", way)
    assert current(sqlite_database, first.id) == first


def test_a_twin_is_processed_anyway_or_rejected(database: Database) -> None:
    for name, state in (("process_anyway", DeliveryState.RECEIVED), ("reject_delivery", DeliveryState.REJECTED)):
        twin = delivery(DeliveryState.TWIN)
        with database.transaction() as tx:
            add_delivery(tx, twin)
        with pytest.raises(Stale):
            verb(database, name, twin.id, 2, "kms")
        verb(database, name, twin.id, 1, "kms")
        with database.read() as conn:
            assert get_delivery(conn, twin.id).state is state
        with pytest.raises(Refused):
            verb(database, name, twin.id, 2, "kms")


def test_a_rejected_document_keeps_its_pages_and_comes_back(database: Database) -> None:
    delivery_id, (main, annex) = opened(database, [2, 1])
    verb(database, "attach", annex.id, annex.revision, "kms", main.id)
    annex = current(database, annex.id)
    verb(database, "reject", annex.id, annex.revision, "kms")
    accounted(database, delivery_id)
    rejected = current(database, annex.id)
    assert rejected.pages == annex.pages
    with pytest.raises(Refused, match="zurückgewiesen"):
        verb(database, "approve", annex.id, rejected.revision, "kms")
    verb(database, "undo", annex.id, rejected.revision, "kms")
    back = current(database, annex.id)
    assert (back.state, back.parent) == (DocumentState.PROPOSED, main.id)


def test_verbs_refuse_what_the_state_forbids(sqlite_database: Database) -> None:
    with sqlite_database.transaction() as tx:
        plan(tx)
    _, (first,) = opened(sqlite_database, [2], state=DocumentState.NEW)
    with pytest.raises(Refused, match="vorbereitet"):
        verb(sqlite_database, "approve", first.id, first.revision, "kms")
    first = propose(sqlite_database, first.id)
    with pytest.raises(Refused, match="wartet schon"):
        verb(sqlite_database, "put_back", first.id, first.revision, "kms")
    revision = verb(sqlite_database, "approve", first.id, first.revision, "kms")
    for name, args in (("cut", ([2],)), ("rotate", (1, 90)), ("correct", ("title", "x")), ("reject", ()), ("attach", (None,))):
        with pytest.raises(Refused, match="Holen Sie es zuerst zurück"):
            verb(sqlite_database, name, first.id, revision, "kms", *args)
    with pytest.raises(Refused, match="gibt es nicht"):
        verb(sqlite_database, "approve", new_id(), 1, "kms")
