"""Hand-over: not before its time, once, with a receipt; a refusal is shown and settled; undo and moves are corrected there."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from dms_help import Dms, answer_all, in_json, listening
from review_help import DOGS, TENANT, current, plan
from sqlalchemy import select, update
from test_filing import approved, file_it

from intake import handover, review
from intake.blobs import Blobs
from intake.config import HandOver, Settings, Tenant
from intake.db.core import Database, utcnow
from intake.db.filings import filings_without_receipt, get_filing, receipts_of, unsettle_filing
from intake.db.handovers import handed
from intake.db.problems import open_problems
from intake.filing import deliver
from intake.handover import tell_due, terms
from intake.journal import check, entries
from intake.protocols import Target
from intake.schema import aktenplan_entries, documents, files, filings, handovers
from intake.stores.handover import HotFolder
from intake.stores.post import Post
from intake.stores.xdomea import Xdomea
from intake.vocabulary import Viewer

SAID = HandOver(name="dms", folder="/unused", sidecar="json")
POSTED = HandOver(name="dms", kind="xdomea", url="http://localhost:1/")


class Town:
    """A tenant with one target; time is what it is set to."""

    def __init__(self, db: Database, folder: Path, blobs: Blobs, said: HandOver = SAID, target: Target | None = None) -> None:
        self.db, self.folder, self.blobs = db, folder, blobs
        self.settings = Settings(tenant=(Tenant(name=TENANT, handover=(said,)),))
        folder.mkdir(exist_ok=True)
        self.target: Target = target or HotFolder("dms", folder, folder, in_json, form="json")
        self.now = utcnow()
        with db.transaction() as tx:
            plan(tx)

    def filed(self) -> str:
        """A document just filed; the key of the filing."""
        key = file_it(self.db, self.blobs, approved(self.db))
        self.settle(key)
        return key

    def settle(self, key: str) -> None:
        deliver(self.db, TENANT, key, (), self.blobs, terms(self.settings, TENANT))
        self.now = utcnow()

    def tell(self, minutes: float = 0) -> int:
        """The outbox after so many minutes more."""
        self.now += timedelta(minutes=minutes)
        return tell_due(self.db, self.settings, lambda _tenant: (self.target,), lambda _tenant: self.blobs, lambda: self.now)

    def undo(self, key: str) -> str:
        with self.db.read() as conn:
            document = get_filing(conn, key).document
        with self.db.transaction() as tx:
            review.undo(tx, document, current(self.db, document).revision, "kms")
        self.settle(key)
        return document

    def state(self, key: str) -> tuple[str, str]:
        with self.db.read() as conn:
            row = conn.execute(select(handovers.c.state, handovers.c.why).where(handovers.c.filing == key)).one()
        return row.state, row.why

    def actions(self) -> list[str]:
        with self.db.read() as conn:
            assert check(conn, TENANT) == []
            return [entry.action for entry in entries(conn, TENANT) if entry.actor.startswith("store:")]


@pytest.fixture
def town(sqlite_database: Database, tmp_path: Path, blobs: Blobs) -> Town:
    return Town(sqlite_database, tmp_path / "heiss", blobs)


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_not_before_its_time_and_then_with_a_receipt(database: Database, tmp_path: Path, blobs: Blobs) -> None:
    town = Town(database, tmp_path / "heiss", blobs)
    key = town.filed()
    assert town.tell(9.9) == 0 and visible(town.folder) == []
    assert town.tell(0.2) == 0, "handed over, the answer is to come"
    names = visible(town.folder)
    assert [name.removeprefix(f"{key[:24]}-1") for name in names] == ["-1.tif", ".daten.json", ".done", ".pdf"]
    assert "Rückmeldung steht noch aus" in town.state(key)[1]
    (taken,) = answer_all(town.folder)
    with database.read() as conn:
        filing = get_filing(conn, key)
    assert (taken["Art"], taken["Akte"]["Kennzeichen"], taken["Dokument"]["Betreff"]) == (
        "neu", filing.file.reference, filing.title)
    for file in taken["Datei"]:
        assert taken["bytes"][file["Dateiname"]] == blobs.read(file["SHA-256"])
    assert town.tell(1.1) == 1 and town.state(key) == ("done", "")
    with database.read() as conn:
        (receipt,) = receipts_of(conn, key)
        assert (receipt.store, receipt.reference) == ("dms", f"DMS-{key[:8]}")
        assert handed(conn, Viewer(TENANT)) == () and len(handed(conn, Viewer(TENANT), open_only=False)) == 1
    assert town.tell(60) == 0 and visible(town.folder) == []
    assert town.actions() == ["filing.handed_over"]


def test_undone_before_its_time_it_never_goes_out(town: Town) -> None:
    key = town.filed()
    town.undo(key)
    assert town.tell(11) == 0 and visible(town.folder) == [] and town.state(key) == ("done", "")
    assert town.actions() == []
    assert not list((town.folder / ".poststelle").glob("*/*/1")), "nothing was even prepared"


def test_undone_between_preparing_and_telling(town: Town) -> None:
    """A share that was away when it was told: what was prepared and never seen is dropped when it is undone."""
    key = town.filed()
    (town.folder / "weg").mkdir()
    hidden = town.folder
    away = HotFolder("dms", hidden / "nirgends", hidden, in_json, form="json")
    town.target = away
    assert town.tell(11) == 0 and "geht gerade nicht" in town.state(key)[1]
    assert not (hidden / "nirgends").exists(), "a share that is not mounted is not made anew"
    town.target = HotFolder("dms", hidden, hidden, in_json, form="json")
    town.undo(key)
    town.tell(20)
    assert town.state(key) == ("done", "") and visible(hidden) == ["weg"]


def test_undone_later_it_is_taken_back_and_filed_anew(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    answer_all(town.folder)
    town.tell(2)
    document = town.undo(key)
    town.tell(0)
    (storno,) = answer_all(town.folder)
    assert (storno["Art"], storno["Referenz"], list(storno["bytes"])) == ("storno", f"DMS-{key[:8]}", [
        f"{storno['stem']}.daten.json"])
    town.tell(2)
    assert town.state(key) == ("done", "")
    with town.db.read() as conn:
        assert receipts_of(conn, key) == ()
    with town.db.transaction() as tx:
        review.approve(tx, document, current(town.db, document).revision, "kms", {"entry": DOGS.notation})
    again = file_it(town.db, town.blobs, document)
    town.settle(again)
    town.tell(9)
    assert visible(town.folder) == []
    town.tell(2)
    (taken,) = answer_all(town.folder)
    assert (taken["Art"], taken["Schluessel"]) == ("neu", again)
    assert town.actions() == ["filing.handed_over", "filing.recalled"]


def test_a_moved_akte_is_told_as_a_correction(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    answer_all(town.folder)
    town.tell(2)
    with town.db.transaction() as tx:
        tx.connection.execute(update(files).where(files.c.origin == "ours").values(reference="NEU/1", reference_key="NEU/1"))
        tx.connection.execute(update(filings).values(reference="NEU/1"))
        unsettle_filing(tx, key)
    town.settle(key)
    town.tell(0)
    (taken,) = answer_all(town.folder)
    assert (taken["Art"], taken["Referenz"], taken["Akte"]["Kennzeichen"]) == ("berichtigung", f"DMS-{key[:8]}", "NEU/1")
    assert not any(name.endswith(".pdf") for name in taken["bytes"]), "the files are there already"
    town.tell(2)
    assert town.state(key) == ("done", "") and town.actions() == ["filing.handed_over", "filing.corrected"]


def test_a_move_while_it_waits_is_told_as_it_then_is(town: Town) -> None:
    key = town.filed()
    with town.db.transaction() as tx:
        tx.connection.execute(update(files).where(files.c.origin == "ours").values(reference="NEU/2", reference_key="NEU/2"))
        tx.connection.execute(update(filings).values(reference="NEU/2"))
        unsettle_filing(tx, key)
    town.settle(key)
    town.tell(5)
    assert visible(town.folder) == [], "the ten minutes hold"
    town.tell(6)
    (taken,) = answer_all(town.folder)
    assert taken["Akte"]["Kennzeichen"] == "NEU/2" and taken["Art"] == "neu"


def test_a_refusal_becomes_a_klaerungsfall_and_is_settled(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    answer_all(town.folder, refuse="Die Akte ist im Zielsystem gesperrt.")
    town.tell(2)
    with town.db.read() as conn:
        (problem,) = open_problems(conn, TENANT)
    assert problem.title == "Das Zielsystem dms hat das Schriftstück abgelehnt: Die Akte ist im Zielsystem gesperrt."
    assert problem.step == "handover/dms" and problem.resolutions == ("hand_over_again", "without_target")
    assert town.state(key)[0] == "refused"
    town.tell(60)
    assert visible(town.folder) == [], "nothing goes out by itself"
    with town.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "hand_over_again")
    town.tell(1)
    (taken,) = answer_all(town.folder)
    assert taken["Art"] == "neu" and taken["Nummer"] == "2"
    town.tell(16)
    assert town.state(key) == ("done", "")
    with town.db.read() as conn:
        assert open_problems(conn, TENANT) == () and current(town.db, problem.subject).state == "FILED"


def test_a_refused_document_that_is_undone_needs_nothing(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    answer_all(town.folder, refuse="Nein.")
    town.tell(2)
    town.undo(key)
    town.tell(1)
    assert visible(town.folder) == [] and town.state(key) == ("done", "")
    with town.db.read() as conn:
        assert open_problems(conn, TENANT) == (), "what it was about is gone"


def test_by_hand_in_the_other_system(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    town.tell(73 * 60)
    with town.db.read() as conn:
        (problem,) = open_problems(conn, TENANT)
    assert "seit 72 Stunden nicht bestätigt" in problem.title
    with town.db.transaction() as tx:
        review.resolve(tx, problem.id, "kms", "without_target")
    town.tell(600)
    assert town.state(key) == ("done", "")


def test_a_late_answer_closes_its_klaerungsfall(town: Town) -> None:
    key = town.filed()
    town.tell(11)
    town.tell(73 * 60)
    answer_all(town.folder)
    town.tell(16)
    with town.db.read() as conn:
        assert open_problems(conn, TENANT) == ()
    assert town.state(key) == ("done", "")


def test_a_system_that_is_away_is_asked_less_and_less(sqlite_database: Database, tmp_path: Path, blobs: Blobs) -> None:
    dms = Dms(says=lambda _name: (503, b""))
    with listening(dms):
        target = Xdomea("dms", tmp_path / "gesagt", "Amt", "DMS", in_json, way=Post(dms.url))
        town = Town(sqlite_database, tmp_path / "x", blobs, POSTED, target)
        keys = [town.filed() for _ in range(3)]
        town.tell(11)
        assert sum(dms.posts.values()) == 1, "not each of the three is tried"
        for _ in range(40):
            town.tell(3)
        assert 3 * 4 <= sum(dms.posts.values()) <= 3 * 8
        dms.says = lambda _name: (201, b"")
        town.tell(360)
        assert [town.state(key) for key in keys] == [("done", "")] * 3 and len(dms.taken) == 3
        assert len(dms.posts) == 3, "every repeat has the name of the first"


def test_answers_of_a_server(sqlite_database: Database, tmp_path: Path, blobs: Blobs) -> None:
    dms = Dms()
    with listening(dms):
        target = Xdomea("dms", tmp_path / "gesagt", "Amt", "DMS", in_json,
                        way=Post(dms.url, "post", lambda: "geheim", {"X-Mandant": "mittelau"}))
        town = Town(sqlite_database, tmp_path / "x", blobs, POSTED, target)
        key, other = town.filed(), town.filed()
        dms.says = lambda _name: (422, b"") if len(dms.posts) > 1 else (
            200, json.dumps({"Ergebnis": "angenommen", "Referenz": "77"}).encode())
        town.tell(11)
        states = sorted([town.state(key), town.state(other)])
        assert states == [("done", ""), ("refused", "Das Zielsystem dms hat das Schriftstück abgelehnt: Antwort 422 "
                                         "Unprocessable Entity.")]
        assert {one["X-Mandant"] for one in dms.headers} == {"mittelau"}
        assert all(one["Authorization"].startswith("Basic ") for one in dms.headers)
        dms.says = lambda _name: (401, b"")
        third = town.filed()
        town.tell(11)
        assert "Prüfen Sie url, user und das Kennwort" in town.state(third)[1] and town.state(third)[0] == "waiting"


def test_two_workers_tell_each_once(database: Database, tmp_path: Path, blobs: Blobs) -> None:
    town = Town(database, tmp_path / "heiss", blobs)
    keys = [town.filed() for _ in range(4)]
    town.now += timedelta(minutes=11)
    with database.read() as conn:
        rows = handover.handovers.due(conn, town.now, 10, [(TENANT, "dms")])
    assert len(rows) == 4
    with database.transaction() as tx:
        assert handover.handovers.claim(tx, rows[0], town.now) and not handover.handovers.claim(tx, rows[0], town.now)
    town.tell(0)
    assert len(list(town.folder.glob("*.done"))) == 3, "one is in the hands of somebody else"
    town.tell(6)
    assert len(list(town.folder.glob("*.done"))) == len(keys), "who was killed, it is tried again"


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in ({"folder": "", "url": ""}, {"folder": "/a", "url": "https://b"}, {"folder": "relativ"},
                  {"name": "efile", "folder": "/a"}, {"kind": "xdomea", "url": "http://dms.stadt.de/x"}, {"url": "https://b"}):
        with pytest.raises(ValueError):
            HandOver(**{"name": "dms", **wrong})
    assert HandOver(name="dms", kind="xdomea", url="http://127.0.0.1:8080/x").delay_minutes == 10


def test_moving_by_hand_is_told_too(town: Town) -> None:
    """`efile move` files anew: the other system hears that the old place is void and, after the time to undo, the new one."""
    from intake.akten import move_file

    key = town.filed()
    town.tell(11)
    answer_all(town.folder)
    town.tell(2)
    with town.db.read() as conn:
        before = get_filing(conn, key)
    with town.db.transaction() as tx:
        move_file(tx, town.settings.tenant[0], Viewer(TENANT), "kms", before.file.id, "632.60")
    with town.db.read() as conn:
        rows = filings_without_receipt(conn)
    assert len(rows) == 2
    for _, one in rows:
        town.settle(one)
    town.tell(0)
    (storno,) = answer_all(town.folder)
    assert (storno["Art"], storno["Schluessel"], storno["Referenz"]) == ("storno", key, f"DMS-{key[:8]}")
    town.tell(11)
    (again,) = answer_all(town.folder)
    assert (again["Art"], again["Aktenplaneinheit"]["Kennzeichen"]) == ("neu", "632.60")
    town.tell(2)
    with town.db.read() as conn:
        (new,) = [one for _, one in rows if one != key]
        assert receipts_of(conn, key) == () and len(receipts_of(conn, new)) == 1


def test_what_is_protected_goes_out_only_where_the_setting_says_so(town: Town) -> None:
    def told(classes: tuple[str, ...], entry_class: str, own_class: str) -> int:
        town.settings = Settings(tenant=(Tenant(name=TENANT, handover=(SAID.model_copy(update={"classes": classes}),)),))
        with town.db.transaction() as tx:
            tx.connection.execute(update(aktenplan_entries).values(effective_class=entry_class))
        key = file_it(town.db, town.blobs, approved(town.db))
        with town.db.transaction() as tx:
            document = get_filing(tx.connection, key).document
            tx.connection.execute(update(documents).where(documents.c.id == document).values(access_class=own_class))
        town.settle(key)
        town.tell(11)
        return len([name for name in visible(town.folder) if name.startswith(key[:24])])

    assert SAID.classes == ("allgemein",)
    assert told(("allgemein",), "allgemein", "Poststelle") == 4
    assert told(("allgemein",), "Personal", "Poststelle") == 0
    assert told(("allgemein",), "allgemein", "Vertraulich") == 0
    assert told(("allgemein", "Personal"), "Personal", "Poststelle") == 4
    assert told(("allgemein", "Personal"), "Jugend", "Poststelle") == 0
