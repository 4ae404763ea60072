"""A store goes out as xdomea and into an empty one: the same plan, Akten, documents, hashes, history; every message valid."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree
from review_help import DOGS, TENANT, opened
from sqlalchemy import select
from test_filing import SETTINGS, file_it
from xdomea_help import faults

from intake import review
from intake.blobs import Blobs
from intake.box import Box
from intake.config import BoxSettings, HandOver
from intake.db.akten import add_case, add_file, cases_of
from intake.db.core import Database
from intake.db.exchange import documents_for, files_for, history_of
from intake.db.plan import all_entries, import_plan
from intake.errors import InputError, Reason, Refused
from intake.exporting import Exported, _history, export
from intake.filing import deliver
from intake.importing import Imported, summary, take_in
from intake.journal import check
from intake.schema import documents, handovers
from intake.verify import verify
from intake.vocabulary import AktenplanEntry, Case, File, Role, Viewer

VIEWER = Viewer(TENANT)
PLAN = (
    AktenplanEntry("ap-9", "9", "Finanzen", access_class="allgemein"),
    replace(DOGS, parent="ap-9", keywords=("Hund", "Steuer"), description="Anmeldung & <Abmeldung>", valid_from=date(2001, 1, 1)),
    AktenplanEntry("ap-0401", "632.60", "Bauanträge", unit="BA", retention=None, disposal="A"),
    AktenplanEntry("ap-11", "11", "Personalakten", access_class="Personal", retention=5, disposal="V"),
    AktenplanEntry("ap-0500", "500", "Alt", valid_to=date(2010, 12, 31)),
)


class Store:
    """A store of its own, on SQLite."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.blobs, self.folder = db, Blobs(folder / "store"), folder

    def export(self, out: Path, viewer: Viewer = VIEWER, **which: object) -> Exported:
        return export(self.db, self.blobs, SETTINGS, viewer, out, **which)  # type: ignore[arg-type]

    def take_in(self, box: Box, package: Path) -> Imported:
        return take_in(self.db, self.blobs, SETTINGS, box.xdomea(package, self.folder), "kms")

    def said(self) -> dict[str, object]:
        """Everything that must be the same in another store."""
        with self.db.read() as conn:
            akten = list(files_for(conn, VIEWER))
            return {
                "plan": all_entries(conn, TENANT), "akten": akten,
                "cases": [case for akte, _ in akten for case in cases_of(conn, TENANT, akte.id)],
                "documents": {row.id: (filing, row) for akte, _ in akten for filing, row in documents_for(conn, VIEWER, akte.id)},
                "history": {name: list(_history(conn, VIEWER, name)) for name in self._subjects(conn, akten)},
                "bytes": sorted(self.blobs.iter_all())}

    def _subjects(self, conn: object, akten: list[tuple[File, object]]) -> list[str]:
        rows = conn.execute(select(documents.c.id)).scalars()  # type: ignore[attr-defined]
        return [akte.id for akte, _ in akten] + list(rows)


