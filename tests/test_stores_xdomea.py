"""xdomea to another system: every message is valid, every file it names lies in the package, whoever answers is understood."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from dms_help import Dms, listening, unasked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from xdomea_help import faults

from intake.box import Box
from intake.config import BoxSettings
from intake.errors import Awaiting, InputError, Refused
from intake.stores.post import Post
from intake.stores.xdomea import Xdomea
from intake.vocabulary import NOTE_TYPE, Answer, Filing
from intake.xdomea import papers, ulid_of, uuid_of
from intake.xdomea_messages import Head, file_document, plan_message, transfer_document
from tests.contracts.test_store import CASE, FILE, Bytes, a_filing

CONFIRM = """<?xml version='1.0' encoding='UTF-8'?>
<xdomea:FVDaten.ImportBestaetigen.0630 xmlns:xdomea="urn:xoev-de:xdomea:schema:3.1.0">
  <xdomea:ErfolgOderMisserfolg><xdomea:Rueckmeldung>{said}</xdomea:Rueckmeldung>
    <xdomea:Rueckgabeparameter><xdomea:IDSGO>0fb2a8a6-7b2f-4f6e-9a40-0f6e4b1f7a11</xdomea:IDSGO><xdomea:Parameter>
      <xdomea:AllgemeinerRueckgabeparameter><xdomea:Name>n</xdomea:Name></xdomea:AllgemeinerRueckgabeparameter>
    </xdomea:Parameter></xdomea:Rueckgabeparameter></xdomea:ErfolgOderMisserfolg>
