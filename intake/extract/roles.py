"""Persons and bodies by their role in a building matter: Bauherr, Entwurfsverfasser, Nachbar, Eigentümer. Pure.

Fields: `applicant` (Bauherr, Antragsteller, Vorhabenträger), `designer` (Entwurfs- and Planverfasser), `neighbour`, `owner`.
A role without a name gives nothing. Names are as printed, with their legal form; case endings of running text stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from intake.extract.flow import Flow, closed, flow, proposal
from intake.vocabulary import Material, Proposal

_ROLES = {
    "applicant": r"(?:Bauherr(?:in|schaft)?|Vorhaben?s?träger(?:in)?|(?:Baua|A)ntragsteller(?:in)?|Bauwerber(?:in)?)",
    "designer": r"(?:Entwurfsverfasser(?:in)?|Planverfasser(?:in)?|Objektplaner(?:in)?|Architekt(?:in)?)",
    "neighbour": r"(?:Nachbar(?:in)?|Angrenzer(?:in)?|Grundstücksnachbar(?:in)?)",
    "owner": r"(?:Grundstückseigentümer(?:in)?|Eigentümer(?:in)?)",
}
_LEGAL = (r"(?:(?:g?GmbH|mbH|AG|OHG|KG|UG(?: \(haftungsbeschränkt\))?|SE|eG|e\.\s?G\.|GbR|e\.\s?V\.|eV|KdöR|AöR|KGaA|Stiftung)"
          r"(?:\s*(?:&|u\.|und)\s*Co\.?\s*(?:[\w-]+\s+){0,2}?(?:[A-ZÄÖÜ][\w-]*-)?(?:KG(?:aA)?|OHG))?)(?![\w])")
_TOKEN = r"(?:[A-ZÄÖÜ0-9][\w.&+'’()/\u2010-]*|[–-][a-zäöü]\w+)"
_SMALL = r"(?:und|für|der|des|zur|zum|in|im|von|vom|am|an|&|\+|[–-])"
_ORG = (rf"(?:[a-z]{{3,12}}\s)?{_TOKEN}(?:\s+(?:{_SMALL}\s+)*{_TOKEN}){{0,9}}?"
        rf"(?:\s+{_LEGAL}|(?<=\.){_LEGAL}|(?<=[\w)]){_LEGAL})")
_PUBLIC = (r"(?:Stadt|Gemeinde|Marktgemeinde|Markt|Land|Landkreis|Kreis|Amt|Bund(?:esrepublik)?|OV|Ortsverwaltung)"
           r"(?:\s+(?!Bauherr|Antrag|Vorhaben|Planverf|Eigent)[A-ZÄÖÜ][\w-]+(?:\s(?:am|an der|im|bei)\s[A-ZÄÖÜ][\w-]+)?)?")
_TITLE = r"(?:Herrn?|Frau|Eheleute|Familie|Dr\.|Prof\.|Dipl\.-\w+\.?|med\.|jur\.)"
_FIRST = r"[A-ZÀ-ÖØ-ÞĀ-Ž][a-zà-öø-ÿā-ž\u0300-\u036f'’]+(?:-[A-ZÀ-ÖØ-ÞĀ-Ž][a-zà-öø-ÿā-ž'’]+)*"
_PERSON = (rf"(?:(?:{_TITLE}\s+)+{_FIRST}(?:\s+(?:(?:von|van|zu|de|der|den|Baron|Graf|Freiherr)\s+)*{_FIRST}){{0,3}}"
           rf"|{_FIRST}\s+(?:(?:von|van|zu|de|Baron|Graf|Freiherr)\s+)*{_FIRST}(?:\s+{_FIRST})?)")
_GROUPS = (r"(?:Erbengemeinschaft|Wohnungseigentümergemeinschaft|WEG|Bauherrengemeinschaft|Kirchengemeinde)"
           r"\s+[A-ZÄÖÜ][\w-]+(?:\s[A-ZÄÖÜ][\w-]+)?")
_NAME = rf"(?:{_ORG}|{_GROUPS}|{_PUBLIC}|{_PERSON})"
_QUOTE = r"[„“”\"»«]?"
_CONTACT = re.compile(r"(?:Stra(?:ß|ss)e|str\.|\bTel|\bFax|\bT\.|\d{5}\s|@|www\.|\bDatum|\bUnterschrift|"
                      r"Plan(?:inhalt|verf|art|num)|Index\b|\b\d+ of \d)")
_ROLE_WORD = re.compile("|".join(_ROLES.values()))
_NO_NAME = re.compile(
    r"^(?:Die|Der|Das|Ein|Eine|Bei|Im|In|Auf|Zur|Zum|Nach|Für|Mit|Es|Dies|Wenn|Name|Vorname|Anschrift|Straße|Telefon|Datum|"
    r"Unterschrift|Ort|und|oder|Projekt|Datei|Satzung|Öffentlichkeit|Gericht)\b|beantragt|bescheinigt|verpflichtet|Prüfergebnis|^\W*$")


def parties(material: Material) -> tuple[Proposal, ...]:
    """A proposal for each name with a role; the surer ways of saying it answer first where two fit the same place."""
    found: list[Proposal] = []
    for number, page in enumerate(material.pages, start=1):
        here = flow(number, page)
        for role, pattern in _ROLES.items():
            found.extend(_of_role(here, role, pattern))
    return tuple(found)


def _of_role(here: Flow, role: str, pattern: str) -> Iterator[Proposal]:
    taken: list[tuple[int, int]] = []
    ways = ((_labelled, 0.92), (_is, 0.9), (_beside, 0.85), (_as, 0.85 if role == "applicant" else 0.5))
    for way, sure in ways:
        for span in way(here.text, pattern):
            start, end = _trimmed(here.text, *span)
            value = closed(here.text[start:end])
            if len(value) < 3 or _NO_NAME.search(value) or _ROLE_WORD.search(value):
                continue
            if any(start < other_end and other < end for other, other_end in taken):
                continue
            taken.append((start, end))
            yield proposal(role, value, sure, f"rule:role-{way.__name__.strip('_')}@1", here, start, end)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without blanks, quotes, articles and commas at either end."""
    head = re.match(r"(?:[\s„“”\"»«,;:–-]|(?:der|die|das|dem|den|des|fungierende[nrms]?)\s)*", text[start:end])
    start += head.end() if head else 0
    while end > start and text[end - 1] in " \t\n„“”\"»«,;:–-":
        end -= 1
    return start, end


