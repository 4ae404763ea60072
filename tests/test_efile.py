"""The readable mirror: what lies where, killed and failing at every call, other hands in the folder, rebuilt from blobs."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from contracts.test_store import CASE, ENTRY, FILE, Bytes, a_filing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.errors import ServiceError
from intake.stores import efile
from intake.stores.efile import EFile
from intake.vocabulary import Filing

AKTE = "962.10/KÄ_962.10-0007_2025"


@pytest.fixture
def blobs() -> Bytes:
    return Bytes()


@pytest.fixture
def store(tmp_path: Path) -> EFile:
    return EFile(tmp_path / "akten")


def visible(root: Path) -> dict[str, bytes]:
    """Every file a person sees below `root`."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.startswith(".")}


def index(root: Path, akte: str = AKTE) -> Any:
    return json.loads((root / akte / "akte.json").read_text(encoding="utf-8"))


def test_what_lies_where(store: EFile, blobs: Bytes) -> None:
    filing = a_filing(blobs, case=CASE)
    receipt = store.file(filing, blobs.open)
    assert receipt.reference == f"{AKTE}/2025-11-18 Abmeldung Hund.pdf"
    found = visible(store.root)
    assert set(found) == {receipt.reference, f"{AKTE}/2025-11-18 Abmeldung Hund (Original).tif", f"{AKTE}/akte.json"}
    assert found[receipt.reference] == blobs.known[filing.pdf.sha256]
    said = index(store.root)
    assert said["akte"] == {"id": FILE.id, "aktenzeichen": FILE.reference, "titel": FILE.title, "herkunft": "ours", "zda": None,
                            "flurstueck": "", "anschrift": "", "personen": []}
    assert said["aktenplan"]["kennzeichen"] == ENTRY.notation and said["mandant"] == "mittelau"
    (document,) = said["schriftstuecke"]
    assert document["titel"] == filing.title and document["angaben"] == dict(filing.values)
    assert document["vorgang"] == {"id": CASE.id, "zeichen": "001", "titel": "Mahnung"}
    assert [file["urspruenglicher_name"] for file in document["dateien"]] == ["scan.pdf", "Scan 1.tif"]
    assert [file["sha256"] for file in document["dateien"]] == [filing.pdf.sha256, filing.originals[0].sha256]


def test_the_original_is_not_copied_twice_when_it_is_the_pdf(store: EFile, blobs: Bytes) -> None:
    filing = a_filing(blobs)
    store.file(replace(filing, originals=(filing.pdf,)), blobs.open)
    assert len(visible(store.root)) == 2


def test_without_a_date_the_day_of_receipt_sorts_it(store: EFile, blobs: Bytes) -> None:
    assert "/2025-11-20 Abmeldung Hund.pdf" in store.file(a_filing(blobs, values={}), blobs.open).reference


def test_the_same_title_on_the_same_day_is_numbered(store: EFile, blobs: Bytes) -> None:
    names = [store.file(a_filing(blobs, number, title=title), blobs.open).reference
             for number, title in ((1, "Antrag"), (2, "Antrag"), (3, "ANTRAG"))]
    assert [name.removeprefix(f"{AKTE}/2025-11-18 ") for name in names] == ["Antrag.pdf", "Antrag (2).pdf", "ANTRAG (3).pdf"]


