"""From a dropped file to a hit with its place: the sweep forgets nothing, whenever it is killed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import fake_room
from test_pipeline import opened

from intake import feeder, indexing, pipeline, postroom
from intake.cli import run
from intake.cli.installation import create
from intake.db.core import Database
from intake.db.documents import documents_of, get_document, put_proposals
from intake.db.indexed import count_outdated, outdated
from intake.db.search import search
from intake.indexing import entry_of, rebuild, sweep
from intake.pipeline import Postroom
from intake.places import places
from intake.vocabulary import Evidence, Proposal, Viewer

HERE = (Evidence("rule:test@1", 1),)
WHO = Viewer("mittelau")


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Postroom:
    return fake_room(tmp_path, database)


def proposed(room: Postroom, text: str, name: str = "scan.pdf") -> str:
    delivery = opened(room, text, name)
    with room.db.read() as conn:
        (document,) = documents_of(conn, delivery)
    pipeline.propose_document(room, document.id)
    return document.id


def hits(room: Postroom, question: str) -> list[str]:
    with room.db.read() as conn:
        return [hit.document for hit in search(conn, WHO, question).hits]


def test_a_document_is_found_after_the_sweep_with_its_place(room: Postroom) -> None:
    id = proposed(room, "Erste Seite\fDer Gartenzaun ist morsch, Flurstück 17/4\fEnde")
    assert hits(room, "Gartenzaun") == []
    assert sweep(room.db, room.blobs) >= 1
    assert sweep(room.db, room.blobs) == 0
    assert hits(room, "gartenzäune 17/4") == [id]
    with room.db.read() as conn:
        (place,) = places(conn, room.blobs("mittelau"), WHO, id, "Gartenzaun 17/4")
        assert place.page == 2 and place.boxes == ((0.1, 0.01, 0.5, 0.019), (0.1, 0.05, 0.5, 0.059))
        assert places(conn, room.blobs("mittelau"), Viewer("mittelau", classes=frozenset()), id, "Gartenzaun") == ()
        assert places(conn, room.blobs("mittelau"), WHO, id, '"ist morsch"')[0].boxes == (
            (0.1, 0.02, 0.5, 0.029), (0.1, 0.03, 0.5, 0.039))


def test_while_it_waits_its_place_is_not_in_the_index(room: Postroom) -> None:
    """The Akte it might belong to may be hidden from who sees the document, and the place is hidden in the blind audit."""
    id = proposed(room, "Ein Brief")
    with room.db.transaction() as tx:
        put_proposals(tx, id, "mittelau", (
            Proposal("file", "BA/7/2026", 0.9, HERE), Proposal("entry", "ap-1", 0.9, HERE),
            Proposal("kind", "Rechnung", 0.9, HERE), Proposal("kind", "Brief", 0.1, HERE),
            Proposal("sender_name", "Stadtwerke", 0.9, HERE),
            Proposal("letter_date", "2026-03-01", 0.9, HERE), Proposal("your_reference", "XY 9-1", 0.9, HERE),
            Proposal("parcel", "17/4", 0.9, HERE, checks=("gemarkung:Mittelau", "flur:3"))))
    with room.db.read() as conn:
        entry = entry_of(conn, get_document(conn, id), ("Ein Brief",))
    assert (entry.kind, entry.sender, str(entry.dated)) == ("Rechnung", "Stadtwerke", "2026-03-01")
    assert (entry.references, entry.parcels, entry.branch) == (("XY 9-1",), ("Mittelau 3-17/4",), "")
    assert entry.title == "Rechnung, Stadtwerke"


@pytest.mark.parametrize("at", ["before", "inside", "after"])
def test_killed_anywhere_the_next_sweep_goes_on(room: Postroom, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    ids = [proposed(room, f"Brief Nummer {number}", f"{number}.pdf") for number in range(3)]
    monkeypatch.setattr(indexing, "AT_ONCE", 1)
    real: Callable[..., int] = indexing.write
    calls = iter(range(9))

    def write(*args: object) -> int:
        turn = next(calls)
        if turn == 1 and at == "before":
            raise KeyboardInterrupt
        done = real(*args)
        if turn == 1 and at == "inside":
            raise KeyboardInterrupt  # the transaction rolls back
        return done

    monkeypatch.setattr(indexing, "write", write)
    with pytest.raises(KeyboardInterrupt):
        sweep(room.db, room.blobs, progress=_stop if at == "after" else lambda _: None)
    with room.db.read() as conn:
        assert 1 <= count_outdated(conn) <= 2
    sweep(room.db, room.blobs)
    assert sorted(hits(room, "Brief")) == sorted(ids)


def _stop(done: int) -> None:
    if done == 2:
        raise KeyboardInterrupt


def test_lost_bytes_leave_it_outdated_and_the_others_are_indexed(room: Postroom, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, kept = proposed(room, "Verloren", "a.pdf"), proposed(room, "Behalten", "b.pdf")
    real = indexing.page_texts
    monkeypatch.setattr(indexing, "page_texts", lambda conn, blobs, document: _lost() if document.id == lost else real(
        conn, blobs, document))
    sweep(room.db, room.blobs)
    assert hits(room, "Behalten") == [kept]
    with room.db.read() as conn:
        assert [row[0] for row in outdated(conn, 9)] == [lost]
    monkeypatch.undo()
    sweep(room.db, room.blobs)
    assert hits(room, "Verloren") == [lost]


def _lost() -> tuple[str, ...]:
    raise FileNotFoundError


def test_made_anew_it_answers_as_before(room: Postroom) -> None:
    ids = [proposed(room, f"Brief {word}", f"{word}.pdf") for word in ("Zaun", "Hecke")]
    sweep(room.db, room.blobs)
    rebuild(room.db)
    assert hits(room, "Zaun") == []
    assert sweep(room.db, room.blobs, limit=1) >= 1
    sweep(room.db, room.blobs)
    assert (hits(room, "Zaun"), hits(room, "Hecke")) == (ids[:1], ids[1:])


def test_the_worker_keeps_the_index_and_the_commands_use_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = create(tmp_path / "home", "mittelau")
    room = fake_room(tmp_path / "room", Database(home.database_url))
    id = proposed(room, "Der Gartenzaun ist morsch")
    room.db.close()
    assert postroom.doors(home)
    ask = ["--home", str(home.root), "efile", "search", "Gartenzaun"]
    assert run(ask) == 0 and "noch nicht im Verzeichnis" in capsys.readouterr().out
    worked = fake_room(tmp_path / "room", Database(home.database_url))
    assert feeder.work(worked, (), until_idle=True) == 0
    worked.db.close()
    assert run([*ask, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [hit["document"] for hit in said["hits"]] == [id] and said["outdated"] == 0 and said["complete"]
    assert run(ask) == 0
    shown = capsys.readouterr().out
    assert "[Gartenzaun]" in shown and "1 Treffer" in shown
    assert run(["--home", str(home.root), "efile", "index", "--rebuild"]) == 3  # its bytes lie in another folder
    assert "1 ließen sich nicht lesen" in capsys.readouterr().out
    shutil.copytree(tmp_path / "room" / "store", home.root / "store", dirs_exist_ok=True)
    assert run(["--home", str(home.root), "efile", "index"]) == 0
    assert "1 Schriftstück(e) nachgeführt" in capsys.readouterr().out
    assert run(["--home", str(home.root), "efile", "search", "datum:gestern"]) == 2
    assert "kein Datum" in capsys.readouterr().err
