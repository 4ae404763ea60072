"""What each Mandant has, for whoever administers it; and the settings of a new one, checked before anybody types them off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import ValidationError
from sqlalchemy import Connection

from intake.config import Backfile, OfficeMail, ScanProfile, Settings, Tenant, render_tenant
from intake.db.incoming import offices_of
from intake.db.knowledge import file_count, imported_at, register_size
from intake.db.lessons import uses
from intake.db.plan import newest_version, open_entries
from intake.db.users import people_of
from intake.errors import Refused
from intake.registers import REGISTERS
from intake.versions import FILING


@dataclass(frozen=True, slots=True)
class Register:
    """A register of a town: rows, when it was imported last (None = never), whether that is too long ago."""

    name: str
    rows: int
    at: datetime | None
    old: bool


@dataclass(frozen=True, slots=True)
class Having:
    """What a town has. `plan`: open entries and the highest version among them; `model`: the version in use ("" = none)."""

    tenant: Tenant
    offices: tuple[str, ...]
    plan: tuple[int, int]
    registers: tuple[Register, ...]
    people: int
    model: str

    @property
    def lacking(self) -> tuple[str, ...]:
        """What is missing, as sentences that say what to do."""
        found = []
        if not self.plan[0]:
            found.append("Es gibt keinen Aktenplan. Lesen Sie einen ein (Aktenplan und Register).")
        if not self.tenant.inboxes:
            found.append("Es kommt nichts herein: Ergänzen Sie in poststelle.toml ein Scanprofil ([[tenant.profile]]).")
        if not any(one.rows for one in self.registers):
            found.append("Es sind keine Register eingelesen; Akten, Straßen und Gemarkungen sind unbekannt.")
        old = [one.name for one in self.registers if one.old]
        if old:
            found.append(f"Älter als {self.tenant.register_max_days} Tage: {', '.join(old)}. Lesen Sie neue Dateien ein.")
        addresses = self.tenant.office_mail.addresses
        silent = [office for office in self.offices if office not in addresses]
        if addresses and silent:
            found.append(f"Ohne Adresse für die tägliche Mail: {', '.join(silent)}.")
        return tuple(found)


def having(conn: Connection, tenant: Tenant, names: Mapping[str, str], now: datetime) -> Having:
    """What a town has at this moment; `names` are the German names of its registers."""
    known, used = imported_at(conn, tenant.name), uses(conn, tenant.name, FILING)
    sizes = {"files": file_count(conn, tenant.name)} | {name: register_size(conn, tenant.name, name) for name in REGISTERS}
    registers = tuple(Register(names.get(name, name), rows, known.get(name), _old(tenant, known.get(name), now))
                      for name, rows in sizes.items())
    return Having(tenant, offices_of(conn, tenant.name), _plan(conn, tenant.name, now.astimezone().date()), registers,
                  len(people_of(conn, tenant.name)), used[0].version if used else "")


def _plan(conn: Connection, tenant: str, today: date) -> tuple[int, int]:
    return len(open_entries(conn, tenant, today)), newest_version(conn, tenant)


def _old(tenant: Tenant, at: datetime | None, now: datetime) -> bool:
    return at is not None and bool(tenant.register_max_days) and (now - at).days > tenant.register_max_days


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a new town; `offices` are lines "Bauamt BA bauamt@amt.example", sign and address may be left out."""

    name: str
    title: str = ""
    doors: str = "scanner"
    offices: str = ""
    scan_procedure: str = ""


def planned(settings: Settings, wish: Wish) -> str:
    """The part of poststelle.toml for a new town, complete and described. Raises Refused for what the settings would refuse."""
    signs, addresses = _offices(wish.offices)
    doors = [door for door in wish.doors.replace(",", " ").split() if door]
    try:
        made = Tenant(
            name=wish.name.strip(), title=" ".join(wish.title.split()), unit_signs=signs,
            scan_procedure=wish.scan_procedure.strip(),
            profile=tuple(ScanProfile(name=f"{wish.name.strip()}-{door}") for door in doors),
            backfile=(Backfile(name=f"{wish.name.strip()}-bauakten"),), office_mail=OfficeMail(addresses=addresses))
        Settings(**{**settings.model_dump(), "tenant": [one.model_dump() for one in (*settings.tenant, made)]})
    except ValidationError as error:
        raise Refused("\n".join(_fault(item) for item in error.errors())) from error
    return render_tenant(made)


def _fault(item: Mapping[str, object]) -> str:
    where = item["loc"]
    field = str(where[0]) if isinstance(where, tuple) and where else ""
    if field == "name" and item["type"] == "string_pattern_mismatch":
        return "Kurznamen (auch der Scanprofile) bestehen aus kleinen Buchstaben ohne Umlaut, Ziffern und Bindestrichen."
    said = str(item["msg"]).removeprefix("Value error, ")
    return f"{said[:1].upper()}{said[1:]}."


def _offices(lines: str) -> tuple[dict[str, str], dict[str, str]]:
    """Signs and addresses by office."""
    signs: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for line in lines.splitlines():
        words = line.split()
        address = words.pop() if words and "@" in words[-1] else ""
        sign = words.pop() if len(words) > 1 and words[-1].isupper() and len(words[-1]) <= 4 else ""
        office = " ".join(words)
        if not office:
            continue
        signs |= {office: sign} if sign else {}
        addresses |= {office: address} if address else {}
    return signs, addresses
