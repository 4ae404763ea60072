"""Invoices: unseen layouts, amounts and dates in many forms, sums that add up, XML before picture, contradictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.box import Box, ReadOrder
from intake.box.inside import einvoice
from intake.config import BoxSettings
from intake.extract.amounts import find_amounts, find_days, find_rates, plain
from intake.extract.billing import token_at
from intake.extract.billwords import heading_of
from intake.extract.invoice import invoice, printed_at
from intake.extract.layout import Segment
from intake.extract.tables import Spot, grid, squeezed
from intake.extract.totals import totals, weigh
from intake.vocabulary import Fact, Material, Page, Proposal
from samples import invoice as sample
from samples.letters import lay_out as lay_out_letter
from samples.letters import random_letter
from tests.billing import BILLS, Bill, lay_out
from tests.paper import WordCanvas, page_of

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "rechnung-zugferd.pdf"


def pages(bill: Bill, skew: float = 0.0) -> tuple[Page, ...]:
    canvas = WordCanvas(skew=skew)
    lay_out(canvas, bill)
    return canvas.pages()


def surest(found: Sequence[Proposal]) -> dict[str, Proposal]:
    best: dict[str, Proposal] = {}
    for one in found:
        if one.field not in best or one.confidence > best[one.field].confidence:
            best[one.field] = one
    return best


# ---- layouts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skew", [0.0, 1.5])
@pytest.mark.parametrize("bill", BILLS, ids=lambda bill: bill.name)
def test_layouts(bill: Bill, skew: float) -> None:
    found = surest(invoice(Material(pages(bill, skew))))
    assert {name: found[name].value if name in found else None for name in bill.truth} == bill.truth


@pytest.mark.parametrize("bill", BILLS, ids=lambda bill: bill.name)
def test_every_value_has_its_place(bill: Bill) -> None:
    """The box covers the words of the value, and nothing is proposed twice as sure as it can be."""
    found = invoice(Material(pages(bill)))
    assert found
    for one in found:
        assert 0.0 < one.confidence <= 0.99
        for place in one.evidence:
            assert place.page == 1
            assert place.box is not None
            left, top, right, bottom = place.box
            assert [word for word in pages(bill)[0].words if word.box[0] > left - 1e-6 and word.box[2] < right + 1e-6
                    and word.box[1] > top - 1e-6 and word.box[3] < bottom + 1e-6]


def test_totals_that_add_up_say_so() -> None:
    found = surest(invoice(Material(pages(BILLS[0]))))
    assert all("sum:ok" in found[name].checks for name in ("net_total", "tax_total", "gross_total"))
    assert "19:420.00:79.80" not in {one.value for one in invoice(Material(pages(BILLS[3]))) if one.field == "tax_rate"}
    two = {one.value for one in invoice(Material(pages(BILLS[2]))) if one.field == "tax_rate"}
    assert two == {"19:49.00:9.31", "7:60.00:4.20"}


def test_a_letter_is_no_invoice() -> None:
    for seed in range(20):
        canvas = WordCanvas()
        lay_out_letter(canvas, random_letter(seed))
        assert [one for one in invoice(Material(canvas.pages())) if one.field in ("invoice_number", "gross_total")] == []


def test_nothing_to_read() -> None:
    assert invoice(Material(())) == ()
    assert invoice(Material((Page(1, 210, 297),))) == ()


def test_text_without_places() -> None:
    """A mail's text: labels and values stand in lines."""
    text = ("Rechnung Nr. 2024-77 vom 03.04.2024\nLieferant: Muster AG\nNettobetrag: 100,00 EUR\nzzgl. 19 % USt: 19,00 EUR\n"
            "Rechnungsbetrag: 119,00 EUR\nIBAN: DE89 3704 0044 0532 0130 00")
    found = surest(invoice(Material((page_of(text),))))
    wanted = {"invoice_number": "2024-77", "invoice_date": "2024-04-03", "net_total": "100.00", "tax_total": "19.00",
              "gross_total": "119.00", "iban": "DE89370400440532013000"}
    assert {name: found[name].value for name in wanted} == wanted


# ---- amounts, rates, dates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "values"), [
    ("1.471,60 EUR", ["1471.60"]), ("1,471.60", ["1471.60"]), ("-50,00", ["-50.00"]), ("50,00-", ["-50.00"]),
    ("(35,13 €)", ["35.13"]), ("300 EUR", ["300"]), ("€ 1 234,56", ["1234.56"]), ("15'387.08", ["15387.08"]),
    ("1.200,-", ["1200"]),
    ("275,00 19,25", ["275.00", "19.25"]), ("3,3333", []), ("19,00 %", []), ("12.05.2018", []), ("DE12 1234 5678", []),
    ("1.500 Stk", []),
    ("16,7%", []), ("0431/12,34", [])])
