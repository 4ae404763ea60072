"""Generated: every way to read the database as somebody, as every viewer: what he may not see does not exist for him.

Every function that takes a `Viewer` is found by itself and asked in two towns: the whole one, and a copy of it from which
everything hidden from that viewer was deleted. The answers must be the same to the letter: then nothing leaks through counts,
order, snippets, names or the words of a refusal. A function without a recipe here fails the test, and so does a screen that
reads without a viewer, unless it is named below with the reason.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

import intake
from intake import access, places
from intake.blobs import Blobs
from intake.db import access as clauses
from intake.db import (
    asking,
    desk,
    efile,
    exchange,
    figures,
    handovers,
    history,
    inbox,
    incoming,
    lists,
    outbox,
    search,
    waiting,
)
from intake.db.core import Database
from intake.db.documents import get_document, live_decision, proposals_of
from intake.errors import PoststelleError
from intake.schema import deliveries, documents, files, problems
from intake.vocabulary import DocumentState, Viewer
from intake.web import alike, desk_view, pictures
from tests.access_help import OWN, PLAN, TOWN, Thing, Town, build, viewers, without

Ask = Callable[[Connection, Viewer, "Known"], Iterable[Any]]
"""Everything a function can be asked about the town: one answer after the other, a refusal being one too."""
STATES = tuple(DocumentState)
ON = date(2026, 11, 22)


class Known:
    """The ids of the whole town, hidden ones too, by kind, with the words of all things."""

    def __init__(self, town: Town) -> None:
        self.blobs = town.blobs
        self.words = sorted({one.word for one in town.things.values()})
        self.files, self.documents, self.deliveries, self.problems = (
            [one.id for one in town.things.values() if one.kind == kind] for kind in ("file", "document", "delivery", "problem"))
        with town.db.read() as conn:
            self.references = list(conn.execute(select(files.c.reference)).scalars())
            self.proposals = [one for id in self.documents for one in proposals_of(conn, id)]
            self.rows = [dict(row) for row in conn.execute(select(deliveries).order_by(deliveries.c.id)).mappings()]


def each(things: Iterable[Any], ask: Callable[[Any], Any]) -> Iterator[Any]:
    """The answer for each thing; a refusal as its words, without what was asked for."""
    for one in things:
        try:
            yield one, ask(one)
        except PoststelleError as error:
            yield one, type(error).__name__, str(error).replace(str(one), "")


def clause(make: Callable[..., Any], table: Any) -> Ask:
    return lambda conn, who, _: [sorted(conn.execute(select(table.c.id).where(make(conn, who))).scalars())]


def _rows(conn: Connection, who: Viewer, at: Known) -> Iterator[Any]:
    seen = set(conn.execute(select(deliveries.c.id).where(clauses.visible_deliveries(conn, who))).scalars())
    yield lists.delivery_lines(conn, who, [row for row in at.rows if row["id"] in seen])


def _endings(conn: Connection, who: Viewer, at: Known) -> Iterator[Any]:
    kinds: tuple[tuple[lists.Kind, list[str]], ...] = (
        ("document", at.documents), ("delivery", at.deliveries), ("problem", at.problems))
    for kind, ids in kinds:
        yield from each([id[-8:] for id in ids[::2]], lambda end, kind=kind: lists.id_by_ending(conn, who, end, kind))


def _questions(at: Known) -> list[str]:
    return ["wasserschaden", "", "frau wasserschaden geehrte", "Brief", *at.words[::6],
            *(f"az:{one}" for one in at.references[:3]), f"absender:{at.words[3]}", "datum:2026", at.words[5][:-1],
            f'"frau {at.words[7]}"']


def _place_chosen(conn: Connection, who: Viewer, at: Known) -> Iterator[Any]:
    for id in at.documents:
        if clauses.may_see_document(conn, who, id):
            shown = clauses.seen_proposals(conn, who, proposals_of(conn, id))
            for draft in (desk_view.Draft(), *(desk_view.Draft(file=file) for file in at.files)):
                yield id, desk_view.place_chosen(conn, who, get_document(conn, id), shown, draft)


def _handed(conn: Connection, who: Viewer, _: Known) -> Iterator[Any]:
    yield handovers.handed(conn, who, open_only=False)


RECIPES: dict[Callable[..., Any], Ask] = {
    clauses.visible_documents: clause(clauses.visible_documents, documents),
    clauses.visible_files: clause(clauses.visible_files, files),
    clauses.visible_deliveries: clause(clauses.visible_deliveries, deliveries),
    clauses.whole_deliveries: clause(clauses.whole_deliveries, deliveries),
    clauses.visible_problems: clause(clauses.visible_problems, problems),
    clauses.visible_entries: lambda conn, who, _: [clauses.visible_entries(conn, who)],
    clauses.may_see_document: lambda conn, who, at: each(at.documents, lambda id: clauses.may_see_document(conn, who, id)),
    clauses.may_see_delivery: lambda conn, who, at: each(at.deliveries[::3], lambda id: (
        clauses.may_see_delivery(conn, who, id), clauses.may_see_delivery(conn, who, id, whole=True))),
    clauses.see_document: lambda conn, who, at: each(at.documents, lambda id: clauses.see_document(conn, who, id)),
    clauses.see_file: lambda conn, who, at: each(at.files + at.references, lambda name: clauses.see_file(conn, who, name)),
    clauses.seen_files: lambda conn, who, at: [sorted(clauses.seen_files(conn, who, at.files).items())],
    clauses.seen_decision: lambda conn, who, at: each(at.documents, lambda id: clauses.seen_decision(
        conn, who, live_decision(conn, id)) if clauses.may_see_document(conn, who, id) else None),
    clauses.seen_proposals: lambda conn, who, at: [[
        one for one in clauses.seen_proposals(conn, who, proposals_of(conn, id))] for id in at.documents
        if clauses.may_see_document(conn, who, id)],
    lists.list_deliveries: lambda conn, who, _: [lists.list_deliveries(conn, who), lists.list_deliveries(conn, who, limit=3)],
    lists.delivery_lines: _rows,
    lists.list_documents: lambda conn, who, at: [
        lists.list_documents(conn, who, STATES), lists.list_documents(conn, who, STATES, limit=4),
        lists.list_documents(conn, who, STATES, only=at.documents),
        *(lists.list_documents(conn, who, STATES, delivery=id) for id in at.deliveries[::4])],
    lists.list_problems: lambda conn, who, _: [lists.list_problems(conn, who), lists.list_problems(conn, who, limit=2)],
    lists.id_by_ending: _endings,
    waiting.waiting_for: lambda conn, who, _: [waiting.waiting_for(conn, who)],
    efile.list_files: lambda conn, who, at: [
        efile.list_files(conn, who), efile.list_files(conn, who, "Akte", limit=2), efile.list_files(conn, who, closed=True),
        *(efile.list_files(conn, who, word) for word in at.words[::6]),
        *(efile.list_files(conn, who, entry=one.id) for one in PLAN)],
    efile.show_file: lambda conn, who, at: each(at.files + at.references, lambda name: efile.show_file(conn, who, name)),
    efile.versions_of: lambda conn, who, at: each(at.documents, lambda id: efile.versions_of(conn, who, id)),
    efile.list_due: lambda conn, who, _: [efile.list_due(conn, who, ON), efile.list_due(conn, who, ON, limit=2)],
    desk.neighbours: lambda conn, who, at: each(at.documents, lambda id: desk.neighbours(conn, who, id) if (
        clauses.may_see_document(conn, who, id)) else None),
    desk.next_waiting: lambda conn, who, at: each(at.documents, lambda id: desk.next_waiting(conn, who, id) if (
        clauses.may_see_document(conn, who, id)) else None),
    desk.first_waiting: lambda conn, who, _: [desk.first_waiting(conn, who)],
    desk.waiting_after: lambda conn, who, at: each(at.documents, lambda id: desk.waiting_after(conn, who, id, 50) if (
        clauses.may_see_document(conn, who, id)) else None),
    desk.seen_beside: lambda conn, who, at: each(at.deliveries[::2], lambda id: desk.seen_beside(conn, who, id)),
    figures.today: lambda conn, who, _: [figures.today(conn, who)],
    figures.oldest: lambda conn, who, _: [figures.oldest(conn, who)],
    figures.automatic_share: lambda conn, who, _: [figures.automatic_share(conn, who)],
    figures.per_day: lambda conn, who, _: [figures.per_day(conn, who)],
    figures.pages_per_hour: lambda conn, who, _: [figures.pages_per_hour(conn, who)],
    figures.load_per_office: lambda conn, who, _: [figures.load_per_office(conn, who)],
    inbox.inbox: lambda conn, who, _: [inbox.inbox(conn, who, limit=3), *(inbox.inbox(conn, who, only) for only in inbox.Filter),
                                       inbox.inbox(conn, who, source=f"tor-{OWN[1]}")],
    incoming.arrived: lambda conn, who, _: [incoming.arrived(conn, who), incoming.arrived(conn, who, limit=2)],
    incoming.count_new: lambda conn, who, _: [incoming.count_new(conn, who)],
    incoming.one_arrived: lambda conn, who, at: each(at.documents[::3], lambda id: incoming.one_arrived(conn, who, id)),
    incoming.due: lambda conn, who, _: [incoming.due(conn, who, date(2000, 1, 1), date(2100, 1, 1))],
    incoming.figures: lambda conn, who, _: [incoming.figures(
        conn, who, [who.name], datetime(2000, 1, 1, tzinfo=UTC), date(2000, 1, 1), date(2100, 1, 1))],
    outbox.listed: lambda conn, who, _: [outbox.listed(conn, who, 50)],
    inbox.fingerprint: lambda conn, who, _: [inbox.fingerprint(conn, who)],
    search.search: lambda conn, who, at: each(_questions(at), lambda said: search.search(conn, who, said)),
    handovers.handed: _handed,
    exchange.files_for: lambda conn, who, at: [list(exchange.files_for(conn, who)), *(
        list(exchange.files_for(conn, who, file=id)) for id in at.files)],
    exchange.documents_for: lambda conn, who, at: each(at.files, lambda id: exchange.documents_for(conn, who, id)),
    alike.alike_with: lambda conn, who, at: each(at.documents[::3], lambda id: alike.alike_with(conn, who, id)),
    desk_view.desk_of: lambda conn, who, at: each(at.documents, lambda id: desk_view.desk_of(conn, who, id)),
    desk_view.place_chosen: _place_chosen,
    desk_view.cases_for: lambda conn, who, at: each(at.files, lambda id: desk_view.cases_for(conn, who, id)),
    desk_view.entries_found: lambda conn, who, at: each(["Bau", *at.words[::6]], lambda word: (
        desk_view.entries_found(conn, who, word))),
    desk_view.files_found: lambda conn, who, at: each(["Akte", "e", *at.words[::6]], lambda word: (
        desk_view.files_found(conn, who, word))),
    pictures.sheet_of: lambda conn, who, at: each(at.documents, lambda id: pictures.sheet_of(conn, who, id, 1)),
    pictures.whole_delivery: lambda conn, who, at: each(at.deliveries[::2], lambda id: pictures.whole_delivery(conn, who, id)),
    places.places: lambda conn, who, at: each(at.documents, lambda id: places.places(conn, at.blobs, who, id, "wasserschaden")),
}
ELSEWHERE: dict[Callable[..., Any], str] = {
    access.sees_document: "the rule itself", access.sees_file: "the rule itself",
    clauses.hidden_files: "asked what is hidden, by functions that then leave it out",
    history.hidden_subjects: "the same for the journal", history.documents_ever: "ids for the Protokoll, which asks for each",
    asking.here: "nothing but the clause",
}
AFTER_LOOKING: dict[str, str] = {
    **dict.fromkeys((
        "get_document", "get_delivery", "proposals_of", "live_decision", "parts_of", "ledger", "cuts_of", "cut_of", "why_of",
        "titles_of", "opened_by", "decided_at", "documents_of", "problem_of", "get_problem", "blind", "cases_of",
        "receipts_of", "notices_of", "sheet_in", "newest_page_reads", "position_of", "numbers_about", "newest_entries",
        "entry_texts", "filing_of_document", "values_of", "page_count",
    ), "about ids that a function with a viewer gave"),
    **dict.fromkeys(("open_entries", "all_entries", "get_entry", "get_entries", "entry_by_notation", "entry_names"),
                    "the plan is no secret"),
    **dict.fromkeys((
        "token_of", "tokens_of", "session_of", "link_of", "get_user", "user_by_login", "user_by_subject", "grant_of",
        "grants_of", "account_in", "people_of", "anyone"), "people, not documents"),
    **dict.fromkeys(("file_count", "imported_at", "register_size", "uses"), "sizes of registers and models, for who runs it"),
    "audited_and_filed": "how good the machine is, over all it may file: nothing restricted",
    "offices_of": "names of offices", "tally": "how many differences a batch has, no names",
    "last_choice": "a setting", "newest": "numbers of mails to offices, for who runs it",
}


def functions() -> Iterator[Callable[..., Any]]:
    """Every public function of ours, but for the command line (the operator sees everything) and what parses in the box."""
    for module in pkgutil.walk_packages(intake.__path__, "intake."):
        if module.name.startswith(("intake.cli", "intake.box.inside", "intake.migrations")) or "__main__" in module.name:
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(found) and found.__module__ == module.name and not name.startswith("_"):
                yield found


def takes(found: Callable[..., Any], *words: str) -> bool:
    said = [str(one.annotation) for one in inspect.signature(found).parameters.values()]
    return all(any(word in one.split("[")[0] for one in said) for word in words)


def test_every_function_that_reads_for_somebody_has_a_recipe() -> None:
    missing = [f"{found.__module__}.{found.__name__}" for found in functions()
               if takes(found, "Connection", "Viewer") and found not in RECIPES and found not in ELSEWHERE]
    assert missing == [], "write a recipe in RECIPES: what is asked for a viewer must be compared in two towns"


def test_screens_read_with_a_viewer() -> None:
    """A screen imports from `intake.db` what takes a viewer, what writes, and what is named above."""
    known = {(found.__module__, found.__name__): found for found in functions()}
    wrong = []
    for path in sorted(Path("intake/web").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("intake.db"):
                wrong += [f"{path.name}: {node.module}.{one.name}" for one in node.names
                          if (found := known.get((str(node.module), one.name))) and takes(found, "Connection")
                          and not takes(found, "Viewer") and one.name not in AFTER_LOOKING]
    assert wrong == [], "take a Viewer, or say in AFTER_LOOKING why not"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, _sqlite_template: Path) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(_sqlite_template, folder / "whole.db")
    made = Town(Database(f"sqlite:///{folder / 'whole.db'}"), Blobs(folder / "blobs"))
    build(made)
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def at(town: Town) -> Known:
    return Known(town)


def _said(who: Viewer) -> str:
    return "-".join((who.role.value, "+".join(sorted(who.classes or ())) or "nothing", *who.branches, *who.offices))


@pytest.mark.parametrize("who", [
    pytest.param(who, marks=[] if number % 14 == 5 else [pytest.mark.long]) for number, who in enumerate(viewers())], ids=_said)
def test_what_is_hidden_does_not_exist(town: Town, at: Known, who: Viewer, tmp_path: Path) -> None:
    path = Path(town.db.engine.url.database or "")
    with town.db.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, tmp_path / "less.db")
    less, gone = Database(f"sqlite:///{tmp_path / 'less.db'}"), town.hidden(who)
    without(town, less, gone)
    try:
        with town.db.read() as whole, less.read() as poorer:
            for found, ask in RECIPES.items():
                here, there = list(ask(whole, who, at)), list(ask(poorer, who, at))
                assert here == there, f"{found.__module__}.{found.__name__}"
                _says_nothing_of(found, here, gone)
    finally:
        less.close()


def _says_nothing_of(found: Callable[..., Any], answers: list[Any], gone: list[Thing]) -> None:
    """No word of a hidden thing in any answer; what was asked for is not an answer."""
    if found is search.search:  # repeats the question
        return
    asked = [isinstance(one, tuple) and len(one) in (2, 3) and isinstance(one[0], str) for one in answers]
    said = repr([one[1:] if named else one for one, named in zip(answers, asked, strict=True)])
    assert [one.word for one in gone if one.word in said] == [], f"{found.__module__}.{found.__name__}"


def test_the_operator_sees_everything(town: Town) -> None:
    with town.db.read() as conn:
        number = sum(one.kind == "document" for one in town.things.values())
        assert len(lists.list_documents(conn, Viewer(TOWN), STATES)) == number
        assert town.hidden(Viewer(TOWN)) == [] and lists.list_documents(conn, Viewer("nachbar"), STATES) == ()