def test_two_aktenzeichen_never_share_a_folder(store: EFile, blobs: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the file system folds more together than we do: the id of the Akte then tells them apart."""
    monkeypatch.setattr(efile.names, "folder", lambda text, limit=60: "gleich")
    for number in (1, 2):
        filing = a_filing(blobs, number, file=replace(FILE, id=f"01J00000000000000000FILE0{number}", reference=f"R/{number}"))
        store.file(filing, blobs.open)
        assert store.faults(filing) == ()
    assert {path.parent.name for path in store.root.rglob("akte.json")} == {"gleich", "gleich~00FILE02"}


def test_a_deleted_mirror_is_rebuilt(store: EFile, blobs: Bytes) -> None:
    filings = [a_filing(blobs, number) for number in (1, 2, 3)]
    for filing in filings:
        store.file(filing, blobs.open)
    before = visible(store.root)
    (store.root / AKTE / "2025-11-18 Abmeldung Hund (2).pdf").unlink()
    assert [bool(store.faults(filing)) for filing in filings] == [False, True, False]
    store.file(filings[1], blobs.open)
    assert visible(store.root) == before
    shutil.rmtree(store.root)
    assert all(store.faults(filing) for filing in filings) and not store.root.exists()
    for filing in filings:
        store.file(filing, blobs.open)
    after = visible(store.root)
    assert {name: data for name, data in after.items() if not name.endswith(".json")} == {
        name: data for name, data in before.items() if not name.endswith(".json")}


def test_a_lost_index_is_rebuilt_without_a_second_copy(store: EFile, blobs: Bytes) -> None:
    filings = [a_filing(blobs, number) for number in (1, 2, 3)]
    for filing in filings:
        store.file(filing, blobs.open)
    names = set(visible(store.root))
    (store.root / AKTE / "akte.json").unlink()
    for filing in reversed(filings):
        store.file(filing, blobs.open)
    assert set(visible(store.root)) == names
    assert all(store.faults(filing) == () for filing in filings)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"akte": {"id": 1}, "schriftstuecke": []}', "[" * 100_000, "\xff",
                                  '{"akte": {"id": "x"}, "schriftstuecke": {}}', '{"akte": {"id": "x"}, "schriftstuecke": [{}]}'])
def test_a_damaged_index_is_put_aside(store: EFile, blobs: Bytes, text: str) -> None:
    filing = a_filing(blobs)
    store.file(filing, blobs.open)
    (store.root / AKTE / "akte.json").write_text(text, encoding="latin-1")
    store.file(filing, blobs.open)
    assert store.faults(filing) == () and len(index(store.root)["schriftstuecke"]) == 1
    assert (store.root / AKTE / "akte (verändert).json").read_text(encoding="latin-1") == text


@pytest.mark.parametrize("name", ["../../../draussen.pdf", "/etc/passwd", "..", "akte\0", "a/b.pdf", ".versteckt"])
def test_an_index_that_leads_out_of_its_folder_is_not_followed(store: EFile, blobs: Bytes, tmp_path: Path, name: str) -> None:
    filing = a_filing(blobs)
    store.file(filing, blobs.open)
    said = index(store.root)
    said["schriftstuecke"][0]["dateien"][0]["name"] = name
    (store.root / AKTE / "akte.json").write_text(json.dumps(said))
    outside = {path for path in tmp_path.rglob("*") if AKTE not in str(path)}
    store.withdraw(filing)
    store.file(filing, blobs.open)
    assert {path for path in tmp_path.rglob("*") if AKTE not in str(path)} == outside
    assert store.faults(filing) == ()


def test_what_people_changed_stays_and_ours_comes_back(store: EFile, blobs: Bytes) -> None:
    filing = a_filing(blobs)
    receipt = store.file(filing, blobs.open)
    ours = store.root / receipt.reference
    ours.unlink()
    ours.write_bytes(b"with a remark")
    assert store.faults(filing) == (f"In der E-Akte fehlt oder verändert: {receipt.reference}",)
    assert store.file(filing, blobs.open) == receipt
    assert ours.read_bytes() == blobs.known[filing.pdf.sha256]
    assert ours.with_name("2025-11-18 Abmeldung Hund (verändert).pdf").read_bytes() == b"with a remark"


def test_a_file_people_put_there_is_not_touched(store: EFile, blobs: Bytes) -> None:
    folder = store.root / AKTE
    folder.mkdir(parents=True)
    (folder / "2025-11-18 Abmeldung Hund.pdf").write_bytes(b"mine")
    filing = a_filing(blobs)
    assert store.file(filing, blobs.open).reference.endswith("Hund (2).pdf")
    store.withdraw(filing)
    assert visible(store.root)[f"{AKTE}/2025-11-18 Abmeldung Hund.pdf"] == b"mine"


def test_undo_takes_out_exactly_its_own_files(store: EFile, blobs: Bytes) -> None:
    one, other = a_filing(blobs, 1), a_filing(blobs, 2)
    store.file(one, blobs.open)
    alone = {name: data for name, data in visible(store.root).items() if not name.endswith("akte.json")}
    store.file(other, blobs.open)
    store.withdraw(other)
    assert {name: data for name, data in visible(store.root).items() if not name.endswith("akte.json")} == alone
    assert [document["schluessel"] for document in index(store.root)["schriftstuecke"]] == [one.key]


def test_a_folder_goes_with_its_last_document_unless_something_else_lies_there(store: EFile, blobs: Bytes) -> None:
    filing = a_filing(blobs)
    store.file(filing, blobs.open)
    store.withdraw(filing)
    assert not (store.root / AKTE).exists() and (store.root / AKTE).parent.is_dir()
    store.withdraw(filing)
    store.file(filing, blobs.open)
    (store.root / AKTE / "Notiz.txt").write_text("mine")
    store.withdraw(filing)
    assert set(visible(store.root)) == {f"{AKTE}/akte.json", f"{AKTE}/Notiz.txt"}


def test_who_waits_for_a_folder_that_is_removed_makes_it_anew(store: EFile, blobs: Bytes) -> None:
    """One thread files the same document again and again, the other takes it out again and again."""
    filing, other = a_filing(blobs, 1), a_filing(blobs, 2)

    def come_and_go(one: Filing) -> None:
        for _ in range(60):
            store.file(one, blobs.open)
            store.withdraw(one)
        store.file(one, blobs.open)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(come_and_go, one) for one in (filing, other)]:
            done.result()
    assert store.faults(filing) == store.faults(other) == ()
    assert len(index(store.root)["schriftstuecke"]) == 2


def test_undo_leaves_a_changed_copy(store: EFile, blobs: Bytes) -> None:
    filing = a_filing(blobs)
    place = store.root / store.file(filing, blobs.open).reference
    place.unlink()
    place.write_bytes(b"with a remark")
    store.withdraw(filing)
    assert place.read_bytes() == b"with a remark"


def test_no_symbolic_link_below_the_mirror_is_followed(store: EFile, blobs: Bytes, tmp_path: Path) -> None:
    outside = tmp_path / "draussen"
    outside.mkdir()
    store.root.mkdir()
    (store.root / "962.10").symlink_to(outside)
    with pytest.raises(ServiceError):
        store.file(a_filing(blobs), blobs.open)
    (store.root / "962.10").unlink()
    secret = outside / "secret.pdf"
    secret.write_bytes(b"secret")
    (store.root / AKTE).mkdir(parents=True)
    (store.root / AKTE / "2025-11-18 Abmeldung Hund.pdf").symlink_to(secret)
    filing = a_filing(blobs)
    assert store.file(filing, blobs.open).reference.endswith("(2).pdf")
    assert secret.read_bytes() == b"secret" and list(outside.iterdir()) == [secret]


def test_a_mirror_that_may_not_be_written_says_so(store: EFile, blobs: Bytes) -> None:
    store.root.write_text("a file where the folder should be")
    with pytest.raises(ServiceError, match="E-Akte"):
        store.file(a_filing(blobs), blobs.open)


# ---- killed, failing -------------------------------------------------------------------------------------------------

CALLS = ("open", "mkdir", "fsync", "link", "rename", "unlink", "stat", "listdir")


class Killed(BaseException):
    """kill -9 as the code sees it: nothing after it runs, descriptors (and with them the lock) are closed by the system."""


@contextmanager
def trouble(monkeypatch: pytest.MonkeyPatch, at: int, what: BaseException, *, after: bool = False,
            calls: tuple[str, ...] = CALLS) -> Iterator[SimpleNamespace]:
    """The `at`-th system call of the store (from 1) fails, or is done and then the process dies; counts in `.done`."""
    state = SimpleNamespace(done=0)

    def wrapped(name: str) -> Any:
        real = getattr(os, name)

        def call(*args: Any, **more: Any) -> Any:
            state.done += 1
            if state.done == at and not after:
                raise what
            try:
                result = real(*args, **more)
            except OSError:
                if state.done == at:
                    raise what from None
                raise
            if state.done == at:
                if name == "open":
                    os.close(result)
                raise what
            return result
        return call

    proxy = SimpleNamespace(**{name: getattr(os, name) for name in dir(os) if not name.startswith("__")})
    for name in calls:
        setattr(proxy, name, wrapped(name))
    with monkeypatch.context() as patch:
        patch.setattr(efile, "os", proxy)
        yield state


def no_half_file(root: Path, filings: list[Filing], blobs: Bytes) -> None:
    for name, data in visible(root).items():
        if name.endswith("akte.json"):
            json.loads(data)
        else:
            assert data in blobs.known.values(), f"half a file under a visible name: {name}"


def count_calls(monkeypatch: pytest.MonkeyPatch, work: Any) -> int:
    with trouble(monkeypatch, 0, Killed()) as state:
        work()
    return int(state.done)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_call_of_filing(tmp_path: Path, blobs: Bytes, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """A colleague's document with the same title lies there already; killed anywhere, a repeat completes to the same."""
    first, filing = a_filing(blobs, 1), a_filing(blobs, 2)
    calm = EFile(tmp_path / "calm")
    calm.file(first, blobs.open)
    total = count_calls(monkeypatch, lambda: calm.file(filing, blobs.open))
    expected = set(visible(calm.root))
    assert total > 25
    for at in range(1, total + 1):
        store = EFile(tmp_path / f"killed{at}")
        store.file(first, blobs.open)
        with trouble(monkeypatch, at, Killed(), after=after), pytest.raises(Killed):
            store.file(filing, blobs.open)
        no_half_file(store.root, [first, filing], blobs)
        store.file(filing, blobs.open)
        assert set(visible(store.root)) == expected, f"killed at call {at}"
        assert store.faults(first) == store.faults(filing) == ()
        assert [entry["schluessel"] for entry in index(store.root)["schriftstuecke"]] == [first.key, filing.key]
        assert not list((store.root / AKTE).glob(".*.tmp"))


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_call_of_undo(tmp_path: Path, blobs: Bytes, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    first, filing = a_filing(blobs, 1), a_filing(blobs, 2)
    calm = EFile(tmp_path / "calm")
    for one in (first, filing):
        calm.file(one, blobs.open)
    total = count_calls(monkeypatch, lambda: calm.withdraw(filing))
    for at in range(1, total + 1):
        store = EFile(tmp_path / f"killed{at}")
        for one in (first, filing):
            store.file(one, blobs.open)
        with trouble(monkeypatch, at, Killed(), after=after), pytest.raises(Killed):
            store.withdraw(filing)
        no_half_file(store.root, [first, filing], blobs)
        store.withdraw(filing)
        assert set(visible(store.root)) == set(visible(calm.root)), f"killed at call {at}"
        assert store.faults(first) == ()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_every_call_may_fail_once(tmp_path: Path, blobs: Bytes, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    filing = a_filing(blobs)
    calm = EFile(tmp_path / "calm")
    total = count_calls(monkeypatch, lambda: calm.file(filing, blobs.open))
    for at in range(1, total + 1):
        store = EFile(tmp_path / f"failed{at}")
        with trouble(monkeypatch, at, OSError(number, os.strerror(number))), pytest.raises(ServiceError, match="wiederholt"):
            store.file(filing, blobs.open)
        no_half_file(tmp_path / f"failed{at}", [filing], blobs)
        store.file(filing, blobs.open)
        assert set(visible(store.root)) == set(visible(calm.root))


def test_a_share_without_hard_links(store: EFile, blobs: Bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    filing = a_filing(blobs)

    def no_link(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no links here")

    monkeypatch.setattr(efile, "os", SimpleNamespace(**{**vars(os), "link": no_link}))
    store.file(filing, blobs.open)
    assert store.faults(filing) == ()


def test_bytes_and_names_are_synced_before_the_index_speaks_of_them(store: EFile, blobs: Bytes,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The order oracle: fsync of the bytes, link, fsync of the folder, then (and only then) akte.json."""
    log: list[str] = []

    def logged(name: str) -> Any:
        real = getattr(os, name)

        def call(*args: Any, **more: Any) -> Any:
            log.append(f"{name} {args[1]}" if name in ("link", "rename") else name)
            return real(*args, **more)
        return call

    store.file(a_filing(blobs, 1), blobs.open)  # the folders are there
    watched = {name: logged(name) for name in ("fsync", "link", "rename")}
    monkeypatch.setattr(efile, "os", SimpleNamespace(**{**vars(os), **watched}))
    store.file(a_filing(blobs, 2), blobs.open)
    assert log == ["fsync", "link 2025-11-18 Abmeldung Hund (2).pdf", "fsync",
                   "link 2025-11-18 Abmeldung Hund (2) (Original).tif", "fsync", "fsync", "rename akte.json", "fsync"]


@given(steps=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["file", "withdraw", "lose", "spoil"])), max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_sequence_ends_with_exactly_what_is_filed(tmp_path_factory: pytest.TempPathFactory,
                                                      steps: list[tuple[int, str]]) -> None:
    blobs, store = Bytes(), EFile(tmp_path_factory.mktemp("mirror") / "akten")
    filed: dict[int, Filing] = {}
    for number, what in steps:
        filing = a_filing(blobs, number)
        if what == "file":
            store.file(filing, blobs.open)
            filed[number] = filing
        elif what == "withdraw":
            store.withdraw(filing)
            filed.pop(number, None)
        elif what == "lose" and (store.root / AKTE).exists():
            shutil.rmtree(store.root / AKTE)
        elif what == "spoil" and (store.root / AKTE / "akte.json").exists():
            (store.root / AKTE / "akte.json").write_text("kaputt")
    for filing in filed.values():
        store.file(filing, blobs.open)
    assert all(store.faults(filing) == () for filing in filed.values())
    if filed:
        assert {entry["schluessel"] for entry in index(store.root)["schriftstuecke"]} == {filing.key for filing in filed.values()}
