"""The dates of an invoice: its own, and when it is to be paid. Pure.

A date counts by the words before it (in its line, in the column to the left, above it): "Skonto bis" is no due date,
"Leistungsdatum" no invoice date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from intake.extract.amounts import find_days
from intake.extract.billwords import INVOICE, NUMBER_WORD, Finding
from intake.extract.dates import FoundDate
from intake.extract.tables import Row, Spot, values_of

_DUE = re.compile(r"""
      f[äa]llig(?:keits?(?:datum|tag|termin)?)?(?:\s?(?:am|zum|bis|ist|war|seit))? | zahlbar(?:\s(?:bis|am|zum))?
    | zahlungsziel | zahlungstermin | zahldatum
    | due(?:\sdate|\son|\sby)? | payment\sdue | pay(?:able)?\s(?:by|until|before) | (?:date\sd'?\s?)?[eé]ch[eé]ance
    | (?:zahl|[üu]berweis|begleich|netto|tage|ausgleich|pay)\w*[^.%]{0,70}?
          \b(?:bis|until|by|avant)(?:\s(?:sp[äa]testens|zum|am|le))*
    | (?:lastschrift|abbuch\w*|einzug|ziehen|einziehen|abgebucht|buchen)[^.]{0,70}?\b(?:am|zum)
    | sp[äa]testens(?:\s(?:bis|zum|am))*""", re.IGNORECASE | re.VERBOSE)
_OWN = re.compile(r"""
      (?:rechnungs?|beleg|ausstellungs?|gutschrifts?|fakturen?|faktura|rechn\.?|rg\.?)[\s.-]{0,2}(?:datum|dat\.?)
    | (?:invoice|issue|billing|bill)[\s-]?date
    | date\s(?:of\s(?:invoice|issue)|de\s(?:la\s)?facture|d'\s?[eé]mission|facture)
    | (?<!\w)rechnung\svom | ausgestellt\sam""", re.IGNORECASE | re.VERBOSE)
_AFTER_NUMBER = re.compile(
    rf"(?<!\w){INVOICE}[^\w,;]{{0,3}}(?:\([^)]*\)\s?){{0,2}}{NUMBER_WORD}?\s?:?\s?[\w./-]*\d[\w./-]*,?"
    r"\s(?:vom|v\.|von|dated|du|of)", re.IGNORECASE)
DATE_LABELS: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    ("due_date", 0.93, _DUE), ("invoice_date", 0.95, _OWN), ("invoice_date", 0.94, _AFTER_NUMBER),
    ("invoice_date", 0.8, re.compile(r"(?<![\w-])(?:datum|date)(?![\w-])", re.IGNORECASE)),
    ("invoice_date", 0.5, re.compile(r"(?<![\w-])(?:den|vom|du|dated|le)(?![\w-])", re.IGNORECASE)),
)
"""Field, how sure a date after these words is, the words."""
_OTHER_DATE = re.compile(r"""
      (?:liefer|leistungs?|bestell|auftrags?|druck|versand|lieferschein\w*|vertrags?|buchungs|eingangs?|beginn|wert|geburts|mandats
         |order|delivery|shipping|service|print)[\w/\s.-]{0,14}(?:datum|dat\.|date|tag|vom|zeitraum|zeit)
    | zeitraum|period|stand\b|skonto|lieferschein|bestellung|auftrag|lieferung|angebot|version|abrechnungszeit|termin|g[üu]ltig
    | registr|vereinbarung|vertrag|copyright|\(c\)|livraison|commande|druck|seit|eingegangen|geboren|gebucht|rapport|verordnung
    | leistung""", re.IGNORECASE | re.VERBOSE)
_PULLED = re.compile(r"^[^.;]{0,50}?\b(?:f[äa]llig|eingezogen|abgebucht|abbuchen|einziehen|belaste[nt]|ab)\b", re.IGNORECASE)
_SKONTO = re.compile(r"skonto|%|discount|abzug|escompte", re.IGNORECASE)
_PLACE = re.compile(r"(?:[A-ZÄÖÜ][\wäöüß./ -]{1,30},?\s*(?:den|le)?)?\s*")


def dates(lines: Sequence[Row], index: int, column: int, near: int) -> Iterator[Finding]:
    """Findings of invoice_date and due_date at one segment; years of two digits are read as near `near`."""
    for name, sure, pattern in DATE_LABELS:
        for match in pattern.finditer(lines[index].segments[column].text):
            found = _labelled(lines, index, column, match, name, near)
            if found:
                spot, day = found
                value = sure * {"after": 1.0, "right": 0.98, "below": 0.9}[spot.where]
                value *= 1.0 - 0.2 * lines[index].place if name == "invoice_date" else 1.0
                yield _finding(name, round(value, 3), Spot(spot.segment, spot.start, spot.end, spot.where), day, f"{name}-label")
    yield from _unlabelled(lines, index, column, near)


def _finding(name: str, sure: float, spot: Spot, day: FoundDate, rule: str) -> Finding:
    place = Spot(spot.segment, spot.start + day.start, spot.start + day.end, spot.where)
    return Finding(name, day.day.isoformat(), sure, place, rule, raw=day.raw)


def _labelled(lines: Sequence[Row], index: int, column: int, match: re.Match[str], name: str,
              near: int) -> tuple[Spot, FoundDate] | None:
    """The first date that stands after, beside or below a label, unless other words claim it."""
    row = lines[index]
    text = row.segments[column].text
    for spot in values_of(lines, index, column, match.end()):
        days = find_days(spot.text, near)
        if not days:
            if spot.where == "after" and spot.text.strip(" :"):
                return None
            continue
        before = text[max(0, match.start() - 45):match.end()]
        if spot.where == "after":
            before = f"{row.segments[column - 1].text if column else ''} {before}{spot.text[:days[0].start]}"
        claimed = _SKONTO.search(before) if name == "due_date" else _OTHER_DATE.search(before)
        if not claimed and days[0].start <= (45 if name == "due_date" else 14):
            return spot, days[0]
    return None


def _unlabelled(lines: Sequence[Row], index: int, column: int, near: int) -> Iterator[Finding]:
    """A date alone in the upper half, or after a place; and the day on which an amount is pulled from an account."""
    row = lines[index]
    segment = row.segments[column]
    for day in find_days(segment.text, near):
        before, after, spot = segment.text[:day.start], segment.text[day.end:], Spot(segment, 0, len(segment.text))
        if re.search(r"\b(?:am|zum)\s*$", before) and _PULLED.match(after):
            yield _finding("due_date", 0.8, spot, day, "due-pulled")
        if row.place >= 0.5 or after.strip(" .|") or not _PLACE.fullmatch(before):
            continue
        label = row.segments[column - 1].text if column and len(row.segments[column - 1].text) <= 30 else ""
        above = lines[index - 1].text[:60] if index and lines[index - 1].page == row.page else ""
        if not _OTHER_DATE.search(f"{label} {above}"):
            yield _finding("invoice_date", round(0.5 - 0.1 * row.place, 3), spot, day, "date-alone")
