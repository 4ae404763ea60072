"""The clause in SQL says what the rule says, for random rows and viewers, on both databases."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from sqlalchemy import select

from intake.access import OPEN, ORDINARY, Lying, Unit, classes_of, sees_document, sees_file, under
from intake.db.access import (
    hidden_files,
    may_see_delivery,
    may_see_document,
    see_document,
    see_file,
    seen_files,
    seen_proposals,
    visible_documents,
    visible_entries,
    visible_files,
)
from intake.db.akten import add_file
from intake.db.core import Database, Tx
from intake.db.documents import move_document
from intake.db.filings import add_filing
from intake.db.plan import all_entries, import_plan, with_classes
from intake.errors import Refused
from intake.schema import documents, files
from intake.vocabulary import AktenplanEntry, Document, DocumentState, Evidence, File, Filing, Proposal, Viewer
from tests.making import TENANT, blob, delivery, opened, received

PLAN = (AktenplanEntry("e0", "0", "Verfassung"), AktenplanEntry("e1", "1", "Personal", access_class="Personal"),
        AktenplanEntry("e11", "11", "Personalakten"), AktenplanEntry("e4", "4", "Soziales"),
        AktenplanEntry("e41", "41", "Wohngeld"),
        AktenplanEntry("e6", "6", "Bauen"), AktenplanEntry("e61", "61", "Bauvorhaben", access_class="Bau"))
ALL_CLASSES = (OPEN, ORDINARY, "Personal", "Soziales", "Bau", "Vertraulich")


def filed(tx: Tx, document: Document, entry: AktenplanEntry, file: File) -> None:
    """The document filed, by the shortest way."""
    moved = document
    for state in (DocumentState.PROPOSED, DocumentState.APPROVED, DocumentState.FILED):
        moved = move_document(tx, moved, state)
    add_filing(tx, Filing(document.id.rjust(64, "0"), TENANT, document.id, entry, file, None, "Titel", {},
                          delivery().received_at, blob(document.id.encode()), ()))


def random_viewer(dice: random.Random) -> Viewer:
    return Viewer(TENANT, classes=frozenset(dice.sample(ALL_CLASSES, dice.randint(0, 4))),
                  branches=tuple(dice.sample(["e0", "e1", "e4", "e6", "gone"], dice.choice([0, 0, 1, 2]))),
                  offices=tuple(dice.sample(["Bauamt", "Kämmerei"], dice.choice([0, 0, 1]))))


def test_sql_and_rule_agree(database: Database) -> None:
    dice = random.Random(8)
    truth: dict[str, tuple[str, Lying | None]] = {}
    with database.transaction() as tx:
        import_plan(tx, TENANT, PLAN)
        entries = {entry.id: entry for entry in PLAN}
        akten = [add_file(tx, TENANT, File("", f"AZ-{number}", "", dice.choice(PLAN).id,
                                           office=dice.choice(["", "Bauamt", "Kämmerei"]))) for number in range(20)]
        for _ in range(60):
            own = dice.choice((ORDINARY, ORDINARY, "Vertraulich", "Bau"))
            _, (one,) = opened(tx, received(tx, access_class=own))
            akte = dice.choice([None, *akten])
            if akte is not None:
                filed(tx, one, entries[akte.entry], akte)
            truth[one.id] = own, Lying(akte.entry, akte.office) if akte else None
        opened(tx, received(tx, tenant="nachbar"))
    with database.read() as conn:
        units = [Unit(one.id, one.parent, one.title, one.access_class) for one in all_entries(conn, TENANT)]
        classes = classes_of(units)
        for _ in range(80):
            viewer = random_viewer(dice)
            inside = under(units, viewer.branches)
            shown = set(conn.execute(select(documents.c.id).where(visible_documents(conn, viewer))).scalars())
            assert shown == {id for id, (own, lying) in truth.items() if sees_document(viewer, own, lying, classes, inside)}
            seen = set(conn.execute(select(files.c.id).where(visible_files(conn, viewer))).scalars())
            assert seen == {one.id for one in akten if sees_file(viewer, Lying(one.entry, one.office), classes, inside)}
            assert hidden_files(conn, viewer, [one.reference for one in akten]) == {
                one.reference for one in akten if one.id not in seen}
            assert seen_files(conn, viewer, [one.id for one in akten]).keys() == seen
            entries_seen = visible_entries(conn, viewer)
            assert {one.entry for one in akten if one.id in seen} <= entries_seen <= {
                name for name, said in classes.items() if said in (viewer.classes or ())}
        everything = Viewer(TENANT)
        assert set(conn.execute(select(documents.c.id).where(visible_documents(conn, everything))).scalars()) == truth.keys()


def test_a_new_version_of_the_plan_closes_what_lies_there(database: Database) -> None:
    clerk = Viewer(TENANT, classes=frozenset({OPEN}), branches=("e6",))
    with database.transaction() as tx:
        import_plan(tx, TENANT, [replace(entry, access_class=OPEN) if entry.id == "e61" else entry for entry in PLAN])
        akte = add_file(tx, TENANT, File("", "61-1", "Anbau", "e61"))
        assert seen_files(tx.connection, clerk, [akte.id]) and visible_entries(tx.connection, clerk) == {"e6", "e61"}
        import_plan(tx, TENANT, [replace(entry, access_class="Geheim") if entry.id == "e6" else replace(entry, access_class=OPEN)
                                 if entry.id == "e61" else entry for entry in PLAN])
        held = {one.id: one.access_class for one in with_classes(tx.connection, TENANT, all_entries(tx.connection, TENANT))}
        assert (held["e61"], held["e0"], held["e11"]) == ("Geheim", OPEN, "Personal")  # what the policy is given
        assert not seen_files(tx.connection, clerk, [akte.id]) and visible_entries(tx.connection, clerk) == set()
        assert seen_files(tx.connection, Viewer(TENANT, classes=frozenset({"Geheim"}), branches=("e6",)), [akte.id])


def test_what_is_hidden_is_refused_as_what_never_was(database: Database) -> None:
    with database.transaction() as tx:
        import_plan(tx, TENANT, PLAN)
        akte = add_file(tx, TENANT, File("", "11-0001/2026", "Personalakte Musterfrau", "e11"))
        _, (one,) = opened(tx, received(tx, access_class="Vertraulich"))
    clerk = Viewer(TENANT, classes=frozenset({OPEN, ORDINARY}))
    with database.read() as conn:
        for ask, name, never in ((see_document, one.id, one.id[:-4] + "0000"), (see_file, akte.id, akte.id[:-4] + "0000"),
                                 (see_file, "11-0001/2026", "11-0002/2026")):
            with pytest.raises(Refused) as hidden:
                ask(conn, clerk, name)
            with pytest.raises(Refused) as unknown:
                ask(conn, clerk, never)
            assert str(hidden.value).replace(name, "") == str(unknown.value).replace(never, "")
        assert see_file(conn, Viewer(TENANT), "11-0001/2026") == akte and see_document(conn, Viewer(TENANT), one.id).id == one.id
        assert not may_see_document(conn, clerk, one.id) and not may_see_document(conn, Viewer("nachbar"), one.id)


def test_a_proposal_does_not_name_a_hidden_akte(database: Database) -> None:
    here = (Evidence("rule:test@1"),)
    with database.transaction() as tx:
        import_plan(tx, TENANT, PLAN)
        secret = add_file(tx, TENANT, File("", "11-0001/2026", "", "e11"))
        open_one = add_file(tx, TENANT, File("", "0-0001/2026", "", "e0"))
    said = [Proposal("file", secret.id, 0.9, here), Proposal("file", "11-0001/2026", 0.9, here), Proposal("case", "x", 0.5, here),
            Proposal("file", open_one.id, 0.3, here), Proposal("title", "Antrag", 0.9, here)]
    with database.read() as conn:
        assert seen_proposals(conn, Viewer(TENANT), said) == tuple(said)
        clerk = Viewer(TENANT, classes=frozenset({OPEN}))
        assert [one.value for one in seen_proposals(conn, clerk, said)] == [open_one.id, "Antrag"]


def test_of_a_delivery_only_what_he_sees_counts(database: Database) -> None:
    with database.transaction() as tx:
        import_plan(tx, TENANT, PLAN)
        scan, (one, two) = opened(tx, received(tx), cuts=((1,), (2,)))
        move_document(tx, two, DocumentState.PROPOSED, access_class="Vertraulich")
        alone = received(tx, access_class="Jugend")
    clerk = Viewer(TENANT, classes=frozenset({ORDINARY}))
    chief = Viewer(TENANT, classes=frozenset({ORDINARY, "Vertraulich"}))
    with database.read() as conn:
        assert may_see_delivery(conn, clerk, scan.id) and not may_see_delivery(conn, clerk, scan.id, whole=True)
        assert may_see_delivery(conn, chief, scan.id, whole=True)
        assert not may_see_delivery(conn, chief, alone.id) and may_see_document(conn, clerk, one.id)
