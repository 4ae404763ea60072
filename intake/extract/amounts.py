"""Amounts of money and rates as invoices print them, and dates in the words of our neighbours. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from intake.extract.dates import FoundDate, find_dates

_CURRENCY = r"(?:€|EUR(?:O)?|CHF|USD|US\$|\$|£|GBP|DEM|DM|PLN|DKK|SEK|NOK|CZK)"
_AMOUNT = re.compile(rf"""
    (?<![\w.,/:%-])(?P<open>\()?(?P<front>{_CURRENCY}\s{{0,2}})?(?P<sign>[-–−+]\s?)?
    (?P<digits>
        \d{{1,3}}(?:[.\u2019'\u00a0\u202f\ ]\d{{3}})+,\d{{2}}     # 1.471,60  1 471,60  1'471,60
      | \d{{1,3}}(?:[,\u2019'\u00a0\u202f\ ]\d{{3}})+\.\d{{2}}    # 1,471.60  1'471.60
      | \d{{1,9}},\s?\d{{2}}                                      # 1471,60
      | \d{{1,9}}\.\d{{2}}                                        # 1471.60
      | \d{{1,3}}(?:[.]\d{{3}})*(?:,-{{1,2}}|,[—–])               # 1.471,-
      | \d{{1,9}}(?=\s{{0,2}}{_CURRENCY})                         # 300 EUR
    )(?P<after>-(?![\d\w]))?\s{{0,2}}(?P<back>{_CURRENCY})?(?P<close>\))?(?![\d%]|[.,]\d|\s?%|[A-Za-z]{{4}}|[/-]\d)
    """, re.VERBOSE)
_RATE = re.compile(r"(?<![\d.,/])(\d{1,2}(?:[.,]\d{1,2})?)\s?(?:%|v\.?\s?H\.)")
LARGEST = Decimal(10) ** 10
_MONTHS = {name: number for number, names in enumerate((
    "january janvier januari gennaio enero", "february février fevrier februari febbraio", "march mars maart marzo",
    "april avril aprile abril", "may mai mei maggio mayo", "june juin juni giugno", "july juillet juli luglio",
    "august août aout augustus agosto", "september septembre settembre", "october octobre oktober ottobre",
    "november novembre", "december décembre decembre dicembre diciembre"), 1) for name in names.split()}
_SHORT = {name[:3]: number for name, number in _MONTHS.items() if name in (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")}
_NAMED = re.compile(
    r"(?<!\w)(?:(?P<d1>\d{1,2})(?:st|nd|rd|th|er)?[.\s-]{1,2}(?:of |de )?(?P<m1>[A-Za-zéûô]{3,10})[.,\s-]{1,3}(?P<y1>\d{4})"
    r"|(?P<m2>[A-Z][a-zéûô]{2,9})\.?\s(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?\s(?P<y2>\d{4}))(?!\d)")
_SLASHED = re.compile(r"(?<![\d./-])(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\d/])|"
                      r"(?<![\d./-])(\d{4})[/.](\d{2})[/.](\d{2})(?![\d/])")


@dataclass(frozen=True, slots=True)
class FoundAmount:
    """An amount in a text: characters start..end, its value, as it stood there, and whether a currency stands with it."""

    start: int
    end: int
    value: Decimal
    raw: str
    currency: bool


def find_amounts(text: str) -> tuple[FoundAmount, ...]:
    """All amounts of `text` in order: two decimals, or a currency beside them. Rates, dates and long numbers are none."""
    found = []
    for match in _AMOUNT.finditer(text):
        value = _value(match.group("digits"))
        if value >= LARGEST:
            continue
        negative = (match.group("sign") or "").strip() not in ("", "+") or match.group("after")
        currency = bool(match.group("front") or match.group("back")) or match.group("digits")[-1] in "-—–"
        found.append(FoundAmount(match.start("digits"), match.end("digits"), -value if negative else value,
                                 text[match.start("sign") if match.group("sign") else match.start("digits"):match.end("digits")],
                                 currency))
    return tuple(found)


def _value(digits: str) -> Decimal:
    plain = re.sub(r"[\s\u00a0\u202f\u2019']", "", digits)
    if plain[-1] in "-—–":
        return Decimal(re.sub(r"\D", "", plain))
    if len(plain) > 3 and plain[-3] in ".,":
        return Decimal(f"{re.sub(r'[.,]', '', plain[:-3])}.{plain[-2:]}")
    return Decimal(plain)


def plain(value: Decimal) -> str:
    """1471.60: two digits after the point."""
    return f"{value:.2f}"


def find_rates(text: str) -> tuple[Decimal, ...]:
    """Rates in per cent, 0 to 30, in order."""
    rates = (Decimal(match.replace(",", ".")) for match in _RATE.findall(text))
    return tuple(rate for rate in rates if rate <= 30)


def find_days(text: str, near: int = 2026) -> tuple[FoundDate, ...]:
    """All dates of `text`: as German offices write them, and as invoices from elsewhere do (March 5, 2018; 13/11/2017)."""
    found = {one.start: one for one in find_dates(text, near)}
    for match in _NAMED.finditer(text):
        number = "1" if match["d1"] else "2"
        name = match[f"m{number}"].lower()
        month = _MONTHS.get(name) or (_SHORT.get(name[:3]) if len(name) <= 4 else None)
        _add(found, match, match[f"y{number}"], month, match[f"d{number}"], near)
    for match in _SLASHED.finditer(text):
        if match[4]:
            _add(found, match, match[4], int(match[5]), match[6], near)
        else:
            _add(found, match, match[3], int(match[2]), match[1], near)
    kept: list[FoundDate] = []
    for one in sorted(found.values(), key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def _add(found: dict[int, FoundDate], match: re.Match[str], year: str, month: int | None, day: str, near: int) -> None:
    number = int(year) if len(year) == 4 else int(year) + (2000 if int(year) <= near % 100 + 1 else 1900)
    try:
        made = date(number, month or 0, int(day))
    except ValueError:
        return
    if 1900 <= made.year <= 2100:
        found.setdefault(match.start(), FoundDate(match.start(), match.end(), made, match.group()))
