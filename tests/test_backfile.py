"""A batch of old files from the delivered folder to the balance: everything accounted for, also after a pause and after kills."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes import fake_room

from intake import pipeline, review
from intake.backfile import balance, people, taking
from intake.blobs import Blobs
from intake.config import Backfile, Home
from intake.db import batches as lose
from intake.db import differences as abweichungen
from intake.db.batches import Batch
from intake.db.core import Database, utcnow
from intake.db.deliveries import get_delivery
from intake.db.documents import documents_of, proposals_of
from intake.db.work import waiting
from intake.errors import ConfigError, InputError, Refused, Stale
from intake.journal import check, entries
from intake.pipeline import Postroom
from intake.settle import settle

BY = "clerk:kms"
LETTER = "Bauantrag Nummer {0} Erika Muster Mühlenweg {0} Auenbek wegen Neubau einer Garage mit Abstellraum auf Flurstück {0}/1"


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Postroom:
    made = fake_room(tmp_path / "home", database)
    town = made.home.settings.tenant[0].model_copy(update={"backfile": (
        Backfile(name="bauakten", pattern=r"^(?P<akte>[^/]+)/", access_class="Bauakten", boundaries="off"),)})
    settings = made.home.settings.model_copy(update={"tenant": (town,)})
    return replace(made, home=Home(made.home.root, settings))


def deliver(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def new(room: Postroom, folder: Path, name: str = "los", index: Path | None = None, master: Path | None = None) -> Batch:
    town = room.home.settings.tenant[0]
    return taking.new_batch(room.db, town, town.backfile[0], name, folder, BY, index=index, master=master)[0]


def take_all(room: Postroom) -> int:
    """Take and open until nothing is left, as the feeder does."""
    total = 0
    while taken := taking.take_some(room.home, room.db, room.blobs):
        total += taken
        open_all(room)
    return total


def open_all(room: Postroom) -> None:
    for _ in range(100):
        with room.db.read() as conn:
            picks = waiting(conn, "delivery", lane="backfile", limit=50, now=utcnow())
        if not picks:
            return
        for delivery, _, _ in picks:
            for chunk in pipeline.plan_reading(room, delivery):
                pipeline.read_chunk(room, delivery, chunk)
            pipeline.assemble(room, delivery)


def found(room: Postroom, batch: Batch) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for kind, subject in balance.reconcile(room.db, room.blobs(batch.tenant), batch):
        kinds.setdefault(kind, []).append(subject)
    return kinds


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# ---- new ---------------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_a_batch_and_nothing_is_taken_yet(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "disk", A_1__eins="a", A_1__zwei="b", A_2__drei="c")
    batch = new(room, folder)
    with room.db.read() as conn:
        items = lose.items_of(conn, batch.id)
        assert lose.numbers(conn, batch).waiting == 3
    assert [item.reference for item in items] == ["A/1", "A/1", "A/2"]
    assert [item.position for item in items] == [1, 2, 3]
    assert sorted(path.name for path in folder.rglob("*.txt")) == ["drei.txt", "eins.txt", "zwei.txt"], "the disk stays as it is"


def test_a_name_is_given_once_and_an_empty_folder_is_no_batch(room: Postroom, tmp_path: Path) -> None:
    new(room, deliver(tmp_path / "disk", x="a"))
    with pytest.raises(Refused, match="gibt es schon"):
        new(room, tmp_path / "disk")
    (tmp_path / "leer").mkdir()
    with pytest.raises(Refused, match="keine Datei"):
        new(room, tmp_path / "leer", "anderes")
    with pytest.raises(ConfigError, match="gibt es nicht"):
        new(room, tmp_path / "weg", "drittes")


def test_links_are_not_followed(room: Postroom, tmp_path: Path) -> None:
    (tmp_path / "geheim").mkdir()
    (tmp_path / "geheim" / "x.txt").write_text("geheim")
    folder = deliver(tmp_path / "disk", x="a")
    (folder / "link.txt").symlink_to(tmp_path / "geheim" / "x.txt")
    (folder / "ordner").symlink_to(tmp_path / "geheim")
    assert [one.path for one in taking.listed(folder)] == ["x.txt"]


def test_the_index_and_what_the_folder_holds_are_compared_at_once(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "disk", A_1__eins="a", A_1__zwei="b")
    index = table(folder / "index.csv", "Dateiname;Seiten", "A_1/eins.txt;1", "A_1/weg.txt;2", ";7")
    batch = new(room, folder, index=index)
    with room.db.read() as conn:
        kinds = [(one.kind, one.subject) for one in abweichungen.differences_of(conn, batch.id)]
    assert kinds == [("index", "A_1/weg.txt"), ("index", "Zeile 4"), ("unlisted", "A_1/zwei.txt")]


# ---- taking ------------------------------------------------------------------------------------------------------------


def test_everything_is_taken_once_with_the_class_and_lane_of_its_profile(room: Postroom, tmp_path: Path) -> None:
    batch = new(room, deliver(tmp_path / "disk", A_1__eins=LETTER.format(1), A_2__zwei=f"{LETTER.format(2)}\f{LETTER.format(3)}"))
    assert take_all(room) == 2
    assert taking.take_some(room.home, room.db, room.blobs) == 0
    with room.db.read() as conn:
        numbers = lose.numbers(conn, batch)
        item = lose.items_of(conn, batch.id)[1]
        delivery = get_delivery(conn, item.delivery or "")
        assert check(conn, "mittelau") == []
        assert lose.page_balance(conn, batch) == {
            "live": 3, "separator": 0, "blank": 0, "replaced": 0, "double": 0, "aside": 0, "read": 3}
    assert (numbers.items, numbers.opened, numbers.pages, numbers.waiting) == (2, 2, 3, 0)
    assert (delivery.access_class, delivery.lane, delivery.channel, delivery.batch) == ("Bauakten", "backfile", "backfile", "los")
    assert found(room, batch) == {}


def test_what_the_path_says_becomes_a_proposal_with_its_origin(room: Postroom, tmp_path: Path) -> None:
    new(room, deliver(tmp_path / "disk", A_1__eins=LETTER.format(1)))
    take_all(room)
    with room.db.read() as conn:
        delivery = next(entry.subjects["delivery"] for entry in entries(conn, "mittelau") if entry.action == "delivery.received")
        document = documents_of(conn, delivery)[0]
    material = pipeline.material_of(room, document)
    assert [(fact.name, fact.value, fact.term) for fact in material.facts] == [("sidecar", "A/1", "sidecar:path file_reference")]
    assert material.notes["backfile"] is True and material.notes["sidecar"].fields["file_reference"] == "file_reference"
    pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        assert proposals_of(conn, document.id)


def test_no_more_is_taken_than_may_wait(room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "AHEAD", 3)
    new(room, deliver(tmp_path / "disk", **{f"x{number}": LETTER.format(number) for number in range(8)}))
    assert taking.take_some(room.home, room.db, room.blobs) == 3
    assert taking.take_some(room.home, room.db, room.blobs) == 0
    assert take_all(room) == 0, "the backlog is opened by others"
    open_all(room)
    assert take_all(room) == 5


def test_killed_between_bytes_and_row_takes_it_again_once(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = new(room, deliver(tmp_path / "disk", x=LETTER.format(1)))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(taking, "record", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt()))
        taking.take_some(room.home, room.db, room.blobs)
    assert take_all(room) == 1
    with room.db.read() as conn:
        assert lose.numbers(conn, batch).opened == 1
        assert sum(entry.action == "delivery.received" for entry in entries(conn, "mittelau")) == 1


def test_two_workers_take_an_item_once(room: Postroom, tmp_path: Path) -> None:
    batch = new(room, deliver(tmp_path / "disk", x=LETTER.format(1)))
    with room.db.read() as conn:
        item = lose.items_of(conn, batch.id)[0]
    profile = room.home.settings.tenant[0].backfile[0]
    assert taking._take(room.db, room.blobs("mittelau"), batch, profile, item) == 1
    assert taking._take(room.db, room.blobs("mittelau"), batch, profile, item) == 0


def test_a_file_that_is_away_is_told_and_the_rest_goes_on(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "disk", A_1__a=LETTER.format(37), A_1__b=LETTER.format(52))
    batch = new(room, folder)
    (folder / "A_1" / "a.txt").unlink()
    assert take_all(room) == 1
    assert found(room, batch) == {"gone": ["A_1/a.txt"]}
    deliver(folder, A_1__a=LETTER.format(37))
    assert take_all(room) == 0, "nobody said that it is back"
    with room.db.transaction() as tx:
        people.resume(tx, batch, BY)
    assert take_all(room) == 1
    assert found(room, batch) == {}


def test_a_disk_that_was_pulled_marks_nothing_and_goes_on_when_it_is_back(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "disk", A_1__a=LETTER.format(37), A_1__b=LETTER.format(52))
    batch = new(room, folder)
    away = folder.rename(tmp_path / "away")
    assert take_all(room) == 0
    with room.db.read() as conn:
        assert lose.numbers(conn, batch).waiting == 2
    away.rename(folder)
    assert take_all(room) == 2 and found(room, batch) == {}


def test_images_of_pages_become_one_bundle(tmp_path: Path, blobs: Blobs) -> None:
    folder = deliver(tmp_path / "disk", a_1="eins", a_2="zwei")
    item = lose.Item("b", 1, "a", tuple((one.path, one.size, one.mtime_ns) for one in taking.listed(folder)))
    kept = taking._keep(blobs, folder, item)
    assert kept.media_type == "application/zip" and blobs.check(kept.sha256)


# ---- pausing -----------------------------------------------------------------------------------------------------------


def test_a_paused_batch_rests_and_goes_on_where_it_was(room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "AHEAD", 2)
    batch = new(room, deliver(tmp_path / "disk", **{f"x{number}": LETTER.format(number) for number in range(4)}))
    taking.take_some(room.home, room.db, room.blobs)
    with room.db.transaction() as tx:
        paused = people.pause(tx, batch, BY)
    with room.db.read() as conn:
        assert waiting(conn, "delivery", lane="backfile", limit=9, now=utcnow()) == []
    assert taking.take_some(room.home, room.db, room.blobs) == 0
    with pytest.raises(Refused, match="läuft nicht"), room.db.transaction() as tx:
        people.pause(tx, paused, BY)
    with pytest.raises(Stale), room.db.transaction() as tx:
        people.pause(tx, batch, BY)  # as somebody saw it who is late
    with room.db.transaction() as tx:
        people.resume(tx, paused, BY)
    open_all(room)
    assert take_all(room) == 2
    with room.db.read() as conn:
        assert lose.numbers(conn, batch).opened == 4
        assert [entry.action for entry in entries(conn, "mittelau") if entry.action.startswith("batch.")] == [
            "batch.new", "batch.paused", "batch.resumed"]


# ---- the balance -------------------------------------------------------------------------------------------------------


def test_planted_faults_are_all_found_and_no_others(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(
        tmp_path / "disk", A_1__gut=LETTER.format(1), A_2__kurz=f"{LETTER.format(2)}\f{LETTER.format(3)}",
        A_9__extra=LETTER.format(4), A_3__schlecht="#bad damaged\nx", A_3__wie=LETTER.format(5))
    (folder / "A_3" / "dublette.txt").write_bytes((folder / "A_1" / "gut.txt").read_bytes())
    index = table(tmp_path / "i.csv", "Datei;Seiten", "A_1/gut.txt;1", "A_2/kurz.txt;3", "A_9/extra.txt;1", "A_3/schlecht.txt;1",
                  "A_3/wie.txt;1", "A_3/dublette.txt;1")
    master = table(tmp_path / "m.csv", "Aktenzeichen;Titel", "A/1;eins", "A/2;zwei", "A/3;drei", "A/4;vier")
    batch = new(room, folder, index=index, master=master)
    while taking.take_some(room.home, room.db, room.blobs):
        with room.db.read() as conn:
            picks = waiting(conn, "delivery", lane="backfile", limit=50, now=utcnow())
        for delivery, _, _ in picks:
            try:
                for chunk in pipeline.plan_reading(room, delivery):
                    pipeline.read_chunk(room, delivery, chunk)
                pipeline.assemble(room, delivery)
            except InputError as error:
                settle(room.db, room.home.settings.engine, "delivery", delivery, "open", error)
    assert found(room, batch) == {"missing": ["A/4"], "extra": ["A/9"], "pages": ["A_2/kurz.txt"], "twin": ["A_3/dublette.txt"],
                                  "unreadable": ["A_3/schlecht.txt"]}


def test_a_sheet_scanned_twice_is_shown_and_both_stay(room: Postroom, tmp_path: Path) -> None:
    again = LETTER.format(1).replace("Garage", "Carage")  # recognition slipped once
    batch = new(room, deliver(tmp_path / "disk", A_1__a="\f".join([LETTER.format(1), "Ganz anderer Brief über die Abwassergebühr "
                              "für das Jahr 1987 im Ortsteil Westerau an den Eigentümer des Hauses", again])))
    take_all(room)
    assert found(room, batch) == {"double": ["A_1/a.txt, Seite 3"]}
    with room.db.read() as conn:
        assert lose.page_balance(conn, batch)["live"] == 3


def test_what_was_decided_stays_decided_and_what_is_mended_goes(room: Postroom, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "disk", A_1__a=LETTER.format(1))
    master = table(tmp_path / "m.csv", "Aktenzeichen", "A/1", "A/2")
    batch = new(room, folder, master=master)
    take_all(room)
    assert found(room, batch) == {"missing": ["A/2"]}
    with room.db.read() as conn:
        difference = abweichungen.differences_of(conn, batch.id)[0]
    with pytest.raises(Refused, match="keine Entscheidung"), room.db.transaction() as tx:
        people.decide(tx, batch, difference, "egal", "", BY)
    with room.db.transaction() as tx:
        people.decide(tx, batch, difference, "lost", "1994 verbrannt", BY)
    with pytest.raises(Stale), room.db.transaction() as tx:
        people.decide(tx, batch, difference, "accepted", "", BY)
    assert found(room, batch) == {"missing": ["A/2"]}
    with room.db.read() as conn:
        assert abweichungen.differences_of(conn, batch.id)[0].decision == "lost"
        assert lose.numbers(conn, batch).undecided == 0


def test_a_fault_of_ours_is_never_waved_through(room: Postroom, tmp_path: Path) -> None:
    batch = new(room, deliver(tmp_path / "disk", A_1__a=LETTER.format(1)))
    ledger = abweichungen.Difference("x", batch.id, "ledger", "los", "…")
    with pytest.raises(Refused, match="nicht abhaken"), room.db.transaction() as tx:
        people.decide(tx, batch, ledger, "accepted", "", BY)


def test_a_batch_closes_only_when_everything_is_filed_and_explained(room: Postroom, tmp_path: Path) -> None:
    master = table(tmp_path / "m.csv", "Aktenzeichen", "A/1")
    batch = new(room, deliver(tmp_path / "disk", A_1__a=LETTER.format(1)), master=master)
    with pytest.raises(Refused, match="Noch nicht aufgenommen: 1 Datei"):
        people.close(room.db, batch, BY)
    take_all(room)
    with pytest.raises(Refused, match="Noch nicht abgelegt: 1 Schriftstück"):
        people.close(room.db, batch, BY)
    with room.db.read() as conn:
        item = lose.items_of(conn, batch.id)[0]
        document = documents_of(conn, item.delivery or "")[0]
    pipeline.propose_document(room, document.id)
    with room.db.read() as conn:
        revision = documents_of(conn, item.delivery or "")[0].revision
    with room.db.transaction() as tx:
        review.reject(tx, document.id, revision, BY)
    assert people.close(room.db, batch, BY).state == lose.CLOSED
    with room.db.read() as conn:
        assert lose.batches_of(conn, "mittelau", (lose.CLOSED,))[0].closed_by == BY
    assert taking.take_some(room.home, room.db, room.blobs) == 0


def test_an_old_akte_asks_no_letter_for_its_anlagen(
        room: Postroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = new(room, deliver(tmp_path / "disk", A_1__a=LETTER.format(1)))
    take_all(room)
    with room.db.read() as conn:
        document = documents_of(conn, lose.items_of(conn, batch.id)[0].delivery or "")[0]
    material = pipeline.material_of(room, document)
    monkeypatch.setattr(pipeline, "leads", pytest.fail)  # every look at another document costs its pages once more
    assert pipeline._parents(room, document, material) == ()


@pytest.mark.parametrize(("unit", "fields"), [
    ("akte", {"file_reference", "parcel"}), ("vorgang", {"file_reference", "parcel", "applicant"}),
    ("schriftstueck", {"file_reference", "parcel", "applicant", "title"})])
def test_what_is_said_of_a_whole_akte_is_not_said_of_each_of_its_documents(
        room: Postroom, tmp_path: Path, unit: str, fields: set[str]) -> None:
    town = room.home.settings.tenant[0]
    changed = town.model_copy(update={"backfile": (town.backfile[0].model_copy(update={"unit": unit}),)})
    there = replace(room, home=Home(room.home.root, room.home.settings.model_copy(update={"tenant": (changed,)})))
    index = table(tmp_path / "i.csv", "Datei;AZ;Flurstück;Bauherr;Titel", "A_1/eins.txt;A/1;12/3;Erika Muster;Neubau")
    new(there, deliver(tmp_path / "disk", A_1__eins=LETTER.format(1)), index=index)
    take_all(there)
    with there.db.read() as conn:
        delivery = next(entry.subjects["delivery"] for entry in entries(conn, "mittelau") if entry.action == "delivery.received")
        document = documents_of(conn, delivery)[0]
    said = pipeline.material_of(there, document).facts
    assert {fact.term.rpartition(" ")[2] for fact in said} == fields
