"""Parcels: Gemarkung, Flur and Flurstücke as German offices write them, singly, in lists and in tables. Pure.

`parcel` is the number alone, Zähler or Zähler/Nenner without blanks or leading zeros ("17/4"); its checks say Gemarkung and
Flur as far as they are printed ("gemarkung:Durlach", "flur:3") and what the register says ("parcel:ok",
"parcel:unknown-gemarkung", "register:ähnlich Durlach"). `parcel_id` is the Flurstückskennzeichen of ALKIS (20 characters: Land 2,
Gemarkung 4, Flur 3, Zähler 5, Nenner 4, Folge 2; missing parts are underscores), given where the Gemarkung's number is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from intake.extract.flow import Flow, flow, proposal
from intake.keys import fold
from intake.vocabulary import Material, Proposal

_HYPHEN = "[-\u00ad\u2010\u2011]"
_NO = rf"(?:s?{_HYPHEN}*\s*(?:Nummern?|Num{_HYPHEN}?\s*mern?|Nrn?|N°))"
_WORD = re.compile(
    rf"(?:(?:[A-ZÄÖÜ]\w+)?[Ff]lur{_HYPHEN}*\s*str?(?:[üui]|ue){_HYPHEN}?\s*ck(?:en|es|e|s)?(?={_NO}|\b|\d|\u00ad){_NO}?"
    rf"|(?:(?<![A-Za-zÄÖÜäöüß])|(?-i:(?<=[a-zäöü])(?=F)))Fl(?:ur)?\.?{_HYPHEN}*\s?[Ss]t(?:ck|k)?{_NO}?(?![a-zäöü])|\bFl\.?\s?{_HYPHEN}?\s?Nrn?\b|\bFlur\s?Nrn\b|\bParzellen?{_NO}?\b"
    rf"|\bLgb\.?{_HYPHEN}*\s?N(?:r|ummer)n?\b|\b(?:G(?:ru?n?)?dst|Gst|Grdstck)\.?s?{_HYPHEN}*\s*Nrn?\b"
    rf"|\b(?:\w+g|G)run?d{_HYPHEN}?\s*stück(?:en|es|e|s)?(?:(?:\s*[-–])?\s+Nrn?\b|(?=\s+\d{{1,6}}/\d)))", re.IGNORECASE)
_LOOSE = re.compile(r"^\s*(?:\w*grundst|G(?:ru?n?)?dst|Gst|parz)", re.IGNORECASE)
_FILL = re.compile(rf"(?:[\s.:]|{_HYPHEN}|Nrn?\b|Nummern?\b|mit den?r?\b|(?:ca\. )?(?:Teilfläche|Teil|Teile)n?\s+(?:von|aus)\b)*")
_NUMBER = re.compile(r"(\d{1,6})(?:\s{0,2}/\s{0,2}(\d{1,4})(?![\d/]))?(?!\d)(?!\s?(?:m²|m2|qm|ha\b|ar\b|€|Euro|%|EUR|Uhr))"
                     r"(?![.,]\d{1,2}(?!\d)(?:\s?€|\s?ha|\s?m))(?!\.\d{1,2}\.\d|\.\d{3}(?!\d)\s?(?:[.,]|m²|m2|qm|€))")
_PART = re.compile(r"\s*(?:\(\s*(?:tlw\.?|teilw\.?|Teil\w*)\s*\)|tlw\b\.?|teilw\b\.?|teilweise\b|z\.\s?T\.)", re.IGNORECASE)
_ASIDE = re.compile(r"\s*\([^()\d]{2,60}\d{0,3}\w?\)")
_JOIN = re.compile(rf"\s*(?:,\s*(?:und|sowie)\b|[,;&+]|\.(?=\s\d)|und\b|u\.|sowie\b|bzw\.|bis\b|oder\b)"
                   rf"\s*(?:(?:auf|von|aus|des|der|dem|den|die|das|auch|Teile?n?|teilweise|Teilflächen?|Nrn?\.?|Flst\.?|"
                   rf"Flurstück(?:en?|s)?){_HYPHEN}?\s*)*")
_AREA = re.compile(r"\s*(?:[–-]|mit|zu|\()\s*(?:ca\.\s*)?[\d.,]+\s?(?:m²|m2|qm|ar|ha)\)?", re.IGNORECASE)
_SIZED = re.compile(r"\bNr\.?\s*(\d{1,6})(?:/(\d{1,4}))?\s+mit\s+(?:ca\.\s*)?[\d.,]+\s?(?:m²|m2|qm|ar|ha)", re.IGNORECASE)
_PLACE = rf"[A-ZÄÖÜ][a-zäöüß]+(?:(?:{_HYPHEN}\s?|\s)[A-ZÄÖÜ][a-zäöüß]+)?"
_GEMARKUNG = re.compile(rf"\b(?:Gemarkung(?:en)?|Ge-\s*markung|Gmkg\.?|Gmk\.)\s*:?\s*({_PLACE})|\b({_PLACE})er\s+Gemarkung\b")
_NO_PLACE = re.compile(r"^(?:Flur|Flst|Grundst|Gemark|Datum|Sach|Maßstab|Nutzung|Gewann|Bearb|Strasse|Straße|Nr)")
_FLUR = re.compile(r"\bFlur\s*:?\s*(\d{1,3})\b(?!\s*/)")
_KEY = re.compile(r"(?<![\d_])(\d{2})(\d{4})(\d{3}|_{3})(\d{5})(\d{4}|_{4})(\d{2}|_{2})(?![\d_])")
_HEADER = re.compile(r"Gemarkung\b.*\bFlur\b.*\bFl(?:ur)?st", re.IGNORECASE)
_ROW = re.compile(rf"^\s*({_PLACE})?\s*(\d{{1,3}})\s+(\d{{1,5}})(?:\s?/\s?(\d{{1,4}}))?"
                  r"((?:\s*,\s*\d{1,5}(?:/\d{1,4})?)*)\s*(?:\D|$)")
NEAR_BEFORE, NEAR_AFTER = 140, 70
"""Characters in which a Gemarkung or Flur belongs to a parcel."""


@dataclass(frozen=True, slots=True)
class FoundParcel:
    """A parcel at characters start..end of a text; `gemarkung` and `flur` are "" where they are not printed near it."""

    start: int
    end: int
    number: str
    gemarkung: str = ""
    flur: str = ""
    part: bool = False
    sure: float = 0.95


@dataclass(frozen=True, slots=True)
class Parcels:
    """The extractor. `gemarkungen`: names of the town's Gemarkungen and their six-digit numbers (Land and Gemarkung)."""

    gemarkungen: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, material: Material) -> tuple[Proposal, ...]:
        """A `parcel` for each place where one stands, and a `parcel_id` where the Gemarkung's number is known."""
        found: list[Proposal] = []
        for number, page in enumerate(material.pages, start=1):
            here = flow(number, page)
            for one in find_parcels(here.text):
                found.extend(self._proposals(here, one))
            for match in _KEY.finditer(here.text):
                found.extend(self._of_key(here, match))
        return tuple(found)

    def _proposals(self, here: Flow, one: FoundParcel) -> Iterator[Proposal]:
        checks = [f"gemarkung:{one.gemarkung}"] if one.gemarkung else []
        checks += [f"flur:{one.flur}"] if one.flur else []
        checks += ["parcel:part"] if one.part else []
        number, said = self._gemarkung(one.gemarkung)
        checks += [said] if said else []
        sure = one.sure * (0.8 if "unknown" in said else 1.0)
        yield proposal("parcel", one.number, sure, "rule:parcel@1", here, one.start, one.end, tuple(checks))
        if number:
            yield proposal("parcel_id", parcel_id(number, one.flur, one.number), sure * (0.95 if said == "parcel:ok" else 0.6),
                           "rule:parcel@1", here, one.start, one.end, (said,))

    def _of_key(self, here: Flow, match: re.Match[str]) -> Iterator[Proposal]:
        """A printed Flurstückskennzeichen."""
        land, gemarkung, flur, first, second, _ = match.groups()
        names = [name for name, key in self.gemarkungen.items() if key == land + gemarkung]
        said = "parcel:ok" if names else "parcel:unknown-gemarkung" if self.gemarkungen else ""
        number = str(int(first)) + (f"/{int(second)}" if second.isdigit() else "")
        checks = tuple(filter(None, (*(f"gemarkung:{name}" for name in names[:1]), f"flur:{int(flur)}" if flur.isdigit() else "",
                                     said)))
        yield proposal("parcel", number, 0.97, "rule:parcel-key@1", here, *match.span(), checks)
        yield proposal("parcel_id", match.group(), 0.97, "rule:parcel-key@1", here, *match.span(), (said,) if said else ())

    def _gemarkung(self, printed: str) -> tuple[str, str]:
        """Number of a printed Gemarkung ("" = unknown) and what the register says of it ("" without name or register)."""
        if not printed or not self.gemarkungen:
            return "", ""
        names = {fold(name): name for name in self.gemarkungen}
        if fold(printed) in names:
            return self.gemarkungen[names[fold(printed)]], "parcel:ok"
        close = get_close_matches(fold(printed), names, 1, 0.8)
        if close:
            return self.gemarkungen[names[close[0]]], f"register:ähnlich {names[close[0]]}"
        return "", "parcel:unknown-gemarkung"


