"""A plan as a message xdomea 0301: every version of the standard, what is left out, what is hostile."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from intake.aktenplan import read_plan
from intake.errors import ConfigError

STANDARDS = Path(__file__).resolve().parents[2] / "shared" / "standards"
UNIT = """<x:Einheit><x:Kennzeichen>{sign}</x:Kennzeichen><x:Inhaltsangabe>{long}</x:Inhaltsangabe>
<x:BetreffKurz>{short}</x:BetreffKurz><x:Aussonderungsart>{disposal}</x:Aussonderungsart>{valid}
<x:Stillgelegt>{closed}</x:Stillgelegt><x:Aufbewahrungsdauer>{years}</x:Aufbewahrungsdauer>{below}</x:Einheit>"""
CODE = '<x:Aussonderungsart listURI="u" listVersionID="1.0"><code>{}</code></x:Aussonderungsart>'
FOREVER = "<x:Unbefristet>1</x:Unbefristet>"


def unit(sign: str, short: str = "Titel", *, long: str = "", disposal: str = CODE.format("B"), valid: str = "",
         closed: str = "false", years: str = "<x:AnzahlJahre>10</x:AnzahlJahre>", below: str = "") -> str:
    return UNIT.format(sign=sign, short=short, long=long, disposal=disposal, valid=valid, closed=closed, years=years, below=below)


def message(tmp_path: Path, units: str, *, version: str = "urn:xoev-de:xdomea:schema:3.1.0", before: str = "",
            name: str = "Aktenplan.Aktenplan.0301") -> Path:
    path = tmp_path / "plan.xml"
    path.write_text(f"""<?xml version="1.0" encoding="UTF-8"?>{before}<x:{name} xmlns:x="{version}"><x:Kopf>
        <x:Erstellungszeitpunkt>2026-01-15T12:00:00Z</x:Erstellungszeitpunkt></x:Kopf><x:Aktenplan>
        <x:Bezeichnung>Plan</x:Bezeichnung><x:Version>1</x:Version>{units}</x:Aktenplan></x:{name}>""", encoding="utf-8")
    return path


@pytest.mark.parametrize("version", ["urn:xoev-de:xdomea:schema:3.1.0", "urn:xoev-de:xdomea:schema:4.0.0",
                                     "http://www.xdomea.de/V2.3.0"])
def test_units_become_entries(tmp_path: Path, version: str) -> None:
    path = message(tmp_path, unit("0001", "Allgemeines", below=unit(
        "0001 B10 000", "Bau", long="Alles um das Bauen", disposal=CODE.format("A"), years=FOREVER)) + unit("S 0100"),
        version=version)
    (top, build, other), report = read_plan(path)
    assert (build.notation, build.title, build.description, build.disposal, build.retention, build.parent) == (
        "0001 B10 000", "Bau", "Alles um das Bauen", "A", None, top.id)
    assert (top.retention, top.disposal, top.parent, other.notation) == (10, "B", None, "S 0100")
    assert not report.blocking and report.entries == 3


def test_what_is_shut_down_ends(tmp_path: Path) -> None:
    ended = "<x:Gueltigkeit><x:Beginn>2001-01-01</x:Beginn><x:Ende>2020-12-31</x:Ende></x:Gueltigkeit>"
    (one, other, still), _ = read_plan(message(
        tmp_path, unit("1", closed="1") + unit("2", valid=ended, closed="true") + unit("3", closed="0")))
    assert [str(entry.valid_to) for entry in (one, other, still)] == ["2026-01-15", "2020-12-31", "None"]
    assert str(other.valid_from) == "2001-01-01"


def test_the_report_names_what_is_wrong(tmp_path: Path) -> None:
    free = "<x:AussonderungsartKonfigurierbar>Kassation light</x:AussonderungsartKonfigurierbar>"
    entries, report = read_plan(message(
        tmp_path, unit("", below=unit("1", disposal=free)) + unit("2") + unit("2") + unit("3", years=FOREVER)))
    assert [entry.notation for entry in entries] == ["1", "2", "3"]
    assert sorted({finding.kind for finding in report.findings}) == ["duplicate", "value"] and report.blocking


@pytest.mark.parametrize(("before", "name", "said"), [
    ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "Aktenplan.Aktenplan.0301", "DTD"),
    ("", "Aktenplan.EmpfangBestaetigen.0302", "keine Nachricht"), ("<", "Aktenplan.Aktenplan.0301", "kein gültiges XML"),
])
def test_what_is_no_plan_is_refused(tmp_path: Path, before: str, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_plan(message(tmp_path, unit("1", "&a;" if "DOCTYPE" in before else "Titel"), before=before, name=name))


def test_depth_and_absence_are_refused(tmp_path: Path) -> None:
    nested = unit("1")
    for _ in range(400):
        nested = unit("1", below=nested)
    with pytest.raises(ConfigError):
        read_plan(message(tmp_path, nested))
    with pytest.raises(ConfigError, match="nicht lesen"):
        read_plan(tmp_path / "none.xml")


def test_ours_is_valid_by_the_schema_and_the_sample_is_read() -> None:
    if not STANDARDS.is_dir():
        pytest.skip(f"no standards in {STANDARDS}")
    (sample,) = STANDARDS.glob("xdomea-samples/selfmade-3.1.0/*Aktenplan.Aktenplan.0301.xml")
    schema = etree.XMLSchema(etree.parse(STANDARDS / "xdomea-3.1.0" / "xdomea-Nachrichten-AktenplanAustauschen.xsd"))
    assert schema.validate(etree.parse(sample))
    entries, report = read_plan(sample)
    assert [(entry.notation, entry.retention) for entry in entries] == [("6", 10), ("63", 30), ("632", None), ("632.6", None)]
    assert entries[3].parent == entries[2].id and report.findings == ()


def test_what_we_write_we_read_back_the_same(tmp_path: Path, standards: Path) -> None:
    from datetime import UTC, date, datetime

    from xdomea_help import faults

    from intake.aktenplan import in_order
    from intake.resources import resource
    from intake.vocabulary import AktenplanEntry
    from intake.xdomea_messages import Head, plan_message

    shipped, _ = read_plan(resource("config") / "aktenplan.csv")
    own = AktenplanEntry("ap-x", "ZZ", "Altes & <Neues>", ("eins", "zwei"), "Bauamt", None, "A", "Personal", date(2001, 1, 1),
                         date(2020, 12, 31), "Alles dazu", None)
    for entries in ((own,), (*shipped, own)):
        path = tmp_path / "plan.xml"
        path.write_bytes(plan_message(Head("775246c3-eef6-4799-9952-f389d045c9dc", datetime.now(UTC), "A", "B"), entries, "Plan"))
        assert faults(standards, path.read_bytes()) == []
        again, report = read_plan(path)
        assert not report.blocking and in_order(again) == in_order(entries)
