"""How to reach and to pay somebody: e-mail, telephone, IBAN, BIC, Steuernummer, Kassenzeichen. Pure.

Fields: `email`, `phone` (digits with one "+" for +49 and the like, else beginning with 0), `iban`, `bic`, `tax_number`,
`cash_reference`. Whose they are is not said; the extractor of invoices answers `iban` with more trust where it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from intake.extract.flow import Flow, flow, proposal
from intake.extract.numbers import FoundNumber, find_bics, find_ibans, find_tax_numbers
from intake.vocabulary import Material, Proposal

_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]+\s?(?:@|\(at\)|"
                    r"\[at\])\s?[A-Za-z0-9äöü-]+(?:\.[A-Za-z0-9äöü-]+)*\.[A-Za-z]{2,24}(?![\w-])")
_PHONE = re.compile(r"(?P<label>\b(?:Tel(?:efon|\.)?|Fon|Ruf|Mobil(?:telefon)?|Handy|Durchwahl|Rückfragen|"
                    r"T\.)\s*(?:-?\s?Nr\.?)?\s*[.:]*\s*)"
                    r"(?P<number>(?:\+\s?\d{2}|0)[\d\s()/.–-]{4,20}\d)")
_CASH = re.compile(r"\b(?:Kassenzeichen|Buchungszeichen|PK-?Nr\.?|"
                   r"Personenkonto)\s*[.:]*\s*(?P<number>[A-Z0-9][\w./-]*\d(?:\s\d{2,})*)")


def contacts(material: Material) -> tuple[Proposal, ...]:
    """Every address and number of all pages, each place once."""
    found: list[Proposal] = []
    for number, page in enumerate(material.pages, start=1):
        found.extend(_on_page(flow(number, page)))
    return tuple(found)


def _on_page(here: Flow) -> Iterator[Proposal]:
    for match in _EMAIL.finditer(here.text):
        value = re.sub(r"\s|\((?=at)|\[(?=at)", "", match.group()).replace("at)", "@").replace("at]", "@")
        yield proposal("email", value.lower(), 0.9, "rule:email@1", here, *match.span())
    for match in _PHONE.finditer(here.text):
        number = match.group("number").split("\n")[0].rstrip(" -/.(")
        start = match.start("number")
        value = re.sub(r"\(0\)|[^\d+]", "", number)
        if 6 <= len(value) <= 16:
            yield proposal("phone", value, 0.85, "rule:phone@1", here, start, start + len(number))
    for match in _CASH.finditer(here.text):
        yield proposal("cash_reference", match.group("number").strip(), 0.85, "rule:cash-sign@1", here, *match.span("number"))
    for name, hits in (("iban", find_ibans(here.text)), ("bic", find_bics(here.text)), ("tax_number",
        find_tax_numbers(here.text))):
        for hit in hits:
            yield proposal(name, hit.value, _trust(hit), "rule:number@1", here, hit.start, hit.end, hit.checks)


def _trust(hit: FoundNumber) -> float:
    """Check digits that hold make a chance hit impossible in practice; wrong ones make a misreading likely."""
    return 0.9 if hit.checks[0].endswith(":ok") else 0.4
