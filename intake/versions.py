"""The versions of a tenant's model as they lie on the disk, and which of them is used; nothing is loaded or learnt here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from intake.config import Home
from intake.db.core import Tx
from intake.db.lessons import use_model, uses
from intake.errors import ConfigError, Refused
from intake.journal import record

FILING = "filing"


@dataclass(frozen=True, slots=True)
class Card:
    """What a version says of itself. `right` and `right_before`: of the `recent` newest decisions then, how many it and the
    version used until then had right, each asked before it knew them (0 of 0: too few to compare)."""

    version: str
    trained_at: str
    decisions: int
    entries: int
    recent: int
    right: int
    right_before: int


def folder(home: Home, tenant: str, version: str) -> Path:
    """Where a version of the tenant's own lies; raises Refused when it is not there."""
    found = home.models(tenant) / FILING / version
    if not version.isdecimal() or not (found / "card.toml").is_file():
        raise Refused(f"Die Fassung „{version}“ gibt es nicht. Vorhandene zeigt: poststelle model show")
    return found


def versions(home: Home, tenant: str) -> list[str]:
    """The tenant's versions, the oldest first."""
    found = (path.parent.name for path in (home.models(tenant) / FILING).glob("*/card.toml"))
    return sorted((name for name in found if name.isdecimal()), key=int)


def card(home: Home, tenant: str, version: str) -> Card:
    """The card of a version as it stands there; raises Refused for none, ConfigError for one that cannot be read.

    Whether the bytes beside it are those of the card is looked at when it is loaded, and by `poststelle check`.
    """
    path = folder(home, tenant, version) / "card.toml"
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        data, measures = said["data"], said["measures"]
        return Card(version, str(said["trained_at"]), int(data["decisions"]), int(data["entries"]),
                    int(measures["recent_decisions"]), int(measures["right"]), int(measures["right_of_the_used"]))
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} ist unlesbar ({error}). Löschen Sie den Ordner {path.parent}.") from error


def put_in_use(tx: Tx, tenant: str, version: str, by: str, why: str) -> None:
    """Use a version ("" = the plan's own words alone) from now on; with journal."""
    use_model(tx, tenant, FILING, version, by, why)
    record(tx, tenant, by, "model.used", subjects={"model": f"{FILING}/{version or '-'}"}, new={"why": why})


def roll_back(tx: Tx, tenant: str, by: str) -> str:
    """Back to the version that was used before the present one; which it is ("" = none). Raises Refused when there is no way."""
    history = uses(tx.connection, tenant, FILING)
    if not history:
        raise Refused("Es wurde noch keine Fassung benutzt; es gibt nichts zurückzunehmen.")
    before = next((one.version for one in history if one.version != history[0].version), "")
    put_in_use(tx, tenant, before, by, f"statt {history[0].version or 'keiner'}")
    return before