</xdomea:FVDaten.ImportBestaetigen.0630>"""
GOOD = CONFIRM.format(said="<xdomea:AllgemeineRueckmeldung><code>0000000</code></xdomea:AllgemeineRueckmeldung>")
BAD = CONFIRM.format(said="<xdomea:SonstigeFehlermeldung>Ablageort unbekannt.</xdomea:SonstigeFehlermeldung>")
REFERENCE = "0fb2a8a6-7b2f-4f6e-9a40-0f6e4b1f7a11"


@pytest.fixture
def blobs() -> Bytes:
    return Bytes()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return Box(BoxSettings(), scratch=tmp_path_factory.mktemp("box"))


def target(folder: Path, **changes: object) -> Xdomea:
    return replace(Xdomea("dms", folder / ".poststelle", "Amt Mittelau", "DMS", unasked, folder=folder), **changes)


def contents(package: Path) -> tuple[bytes, dict[str, bytes]]:
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return files.pop(f"{package.stem}.xml"), files


def check_package(standards: Path, package: Path) -> str:
    """The message is valid, what it names lies beside it with its hash, nothing else does; its kind."""
    message, files = contents(package)
    assert faults(standards, message) == []
    tree = etree.fromstring(message)
    told = {group.find("{*}Beschreibung").text: {field.find("{*}Name").text: field.find("{*}Wert").text
                                                 for field in group.findall("{*}Feld")}
            for group in tree.iter("{*}Feldgruppe")}
    named = [one.text for one in tree.iter("{*}Dateiname")]
    assert sorted(named) == sorted(told)
    kind = etree.QName(tree).localname.rsplit(".", 1)[-1]
    assert sorted(files) == (sorted(named) if kind in ("0605", "0401") else [])
    for name, data in files.items():
        assert hashlib.sha256(data).hexdigest() == told[name]["SHA-256"] and str(len(data)) == told[name]["Groesse"]
    process = tree.find("{*}Kopf/{*}ProzessID").text
    assert package.name == f"{process}_{etree.QName(tree).localname}.zip" and tree.prefix == "xdomea"
    return kind


def test_what_goes_out_and_its_corrections(tmp_path: Path, blobs: Bytes, standards: Path) -> None:
    dms, filing = target(tmp_path), a_filing(blobs, case=CASE)
    dms.file(filing, blobs.open)
    (first,) = tmp_path.glob("*.zip")
    assert check_package(standards, first) == "0605"
    moved = replace(filing, file=replace(FILE, reference="KÄ/962.10-0099/2026"))
    dms.file(moved, blobs.open)
    dms.withdraw(moved)
    dms.withdraw(moved)
    kinds = sorted(check_package(standards, package) for package in tmp_path.glob("*.zip"))
    assert kinds == ["0601", "0605", "0617"]
    dms.file(moved, blobs.open)
    assert sorted(check_package(standards, package) for package in tmp_path.glob("*.zip")) == ["0601", "0605", "0605", "0617"]


def test_an_abgabe_cannot_be_corrected(tmp_path: Path, blobs: Bytes, standards: Path) -> None:
    dms, filing = target(tmp_path, kind="0401"), a_filing(blobs, case=CASE)
    dms.file(filing, blobs.open)
    (package,) = tmp_path.glob("*.zip")
    assert check_package(standards, package) == "0401"
    for changed in (lambda: dms.file(replace(filing, title="Anders"), blobs.open), lambda: dms.withdraw(filing)):
        with pytest.raises(Refused, match="Eine Abgabe lässt sich nicht berichtigen"):
            changed()
    assert dms.file(filing, blobs.open).store == "dms"


TEXTS = st.text(max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=TEXTS, reference=TEXTS, values=st.dictionaries(TEXTS, TEXTS, max_size=4), name=TEXTS, kind=TEXTS)
def test_whatever_people_write_the_messages_are_valid(
        standards: Path, title: str, reference: str, values: dict[str, str], name: str, kind: str) -> None:
    blobs = Bytes()
    filing = a_filing(blobs, case=CASE, title=title, file=replace(FILE, reference=reference, title=title, persons=(name,)),
                      values={**values, "letter_date": name, "sender_name": name, "our_reference": reference, "kind": kind},
                      originals=(blobs.add(b"x", name, kind), blobs.add(b"<a/>", "transfervermerk.xml", NOTE_TYPE)))
    head = Head(uuid_of(filing.key), filing.received_at, name, title)
    files = papers(filing, NOTE_TYPE)
    assert [paper.role for paper in files] == ["Ablagefassung", "Original", "Transfervermerk"]
    assert len({paper.name for paper in files}) == 3
    for message in (file_document(head, filing, files), transfer_document(head, filing, files),
                    plan_message(head, [replace(filing.entry, title=title, notation=reference)], name)):
        assert faults(standards, message) == []


@given(st.integers(0, 2**128 - 1))
def test_ids_go_there_and_back(number: int) -> None:
    import uuid
    ulid = ulid_of(str(uuid.UUID(int=number)))
    assert len(ulid) == 26 and uuid_of(ulid) == str(uuid.UUID(int=number))
    assert uuid_of("ap-0301") == uuid_of("ap-0301") != uuid_of("ap-0302")


def parse_in(box: Box, folder: Path) -> object:
    folder.mkdir(exist_ok=True)
    return lambda path: box.answer(path, folder)


def test_answers_are_read_in_the_box(box: Box, tmp_path: Path) -> None:
    def said(text: str | bytes) -> Answer | None:
        path = tmp_path / "antwort"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return box.answer(path, tmp_path)

    assert said(GOOD) == Answer(True, REFERENCE)
    assert said(BAD) == Answer(False, REFERENCE, "Ablageort unbekannt.")
    assert said(GOOD.replace("0000000", "0000009")) == Answer(True, REFERENCE), "it had it already"
    assert said(GOOD.replace("0000000", "0000019")) == Answer(False, REFERENCE, "Fehler 0000019")
    assert said('{"Ergebnis": "angenommen", "Referenz": "A-1"}') == Answer(True, "A-1")
    assert said("<Quittung><Ergebnis>abgelehnt</Ergebnis><Meldung>zu\n groß</Meldung></Quittung>") == Answer(False, "", "zu groß")
    assert said('<x:Abgabe.ImportBestaetigen.0402 xmlns:x="y"><x:AbgegebenesObjekt><x:IDSGO>a</x:IDSGO><x:Erfolgreich>1'
                "</x:Erfolgreich></x:AbgegebenesObjekt></x:Abgabe.ImportBestaetigen.0402>") == Answer(True, "a")
    assert said('<x:FVDaten.EmpfangBestaetigen.0629 xmlns:x="y"/>') is None
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("x_FVDaten.ImportBestaetigen.0630.xml", BAD)
    assert box.answer(tmp_path / "z.zip", tmp_path) == Answer(False, REFERENCE, "Ablageort unbekannt.")
    hostile = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a><Ergebnis>angenommen</Ergebnis></a>'
    for nonsense in ("", "{}", "[1]", "<a>", "hello", "<a/>", b"\0\xff" * 9, hostile, '{"Ergebnis": "vielleicht"}', b"PK\3\4xx"):
        with pytest.raises(InputError):
            said(nonsense or " ")


def test_answers_beside_the_packages(box: Box, tmp_path: Path, blobs: Bytes) -> None:
    folder = tmp_path / "austausch"
    folder.mkdir()
    dms = target(folder, parse=parse_in(box, tmp_path / "box"), answers=folder)
    filing = a_filing(blobs)
    with pytest.raises(Awaiting):
        dms.file(filing, blobs.open)
    (package,) = folder.glob("*.zip")
    answer = folder / f"{package.name.partition('_')[0]}_FVDaten.ImportBestaetigen.0630.xml"
    answer.write_text(BAD, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(Refused, match=r"hat das Schriftstück abgelehnt: Ablageort unbekannt\."):
            dms.file(filing, blobs.open)
    assert not answer.exists(), "it is kept with the message"
    dms.retry(filing)
    with pytest.raises(Awaiting):
        dms.file(filing, blobs.open)
    (second,) = set(folder.glob("*.zip")) - {package}
    (folder / f"{second.name.partition('_')[0]}_FVDaten.ImportBestaetigen.0630.xml").write_text(GOOD, encoding="utf-8")
    assert dms.file(filing, blobs.open).reference == REFERENCE
    with pytest.raises(Awaiting):
        dms.withdraw(filing)
    (third,) = folder.glob("*0617.zip")
    assert REFERENCE.encode() in contents(third)[0], "it is named as the other system knows it"


def test_an_answer_to_the_call_itself(box: Box, tmp_path: Path, blobs: Bytes) -> None:
    replies = {1: (200, GOOD.encode()), 2: (400, BAD.encode()), 3: (409, b""), 4: (200, b"<html>danke</html>")}
    dms = Dms(says=lambda _name: replies[len(dms.posts)])
    with listening(dms):
        store = Xdomea("dms", tmp_path / "r", "Amt", "DMS", parse_in(box, tmp_path / "box"), way=Post(dms.url))
        filings: list[Filing] = [a_filing(blobs, number) for number in range(1, 5)]
        assert store.file(filings[0], blobs.open).reference == REFERENCE
        with pytest.raises(Refused, match="Ablageort unbekannt"):
            store.file(filings[1], blobs.open)
        with pytest.raises(Refused, match="Antwort 409"):
            store.file(filings[2], blobs.open)
        assert store.file(filings[3], blobs.open).reference.endswith("_FVDaten.SGOAblegen.0605")
        assert sum(dms.posts.values()) == 4