def _labelled(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """A leading word with a colon, or alone on its line: the name is the rest of the line, else the next line."""
    label = re.compile(rf"(?m)(?:^|\t)[^\S\n]*(?:\d{{1,2}}\.?\s+)?{pattern}"
                       rf"(?:(?P<pair>\s*(?:/|und|bzw\.|oder)\s*(?:{_ROLE_WORD.pattern}))|\s+[Hh]ochbau)?"
                       r"[^\S\n]*(?P<colon>:|\(Name\):?)?[^\S\n]*(?P<rest>[^\n]*)$")
    for match in label.finditer(text):
        rest = match.group("rest").strip()
        if rest and match.group("colon"):
            yield _until_contact(text, match.start("rest"), _continued(text, match.start("rest"), match.end("rest")))
        elif not rest:
            start = match.end() + len(text[match.end():]) - len(text[match.end():].lstrip())
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            line = text[start:end]
            if text[match.end():start].count("\n") <= 3 and _wordy(line) and (
                    match.group("colon") or match.group("pair") or _looks_like_name(line)):
                yield _until_contact(text, start, _continued(text, start, end))


def _wordy(line: str) -> bool:
    return len(line) <= 90 and not re.search(r"\d{3}|:\s*$", line) and len(re.findall(r"[^\W\d_]", line)) >= 3


def _looks_like_name(line: str) -> bool:
    sentence = re.search(r"[.!?]\s*$", line.replace("e. V.", "eV"))
    return sentence is None and re.match(rf"(?:{_NAME}|[A-ZÄÖÜ]{{2,}}\b)", line.strip()) is not None


def _continued(text: str, start: int, end: int) -> int:
    """Where a name ends that may go on in the next line: it has no legal form yet or ends with "Co.", "und", "&"."""
    after = text.find("\n", end + 1)
    following = text[end + 1:after if after > 0 else len(text)]
    line = text[start:end].strip()
    goes_on = re.search(r"(?:&|\bund|Co\.|[-–,])$", line) or not re.search(_LEGAL, line)
    if goes_on and re.match(rf"\s*(?:{_TOKEN}|{_SMALL})[^\d\n:]*(?:{_LEGAL})\s*$", following):
        return end + 1 + len(following.rstrip())
    return end


def _until_contact(text: str, start: int, end: int) -> tuple[int, int]:
    """Cut before street, postcode, telephone or another label on the same line."""
    stop = _CONTACT.search(text, start, end)
    if stop:
        before = text[start:stop.start()]
        at = max(before.rfind(","), before.rfind("\t"), before.rfind("  "))
        end = start + at if at > 0 else stop.start()
    street = re.search(r",\s*(?=[A-ZÄÖÜ][\w.-]*(?:\s[\w.-]+)?\s\d{1,3}\b)|\t", text[start:end])
    return start, start + street.start() if street else end


def _is(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """"Bauherr ... ist (die) NAME", "Vorhabenträger sind ...", "als Bauherrin wird die NAME empfohlen"."""
    verb = re.compile(rf"\b{pattern}\b(?:\s*\([^)]*\))?[^.:;\n]{{0,70}}?(?:\n[^.:;\n]{{0,40}}?)?\b(?:ist|sind|wird|wurde|war)\s+"
                      rf"(?:(?:der|die|das|hierbei)\s+)?{_QUOTE}(?P<name>{_NAME})")
    for match in verb.finditer(text):
        yield match.span("name")


def _beside(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """"Die Vorhabenträgerin NAME", "des Bauherrn, der NAME,": the name right behind the role, in apposition."""
    inflected = pattern.replace("Bauherr(?:in|schaft)?", "Bauherr(?:in|schaft|n)?").replace("träger(?:in)?", "träger(?:in|s)?")
    both = re.compile(rf"\b(?:Die|der|den)\s+{inflected}\s+(?P<name>{_PERSON})\s+(?:sowie|und)\s+(?P<other>{_GROUPS}|{_PERSON})")
    for match in both.finditer(text):
        yield match.span("name")
        yield match.span("other")
    beside = re.compile(rf"\b{inflected}(?:,\s+(?:der|die|das|dem|den|des)\s+|\s*\(|\s+){_QUOTE}"
                        rf"(?P<name>{_ORG}|{_PUBLIC}|(?<=[„“”\"»(])[A-ZÄÖÜ]{{3,}}(?=[)“”])|{_TITLE}\s+{_PERSON}"
                        rf"|(?<=träger ){_PERSON}|(?<=Bauherrn ){_PERSON})")
    for match in beside.finditer(text):
        yield match.span("name")


def _as(text: str, pattern: str) -> Iterator[tuple[int, int]]:
    """"die NAME als Bauherrin" (the last name before it in the sentence), "dem als Bauherr ... fungierenden NAME"."""
    acting = re.compile(rf"\bals\s[^.:;]{{0,40}}?{pattern}\b[^.:;]{{0,60}}?\bfungierende[nrms]?\s+(?P<name>{_ORG}|{_PUBLIC})")
    for match in acting.finditer(text):
        yield match.span("name")
    behind = re.compile(rf"(?:,?\s+als\s+(?:[\w-]+,?\s+){{0,2}}?(?:[\w-]+\s+und\s+|[\w-]+/)?|\s+(?:ist|fungiert)\s+){pattern}\b")
    names = re.compile(rf"{_ORG}|{_GROUPS}|{_PUBLIC}|{_TITLE}\s+{_FIRST}(?:\s+{_FIRST})*"
                       r"|(?<=\b[Dd]ie )[A-ZÄÖÜ]\w{3,}(?<!ung)(?<!eit)|(?<=\b[Dd]er )[A-ZÄÖÜ]\w{6,}(?<!ung)(?<!eit)")
    for match in behind.finditer(text):
        before = re.split(r"(?<=[a-zäöü)]{2})[.:;!?]\s", text[max(0, match.start() - 110):match.start()])[-1]
        if re.search(r"\b(?:nicht|kein\w*|weder)\b[^.]{0,30}$", before):
            continue
        near = list(names.finditer(before))
        if near and len(before) - near[-1].end() <= 45:
            offset = match.start() - len(before)
            yield offset + near[-1].start(), offset + near[-1].end()