def test_amounts(text: str, values: list[str]) -> None:
    assert [str(one.value) for one in find_amounts(text)] == values


@given(st.decimals(min_value=0, max_value=10**8, places=2), st.sampled_from(["de", "en", "ch", "plain"]))
def test_every_amount_is_read_as_it_was_written(number: Decimal, country: str) -> None:
    written = f"{number:,.2f}"
    if country == "de":
        written = written.translate(str.maketrans(",.", ".,"))
    elif country == "ch":
        written = written.replace(",", "'")
    elif country == "plain":
        written = written.replace(",", "").replace(".", ",")
    (found,) = find_amounts(f"Summe {written} EUR")
    assert found.value == number
    assert plain(found.value) == f"{number:.2f}"


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_any_text_is_survived(text: str) -> None:
    find_amounts(text)
    find_days(text)
    invoice(Material((page_of(f"Rechnung {text}\nRechnungsbetrag 1,00"),)))


def test_rates() -> None:
    assert find_rates("zzgl. 19 % USt und 5,5% TVA, 100 % Recycling") == (Decimal(19), Decimal("5.5"))


@given(st.dates(date(1990, 1, 1), date(2035, 12, 31)),
       st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%B %d, %Y", "%d %B %Y"]))
def test_every_date_is_read_as_it_was_written(day: date, form: str) -> None:
    assert [one.day for one in find_days(f"Datum: {day.strftime(form)} ")] == [day]


def test_days_that_are_none() -> None:
    assert find_days("Foo 31, 2020; 32/13/2020; 1/2; May 35, 2020") == ()


# ---- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "kind"), [
    ("Nettobetrag", 0), ("Summe netto", 0), ("Rechnungssumme ohne USt.", 0), ("Total excl. VAT", 0), ("Subtotal", 0),
    ("Total HT", 0), ("Gesamtpreis (exkl. MwSt.)", 0), ("19% MwSt.", 1), ("zzgl. 7 % Umsatzsteuer", 1), ("Steuerbetrag", 1),
    ("davon MwSt", 1), ("VAT amount", 1), ("TVA 20 %", 1), ("Rechnungsbetrag", 2), ("Gesamtbetrag inkl. MwSt.", 2),
    ("Total TTC", 2),
    ("Br uttosumme", 2), ("Grand Total", 2), ("Total", 2), ("Zahlbetrag", 2), ("Summe", 2)])
def test_labels_of_totals(label: str, kind: int) -> None:
    weights = weigh(label)
    assert weights.index(max(weights)) == kind
    assert max(weights) > 1


@pytest.mark.parametrize("label", [
    "Skonto 2 %", "Erhaltene Anzahlung", "Rabatt", "Versandkosten", "", "Steuernummer", "Kunstrasen grün"])
def test_labels_of_no_total(label: str) -> None:
    assert max(weigh(label)) <= 0.0


def test_headings_in_spite_of_torn_letters() -> None:
    assert heading_of("Ver käufer:") == "seller"
    assert heading_of("Käufer/Leistungsempfänger:") == "buyer"
    assert heading_of("Abweichender Warenempfänger:") == "other"
    assert heading_of("Kunden AG Mitte") == ""


@pytest.mark.parametrize(("text", "number"), [
    ("471102", "471102"), (": RE-2019/507 vom 1.1.2019", "RE-2019/507"), ("vom 05.06.2018", None), ("12.05.2018", None),
    ("ohne", None)])
def test_numbers_of_documents(text: str, number: str | None) -> None:
    found = token_at(Spot(Segment(1, (), text), 0, len(text)))
    assert (found[0] if found else None) == number


@given(st.decimals(min_value="1.00", max_value="99999.00", places=2), st.sampled_from([19, 7, 20, 5]))
@settings(max_examples=40)
def test_totals_add_up_whatever_the_amounts(net: Decimal, rate: int) -> None:
    """Also when the order of the lines is unusual and a prepayment stands among them."""
    tax = (net * rate / 100).quantize(Decimal("0.01"))
    rows = (("Rechnungsbetrag", net + tax), ("Nettobetrag", net), (f"USt {rate} %", tax), ("Erhaltene Anzahlung", net / 2))
    text = "\n".join(f"{name} {value:.2f} EUR".replace(".", ",") for name, value in rows)
    found, _ = totals(grid((page_of(text),)))
    assert {name: one.value for name, one in found.items()} == {"net_total": net, "tax_total": tax, "gross_total": net + tax}


