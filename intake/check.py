"""`poststelle check`: is everything in place to work? Each finding is a German sentence with the line that mends it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Literal

from intake import backup, handcheck, heads, mailcheck
from intake.box import Box
from intake.config import Home, ScanProfile, Tenant
from intake.db.core import Database, sqlite_driver, utcnow, wal_unsafe
from intake.db.incoming import offices_of
from intake.db.indexed import check_index
from intake.db.knowledge import file_count, imported_at, register_size
from intake.db.plan import open_entries
from intake.db.work import counts
from intake.errors import PoststelleError
from intake.postroom import boundary
from intake.registers import REGISTERS
from intake.resources import resource

LEAST_FREE, COMFORTABLE_FREE = 2 * 2**30, 10 * 2**30
"""Bytes: below the first nothing should be taken in, below the second it is time to look."""
TESSDATA = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata")
ALWAYS = ("deu", "frk", "osd")
DONE = "erledigt"
LATEST_HEADS = timedelta(hours=3)
"""The worker publishes every hour; what it missed twice somebody should look at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `wrong` must be mended before work, a `hint` may stay."""

    level: Literal["ok", "hint", "wrong"]
    topic: str
    sentence: str


def check(home: Home, checks: tuple[Callable[[Home], Iterator[Finding]], ...] | None = None) -> tuple[Finding, ...]:
    """All findings, in the order of `CHECKS`. An error of ours in a check is a finding; nothing is changed."""
    found: list[Finding] = []
    for one in checks or CHECKS:
        try:
            found += one(home)
        except PoststelleError as error:
            found.append(Finding("wrong", one.__name__.removeprefix("check_"), str(error)))
    return tuple(found)


def check_configuration(home: Home) -> Iterator[Finding]:
    """Tenants, profiles and the form of new Aktenzeichen."""
    toml = home.root / "poststelle.toml"
    if not home.settings.tenant:
        yield Finding("wrong", "Einstellungen", f"Es gibt keinen Mandanten. Ergänzen Sie {toml}: [[tenant]] mit name = \"…\"")
    for tenant in home.settings.tenant:
        if not tenant.profile:
            yield Finding("hint", "Einstellungen", f"Der Mandant {tenant.name} hat kein Scanprofil; es kommt nichts herein. "
                          f"Ergänzen Sie {toml}: [[tenant.profile]] mit name = \"scanner\"")
        try:
            tenant.reference_template.format(unit="BA", notation="611.10", number=1, year=2026)
        except (KeyError, IndexError, ValueError):
            yield Finding("wrong", "Einstellungen", f"reference_template von {tenant.name} ist unbrauchbar. Erlaubt sind "
                          "{unit}, {notation}, {number} und {year}, etwa \"{unit}/{notation}-{number:04d}/{year}\".")
    yield Finding("ok", "Einstellungen", f"{toml} ist gültig, {len(home.settings.tenant)} Mandant(en)")


def check_database(home: Home) -> Iterator[Finding]:
    """The database answers and has its tables; SQLite is one without the WAL-reset bug."""
    if home.database_url.startswith("sqlite"):
        driver = sqlite_driver()
        if wal_unsafe(driver.sqlite_version_info):
            yield Finding("hint", "Datenbank", f"SQLite {driver.sqlite_version} hat einen bekannten Fehler; es wird langsamer, "
                          "aber sicher gearbeitet. Abhilfe: pip install pysqlite3")
        if not (home.root / "poststelle.db").exists() and not home.settings.database.url:
            yield Finding("wrong", "Datenbank", f"poststelle.db fehlt. Geben Sie ein: poststelle init {home.root}")
            return
    database = Database(home.database_url)
    try:
        with database.read() as conn:
            waiting = sum(counts(conn)["outcome"].values())
            check_index(conn)
        yield Finding("ok", "Datenbank", f"{database.dialect}, {waiting} Sendung(en)")
    finally:
        database.close()


def check_plan_and_registers(home: Home) -> Iterator[Finding]:
    """Every tenant has a filing plan; what it knows besides."""
    database = Database(home.database_url)
    try:
        for tenant in home.settings.tenant:
            with database.read() as conn:
                entries = open_entries(conn, tenant.name, utcnow().astimezone().date())
                known = {"Akten": file_count(conn, tenant.name)} | {
                    name: register_size(conn, tenant.name, name) for name in REGISTERS}
                imports = imported_at(conn, tenant.name)
            if not entries:
                yield Finding("wrong", "Aktenplan", f"Der Mandant {tenant.name} hat keinen Aktenplan. Geben Sie ein: "
                              f"poststelle --home {home.root} aktenplan import DATEI --tenant {tenant.name}")
            else:
                yield Finding("ok", "Aktenplan", f"{tenant.name}: {len(entries)} offene Einträge")
            listed = ", ".join(f"{name} {number}" for name, number in known.items() if number)
            yield Finding("ok" if listed else "hint", "Register", f"{tenant.name}: {listed}" if listed else
                          f"{tenant.name} hat keine Register. Akten bekannt machen: poststelle registers import files DATEI")
            yield from _old_registers(home, tenant, imports)
    finally:
        database.close()


def _old_registers(home: Home, tenant: Tenant, imports: Mapping[str, datetime]) -> Iterator[Finding]:
    """Registers that were not imported for longer than the tenant allows."""
    for register, at in sorted(imports.items()) if tenant.register_max_days else ():
        days = (utcnow() - at).days
        if days > tenant.register_max_days:
            yield Finding("hint", "Register", f"{tenant.name}: Das Register {register} ist {days} Tage alt (erlaubt: "
                          f"{tenant.register_max_days}). Legen Sie eine neue Datei ({register}.csv) in {home.registers(tenant)}.")


def check_models(home: Home) -> Iterator[Finding]:
    """Every artefact has its card, and its bytes are those of the card."""
    cards = [card for root in (resource("models"), *(home.models(tenant.name) for tenant in home.settings.tenant))
             for card in sorted(root.glob("*/*/card.toml"))]
    for card in cards:
        try:
            said = tomllib.loads(card.read_text(encoding="utf-8")).get("sha256", {})
        except (OSError, tomllib.TOMLDecodeError) as error:
            yield Finding("wrong", "Modelle", f"{card} ist unlesbar ({error}). Holen Sie das Modell neu aus dem Paket.")
            continue
        for name, digest in said.items():
            file = card.parent / name
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
                yield Finding("wrong", "Modelle", f"{file} fehlt oder ist nicht das Modell seiner Karte. Löschen Sie den Ordner "
                              f"{card.parent} oder holen Sie ihn neu aus dem Paket.")
    yield Finding("ok", "Modelle", f"{len(cards)} mit Karte" if cards else "keine nötig; Vorschläge kommen aus Regeln und Plan")


def check_boundaries(home: Home) -> Iterator[Finding]:
    """Where stacks are to be cut without sheets, the model for it is there and whole."""
    for tenant in home.settings.tenant:
        asked = [profile.name for profile in tenant.profile if profile.boundaries != "off" and not profile.pages_per_document]
        if asked:
            boundary(home.models(tenant.name))
            yield Finding("ok", "Stapel", f"{tenant.name}: Grenzen werden erkannt in {', '.join(asked)}")


def check_folders(home: Home) -> Iterator[Finding]:
    """Each watched folder can be read and emptied, and none lies where the service keeps its own things."""
    folders = {profile.name: home.folder(profile) for _, profile in _profiles(home)}
    for _, profile in _profiles(home):
        faults = list(_folder_faults(home.folder(profile)))
        yield from (Finding("wrong", "Ordner", f"Scanprofil {profile.name}: {fault}") for fault in faults)
        if not faults:
            yield Finding("ok", "Ordner", f"{profile.name}: {home.folder(profile)}")
    for old in (one for tenant in home.settings.tenant for one in tenant.backfile if one.rescan_folder):
        faults = list(_folder_faults(home.rescans(old)))
        yield from (Finding("wrong", "Ordner", f"Nachscans {old.name}: {fault}") for fault in faults)
        if not faults:
            yield Finding("ok", "Ordner", f"Nachscans {old.name}: {home.rescans(old)}")
    yield from _overlaps(home, folders)
    secrets = home.root / "secrets"
    if secrets.is_dir() and stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        yield Finding("wrong", "Ordner", f"{secrets} ist für andere lesbar. Geben Sie ein: chmod 700 {secrets}")


def _profiles(home: Home) -> list[tuple[Tenant, ScanProfile]]:
    return [(tenant, profile) for tenant in home.settings.tenant for profile in tenant.profile]


def _folder_faults(folder: Path) -> Iterator[str]:
    """Why files could not be taken from `folder` and moved to its erledigt/; tried with a hidden file, which is removed."""
    done = folder / DONE
    for path in (folder, done):
        if not path.is_dir():
            yield f"Den Ordner {path} gibt es nicht. Geben Sie ein: mkdir -p {done}"
            return
    if not os.access(folder, os.R_OK | os.X_OK):
        yield f"Der Ordner {folder} darf nicht gelesen werden. Geben Sie ein: sudo chown -R $(id -un) {folder}"
        return
    if folder.stat().st_dev != done.stat().st_dev:
        yield f"{done} liegt auf einem anderen Laufwerk als {folder}. Legen Sie erledigt/ auf dasselbe Laufwerk."
    name = f".poststelle-check-{uuid.uuid4().hex}.tmp"
    try:
        (folder / name).touch(exist_ok=False)
        (folder / name).rename(done / name)
    except OSError as error:
        yield (f"In {folder} und {DONE}/ darf nicht geschrieben werden ({error.strerror}); erledigte Dateien blieben liegen. "
               f"Geben Sie ein: sudo chown -R $(id -un) {folder}")
    finally:
        for path in (folder / name, done / name):
            if os.path.lexists(path):
                path.unlink()


def _overlaps(home: Home, folders: dict[str, Path]) -> Iterator[Finding]:
    """A watched folder inside another, or around or inside our own folders, would be read for ever."""
    real = {name: path.resolve() for name, path in folders.items()}
    for (one, inner), (other, outer) in permutations(real.items(), 2):
        if outer in inner.parents or (inner == outer and one < other):
            yield Finding("wrong", "Ordner", f"Die Ordner der Scanprofile {one} und {other} liegen ineinander ({inner}). "
                          "Geben Sie jedem einen eigenen (folder in poststelle.toml).")
    own = [home.root / name for name in ("store", "akten", "log", "secrets", "work")]
    for name, path in real.items():
        if path in (home.root, *home.root.parents) or any(path == mine or mine in path.parents for mine in own):
            yield Finding("wrong", "Ordner", f"Der Ordner von {name} ({path}) überschneidet sich mit dem eigenen Bestand der "
                          "Poststelle. Wählen Sie einen anderen (folder in poststelle.toml).")


def check_languages(home: Home, patterns: tuple[str, ...] = TESSDATA) -> Iterator[Finding]:
    """The language data of Tesseract that the settings name, and the ones always needed."""
    wanted = set(ALWAYS) | set(home.settings.read.languages.split("+"))
    for _, profile in _profiles(home):
        wanted |= {name for name in profile.languages.split("+") if name}
    folders = [folder for pattern in patterns for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)]
    missing = sorted(name for name in wanted if not any((folder / f"{name}.traineddata").is_file() for folder in folders))
    for name in missing:
        yield Finding("wrong", "Texterkennung", f"Die Sprachdaten „{name}“ fehlen. Geben Sie ein: "
                      f"sudo apt-get install tesseract-ocr-{name.replace('_', '-')}")
    if not missing:
        yield Finding("ok", "Texterkennung", f"Sprachdaten {', '.join(sorted(wanted))}")
    if not any((folder / place / "Latin.traineddata").is_file() for folder in folders for place in ("", "script")):
        yield Finding("hint", "Texterkennung", "Namen wie „Dvořák“ oder „Ayşe“ werden ohne ihre Zeichen gelesen: Die Sprachdaten "
                      "für alle lateinischen Buchstaben fehlen. Geben Sie ein: sudo apt-get install tesseract-ocr-script-latn")


def check_box(home: Home) -> Iterator[Finding]:
    """The sandbox runs and holds."""
    box = Box(home.settings.box)
    box.check()
    yield Finding("ok", "Lesekasten", "läuft und hält dicht")
    if box.has_office:
        yield Finding("ok", "Office", "LibreOffice zeichnet Office-Dateien im Lesekasten")
    elif home.settings.box.office != "off":
        yield Finding("hint", "Office", "LibreOffice fehlt; Office-Dateien gehen zur Klärung. Abhilfe: apt-get install "
                      "--no-install-recommends libreoffice-writer-nogui libreoffice-calc-nogui")


def check_mail(home: Home) -> Iterator[Finding]:
    """Mailboxes and the server for outgoing mail let us in; nothing is moved or sent."""
    yield from (Finding(level, "E-Mail", said) for level, said in mailcheck.findings(home))


def check_offices(home: Home) -> Iterator[Finding]:
    """Where offices are told by mail what came: each office of the plan has an address, and each address an office."""
    named = [tenant for tenant in home.settings.tenant if tenant.office_mail.addresses]
    if not named:
        return
    database = Database(home.database_url)
    try:
        with database.read() as conn:
            known = {tenant.name: set(offices_of(conn, tenant.name)) for tenant in named}
    finally:
        database.close()
    toml = home.root / "poststelle.toml"
    for tenant in named:
        offices, addresses = known[tenant.name], set(tenant.office_mail.addresses)
        if missing := sorted(offices - addresses):
            yield Finding("hint", "Ämter", f"{tenant.name}: Ohne Adresse und damit ohne tägliche Mail: {', '.join(missing)}. "
                          f"Ergänzen Sie in {toml} unter [tenant.office_mail] addresses.")
        if unknown := sorted(addresses - offices):
            yield Finding("hint", "Ämter", f"{tenant.name}: Diese Ämter nennt weder der Aktenplan noch eine Akte: "
                          f"{', '.join(unknown)}. Prüfen Sie die Schreibweise in {toml} unter [tenant.office_mail] addresses.")
        yield Finding("ok", "Ämter", f"{tenant.name}: {len(addresses)} Adresse(n), täglich um {tenant.office_mail.at} Uhr")


def check_handover(home: Home) -> Iterator[Finding]:
    """Other systems that are told what is filed, and what Transfervermerke would lack."""
    yield from (Finding(*found) for found in handcheck.findings(home))


def check_disk(home: Home) -> Iterator[Finding]:
    """Room for what comes in."""
    free = shutil.disk_usage(home.root).free
    said = f"{free / 2**30:.1f} GiB frei in {home.root}".replace(".", ",", 1)
    if free < LEAST_FREE:
        yield Finding("wrong", "Speicherplatz", f"Nur {said}. Schaffen Sie Platz, bevor Post angenommen wird.")
    else:
        yield Finding("hint" if free < COMFORTABLE_FREE else "ok", "Speicherplatz", said)


def check_journal(home: Home) -> Iterator[Finding]:
    """The journal's state is shown outside, of late, and what was shown still stands in it."""
    if home.heads is None and not home.settings.journal.mail_to:
        yield Finding("hint", "Protokoll", "Der Stand des Protokolls wird nirgends veröffentlicht; Änderungen daran fielen nicht "
                      f"auf. Nennen Sie in {home.root / 'poststelle.toml'} unter [journal] heads eine Datei auf einem anderen "
                      "Rechner, oder mail_to.")
        return
    if home.settings.journal.mail_to and not home.settings.smtp.host:
        yield Finding("wrong", "Protokoll", "Sein Stand soll per E-Mail gehen, aber es ist kein Mailserver genannt. Ergänzen Sie "
                      "[smtp] host, oder löschen Sie [journal] mail_to.")
    if home.heads is None:
        yield Finding("ok", "Protokoll", f"Sein Stand geht täglich an {home.settings.journal.mail_to}")
        return
    if home.root in home.heads.resolve().parents:
        yield Finding("hint", "Protokoll", f"{home.heads} liegt in der Installation selbst und belegt nichts. Nennen Sie unter "
                      "[journal] heads eine Datei auf einem anderen Rechner oder Datenträger.")
    database = Database(home.database_url)
    try:
        with database.read() as conn:
            shown, faults = heads.known(conn, home.heads)
            faults += heads.contradicted(conn, [tenant.name for tenant in home.settings.tenant], shown)
            late = heads.late(conn, [tenant.name for tenant in home.settings.tenant], shown)
    finally:
        database.close()
    yield from (Finding("wrong", "Protokoll", f"{fault.detail} Sehen Sie nach: poststelle journal verify") for fault in faults)
    if late > LATEST_HEADS:
        yield Finding("hint", "Protokoll", f"Seit {late.total_seconds() / 3600:.0f} Stunden wurde kein Stand veröffentlicht. "
                      "Läuft der Dienst? Von Hand: poststelle journal publish")
    elif not faults:
        yield Finding("ok", "Protokoll", f"{len(shown)} Stände in {home.heads}")


