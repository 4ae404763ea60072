"""Net, tax and gross of an invoice by their labels, their columns, and because net + tax = gross. Pure.

Every amount of the document is a candidate. Its label (the text before it in its row, else above it) makes it net, tax or
gross with a weight; then the three are chosen together: a triple that adds up beats the best labels taken alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from intake.extract.amounts import find_amounts, find_rates
from intake.extract.tables import BELOW_MM, Row, Spot, squeezed

_BARE_RATES = frozenset({Decimal("5.5"), *map(Decimal, (7, 8, 9, 13, *range(16, 26)))})
"""Rates believed without a per cent sign; 10 is not among them (ten pieces at a tenth of the sum)."""
Weights = tuple[float, float, float]
Triple = tuple[Decimal, Decimal, Decimal]
NOTHING: Weights = (0.0, 0.0, 0.0)
CENT = Decimal("0.01")
ROUNDING = Decimal("0.02")
"""How far net + tax may be from gross (rounding by line)."""
MOST = 8
_TAX = r"(?:umsatzsteuer|mehrwertsteuer|mwst|m[wv]st|ust|steuer|vat|tva|btw|iva|taxes|tax)"
_NET = (rf"netto|(?:ohne|exkl|excl|exklusive|vor|before|without|hors){_TAX}|totalht|montantht|(?:total|summe)net$|subtotal|"
        r"zwischensumme|exclvat|horstax|taxbasis|netamount|totalnet|nettotal|^ht$|soustotal")
_GROSS_TAX = (rf"brutto|(?:inkl|incl|inklusive|including|mit|einschl|einschliesslich){_TAX}|ttc|"
              r"(?:inkl|incl)(?:\d|$)|gross")
_STRONG_GROSS = re.compile(r"rechnungsbetrag|rechnungssumme|gesamtbetrag|endbetrag|endsumme|gesamtsumme|grandtotal|totalamount|"
                           r"invoicetotal|totalinvoice|totalbetrag|gesamtpreis|montanttotal|invoiceamount|gutschriftsbetrag|"
                           r"gesamtrechnung|auftragssumme")
_SUM = re.compile(r"^(?:gesamt|summe|total|betrag)|(?:summe|total|gesamt)(?:eur|euro|chf|usd|gbp)?$")
_PAYABLE = re.compile(r"zahlbetrag|zuzahlen|zahlende|offen|amountdue|balance|solde|netapayer|restbetrag|ueberweis|payable|"
                      r"forderung|zahlungsbetrag|abbuch|faellig|lastschrift")
_NOT = re.compile(r"rabatt|skonto|anzahlung|abschlag|zuschlag|erhalten|bezahlt|gezahlt|versandkosten|porto|vorauszahl|"
                  r"discount|shipping|prepaid|deposit|acompte|remise|einzelpreis|stueckpreis|preisbasis|deckung|mindest|unitprice|"
                  r"saldovor|altersaldo|mahn|nachlass|kapital|bruttopreis|capital|guthaben|uebertrag")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An amount and its weights as net, tax, gross (0 = nothing speaks for it)."""

    value: Decimal
    spot: Spot
    weights: Weights


@dataclass(frozen=True, slots=True)
class Total:
    """The chosen value of a field; `checked` when net + tax = gross holds; `spots` are where it stands.

    `derived`: not printed legibly, but the other two are (and `spots` are theirs).
    """

    value: Decimal
    spots: tuple[Spot, ...]
    sure: float
    checked: bool
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """A line of the tax breakdown whose tax is its net times its rate."""

    rate: Decimal
    net: Decimal
    tax: Decimal
    spots: tuple[Spot, ...]


_RULES: tuple[tuple[re.Pattern[str], Weights], ...] = (
    (_NOT, NOTHING),
    (re.compile(rf"(?:darin|davon|enthalten\w*|hierin)\w*{_TAX}|{_TAX}(?:enthalten|anteil|betrag)"), (0.0, 3.0, 0.0)),
    (re.compile(rf"(?!.*(?:zuzueglich|zzgl|zwischensumme))(?=.*(?:{_NET}))(?=.*(?:summe|gesamt|total|betrag))"), (3.0, 0.0, 0.0)),
    (re.compile(rf"(?!.*(?:zuzueglich|zzgl))(?=.*(?:{_NET}))"), (2.1, 0.0, 0.0)),
    (re.compile(_GROSS_TAX), (0.0, 0.0, 3.0)),
    (re.compile(rf"(?!.*(?:steuernummer|steuernr|ustid|vatno|vatid|beratung))(?=.*(?:{_TAX}|taxe|enthaltene))"
                r"(?=.*(?:betrag|summe|gesamt|total))"), (0.0, 3.0, 0.0)),
    (re.compile(rf"(?!.*(?:steuernummer|steuernr|ustid|vatno|vatid|beratung))(?=.*(?:{_TAX}|taxe|enthaltene))"), (0.0, 2.2, 0.0)),
    (_PAYABLE, (0.0, 0.0, 1.6)),
    (_STRONG_GROSS, (0.0, 0.0, 2.8)),
    (re.compile(r"positionssumme|warenwert|gesamtbeitrag|leistungssumme|warensumme"), (1.2, 0.0, 0.3)),
    (_SUM, (0.6, 0.0, 2.0)),
)
"""Labels (squeezed) and how strongly each speaks for net, tax and gross, 0 to 3; the first that fits counts."""