# ---- XML and picture -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def stated() -> tuple[Fact, ...]:
    found = einvoice.parse(sample.xml())
    assert found is not None
    return found.facts


@pytest.fixture(scope="module")
def read_sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, ...]:
    folder = tmp_path_factory.mktemp("sample")
    opened = Box(BoxSettings()).open(SAMPLE, SAMPLE.name, ReadOrder(), folder)
    assert opened.read is not None
    assert opened.unpacked.parts[0].facts == stated()
    return opened.read.pages


def test_the_sample_with_and_without_its_xml(read_sample: tuple[Page, ...]) -> None:
    """Both give the same; the XML's values are surer, and stand on the page where they are printed."""
    with_xml, without = (surest(invoice(Material(read_sample, facts=facts))) for facts in (stated(), ()))
    for name in ("invoice_number", "invoice_date", "due_date", "net_total", "tax_total", "gross_total", "iban", "seller_vat",
                 "order_reference", "seller_name", "buyer_name", "sender_name", "letter_date"):
        assert with_xml[name].value == without[name].value, name
        assert with_xml[name].confidence > without[name].confidence
        assert with_xml[name].evidence[0].by == "xml:cii@1"
        assert with_xml[name].evidence[0].box is not None
    assert "warning" not in with_xml
    assert "xml:gedruckt" in with_xml["gross_total"].checks


def test_a_contradiction_is_said_and_the_xml_counts(read_sample: tuple[Page, ...]) -> None:
    """Somebody prints another account and another sum than the XML says."""
    changed = {"iban": "DE89370400440532013000", "gross_total": "3585.67"}
    facts = tuple(replace(fact, value=changed.get(fact.name, fact.value)) for fact in stated())
    found = invoice(Material(read_sample, facts=facts))
    best = surest(found)
    assert {name: best[name].value for name in changed} == changed
    assert any(check.startswith("xml:widerspruch gedruckt DE72") for check in best["iban"].checks)
    assert any(place.page == 1 and place.box for place in best["iban"].evidence), "the clerk is shown where the other one stands"
    assert "sum:wrong" in best["gross_total"].checks
    warning = best["warning"]
    assert "3585.67" in warning.value and "3685.67" in warning.value and "prüfen Sie" in warning.value
    printed = [one for one in found if one.field == "iban" and one.value.startswith("DE72")]
    assert printed and printed[0].confidence < 0.5


def test_what_is_not_printed_is_no_contradiction(read_sample: tuple[Page, ...]) -> None:
    facts = (*stated(), Fact("contract_reference", "V-1", "cii:BT-12"))
    best = surest(invoice(Material(read_sample, facts=facts)))
    assert best["contract_reference"].evidence[0].page == 0
    assert best["contract_reference"].evidence[0].text == "BT-12 = V-1"
    assert "warning" not in best


def test_an_invoice_that_is_only_data() -> None:
    """XML without any page (the pages are still to be read): its values, without places."""
    best = surest(invoice(Material((), facts=stated())))
    assert best["gross_total"].value == "3685.67"
    assert best["sender_name"].value == sample.SELLER[0]


@pytest.mark.parametrize(("fact", "text", "shown"), [
    (Fact("gross_total", "1471.60", "cii:BT-112"), "Summe 1.471,60 EUR", "1.471,60"),
    (Fact("invoice_date", "2024-03-05", "cii:BT-2"), "vom 5. März 2024", "5. März 2024"),
    (Fact("iban", "DE89370400440532013000", "cii:BT-84"), "IBAN DE89 3704 0044 0532 0130 00.", "DE89 3704 0044 0532 0130 00."),
    (Fact("seller_name", "Löwe Gastro GmbH", "cii:BT-27"), "Firma Löwe Gastro GmbH, Kiel", "Löwe Gastro GmbH,"),
    (Fact("seller_name", "Tiger AG", "cii:BT-27"), "Löwe Gastro GmbH", None)])
def test_where_a_fact_is_printed(fact: Fact, text: str, shown: str | None) -> None:
    spot = printed_at(fact, grid((page_of(text),)))
    assert (spot.text if spot else None) == shown


def test_squeezed_labels_are_equal() -> None:
    assert squeezed("Rechnungs-Nr.") == squeezed("rechnungs nr") == "rechnungsnr"
