"""What recognition cannot tell apart, said beside the value and never corrected in silence: Roman numerals, lost accents. Pure.

A check `ocr:auch III/2` says that the print may read so as well; `register:ähnlich NAME` that a register has nearly this name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property

from intake.protocols import Extractor
from intake.vocabulary import Evidence, Material, Proposal

_BARS = re.compile(r"(?<![0-9A-Za-zÄÖÜäöüß])([1IlL|]{1,3}|[1Il|]?[VX][1Il|]{0,3})(?=[/.\-–]\s?[0-9A-Za-z])")
_DEPARTMENT = re.compile(r"111/\d{1,3}-\d")
_COURT = re.compile(r"(\d{1,4})([A-Z€][A-Za-z]{0,4}|c)(\d{1,5})([/1lI|])(\d\d)$")
_GROUPS = re.compile(r"(?=[oOlI|]?\d)[\doOlI|]{1,3}(?:\.? (?=[oOlI|]?\d)[\doOlI|]{1,3}){2,4}$")
_STROKES = re.compile(r"[1Il|]{2}[Vv](?=\d{1,2}-\d)")
_AS_FIGURES = str.maketrans("oOlI|", "00111")
REGISTERS = frozenset((
    *("AR", "B", "C", "F", "FH", "H", "HK", "IE", "IK", "IN", "K", "L", "M", "N", "O", "OH", "S", "T", "U", "UF", "W", "WF"),
    *("BRs", "Bs", "Cs", "Ds", "Gs", "Js", "KLs", "Ks", "Ls", "Ns", "OWi", "Qs", "Ss"),
    *("A", "D", "E", "R", "V", "AS", "AY", "KR", "SO", "Ca", "Ga", "BV", "Sa", "Ta", "TaBV")))
"""Registerzeichen: civil, criminal, and administrative, social, tax and labour courts (Aktenordnung)."""
_NUMERALS = frozenset(("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII"))
NAMES = frozenset(("sender_name", "recipient_name", "seller_name", "applicant", "designer", "neighbour", "owner"))
ALIKE = 0.84
"""Least similarity (difflib's ratio of bare names) of a reading with a name of the register."""
SPELLING = "rule:register-spelling@1"


def sign(text: str) -> tuple[str, str]:
    """A sign and how else it may read ("" when it is plain).

    Capital I, small l and 1 are one stroke in many faces. A run that mixes them ("1I1/2", "Il/2") is no number, so it is the
    Roman numeral; a run of nothing but 1 ("11/2") may be either, it stays as it was read. Three of them before a further part
    of the sign ("111/2-33") are III first: offices count departments in Roman numerals, hardly one is number 111.
    """
    match = _BARS.search(text)
    if match is None or match.start() > 0:
        return text, ""
    run = match.group(1)
    roman = re.sub(r"[1lL|]", "I", run)
    if roman not in _NUMERALS or roman == run:
        return text, ""
    other = roman + text[match.end(1):]
    return (text, other) if set(run) == {"1"} and not _DEPARTMENT.match(text) else (other, text)


def fitted(text: str) -> str:
    """A sign with what recognition broke, where the form of the sign leaves one reading only; else as it is.

    A court's sign is number, register, number / year: "9C 79125" has its stroke before the year, "30 € 566/25" the register C,
    as "7 c 834/25" has.
    Groups of figures parted by blanks have no full stop before one of them and no letter inside one: "26 14. 03", "13 97 o1".
    No sign has two strokes one after the other. No Roman numeral ends with two strokes and V: "11V2-20.35" is III/2-20.35.
    """
    text = _STROKES.sub("III/", text) if _STROKES.match(text) else text
    text = text if "://" in text else re.sub("/{2,}", "/", text)
    match = _COURT.match("".join(text.split()))
    if match and (register := "C" if match[2] in ("€", "c") else match[2]) in REGISTERS:
        spelled = f"{match[1]} {register} {match[3]}/{match[5]}"
        return text if _tight(spelled) == _tight(text) else spelled
    if _GROUPS.match(text) and (". " not in text or re.search(r"\d \d", text)):
        return text.replace(". ", " ").translate(_AS_FIGURES)
    return text


def is_either(text: str) -> bool:
    """Whether a sign begins with nothing but ones, so that only the picture could tell them from Roman numerals."""
    return re.match(r"1{1,3}[/.\-–]", text) is not None


_QUOTED = ((re.compile("[‘’'](?=“)"), ""), (re.compile("(?<=„)[‚,]"), ""),
           (re.compile("(?<=“)[*]"), ""), (re.compile("(„[^“”„*]{2,80})[*](?!\\w)"), r"\1“"))
_PARAGRAPH = re.compile(r"(?<=\b)((?:nach|gem[äa]ß|gem\.|des|der|dem|im|zu|von|mit)\s+)[8$S5](?=\s\d{1,4}\s?[a-z]?\s+"
                        r"(?:Abs\.|Satz\b|Nr\.|(?:Bau|Gemeinde|Verwaltungs)?[A-ZÄÖÜ]\w*(?:GB|VO|StG|VfG|GO|BO)\b))")


def line(text: str) -> str:
    """A printed line without strokes added to quotation marks, with the mark that closes one ("„Am Bach*"), and with the § that
    can be nothing else ("nach 8 4 Abs. 2")."""
    for pattern, mended in _QUOTED:
        text = pattern.sub(mended, text)
    return _PARAGRAPH.sub(r"\1§", text)


def _tight(text: str) -> str:
    return "".join(text.split())


_NO_MARKS = str.maketrans({"ß": "ss", "ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})


def bare(text: str) -> str:
    """Lower case without any marks on letters (`ä` as `a`): what is left where recognition does not know the marks."""
    parted = unicodedata.normalize("NFD", text.lower().translate(_NO_MARKS))
    return " ".join("".join(char for char in parted if not unicodedata.combining(char)).split())


@dataclass(frozen=True)
class Checked:
    """An extractor whose names are compared with those a register has. `names`: as the register spells them."""

    extractor: Extractor
    names: tuple[str, ...] = ()
    by: str = "register:personen"
    _near: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def _bare(self) -> Mapping[str, str]:
        return {bare(name): name for name in self.names}

    @cached_property
    def _by_start(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self._bare:
            for start in {word[:2] for word in name.split()}:
                found.setdefault(start, []).append(name)
        return found

    def __call__(self, material: Material) -> Iterator[Proposal]:
        """What the extractor says, names with a check; the register's spelling as a proposal beside it."""
        for one in self.extractor(material):
            yield from self._compared(one) if self.names and one.field in NAMES else (one,)

    def _compared(self, one: Proposal) -> Iterator[Proposal]:
        known = self._alike(bare(one.value))
        if known == one.value:
            yield replace(one, checks=(*one.checks, "register:ok"))
            return
        if not known:
            yield one
            return
        yield replace(one, checks=(*one.checks, f"register:ähnlich {known}"))
        accents = bare(known) == bare(one.value)  # nothing but marks that the model of the recognition does not know
        sure = min(0.99, one.confidence + 0.005) if accents else 0.9 * one.confidence
        place = one.evidence[0]
        spelling = Evidence(SPELLING, place.page, place.box, place.text)
        yield replace(one, value=known, confidence=round(sure, 3), raw=one.raw or place.text or one.value,
                      checks=(*one.checks, f"register:ähnlich {one.value}"),
                      evidence=(spelling, Evidence(self.by, 0, None, known)))

    def _alike(self, read: str) -> str:
        if read in self._bare:
            return self._bare[read]
        if read not in self._near:
            close = get_close_matches(read, self._starting(read), 1, ALIKE) if len(read) >= 6 else []
            self._near[read] = self._bare[close[0]] if close else ""
        return self._near[read]

    def _starting(self, read: str) -> list[str]:
        """Names worth comparing: about as long, and one of their words begins as one of those read."""
        some = dict.fromkeys(name for word in read.split() for name in self._by_start.get(word[:2], ()))
        return [name for name in some if abs(len(name) - len(read)) <= 3]


def checked(extractors: Iterable[Extractor], names: Iterable[str]) -> tuple[Extractor, ...]:
    """The extractors, each with its names compared with `names`; unchanged when there are none."""
    known = tuple(dict.fromkeys(name for name in names if name))
    return tuple(Checked(one, known) for one in extractors) if known else tuple(extractors)