def fill(store: Store, count: int) -> None:
    """`count` filed documents, some in Vorgänge, some Anlagen of others, in old and new Akten."""
    with store.db.transaction() as tx:
        import_plan(tx, TENANT, PLAN[:-1])
        import_plan(tx, TENANT, [PLAN[-1]], extension=True)
        akte = add_file(tx, TENANT, File(
            "", "KÄ/962.10-0007/2025", "Hunde <in> Auenbek & Umgebung", DOGS.id, "imported", date(2026, 1, 2), parcel="12/3",
            persons=("Erika Müller", "Şahin Ğül"), former=("A 1", "A 2")), date(1999, 5, 5))
        old = add_file(tx, TENANT, File("", "PA/11-1", "Personalakte", "ap-11"))
        case = add_case(tx, TENANT, Case("", akte.id, "001", "Mahnung", closed_on=date(2026, 2, 2)))
        open_akte = add_file(tx, TENANT, File("", "BA/632.60-0001/2024", "Carport", "ap-0401", office="Bauamt"))
        second = add_case(tx, TENANT, Case("", open_akte.id, "002", "Nachtrag"))
    assert case.id
    places = [{"entry": DOGS.notation}, {"file": open_akte.id}, {"file": open_akte.id, "case": second.id}, {"file": old.id}]
    made = 0
    while made < count:
        _, (main, lower) = opened(store.db, (2, 1))
        values = {**places[made // 2 % 4], "title": f"Brief {made} „ü“ \u0001<&>", "letter_date": "2026-03-04", "kind": "Antrag",
                  "sender_name": "Erika Müller", "our_reference": f"X-{made}", "amount": "12.50"}
        with store.db.transaction() as tx:
            review.approve(tx, main.id, main.revision, "kms", values)
            attached = review.attach(tx, lower.id, lower.revision, "kms", main.id)
            review.approve(tx, lower.id, attached, "jt", {"title": "Lageplan"})
        for one in (main, lower):
            deliver(store.db, TENANT, file_it(store.db, store.blobs, one.id), (), store.blobs)
        made += 2


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    made = Box(BoxSettings(), scratch=tmp_path_factory.mktemp("box"))
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path, _sqlite_template: Path) -> Iterator[Store]:
    yield from _store(tmp_path / "eins", _sqlite_template)


@pytest.fixture
def other(tmp_path: Path, _sqlite_template: Path) -> Iterator[Store]:
    yield from _store(tmp_path / "zwei", _sqlite_template)


def _store(folder: Path, template: Path) -> Iterator[Store]:
    folder.mkdir()
    shutil.copy(template, folder / "poststelle.db")
    db = Database(f"sqlite:///{folder / 'poststelle.db'}")
    yield Store(db, folder)
    db.close()


def there_and_back(store: Store, other: Store, box: Box, standards: Path, count: int, tmp_path: Path) -> None:
    fill(store, count)
    package = tmp_path / "alles.zip"
    done = store.export(package)
    assert done.documents == count and done.files >= 3
    with zipfile.ZipFile(package) as archive:
        (name,) = [name for name in archive.namelist() if re.search(r"\.0401\.xml$", name)]
        message = archive.read(name)
        assert faults(standards, message) == []
        named = {one.text for one in etree.fromstring(message).iter("{*}Dateiname")}
        assert named == set(archive.namelist()) - {name} and len(named) == done.blobs
    before = store.said()
    assert other.take_in(box, package).documents == count
    after = other.said()
    for what in ("plan", "akten", "cases", "documents"):
        assert after[what] == before[what], what
    assert set(before["bytes"]) >= set(after["bytes"])  # type: ignore[call-overload]
    for name, lines in before["history"].items():  # type: ignore[attr-defined]
        with other.db.read() as conn:
            assert list(history_of(conn, TENANT, name)) == lines, name
    with other.db.read() as conn:
        assert check(conn, TENANT) == []
    report = verify(other.db, [TENANT], lambda _tenant: other.blobs, lambda _tenant: other.folder / "akten")
    assert report.ok, report.faults[:3]
    again = tmp_path / "wieder.zip"
    assert other.export(again).documents == count
    with pytest.raises(Refused, match="hat schon Akten"):
        other.take_in(box, again)


def test_there_and_back(store: Store, other: Store, box: Box, standards: Path, tmp_path: Path) -> None:
    there_and_back(store, other, box, standards, 16, tmp_path)


@pytest.mark.long
def test_a_thousand_there_and_back(store: Store, other: Store, box: Box, standards: Path, tmp_path: Path) -> None:
    there_and_back(store, other, box, standards, 1000, tmp_path)