def parcel_id(gemarkung: str, flur: str, number: str) -> str:
    """The Flurstückskennzeichen (20 characters) of a six-digit Gemarkung, a Flur ("" = none) and Zähler[/Nenner]."""
    first, _, second = number.partition("/")
    return gemarkung + (flur.zfill(3) if flur else "___") + first.zfill(5) + (second.zfill(4) if second else "____") + "__"


def find_parcels(text: str) -> tuple[FoundParcel, ...]:
    """All parcels of a text in order, each place once."""
    spans: dict[int, FoundParcel] = {}
    for match in _WORD.finditer(text):
        loose = _LOOSE.match(match.group())
        run = list(_list(text, match.end(), 0.85 if loose else 0.95))
        if run:
            gemarkung, flur = _context(text, match.start(), run[-1].end)
            for one in run:
                spans.setdefault(one.start, FoundParcel(one.start, one.end, one.number, gemarkung, flur, one.part, one.sure))
    for match in _SIZED.finditer(text):
        number = _number(match.group(1), match.group(2))
        end = match.end(2) if match.group(2) else match.end(1)
        spans.setdefault(match.start(1), FoundParcel(match.start(1), end, number, *_context(text, match.start(), end), sure=0.8))
    for one in _rows(text):
        spans.setdefault(one.start, one)
    return tuple(spans[start] for start in sorted(spans))


