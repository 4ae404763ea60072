"""Filing without a person: asks the policy with the numbers of the tenant, writes down the forecast, stops when it must."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from intake import budget, policy
from intake.budget import ALPHA, LEAST_AUDIT, WINDOW, Standing, Tally
from intake.config import Tenant
from intake.db.akten import get_file
from intake.db.core import Tx, new_id
from intake.db.forecasts import (
    BUDGET,
    OWN_REFERENCE,
    Forecast,
    Judged,
    add_choice,
    add_stop,
    audited_and_filed,
    last_choice,
    last_stop,
    newest_judged,
    put_forecast,
    rests,
)
from intake.db.problems import open_problem
from intake.errors import Refused
from intake.journal import record
from intake.policy import Candidate, Verdict
from intake.propose import Knowledge, best
from intake.vocabulary import Cut, Document, Page, Problem, Proposal

MOST_JUDGED = 5 * WINDOW
CHOICES = (0.05, 0.02, 0.01)
"""Error budgets that the administration may choose."""
SUBJECTS = {BUDGET: policy.BUDGET, OWN_REFERENCE: policy.OWN_REFERENCE}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged together: everything without numbers of its own (name ""), a branch or a kind."""

    name: str
    standing: Standing


def decide(tx: Tx, tenant: Tenant, document: Document, proposals: Sequence[Proposal], pages: Sequence[Page],
           knowledge: Knowledge, cut: Cut | None) -> Verdict:
    """The verdict on a document, its forecast written down; in the transaction that moves the document."""
    tenant = as_chosen(tx.connection, tenant)
    rules = tenant.rules
    if rules.own_reference or rules.automatic:
        stop_what_must(tx, tenant)
    verdict = policy.decide(
        proposals, pages, files=knowledge.files, entries=knowledge.entries, access_class=document.access_class, cut=cut,
        own_reference=rules.own_reference and not rests(tx.connection, tenant.name, SUBJECTS[OWN_REFERENCE]))
    named = policy.proposed_file(proposals)
    file = get_file(tx.connection, tenant.name, named) if named else None
    found = policy.candidate(
        proposals, pages, file=file, entries=knowledge.entries, access_class=document.access_class,
        attached=document.parent is not None, cut=cut)
    if found is None:
        return verdict
    if verdict.automatic:
        verdict = _audited(verdict, document.id) if rules.automatic else verdict
        _remember(tx, tenant, document, proposals, knowledge, found, verdict, OWN_REFERENCE)
        return verdict
    if not rules.automatic:
        _remember(tx, tenant, document, proposals, knowledge, found, Verdict(False, verdict.by, ""), BUDGET)
        return verdict
    keys = _keys(found, proposals, knowledge)
    scope = _scope_for(scopes(tx.connection, tenant), keys)
    said = policy.decide_by_budget(found, document.id, rules.budget, scope.standing)
    _remember(tx, tenant, document, proposals, knowledge, found, said, BUDGET, scope.standing)
    return said


def as_chosen(conn: Connection, tenant: Tenant) -> Tenant:
    """The tenant with what its administration chose at the screen in place of what [tenant.rules] says."""
    choice = last_choice(conn, tenant.name)
    if choice is None:
        return tenant
    return tenant.model_copy(update={"rules": tenant.rules.model_copy(
        update={"automatic": choice.automatic, "budget": choice.budget})})


def choose(tx: Tx, tenant: Tenant, by: str, budget_share: float | None) -> None:
    """File without a person within this error budget (one of `CHOICES`) from now on, or (None) not at all. Raises Refused."""
    if budget_share is not None and budget_share not in CHOICES:
        raise Refused("Dieses Fehlerbudget gibt es nicht. Wählen Sie 5, 2 oder 1 Prozent, oder schalten Sie es aus.")
    before = as_chosen(tx.connection, tenant).rules
    after = (budget_share is not None, budget_share if budget_share is not None else before.budget)
    if after == (before.automatic, before.budget):
        return
    add_choice(tx, tenant.name, *after, by)
    record(tx, tenant.name, by, "budget.chosen", subjects={}, old={"automatic": before.automatic, "budget": before.budget},
           new={"automatic": after[0], "budget": after[1]})


def scopes(conn: Connection, tenant: Tenant) -> tuple[Scope, ...]:
    """What is earned, scope by scope, the one for all others first; together they are wrong with at most 5 %.

    Judged by the budget of `tenant` (see `as_chosen`).
    """
    judged, allowed = newest_judged(conn, tenant.name, BUDGET, MOST_JUDGED), tenant.rules.budget
    counts: dict[str, int] = {}
    for one in judged:
        for key in _keys_of(one):
            counts[key] = counts.get(key, 0) + 1
    groups: dict[str, list[Judged]] = {"": []}
    for one in judged:
        groups.setdefault(budget.scope_of(_keys_of(one), counts, allowed), []).append(one)
    audited, filed = audited_and_filed(conn, tenant.name, BUDGET)
    seen = audited.reviewed + filed.reviewed
    return tuple(Scope(name, budget.standing(_tallies(rows[:WINDOW], allowed), allowed, seen, ALPHA / len(groups)))
                 for name, rows in groups.items())