def check_backup(home: Home) -> Iterator[Finding]:
    """There is a backup, it is young enough, and it lies on another drive."""
    said = home.settings.backup
    if not said.folder:
        yield Finding("hint", "Sicherung", "Es ist keine Sicherung eingerichtet. Nennen Sie in poststelle.toml unter [backup] "
                      "folder einen Ordner auf einem anderen Datenträger, und lassen Sie jede Nacht laufen: poststelle backup")
        return
    folder = Path(said.folder)
    last = backup.generations(folder)[-1:]
    if not last:
        yield Finding("hint", "Sicherung", f"In {folder} ist noch keine fertige Sicherung. Geben Sie ein: poststelle backup")
        return
    hours = backup.age_hours(last[0])
    if said.max_hours and hours > said.max_hours:
        yield Finding("hint", "Sicherung", f"Die letzte Sicherung in {folder} ist {hours:.0f} Stunden alt (erlaubt: "
                      f"{said.max_hours}). Ist das Laufwerk eingehängt, läuft der nächtliche Auftrag?")
    elif last[0].faults:
        yield Finding("wrong", "Sicherung", f"Bei der letzten Sicherung fehlte etwas: {last[0].faults[0]} Geben Sie ein: "
                      "poststelle verify")
    else:
        yield Finding("ok", "Sicherung", f"{last[0].id} in {folder}")
    if folder.stat().st_dev == home.root.stat().st_dev:
        yield Finding("hint", "Sicherung", f"{folder} liegt auf demselben Datenträger wie die Installation. Fällt er aus, sind "
                      "beide verloren.")


CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (
    check_configuration, check_database, check_plan_and_registers, check_models, check_boundaries, check_folders,
    check_languages, check_box, check_mail, check_offices, check_handover, check_disk, check_journal, check_backup)
