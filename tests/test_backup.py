"""Backup and restore: whole while it works, incremental, and an empty folder becomes the installation again."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from making import TENANT, kept, opened
from sqlalchemy import select

from intake import restore as restoring
from intake.backup import BLOBS, FILES, MANIFEST, POOL, Manifest, backup, generations, listed_files, needed_by, prune
from intake.blobs import Blobs
from intake.cli import run
from intake.cli.installation import create
from intake.cli.whole import verify_home
from intake.config import DatabaseSettings, Home, load
from intake.db.core import Database, Tx, add, migrate, new_id
from intake.db.documents import add_decision, move_document
from intake.db.filings import add_filing, undo_filing
from intake.db.plan import import_plan
from intake.errors import ConfigError, Refused
from intake.filing import deliver
from intake.heads import publish
from intake.journal import RESTORED, entries, record
from intake.restore import choose, mend_mirror, restore, trial
from intake.schema import files, metadata, receipts
from intake.stores.efile import EFile
from intake.vocabulary import AktenplanEntry, Decision, DocumentState, File, Filing

ENTRY = AktenplanEntry("ap-1", "60.1", "Bauanträge")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An installation with three letters, two of them filed in one Akte."""
    made = create(tmp_path / "haus", TENANT, empty=True)
    db = Database(made.database_url)
    with db.transaction() as tx:
        import_plan(tx, TENANT, [ENTRY])
    for number in range(3):
        letter(made, db, number, filed=number < 2)
    db.close()
    return made


def letter(home: Home, db: Database, number: int, *, filed: bool = True) -> str:
    """One letter, received, opened and perhaps filed as the worker does it; the key of its filing."""
    blobs = Blobs(home.blobs(TENANT))
    delivery = kept(db, blobs, f"%PDF scan {number}".encode())
    pdf = blobs.add_bytes(f"%PDF/A {number}".encode(), "a.pdf", "application/pdf")
    with db.transaction() as tx:
        _, (document,) = opened(tx, delivery)
        key = f"f-{document.id}"
        if filed:
            akte = _akte(tx)
            add_decision(tx, TENANT, Decision(document.id, {"entry": ENTRY.id}, "clerk:kms", tx.now, 1))
            add_filing(tx, Filing(key, TENANT, document.id, ENTRY, akte, None, f"Antrag {number}", {}, tx.now, pdf,
                                  (delivery.original,), "2b", 1))
            move_document(tx, document, DocumentState.FILED)
            record(tx, TENANT, "clerk:kms", "document.filed", subjects={"document": document.id}, new={"titel": f"A {number}"})
    if filed:
        deliver(db, TENANT, key, [EFile(home.akten(TENANT))], blobs)
    return key


def _akte(tx: Tx) -> File:
    row = tx.connection.execute(select(files.c.id).where(files.c.reference == "BA 7")).scalar_one_or_none()
    if row is None:
        row = new_id()
        add(tx, files, id=row, tenant=TENANT, reference="BA 7", reference_key="BA7", title="Neubau", entry=ENTRY.id,
            origin="ours", parcel="", address="", persons=[])
    return File(row, "BA 7", "Neubau", ENTRY.id)


def save(home: Home, folder: Path, **options: bool) -> Manifest:
    db = Database(home.database_url)
    try:
        return backup(home, db, folder, **options)
    finally:
        db.close()


def whole(home: Home) -> list[tuple[str, str]]:
    db = Database(home.database_url)
    try:
        return [(fault.kind, fault.detail) for fault in verify_home(home, db).faults]
    finally:
        db.close()


def rows(home: Home) -> dict[str, list[str]]:
    """Every row of every table, the entry of the restore and the rows about it left out."""
    db = Database(home.database_url)
    try:
        with db.read() as conn:
            last = max((one.seq for one in entries(conn, TENANT) if one.action != RESTORED), default=0)
            found = {}
            for table in metadata.sorted_tables:
                if table.name != "journal_heads":
                    found[table.name] = sorted(repr(tuple(row)) for row in conn.execute(select(table)) if not (
                        table.name.startswith("journal") and row._mapping["seq"] > last))
            return found
    finally:
        db.close()


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")}


def same(one: Home, other: Home) -> None:
    assert rows(one) == rows(other)
    assert tree(one.akten(TENANT)) == tree(other.akten(TENANT))
    assert tree(one.blobs(TENANT)) == tree(other.blobs(TENANT))
    assert (one.root / "poststelle.toml").read_text() == (other.root / "poststelle.toml").read_text()


