"""A backup becomes an installation again: in an empty folder, checked byte by byte, and the journal says that it happened.

The database first, then the bytes its rows speak of, the other files, the mirror of the E-Akte as the database knows it, and
poststelle.toml last of all: a restore that was interrupted is no installation, and is done anew in another folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from intake import heads
from intake.backup import (
    HEADS,
    LISTS,
    POOL,
    TOML,
    WRITERS,
    Kept,
    Manifest,
    generations,
    listed_blobs,
    listed_files,
    sha256_of,
)
from intake.blobs import Blobs
from intake.config import Home, load
from intake.db import audit
from intake.db.core import Database, migrate, utcnow
from intake.db.dump import SQLITE, file_of, is_whole, load_dump
from intake.db.filings import get_filing
from intake.errors import ConfigError, Refused, ServiceError
from intake.filing import rebuild
from intake.journal import RESTORED, Fault, record
from intake.protocols import Store
from intake.verify import GRACE, MIRROR_INDEX, MIRROR_STORE, Report, mirror_faults, verify

ACTOR, AKTEN = "service:restore", "akten"
_URL = re.compile(r"(?ms)(^\[database\]\s*?$.*?^)#?[ \t]*url[ \t]*=[^\n]*$")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `faults`: what could not (everything else did); `loose`: blobs that no row of the database speaks of."""

    home: Home
    made: Manifest
    faults: tuple[str, ...]
    blobs: int
    files: int
    loose: int


def choose(folder: Path, id: str = "") -> Manifest:
    """The generation of this id, or the newest one. Raises Refused when there is none."""
    found = [made for made in generations(folder) if not id or made.id.startswith(id)]
    if not found or (id and len(found) > 1):
        raise Refused(f"In {folder} gibt es keine fertige Sicherung{f' {id}' if id else ''}. Sehen Sie nach: "
                      f"poststelle backup {folder} --list")
    return found[-1]


def restore(folder: Path, made: Manifest, root: Path, *, database_url: str = "", link: bool = False) -> Restored:
    """Make an installation in the empty folder `root`. `database_url`: another (empty) database than the saved settings name.

    `link`: blobs and mirror are links into the pool, to look at them (`trial`), not to work with. Every chain gets an entry
    "journal.restored". Raises Refused for a folder that is not empty, ConfigError for a backup whose lists are damaged.
    """
    place, root = folder / made.id, root.resolve()
    if root.exists() and any(root.iterdir()):
        raise Refused(f"{root} ist nicht leer. Wiederhergestellt wird nur in einen neuen Ordner.")
    for name in (made.database, *LISTS):
        if sha256_of(place / name) != made.hashes[name]:
            raise ConfigError(f"{place / name} ist beschädigt. Nehmen Sie eine andere Sicherung (--generation).")
    root.mkdir(mode=0o750, parents=True, exist_ok=True)
    files = {kept.path: kept for kept in listed_files(place)}
    toml = _settings(folder, files, database_url)
    home = _as_home(root, toml)
    _database(home, place / made.database)
    pool, db = Blobs(folder / POOL), Database(home.database_url)
    try:
        taker = _Taker(pool, link)
        spoken = _speak(db, home)
        blobs = list(listed_blobs(place))
        taker.blobs(home, blobs, spoken)
        taker.files(root, [kept for kept in files.values() if kept.path.partition("/")[0] not in (AKTEN, TOML)])
        for tenant in home.settings.tenant:
            taker.mirror(home, db, tenant.name, [kept for kept in files.values()
                                                 if kept.path.startswith(f"{AKTEN}/{tenant.name}/")])
        (root / "secrets").mkdir(mode=0o700, exist_ok=True)
        _say_so(db, home, made)
    finally:
        db.close()
    (root / TOML).write_text(toml, encoding="utf-8")
    os.sync()
    loose = sum(sha256 not in spoken[tenant] for tenant, sha256, _ in blobs if tenant in spoken)
    return Restored(home, made, tuple(sorted(taker.faults)), len(blobs), len(files), loose)


def mend_mirror(home: Home, stores: Callable[[str], Sequence[Store]]) -> int:
    """Write anew what the mirror lacks of what the database says is filed; returns how many documents.

    Those are the few that were taken back or moved between the moment of the database and the look at the mirror.
    """
    mended, db = 0, Database(home.database_url)
    try:
        for tenant in home.settings.tenant:
            with db.read() as conn:
                mirror = home.akten(tenant.name)
                lacking = [filing.key for filing in audit.filed(conn, tenant.name) for store, reference in filing.receipts
                           if store == MIRROR_STORE and list(mirror_faults(mirror, reference, filing, Counter()))]
            for key in lacking:
                with db.read() as conn:
                    filing = get_filing(conn, key)
                for store in stores(tenant.name):
                    if store.name == MIRROR_STORE:
                        rebuild(db, filing, store, Blobs(home.blobs(tenant.name)))
                        mended += 1
    finally:
        db.close()
    return mended


