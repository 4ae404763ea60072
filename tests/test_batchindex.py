"""The XML index of a scan service: entries, what surrounds them, and everything hostile refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_backfile import BY, deliver, room  # noqa: F401  (the fixture)

from intake.backfile import taking
from intake.backfile.layout import names_of
from intake.backfile.xmlindex import xml_rows
from intake.box import Box
from intake.box.inside.batchindex import run
from intake.config import Backfile, BoxSettings
from intake.db import batches as lose
from intake.db import differences as abweichungen
from intake.errors import ConfigError, InputError, Reason
from intake.pipeline import Postroom

NESTED = """<?xml version="1.0" encoding="{0}"?>
<l:Lieferung xmlns:l="urn:dienst:1" nummer="7">
  <!-- gescannt im Mai -->
  <Akte az="A/1"><Kopf><Bauherr>Erika Müller</Bauherr></Kopf>
    <Dokument seiten="2"><Datei>A_1/eins.txt</Datei><Titel>Bauantrag  vom
      3.5.</Titel></Dokument>
    <Dokument><Datei>A_1/zwei.txt</Datei><Bauherr>Max Beispiel</Bauherr>
      <Anlage><Datei>A_1/anlage.txt</Datei></Anlage></Dokument>
  </Akte>
  <Akte az="A/2"><Dokument><Scan href="A_2/drei.txt"/></Dokument></Akte>
</l:Lieferung>"""


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with closing(Box(BoxSettings())) as made:
        yield made


def written(tmp_path: Path, text: str | bytes, name: str = "index.xml") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def profile(**columns: str) -> Backfile:
    return Backfile(name="bauakten", columns=columns)


def entries(tmp_path: Path, text: str | bytes, *files: str) -> list[dict[str, str]]:
    found = run({"files": list(files) or ["datei"]}, [written(tmp_path, text)], tmp_path)["entries"]
    return [dict(entry) for entry in found]


@pytest.mark.parametrize("code", ["UTF-8", "UTF-16", "ISO-8859-1"])
def test_an_entry_a_file_with_what_surrounds_it(box: Box, tmp_path: Path, code: str) -> None:
    path = written(tmp_path, NESTED.format(code).encode(code))
    rows = xml_rows(box, path, names_of(profile(**{"Scan@href": "file"})))
    assert [(number, row["file"], row.get("file_reference"), row.get("applicant"), row.get("pages")) for number, row in rows] == [
        (1, "A_1/eins.txt", "A/1", "Erika Müller", "2"), (2, "A_1/zwei.txt", "A/1", "Max Beispiel", None),
        (3, "A_1/anlage.txt", "A/1", "Max Beispiel", None), (4, "A_2/drei.txt", "A/2", None, None)]
    assert rows[0][1]["title"] == "Bauantrag vom 3.5."


def test_a_batch_is_made_of_it_and_differences_name_its_entries(box: Box, room: Postroom, tmp_path: Path) -> None:  # noqa: F811
    folder = deliver(tmp_path / "disk", A_1__eins="x", A_1__zwei="y", A_1__anlage="z", A_3__mehr="w")
    index = written(tmp_path, NESTED.format("UTF-8"))
    town = room.home.settings.tenant[0]
    said = town.backfile[0].model_copy(update={"columns": {"Scan@href": "file"}})
    with pytest.raises(ConfigError, match="nur im Lesekasten"):
        taking.new_batch(room.db, town, said, "los", folder, BY, index=index)
    batch, _ = taking.new_batch(room.db, town, said, "los", folder, BY, index=index, box=box)
    with room.db.read() as conn:
        items = {item.path: item for item in lose.items_of(conn, batch.id)}
        found = {(one.kind, one.subject): one.sentence for one in abweichungen.differences_of(conn, batch.id)}
    assert (items["A_1/eins.txt"].reference, items["A_1/eins.txt"].pages) == ("A/1", 2)
    assert ("title", "Bauantrag vom 3.5.", "index:index.xml Eintrag 1") in items["A_1/eins.txt"].fields
    assert set(found) == {("index", "A_2/drei.txt"), ("unlisted", "A_3/mehr.txt")}
    assert found["index", "A_2/drei.txt"].startswith("Eintrag 4 des Verzeichnisses nennt")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><Datei>&b;</Datei></x>'
STEAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x><Datei>&a;</Datei></x>'


@pytest.mark.parametrize(("text", "reason", "said"), [
    (BOMB, Reason.DAMAGED, "Dokumenttyp"), (STEAL, Reason.DAMAGED, "Dokumenttyp"),
    (BOMB.encode("utf-16"), Reason.DAMAGED, "Dokumenttyp"),
    ("<x><Datei>a.pdf</x>", Reason.DAMAGED, "keine gültige XML-Datei"), (b"%PDF-1.7", Reason.DAMAGED, "keine gültige XML-Datei"),
    ("<x>" + "<y a='1'>" * 60 + "<Datei>a</Datei>" + "</y>" * 60 + "</x>", None, ""),
    ("<x>" + "<y a='1'>" * 900 + "</y>" * 900 + "</x>", Reason.DAMAGED, "keine gültige XML-Datei"),
    ("<x><Datei>" + "</Datei></x>", Reason.WRONG_TYPE, "columns"), ("<x><Blatt>7</Blatt></x>", Reason.WRONG_TYPE, "columns"),
    ("", Reason.EMPTY, "lässt sich nicht lesen")])
def test_broken_and_hostile_ones_are_refused_with_a_sentence(
        box: Box, tmp_path: Path, text: str | bytes, reason: Reason | None, said: str) -> None:
    path = written(tmp_path, text)
    if reason is None:
        assert len(xml_rows(box, path, names_of(profile()))) == 1
        return
    with pytest.raises(InputError) as caught:
        box.batch_index(path, ["datei"], tmp_path)
    assert caught.value.reason is reason
    with pytest.raises(ConfigError, match=said) as told:
        xml_rows(box, path, names_of(profile()))
    assert str(told.value).startswith("index.xml") or "In index.xml" in str(told.value)
    assert "root:" not in str(told.value)


def test_too_large_and_too_many_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from intake.box.inside import batchindex

    monkeypatch.setattr(batchindex, "MAX_ENTRIES", 3)
    with pytest.raises(InputError) as caught:
        entries(tmp_path, "<x>" + "<d><Datei>a</Datei></d>" * 4 + "</x>")
    assert caught.value.reason is Reason.DAMAGED
    monkeypatch.setattr(batchindex, "MAX_BYTES", 10)
    with pytest.raises(InputError) as caught:
        entries(tmp_path, "<x><Datei>a</Datei></x>")
    assert caught.value.reason is Reason.TOO_LARGE


def test_values_are_one_line_short_and_the_first_of_a_name(tmp_path: Path) -> None:
    (found,) = entries(tmp_path, f"<x><d Datei='a&#9;b'><t>{'ä' * 900}</t><t>zwei</t><leer/></d></x>")
    assert found["Datei"] == "a b" and found["t"] == "ä" * 500 and "leer" not in found


@given(st.binary(max_size=300) | st.text("<>/x Datei='a&;!", max_size=200).map(str.encode))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_entries_or_refused(tmp_path: Path, data: bytes) -> None:
    try:
        assert all(found for found in entries(tmp_path, data))
    except InputError as error:
        assert error.reason in (Reason.DAMAGED, Reason.WRONG_TYPE)
