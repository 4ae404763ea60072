"""Lists: counts, best proposals, and ids by how they end, on both databases."""

from __future__ import annotations

import pytest

from intake.db.core import Database
from intake.db.documents import add_decision, move_document, put_proposals
from intake.db.lists import PARTLY, SHORTEST, id_by_ending, list_deliveries, list_documents
from intake.errors import Refused
from intake.vocabulary import Decision, DeliveryState, DocumentState, Evidence, Proposal, Viewer
from tests.making import TENANT, opened, received

HERE = (Evidence("rule:test@1", 1, None, "x"),)
ALL = Viewer(TENANT)
LIVE = tuple(state for state in DocumentState if state is not DocumentState.SUPERSEDED)


def test_nothing_gives_nothing(database: Database) -> None:
    with database.read() as conn:
        assert list_deliveries(conn, ALL) == ()
        assert list_documents(conn, ALL, LIVE) == ()


def test_deliveries_come_with_what_became_of_their_pages(database: Database) -> None:
    with database.transaction() as tx:
        first = received(tx)
        scan, _ = opened(tx, received(tx), cuts=((1, 2), (4,)), separators=(3,), blanks=(5, 6))
        received(tx, tenant="nachbar")
    with database.read() as conn:
        lines = {line.id: line for line in list_deliveries(conn, ALL)}
    assert lines.keys() == {first.id, scan.id}
    assert lines[scan.id].pages == {"live": 3, "separator": 1, "blank": 2}
    assert lines[scan.id].state is DeliveryState.OPENED
    assert lines[first.id].pages == {}


def test_the_limit_keeps_the_newest_and_shows_them_in_order(database: Database) -> None:
    with database.transaction() as tx:
        made = [received(tx).id for _ in range(5)]
    with database.read() as conn:
        shown = [line.id for line in list_deliveries(conn, ALL, limit=3)]
    assert shown == sorted(made)[-3:]


def test_documents_show_the_best_proposal_of_each_field(database: Database) -> None:
    with database.transaction() as tx:
        scan, (one, two) = opened(tx, received(tx), cuts=((1,), (2, 3)))
        put_proposals(tx, one.id, TENANT, [
            Proposal("entry", "ap-1", 0.9, HERE), Proposal("entry", "ap-2", 0.5, HERE),
            Proposal("title", "Hundesteuer", 0.8, HERE)])
    with database.read() as conn:
        lines = list_documents(conn, ALL, LIVE)
    assert [(line.id, line.pages) for line in lines] == [(one.id, 1), (two.id, 2)]
    assert lines[0].proposed == {"entry": ("ap-1", 0.9), "title": ("Hundesteuer", 0.8)}
    assert lines[0].title == "Hundesteuer"
    assert lines[1].title == scan.original.name
    assert lines[0].filed is None


def test_a_decided_title_stands_before_the_proposed_one(database: Database) -> None:
    with database.transaction() as tx:
        _, (one,) = opened(tx, received(tx))
        put_proposals(tx, one.id, TENANT, [Proposal("title", "geraten", 0.8, HERE)])
        add_decision(tx, TENANT, Decision(one.id, {"title": "entschieden"}, "clerk:kms", tx.now, 2))
    with database.read() as conn:
        (line,) = list_documents(conn, ALL, LIVE)
    assert line.title == "entschieden"


def test_only_the_states_and_the_delivery_asked_for(database: Database) -> None:
    with database.transaction() as tx:
        scan, (one, two) = opened(tx, received(tx), cuts=((1,), (2,)))
        opened(tx, received(tx))
        move_document(tx, two, DocumentState.PROPOSED)
    with database.read() as conn:
        assert [line.id for line in list_documents(conn, ALL, (DocumentState.PROPOSED,))] == [two.id]
        assert [line.id for line in list_documents(conn, ALL, LIVE, delivery=scan.id)] == [one.id, two.id]
        assert len(list_documents(conn, ALL, LIVE, limit=2)) == 2
        assert list_documents(conn, Viewer("nachbar"), LIVE) == ()


def test_an_id_is_found_by_its_end_in_any_case(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx)
    with database.read() as conn:
        for ending in (made.id, made.id[-8:], made.id[-8:].lower(), f"…{made.id[-6:]}", f" {made.id[-SHORTEST:]} "):
            assert id_by_ending(conn, ALL, ending, "delivery") == made.id


@pytest.mark.parametrize("ending", ["", "abc", "%%%%", "____", "x" * 27, "ÄÖÜß", "'; --"])
def test_what_is_no_number_is_refused(database: Database, ending: str) -> None:
    with database.transaction() as tx:
        received(tx)
    with database.read() as conn, pytest.raises(Refused, match="ist keine Nummer"):
        id_by_ending(conn, ALL, ending, "delivery")


def test_several_none_and_somebody_elses_are_refused(database: Database) -> None:
    with database.transaction() as tx:
        one = received(tx, id="01ARZ3NDEKTSV4RRFFQ69GSAME")
        received(tx, id="01ARZ3NDEKTSV4RRFFQ70GSAME")
        other = received(tx, tenant="nachbar")
    with database.read() as conn:
        with pytest.raises(Refused, match="enden mehrere"):
            id_by_ending(conn, ALL, "GSAME", "delivery")
        assert id_by_ending(conn, ALL, "69GSAME", "delivery") == one.id
        with pytest.raises(Refused, match="Keine Nummer"):
            id_by_ending(conn, ALL, other.id, "delivery")
        with pytest.raises(Refused, match="Keine Nummer"):
            id_by_ending(conn, ALL, one.id, "document")


def test_of_a_delivery_with_something_hidden_only_what_is_seen_is_told(database: Database) -> None:
    """Its name may speak of what is hidden, its loose pages may show it."""
    with database.transaction() as tx:
        scan, (one, two, three) = opened(tx, received(tx), cuts=((1,), (2, 3), (4,)), separators=(5,), blanks=(6,))
        move_document(tx, two, DocumentState.PROPOSED, access_class="Vertraulich", parent=None)
        move_document(tx, three, DocumentState.PROPOSED, parent=two.id)
        twin = received(tx, state=DeliveryState.TWIN, twin_of=scan.id)
    clerk = Viewer(TENANT, classes=frozenset({"Poststelle"}))
    chief = Viewer(TENANT, classes=frozenset({"Poststelle", "Vertraulich"}))
    with database.read() as conn:
        line = {line.id: line for line in list_deliveries(conn, clerk)}[scan.id]
        assert (line.name, line.pages) == (PARTLY, {"live": 2})
        seen = list_documents(conn, clerk, LIVE)
        assert [(each.id, each.name, each.parent) for each in seen] == [(one.id, PARTLY, None), (three.id, PARTLY, None)]
        with pytest.raises(Refused, match="Keine Nummer"):
            id_by_ending(conn, clerk, two.id, "document")
        line = {line.id: line for line in list_deliveries(conn, chief)}[scan.id]
        assert (line.name, line.pages) == (scan.original.name, {"live": 4, "separator": 1, "blank": 1})
        assert {each.id: each.twin_of for each in list_deliveries(conn, chief)}[twin.id] == scan.id
        assert [each.parent for each in list_documents(conn, chief, LIVE)] == [None, None, two.id]
        assert list_deliveries(conn, Viewer(TENANT, classes=frozenset())) == ()
