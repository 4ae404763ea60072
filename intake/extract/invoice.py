"""Invoices: what the e-invoice states (XML beats the picture), what is printed, and whether both say the same. Pure.

Answers invoice_number, invoice_date, due_date, net_total, tax_total, gross_total, tax_rate ("rate:net:tax"), iban, bic,
seller_name, seller_vat, buyer_name, leitweg_id, order_reference; for an e-invoice every other term that the box took out,
too. Totals are plain decimals. A field `warning` holds a German sentence where XML and print contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from intake.extract.amounts import find_amounts, find_days, plain
from intake.extract.billing import findings
from intake.extract.billwords import Finding
from intake.extract.layout import evidence, legibility
from intake.extract.parties import chosen, parties
from intake.extract.tables import Row, Spot, grid, squeezed
from intake.extract.totals import Total, totals
from intake.vocabulary import Evidence, Fact, Material, Proposal

STATED = 0.99
"""Sureness of what an e-invoice states."""
SURE_PRINT = 0.7
"""From here on a printed value contradicts an XML that says something else."""
LEAST = 0.4
"""Findings less sure than this are not proposed: they are wrong more often than right."""
_WORDS = re.compile(r"rechnung(?!shof|spr[üu]fung|swesen|sjahr)|invoice|facture|gutschrift|honorarnote|quittung|credit\snote",
                    re.IGNORECASE)
_TOTAL_NAMES = ("net_total", "tax_total", "gross_total")
_COMPARED = ("invoice_number", "invoice_date", "iban", "seller_vat", *_TOTAL_NAMES)
_GERMAN = {"invoice_number": "Rechnungsnummer", "invoice_date": "Rechnungsdatum", "iban": "IBAN", "seller_vat": "USt-IdNr.",
           "net_total": "Nettobetrag", "tax_total": "Steuerbetrag", "gross_total": "Rechnungsbetrag"}
_ALSO = {"seller_name": "sender_name", "buyer_name": "recipient_name", "invoice_date": "letter_date"}
"""A field of an invoice that is a field of every letter, too."""


def invoice(material: Material) -> tuple[Proposal, ...]:
    """Proposals of an invoice; () for anything that is none. `material.facts` left out gives what the picture alone says."""
    lines = grid(material.pages)
    near = material.received_on.year if material.received_on else 2026
    printed = _printed(lines, near)
    own = [fact for fact in material.facts if not fact.of_carrier]
    if not own:
        return (*printed, *_as_letter(printed))
    facts = _first(own)
    stated = [_stated(fact, lines, printed, facts) for fact in own]
    clashes = [one for one in stated if any(check.startswith("xml:widerspruch") for check in one.checks)]
    quieter = [_below_xml(one, facts) for one in printed if one.field not in facts or one.value != facts[one.field].value]
    return (*stated, *_as_letter(stated), *quieter, *_warning(clashes))


def _printed(lines: Sequence[Row], near: int) -> list[Proposal]:
    """What the picture says; nothing unless it names an invoice and a sum."""
    if not any(_WORDS.search(row.text) for row in lines):
        return []
    sums, breakdown = totals(lines)
    found = chosen([*findings(lines, near), *parties(lines)])
    if not (sums.get("gross_total") or any(one.field == "invoice_number" and one.sure > 0.8 for one in found)):
        return []
    made = [_proposal(one) for one in found if one.sure >= LEAST]
    made += [_sum(name, total) for name, total in sums.items()]
    for rate in breakdown:
        value = f"{rate.rate.normalize():f}:{plain(rate.net)}:{plain(rate.tax)}"
        made.append(Proposal("tax_rate", value, 0.85, tuple(_place("rates", spot) for spot in rate.spots)))
    return made


def _place(rule: str, spot: Spot) -> Evidence:
    words = spot.segment.words_at(spot.start, spot.end)
    return evidence(f"rule:invoice-{rule}@1", spot.segment.page, words, spot.text.strip())


def _proposal(found: Finding) -> Proposal:
    spots = (found.spot, *found.more)
    words = [word for spot in spots for word in spot.segment.words_at(spot.start, spot.end)]
    sure = found.sure * (0.6 + 0.4 * legibility(words))
    places = tuple(_place(found.rule, spot) for spot in spots)
    return Proposal(found.field, found.value, round(min(0.98, max(0.05, sure)), 3), places, found.raw, found.checks)


def _sum(name: str, total: Total) -> Proposal:
    words = [word for spot in total.spots for word in spot.segment.words_at(spot.start, spot.end)]
    checks = (*(("sum:ok",) if total.checked else ("sum:unchecked",)), *(("sum:derived",) if total.derived else ()))
    legible = 1.0 if total.checked else 0.6 + 0.4 * legibility(words)  # what adds up was read right
    places = tuple(_place("totals", spot) for spot in total.spots)
    raw = "" if total.derived else total.spots[0].text
    return Proposal(name, plain(total.value), round(total.sure * legible, 3), places, raw, checks)


def _as_letter(found: Iterable[Proposal]) -> Iterator[Proposal]:
    for one in found:
        if one.field in _ALSO:
            yield Proposal(_ALSO[one.field], one.value, round(0.98 * one.confidence, 3), one.evidence, one.raw)


# ---- what the XML states ---------------------------------------------------------------------------------------------


def _first(facts: Iterable[Fact]) -> Mapping[str, Fact]:
    first: dict[str, Fact] = {}
    for fact in facts:
        first.setdefault(fact.name, fact)
    return first


def _stated(fact: Fact, lines: Sequence[Row], printed: Sequence[Proposal], facts: Mapping[str, Fact]) -> Proposal:
    """A stated value with the place where it is printed, and whether the print contradicts it."""
    syntax, _, term = fact.term.partition(":")
    by = f"xml:{syntax}@1"
    spot = printed_at(fact, lines)
    own = next((one for one in printed if one.field == fact.name and one.value == fact.value), None)
    checks = list(_checks(fact, facts))
    if own is not None:
        checks.append("xml:gedruckt")
        shown = tuple(Evidence(by, place.page, place.box, place.text) for place in own.evidence)
    elif spot is not None:
        checks.append("xml:gedruckt")
        words = spot.segment.words_at(spot.start, spot.end)
        shown = (evidence(by, spot.segment.page, words, spot.text.strip()),)
    else:
        shown = (Evidence(by, 0, None, f"{term} = {fact.value}"),)
        other = max((one for one in printed if one.field == fact.name), key=lambda one: one.confidence, default=None)
        if fact.name in _COMPARED and other is not None and other.confidence >= SURE_PRINT:
            checks.append(f"xml:widerspruch gedruckt {other.value}")
            shown = (*shown, *other.evidence)
    return Proposal(fact.name, fact.value, STATED, shown, "", tuple(checks))


def _checks(fact: Fact, facts: Mapping[str, Fact]) -> Iterator[str]:
    """For the totals: does the XML add up?"""
    if fact.name in _TOTAL_NAMES and all(name in facts for name in _TOTAL_NAMES):
        net, tax, gross = (Decimal(facts[name].value) for name in _TOTAL_NAMES)
        yield "sum:ok" if net + tax == gross else "sum:wrong"


def printed_at(fact: Fact, lines: Sequence[Row]) -> Spot | None:
    """Where on the pages the value of a fact stands in some printed form; None when nowhere."""
    wanted = squeezed(fact.value)
    number = _number(fact)
    for row in lines:
        for segment in row.segments:
            if number is not None:
                for amount in find_amounts(segment.text):
                    if abs(amount.value) == abs(number):
                        return Spot(segment, amount.start, amount.end)
            elif fact.name.endswith("_date"):
                for day in find_days(segment.text):
                    if day.day.isoformat() == fact.value:
                        return Spot(segment, day.start, day.end)
            elif len(wanted) >= 3 and (place := _text_in(segment.text, wanted)):
                return Spot(segment, *place)
    return None


def _number(fact: Fact) -> Decimal | None:
    if not fact.name.endswith("_total"):
        return None
    try:
        return Decimal(fact.value)
    except InvalidOperation:
        return None


def _text_in(text: str, wanted: str) -> tuple[int, int] | None:
    """Where the squeezed text `wanted` stands in `text`, at the borders of words; None when it does not."""
    if wanted not in squeezed(text):
        return None
    words = list(re.finditer(r"\S+", text))
    for first, start in enumerate(words):
        joined = ""
        for last in words[first:]:
            joined += squeezed(last.group())
            if joined == wanted:
                return start.start(), last.end()
            if not wanted.startswith(joined):
                break
    at = next((word for word in words if wanted in squeezed(word.group())), None)
    return (at.start(), at.end()) if at else None


def _below_xml(one: Proposal, facts: Mapping[str, Fact]) -> Proposal:
    """What is only printed stays a proposal, but below what the XML states of the same field."""
    if one.field not in facts:
        return one
    return Proposal(one.field, one.value, round(0.5 * one.confidence, 3), one.evidence, one.raw, one.checks)


def _warning(clashes: Sequence[Proposal]) -> Iterator[Proposal]:
    if not clashes:
        return
    said = "; ".join(f"{_GERMAN[one.field]} {one.value} in der XML-Datei, {_other(one)} im Bild" for one in clashes)
    text = (f"Die elektronische Rechnung und ihr Bild widersprechen sich: {said}. Es gilt die XML-Datei; "
            "prüfen Sie die Rechnung, bevor Sie sie freigeben.")
    yield Proposal("warning", text, 1.0, tuple(place for one in clashes for place in one.evidence))


def _other(one: Proposal) -> str:
    return next(check.rsplit(" ", 1)[1] for check in one.checks if check.startswith("xml:widerspruch"))
