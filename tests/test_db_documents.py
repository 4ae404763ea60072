"""Documents and the page ledger: every page in exactly one live document, whatever is cut and joined."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import TENANT, blob, opened, received
from sqlalchemy import delete, insert, select, update

from intake.db.core import Database, Tx, new_id, utcnow
from intake.db.deliveries import add_parts
from intake.db.documents import (
    add_decision,
    add_document,
    check_conservation,
    conservation_faults,
    documents_of,
    end_decision,
    get_document,
    ledger,
    live_decision,
    move_document,
    proposals_of,
    put_pages,
    put_proposals,
    set_page_state,
    set_page_states,
)
from intake.errors import PoststelleError, Refused, Stale
from intake.schema import decisions, documents, pages
from intake.vocabulary import (
    Cut,
    Decision,
    Delivery,
    Document,
    DocumentState,
    Evidence,
    PageRef,
    PageState,
    Part,
    Proposal,
)


def test_opened_delivery(database: Database) -> None:
    with database.transaction() as tx:
        made, (first, second) = opened(tx, received(tx, lane="backfile"), [(1, 2), (4, 3)], separators=[5], blanks=[6])
    with database.read() as conn:
        assert get_document(conn, second.id) == second
        assert [page.number for page in second.pages] == [4, 3], "the order is the document's, not the scanner's"
        assert documents_of(conn, made.id) == (first, second)
        found = ledger(conn, made.id)
        row = conn.execute(select(documents).where(documents.c.id == first.id)).one()
        assert conservation_faults(conn, made.id) == []
    assert [(ref.number, ref.state, document, position) for ref, document, position in found] == [
        (1, PageState.LIVE, first.id, 1), (2, PageState.LIVE, first.id, 2), (3, PageState.LIVE, second.id, 2),
        (4, PageState.LIVE, second.id, 1), (5, PageState.SEPARATOR, None, 0), (6, PageState.BLANK, None, 0)]
    assert (row.lane, row.cut_by, row.state, row.revision) == ("backfile", "rule:separator@1", "NEW", 1)


def test_missing_documents(database: Database) -> None:
    with database.read() as conn:
        with pytest.raises(Refused, match="gibt es nicht"):
            get_document(conn, new_id())
        assert documents_of(conn, new_id()) == ledger(conn, new_id()) == ()
        assert proposals_of(conn, new_id()) == ()
        assert live_decision(conn, new_id()) is None


def cut(tx: Tx, document: Document, at: int) -> tuple[Document, Document]:
    """What review does: the old one is superseded, its pages change hands."""
    move_document(tx, document, DocumentState.SUPERSEDED)
    parts = tuple(Document(new_id(), TENANT, document.delivery, refs) for refs in (document.pages[:at], document.pages[at:]))
    for position, part in enumerate(parts):
        add_document(tx, part, position, Cut("clerk:kms"))
    check_conservation(tx, document.delivery)
    return parts[0], parts[1]


def join(tx: Tx, first: Document, second: Document) -> Document:
    for document in (first, second):
        move_document(tx, document, DocumentState.SUPERSEDED)
    whole = Document(new_id(), TENANT, first.delivery, first.pages + second.pages)
    add_document(tx, whole, 0, Cut("clerk:kms"))
    check_conservation(tx, first.delivery)
    return whole


def test_cut_and_join(database: Database) -> None:
    with database.transaction() as tx:
        made, (whole,) = opened(tx, received(tx), [(1, 2, 3)])
    with database.transaction() as tx:
        first, second = cut(tx, whole, 1)
    with database.read() as conn:
        assert documents_of(conn, made.id) == (first, second)
        assert get_document(conn, whole.id) == replace(whole, pages=(), state=DocumentState.SUPERSEDED, revision=2)
        assert len(documents_of(conn, made.id, live_only=False)) == 3
    with database.transaction() as tx:
        joined = join(tx, second, first)
    with database.read() as conn:
        assert documents_of(conn, made.id) == (joined,)
        assert [page.number for page in joined.pages] == [2, 3, 1]


def test_join_while_a_colleague_approves_one_half(database: Database) -> None:
    """House, "walked once": two of five pages were lost until Stale rolled the whole transaction back."""
    with database.transaction() as tx:
        made, (first, second) = opened(tx, received(tx), [(1, 2, 3), (4, 5)])
    with database.transaction() as tx:
        approved = move_document(tx, second, DocumentState.APPROVED)
    with pytest.raises(Stale), database.transaction() as tx:
        join(tx, first, second)
    with database.read() as conn:
        assert documents_of(conn, made.id) == (first, approved)
        assert conservation_faults(conn, made.id) == []


def test_the_step_may_run_twice(database: Database) -> None:
    with database.transaction() as tx:
        raw = received(tx)
        _, (document,) = opened(tx, raw, [(1, 2)])
    with pytest.raises(Stale), database.transaction() as tx:
        opened(tx, raw, [(1,), (2,)])
    with database.read() as conn:
        assert documents_of(conn, raw.id) == (document,)


def test_turn_reorder_and_put_back(database: Database) -> None:
    with database.transaction() as tx:
        made, (document,) = opened(tx, received(tx), [(1, 2)], blanks=[3])
    refs = (PageRef(0, 3), PageRef(0, 2, rotation=90), PageRef(0, 1))
    with database.transaction() as tx:
        move_document(tx, document, DocumentState.NEW)
        put_pages(tx, document, refs)
        check_conservation(tx, made.id)
    with database.read() as conn:
        assert get_document(conn, document.id).pages == refs


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(2, 7), st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_no_page_is_ever_lost(sqlite_database: Database, number: int, moves: list[tuple[bool, int, int]]) -> None:
    database = sqlite_database
    with database.transaction() as tx:
        made, _ = opened(tx, received(tx), [range(1, number + 1)], separators=[number + 1])
    for is_cut, one, other in moves:
        with database.transaction() as tx:
            live = documents_of(tx.connection, made.id)
            first, second = live[one % len(live)], live[other % len(live)]
            if is_cut and len(first.pages) > 1:
                cut(tx, first, 1 + other % (len(first.pages) - 1))
            elif not is_cut and first != second:
                join(tx, first, second)
    with database.read() as conn:
        live = documents_of(conn, made.id)
        assert conservation_faults(conn, made.id) == []
        assert sorted(page.number for document in live for page in document.pages) == list(range(1, number + 1))
        assert len(ledger(conn, made.id)) == number + 1
        assert all(document.pages for document in live)


def broken(tx: Tx, made: Delivery) -> str:
    return "; ".join(conservation_faults(tx.connection, made.id))


def test_every_breach_is_named(database: Database) -> None:
    """Each way in which pages can get lost, one after the other, each rolled back."""
    with database.transaction() as tx:
        made, (first, second) = opened(tx, received(tx), [(1, 2), (3,)], separators=[4])
        _, (foreign,) = opened(tx, received(tx))
    page = pages.c.delivery == made.id
    breaches = {
        "Seite 0/3 fehlt": delete(pages).where(page, pages.c.number == 3),
        "Seite 0/9 gibt es in keinem Teil": insert(pages).values(
            tenant=TENANT, delivery=made.id, part=0, number=9, state="blank", position=0, rotation=0),
        "Seite 0/1 ist live, Schriftstück None": update(pages).where(page, pages.c.number == 1).values(document=None),
        f"Seite 0/4 ist separator, Schriftstück {first.id}": update(pages).where(page, pages.c.number == 4).values(
            document=first.id, position=9),
        "in einem ersetzten Schriftstück": update(documents).where(documents.c.id == second.id).values(state="SUPERSEDED"),
        "einer anderen Sendung": update(pages).where(page, pages.c.number == 3).values(document=foreign.id, position=9),
        "denselben Platz": update(pages).where(page, pages.c.number == 2).values(position=1),
    }
    for sentence, breach in breaches.items():
        with pytest.raises(PoststelleError, match="gehen nicht auf"), database.transaction() as tx:
            tx.connection.execute(breach)
            assert sentence in broken(tx, made)
            check_conservation(tx, made.id)
    with database.transaction() as tx:
        check_conservation(tx, made.id)


def test_parts_without_pages_and_several_parts(database: Database) -> None:
    with database.transaction() as tx:
        made = received(tx)
        add_parts(tx, made.id, TENANT, [
            Part(made.id, 0, None, blob(b"mail")), Part(made.id, 1, 0, blob(b"a"), pages=1),
            Part(made.id, 2, 0, blob(b"b"), problem="encrypted"), Part(made.id, 3, 0, blob(b"c"), pages=2)])
        document = Document(new_id(), TENANT, made.id, (PageRef(3, 2), PageRef(1, 1)))
        add_document(tx, document, 0, Cut("rule:x"))
        with pytest.raises(PoststelleError, match="3/1 fehlt"):
            check_conservation(tx, made.id)
        set_page_state(tx, made.id, 3, 1, PageState.BLANK)
        check_conservation(tx, made.id)
    with database.read() as conn:
        assert get_document(conn, document.id) == document


def test_a_live_page_needs_a_document(database: Database) -> None:
    with database.transaction() as tx:
        made, (document,) = opened(tx, received(tx), [(1, 2)])
        with pytest.raises(PoststelleError, match="Schriftstück"):
            set_page_state(tx, made.id, 0, 1, PageState.LIVE)
        set_page_states(tx, made.id, [(0, 2)], PageState.BLANK)
        set_page_states(tx, made.id, [], PageState.BLANK)
        check_conservation(tx, made.id)
    with database.read() as conn:
        assert [page.number for page in get_document(conn, document.id).pages] == [1]


def test_move_document(database: Database) -> None:
    with database.transaction() as tx:
        _, (first, second) = opened(tx, received(tx), [(1,), (2,)])
        moved = move_document(tx, second, DocumentState.PROPOSED, parent=first.id, access_class="Vertraulich")
    with database.read() as conn:
        assert get_document(conn, second.id) == moved
    assert (moved.parent, moved.access_class, moved.revision) == (first.id, "Vertraulich", 2)


def test_proposals_are_replaced_and_keep_their_origin(database: Database) -> None:
    whole = Proposal("entry", "ap-0312", 0.75, (
        Evidence("model:aktenplan@3", 1, (0.1, 0.2, 0.30000000000000004, 0.4), "Bauantrag"), Evidence("rule:wort@1")))
    other = Proposal("date", "2026-11-20", 1.0, (Evidence("rule:datum@1", 2, None, "20.11.2026"),), "20. November 2026",
                     ("date:past", "register:ähnlich Mühlenstraße"))
    with database.transaction() as tx:
        _, (document,) = opened(tx, received(tx))
        put_proposals(tx, document.id, TENANT, [other])
        put_proposals(tx, document.id, TENANT, [whole, other, replace(whole, value="ap-0007", confidence=0.1)])
    with database.read() as conn:
        assert proposals_of(conn, document.id) == (whole, other, replace(whole, value="ap-0007", confidence=0.1))
    with database.transaction() as tx:
        put_proposals(tx, document.id, TENANT, [])
        assert proposals_of(tx.connection, document.id) == ()


def test_one_live_decision(database: Database) -> None:
    with database.transaction() as tx:
        _, (document,) = opened(tx, received(tx))
        first = Decision(document.id, {"entry": "ap-1", "title": "Anträge „Süd“"}, "clerk:kms", utcnow(), 2)
        second = replace(first, values={"entry": "ap-2"}, revision=4)
        end_decision(tx, document.id)
        ids = [add_decision(tx, TENANT, first), add_decision(tx, TENANT, second)]
    with database.read() as conn:
        assert live_decision(conn, document.id) == second
        kept = conn.execute(select(decisions.c.id, decisions.c.live).order_by(decisions.c.id)).all()
    assert [tuple(row) for row in kept] == [(ids[0], False), (ids[1], True)]
    with database.transaction() as tx:
        end_decision(tx, document.id)
        assert live_decision(tx.connection, document.id) is None
