"""init, check, demo: an installation is a folder."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from intake import aktenplan, config, registers
from intake.check import check
from intake.cli import common, outcome, running
from intake.cli.common import HomeOption
from intake.config import EXAMPLE_TENANT, Home, Settings, Tenant, load, render
from intake.db import akten
from intake.db.core import Database, Tx, migrate
from intake.db.knowledge import note_import
from intake.db.plan import import_plan, open_entries
from intake.errors import ConfigError
from intake.journal import record
from intake.resources import resource

ACTOR = "service:init"
DEMO_MARK = ".demo"
SAMPLE_ENDINGS = (".pdf", ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".eml")
MARKS = {"ok": "in Ordnung", "hint": "Hinweis", "wrong": "FEHLER"}


def init(
    folder: Annotated[Path, typer.Argument(metavar="ORDNER", help="Neuer oder vorhandener Ordner der Installation.")],
    tenant: Annotated[str, typer.Option("--tenant", help="Kurzname des Mandanten.")] = EXAMPLE_TENANT.name,
    empty: Annotated[bool, typer.Option("--empty", help="Ohne den mitgelieferten Aktenplan und die Beispielregister.")] = False,
) -> None:
    """Eine Installation anlegen oder vervollständigen: Ordner, Einstellungen, Datenbank, Aktenplan."""
    home = create(folder, tenant, empty=empty)
    profile = next((profile for one in home.settings.tenant if one.name == tenant for profile in one.profile), None)
    common.say(f"Die Installation {home.root} ist bereit.")
    if profile is not None:
        common.say(f"Legen Sie Scans in {home.folder(profile)} und geben Sie ein:")
    common.say(f"  {program()} --home {home.root} work")


def create(root: Path, name: str, *, empty: bool = False, tenant: Tenant | None = None) -> Home:
    """Make or complete the installation in folder `root` with the tenant `name`; returns it.

    What is there already stays as it is. A new file has `tenant` (default: the example municipality under that name).
    Raises ConfigError when the folder cannot be used, when its settings are wrong or the name is.
    """
    path = root / "poststelle.toml"
    made = tenant or EXAMPLE_TENANT.model_copy(update={"name": name} | ({} if name == EXAMPLE_TENANT.name else {"title": ""}))
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write(path, render(Settings(tenant=(_checked(made),))))
        home = load(root)
        if name not in {one.name for one in home.settings.tenant}:
            added = _checked(made.model_copy(update={
                "profile": (config.ScanProfile(name=f"{name}-scanner"),),
                "backfile": (config.Backfile(name=f"{name}-bauakten"),)}))
            _write(path, path.read_text(encoding="utf-8") + "\n" + config.render_tenant(added))
            home = load(root)
        _folders(home)
    except OSError as error:
        raise ConfigError(f"In {root} lässt sich keine Installation anlegen ({error.strerror}). Wählen Sie einen Ordner, in den "
                          "Sie schreiben dürfen.") from error
    migrate(home.database_url)
    if not empty:
        _knowledge(home)
    return home


def _checked(tenant: Tenant) -> Tenant:
    """The tenant as its TOML would be read: a name from the command line is validated like one in the file."""
    try:
        return Tenant.model_validate(tenant.model_dump())
    except ValueError as error:
        raise ConfigError(f"„{tenant.name}“ ist kein Kurzname für einen Mandanten. Nehmen Sie kleine Buchstaben, Ziffern und "
                          "Bindestriche, etwa mittelau.") from error


def _write(path: Path, text: str) -> None:
    """Replace the file in one step."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _folders(home: Home) -> None:
    for name in ("secrets", "log", "store", "akten", "eingang"):
        (home.root / name).mkdir(exist_ok=True)
    (home.root / "secrets").chmod(0o700)
    for tenant in home.settings.tenant:
        for path in (home.blobs(tenant.name), home.models(tenant.name), home.akten(tenant.name), home.registers(tenant)):
            path.mkdir(parents=True, exist_ok=True)
        for batches in tenant.backfile:
            (home.rescans(batches) / "erledigt").mkdir(parents=True, exist_ok=True)
        for profile in tenant.profile:
            if not profile.folder:
                (home.folder(profile) / "erledigt").mkdir(parents=True, exist_ok=True)


