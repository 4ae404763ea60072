"""Versions of the model on the disk and in use: listed in order, used and taken back with journal; a spoilt card is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.config import Home, Settings, Tenant
from intake.db.core import Database
from intake.db.lessons import uses
from intake.errors import ConfigError, Refused
from intake.journal import entries
from intake.versions import FILING, card, folder, put_in_use, roll_back, versions

TOWN = "mittelau"


def put_card(home: Home, version: str, right: int = 18, recent: int = 20) -> Path:
    """A version as training leaves it, without its arrays."""
    place = home.models(TOWN) / FILING / version
    place.mkdir(parents=True)
    (place / "card.toml").write_text(
        f'name = "filing"\nversion = "{version}"\ntrained_at = 2026-11-0{min(int(version), 9)}T08:00:00Z\n'
        '[data]\ndecisions = 120\nentries = 14\nuntil = ["2026-11-01T00:00:00.000000Z", "X"]\n'
        f"[measures]\nrecent_decisions = {recent}\nright = {right}\nright_of_the_used = 17\n", encoding="utf-8")
    return place


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, Settings(tenant=(Tenant(name=TOWN),)))


def test_versions_are_listed_in_order_with_their_cards(home: Home) -> None:
    for version in ("2", "10", "1"):
        put_card(home, version)
    (home.models(TOWN) / FILING / "halb").mkdir()
    assert versions(home, TOWN) == ["1", "2", "10"] and versions(home, "nachbar") == []
    found = card(home, TOWN, "10")
    assert (found.decisions, found.entries, found.recent, found.right, found.right_before) == (120, 14, 20, 18, 17)
    for wrong in ("3", "halb", "../1", ""):
        with pytest.raises(Refused, match="gibt es nicht"):
            folder(home, TOWN, wrong)


@pytest.mark.parametrize("spoilt", [
    "kein TOML [", 'name = "filing"\n', "[data]\ndecisions = 1\nentries = 1\n[measures]\nright = 1\n"])
def test_a_spoilt_card_is_said(home: Home, spoilt: str) -> None:
    (put_card(home, "1") / "card.toml").write_text(spoilt, encoding="utf-8")
    with pytest.raises(ConfigError, match="unlesbar"):
        card(home, TOWN, "1")


def test_use_and_back(database: Database) -> None:
    with database.transaction() as tx, pytest.raises(Refused, match="noch keine"):
        roll_back(tx, TOWN, "clerk:a")
    for version in ("1", "2"):
        with database.transaction() as tx:
            put_in_use(tx, TOWN, version, "clerk:a", "von Hand gewählt")
    with database.transaction() as tx:
        assert roll_back(tx, TOWN, "clerk:b") == "1"
    with database.transaction() as tx:
        assert roll_back(tx, TOWN, "clerk:b") == "2"  # and back again: the newest that is another
    with database.read() as conn:
        assert [one.version for one in uses(conn, TOWN, FILING)] == ["2", "1", "2", "1"]
        assert [one.action for one in entries(conn, TOWN)] == ["model.used"] * 4
        assert uses(conn, "nachbar", FILING) == ()
