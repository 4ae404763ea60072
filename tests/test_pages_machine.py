"""Page conservation as a state machine: whatever a clerk does to a stack, in whatever order, no page is lost and none is double.

After every step the raw rows alone (not the code under test) must say: each page of each part lies in exactly one document that
is not superseded, or is a separator or a blank; and every such document has a page.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from review_help import opened, plan, propose, revision_of
from test_review import accounted

from intake import review
from intake.db.core import Database, Tx
from intake.db.documents import documents_of, ledger
from intake.errors import Refused
from intake.schema import metadata
from intake.vocabulary import Document, DocumentState, PageRef, PageState

SIDE = st.integers(0, 10**6)
"""A choice among what there is just then: taken modulo its number."""


@cache
def empty_database() -> bytes:
    """An SQLite file with our tables and a small plan."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        db = Database(f"sqlite:///{path}")
        with db.transaction() as tx:
            metadata.create_all(tx.connection)
            plan(tx)
        with db.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        return path.read_bytes()


class Stack(RuleBasedStateMachine):
    """One delivery on an SQLite database; `doc` chooses among all documents, also those that are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="pages-")
        path = Path(self.folder.name) / "a.db"
        path.write_bytes(empty_database())
        self.db = Database(f"sqlite:///{path}")

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()

    @initialize(cuts=st.lists(st.integers(1, 4), min_size=1, max_size=3), parts=st.integers(1, 2),
                loose=st.lists(st.sampled_from([PageState.BLANK, PageState.SEPARATOR]), max_size=2))
    def stack(self, cuts: list[int], parts: int, loose: list[PageState]) -> None:
        last = sum(cuts)
        self.delivery, _ = opened(self.db, cuts, parts=parts,
                                  loose=[(last + place, state) for place, state in enumerate(loose, start=1)])
        self.total = parts * (last + len(loose))

    # ---- what a step needs ----

    def documents(self) -> tuple[Document, ...]:
        with self.db.read() as conn:
            return documents_of(conn, self.delivery, live_only=False)

    def chosen(self, number: int) -> Document:
        found = self.documents()
        return found[number % len(found)]

    def loose(self) -> list[PageRef]:
        with self.db.read() as conn:
            return [ref for ref, owner, _ in ledger(conn, self.delivery) if owner is None]

    def do(self, verb: Callable[[Tx], object]) -> None:
        """One verb in one transaction; a refusal is a fine answer and changes nothing, anything else fails the test."""
        try:
            with self.db.transaction() as tx:
                verb(tx)
        except Refused:
            pass

    # ---- the verbs ----

    @rule(doc=SIDE, before=st.lists(st.integers(1, 6), min_size=1, max_size=3))
    def cut(self, doc: int, before: list[int]) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.cut(tx, it.id, it.revision, "kms", before))

    @rule(some=st.lists(SIDE, min_size=2, max_size=3, unique=True))
    def join(self, some: list[int]) -> None:
        found = [self.chosen(number) for number in some]
        self.do(lambda tx: review.join(tx, [(it.id, it.revision) for it in found], "kms"))

    @rule(doc=SIDE, page=st.integers(1, 5), degrees=st.sampled_from([90, 180, 270, -90]))
    def rotate(self, doc: int, page: int, degrees: int) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.rotate(tx, it.id, it.revision, "kms", page, degrees))

    @rule(doc=SIDE, chance=st.randoms(use_true_random=False))
    def reorder(self, doc: int, chance) -> None:  # type: ignore[no-untyped-def]
        it = self.chosen(doc)
        order = list(range(1, len(it.pages) + 1))
        chance.shuffle(order)
        self.do(lambda tx: review.reorder(tx, it.id, it.revision, "kms", order))

    @rule(doc=SIDE)
    def undo(self, doc: int) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.undo(tx, it.id, it.revision, "kms"))

    @rule(doc=SIDE, to=st.none() | SIDE)
    def attach(self, doc: int, to: int | None) -> None:
        it, parent = self.chosen(doc), None if to is None else self.chosen(to).id
        self.do(lambda tx: review.attach(tx, it.id, it.revision, "kms", parent))

    @rule(doc=SIDE, page=st.integers(1, 5), state=st.sampled_from([PageState.BLANK, PageState.SEPARATOR]))
    def set_aside(self, doc: int, page: int, state: PageState) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.set_aside(tx, it.id, it.revision, "kms", page, state))

    @precondition(lambda self: self.loose())
    @rule(doc=SIDE, page=SIDE)
    def put_back_page(self, doc: int, page: int) -> None:
        it, loose = self.chosen(doc), self.loose()
        ref = loose[page % len(loose)]
        self.do(lambda tx: review.put_back_page(tx, it.id, it.revision, "kms", ref.part, ref.number))

    @precondition(lambda self: self.loose())
    @rule(page=SIDE)
    def page_as_document(self, page: int) -> None:
        loose = self.loose()
        ref = loose[page % len(loose)]
        revision = revision_of(self.db, self.delivery)
        self.do(lambda tx: review.page_as_document(tx, self.delivery, revision, "kms", ref.part, ref.number))

    @rule(doc=SIDE)
    def reject(self, doc: int) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.reject(tx, it.id, it.revision, "kms"))

    @rule(doc=SIDE)
    def approve(self, doc: int) -> None:
        it = self.chosen(doc)
        self.do(lambda tx: review.approve(tx, it.id, it.revision, "kms", {"entry": "962.10"}))

    @rule()
    def the_machine_proposes(self) -> None:
        for it in self.documents():
            if it.state is DocumentState.NEW:
                propose(self.db, it.id)

    # ---- what must hold ----

    @invariant()
    def every_page_has_exactly_one_place(self) -> None:
        if hasattr(self, "delivery"):
            assert accounted(self.db, self.delivery).total() == self.total

    @invariant()
    def no_anlage_of_an_anlage(self) -> None:
        if hasattr(self, "delivery"):
            found = {it.id: it for it in self.documents() if it.state is not DocumentState.SUPERSEDED}
            for it in found.values():
                if it.parent is not None and it.state is not DocumentState.REJECTED:
                    assert it.parent in found and found[it.parent].parent is None


TestStack = Stack.TestCase
TestStack.settings = settings(max_examples=12, stateful_step_count=15, deadline=None,
                              suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@pytest.mark.long
class TestManyStacks(Stack.TestCase):  # type: ignore[misc,name-defined]
    """The same for longer."""

    settings = settings(TestStack.settings, max_examples=200, stateful_step_count=50)