def trial(folder: Path, made: Manifest, stores: Callable[[Home], Callable[[str], Sequence[Store]]], database_url: str = "",
          ) -> Report:
    """Restore a generation beside itself (links, no second copy of the bytes), verify it whole, and take it away again.

    A generation of PostgreSQL needs `database_url`, an empty database to try it in. Faults of kind `backup` are what could not
    even be restored, `database` what SQLite says of its file.
    """
    place = Path(tempfile.mkdtemp(prefix=".probe-", dir=folder))
    try:
        done = restore(folder, made, place, database_url=database_url, link=True)
        mend_mirror(done.home, stores(done.home))
        faults = [Fault("backup", made.id, one) for one in (*made.faults, *done.faults)]
        shown, wrong = heads.read(folder / made.id / HEADS)
        faults += [Fault("heads", HEADS, f"Zeile {line} ist kein Stand eines Protokolls.") for line in wrong]
        db = Database(done.home.database_url)
        try:
            if not is_whole(db):
                faults.append(Fault("database", made.database, "Die Datenbank der Sicherung ist beschädigt."))
            since = utcnow() - datetime.fromisoformat(made.began_at)  # what was under way then still is
            report = verify(db, [tenant.name for tenant in done.home.settings.tenant], lambda name: Blobs(done.home.blobs(name)),
                            done.home.akten, heads=shown, grace=GRACE + since)
        finally:
            db.close()
    finally:
        shutil.rmtree(place)
    return Report((*faults, *report.faults), report.checked, report.notes)


# ---- the parts -------------------------------------------------------------------------------------------------------


def _settings(folder: Path, files: Mapping[str, Kept], database_url: str) -> str:
    """poststelle.toml as saved, with another address of the database when one is given."""
    if TOML not in files:
        raise ConfigError("In dieser Sicherung fehlt poststelle.toml. Nehmen Sie eine andere (--generation).")
    text = Blobs(folder / POOL).read(files[TOML].sha256).decode("utf-8")
    if not database_url:
        return text
    line = f"url = {json.dumps(database_url)}"
    changed, found = _URL.subn(lambda match: match[1] + line, text, count=1)
    if not found:
        changed = f"{text}\n[database]\n{line}\n"
    with suppress(tomllib.TOMLDecodeError):
        if tomllib.loads(changed).get("database", {}).get("url") == database_url:
            return changed
    raise ConfigError(f"In der gesicherten poststelle.toml ließ sich [database] url nicht auf {database_url} setzen.")


