"""Filing without a person in the database: forecasts, blind audit, judgement, earning, switching off, scopes."""

from __future__ import annotations

import pytest
from review_help import BUILDING, DOGS, TENANT, current, opened, plan

from intake import automatic, review
from intake.budget import is_audited
from intake.config import Rules, Tenant
from intake.db.core import Database, Tx
from intake.db.documents import add_decision, get_document, move_document, put_proposals
from intake.db.forecasts import (
    BUDGET,
    OWN_REFERENCE,
    Forecast,
    audited_and_filed,
    blind,
    judge,
    newest_judged,
    put_forecast,
    unjudge,
)
from intake.db.problems import open_problems
from intake.errors import Refused
from intake.journal import entries
from intake.policy import Verdict
from intake.propose import Knowledge
from intake.vocabulary import Decision, Document, DocumentState, Evidence, Page, Proposal

KNOWN = Knowledge(entries={DOGS.id: DOGS, BUILDING.id: BUILDING})
PAGES = (Page(1, 210.0, 297.0, "Hiermit melde ich meinen Hund ab."),)
ON = Tenant(name=TENANT, rules=Rules(automatic=True, budget=0.05))


def sure(entry: str = DOGS.id, probability: float = 0.99) -> tuple[Proposal, ...]:
    return (Proposal("entry", entry, probability, (Evidence("model:filing@1", 1, None, "Hund"),)),
            Proposal("title", "Abmeldung", 0.5, (Evidence("rule:subject@1", 1, None, "Abmeldung"),)))


def new_documents(db: Database, count: int) -> list[Document]:
    return opened(db, [1] * count, state=DocumentState.NEW)[1]


def machine(tx: Tx, document: Document, proposals: tuple[Proposal, ...], tenant: Tenant = ON) -> Verdict:
    """What `propose_document` does."""
    verdict = automatic.decide(tx, tenant, document, proposals, PAGES, KNOWN, None)
    put_proposals(tx, document.id, TENANT, proposals)
    if verdict.automatic:
        values = {one.field: one.value for one in reversed(proposals)}
        add_decision(tx, TENANT, Decision(document.id, values, verdict.by, tx.now, document.revision + 1))
    move_document(tx, document, DocumentState.APPROVED if verdict.automatic else DocumentState.PROPOSED, why=verdict.why)
    return verdict


def clerk(tx: Tx, document: Document, entry: str) -> None:
    review.approve(tx, document.id, get_document(tx.connection, document.id).revision, "kms", {"entry": entry})


def reviewed(db: Database, right: int, wrong: int = 0, *, would: bool = False, branch: str = "") -> None:
    """So many blind decisions, all in one transaction; the wrong ones first."""
    documents = new_documents(db, right + wrong)
    with db.transaction() as tx:
        for document in documents:
            put_forecast(tx, TENANT, Forecast(
                document.id, BUDGET, "model:filing@1", DOGS.id, "", 0.99, branch, audit=True, would=would))
        for number, document in enumerate(documents):
            judge(tx, document.id, {"entry": BUILDING.id if number < wrong else DOGS.id})


@pytest.fixture
def db(database: Database) -> Database:
    with database.transaction() as tx:
        plan(tx)
    return database


def test_at_first_everything_sure_is_decided_blindly(db: Database) -> None:
    (document,) = new_documents(db, 1)
    with db.transaction() as tx:
        verdict = machine(tx, document, sure())
        assert (verdict.automatic, verdict.audit, verdict.would) == (False, True, False)
        assert blind(tx.connection, [document.id]) == {document.id}
    with pytest.raises(Refused, match="Stichprobe"), db.transaction() as tx:
        review.approve(tx, document.id, current(db, document.id).revision, "kms")
    with db.transaction() as tx:  # the clerk's own proposal counts, the machine's stays hidden
        review.correct(tx, document.id, current(db, document.id).revision, "kms", "entry", DOGS.notation)
        review.approve(tx, document.id, get_document(tx.connection, document.id).revision, "kms")
        assert blind(tx.connection, [document.id]) == set()
        assert [one.wrong for one in newest_judged(tx.connection, TENANT, BUDGET, 9)] == [False]


@pytest.mark.parametrize(("rules", "proposals"), [
    (Rules(), sure()), (Rules(automatic=True), sure(probability=0.7)), (Rules(automatic=True), sure("unknown")),
])
def test_nothing_is_blind_when_switched_off_or_not_sure(db: Database, rules: Rules, proposals: tuple[Proposal, ...]) -> None:
    (document,) = new_documents(db, 1)
    with db.transaction() as tx:
        verdict = machine(tx, document, proposals, Tenant(name=TENANT, rules=rules))
        assert not verdict.automatic and not verdict.audit and verdict.why.endswith(".")
        assert blind(tx.connection, [document.id]) == set()