def _tallies(judged: Sequence[Judged], allowed: float) -> list[Tally]:
    found = []
    for limit in budget.thresholds(allowed):
        rows = [one for one in judged if one.probability >= limit]
        found.append(Tally(len(rows), sum(one.wrong for one in rows)))
    return found


def _keys_of(one: Judged) -> tuple[str, ...]:
    return tuple(key for key in (f"branch:{one.branch}" if one.branch else "", f"kind:{one.kind}" if one.kind else "") if key)


def _keys(found: Candidate, proposals: Sequence[Proposal], knowledge: Knowledge) -> tuple[str, ...]:
    return _keys_of(Judged(found.probability, _branch(found.entry, knowledge), _kind(proposals), False))


def _scope_for(known: Sequence[Scope], keys: Sequence[str]) -> Scope:
    by_name = {scope.name: scope for scope in known}
    return next((by_name[key] for key in keys if key in by_name), by_name[""])


def _branch(entry: str, knowledge: Knowledge) -> str:
    """The top entry above `entry`."""
    for _ in range(20):
        above = knowledge.entries[entry].parent if entry in knowledge.entries else None
        if above is None or above not in knowledge.entries:
            break
        entry = above
    return entry


def _kind(proposals: Sequence[Proposal]) -> str:
    found = best(proposals, "kind")
    return found.value if found else ""


def _audited(verdict: Verdict, document: str) -> Verdict:
    """Hard evidence is audited too, at the least share."""
    if not budget.is_audited(document, LEAST_AUDIT):
        return verdict
    return Verdict(False, policy.PERSON, "Stichprobe: bitte ohne Vorschlag entscheiden.", audit=True, would=True)


def _remember(tx: Tx, tenant: Tenant, document: Document, proposals: Sequence[Proposal], knowledge: Knowledge,
              found: Candidate, verdict: Verdict, stratum: str, earned: Standing | None = None) -> None:
    put_forecast(tx, tenant.name, Forecast(
        document.id, stratum, found.by, found.entry, found.file, found.probability, _branch(found.entry, knowledge),
        _kind(proposals), earned.threshold if earned else None, earned.bound if earned else None, verdict.audit, verdict.would,
        verdict.automatic))


def stop_what_must(tx: Tx, tenant: Tenant) -> None:
    """Stop a stratum of which it is proven that it files more than the budget wrongly: Klärungsfall, journal, earn anew."""
    for stratum in (BUDGET, OWN_REFERENCE):
        audited, filed = audited_and_filed(tx.connection, tenant.name, stratum)
        if not budget.must_stop(audited, filed, tenant.rules.budget):
            continue
        why = (f"Es ist belegt, dass mehr als {policy.percent(tenant.rules.budget)} falsch abgelegt werden: "
               f"{audited.wrong} von {audited.reviewed} in der Stichprobe, {filed.wrong} von {filed.reviewed} zurückgenommen.")
        add_stop(tx, tenant.name, stratum, why)
        then = ("Neu verdient wird es mit blind geprüften Schriftstücken." if stratum == BUDGET else
                "Die Regel ruht, bis Sie diesen Klärungsfall schließen.")
        problem = open_problem(tx, Problem(
            new_id(), tenant.name, "source", SUBJECTS[stratum], "policy", "budget",
            f"Das Ablegen ohne Rückfrage wurde angehalten. {why} Sehen Sie die letzten Ablagen durch. {then}", "", ("close",),
            tx.now))
        record(tx, tenant.name, "service:policy", "automatic.stopped", subjects={"problem": problem}, new={"why": why})


def last_reason(conn: Connection, tenant: str) -> str:
    """Why filing by the budget was stopped last; "" when it never was."""
    found = last_stop(conn, tenant, BUDGET)
    return found[1] if found else ""


def earned_line(conn: Connection, tenant: Tenant) -> str:
    """How far filing by the budget has come for everything without numbers of its own."""
    return state_line(scopes(conn, tenant)[0].standing)


def state_line(one: Standing) -> str:
    """ "ab 98 % Sicherheit, Stichprobe 12 %", or what is missing, for a list."""
    if one.threshold is None:
        return policy.missing_line(one)
    return f"ab {policy.percent(one.threshold)} Sicherheit, Stichprobe {policy.percent(one.audit)}"
