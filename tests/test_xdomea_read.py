"""Messages and packages of others are read in the box, whatever version they are; what is hostile is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from lxml import etree

from intake.box import Box
from intake.config import BoxSettings
from intake.errors import InputError, Reason

HEAD = "<Kopf><ProzessID>p</ProzessID><Nachrichtentyp><code>0401</code></Nachrichtentyp></Kopf>"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    return Box(BoxSettings(), scratch=tmp_path_factory.mktemp("box"))


def samples(standards: Path) -> list[Path]:
    return sorted(path for path in (standards / "xdomea-samples").rglob("*") if path.suffix in (".xml", ".zip"))


def test_the_published_samples_are_read(box: Box, standards: Path, tmp_path: Path) -> None:
    found = samples(standards)
    assert len([path for path in found if path.suffix == ".xml"]) == 9 and len(found) >= 12
    for path in found:
        said = box.xdomea(path, tmp_path).raw
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                root = etree.fromstring(archive.read(next(name for name in archive.namelist() if name.endswith(".xml"))))
        else:
            root = etree.parse(path).getroot()
        assert said.name == etree.QName(root).localname and said.kind in said.name + "/" + path.name, path.name
        assert said.version == etree.QName(root).namespace.rpartition(":")[2] and said.process and said.made
        count = {name: len(root.findall(f".//{{*}}{name}")) for name in ("Akte", "Teilakte", "Vorgang", "Teilvorgang")}
        cases = [*said.cases, *(case for folder in said.folders for case in folder.cases)]
        assert len(said.folders) == count["Akte"] + count["Teilakte"], path.name
        assert len(cases) == count["Vorgang"] + count["Teilvorgang"], path.name
        assert all(one.id for one in (*said.folders, *cases)), path.name
        documents = [*said.documents, *(one for folder in said.folders for one in folder.documents),
                     *(one for case in cases for one in case.documents)]
        assert len(documents) == sum(_local(one.getparent()) != "Kopf" for one in root.findall(".//{*}Dokument")), path.name
        assert len(said.units) == len(root.findall(".//{*}Einheit"))


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def test_the_files_of_a_package(box: Box, tmp_path: Path) -> None:
    package = tmp_path / "p_Abgabe.Abgabe.0401.zip"
    document = ("<Dokument><Identifikation><ID>d</ID></Identifikation><Version><Format><Primaerdokument><Dateiname>a.pdf"
                "</Dateiname></Primaerdokument></Format></Version></Dokument>")
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p_Abgabe.Abgabe.0401.xml", f"<A>{HEAD}<Schriftgutobjekt>{document}</Schriftgutobjekt></A>")
        archive.writestr("a.pdf", b"%PDF")
        archive.writestr("../b.pdf", b"fremd")
    said = box.xdomea(package, tmp_path)
    (one,) = said.raw.documents
    assert said.files[one.files[0].file or ""].read_bytes() == b"%PDF" and said.raw.strangers == ("../b.pdf",)
    assert not (tmp_path.parent / "b.pdf").exists()
    assert box.xdomea(package, tmp_path, unpack=False).files == {}


@pytest.mark.parametrize(("data", "reason"), [
    (b"", Reason.EMPTY), (b"hello", Reason.DAMAGED), (b"<a/>", Reason.WRONG_TYPE), (b"PK\3\4", Reason.DAMAGED),
    (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a><Kopf>&e;</Kopf></a>', Reason.DAMAGED),
    (b"<a>" * 5000 + b"</a>" * 5000, Reason.DAMAGED)])
def test_what_is_no_message(box: Box, tmp_path: Path, data: bytes, reason: Reason) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        box.xdomea(path, tmp_path)
    assert refused.value.reason is reason


def test_a_package_without_a_message(box: Box, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.pdf", b"%PDF")
    with pytest.raises(InputError) as refused:
        box.xdomea(tmp_path / "x.zip", tmp_path)
    assert "fehlt die Nachricht" in refused.value.detail
