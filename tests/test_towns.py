"""What a town has and lacks, and the settings of a new one: what is shown can be put into the file and is then valid."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.config import Settings, Tenant, load, render
from intake.db.core import Database, utcnow
from intake.errors import Refused
from intake.inboxes import ScanProfile
from intake.outlets import OfficeMail
from intake.receive_registers import NAMES
from intake.towns import Wish, having, planned
from tests.web_help import TOWN, web_site

HERE = Settings(tenant=(Tenant(name=TOWN, profile=(ScanProfile(name="scanner"),)),))
OFFICES = "Bauamt BA bauamt@amt.example\nAmt für Schule und Kita  schule@amt.example\n\nOrdnungsamt OA"


def test_what_is_shown_is_what_the_file_needs(tmp_path: Path) -> None:
    text = planned(HERE, Wish("neudorf", " Gemeinde  Neudorf ", "rathaus, bauhof", OFFICES, "VD Scannen 1.0"))
    (tmp_path / "poststelle.toml").write_text(render(HERE) + "\n" + text, encoding="utf-8")
    made = load(tmp_path).settings.for_tenant("neudorf")
    assert made.title == "Gemeinde Neudorf" and [one.name for one in made.profile] == ["neudorf-rathaus", "neudorf-bauhof"]
    assert made.unit_signs == {"Bauamt": "BA", "Ordnungsamt": "OA"} and made.scan_procedure == "VD Scannen 1.0"
    assert made.office_mail.addresses == {"Bauamt": "bauamt@amt.example", "Amt für Schule und Kita": "schule@amt.example"}


@pytest.mark.parametrize(("wish", "said"), [
    (Wish("Neu Dorf"), "kleinen Buchstaben"), (Wish(TOWN), "doppelt"), (Wish("neudorf", doors="a a"), "doppelt"),
    (Wish("neudorf", doors="Ä"), "kleinen Buchstaben"), (Wish("neudorf", offices="Bauamt @"), "E-Mail-Adresse"),
    (Wish(""), "Buchstaben")])
def test_what_the_settings_would_refuse_is_refused_before(wish: Wish, said: str) -> None:
    with pytest.raises(Refused, match=said):
        planned(HERE, wish)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_whatever_is_typed_is_valid_toml_or_refused(title: str, offices: str, doors: str) -> None:
    try:
        text = planned(HERE, Wish("neudorf", title, doors, offices))
    except Refused:
        return
    assert tomllib.loads(text)["tenant"][0]["name"] == "neudorf"


def test_what_a_town_has_and_lacks(tmp_path: Path, sqlite_database: Database) -> None:
    site = web_site(tmp_path / "home")
    told = site.home.settings.tenant[0].model_copy(update={"office_mail": OfficeMail(addresses={"Bauamt": "b@a.example"})})
    with site.db.read() as conn:
        found, later = having(conn, told, NAMES, utcnow()), having(conn, told, NAMES, utcnow() + timedelta(days=200))
    site.db.close()
    assert found.plan[0] > 100 and found.plan[1] == 1 and "Bauamt" in found.offices and found.people == 7 and found.model == ""
    assert {one.name for one in found.registers if one.rows} >= {"Akten", "Gemarkungen", "Straßen"}
    assert [one for one in found.lacking if "Ordnungsamt" in one and "Bauamt" not in one]
    assert not any("90 Tage" in one for one in found.lacking) and any("90 Tage" in one for one in later.lacking)
    with sqlite_database.read() as conn:
        nothing = having(conn, Tenant(name="neudorf"), NAMES, utcnow())
    assert [one.split(".")[0][:20] for one in nothing.lacking] == [
        "Es gibt keinen Akten", "Es kommt nichts here", "Es sind keine Regist"]