def _as_home(root: Path, toml: str) -> Home:
    """The installation these settings will make of `root`, before they lie there."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / TOML).write_text(toml, encoding="utf-8")
        return Home(root, load(Path(name)).settings)


def _database(home: Home, saved: Path) -> None:
    target = file_of(home.database_url)
    if (target is None) == (saved.name == SQLITE):
        raise ConfigError(f"Gesichert ist {saved.name}; das passt nicht zu [database] url. Nennen Sie --database-url.")
    if target is None:
        load_dump(home.database_url, saved)
    elif target.exists():
        raise Refused(f"{target} gibt es schon. Nennen Sie mit --database-url eine Datenbank, die es noch nicht gibt.")
    else:
        shutil.copyfile(saved, target)
    migrate(home.database_url)


def _speak(db: Database, home: Home) -> dict[str, set[str]]:
    with db.read() as conn:
        return {tenant.name: set(audit.referenced(conn, tenant.name)) for tenant in home.settings.tenant}


def _say_so(db: Database, home: Home, made: Manifest) -> None:
    """An entry in every chain: what follows is not what followed before."""
    with db.transaction() as tx:
        for tenant in home.settings.tenant:
            head = made.heads.get(tenant.name)
            record(tx, tenant.name, ACTOR, RESTORED, subjects={"backup": made.id},
                   new={"began_at": made.began_at, "head": list(head) if head else None})


class _Taker:
    """Takes bytes out of the pool; what is damaged or missing there becomes a sentence in `faults`, the rest comes."""

    def __init__(self, pool: Blobs, link: bool) -> None:
        self.pool, self.link = pool, link
        self.faults: list[str] = []

    def blobs(self, home: Home, blobs: Iterable[tuple[str, str, int]], spoken: Mapping[str, set[str]]) -> None:
        """The store of each tenant. What no row speaks of is made old, as what an interrupted run left."""
        known = {tenant.name for tenant in home.settings.tenant}

        def take(one: tuple[str, str, int]) -> None:
            tenant, sha256, _ = one
            if tenant not in known:
                self.faults.append(f"Der Mandant {tenant} steht nicht in poststelle.toml; {sha256} bleibt in der Sicherung.")
                return
            target = Blobs(home.blobs(tenant)).path(sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._take(sha256, target, 0o440) and sha256 not in spoken[tenant] and not self.link:
                os.utime(target, (0, 0))

        self._each(take, blobs)

    def files(self, root: Path, files: Iterable[Kept]) -> None:
        """Other files, at their place, with their time and mode."""
        def take(kept: Kept) -> None:
            path = PurePosixPath(kept.path)
            if path.is_absolute() or ".." in path.parts:
                self.faults.append(f"{kept.path} führt aus dem Ordner hinaus.")
                return
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            linked = self.link and path.parts[0] == AKTEN
            if self._take(kept.sha256, target, kept.mode, link=linked) and not linked:
                os.utime(target, ns=(kept.mtime_ns, kept.mtime_ns))

        self._each(take, files)

    def mirror(self, home: Home, db: Database, tenant: str, files: Iterable[Kept]) -> None:
        """The folders of the Akten, without what the database does not know of (filed after its moment)."""
        with db.read() as conn:
            live = {filing.key: dict(filing.receipts).get(MIRROR_STORE) for filing in audit.filed(conn, tenant)}
        folders: dict[str, list[Kept]] = defaultdict(list)
        for kept in files:
            folders[kept.path.rpartition("/")[0]].append(kept)
        for place, lying in sorted(folders.items()):
            index = next((kept for kept in lying if kept.path == f"{place}/{MIRROR_INDEX}"), None)
            gone, text = self._newer(index, place.removeprefix(f"{AKTEN}/{tenant}/"), live)
            if text is None and {kept.path for kept in lying} <= {index and index.path, *(f"{place}/{name}" for name in gone)}:
                continue  # the whole Akte is newer
            self.files(home.root, [kept for kept in lying if kept.path.rpartition("/")[2] not in gone
                                   and not (gone and kept is index)])
            if gone and text is not None:
                (home.root / place).mkdir(parents=True, exist_ok=True)
                (home.root / place / MIRROR_INDEX).write_text(text, encoding="utf-8")
                (home.root / place / MIRROR_INDEX).chmod(0o440)

    def _newer(self, index: Kept | None, place: str, live: Mapping[str, str | None]) -> tuple[set[str], str | None]:
        """(names of files the database does not know of, `akte.json` without them; None when nothing is left in it)."""
        if index is None:
            return set(), ""
        try:
            said = json.loads(self.pool.read(index.sha256))
            kept = [entry for entry in said["schriftstuecke"] if _belongs(entry, place, live)]
            before, after = _names(said["schriftstuecke"]), _names(kept)
        except (ServiceError, ValueError, KeyError, TypeError):
            return set(), ""  # spoilt: what there is of it comes back as it is, and `verify` names it
        text = json.dumps(said | {"schriftstuecke": kept}, ensure_ascii=True, indent=1) + "\n"
        return before - after, text if kept else None

    def _take(self, sha256: str, target: Path, mode: int, *, link: bool | None = None) -> bool:
        """Copy (or link) one object; False when it is not what its name says."""
        source = self.pool.path(sha256)
        if self.link if link is None else link:
            with suppress(OSError):
                os.link(source, target)
                return True
        digest = hashlib.sha256()
        try:
            with source.open("rb") as original, target.open("xb") as copy:
                while block := original.read(1 << 20):
                    digest.update(block)
                    copy.write(block)
                os.fchmod(copy.fileno(), mode)
        except FileNotFoundError:
            self.faults.append(f"{target.name}: In der Sicherung fehlt {sha256}.")
            return False
        if digest.hexdigest() != sha256:
            target.unlink()
            self.faults.append(f"{target.name}: In der Sicherung ist {sha256} beschädigt.")
            return False
        return True

    def _each(self, take: Callable[[Any], None], what: Iterable[Any]) -> None:
        with _full(), ThreadPoolExecutor(WRITERS) as threads:
            for _ in threads.map(take, what):
                pass


def _names(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    return {file["name"] for entry in entries for file in entry["dateien"]}


def _belongs(entry: Mapping[str, Any], place: str, live: Mapping[str, str | None]) -> bool:
    """Whether the database knows this document as filed, and (when it has a receipt) just here."""
    if entry["schluessel"] not in live:
        return False
    reference = live[entry["schluessel"]]
    return reference is None or reference == f"{place}/{entry['dateien'][0]['name']}"


@contextmanager
def _full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"Das Wiederherstellen ist gescheitert ({error.strerror}: {error.filename}). Prüfen Sie Platz und "
                          "Rechte, und beginnen Sie in einem neuen Ordner von vorn.") from error