def test_it_is_earned_by_blind_decisions_and_says_what_is_missing(db: Database) -> None:
    reviewed(db, 40)
    with db.read() as conn:
        (scope,) = automatic.scopes(conn, ON)
    assert scope.standing.threshold is None and scope.standing.audit == 1.0 and 0 < scope.standing.missing < 100
    reviewed(db, scope.standing.missing)
    with db.read() as conn:
        (scope,) = automatic.scopes(conn, ON)
        assert scope.standing.threshold is not None and scope.standing.bound <= 0.05 and scope.standing.missing == 0
        assert scope.standing.audit == 1.0  # earned, but nothing was ever risked
    reviewed(db, 120, would=True)
    with db.read() as conn:
        (scope,) = automatic.scopes(conn, ON)
        assert scope.standing.audit == pytest.approx(0.625)
    document = next(one for one in new_documents(db, 30) if not is_audited(one.id, scope.standing.audit))
    with db.transaction() as tx:
        verdict = machine(tx, document, sure())
    assert verdict.automatic and verdict.by == "policy:budget@1"
    assert "99 %" in verdict.why and "95 % Sicherheit" in verdict.why and "5 %" in verdict.why
    assert current(db, document.id).state is DocumentState.APPROVED
    with db.read() as conn:
        assert audited_and_filed(conn, TENANT, BUDGET)[1].reviewed == 1


def test_errors_keep_it_from_being_earned(db: Database) -> None:
    reviewed(db, 100, wrong=12)
    with db.read() as conn:
        (scope,) = automatic.scopes(conn, ON)
    assert scope.standing.threshold is None and scope.standing.tally.wrong == 12 and scope.standing.missing > 100


def test_taking_back_is_an_error_for_good(db: Database) -> None:
    (document,) = new_documents(db, 1)
    with db.transaction() as tx:
        put_forecast(tx, TENANT, Forecast(document.id, BUDGET, "model:filing@1", DOGS.id, "", 0.99, automatic=True))
        unjudge(tx, document.id)
        assert audited_and_filed(tx.connection, TENANT, BUDGET)[1].wrong == 1
        put_proposals(tx, document.id, TENANT, sure())
        move_document(tx, document, DocumentState.PROPOSED)
        clerk(tx, document, DOGS.id)
        assert audited_and_filed(tx.connection, TENANT, BUDGET)[1].wrong == 1


def test_a_clerks_decision_taken_back_does_not_count_until_the_next(db: Database) -> None:
    (document,) = new_documents(db, 1)
    with db.transaction() as tx:
        machine(tx, document, sure())
        clerk(tx, document, DOGS.id)
        review.undo(tx, document.id, get_document(tx.connection, document.id).revision, "kms")
        assert newest_judged(tx.connection, TENANT, BUDGET, 9) == []
        clerk(tx, document, BUILDING.id)
        assert [one.wrong for one in newest_judged(tx.connection, TENANT, BUDGET, 9)] == [True]


@pytest.mark.parametrize("stratum", [BUDGET, OWN_REFERENCE])
def test_too_many_errors_stop_it_once_and_it_must_be_earned_anew(db: Database, stratum: str) -> None:
    documents = new_documents(db, 31)
    with db.transaction() as tx:
        for document in documents[:30]:
            put_forecast(tx, TENANT, Forecast(document.id, stratum, "model:filing@1", DOGS.id, "", 0.99, automatic=True))
        for document in documents[:12]:
            unjudge(tx, document.id)
    for _ in range(2):
        with db.transaction() as tx:
            automatic.stop_what_must(tx, ON)
    with db.read() as conn:
        (problem,) = open_problems(conn, TENANT)
        assert "angehalten" in problem.title and "12 von 30" in problem.title
        assert [one.action for one in entries(conn, TENANT) if one.action == "automatic.stopped"] == ["automatic.stopped"]
        assert audited_and_filed(conn, TENANT, stratum)[1].reviewed == 0
        assert automatic.last_reason(conn, TENANT).startswith("Es ist belegt") == (stratum == BUDGET)
    with db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "close")


def test_another_akte_than_the_clerks_is_wrong_too(db: Database) -> None:
    (document,) = new_documents(db, 1)
    with db.transaction() as tx:
        machine(tx, document, sure())
        review.approve(tx, document.id, get_document(tx.connection, document.id).revision, "kms", {"file": "KÄ/962.10-0007/2025"})
        assert [one.wrong for one in newest_judged(tx.connection, TENANT, BUDGET, 9)] == [True]


def test_a_branch_with_numbers_of_its_own_is_judged_alone(db: Database) -> None:
    reviewed(db, 250, branch="b")
    reviewed(db, 50, branch="other")
    with db.read() as conn:
        found = {scope.name: scope.standing.tally.reviewed for scope in automatic.scopes(conn, ON)}
    assert found == {"": 50, "branch:b": 250}
