"""What a sheet says becomes proposals with the sheet as evidence."""

from __future__ import annotations

from intake.extract.sheet import Sheets
from intake.propose import Knowledge, best, propose
from intake.vocabulary import AktenplanEntry, File, Material, Page, Said

LAMPS, BUILDING = AktenplanEntry("ap-1", "652.30", "Straßenbeleuchtung"), AktenplanEntry("ap-2", "632.60", "Bauanträge")
FILE = File("F1", "BA/632.60-0017/2026", "Neubau", "ap-2")
KNOWN = Knowledge({"ap-1": LAMPS, "ap-2": BUILDING}, {"BA/632.60-0017/2026": FILE}, (Sheets((LAMPS, BUILDING)),))


def material(*said: Said) -> Material:
    return Material((Page(1, 210.0, 297.0, "Sehr geehrte Damen und Herren"),), name="scan.pdf", notes={"sheet": said})


def test_without_a_sheet_there_is_nothing() -> None:
    assert [*Sheets((LAMPS,))(material())] == [] and [*Sheets(())(Material(()))] == []


def test_an_akte_its_entry_and_the_kind_are_proposed_with_the_sheet_as_evidence() -> None:
    found = propose(material(Said("file", "ba / 632.60-0017/2026", 4), Said("kind", "Antrag", 4)), KNOWN)
    file, entry, kind = (best(found, name) for name in ("file", "entry", "kind"))
    assert file and entry and kind
    assert (file.value, entry.value, kind.value) == ("F1", "ap-2", "Antrag")
    assert file.confidence > 0.9 and "Seite 4" in file.evidence[0].text and file.evidence[0].by == "rule:sheet@1"


def test_an_entry_is_found_by_its_notation_and_an_unknown_one_is_no_proposal() -> None:
    entry = best(propose(material(Said("entry", "652 30", 1)), KNOWN), "entry")
    assert entry is not None and entry.value == "ap-1" and entry.confidence > 0.9
    assert best(propose(material(Said("entry", "999", 1)), KNOWN), "entry") is None


def test_an_unknown_aktenzeichen_is_kept_as_such() -> None:
    found = propose(material(Said("file", "BA/632.60-0001/1999", 1)), KNOWN)
    assert best(found, "file") is None
    reference, entry = best(found, "file_reference"), best(found, "entry")
    assert reference is not None and reference.value == "BA/632.60-0001/1999"
    assert entry is not None and entry.value == "ap-2", "its Kennzeichen is a hint to the entry"
