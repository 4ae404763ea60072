"""Confusions that the text alone betrays: gazettes ("GVBl. I S. 142") and counted parts ("Abs. 1"), and what Fraktur hides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from intake.vocabulary import Word

PART = r"[I1l|!\[\]TLi]"  # a stroke: the roman number one, however it was read
GAZETTE = re.compile(r"^((?:[^(]*\()?)(GVB|BGB|GB|MB|VB|RGB|AB|GVOB|GMB|KAB)[Il1|!Li]([.:;,’'-]{0,2})(.*)$")
MISREAD = re.compile(r"^(\(?)[.\d]?[SsCeoO]?[vV]{1,2}B[Il1|!Li]([.:;,’'-]{0,2})$")  # no gazette of that name has parts
NEAR_GAZETTE = re.compile(r"^(?:[^(]*\()?(GVB|BGB|RGB|GVOB)l[.,]?$")
ROMAN = re.compile(rf"^[.:’']?({PART}{{1,3}})([.,:;’']*)$")
ROMAN_PAGE = re.compile(rf"^[.:’']?({PART}{{1,3}})[.,:;’']{{0,2}}([Ss]|[58$](?=[.,:;]|$))([.,:;]*)(\d+[).,;:]*)?$")
ROMAN_YEAR = re.compile(r"^([I1l|!]{1,2})((?:19|20)\d\d[).,;:]*)$")
PAGE_SIGN = re.compile(r"^[S58$§]s?[.,:;]?$")
COUNTED = re.compile(r"^\(?(Abs\.|Absatz|Nr\.|Satz|Ziff\.|Ziffer|Art\.|Artikel)$")
LIGATURES = ((re.compile(r"(?<=\w)c?>(?=[\w.,;:!?-]|$)"), "ck"), (re.compile(r"(?<=\w)c?<h?(?=[\w.,;:!?-]|$)|^<h?(?=\w)"), "ch"))
TZ = re.compile(r"(?<=je)ß(?=t)|(?<=[lL]e)ß(?=t)|(?<=[ſsS]e)ß(?=[et])|(?<=Pla)ß|(?<=plö)ß(?=l)|(?<=n[üu])ß(?=[elt])"
                r"|(?<=chü)ß(?=[et])|(?<=Ge[sſ]e)ß")
D_FOR_V = re.compile(r"^v(?="
                     r"(?:ie|as|aß|en|em|er|es|ann|enn|och|ort|urch|a|ie[sſ]e[nrms]?|abei|aher|amit|aran|arauf|arin|azu)[,;.:]?$)")


def parted(word: Word, *texts: str) -> list[Word]:
    """One box read as several words: parted where the letters are."""
    x0, y0, x1, y1 = word.box
    whole = sum(len(text) for text in texts) + len(texts) - 1
    found: list[Word] = []
    before = 0
    for text in texts:
        left, right = (x0 + (x1 - x0) * place / whole for place in (before, before + len(text)))
        found.append(replace(word, text=text, raw=word.text if not found else "", box=(left, y0, right, y1)))
        before += len(text) + 1
    return found


def put(word: Word, text: str) -> Word:
    """The word with another text; what was recognised stays in `raw`."""
    return word if word.text == text else replace(word, text=text, raw=word.raw or word.text)


def cited(word: Word, before: Sequence[Word], after: Word | None) -> list[Word]:
    """The word of a citation as printed, [] for another word; `before` are the mended words of its line, `after` the next one."""
    misread = MISREAD.match(word.text)
    if misread and after and (ROMAN.match(after.text) or ROMAN_PAGE.match(after.text)):
        return [put(word, f"{misread[1]}GVBl.")]
    gazette = GAZETTE.match(word.text)
    if gazette:
        name = f"{gazette[1]}{gazette[2]}l" + re.sub("[:;’'-]", ".", gazette[3])[:1]
        if not gazette[4]:
            return [put(word, name)]
        tail = _part(gazette[4], after)
        return parted(word, name, *tail) if tail and name.endswith(".") else []
    last = before[-1].text if before else ""
    if NEAR_GAZETTE.match(last):
        tail = _part(word.text, after)
        return ([put(word, tail[0])] if len(tail) == 1 else parted(word, *tail)) if tail else []
    dated = before[:-1] if re.match(r"^(19|20)\d\d$", last) else before  # "GVBl. I 1967 S. 590"
    near = len(dated) > 1 and NEAR_GAZETTE.match(dated[-2].text) and dated[-1].text in ("I", "II", "III")
    if near and after and after.text[:1].isdigit() and PAGE_SIGN.match(word.text):
        return [put(word, "S" if word.text == "S" else "S.")]
    number = re.match(r"^[l|]([).,;:]*)$", word.text) if COUNTED.match(last) else None
    return [put(word, "1" + number[1])] if number else []


def _part(text: str, after: Word | None) -> list[str]:
    """What follows "GVBl." in pieces: ["I"], ["I", "S."], ["I", "S.", "142)"], ["I", "1965"]; [] when it is something else."""
    numbered = after is not None and after.text[:1].isdigit()
    year = ROMAN_YEAR.match(text)
    if year:
        return ["I" * len(year[1]), year[2]]
    page = ROMAN_PAGE.match(text)
    if page and (page[4] or numbered):
        return ["I" * len(page[1]), "S."] + ([page[4]] if page[4] else [])
    roman = ROMAN.match(text)
    return ["I" * len(roman[1]) + roman[2].strip(".:’'")] if roman else []


def round_s(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words of a Fraktur page with the long s as s, so that they are found, and what the model writes for ck, ch, tz, d.

    It puts ">" for ck and "<" for ch; tz and d are mended only in words that do not exist with ß and v.
    """
    return tuple(_legible(word, words[place + 1] if place + 1 < len(words) else None) for place, word in enumerate(words))


def _legible(word: Word, after: Word | None) -> Word:
    text = word.text
    for pattern, letters in LIGATURES:
        text = pattern.sub(letters, text)
    text = TZ.sub("tz", text)
    if after is not None and after.line == word.line:
        text = D_FOR_V.sub("d", text)  # at the end of a line "ver" may be half a word
    return put(word, text.replace("ſ", "s"))