def weigh(label: str) -> Weights:
    """How strongly a label speaks for net, tax and gross, 0 to 3."""
    text = squeezed(label)
    return next((weights for pattern, weights in _RULES if text and pattern.search(text)), NOTHING)


def candidates(lines: Sequence[Row]) -> tuple[Candidate, ...]:
    """Every amount of the document with its weights."""
    found = []
    for index, row in enumerate(lines):
        spots = [(Spot(segment, one.start, one.end), one) for segment in row.segments for one in find_amounts(segment.text)]
        last = len(spots) - 1
        for number, (spot, amount) in enumerate(spots):
            weights = weigh(_before(row, spot))
            first = _before(row, spots[0][0])
            if last and _SUM.search(squeezed(first)):  # the last row of a table: its columns say what is what
                weights = _most(weights if number == last else NOTHING, weigh(_heading(lines, index, spot)), 1.1)
            elif not any(weights):
                weights = _most(weigh(first) if number == last else NOTHING, weigh(_heading(lines, index, spot)), 0.8)
            lower = 0.4 + 0.6 * row.place
            found.append(Candidate(amount.value, spot, (weights[0] * lower, weights[1] * lower, weights[2] * lower)))
    return tuple(found)


def _most(one: Weights, other: Weights, scale: float) -> Weights:
    return (max(one[0], scale * other[0]), max(one[1], scale * other[1]), max(one[2], scale * other[2]))


def _before(row: Row, spot: Spot) -> str:
    """The text of a row between the amount before `spot` and `spot`, without its currency."""
    text = ""
    for segment in row.segments:
        end = spot.start if segment is spot.segment else len(segment.text)
        earlier = [one for one in find_amounts(segment.text) if one.end <= end]
        text = segment.text[earlier[-1].end:end] if earlier else f"{text} {segment.text[:end]}"
        if segment is spot.segment:
            break
    return re.sub(r"(?<!\w)(?:EUR|€|Euro|USD|CHF|\$)(?!\w)", "", text).strip(" :=.-(")


def _heading(lines: Sequence[Row], index: int, spot: Spot) -> str:
    """The text printed above an amount: directly above, or the heading of its column a few rows up."""
    segment = spot.segment
    if segment.box is None:
        above = lines[index - 1] if index else None
        return above.text if above and not find_amounts(above.text) else ""
    for row in reversed(lines[max(0, index - 6):index]):
        if row.page != segment.page or segment.top - row.segments[0].bottom > 3.5 * BELOW_MM:
            break
        for other in row.segments:
            shared = min(other.right, segment.right) - max(other.left, segment.left)
            if shared > 0.3 * min(other.right - other.left, segment.right - segment.left):
                if find_amounts(other.text):
                    break  # a further amount of the same column: look higher
                return other.text
    return ""


def rates(lines: Sequence[Row], found: Sequence[Candidate]) -> tuple[Rate, ...]:
    """The lines of the tax breakdown: rows in which one amount is another times a rate printed there."""
    seen: dict[tuple[Decimal, Decimal], Rate] = {}
    for row in lines:
        own = [one for one in found if any(one.spot.segment is segment for segment in row.segments)]
        if not 2 <= len(own) <= 5:
            continue
        bare = (Decimal(number.replace(",", ".")) for segment in row.segments
                for number in re.findall(r"(?<![\d.,])\d{1,2}(?:[.,]\d{1,2})?(?![\d,])", segment.text))
        printed = {*find_rates(row.text), *(rate for rate in bare if rate in _BARE_RATES)}
        for net, tax in product(own, own):
            rate = next((rate for rate in sorted(printed) if 0 < rate <= 30 and abs(net.value) > abs(tax.value) > 0
                         and abs(net.value * rate / 100 - tax.value) <= ROUNDING), None)
            if rate is not None:
                seen.setdefault((rate, net.value), Rate(rate, net.value, tax.value, (net.spot, tax.spot)))
    return tuple(seen.values())


