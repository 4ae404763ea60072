"""Files that belong together: grouped by name, one original byte for byte, taken once, and whole after a kill anywhere."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import bundle, receive
from intake.blobs import Blobs
from intake.config import ScanProfile, Tenant
from intake.db.core import Database
from intake.db.problems import open_problems
from intake.errors import Reason, ServiceError
from intake.receive import Received, delete_done, receive_all
from intake.schema import deliveries, metadata
from intake.sources import folder as module
from intake.sources.folder import DONE, FolderSource
from intake.sources.groups import Beside, Group, grouped, package_of
from intake.vocabulary import Member

TENANT = Tenant(name="mittelau")
PROFILE = ScanProfile(name="portal", sidecar="auto", packages=True)


class Killed(BaseException):
    """The process ends here."""


class Door:
    """A hand-in folder with its store and database."""

    def __init__(self, database: Database, root: Path, marker: str = "") -> None:
        self.db, self.blobs, self.folder, self.marker = database, Blobs(root / "blobs"), root / "eingang", marker
        self.folder.mkdir()
        self.t = 0.0
        self.source = self.fresh()

    def fresh(self) -> FolderSource:
        return FolderSource("portal", self.folder, settle_seconds=0, watch="network", beside=Beside(marker=self.marker),
                            packages=True, now=lambda: self.t)

    def drop(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def look(self, *, again: bool = False) -> Received:
        if again:
            self.source = self.fresh()
        return receive_all(self.db, self.blobs, TENANT, PROFILE, self.source)

    def rows(self) -> list[dict[str, object]]:
        with self.db.read() as conn:
            return [dict(row) for row in conn.execute(deliveries.select().order_by(deliveries.c.id)).mappings()]

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*")
                      if path.is_file() and DONE not in path.parts)

    def done(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder / DONE)) for path in (self.folder / DONE).rglob("*") if path.is_file())

    def inside(self, row: dict[str, object]) -> tuple[bytes, dict[str, bytes]]:
        with zipfile.ZipFile(io.BytesIO(self.blobs.read(str(row["original"])))) as archive:
            return archive.comment, {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def door(tmp_path: Path) -> Door:
    db = Database(f"sqlite:///{tmp_path / 'p.db'}")
    metadata.create_all(db.engine)
    return Door(db, tmp_path)


@pytest.mark.parametrize(("names", "groups"), [
    (["a.pdf", "a.xml"], [Group("a.pdf", ("a.xml",), complete=True)]),
    (["A.PDF", "a.pdf.json"], [Group("A.PDF", ("a.pdf.json",), complete=True)]),
    (["a.pdf"], [Group("a.pdf")]), (["a.xml"], [Group("a.xml")]), ([], []),
    (["a.pdf", "b.pdf", "b.csv", "index.csv"],
     [Group("a.pdf", index="index.csv", complete=True), Group("b.pdf", ("b.csv",), complete=True)]),
    (["index.csv"], [Group("index.csv")])])
def test_names_that_belong_together(names: list[str], groups: list[Group]) -> None:
    assert list(grouped(names, Beside())) == groups


def test_a_marker_is_waited_for() -> None:
    assert not grouped(["a.pdf", "a.xml"], Beside(marker=".done"))[0].complete
    assert grouped(["a.pdf", "a.xml", "a.done"], Beside(marker=".done")) == (Group("a.pdf", ("a.xml",), ("a.done",), "", True),)


@given(st.sets(st.sampled_from([f"{stem}{end}" for stem in ("a", "b", "a.pdf", "index") for end in (
    ".pdf", ".xml", ".json", ".csv", ".done", ".tif")])), st.sampled_from(["", ".done"]), st.sampled_from(["", "index.csv"]))
def test_every_name_is_in_one_group_but_an_index_in_many(names: set[str], marker: str, index: str) -> None:
    found = [name for group in grouped(names, Beside(index, marker)) for name in group.names]
    assert set(found) == names and all(found.count(name) == 1 for name in names if name != index)


def test_document_and_data_are_one_delivery_kept_byte_for_byte(database: Database, tmp_path: Path) -> None:
    door = Door(database, tmp_path)
    door.drop("brief.pdf", b"%PDF-1.4 brief")
    assert door.look() == Received() and door.left() == ["brief.pdf"]
    door.drop("brief.xml", b"<a>\r\n\xff</a>")
    assert door.look() == Received(new=1)
    (row,) = door.rows()
    assert door.inside(row) == (bundle.BESIDE, {"brief.pdf": b"%PDF-1.4 brief", "brief.xml": b"<a>\r\n\xff</a>"})
    assert row["name"] == "brief.zip" and row["acknowledged_at"] is not None
    assert door.left() == [] and door.done() == ["brief.pdf", "brief.xml"]
    assert door.look() == Received()


def test_the_same_pair_again_is_a_dublette_and_other_data_are_not(door: Door) -> None:
    for data in (b"<a/>", b"<a/>", b"<b/>"):
        door.drop("brief.pdf", b"%PDF")
        door.drop("brief.xml", data)
        door.look()
    first, second, third = door.rows()
    assert (first["state"], second["state"], second["twin_of"], third["state"]) == ("RECEIVED", "TWIN", first["id"], "RECEIVED")
    assert len(door.done()) == 6


def test_data_still_being_written_hold_the_document_back(door: Door) -> None:
    door.source.settle_seconds = 5
    door.drop("a.pdf", b"%PDF")
    door.look()
    door.t = 6
    door.drop("a.xml", b"<a>")
    assert door.look() == Received()
    door.drop("a.xml", b"<a></a>")
    door.t = 10
    assert door.look() == Received() and door.source.unsettled == 1
    door.t = 16
    assert door.look() == Received(new=1)


def test_what_stays_alone_too_long_is_said_and_closed_when_the_rest_comes(door: Door) -> None:
    door.drop("a.pdf", b"%PDF")
    door.drop("b.xml", b"<b/>")
    door.look()
    door.t = 1801
    assert door.look() == Received(problems=2) and door.look() == Received()
    with door.db.read() as conn:
        found = open_problems(conn, "mittelau")
    assert {one.reason for one in found} == {Reason.INCOMPLETE} and all("allein" in one.title for one in found)
    door.drop("a.xml", b"<a/>")
    door.drop("b.pdf", b"%PDF b")
    assert door.look() == Received(new=2)
    with door.db.read() as conn:
        assert open_problems(conn, "mittelau") in ([], ())


def test_a_marker_is_moved_and_kept_too(door: Door) -> None:
    door.marker = ".done"
    door.source = door.fresh()
    door.drop("a.pdf", b"%PDF")
    door.drop("a.json", b"{}")
    assert door.look() == Received()
    door.drop("a.done", b"")
    assert door.look() == Received(new=1) and door.done() == ["a.done", "a.json", "a.pdf"]
    assert list(door.inside(door.rows()[0])[1]) == ["a.pdf", "a.json", "a.done"]


def test_an_index_is_part_of_each_delivery_and_goes_with_the_last_document(door: Door) -> None:
    door.drop("index.csv", b"Datei;Az\na.pdf;1\nb.pdf;2\n")
    door.drop("a.pdf", b"%PDF a")
    door.drop("b.pdf", b"%PDF b")
    assert door.look() == Received(new=2)
    assert [list(door.inside(row)[1]) for row in door.rows()] == [["a.pdf", "index.csv"], ["b.pdf", "index.csv"]]
    assert door.left() == [] and door.done() == ["a.pdf", "b.pdf", "index.csv"]


def test_a_folder_is_one_delivery_renamed_at_once(door: Door) -> None:
    door.drop("paket/x.pdf", b"%PDF")
    door.drop("paket/xjustiz_nachricht.xml", b"<n/>")
    (door.folder / "paket" / "tief").mkdir()
    door.drop("paket/tief/y.pdf", b"%PDF y")
    assert door.look() == Received(new=1)
    comment, files = door.inside(door.rows()[0])
    assert comment == bundle.PACKAGE and sorted(files) == ["tief/y.pdf", "x.pdf", "xjustiz_nachricht.xml"]
    assert door.left() == [] and door.done() == ["paket/tief/y.pdf", "paket/x.pdf", "paket/xjustiz_nachricht.xml"]
    door.drop("paket/x.pdf", b"%PDF other")
    assert door.look() == Received(new=1) and "paket-1/x.pdf" in door.done()


def test_an_unfinished_empty_or_odd_folder_is_not_taken(door: Door) -> None:
    (door.folder / "leer").mkdir()
    door.drop("halb/a.pdf.part", b"%PDF")
    door.drop("fremd/a.pdf", b"%PDF")
    (door.folder / "fremd" / "b.pdf").symlink_to("/etc/passwd")
    assert door.look() == Received(problems=1) and door.rows() == []


def test_a_file_that_changes_while_it_is_copied_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF")
    member = Member("a.pdf", path, 3, path.stat().st_mtime_ns)
    blobs = Blobs(tmp_path / "blobs")
    with pytest.raises(bundle.Changed):
        bundle.keep(blobs, [member], "a", bundle.BESIDE)
    assert list(blobs.iter_all()) == [] and list((tmp_path / "blobs" / "tmp").iterdir()) == []


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    hashes = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "b.xml").write_bytes(b"<b/>")
        (folder / "a.pdf").write_bytes(b"%PDF")
        os.utime(folder / "a.pdf", (number * 1e9, number * 1e9))
        blob, hashed = bundle.keep(Blobs(tmp_path / "blobs"), package_of(folder), "p", bundle.PACKAGE)
        hashes.add(blob.sha256)
        assert hashed == tuple(hashlib.sha256(data).hexdigest() for data in (b"%PDF", b"<b/>"))
    assert len(hashes) == 1


@pytest.mark.parametrize("files", [
    ["a.pdf", "a.xml"], ["a.pdf", "index.csv"], ["p/a.pdf", "p/a.xml"], ["a.json", "a.pdf", "a.xml"]])
@pytest.mark.parametrize("after", range(12))
def test_a_kill_anywhere_leaves_one_delivery_and_nothing_lying(
        door: Door, monkeypatch: pytest.MonkeyPatch, files: list[str], after: int) -> None:
    for name in files:
        door.drop(name, name.encode())
    steps = 0

    def counted(real):  # type: ignore[no-untyped-def]
        def step(*args, **kwargs):  # type: ignore[no-untyped-def]
            nonlocal steps
            steps += 1
            if steps == after:
                raise Killed
            result = real(*args, **kwargs)
            steps += 1
            if steps == after:
                raise Killed
            return result
        return step

    with monkeypatch.context() as patch:
        patch.setattr(bundle, "keep", counted(bundle.keep))
        patch.setattr(receive, "add_delivery", counted(receive.add_delivery))
        patch.setattr(module, "_move_without_overwriting", counted(module._move_without_overwriting))
        patch.setattr(module, "_rename_folder", counted(module._rename_folder))
        patch.setattr(receive, "acknowledge", counted(receive.acknowledge))
        with suppress(Killed):
            door.look()
    for _ in range(2):
        door.look(again=True)
    assert len(door.rows()) == 1 and door.rows()[0]["acknowledged_at"] is not None
    assert door.left() == [] and door.done() == sorted(files)


def test_other_bytes_under_the_name_of_a_document_that_was_half_moved_are_not_lost(
        door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = door.drop("a.pdf", b"%PDF one")
    door.drop("a.xml", b"<a/>")
    real = module._move_without_overwriting

    def only_data(path: Path, target: Path) -> None:
        if path.suffix == ".pdf":
            raise OSError(13, "nein")
        real(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_move_without_overwriting", only_data)
        with pytest.raises(ServiceError):
            door.look()
    was = pdf.stat()
    pdf.write_bytes(b"%PDF two")
    os.utime(pdf, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert door.look(again=True) == Received() and door.left() == ["a.pdf"]  # waits for its own data
    door.drop("a.xml", b"<b/>")
    assert door.look() == Received(new=1) and len(door.rows()) == 2 and door.left() == []


def test_taken_files_are_deleted_only_when_they_are_known_as_parts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    door.drop("a.pdf", b"%PDF")
    door.drop("a.xml", b"<a/>")
    door.look()
    monkeypatch.setattr(receive.time, "time", lambda: 9e9)
    profile = PROFILE.model_copy(update={"delete_done_days": 1})
    assert delete_done(door.db, door.blobs, TENANT, profile, door.folder / DONE) == 0
