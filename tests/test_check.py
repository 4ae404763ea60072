"""`poststelle check`: every fault is found and named with the line that mends it; nothing is changed by looking."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from intake import check as checks
from intake.backup import MANIFEST, backup
from intake.check import Finding, check
from intake.cli.installation import create
from intake.config import Home, ScanProfile, Settings, Tenant, load, render
from intake.db.core import Database, Tx
from intake.errors import ConfigError
from intake.heads import publish
from intake.journal import record


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("check") / "home"
    create(root, "mittelau")
    return root


@pytest.fixture
def home(_made: Path, tmp_path: Path) -> Home:
    shutil.copytree(_made, tmp_path / "home", copy_function=shutil.copy)
    return load(tmp_path / "home")


def changed(home: Home, **tenant: object) -> Home:
    """The installation with other settings of its tenant."""
    made = home.settings.tenant[0].model_copy(update=tenant)
    return Home(home.root, Settings(tenant=(Tenant.model_validate(made.model_dump()),)))


def wrong(findings: tuple[Finding, ...]) -> list[str]:
    return [one.sentence for one in findings if one.level == "wrong"]


def only(home: Home, one: Callable[..., object]) -> tuple[Finding, ...]:
    return check(home, (one,))  # type: ignore[arg-type]


def test_a_fresh_installation_is_ready(home: Home) -> None:
    findings = check(home)
    assert wrong(findings) == []
    assert {one.topic for one in findings} == {
        "Einstellungen", "Datenbank", "Aktenplan", "Register", "Modelle", "Ordner", "Stapel", "Texterkennung", "Lesekasten",
        "Office", "Speicherplatz", "Protokoll", "Sicherung", "Transfervermerk"}


def test_looking_changes_nothing(home: Home) -> None:
    def state() -> dict[str, str]:
        return {str(path.relative_to(home.root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
                for path in home.root.rglob("*") if not path.name.endswith(("-wal", "-shm"))}

    before = state()
    check(home)
    assert state() == before


def test_no_tenant_and_no_profile(home: Home) -> None:
    assert "keinen Mandanten" in wrong(only(Home(home.root, Settings()), checks.check_configuration))[0]
    (hint, *_) = only(changed(home, profile=()), checks.check_configuration)
    assert hint.level == "hint"
    assert "[[tenant.profile]]" in hint.sentence


@pytest.mark.parametrize("template", ["{nummer}", "{number:04x}{}", "{unit", "{number!z}"])
def test_a_template_that_makes_no_reference(home: Home, template: str) -> None:
    assert "reference_template" in wrong(only(changed(home, reference_template=template), checks.check_configuration))[0]


def test_a_missing_database_names_the_command(home: Home) -> None:
    (home.root / "poststelle.db").unlink()
    assert f"poststelle init {home.root}" in wrong(only(home, checks.check_database))[0]


def test_an_old_sqlite_is_a_hint(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "wal_unsafe", lambda version: True)
    hints = [one for one in only(home, checks.check_database) if one.level == "hint"]
    assert "pip install pysqlite3" in hints[0].sentence


def test_a_tenant_without_a_plan_names_the_import(home: Home) -> None:
    other = Home(home.root, Settings(tenant=(Tenant(name="neustadt"),)))
    findings = only(other, checks.check_plan_and_registers)
    assert "aktenplan import DATEI --tenant neustadt" in wrong(findings)[0]
    assert any(one.level == "hint" and "registers import" in one.sentence for one in findings)


def test_a_model_must_be_that_of_its_card(home: Home) -> None:
    folder = home.models("mittelau") / "plan" / "3"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    good = hashlib.sha256(b"weights").hexdigest()
    (folder / "card.toml").write_text(f'[sha256]\n"model.bin" = "{good}"\n', encoding="utf-8")
    assert wrong(only(home, checks.check_models)) == []
    (folder / "model.bin").write_bytes(b"others")
    assert "nicht das Modell seiner Karte" in wrong(only(home, checks.check_models))[0]
    (folder / "model.bin").unlink()
    assert len(wrong(only(home, checks.check_models))) == 1
    (folder / "card.toml").write_text("[sha256", encoding="utf-8")
    assert "unlesbar" in wrong(only(home, checks.check_models))[0]


def test_boundaries_without_a_model_are_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: Path) -> None:
        raise ConfigError("Das Modell dafür fehlt.")

    monkeypatch.setattr(checks, "boundary", missing)
    tenant = home.settings.tenant[0]

    def asking(**values: object) -> Home:
        profile = tenant.profile[0].model_copy(update=values)
        return Home(home.root, home.settings.model_copy(update={"tenant": (tenant.model_copy(update={"profile": (profile,)}),)}))

    assert only(asking(boundaries="off"), checks.check_boundaries) == ()
    assert only(asking(boundaries="auto", pages_per_document=2), checks.check_boundaries) == ()
    assert "fehlt" in wrong(only(asking(boundaries="ask"), checks.check_boundaries))[0]
    monkeypatch.setattr(checks, "boundary", lambda folder: object())
    assert wrong(only(asking(boundaries="auto"), checks.check_boundaries)) == []


def test_a_missing_folder_names_mkdir(home: Home) -> None:
    folder = home.root / "eingang" / "scanner"
    shutil.rmtree(folder / "erledigt")
    assert f"mkdir -p {folder / 'erledigt'}" in wrong(only(home, checks.check_folders))[0]
    shutil.rmtree(folder)
    assert len(wrong(only(home, checks.check_folders))) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the test below stands in")
def test_a_folder_that_may_not_be_written(home: Home) -> None:
    folder = home.root / "eingang" / "scanner"
    folder.chmod(0o500)
    try:
        assert "chown" in wrong(only(home, checks.check_folders))[0]
    finally:
        folder.chmod(0o700)


def test_a_folder_that_cannot_be_emptied_is_refused_whatever_the_permission_bits_say(
        home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    assert "blieben liegen" in wrong(only(home, checks.check_folders))[0]
    monkeypatch.undo()
    assert [path.name for path in (home.root / "eingang" / "scanner").iterdir()] == ["erledigt"]


def test_done_on_another_disk_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = real(self, follow_symlinks=follow_symlinks)
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:])) if self.name == "erledigt" else found

    monkeypatch.setattr(Path, "stat", stat)
    assert any("anderen Laufwerk" in sentence for sentence in wrong(only(home, checks.check_folders)))


@pytest.mark.parametrize("inner", ["eingang/scanner", "eingang/scanner/tief", "eingang/scanner/erledigt"])
def test_folders_inside_each_other(home: Home, inner: str) -> None:
    (home.root / inner / "erledigt").mkdir(parents=True, exist_ok=True)
    both = changed(home, profile=(ScanProfile(name="scanner"), ScanProfile(name="zwei", folder=str(home.root / inner))))
    found = [sentence for sentence in wrong(only(both, checks.check_folders)) if "ineinander" in sentence]
    assert len(found) == 1
    assert "scanner" in found[0]
    assert "zwei" in found[0]


@pytest.mark.parametrize("own", [".", "..", "store", "akten/mittelau", "log", "secrets/x"])
def test_a_watched_folder_must_not_be_our_own(home: Home, own: str) -> None:
    (home.root / own / "erledigt").mkdir(parents=True, exist_ok=True)
    bad = changed(home, profile=(ScanProfile(name="scanner", folder=str((home.root / own).resolve())),))
    assert any("eigenen Bestand" in sentence for sentence in wrong(only(bad, checks.check_folders)))


def test_secrets_for_all_to_read(home: Home) -> None:
    (home.root / "secrets").chmod(0o755)
    assert f"chmod 700 {home.root / 'secrets'}" in wrong(only(home, checks.check_folders))[0]


def test_missing_language_data_names_the_package(home: Home, tmp_path: Path) -> None:
    (tmp_path / "tessdata").mkdir()
    for name in ("deu", "osd"):
        (tmp_path / "tessdata" / f"{name}.traineddata").touch()
    wanted = changed(home, profile=(ScanProfile(name="scanner", languages="deu+chi_sim"),))
    found = [one.sentence for one in checks.check_languages(wanted, (str(tmp_path / "tessdata"),))]
    assert any("apt-get install tesseract-ocr-frk" in sentence for sentence in found)
    assert any("apt-get install tesseract-ocr-chi-sim" in sentence for sentence in found)
    assert len(found) == 3


@pytest.mark.parametrize(("place", "told"), [("Latin", False), ("script/Latin", False), ("", True)])
def test_data_for_all_letters_may_be_missing_and_is_named(home: Home, tmp_path: Path, place: str, *, told: bool) -> None:
    (tmp_path / "tessdata" / "script").mkdir(parents=True)
    for name in ("deu", "frk", "osd", *((place,) if place else ())):
        (tmp_path / "tessdata" / f"{name}.traineddata").touch()
    found = list(checks.check_languages(home, (str(tmp_path / "tessdata"),)))
    assert [one.level for one in found] == ["ok", "hint"][:1 + told]
    assert any("tesseract-ocr-script-latn" in one.sentence for one in found) == told


def test_a_box_that_cannot_run_is_told_in_its_own_words(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise ConfigError("Der Lesekasten darf hier nicht laufen: sudo apparmor_parser …")

    monkeypatch.setattr(checks.Box, "check", refuse)
    assert "apparmor_parser" in wrong(only(home, checks.check_box))[0]


@pytest.mark.parametrize(("free", "level"), [(2**30, "wrong"), (5 * 2**30, "hint"), (50 * 2**30, "ok")])
def test_disk_space(home: Home, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - free, free))
    (found,) = only(home, checks.check_disk)
    assert found.level == level


def test_one_trouble_does_not_hide_the_next(home: Home) -> None:
    (home.root / "poststelle.db").write_bytes(b"no database" * 100)
    findings = check(home)
    assert wrong(findings)
    assert any(one.topic == "Lesekasten" and one.level == "ok" for one in findings)


def test_the_written_file_is_the_settings_checked(home: Home) -> None:
    assert load(home.root).settings.tenant[0].name in render(home.settings)


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.level, one.sentence) for one in findings]


def outside(home: Home, **more: dict[str, object]) -> Home:
    """The installation with tables of settings changed."""
    return Home(home.root, Settings.model_validate({**home.settings.model_dump(), **more}))


def test_the_journal_is_shown_outside(home: Home, tmp_path: Path) -> None:
    (finding,) = only(home, checks.check_journal)
    assert finding.level == "hint" and "[journal] heads" in finding.sentence
    mailed = {"journal": {"mail_to": "a@b.de"}}
    assert said(only(outside(home, **mailed, smtp={"host": "mail"}), checks.check_journal)) == [  # type: ignore[arg-type]
        ("ok", "Sein Stand geht täglich an a@b.de")]
    assert "kein Mailserver" in wrong(only(outside(home, **mailed), checks.check_journal))[0]  # type: ignore[arg-type]
    there = outside(home, journal={"heads": str(tmp_path / "stand.txt")})
    db = Database(home.database_url)
    publish(db, ["mittelau"], tmp_path / "stand.txt")
    assert [one.level for one in only(there, checks.check_journal)] == ["ok"]
    with db.transaction() as tx:
        record(Tx(tx.connection, tx.now - timedelta(hours=30)), "mittelau", "rule:x", "a", subjects={})
    (finding,) = only(there, checks.check_journal)
    assert finding.level == "hint" and "Seit 30 Stunden" in finding.sentence
    with db.transaction() as tx:
        tx.connection.execute(text("UPDATE journal SET hash = 'x' WHERE seq = 1"))
    db.close()
    assert [one.level for one in only(there, checks.check_journal)] == ["wrong", "hint"]
    inside = outside(home, journal={"heads": str(home.root / "stand.txt")})
    assert "belegt nichts" in only(inside, checks.check_journal)[0].sentence


def test_there_is_a_young_backup(home: Home, tmp_path: Path) -> None:
    (finding,) = only(home, checks.check_backup)
    assert finding.level == "hint" and "[backup] folder" in finding.sentence
    there = outside(home, backup={"folder": str(tmp_path / "s")})
    assert "noch keine fertige" in only(there, checks.check_backup)[0].sentence
    db = Database(home.database_url)
    made = backup(there, db, tmp_path / "s")
    db.close()
    assert [one.level for one in only(there, checks.check_backup)] == ["ok", "hint"]
    assert "demselben Datenträger" in only(there, checks.check_backup)[1].sentence
    manifest = tmp_path / "s" / made.id / MANIFEST
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"faults": ["Die Datei fehlt."]}))
    assert only(there, checks.check_backup)[0].level == "wrong"
    manifest.write_text(json.dumps(told | {"began_at": "2026-01-01T00:00:00.000000Z"}))
    assert "Stunden alt (erlaubt: 36)" in only(there, checks.check_backup)[0].sentence
    old = outside(home, backup={"folder": str(tmp_path / "s"), "max_hours": 0})
    assert only(old, checks.check_backup)[0].level == "ok"


def test_a_folder_of_rescans_elsewhere_is_looked_at(home: Home, tmp_path: Path) -> None:
    share = tmp_path / "nachscans"
    own = home.settings.tenant[0].backfile[0].model_copy(update={"rescan_folder": str(share)})
    there = changed(home, backfile=(own,))

    def told() -> list[str]:
        return [one.sentence for one in only(there, checks.check_folders) if one.sentence.startswith("Nachscans")]

    assert len(told()) == 1 and "gibt es nicht" in told()[0]
    (share / "erledigt").mkdir(parents=True)
    assert told() == [f"Nachscans bauakten: {share}"]