def totals(lines: Sequence[Row]) -> tuple[dict[str, Total], tuple[Rate, ...]]:
    """net_total, tax_total and gross_total where they were found, and the tax breakdown."""
    found = candidates(lines)
    breakdown = rates(lines, found)
    whole = _sums(breakdown)
    best = max(_triples(found, whole), key=lambda one: one[0], default=None)
    single = {name: _top(found, kind) for kind, name in enumerate(("net_total", "tax_total", "gross_total"))}
    if best is None:
        alone = ((kind, name, value, weight) for kind, (name, (value, weight)) in enumerate(single.items()))
        return ({name: Total(value, _spots(found, value, kind), min(0.75, 0.2 + 0.18 * weight), checked=False)
                 for kind, name, value, weight in alone if value is not None and weight >= 1.2}, breakdown)
    score, values = best
    sure = min(0.97, 0.5 + 0.045 * score)
    spots = [_spots(found, value, kind) for kind, value in enumerate(values)]
    others = tuple(spot for place in spots for spot in place)
    return {name: Total(value, place or others, sure if place else min(0.7, sure), checked=True, derived=not place)
            for name, value, place in zip(single, values, spots, strict=True) if place or value}, breakdown


def _sums(breakdown: Sequence[Rate]) -> tuple[Decimal, Decimal]:
    return (sum((one.net for one in breakdown), Decimal(0)), sum((one.tax for one in breakdown), Decimal(0)))


def _top(found: Sequence[Candidate], kind: int) -> tuple[Decimal | None, float]:
    one = max((one for one in found if one.weights[kind] > 0), key=lambda one: one.weights[kind], default=None)
    return (one.value, one.weights[kind]) if one else (None, 0.0)


def _ranked(found: Sequence[Candidate], kind: int) -> list[tuple[Decimal, float]]:
    """Distinct values by their greatest weight as net, tax or gross."""
    weights: dict[Decimal, float] = {}
    for one in found:
        if one.weights[kind] > weights.get(one.value, 0.0):
            weights[one.value] = one.weights[kind]
    return sorted(weights.items(), key=lambda pair: -pair[1])[:MOST]


def _triples(found: Sequence[Candidate], whole: tuple[Decimal, Decimal]) -> Iterator[tuple[float, Triple]]:
    """(score, (net, tax, gross)) of all that add up; two of the three must be labelled, the third may be any amount."""
    nets, taxes, grosses = (_ranked(found, kind) for kind in range(3))
    known = {one.value for one in found}
    if whole[1] and whole[1] not in dict(taxes):  # several rates, and no line that adds them up
        taxes.append((whole[1], 2.0))
    options = [((net, tax, net + tax), a + b) for (net, a), (tax, b) in product(nets, taxes)]
    options += [((net, gross - net, gross), a + b) for (net, a), (gross, b) in product(nets, grosses)]
    options += [((gross - tax, tax, gross), a + b) for (tax, a), (gross, b) in product(taxes, grosses)]
    weights = [dict(one) for one in (nets, taxes, grosses)]
    for values, _ in options:
        near = tuple(_near(value, known) for value in values)
        net, tax, gross = (value if near[index] is None else near[index] or Decimal(0) for index, value in enumerate(values))
        missing = sum(one is None for one in near)
        if missing > 1 or not _plausible(net, tax, gross):
            continue
        if missing and sum(weights[kind].get(one, 0.0) > 1.2 for kind, one in enumerate((net, tax, gross))) < 2:
            continue
        score = sum(weights[kind].get(value, 0.0) for kind, value in enumerate((net, tax, gross))) + (-1.0 if missing else 3.0)
        if not tax and any(value and weight > 1 for value, weight in taxes):
            score -= 3.0  # a tax is printed: the same amount twice is not net and gross
        if tax and abs(whole[1] - tax) <= ROUNDING:
            score += 1.5
        if tax and abs(whole[0] - net) <= ROUNDING:
            score += 1.0
        yield score, (net, tax, gross)


def _near(value: Decimal, known: set[Decimal]) -> Decimal | None:
    return next((value + step for step in (Decimal(0), CENT, -CENT, ROUNDING, -ROUNDING) if value + step in known), None)


def _plausible(net: Decimal, tax: Decimal, gross: Decimal) -> bool:
    """Same signs, and a tax of at most 27 per cent (the highest rate in the EU) of the net."""
    if not gross or not net or (net > 0) != (gross > 0) or (tax and (tax > 0) != (net > 0)):
        return False
    return abs(net + tax - gross) <= ROUNDING and abs(tax) <= abs(net) * Decimal("0.27") + CENT


def _spots(found: Sequence[Candidate], value: Decimal, kind: int) -> tuple[Spot, ...]:
    """Where a value stands, the best labelled place first; at most two."""
    places = sorted((one for one in found if one.value == value), key=lambda one: -one.weights[kind])
    return tuple(one.spot for one in places[:1])
