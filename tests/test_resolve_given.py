"""Extracted values as clues: more exact parcels, applicants of tables, an invoice's parties; no sign, not sure."""

from __future__ import annotations

from intake.resolve.akte import Resolver
from intake.resolve.forms import Parcel
from intake.resolve.given import merged, parcels_of, party_keys
from intake.resolve.index import Index
from intake.resolve.pages import clues
from intake.resolve.score import OTHER_MATTER, UNSIGNED
from intake.vocabulary import Evidence, File, Material, Page, Proposal, Word

CARPORT = File("F17", "BA/632.60-0017/2026", "Errichtung eines Carports", "ap-1",
               parcel="Gemarkung Mittelau, Flur 3, Flurstück 17/4", address="Heideweg 12, 24998 Mittelau",
               persons=("Anke Petersen",))
WORKSHOP = File("F2", "BA/640.10-0002/2026", "Nutzungsänderung einer Werkstatt", "ap-2",
                persons=("Tischlerei Nissen & Sohn GmbH",))
FILES = (CARPORT, WORKSHOP, *(File(f"G{at}", f"KA/963.10-{at:04d}/2026", "Sonstiges", "ap-3") for at in range(300)))
INDEX = Index().extended(FILES)
RESOLVE = Resolver(INDEX, lambda ids: [one for one in FILES if one.id in ids])


def page(*lines: str) -> Material:
    return Material((Page(1, 210, 297, text="\n".join(lines), source="text-layer"),))


def said(field: str, value: str, *checks: str, raw: str = "", sure: float = 0.95) -> Proposal:
    return Proposal(field, value, sure, (Evidence("rule:x@1", 1, (0.1, 0.1, 0.3, 0.12), raw or value),), raw, checks)


def chance(found: tuple[Proposal, ...], field: str = "file") -> dict[str, float]:
    return {one.value: one.confidence for one in found if one.field == field}


def test_an_invoices_parties_make_no_akte_sure() -> None:
    lines = ("Tischlerei Nissen & Sohn GmbH", "Rechnung 2026-10417", "Fensterflügel Kiefer 2.475,00")
    as_letter = chance(RESOLVE(page(*lines), ()))
    as_invoice = RESOLVE(page(*lines), (said("seller_name", "Tischlerei Nissen & Sohn GmbH"), said("invoice_number", "4711")))
    assert chance(as_invoice).get("F2", 0.0) < 0.5 < as_letter["F2"]
    assert chance(as_invoice, "new_file")["neu"] > 0.5


def test_an_invoice_with_the_sign_of_an_akte_is_of_that_akte() -> None:
    found = RESOLVE(page("Tischlerei Nissen & Sohn GmbH", "Rechnung", "Ihr Zeichen: BA/640.10-0002/2026"),
                    (said("seller_name", "Tischlerei Nissen & Sohn GmbH"), said("your_reference", "BA/640.10-0002/2026")))
    assert chance(found)["F2"] > 0.9


def test_no_sign_is_not_sure_however_much_agrees() -> None:
    lines = ("Anke Petersen", "Heideweg 12", "Gemarkung Mittelau, Flur 3, Flurstück 17/4")
    matter, other = RESOLVE(page(*lines, "Errichtung eines Carports"), ()), RESOLVE(page(*lines, "Neubau einer Scheune"), ())
    assert 0.7 < chance(matter)["F17"] <= UNSIGNED < 0.9 and chance(other)["F17"] <= OTHER_MATTER
    for found in (matter, other):
        whole = sum(chance(found).values()) + chance(found, "new_file")["neu"]
        assert abs(whole - 1.0) < 0.06, "what is taken from an Akte goes to none of them"


def test_a_faint_sign_alone_is_not_sure() -> None:
    def read(confidence: float, *more: str) -> float:
        lines = ("Ihr Zeichen: BA/632.60-0017/2026", *more)
        words = tuple(Word(word, (0.1 + 0.2 * at, 0.1 + 0.1 * line, 0.25 + 0.2 * at, 0.12 + 0.1 * line), confidence, line=line)
                      for line, text in enumerate(lines) for at, word in enumerate(text.split()))
        material = Material((Page(1, 210, 297, text="\n".join(lines), words=words),))
        return chance(RESOLVE(material, ()))["F17"]

    assert read(0.95) > 0.9 and read(0.6) <= UNSIGNED
    assert read(0.6, "Anke Petersen") > 0.9, "with the applicant beside it it is sure"


def test_a_thread_may_be_sure_without_a_sign() -> None:
    given = Material(page("Anke Petersen", "Heideweg 12", "Errichtung eines Carports").pages, notes={"thread": ("F17",)})
    assert chance(RESOLVE(given, ()))["F17"] > 0.9


def test_applicant_and_place_of_a_table_are_clues() -> None:
    bare = clues(page("nichts"), (), INDEX)
    full = clues(page("nichts"), (said("applicant", "Anke Petersen"), said("site_address", "Heideweg 12")), INDEX)
    assert not bare.names and not bare.addresses
    assert [one.key for one in full.names] == ["nanke petersen"] and full.names[0].tokens[0].box == (0.1, 0.1, 0.3, 0.12)
    assert "aheideweg 12" in {one.key for one in full.addresses}


def test_a_parcel_code_gets_its_gemarkung_by_number() -> None:
    code = "01990100300017000400"
    known = said("parcel", "17/4", "gemarkung:Mittelau", "flur:3", "parcel:ok", raw=code)
    assert [found.parcel for found in clues(page(code), (known,), INDEX).parcels] == [Parcel("mittelau", "3", "17/4")]
    foreign = said("parcel", "17/4", "flur:3", "parcel:unknown-gemarkung", raw=code)
    found, = clues(page(code), (foreign,), INDEX).parcels
    assert found.parcel is not None and not Parcel("mittelau", "3", "17/4").fits(found.parcel), "another town's parcel"


def test_what_both_found_counts_once() -> None:
    spotted = [Parcel("", "3", "17/4")]
    assert merged(spotted, Parcel("mittelau", "3", "17/4")) == 0
    assert merged([Parcel("mittelau", "3", "17/4")], Parcel("", "", "17/4")) == -1
    assert merged(spotted, Parcel("mittelau", "3", "17/5")) is None
    assert list(parcels_of([said("parcel", "17/4", sure=0.3), said("subject", "17/4")])) == []
    assert party_keys([said("buyer_name", "Amt Mittelau"), said("applicant", "Anke Petersen")]) == {"namt mittelau"}