def test_there_and_back(home: Home, tmp_path: Path) -> None:
    (home.models(TENANT) / "filing").mkdir(parents=True)
    (home.models(TENANT) / "filing" / "card.toml").write_text("x = 1\n")
    (home.root / "eingang" / "scanner" / "wartet.pdf").write_bytes(b"%PDF waits")
    (home.root / "eingang" / "scanner" / "erledigt" / "alt.pdf").write_bytes(b"%PDF done")
    (home.root / "secrets" / "smtp").write_text("geheim")
    made = save(home, tmp_path / "s")
    assert made.faults == () and made.counts["blobs"] == 6 and not made.secrets
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    assert done.faults == () and done.loose == 1, "the PDF of the letter that is not filed: nobody speaks of it"
    assert mend_mirror(done.home, lambda _tenant: [EFile(done.home.akten(TENANT))]) == 0
    other = load(tmp_path / "neu")
    same(home, other)
    assert whole(other) == []
    assert (other.models(TENANT) / "filing" / "card.toml").read_text() == "x = 1\n"
    assert tree(other.root / "eingang") == {"scanner/wartet.pdf": b"%PDF waits"}
    assert list((other.root / "secrets").iterdir()) == [] and (other.root / "secrets").stat().st_mode & 0o777 == 0o700
    assert not (other.root / "engine.db").exists() and not tree(other.root / "log") if (other.root / "log").exists() else True
    assert "geheim" not in "".join(path.read_text(errors="replace") for path in (tmp_path / "s").rglob("*") if path.is_file())


def test_secrets_only_when_asked_for(home: Home, tmp_path: Path) -> None:
    secret = home.root / "secrets" / "smtp"
    secret.write_text("geheim")
    secret.chmod(0o600)
    made = save(home, tmp_path / "s", secrets=True)
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    back = done.home.root / "secrets" / "smtp"
    assert back.read_text() == "geheim" and back.stat().st_mode & 0o777 == 0o600


def test_the_journal_says_that_it_was_restored(home: Home, tmp_path: Path) -> None:
    made = save(home, tmp_path / "s")
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    db = Database(done.home.database_url)
    with db.read() as conn:
        last = list(entries(conn, TENANT))[-1]
    db.close()
    assert (last.actor, last.action, last.subjects) == ("service:restore", RESTORED, {"backup": made.id})
    assert last.seq == made.heads[TENANT][0] + 1 and last.prev == made.heads[TENANT][1]


