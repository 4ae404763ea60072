"""Search on SQLite and PostgreSQL: what is found, how it is counted and ranked, and that what is hidden leaves no trace."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import OperationalError

from intake.db import asking
from intake.db import search as searching
from intake.db.akten import add_file, update_file
from intake.db.core import Database, Tx, sqlite_driver
from intake.db.documents import move_document
from intake.db.filings import add_filing
from intake.db.indexed import Entry, check_index, clear_index, count_outdated, outdated, write
from intake.db.plan import import_plan
from intake.db.search import Found, search
from intake.db.trouble import translated
from intake.errors import ConfigError, Refused
from intake.schema import documents, search_documents, search_pages, search_texts, search_words
from intake.vocabulary import AktenplanEntry, Document, DocumentState, File, Filing, Viewer
from tests.making import TENANT, blob, delivery, opened, received

ALL = Viewer(TENANT)
POST = Viewer(TENANT, classes=frozenset({"Poststelle", "allgemein"}))
LETTERS = (
    "Antrag auf Baugenehmigung für den Anbau in der Lindenstraße 12, Flurstück 17/4.",
    "Die Genehmigung wird erteilt. Aktenzeichen BA/652.30-0001/2026 vom 03.04.2026.",
    "Genehmigungen für Straßenfeste im Sommer, Häuser am Markt.",
    "Rechnung über Zaunpfähle, 30 Pfähle, zu zahlen bis 17. Mai.",
    "Die Gerneinde teilt mit, dass der Zaun am Spielplatz morsch ist.",
    "Haus und Grund bittet im Namen der Gemeinde um Antwort.")


def indexed(db: Database, texts: Sequence[str | Sequence[str]], **values: Any) -> list[str]:
    """Documents with these texts that wait for a person, indexed; their ids."""
    ids = []
    with db.transaction() as tx:
        for one in texts:
            document = waiting(tx, values.get("access_class", "Poststelle"))
            pages = (one,) if isinstance(one, str) else tuple(one)
            said = {name: value for name, value in values.items() if name != "access_class"}
            write(tx, [Entry(document.id, document.revision, document.tenant, pages, **said)])
            ids.append(document.id)
    return ids


def waiting(tx: Tx, access_class: str = "Poststelle", tenant: str = TENANT) -> Document:
    _, (document,) = opened(tx, received(tx, tenant, access_class=access_class))
    return move_document(tx, document, DocumentState.PROPOSED)


def asked(db: Database, question: str, viewer: Viewer = ALL, **how: Any) -> Found:
    with db.read() as conn:
        return search(conn, viewer, question, **how)


def numbers(ids: Sequence[str], found: Found) -> list[int]:
    return [ids.index(hit.document) for hit in found.hits]


# ---- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "right"), [
    ("Baugenehmigung", {0}),
    ("Genehmigung", {0, 1, 2}),  # inflected, and as a part of a compound
    ("Strassenfest", {2}),
    ("haeuser", {2, 5}),
    ("Gemeinde", {4, 5}),  # misread
    ("17/4", {0}), ("3.4.2026", {1}), ("652.30", {1}),
    ("Zaun", {3, 4}),
    ("zaun rechnung", {3}),
    ("Genehmigung -Antrag", {1, 2}),
    ('"im Namen der Gemeinde"', {5}), ('"Namen Gemeinde"', set()), ('"der Zaun" morsch', {4}),
    ("der die das", {0, 1, 2, 3, 4, 5}),
    ("", {0, 1, 2, 3, 4, 5}),
    ("Kohlmeise", set()),
])
def test_words(database: Database, question: str, right: set[int]) -> None:
    ids = indexed(database, LETTERS)
    found = asked(database, question)
    assert set(numbers(ids, found)) == right
    assert (found.total, found.complete) == (len(right), True)
    assert all(not hit.missing for hit in found.hits)


def test_a_document_that_lacks_a_word_is_said_to(database: Database) -> None:
    ids = indexed(database, LETTERS)
    found = asked(database, "Rechnung Zaunpfähle Kohlmeise")
    assert numbers(ids, found) == [3]
    assert found.hits[0].missing == ("kohlmeise",)
    assert "Kein Schriftstück enthält alle Wörter" in found.hint
    assert asked(database, "und der Zaun").hint.startswith("Danach wird nicht gesucht")


def test_fields_facets_and_days(database: Database) -> None:
    kinds = [{"kind": "Rechnung", "sender": "Stadtwerke Müller GmbH", "dated": date(2024, 5, 1), "title": "Abschlag Wasser",
              "references": ("BA/652.30-0001/2026",), "parcels": ("Mittelau 3-17/4",)},
             {"kind": "Antrag", "sender": "Erika Mustermann", "dated": date(2025, 6, 1), "title": "Neuer Zaun"},
             {"kind": "Rechnung", "sender": "Bauhof", "dated": date(2026, 7, 1)}]
    ids = [indexed(database, ["Zaun"], **said)[0] for said in kinds]
    for question, right in (
            ("az:652.30", [0]), ("az:BA/652.30-0001/2026", [0]), ("az:652.3", []), ("flurstueck:17/4", [0]),
            ("flurstueck:7/4", []), ("absender:mueller", [0]), ("absender:Mustermann", [1]), ("betreff:Zaun", [1]),
            ("art:Rechnungen", [2, 0]),
            ("datum:2025", [1]), ("datum:2025..", [2, 1]), ("datum:..2024", [0]), ("Zaun art:Rechnung datum:2024", [0])):
        assert numbers(ids, asked(database, question)) == right, question
    found = asked(database, "Zaun")
    assert numbers(ids, found)[0] == 1  # in the title
    counts = {facet.name: {choice.value: choice.count for choice in facet.choices} for facet in found.facets}
    assert counts["kind"] == {"Rechnung": 2, "Antrag": 1} and counts["year"] == {"2024": 1, "2025": 1, "2026": 1}
    assert counts["parcel"] == {"Mittelau 3-17/4": 1} and counts["state"] == {"PROPOSED": 3}
    for name, value, right in (("kind", "Rechnung", [2, 0]), ("year", "2025", [1]), ("sender", "Bauhof", [2]),
                               ("parcel", "Mittelau 3-17/4", [0]), ("state", "FILED", []), ("branch", "e6", [])):
        narrowed = asked(database, "Zaun", chosen={name: value})
        assert sorted(numbers(ids, narrowed)) == sorted(right) and narrowed.total == len(right)
    with pytest.raises(Refused, match="eingrenzen"):
        asked(database, "Zaun", chosen={"colour": "red"})
    with pytest.raises(Refused, match="weder Buchstaben"):
        asked(database, "az:///")


def test_the_page_and_the_piece_of_text(database: Database) -> None:
    indexed(database, [("Anschreiben ohne alles.", "Auf der zweiten Seite steht der Zaun, morsch.", "Ende")], title="Schaden")
    (hit,) = asked(database, "morscher Zaun").hits
    assert (hit.page, hit.pages, hit.title) == (2, 3, "Schaden")
    assert [run for run, marked in hit.snippet if marked] == ["Zaun,", "morsch."]
    assert asked(database, "betreff:Schaden").hits[0].page == 0


def test_pages_of_hits_and_more_than_are_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = indexed(database, [f"Zaun {number}" for number in range(12)])
    shown = [*numbers(ids, asked(database, "Zaun")), *numbers(ids, asked(database, "Zaun", first=10))]
    assert shown == list(range(11, -1, -1))  # equal scores: the newest first
    assert asked(database, "Zaun", first=50).hits == ()
    monkeypatch.setattr(searching, "COUNTED", 5)
    monkeypatch.setattr(asking, "COMMON", 5)
    found = asked(database, "Zaun")
    assert (found.total, found.complete) == (5, False)


def test_a_frequent_near_word_is_another_word(database: Database) -> None:
    """Mauer is no misread Bauer where it stands in many documents, but is where it stands in one."""
    ids = indexed(database, ["Der Bauer pflügt.", *["Die Mauer ist hoch."] * 6])
    assert numbers(ids, asked(database, "Bauer")) == [0]
    clear(database)
    ids = indexed(database, ["Der Bauer pflügt.", "Der Mauer pflügt."])
    assert set(numbers(ids, asked(database, "Bauer"))) == {0, 1}


def clear(db: Database) -> None:
    with db.transaction() as tx:
        clear_index(tx)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=st.text(max_size=60) | st.lists(st.sampled_from(
    ['"', "az:", "art:", "-", "Zaun", "NEAR(", "*", "OR", "AND NOT", "'", "\\", "|", "&", "!", ":", "(", "17/4", "datum:2024",
     "\0", " "]), max_size=12).map("".join))
def test_any_question_gets_an_answer_or_a_sentence(database: Database, question: str) -> None:
    with database.read() as conn:
        empty = conn.execute(select(func.count()).select_from(search_documents)).scalar_one() == 0
    if empty:
        indexed(database, LETTERS)
    try:
        found = asked(database, question)
    except Refused as refused:
        assert str(refused).endswith(".")
    else:
        assert found.total <= len(LETTERS)


# ---- upkeep ----------------------------------------------------------------------------------------------------------


def sizes(db: Database) -> tuple[int, ...]:
    with db.read() as conn:
        return tuple(conn.execute(select(func.count()).select_from(table)).scalar_one()
                     for table in (search_documents, search_texts, search_pages, search_words))


def test_what_moves_is_outdated_and_indexed_again(database: Database) -> None:
    (id,) = indexed(database, ["Zaun und Hecke"])
    assert sizes(database) == (1, 1, 1, 2)
    with database.transaction() as tx:
        assert outdated(tx.connection, 10) == []
        document = _document(tx, id)
        moved = move_document(tx, document, DocumentState.APPROVED)
        assert outdated(tx.connection, 10) == [(id, moved.revision, DocumentState.APPROVED)]
        assert write(tx, [Entry(id, document.revision, TENANT, ("alt",))]) == 0  # made for an older revision
        assert count_outdated(tx.connection) == 1
        assert write(tx, [Entry(id, moved.revision, TENANT, ("Zaun und Mauer",))]) == 1
    assert [hit.document for hit in asked(database, "Mauer").hits] == [id]
    assert asked(database, "Hecke").total == 0
    assert sizes(database) == (1, 1, 1, 2)  # "hecke" is forgotten
    with database.transaction() as tx:
        gone = move_document(tx, _document(tx, id), DocumentState.REJECTED)
        write(tx, [], [(id, gone.revision)])
    assert sizes(database) == (0, 0, 0, 0)
    assert asked(database, "").total == 0


def _document(tx: Tx, id: str) -> Document:
    from intake.db.documents import get_document

    return get_document(tx.connection, id)


def test_the_index_made_anew_is_the_same(database: Database) -> None:
    ids = indexed(database, LETTERS)
    before = [asked(database, word).hits for word in ("Genehmigung", "Zaun", "Gemeinde", "az:652")]
    with database.transaction() as tx:
        clear_index(tx)
        assert count_outdated(tx.connection) == len(ids)
    assert sizes(database) == (0, 0, 0, 0) and asked(database, "Zaun").total == 0
    with database.transaction() as tx:
        for (id, revision, _), page in zip(outdated(tx.connection, 50), LETTERS, strict=True):
            write(tx, [Entry(id, revision, TENANT, (page,))])
    assert [asked(database, word).hits for word in ("Genehmigung", "Zaun", "Gemeinde", "az:652")] == before


def test_sqlites_own_check_finds_the_index_whole(sqlite_database: Database) -> None:
    ids = indexed(sqlite_database, LETTERS)
    with sqlite_database.transaction() as tx:
        for id in ids[:3]:
            moved = move_document(tx, _document(tx, id), DocumentState.CLARIFY)
            write(tx, [Entry(id, moved.revision, TENANT, ("neuer Text ßäö €",))])
        tx.connection.execute(text("INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)"))


def test_without_full_text_search_the_operator_is_told(database: Database) -> None:
    with database.read() as conn:
        check_index(conn)
    error = OperationalError("SELECT", {}, sqlite_driver().OperationalError("no such module: fts5"))
    with pytest.raises(ConfigError, match="FTS5"), translated():
        raise error


def test_terms_are_kept_as_given(database: Database) -> None:
    """No tokenizer stems, folds or splits what we made."""
    (id,) = indexed(database, ["ΑΒΓ 652.30 Zaunkönige x_y 日本語 12a"])
    for term in ("αβγ", "652.30", "Zaunkönige", "日本語", "12a"):
        assert [hit.document for hit in asked(database, f'"{term}"').hits] == [id], term


def test_a_monstrous_document_fits(database: Database) -> None:
    (id,) = indexed(database, [[" ".join(f"wort{page}q{number}" for number in range(500)) for page in range(90)]])
    assert asked(database, "wort7q3").hits[0].document == id


def test_another_tenant_is_another_world(database: Database) -> None:
    with database.transaction() as tx:
        other = waiting(tx, tenant="nachbar")
        write(tx, [Entry(other.id, other.revision, "nachbar", ("Zaun",))])
    assert asked(database, "Zaun").total == 0
    assert asked(database, "Zaun", Viewer("nachbar")).total == 1


# ---- what is hidden --------------------------------------------------------------------------------------------------


def filed(tx: Tx, document: Document, file: File, entry: AktenplanEntry) -> Document:
    moved = move_document(tx, move_document(tx, document, DocumentState.APPROVED), DocumentState.FILED)
    add_filing(tx, Filing(document.id.rjust(64, "0"), TENANT, document.id, entry, file, None, "Titel", {},
                          delivery().received_at, blob(document.id.encode()), ()))
    return moved


def test_filed_documents_show_their_akte_and_follow_it(database: Database) -> None:
    plan = (AktenplanEntry("e6", "6", "Bauen"), AktenplanEntry("e61", "6.1", "Vorhaben", parent="e6"))
    with database.transaction() as tx:
        import_plan(tx, TENANT, plan)
        file = add_file(tx, TENANT, File("", "BA/1/2026", "Anbau", "e61"), date(2026, 1, 1))
        document = filed(tx, waiting(tx), file, plan[1])
        write(tx, [Entry(document.id, document.revision, TENANT, ("Zaun",), branch="e6", references=(file.reference,))])
    found = asked(database, "az:BA/1")
    assert (found.hits[0].reference, found.hits[0].file, found.hits[0].state) == ("BA/1/2026", file.id, DocumentState.FILED)
    assert [(facet.name, facet.choices[0].label) for facet in found.facets if facet.name == "branch"] == [("branch", "6 Bauen")]
    with database.transaction() as tx:
        assert outdated(tx.connection, 5) == []
        update_file(tx, TENANT, file)
        assert [row[0] for row in outdated(tx.connection, 5)] == [document.id]


def test_a_hidden_document_changes_nothing(database: Database) -> None:
    """For random questions the answer with hidden documents is the answer without them: hits, order, counts, pieces of text."""
    dice = random.Random(8)
    words = ["Zaun", "Hecke", "Baugenehmigung", "Genehmigung", "Rechnung", "Gemeinde", "Gerneinde", "Mauer", "Bauer", "17/4"]
    seen = [" ".join(dice.choices(words, k=6)) for _ in range(12)]
    hidden = [" ".join(dice.choices([*words, "Geheimnis"], k=6)) for _ in range(25)]
    questions = [" ".join(dice.sample([*words, "Geheimnis", "az:9", "art:Personal"], dice.choice((1, 2, 3)))) for _ in range(40)]
    ids = indexed(database, seen, kind="Brief", dated=date(2026, 1, 2))
    before = [asked(database, question, POST) for question in questions]
    secret = indexed(database, hidden, kind="Personal", sender="Geheim", references=("9",), access_class="Personal",
                     dated=date(2025, 1, 2))
    assert [asked(database, question, POST) for question in questions] == before
    assert asked(database, "Geheimnis").total > 0 and asked(database, "Geheimnis", POST) == Found((), 0, True, ())
    with database.transaction() as tx:  # what was waiting openly and is closed now is gone too
        tx.connection.execute(update(documents).where(documents.c.id.in_(ids)).values(access_class="Personal"))
    assert asked(database, "", POST).total == 0
    assert asked(database, "").total == len(ids) + len(secret)
