"""Build everything from the configuration: the only place that names plug-ins."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from intake import filing
from intake.backfile.rescans import LIST as RESCAN_LIST
from intake.blobs import Blobs
from intake.box import Box
from intake.config import Backfile, HandOver, Home, Mailbox, ScanProfile, Tenant
from intake.db.akten import register_rows, registers
from intake.db.core import Database, utcnow
from intake.db.knowledge import (
    Akten,
    Stamp,
    file_count,
    files_after,
    files_stamp,
    import_count,
    plan_stamp,
    titles_by_entry,
)
from intake.db.lessons import lessons_stamp
from intake.db.plan import open_entries, with_classes
from intake.errors import ConfigError
from intake.extract.beside import Beside
from intake.extract.letter import AccessWords
from intake.extract.papers import with_papers
from intake.extract.references import References, compiled
from intake.extract.sheet import Sheets
from intake.extract.standard import as_fields, extract, standard
from intake.extract.urgent import UrgentWords
from intake.extract.vorgang import outline
from intake.learning import Learnt, Tools, refresh
from intake.pipeline import SCRATCH, Postroom
from intake.propose import Knowledge
from intake.protocols import Boundary, Extractor, Store, Target
from intake.receive import Door
from intake.receive_mail import MailDoor
from intake.registers import REGISTERS
from intake.resolve.akte import Resolver
from intake.resolve.index import Index
from intake.resources import resource
from intake.sources.dnskeys import DnsKeys
from intake.sources.folder import FolderSource
from intake.sources.groups import Beside as BesideFiles
from intake.sources.imap import Account
from intake.sources.imap import Mailbox as ImapMailbox
from intake.sources.secrets import client_credentials, from_file
from intake.sources.smtp import Smtp
from intake.stores.efile import EFile
from intake.stores.handover import STATE, HotFolder
from intake.stores.post import Post
from intake.stores.xdomea import Xdomea
from intake.unpack import trust_anchors
from intake.versions import FILING
from intake.vocabulary import NOTE_TYPE, AktenplanEntry, Answer, Material, Page, RegisterEntry

PLAN_RANKER, KINDS = "classifiers.plan:PlanRanker", "classifiers.kinds:kinds"
BOUNDARIES, BOUNDARY = "classifiers.boundary:load", "boundary"
FILER, EXAMPLE, MODEL, TRAIN = ("classifiers.filer:Filer", "classifiers.filer:example_of", "classifiers.linear:Model",
                                "classifiers.linear:train")
LOAD, SAVE = "classifiers.artefacts:load", "classifiers.artefacts:save"
"""Classifiers are found by their dotted names: `intake` does not import `classifiers`."""


def build(home: Home) -> Postroom:
    """Everything a step needs; opens the database but starts nothing. Raises ConfigError."""
    db = Database(home.database_url)
    library = _Library(home, db)
    library.room = _with_targets(Postroom(
        home=home, db=db, box=Box(home.settings.box, scratch=home.root / SCRATCH),
        blobs=cache(lambda tenant: Blobs(home.blobs(tenant))),
        knowledge=library.knowledge, access_class=library.access_class,
        stores=cache(lambda tenant: _stores(home, home.settings.for_tenant(tenant))),
        boundary=cache(lambda tenant: boundary(home.models(tenant))), send=sending(home), outline=outline, papers=with_papers,
        anchors=trust_anchors(Path(home.settings.mail.trust_folder)) if home.settings.mail.trust_folder else "",
        dkim_keys=DnsKeys().texts if home.settings.mail.dkim else None))
    return library.room


def _with_targets(room: Postroom) -> Postroom:
    """The same room with the systems to which filings are handed over; their answers are read in its box."""
    def answer(path: Path) -> Answer | None:
        scratch = room.home.root / SCRATCH
        scratch.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            return room.box.answer(path, Path(folder))

    return replace(room, targets=cache(lambda tenant: tuple(
        _target(room.home, room.home.settings.for_tenant(tenant), said, answer)
        for said in room.home.settings.for_tenant(tenant).handover)))


def _target(home: Home, tenant: Tenant, said: HandOver, answer: Callable[[Path], Answer | None]) -> Target:
    """One of them. Answers come into their folder; one that is sent to may also answer at once."""
    waits = said.answers == "wait"
    answers = Path(said.answers_folder or said.folder) if waits and (said.answers_folder or said.folder) else None
    if said.kind == "folder":
        return HotFolder(said.name, Path(said.folder), answers, answer, said.sidecar, NOTE_TYPE)
    folder = Path(said.folder) if said.folder else None
    secret = from_file(home.handover_secret_file(said)) if said.user else None
    way = None if folder else Post(said.url, said.user, secret, said.headers, said.ca_file)
    sender = tenant.title or tenant.name
    return Xdomea(said.name, folder / STATE if folder else home.handovers(tenant.name) / said.name, sender,
                  said.receiver or sender, answer, folder, way, answers, said.message, NOTE_TYPE)


def boundary(own: Path | None) -> Boundary:
    """The learned boundary: the newest below `own` (a tenant's models), else the shipped one. Raises ConfigError for none."""
    folder = (newest_model(own / BOUNDARY) if own else None) or newest_model(resource("models") / BOUNDARY)
    if folder is None:
        raise ConfigError("Stapel sollen ohne Trennblätter geschnitten werden, aber das Modell dafür (models/boundary) fehlt. "
                          "Installieren Sie poststelle neu, oder setzen Sie boundaries = \"off\".")
    return boundary_in(folder)


def boundary_in(folder: Path) -> Boundary:
    """The learned boundary in this folder of one version; raises ConfigError when it is incomplete or was changed."""
    model: Boundary = _named(BOUNDARIES)(folder)
    return model


def newest_model(folder: Path) -> Path | None:
    """The folder of the highest version below `folder` that has a card; None when there is none."""
    versions = [path for path in folder.glob("[0-9]*") if path.name.isdecimal() and (path / "card.toml").is_file()]
    return max(versions, key=lambda path: int(path.name), default=None)


def learning_tools() -> Tools:
    """What learning needs of the classifiers."""
    return Tools(train=_named(TRAIN), restore=_named(MODEL).from_artefact, example=_named(EXAMPLE), load=_named(LOAD),
                 save=_named(SAVE))


def doors(home: Home) -> tuple[Door | MailDoor, ...]:
    """The watched folders and the mailboxes of all tenants."""
    folders = tuple(
        Door(tenant, profile, FolderSource(
            profile.name, home.folder(profile), settle_seconds=profile.settle_seconds,
            alarm_seconds=profile.alarm_minutes * 60.0, watch=profile.watch, packages=profile.packages,
            beside=BesideFiles(profile.sidecar_index, profile.sidecar_marker) if profile.sidecar == "auto" else None))
        for tenant in home.settings.tenant for profile in tenant.profile)
    rescans = tuple(_rescans(home, tenant, profile) for tenant in home.settings.tenant for profile in tenant.backfile
                    if profile.rescan_folder or home.rescans(profile).is_dir())
    mailboxes = tuple(MailDoor(tenant, mailbox, _mailbox(home, mailbox))
                      for tenant in home.settings.tenant for mailbox in tenant.mailbox)
    return (*folders, *rescans, *mailboxes)


def _rescans(home: Home, tenant: Tenant, profile: Backfile) -> Door:
    """The folder of rescans of a profile of old files."""
    folder = home.rescans(profile)
    door = ScanProfile(name=profile.name, folder=str(folder), lane=profile.lane, access_class=profile.access_class)
    return Door(tenant, door, FolderSource(profile.name, folder, settle_seconds=door.settle_seconds,
                                           beside=BesideFiles(RESCAN_LIST, alone=True)))


def _mailbox(home: Home, mailbox: Mailbox) -> ImapMailbox:
    secret = from_file(home.secret_file(mailbox))
    if mailbox.token_url:
        secret = client_credentials(mailbox.token_url, mailbox.client_id, secret, mailbox.scope)
    account = Account(mailbox.host, mailbox.port, mailbox.user, secret, mailbox.login, mailbox.tls, mailbox.ca_file)
    return ImapMailbox(account, mailbox.folder, mailbox.done_folder, mailbox.poll_seconds)


def sending(home: Home) -> Callable[[EmailMessage, str], None] | None:
    """How mails are sent; None where no server is named."""
    server = smtp(home)
    return server.send if server else None


def smtp(home: Home) -> Smtp | None:
    """The server that takes our mail; None where none is named."""
    said = home.settings.smtp
    if not said.host:
        return None
    return Smtp(said.host, said.port, said.tls, said.ca_file, said.user, from_file(home.smtp_secret_file))


def _stores(home: Home, tenant: Tenant) -> tuple[Store, ...]:
    made: dict[str, Callable[[], Store]] = {"efile": lambda: EFile(home.akten(tenant.name))}
    return tuple(made[name]() for name in tenant.stores)


@dataclass(slots=True)
class _Library:
    """What each tenant knows, loaded when it changed; ranking a plan is prepared once per version of the plan."""

    home: Home
    db: Database
    _loaded: dict[str, tuple[Stamp, Stamp, Knowledge]] = field(default_factory=dict)
    _indexes: dict[str, tuple[int, Index]] = field(default_factory=dict)
    _taught: dict[str, tuple[Stamp, Knowledge, Knowledge]] = field(default_factory=dict)
    _learnt: dict[str, Learnt | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    room: Postroom | None = None

    def knowledge(self, tenant: str) -> Knowledge:
        """What `propose` is given: what the town has, and what its clerks decided until now."""
        with self._lock:
            known = self._known(tenant)
            with self.db.read() as conn:
                decided = lessons_stamp(conn, tenant)
            old = self._taught.get(tenant)
            if old is None or old[0] != decided or old[1] is not known:
                self._taught[tenant] = decided, known, self._with_lessons(tenant, known, decided)
            return self._taught[tenant][2]

    def _with_lessons(self, tenant: str, known: Knowledge, decided: Stamp) -> Knowledge:
        if self.room is None or not any(row[0] for row in decided):  # nothing decided, no model used
            return known
        learnt = self._learnt[tenant] = refresh(self.room, learning_tools(), tenant, self._learnt.get(tenant))
        if learnt is None:
            return known
        by = f"model:{FILING}@{learnt.version or 0}" + (f"+{len(learnt.since)}" if learnt.since else "")
        return replace(known, rank=_named(FILER)(known.rank, learnt.model, by=by, allowed=frozenset(known.entries)))

    def _known(self, tenant: str) -> Knowledge:
        """Akten opened since are added, the ranking is rebuilt only for a new plan."""
        settings = self.home.settings.for_tenant(tenant)
        with self.db.read() as conn:
            plan, known = plan_stamp(conn, tenant), files_stamp(conn, tenant)
            old = self._loaded.get(tenant)
            if old is not None and old[:2] == (plan, known):
                return old[2]
            files, index = Akten(self.db, tenant), self._index_of(conn, tenant)
            extractors = partial(_extractors, settings, index, rows=registers(conn, tenant, REGISTERS))
            if old is not None and old[0] == plan:
                knowledge = replace(old[2], files=files, resolve=Resolver(index, files.by_ids),
                                    extractors=extractors(old[2].entries))
            else:
                entries = with_classes(conn, tenant, open_entries(conn, tenant, utcnow().astimezone().date()))
                by_id = {entry.id: entry for entry in entries}
                gemarkungen = register_rows(conn, tenant, "gemarkungen")
                places = [settings.title, *(row.values.get("name", "") for row in gemarkungen)]
                knowledge = Knowledge(
                    entries=by_id, files=files, extractors=extractors(by_id),
                    rank=_named(PLAN_RANKER)(entries, titles_by_entry(conn, tenant), places), judges=(_named(KINDS),),
                    resolve=Resolver(index, files.by_ids), preview=partial(filing.preview, settings))
            self._loaded[tenant] = (plan, known, knowledge)
            return knowledge

    def _index_of(self, conn: Connection, tenant: str) -> Index:
        """The keys of all Akten: extended by those added since, built anew when an import changed some that were there."""
        imports, (known, index) = import_count(conn, tenant), self._indexes.get(tenant, (-1, Index()))
        if known == imports:
            fresh = index.extended(files_after(conn, tenant, index.last))
            if len(fresh) == file_count(conn, tenant):
                self._indexes[tenant] = imports, fresh
                return fresh
        self._indexes[tenant] = imports, Index().extended(files_after(conn, tenant))
        return self._indexes[tenant][1]

    def access_class(self, tenant: str, pages: tuple[Page, ...]) -> str | None:
        """The class that words in the address field ask for; None when the profile's class stays."""
        return _access_words(self.home.settings.for_tenant(tenant))(pages)


def fields_in(material: Material) -> list[dict[str, Any]]:
    """What the extractors find without any town's registers, as fields for others (see `as_fields`)."""
    return as_fields(extract(material, standard()))


def fields_of_town(db: Database, tenant: Tenant, material: Material) -> list[dict[str, Any]]:
    """What the extractors find with the registers, Akten, patterns and plan of a tenant, as fields for others."""
    with db.read() as conn:
        entries = {entry.id: entry for entry in open_entries(conn, tenant.name, utcnow().astimezone().date())}
        known = registers(conn, tenant.name, REGISTERS)
    return as_fields(extract(material, _extractors(tenant, Akten(db, tenant.name), entries, rows=known)))


def _extractors(tenant: Tenant, known: Container[str], entries: Mapping[str, AktenplanEntry], *,
                rows: Mapping[str, Sequence[RegisterEntry]]) -> tuple[Extractor, ...]:
    def names(register: str) -> list[str]:
        return [row.values.get("name", "") for row in rows[register]]

    references = References(compiled(tenant.reference_patterns), known)
    usual = standard({row.values.get("name", ""): row.key for row in rows["gemarkungen"]},
                     {row.values.get("name", ""): row.key for row in rows["strassen"]},
                     [*names("personen"), *names("kreditoren")])
    return (references, *usual, AccessWords(tenant.access_words), UrgentWords(tenant.office_mail.urgent_words),
            Sheets(entries.values()), Beside(known, entries.values()))


def _access_words(tenant: Tenant) -> Callable[[tuple[Page, ...]], str | None]:
    def raised(pages: tuple[Page, ...]) -> str | None:
        return next((found.value for found in AccessWords(tenant.access_words)(Material(pages))), None)

    return raised


def _named(dotted: str) -> Any:
    module, name = dotted.split(":")
    return getattr(import_module(module), name)
