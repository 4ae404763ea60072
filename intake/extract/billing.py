"""The labelled fields of an invoice: number, order, account, tax numbers (dates: billdates.py). Pure.

Labels are compared without blanks and signs ("Rechnungs-Nr." = "rechnungsnr"); a value stands after its label, to its right
or below it (`tables.values_of`). German first, then English and French.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from intake.extract.amounts import find_amounts, find_days
from intake.extract.billdates import dates
from intake.extract.billwords import INVOICE, NUMBER_WORD, Finding, heading_of
from intake.extract.layout import Segment
from intake.extract.numbers import find_ibans, find_leitweg_ids, find_vat_ids
from intake.extract.tables import Row, Spot, squeezed, values_of

NUMBER_LABEL = re.compile(
    rf"(?<![\w]){INVOICE}[\s./-]{{0,3}}(?:\([^)]{{0,40}}\)\s?)?{NUMBER_WORD}(?:\s?/\s?datum)?(?![A-Za-z])", re.IGNORECASE)
TITLE = re.compile(
    rf"(?<![\w-])(?:{INVOICE[:-1]}|gutschrift|stornorechnung|abrechnung))\s?(?:\([^)]{{0,40}}\)\s?){{0,2}}"
    rf"(?:\D{{0,40}}?{NUMBER_WORD}\s?:?\s?)?[:#]?\s?(?P<value>[A-Z0-9][A-Za-z0-9./_-]*\d[A-Za-z0-9./_-]*)", re.IGNORECASE)
ORDER_LABEL = re.compile(
    rf"(?<![\w])(?:(?:ihre?\s)?(?:bestell|order|auftrags?|po|purchase\s?order|kunden-?bestell|bestellungs?|commande|"
    rf"r[eé]f\.?\s(?:de\s)?commande|customer\s?(?:po|order))[\s./-]{{0,3}}{NUMBER_WORD}"
    rf"|(?:ihre\s)?bestellung(?:s?{NUMBER_WORD})?|votre\sr[eé]f[eé]rence|your\s(?:order|reference)|ihre?\sreferenz|"
    rf"order\sref(?:erence)?\.?|bestellreferenz|bon\sde\scommande)(?![a-zäöü])", re.IGNORECASE)
_ORDER_IN_TEXT = re.compile(rf"(?:gem[äa][ßs]s?|laut|lt\.|aus|zu|zur|f[üu]r)\s(?:ihrer\s)?(?:bestellung|auftrag|order)\s"
                            rf"(?:{NUMBER_WORD})?\s?:?\s?(?P<value>[A-Z0-9][A-Za-z0-9./_-]*\d[A-Za-z0-9./_-]*)", re.IGNORECASE)
_OTHER_NUMBER = re.compile(r"gem[äa]|bestell|auftrag|liefer|vertrag|order|kunde|angebot", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Z0-9][A-Za-z0-9./_#-]*", re.IGNORECASE)
_BUYERS = re.compile(r"ihre|your|kunde|k[äa]ufer|client|customer|empf[äa]nger|buyer|votre|acheteur", re.IGNORECASE)
_VAT_LABEL = re.compile(r"""(?:
      (?:ihre\s|unsere\s)?(?:ust|umsatzsteuer|mwst|ums\.?\s?st)[\s.-]{0,3}(?:id(?:ent)?|-?\s?identifikations?)[\w\s.\#-]{0,14}?
    | vat[\s.]?(?:reg(?:istration)?\.?|id|no|number|nr)?[\w\s.\#]{0,8}?
    | n[°º]?\s?(?:de\s)?tva[\w\s.]{0,14}? | tva(?:\sintra\w*)? | uid[\w\s.-]{0,8}?)
    \s?[:\#.]?\s?(?P<value>(?:AT|BE|BG|CH|CY|CZ|DE|DK|EE|EL|ES|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)
    [\s.]?[0-9A-Z](?:[\s.]?[0-9A-Z]){6,12})(?![0-9A-Za-z])""", re.IGNORECASE | re.VERBOSE)
"""The leading word of a USt-IdNr and the number, also one of the wrong length."""
_IBAN_LABEL = re.compile(r"IBAN[\s.:-]{0,3}(?:N(?:r|o|ummer)?[.:]?\s?)?:{0,2}\s?", re.IGNORECASE)
_AS_DIGITS = str.maketrans("OoIl|SBZ", "00111582")
_IBAN_VALUE = re.compile(r"[A-Z]{2}[0-9OIl]{2}(?:\s?[0-9A-Z]{2,4}){2,8}(?:\s?[0-9A-Z])?")
_BIC_LABEL = re.compile(r"(?<!\w)(?:BIC|SWIFT)(?:[\s/.-]{0,3}(?:SWIFT|BIC|Code))?[\s.:-]{0,4}", re.IGNORECASE)
_BIC_VALUE = re.compile(r"[A-Z]{4}\s?[A-Z]{2}\s?[A-Z0-9]{2}(?:\s?[A-Z0-9]{3})?(?![A-Za-z0-9])")


def findings(lines: Sequence[Row], near: int = 2026) -> Iterator[Finding]:
    """Everything the labels of the document say, surest or not."""
    sides = _sides(lines)
    for index, row in enumerate(lines):
        yield from _vat(lines, index, sides)
        for column, segment in enumerate(row.segments):
            yield from _numbers(lines, index, column)
            yield from _orders(lines, index, column)
            yield from dates(lines, index, column, near)
            yield from _accounts(lines, index, column)
            for one in find_leitweg_ids(re.sub(r"\s?-\s?", "-", segment.text)):
                start = max(0, segment.text.find(one.raw))
                yield Finding("leitweg_id", one.value, 0.95 if "leitweg:ok" in one.checks else 0.75,
                              Spot(segment, start, start + len(one.raw)), "leitweg", one.checks)


def _sides(lines: Sequence[Row]) -> list[tuple[int, str, Segment]]:
    """Where sections about the seller and the buyer begin: index of the row, the role, the heading."""
    return [(index, role, segment) for index, row in enumerate(lines) for segment in row.segments
            if (role := heading_of(segment.text))]


def _side(sides: Sequence[tuple[int, str, Segment]], index: int, segment: Segment) -> str:
    """The section in which something stands: the last heading at most 14 rows above it at the same left edge; "" = none."""
    for row, kind, heading in reversed(sides):
        if row <= index <= row + 14 and heading.page == segment.page and abs(heading.left - segment.left) < 12:
            return kind
    return ""


def token_at(spot: Spot) -> tuple[str, int, int] | None:
    """The first word of a place that can be a number of a document: has a digit, is no date, amount or unit."""
    for match in _TOKEN.finditer(spot.text):
        value = match.group().strip(".,:;/_-#")
        if not re.search(r"\d", value):
            if match.start() > 24 or squeezed(value) in ("vom", "von", "dated", "du"):
                return None
            continue
        whole = spot.text[max(0, match.start() - 1):match.end() + 12]
        if (len(value) < 2 and spot.where == "below") or (find_days(whole.strip()) and _is_day(match.group())):
            return None
        if find_amounts(spot.text[match.start():match.end() + 4]) and re.fullmatch(r"[\d.]+,\d\d", value):
            return None
        start = spot.start + match.start() + match.group().find(value)
        return value, start, start + len(value)
    return None


def _is_day(text: str) -> bool:
    return bool(find_days(text)) or re.fullmatch(r"\d{1,2}\.?", text) is not None


def _numbers(lines: Sequence[Row], index: int, column: int) -> Iterator[Finding]:
    segment, high = lines[index].segments[column], 1.0 - 0.15 * lines[index].place
    for match in NUMBER_LABEL.finditer(segment.text):
        weak = re.match(r"(?:dokument|document|beleg|re\b|rg\b|bill)", match.group(), re.IGNORECASE) is not None
        for spot in values_of(lines, index, column, match.end()):
            found = token_at(spot)
            if found:
                sure = {"after": 0.96, "right": 0.95, "below": 0.85}[spot.where] * high - (0.12 if weak else 0.0)
                yield Finding("invoice_number", found[0], sure, Spot(spot.segment, *found[1:], spot.where), "number-label")
                break
    for match in TITLE.finditer(segment.text):
        value = match.group("value").strip(".,:;/_-")
        if _OTHER_NUMBER.search(segment.text[match.start():match.start("value")]):
            continue
        if _is_day(value) or find_amounts(value) or re.fullmatch(r"\d{1,2}", value) or re.search(r"https?|www|:", match.group()):
            continue
        early = match.start() <= 2
        yield Finding("invoice_number", value, (0.9 if early else 0.6) * high,
                      Spot(segment, match.start("value"), match.start("value") + len(value)), "number-title")


def _orders(lines: Sequence[Row], index: int, column: int) -> Iterator[Finding]:
    segment = lines[index].segments[column]
    for match in ORDER_LABEL.finditer(segment.text):
        own = re.match(r"(?!.*(?:purchase|ihr)).*(?:auftrag|order\s?n)", match.group(), re.IGNORECASE)
        for spot in values_of(lines, index, column, match.end()):
            found = token_at(spot)
            if found and not (spot.where == "after" and squeezed(spot.text).startswith(("vom", "datum"))):
                sure = {"after": 0.88, "right": 0.88, "below": 0.7}[spot.where] - (0.2 if own else 0.0)
                yield Finding("order_reference", found[0], sure, Spot(spot.segment, *found[1:], spot.where), "order-label")
                break
    for match in _ORDER_IN_TEXT.finditer(segment.text):
        value = match.group("value").strip(".,:;/_-")
        if not _is_day(value):
            yield Finding("order_reference", value, 0.75, Spot(segment, match.start("value"), match.start("value") + len(value)),
                          "order-in-text")


def _accounts(lines: Sequence[Row], index: int, column: int) -> Iterator[Finding]:
    segment = lines[index].segments[column]
    taken: list[tuple[int, int]] = []
    for one in find_ibans(segment.text):
        sure = 0.96 if "iban:ok" in one.checks else 0.8
        taken.append((one.start, one.end))
        sure -= 0.02 * lines[index].place
        yield Finding("iban", one.value, sure, Spot(segment, one.start, one.end), "iban", one.checks, one.raw)
    for match in _IBAN_LABEL.finditer(segment.text):
        for spot in values_of(lines, index, column, match.end()):
            found = _IBAN_VALUE.match(spot.text)
            start = spot.start + (found.start() if found else 0)
            if found and not any(begin < spot.start + found.end() and start < end for begin, end in taken):
                value = re.sub(r"\s", "", found.group())
                if value.startswith("DE"):  # a German account has digits only
                    value = "DE" + value[2:].translate(_AS_DIGITS)
                if re.fullmatch(r"[A-Z]{2}[0-9OIl]{2}[0-9A-Z]{8,30}", value) and sum(sign.isdigit() for sign in value) >= 8:
                    place = Spot(spot.segment, start, start + len(found.group()), spot.where)
                    yield Finding("iban", value, 0.7, place, "iban-label", ("iban:wrong-checksum",), found.group())
            if found:
                break
    for match in _BIC_LABEL.finditer(segment.text):
        for spot in values_of(lines, index, column, match.end()):
            found = _BIC_VALUE.match(spot.text)
            if found:
                yield Finding("bic", re.sub(r"\s", "", found.group()), 0.92 if spot.where == "after" else 0.88,
                              Spot(spot.segment, spot.start, spot.start + found.end(), spot.where), "bic")
                break


def _vat(lines: Sequence[Row], index: int, sides: Sequence[tuple[int, str, Segment]]) -> Iterator[Finding]:
    row = lines[index]
    text, starts = _joined(row)
    spans: list[tuple[int, int]] = []
    hits: list[tuple[int, str, tuple[str, ...], int]] = [
        (match.start("value"), match.group("value"), (), match.start()) for match in _VAT_LABEL.finditer(text)]
    hits += [(one.start, one.raw, one.checks, max(0, one.start - 24)) for one in find_vat_ids(text)]
    for start, raw, checks, label in hits:
        value = re.sub(r"[\s.]", "", raw).upper()
        if any(begin <= start < end for begin, end in spans) or sum(sign.isdigit() for sign in value) < 7:
            continue
        spans.append((start, start + len(raw)))
        number = max(position for position, begin in enumerate(starts) if begin <= start)
        named = max(position for position, begin in enumerate(starts) if begin <= label)
        theirs = _BUYERS.search(text[max(0, label - 12):start]) or _side(sides, index, row.segments[named]) in ("buyer", "other")
        offset = start - starts[number]
        segment = row.segments[number]
        yield Finding("buyer_vat" if theirs else "seller_vat", value, (0.93 if checks else 0.9) - 0.05 * row.place,
                      Spot(segment, offset, min(len(segment.text), offset + len(raw))), "vat", checks, raw)


def _joined(row: Row) -> tuple[str, list[int]]:
    """The text of a row with one blank between its segments, and where each begins in it."""
    starts, text = [], ""
    for segment in row.segments:
        starts.append(len(text))
        text += segment.text + " "
    return text, starts
