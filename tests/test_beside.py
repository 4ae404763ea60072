"""What lies beside the documents of an archive: sidecars of a bundle, beBPo packages of several versions, what becomes of it."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import pytest
from fpdf import FPDF

from intake import bundle
from intake.box import Box, recheck
from intake.box.inside import beside, unpack, xjustiz
from intake.config import BoxSettings, ScanProfile
from intake.errors import Reason
from intake.extract.beside import Beside, day_of
from intake.vocabulary import AktenplanEntry, Fact, Material, Naming

LIMITS = {"max_pages": 60, "max_parts": 50, "max_depth": 8, "max_megapixels": 50, "name": "paket.zip"}
SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "standards" / "xjustiz-samples"
HEAD = """<aktenzeichen.absender>3 K 12/26</aktenzeichen.absender>
<aktenzeichen.empfaenger>BA/1</aktenzeichen.empfaenger>
<erstellungszeitpunkt>2026-11-20T09:30:00+01:00</erstellungszeitpunkt>"""
NEW = """<nachricht.gds.uebermittlungSchriftgutobjekte.0005005 xmlns="http://www.xjustiz.de">
<nachrichtenkopf xjustizVersion="{version}">{head}
<auswahl_absender><absender.sonstige>VG Mittelau</absender.sonstige></auswahl_absender>
<auswahl_empfaenger><empfaenger.sonstige>Amt Mittelau</empfaenger.sonstige></auswahl_empfaenger>
<eigeneNachrichtenID>id-7</eigeneNachrichtenID></nachrichtenkopf><schriftgutobjekte>{documents}</schriftgutobjekte>
</nachricht.gds.uebermittlungSchriftgutobjekte.0005005>"""
OLD = """<nachricht.gds.uebermittlung_schriftgutobjekte.0005005 xmlns="http://www.xjustiz.de">
<nachrichtenkopf>{head}<absender_Sonstige>VG Mittelau</absender_Sonstige><empfaenger_Sonstige>Amt Mittelau</empfaenger_Sonstige>
<eigene_Nachrichten_ID>id-7</eigene_Nachrichten_ID></nachrichtenkopf><grunddaten xjustizVersion="{version}"/>{documents}
</nachricht.gds.uebermittlung_schriftgutobjekte.0005005>"""
DOCUMENT = """<dokument><identifikation>
<nummerImUebergeordnetenContainer>{number}</nummerImUebergeordnetenContainer></identifikation>
<xjustiz.fachspezifischeDaten><anzeigename>{title}</anzeigename><datei><dateiname>{file}</dateiname>
<bestandteil><code xmlns="">001</code></bestandteil></datei></xjustiz.fachspezifischeDaten></dokument>"""
DOCUMENTS = (DOCUMENT.format(number=2, title="Anlage K1", file="k1.pdf")
             + DOCUMENT.format(number=1, title="Klage", file="klage.pdf"))


def message(version: str = "3.5.1", documents: str = DOCUMENTS) -> bytes:
    return (OLD if version.startswith("2") else NEW).format(version=version, head=HEAD, documents=documents).encode()


def pdf(text: str = "Klage") -> bytes:
    made = FPDF()
    made.set_font("helvetica", size=14)
    made.add_page()
    made.cell(text=text)
    return bytes(made.output())


def zipped(files: dict[str, bytes], remark: bytes = b"") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.comment = remark
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def opened(tmp_path: Path, files: dict[str, bytes], remark: bytes = b""):  # type: ignore[no-untyped-def]
    """What the box answers, with every fact re-checked as the service does; parts by name."""
    path, out = tmp_path / "original", tmp_path / "out"
    out.mkdir()
    path.write_bytes(zipped(files, remark))
    answer = unpack.run(dict(LIMITS), [path], out)
    for part in answer["parts"]:
        recheck.facts([Fact(**one) for one in part.get("facts") or ()])
        if part["name"] in files:
            assert (out / part["file"]).read_bytes() == files[part["name"]]
    return answer["envelope"], {part["name"]: part for part in answer["parts"]}


def values(part: dict[str, object]) -> dict[str, str]:
    return {one["term"]: one["value"] for one in part.get("facts") or ()}  # type: ignore[attr-defined]


def test_a_document_and_its_data_are_parts_and_the_fields_belong_to_the_document(tmp_path: Path) -> None:
    assert (beside.BESIDE, beside.PACKAGE) == (bundle.BESIDE, bundle.PACKAGE)
    files = {"a.pdf": pdf(), "a.xml": b"<a><Aktenzeichen>BA/1</Aktenzeichen></a>", "a.done": b""}
    _, parts = opened(tmp_path, files, beside.BESIDE)
    assert values(parts["a.pdf"]) == {"sidecar:a.xml Aktenzeichen": "BA/1"} and parts["a.pdf"]["pages"] == 1
    assert (parts["a.xml"]["pages"], parts["a.xml"]["problem"], parts["a.xml"]["media_type"]) == (0, None, "application/xml")
    assert parts["a.done"]["detail"] == "Fertigmarke." and parts["a.done"]["problem"] is None


def test_an_archive_of_strangers_has_no_sidecars(tmp_path: Path) -> None:
    _, parts = opened(tmp_path, {"a.pdf": pdf(), "a.xml": b"<a><Aktenzeichen>BA/1</Aktenzeichen></a>"})
    assert not parts["a.pdf"].get("facts") and parts["a.xml"]["detail"] != beside.SIDECAR


def test_broken_data_are_a_problem_of_their_part_and_silent_ones_a_remark(tmp_path: Path) -> None:
    _, parts = opened(tmp_path, {"a.pdf": pdf(), "a.xml": b"<a>", "index.csv": b"Datei;Az\nb.pdf;1\n"}, beside.BESIDE)
    assert parts["a.pdf"]["pages"] == 1 and parts["a.xml"]["problem"] == Reason.DAMAGED
    assert parts["index.csv"]["problem"] is None and parts["index.csv"]["detail"] == beside.NOTHING


def test_a_folder_with_an_index_and_data_of_single_files(tmp_path: Path) -> None:
    files = {"a.pdf": pdf("a"), "b.pdf": pdf("b"), "index.csv": b"Datei;Az\na.pdf;1\nb.pdf;2\n", "b.json": b'{"Art":"Antrag"}'}
    _, parts = opened(tmp_path, files, beside.PACKAGE)
    assert values(parts["a.pdf"]) == {"sidecar:index.csv Datei": "a.pdf", "sidecar:index.csv Az": "1"}
    assert values(parts["b.pdf"]) == {
        "sidecar:index.csv Datei": "b.pdf", "sidecar:index.csv Az": "2", "sidecar:b.json Art": "Antrag"}


@pytest.mark.parametrize("version", ["2.4.0", "3.2.1", "3.5.1"])
def test_a_package_is_one_message_with_its_files_in_order(tmp_path: Path, version: str) -> None:
    files = {"k1.pdf": pdf("Anlage"), "klage.pdf": pdf(), "klage.pdf.p7s": b"0\x80", "xjustiz_nachricht.xml": message(version),
             "pruefprotokoll.xml": b"<p/>", "vhn.xml": b"<v/>"}
    envelope, parts = opened(tmp_path, files)
    assert envelope == {"sender": "VG Mittelau", "recipient": "Amt Mittelau", "date": "2026-11-20T09:30:00+01:00",
                        "message_id": "id-7"}
    names = list(parts)
    assert names[:4] == ["paket.zip", "klage.pdf", "k1.pdf", "xjustiz_nachricht.xml"]
    first = parts["paket.zip"]
    assert (first["pages"], first["media_type"], first["problem"]) == (1, "text/plain", None)
    shown = (tmp_path / "out" / first["file"]).read_text(encoding="utf-8")
    assert "VG Mittelau" in shown and "BA/1" in shown and shown.index("Klage (klage.pdf)") < shown.index("Anlage K1")
    said = values(parts["klage.pdf"])
    assert (said["xjustiz:aktenzeichen.empfaenger"], said["xjustiz:aktenzeichen.absender"]) == ("BA/1", "3 K 12/26")
    assert said["xjustiz:anzeigename"] == "Klage" and values(parts["k1.pdf"])["xjustiz:anzeigename"] == "Anlage K1"
    assert all(parts[name]["problem"] is None for name in names) and "bekannt" not in parts["xjustiz_nachricht.xml"]["detail"]
    assert parts["klage.pdf.p7s"]["detail"] == beside.KEPT and parts["vhn.xml"]["detail"] == beside.PROOF


@pytest.mark.parametrize(("version", "known"), [("3.9.0", True), ("4.0", False), ("", False), ("quatsch", False)])
def test_no_version_fails(version: str, known: bool) -> None:
    found = xjustiz.parse(message(version))
    assert found.sender == "VG Mittelau" and [one.title for one in found.files] == ["Klage", "Anlage K1"]
    assert (found.remark == "") is known


def test_another_namespace_is_read_and_said() -> None:
    found = xjustiz.parse(message().replace(b"http://www.xjustiz.de", b"urn:xoev-de:xjustiz:4"))
    assert found.own_references == ("BA/1",) and "nicht bekannt" in found.remark


def test_what_the_message_names_and_the_package_lacks_is_a_klaerungsfall_of_the_message(tmp_path: Path) -> None:
    _, parts = opened(tmp_path, {"klage.pdf": pdf(), "xjustiz_nachricht.xml": message()})
    found = parts["xjustiz_nachricht.xml"]
    assert found["problem"] == Reason.INCOMPLETE and "k1.pdf" in found["detail"] and parts["klage.pdf"]["pages"] == 1


@pytest.mark.parametrize("data", [
    b"", b"<a/>", b"<nachricht.x>", b'<!DOCTYPE a [<!ENTITY b "c">]><nachricht.x>&b;</nachricht.x>'])
def test_a_broken_message_stops_no_attachment(tmp_path: Path, data: bytes) -> None:
    _, parts = opened(tmp_path, {"klage.pdf": pdf(), "xjustiz_nachricht.xml": data})
    assert parts["klage.pdf"]["pages"] == 1 and parts["xjustiz_nachricht.xml"]["problem"] == Reason.DAMAGED


def test_the_official_samples_are_read_whatever_their_version() -> None:
    if not SAMPLES.is_dir():
        pytest.skip("no shared standards beside the project")
    versions = set()
    for path in sorted((SAMPLES / "XJV-Viewer").glob("*.xml")):
        found = xjustiz.parse(path.read_bytes())
        versions.add(found.version)
        text = path.read_text(encoding="utf-8")
        assert found.sender and found.recipient and found.message_id and not found.remark and found.created, path.name
        assert len(found.files) == text.count("dateiname>") // 2, path.name
        assert xjustiz.shown(found, []).count("\n") > 8
    assert versions == {"2.4.0", "3.2.1"}


NAMING = ScanProfile(name="portal", sidecar="auto", sidecar_fields={
    "Aktenzeichen": "file_reference", "Beleg/Datum": "letter_date"}).naming
ENTRY = AktenplanEntry("ap-1", "652.30", "Beleuchtung")


def proposed(*facts: tuple[str, str], naming: Naming | None = NAMING) -> dict[str, tuple[str, float, tuple[str, ...]]]:
    material = Material((), received_on=date(2026, 11, 22), notes={"sidecar": naming},
                        facts=tuple(Fact("sidecar", value, f"sidecar:a.xml {name}") for name, value in facts))
    return {one.field: (one.value, one.confidence, one.checks) for one in Beside({"BA/1"}, (ENTRY,))(material)}


def test_fields_become_proposals_by_the_doors_names_with_checks() -> None:
    found = proposed(("Kopf/Aktenzeichen", "BA/1"), ("Beleg/Datum", "20.11.2026"), ("entry", "652.30"), ("Batch", "7"),
                     ("x", "y"))
    assert found["file_reference"] == ("BA/1", 0.9, ("sidecar:as-told", "reference:ok"))
    assert found["letter_date"][0] == "2026-11-20" and found["entry"][0] == "ap-1" and found["batch"][0] == "7"
    assert set(found) == {"file_reference", "letter_date", "entry", "batch"}


def test_what_cannot_be_is_doubted_or_no_proposal() -> None:
    found = proposed(("Aktenzeichen", "XX/9"), ("letter_date", "2027-01-01"), ("entry", "999"))
    assert found["file_reference"][1:] == (0.45, ("sidecar:as-told", "reference:unknown"))
    assert found["letter_date"][1] == pytest.approx(0.18) and "date:future" in found["letter_date"][2] and "entry" not in found
    assert proposed(("letter_date", "gestern")) == {} and proposed(("file_reference", "BA/1"), naming=None) == {}


def test_the_evidence_names_file_and_field() -> None:
    material = Material((), notes={"sidecar": Naming({"az": "file_reference"})},
                        facts=(Fact("sidecar", "BA/1", "sidecar:b.csv AZ"),))
    (one,) = Beside({"BA/1"}, ())(material)
    assert one.evidence[0].by == "sidecar:b.csv AZ" and one.evidence[0].text == "BA/1" == one.raw


@pytest.mark.parametrize(("text", "day"), [("2026-11-21", date(2026, 11, 21)), ("2026-11-21T10:00:00+01:00", date(2026, 11, 21)),
                                           ("1.2.2026", date(2026, 2, 1)), ("20261121", date(2026, 11, 21)), ("2026-13-01", None),
                                           ("", None), ("31.2.2026", None)])
def test_days(text: str, day: date | None) -> None:
    assert day_of(text) == day


def test_a_package_and_a_pair_through_the_real_box(tmp_path: Path) -> None:
    """Its answer is re-checked there: data parts have no pages and say what they are."""
    box = Box(BoxSettings(wall_seconds=60))
    for number, (files, remark, names) in enumerate((
            ({"klage.pdf": pdf(), "klage.pdf.p7s": b"0", "xjustiz_nachricht.xml": message()}, b"", 4),
            ({"a.pdf": pdf(), "a.xml": b"<a><Az>1</Az></a>", "a.done": b""}, beside.BESIDE, 4))):
        original, work = tmp_path / f"o{number}", tmp_path / f"w{number}"
        work.mkdir()
        original.write_bytes(zipped(files, remark))
        parts = {part.name: part for part in box.unpack(original, "paket.zip", work).parts}
        assert len(parts) == names and all(parts[name].path.read_bytes() == data for name, data in files.items())
        assert any(fact.of_carrier for fact in parts["klage.pdf" if number == 0 else "a.pdf"].facts)