def _number(first: str, second: str | None) -> str:
    return str(int(first)) + (f"/{int(second)}" if second else "")


def _list(text: str, at: int, sure: float) -> Iterator[FoundParcel]:
    """The numbers of a list that begins at `at`."""
    fill = _FILL.match(text, at)
    at = fill.end() if fill else at
    while match := _NUMBER.match(text, at):
        if int(match.group(1)) == 0:
            return
        end = match.end()
        part = _PART.match(text, end)
        end = part.end() if part else end
        yield FoundParcel(match.start(), end, _number(match.group(1), match.group(2)), part=part is not None, sure=sure)
        for aside in (_AREA, _ASIDE, _PART):
            skip = aside.match(text, end)
            end = skip.end() if skip else end
        join = _JOIN.match(text, end)
        if join is None or "\n\n" in join.group():
            return
        at = join.end()


def _context(text: str, start: int, end: int) -> tuple[str, str]:
    """Gemarkung and Flur: right behind the list ("der Gemarkung …"), else the last ones before it in the same block."""
    behind = re.split(r"[.;]\s|\n\s*\n", text[end:end + NEAR_AFTER])[0]
    before = re.split(r"\n\s*\n", text[max(0, start - NEAR_BEFORE):start])[-1]
    close = re.match(r"[^\d]{0,40}", behind)
    after = [hit for hit in _GEMARKUNG.finditer(close.group() if close else "")]
    earlier = list(_GEMARKUNG.finditer(before))
    names = [name for hit in (*after[:1], *earlier[::-1]) if (name := hit.group(1) or hit.group(2)) and not _NO_PLACE.match(name)]
    flurs = [hit.group(1) for hit in _FLUR.finditer(before)][::-1] + [hit.group(1) for hit in _FLUR.finditer(behind)][:1]
    return (re.sub(rf"({_HYPHEN})\s", r"\1", " ".join(names[0].split())) if names else ""), (str(int(flurs[0])) if flurs else "")


def _rows(text: str) -> Iterator[FoundParcel]:
    """Rows of a table with the columns Gemarkung, Flur and Flurstück."""
    header = False
    at = 0
    gemarkung = ""
    for line in text.split("\n"):
        if header and (row := _ROW.match(line)):
            gemarkung = row.group(1) or gemarkung
            end = row.end(4) if row.group(4) else row.end(3)
            yield FoundParcel(at + row.start(3), at + end, _number(row.group(3), row.group(4)), gemarkung, row.group(2))
            for more in re.finditer(r"(\d{1,5})(?:/(\d{1,4}))?", row.group(5) or ""):
                start = at + row.start(5) + more.start()
                yield FoundParcel(start, start + len(more.group()), _number(*more.groups()), gemarkung, row.group(2))
        else:
            header = bool(_HEADER.search(line)) or (header and not line.strip() and not gemarkung)
            gemarkung = ""
        at += len(line) + 1