def _knowledge(home: Home) -> None:
    """The shipped plan and registers for every tenant that has no plan yet."""
    database = Database(home.database_url)
    try:
        for tenant in home.settings.tenant:
            with database.transaction() as tx:
                if not open_entries(tx.connection, tenant.name, tx.now.date()):
                    _import_shipped(tx, tenant.name)
    finally:
        database.close()


def _import_shipped(tx: Tx, tenant: str) -> None:
    entries, _ = aktenplan.read_plan(resource("config", "aktenplan.csv"))
    import_plan(tx, tenant, entries)
    files, _ = registers.read_files(resource("config", "registers", "files.csv"))
    akten.import_files(tx, tenant, files)
    note_import(tx, tenant, "files", "files.csv")
    for name in registers.REGISTERS:
        path = resource("config", "registers") / f"{name}.csv"
        if path.exists():
            rows, _ = registers.read_register(path, name)
            akten.import_register(tx, tenant, name, rows)
            note_import(tx, tenant, name, path.name)
    record(tx, tenant, ACTOR, "plan.imported", subjects={}, new={"entries": len(entries), "files": len(files)})


def check_command(home: HomeOption = None) -> None:
    """Prüfen, ob alles zum Arbeiten da ist; zu jedem Fehler die Zeile, die ihn behebt."""
    findings = check(common.open_home(home))
    common.table("", ("Stand", "Thema", "Befund"), ((MARKS[one.level], one.topic, one.sentence) for one in findings))
    wrong = sum(one.level == "wrong" for one in findings)
    common.say(f"{wrong} Fehler. Beheben Sie sie in dieser Reihenfolge." if wrong else "Alles bereit.")
    raise typer.Exit(ConfigError.exit_code if wrong else 0)


def demo(
    folder: Annotated[Path | None, typer.Argument(metavar="[ORDNER]", help="Sonst ein neuer Ordner im temporären Verzeichnis.")]
    = None,
) -> None:
    """Die Hauptsache zeigen: mitgelieferte Post in einer frischen Installation vom Scanner bis in die Akte."""
    root = _fresh(folder)
    profile = EXAMPLE_TENANT.profile[0].model_copy(update={"settle_seconds": 0.5})
    tenant = EXAMPLE_TENANT.model_copy(update={"rules": config.Rules(own_reference=True), "profile": (profile,)})
    home = create(root, tenant.name, tenant=tenant)
    _write(root / DEMO_MARK, "Dieser Ordner gehört der Demo; sie legt ihn jedes Mal neu an.\n")
    found = samples()
    for sample in found:
        _drop(sample, home.folder(profile))
    common.say(f"Neue Installation in {root}; {len(found)} Dateien aus samples/ liegen im Scannerordner.")
    code = running.run_work(home, until_idle=True)
    outcome.show(home)
    common.say()
    common.say("Als Nächstes ansehen, was auf einen Menschen wartet:")
    common.say(f"  {program()} --home {root} review ls")
    raise typer.Exit(code)


def samples() -> tuple[Path, ...]:
    """The shipped samples: every file that has its `<name>.expected.json` beside it, in a fixed order."""
    root = resource("samples")
    return tuple(sorted(
        path for path in root.rglob("*") if path.suffix in SAMPLE_ENDINGS
        and any(path.with_name(f"{name}.expected.json").is_file() for name in (path.name, path.stem))))


def _fresh(folder: Path | None) -> Path:
    """An empty folder: a new one, or what an earlier demo left, emptied. Raises ConfigError for anybody else's."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="poststelle-demo-"))
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / DEMO_MARK).is_file():
            raise ConfigError(f"Der Ordner {folder} ist nicht leer und nicht von der Demo. Nennen Sie einen anderen.")
        shutil.rmtree(folder)
    return folder


def _drop(sample: Path, folder: Path) -> None:
    """Lay a file into a watched folder as a scanner does: under a passing name first."""
    passing = folder / f"{sample.name}.part"
    shutil.copyfile(sample, passing)
    passing.rename(folder / sample.name)


def program() -> str:
    """How this program was called, to show the next command as it must be typed here."""
    called = Path(sys.argv[0])
    if called.name != "poststelle":
        return "poststelle"
    return str(called) if shutil.which("poststelle") != str(called) else "poststelle"