def test_generations_share_their_bytes(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    first = save(home, folder)
    again = save(home, folder)
    assert (again.counts["new_objects"], again.counts["blobs"]) == (0, first.counts["blobs"])
    db = Database(home.database_url)
    letter(home, db, 7)
    db.close()
    third = save(home, folder)
    assert third.counts["new_objects"] == 3, "the scan, the PDF, the Akte's new index"
    assert [one.id for one in generations(folder)] == [first.id, again.id, third.id]
    old = restore(folder, choose(folder, first.id), tmp_path / "alt")
    assert len(tree(old.home.akten(TENANT))) == 5 and whole(old.home) == []
    new = restore(folder, choose(folder), tmp_path / "neu")
    assert len(tree(new.home.akten(TENANT))) == 7 and whole(new.home) == []


def test_pruning_keeps_what_is_needed(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    extra = home.root / "eingang" / "scanner" / "brief.pdf"
    extra.write_bytes(b"%PDF only in the first")
    first = save(home, folder)
    extra.unlink()
    (folder / "2020-01-01T000000.000000Z").mkdir()  # interrupted
    second = save(home, folder)
    assert prune(folder, 2) == 1
    assert prune(folder, 1) == 1 and [one.id for one in generations(folder)] == [second.id]
    assert not (folder / first.id).exists()
    assert set(Blobs(folder / POOL).iter_all()) == needed_by(folder / second.id)
    same(home, restore(folder, second, tmp_path / "neu").home)


def test_an_interrupted_backup_is_none(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    first = save(home, folder)
    broken = save(home, folder)
    (folder / broken.id / MANIFEST).unlink()
    assert choose(folder).id == first.id
    with pytest.raises(Refused, match="keine fertige Sicherung"):
        choose(folder, broken.id)
    assert save(home, folder).faults == ()


# ---- what may be broken ----------------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    path.chmod(0o600)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_damaged_and_missing_bytes_are_named_and_the_rest_is_saved(home: Home, tmp_path: Path) -> None:
    blobs = Blobs(home.blobs(TENANT))
    one, other = list(blobs.iter_all())[:2]
    spoken = {row for table in rows(home).values() for row in table}
    damage(blobs.path(one))
    if any(other in row for row in spoken):
        blobs.path(other).unlink()
    made = save(home, tmp_path / "s")
    assert f"Die Datei {one} von {TENANT} ist beschädigt." in made.faults
    report = trial(tmp_path / "s", made, lambda home: lambda _tenant: [EFile(home.akten(TENANT))])
    assert {fault.kind for fault in report.faults} >= {"backup"}
    assert {other, one} & {fault.subject for fault in report.faults if fault.kind == "missing-blob"}


@pytest.mark.parametrize("name", [BLOBS, FILES, "stand.txt", "database.sqlite"])
def test_a_damaged_list_is_not_restored(home: Home, tmp_path: Path, name: str) -> None:
    made = save(home, tmp_path / "s")
    with (tmp_path / "s" / made.id / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ConfigError, match="beschädigt"):
        restore(tmp_path / "s", made, tmp_path / "neu")
    assert not (tmp_path / "neu").exists()


def test_damaged_objects_are_named_and_the_rest_comes_back(home: Home, tmp_path: Path) -> None:
    made = save(home, tmp_path / "s")
    pool = Blobs(tmp_path / "s" / POOL)
    pdf = next(kept for kept in listed_files(tmp_path / "s" / made.id) if kept.path.endswith("Antrag 0.pdf"))
    damage(pool.path(pdf.sha256))
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    assert len(done.faults) == 2 and all("beschädigt" in fault for fault in done.faults)  # the blob and its mirror
    assert sorted(kind for kind, _ in whole(done.home)) == ["mirror", "missing-blob"]
    report = trial(tmp_path / "s", made, lambda home: lambda _tenant: [])
    assert {fault.kind for fault in report.faults} == {"damaged-blob", "mirror"}


def test_a_manifest_of_another_version(home: Home, tmp_path: Path) -> None:
    made = save(home, tmp_path / "s")
    path = tmp_path / "s" / made.id / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    assert generations(tmp_path / "s") == []
    path.write_text("{}")
    with pytest.raises(ConfigError, match="unlesbar"):
        generations(tmp_path / "s")


def test_where_neither_may_go(home: Home, tmp_path: Path) -> None:
    for place in (home.root, home.root / "store" / "s"):
        with pytest.raises(ConfigError, match="in der Installation selbst"):
            save(home, place)
    made = save(home, tmp_path / "s")
    with pytest.raises(Refused, match="nicht leer"):
        restore(tmp_path / "s", made, home.root)


def test_only_one_at_a_time(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go = threading.Event(), threading.Event()
    real = Blobs.iter_all

    def slow(self: Blobs) -> object:
        inside.set()
        go.wait(20)
        return real(self)

    monkeypatch.setattr(Blobs, "iter_all", slow)
    thread = threading.Thread(target=save, args=(home, tmp_path / "s"))
    thread.start()
    assert inside.wait(20)
    with pytest.raises(Refused, match="wird gerade gesichert"):
        save(home, tmp_path / "s")
    go.set()
    thread.join()
    assert len(generations(tmp_path / "s")) == 1


# ---- while it works --------------------------------------------------------------------------------------------------


def _between(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Let something happen right after the database was saved."""
    from intake import backup as module

    real = module.dump

    def dumped(db: Database, folder: Path) -> Path:
        path = real(db, folder)
        do()
        return path

    monkeypatch.setattr(module, "dump", dumped)


def test_what_is_filed_meanwhile_does_not_come_back_half(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the database and the look at the mirror: one is filed, one is taken back. The restored house is of one moment."""
    before = rows(home)
    db = Database(home.database_url)
    with db.read() as conn:
        key, = conn.execute(select(receipts.c.filing).order_by(receipts.c.reference).limit(1)).scalars()

    def busy() -> None:
        letter(home, db, 8)
        with db.transaction() as tx:
            undone = undo_filing(tx, key.removeprefix("f-"))
        deliver(db, TENANT, str(undone), [EFile(home.akten(TENANT))], Blobs(home.blobs(TENANT)))

    _between(monkeypatch, busy)
    made = save(home, tmp_path / "s")
    db.close()
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    assert done.loose == 3 and mend_mirror(done.home, lambda _tenant: [EFile(done.home.akten(TENANT))]) == 1
    assert whole(done.home) == []
    after = rows(done.home)
    assert {name: found for name, found in after.items() if name != "receipts"} == {
        name: found for name, found in before.items() if name != "receipts"}
    names = set(tree(done.home.akten(TENANT)))
    assert len(names) == 5 and not any("Antrag 8" in name for name in names)


def test_a_new_akte_that_the_database_does_not_know(home: Home, tmp_path: Path) -> None:
    made = save(home, tmp_path / "s")
    place = tmp_path / "s" / made.id
    lines = (place / FILES).read_text().splitlines(keepends=True)
    index = next(json.loads(line) for line in lines if line.find("akte.json") > 0)
    said = json.loads(Blobs(tmp_path / "s" / POOL).read(index["sha256"]))
    for entry in said["schriftstuecke"]:
        entry["schluessel"] = "unbekannt"
    new = Blobs(tmp_path / "s" / POOL).add_bytes(json.dumps(said).encode(), "", "")
    (place / FILES).write_text("".join(lines) + json.dumps(
        index | {"sha256": new.sha256, "size": new.size, "path": f"akten/{TENANT}/60.1/BA 9/akte.json"}) + "\n")
    hashes = {**made.hashes, FILES: restoring.sha256_of(place / FILES)}
    done = restore(tmp_path / "s", replace(made, hashes=hashes), tmp_path / "neu")
    assert not (done.home.akten(TENANT) / "60.1" / "BA 9").exists() and whole(done.home) == []


def test_under_a_busy_writer(home: Home, tmp_path: Path) -> None:
    """Three backups while letters come in and are filed: each is whole."""
    stop = threading.Event()

    def write() -> None:
        db, number = Database(home.database_url), 100
        while not stop.is_set():
            letter(home, db, number)
            number += 1
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [save(home, tmp_path / "s") for _ in range(3)]
    finally:
        stop.set()
        writer.join()
    assert made[2].heads[TENANT][0] > made[0].heads[TENANT][0]
    for number, one in enumerate(made):
        done = restore(tmp_path / "s", one, tmp_path / f"neu{number}")
        mend_mirror(done.home, lambda _tenant, home=done.home: [EFile(home.akten(TENANT))])  # type: ignore[misc]
        assert one.faults == done.faults == () and whole(done.home) == []
    report = trial(tmp_path / "s", made[1], lambda home: lambda _tenant: [EFile(home.akten(TENANT))])
    assert report.ok, report.faults
    assert not list((tmp_path / "s").glob(".probe*"))


def test_published_heads_and_a_restore(home: Home, tmp_path: Path) -> None:
    """What was published after the backup is missing in the restored house until the operator says why."""
    stand = tmp_path / "stand.txt"
    toml = home.root / "poststelle.toml"
    toml.write_text(toml.read_text().replace('# heads = ""', f'heads = "{stand}"'))
    home = load(home.root)
    db = Database(home.database_url)
    publish(db, [TENANT], stand)
    made = save(home, tmp_path / "s")
    assert (tmp_path / "s" / made.id / "stand.txt").read_bytes() == stand.read_bytes()
    letter(home, db, 9)
    publish(db, [TENANT], stand)
    db.close()
    done = restore(tmp_path / "s", made, tmp_path / "neu")
    assert [kind for kind, _ in whole(done.home)] == ["journal"]
    other = Database(done.home.database_url)
    with pytest.raises(Refused, match="--restored"):
        publish(other, [TENANT], stand)
    publish(other, [TENANT], stand, restored=True)
    other.close()
    assert whole(done.home) == []
    assert trial(tmp_path / "s", made, lambda home: lambda _tenant: [EFile(home.akten(TENANT))]).ok


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


def test_postgresql_by_its_own_tools(tmp_path: Path, new_postgresql: Callable[[], str]) -> None:
    """pg_dump and pg_restore against a real server: there and back into another database, 0 differences."""
    home = create(tmp_path / "haus", TENANT, empty=True)
    url, target, spare = new_postgresql(), new_postgresql(), new_postgresql()
    migrate(url)
    there = replace(home, settings=home.settings.model_copy(update={"database": DatabaseSettings(url=url)}))
    toml = home.root / "poststelle.toml"
    toml.write_text(toml.read_text().replace('# url = ""', f'url = "{url}"', 1))
    db = Database(url)
    with db.transaction() as tx:
        import_plan(tx, TENANT, [ENTRY])
    for number in range(3):
        letter(there, db, number)
    db.close()
    made = save(there, tmp_path / "s")
    assert made.database == "database.pgdump" and made.faults == ()
    with pytest.raises(ConfigError, match="nicht leer"):
        restore(tmp_path / "s", made, tmp_path / "neu")
    done = restore(tmp_path / "s", made, tmp_path / "da", database_url=target)
    assert load(tmp_path / "da").database_url == target
    assert rows(there) == rows(done.home)
    assert tree(there.akten(TENANT)) == tree(done.home.akten(TENANT)) and whole(done.home) == []
    assert trial(tmp_path / "s", made, lambda _home: lambda _tenant: [], database_url=spare).ok


def test_a_server_that_is_away(home: Home, tmp_path: Path) -> None:
    from intake.db.dump import _run
    from intake.errors import ServiceError

    with pytest.raises(ServiceError, match="pg_dump ist gescheitert"):
        _run(f"postgresql+psycopg://u:p@/x?host={tmp_path}", "pg_dump", "--file=/dev/null")
    with pytest.raises(ConfigError, match="fehlt"):
        _run("postgresql+psycopg://u@/x", "pg_dump_fehlt")


def test_another_address_in_the_settings(home: Home, tmp_path: Path) -> None:
    made = save(home, tmp_path / "s")
    url = f"sqlite:///{tmp_path / 'anders.db'}"
    done = restore(tmp_path / "s", made, tmp_path / "neu", database_url=url)
    assert load(tmp_path / "neu").database_url == url and (tmp_path / "anders.db").exists()
    assert rows(done.home) == rows(home)
    with pytest.raises(Refused, match="gibt es schon"):
        restore(tmp_path / "s", made, tmp_path / "neu2", database_url=url)
    with pytest.raises(ConfigError, match="passt nicht"):
        restore(tmp_path / "s", made, tmp_path / "neu3", database_url="postgresql+psycopg://x@/y")


# ---- as somebody types it --------------------------------------------------------------------------------------------


def test_the_commands(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("POSTSTELLE_HOME", str(home.root))
    assert run(["backup"]) == 4 and "[backup] folder" in capsys.readouterr().err
    place = str(tmp_path / "s")
    assert run(["backup", place]) == 0 and run(["backup", place, "--keep", "1"]) == 0
    assert "1 ältere gelöscht" in capsys.readouterr().out
    assert run(["backup", place, "--list"]) == 0
    assert "MiB" in capsys.readouterr().out
    assert run(["backup", place, "--verify"]) == 0
    assert "Alles ist ganz." in capsys.readouterr().out
    assert run(["restore", place, str(tmp_path / "neu")]) == 0
    assert "Die Kennwörter waren nicht gesichert" in capsys.readouterr().out
    assert run(["--home", str(tmp_path / "neu"), "verify"]) == 0
    assert run(["restore", place, str(tmp_path / "neu")]) == 2
    assert run(["restore", str(tmp_path), str(tmp_path / "x")]) == 2
    toml = home.root / "poststelle.toml"
    said = f'\n[backup]\nfolder = "{tmp_path}/nacht"\nkeep = 1\n'
    toml.write_text(toml.read_text().replace("\n[backup]\n", said, 1))
    assert run(["backup"]) == run(["backup"]) == 0
    assert "1 ältere gelöscht" in capsys.readouterr().out and len(generations(tmp_path / "nacht")) == 1


@pytest.mark.long
def test_killed_at_any_moment(home: Home, tmp_path: Path) -> None:
    """kill -9 leaves earlier generations whole, no half one that counts, and the next run goes through."""
    folder = tmp_path / "s"
    first = save(home, folder)
    db = Database(home.database_url)
    command = [sys.executable, "-c", "import sys; from intake.cli import run; sys.exit(run(sys.argv[1:]))",
               "--home", str(home.root), "backup", str(folder)]
    for number in range(12):
        letter(home, db, 200 + number)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.2 + 0.15 * number)
        process.kill()
        process.wait()
    db.close()
    stores = lambda home: lambda _tenant: [EFile(home.akten(TENANT))]  # noqa: E731
    for made in generations(folder):
        assert trial(folder, made, stores).ok
    last = save(home, folder)
    assert trial(folder, last, stores).ok and len(generations(folder)) >= 2
    prune(folder, 1)
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {last.id, POOL}
    assert not (folder / first.id).exists()
    same(home, restore(folder, last, tmp_path / "neu").home)