def test_one_akte_or_one_branch(store: Store, other: Store, box: Box, tmp_path: Path) -> None:
    fill(store, 8)
    with store.db.read() as conn:
        akte = next(akte for akte, _ in files_for(conn, VIEWER) if akte.reference == "BA/632.60-0001/2024")
    assert store.export(tmp_path / "a.zip", file=akte.id).files == 1
    assert store.export(tmp_path / "b.zip", entries=["ap-11"]).documents == 2
    assert other.take_in(box, tmp_path / "a.zip").files == 1
    with pytest.raises(Refused, match="nichts auszugeben"):
        store.export(tmp_path / "c.zip", entries=["ap-0500"])
    assert not (tmp_path / "c.zip").exists() and not list(tmp_path.glob(".poststelle-*"))


def test_what_a_viewer_may_not_see_is_not_in_it(store: Store, box: Box, tmp_path: Path) -> None:
    fill(store, 8)
    clerk = Viewer(TENANT, "jt", Role.SACHBEARBEITUNG, frozenset({"allgemein", "Poststelle"}))
    done = store.export(tmp_path / "a.zip", clerk)
    whole = store.export(tmp_path / "b.zip")
    assert done.documents == whole.documents - 2 and done.files == whole.files - 1
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        text = "".join(archive.read(name).decode(errors="replace") for name in archive.namelist() if name.endswith(".xml"))
    assert "PA/11-1" not in text and "MetadatumNeuerWert" not in text
    with pytest.raises(Refused):
        store.export(tmp_path / "c.zip", clerk, entries=["ap-11"])


def test_what_was_taken_in_is_not_handed_over(store: Store, other: Store, box: Box, tmp_path: Path) -> None:
    fill(store, 4)
    store.export(tmp_path / "a.zip")
    town = SETTINGS.model_copy(update={"handover": (HandOver(name="dms", folder="/x"),)})
    take_in(other.db, other.blobs, town, box.xdomea(tmp_path / "a.zip", tmp_path), "kms")
    with other.db.read() as conn:
        assert set(conn.execute(select(handovers.c.state)).scalars()) == {"done"}


def spoilt(package: Path, out: Path, change: object) -> Path:
    with zipfile.ZipFile(package) as archive, zipfile.ZipFile(out, "w") as made:
        for name in archive.namelist():
            data = change(name, archive.read(name))  # type: ignore[operator]
            if data is not None:
                made.writestr(name, data)
    return out


def test_a_package_that_was_changed_is_refused_whole(store: Store, other: Store, box: Box, tmp_path: Path) -> None:
    fill(store, 4)
    package = tmp_path / "a.zip"
    store.export(package)
    with zipfile.ZipFile(package) as archive:
        pdf = next(name for name in archive.namelist() if name.endswith(".pdf"))
    changes = {
        "INCOMPLETE": lambda name, data: None if name == pdf else data,
        "DAMAGED": lambda name, data: data + b"x" if name == pdf else data,
        "DAMAGED ": lambda name, data: data.replace(b'"pages": 2', b'"pages": "x"') if name.endswith(".0401.xml") else data,
        "DAMAGED  ": lambda name, data: re.sub(rb"<xdomea:DatumUhrzeit>[^<]*", b"<xdomea:DatumUhrzeit>gestern", data),
        "WRONG_TYPE": lambda name, data: data.replace(b"Daten</xdomea:Name>", b"Anderes</xdomea:Name>"),
    }
    for number, (reason, change) in enumerate(changes.items()):
        with pytest.raises(InputError) as refused:
            other.take_in(box, spoilt(package, tmp_path / f"{number}.zip", change))
        assert refused.value.reason is Reason[reason.strip()], refused.value
        assert other.said()["akten"] == []
    assert other.take_in(box, package).documents == 4


def test_foreign_messages_are_shown_not_taken_in(other: Store, box: Box, standards: Path, tmp_path: Path) -> None:
    (sample,) = (standards / "xdomea-samples" / "selfmade-3.1.0").glob("*0401.xml")
    message = box.xdomea(sample, tmp_path)
    assert summary(message)["Akten"] == 1 and summary(message)["Schriftstücke"] == 1
    with pytest.raises(InputError, match="hat keine Poststelle geschrieben"):
        take_in(other.db, other.blobs, SETTINGS, message, "kms")
