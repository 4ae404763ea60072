"""Signs in the head of a letter ("III/2-39.63", "12 C 277/25"), looked at again letter by letter by a network learnt for them.

Recognition reads words, and a sign is none: it takes I, 1, l and / for each other, loses blanks and adds figures, and is sure of
it. The network has read tens of thousands of signs (`python -m classifiers.train signs`) and knows no words. Where both differ,
its reading counts when it is sure of every letter and the picture makes it much likelier than what recognition read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise

import numpy as np
from PIL import Image

from intake.box.inside import ctc
from intake.box.inside.closer import pieces
from intake.box.inside.convnet import Model, run
from intake.box.inside.ctc import Spelled
from intake.box.inside.signstrip import SIGN_DPI, STEP, Span, sign_strip
from intake.box.inside.words import clipped, mean_confidence
from intake.vocabulary import Box, Word

LOWEST = 0.5  # of the page: signs stand in the head of a letter
MOST, FEWEST, LONGEST = 8, 4, 26  # lines of a page; letters of a sign
NARROWEST_MM, WIDEST_MM = 5.0, 60.0
ILLEGIBLE = 0.5  # mean confidence of words that may be anything
BEFORE_MM, BEHIND_MM, APART_MM = 1.5, 6.0, 0.5  # room that is looked at beside a sign; kept from what stands there
LEAST, MEAN, MARGIN = 0.5, 0.9, 2.0
"""Of the reading: the least probability of a letter, the mean, how much likelier (natural logarithm) than the first reading."""
LEADING = re.compile(r":$|zeichen$|\bAz\.?$|\bGesch\.?-?Z\.?$|vom$|Nr\.$", re.IGNORECASE)
SIGN_NAME = re.compile(r"zeichen:?$|\bAz\.?:?$|^Gesch\b.*:$", re.IGNORECASE)
DATE = re.compile(r"^\(?\d{1,2}\.\s?(\d{1,2}\.|[A-ZÄÖÜ]\w+)\s?(\d\d|\d{4})?\.?$|^\d{4}-\d\d-\d\d$")
SIGN = re.compile(r"^(?=(?:\D*\d){2})[^\s@]+(?: [^\s@]+)*$")
AMOUNT = re.compile(r"^[-+]?[\d.]*\d(,\d+)?\s?(€|EUR|Euro|%|m|m²|qm|km|cm|kg)$|^[-+]?[\d.]*\d,(\d\d?|-+)$")
WORD = re.compile(r"[^\W\d_]{5,}")


def reread(words: Sequence[Word], grey: Image.Image, skew: float, model: Model) -> tuple[Word, ...]:
    """The words of an upright grey page (dpi in its info), signs in its upper half as the network reads them."""
    found = list(words)
    for sign in list(signs(words, grey))[:MOST]:
        again = _again(sign, words, grey, skew, model)
        if again:
            place = next(number for number, word in enumerate(found) if word is sign[0])
            found[place:place + len(sign)] = again
    return tuple(found)


def signs(words: Sequence[Word], grey: Image.Image) -> Iterator[Sequence[Word]]:
    """What may be a sign: few words in the upper half, with figures, hardly legible, or behind a leading word that says so."""
    mm = grey.width / float(grey.info["dpi"][0]) * 25.4
    for line in pieces(words):
        start = next((at for at, word in reversed(list(enumerate(line, 1))) if LEADING.search(word.text)), 0)
        sign = line[start:]
        if not sign or sign[0].box[1] >= LOWEST or not NARROWEST_MM <= (sign[-1].box[2] - sign[0].box[0]) * mm <= WIDEST_MM:
            continue
        named = start > 0 and SIGN_NAME.search(line[start - 1].text) is not None
        if named or mean_confidence(sign) < ILLEGIBLE or is_sign(" ".join(word.text for word in sign)):
            yield sign


def is_sign(text: str) -> bool:
    """Whether a text has the form of a sign: short, with figures, no day, no amount, nothing like a street."""
    return FEWEST <= len(text) <= LONGEST and SIGN.match(text) is not None and not any(
        other.search(text) for other in (DATE, AMOUNT, WORD))


def span_of(sign: Sequence[Word], words: Sequence[Word], grey: Image.Image, skew: float) -> Span:
    """Where a sign stands on its page, and how much room is beside it."""
    mm = float(grey.info["dpi"][0]) / 25.4
    left, right = min(word.box[0] for word in sign), max(word.box[2] for word in sign)
    top, bottom = min(word.box[1] for word in sign), max(word.box[3] for word in sign)
    own = {id(word) for word in sign}
    beside = [word for word in words if id(word) not in own
              and min(word.box[3], bottom) - max(word.box[1], top) > 0.3 * min(bottom - top, word.box[3] - word.box[1])]
    before = min((left - word.box[2] for word in beside if word.box[2] <= left + 0.002), default=1.0) * grey.width
    behind = min((word.box[0] - right for word in beside if word.box[0] >= right - 0.002), default=1.0) * grey.width
    return Span(left * grey.width, right * grey.width, _level(sign, grey, skew), skew,
                *(mm * max(0.2, min(most, free / mm - APART_MM)) for most, free in ((BEFORE_MM, before), (BEHIND_MM, behind))))


def _level(sign: Sequence[Word], grey: Image.Image, skew: float) -> float:
    """The height of a sign's middle at the middle of its length: the boxes of words, each lowered to there."""
    middle = (sign[0].box[0] + sign[-1].box[2]) / 2 * grey.width
    slope = math.tan(math.radians(skew))
    heights = [((word.box[1] + word.box[3]) / 2 * grey.height + slope * (middle - (word.box[0] + word.box[2]) / 2 * grey.width),
                len(word.text)) for word in sign]
    return sum(height * letters for height, letters in heights) / sum(letters for _, letters in heights)


def read(span: Span, grey: Image.Image, model: Model) -> tuple[ctc.Logs, Spelled, float]:
    """What the network says of a line, step by step; its likeliest text; which pixel across the first step begins at."""
    strip, first = sign_strip(grey, span)
    logs = ctc.logs_of(run(model.networks["reader"], strip)[:, 0].T)
    return logs, ctc.likeliest(logs, model.alphabet), first


def _again(sign: Sequence[Word], words: Sequence[Word], grey: Image.Image, skew: float, model: Model) -> list[Word]:
    """The words of a sign as the network reads them; [] where that is the same, or not sure enough."""
    span = span_of(sign, words, grey, skew)
    logs, seen, first = read(span, grey, model)
    before = " ".join(word.text for word in sign)
    if not counts(seen, logs, before, model.alphabet):
        return []
    scale = STEP * float(grey.info["dpi"][0]) / SIGN_DPI
    seen = replace(seen, text=as_large_as(seen.text, before))
    return list(_words_of(seen, sign, [(first + (step + 0.5) * scale) / grey.width for step in seen.steps], before))


def counts(seen: Spelled, logs: ctc.Logs, before: str, alphabet: str) -> bool:
    """Whether the network's reading is another one, sure, and much likelier than what was read before."""
    text = seen.text.strip()
    if "".join(text.split()).lower() == "".join(before.replace("–", "-").split()).lower() or not is_sign(text):
        return False
    letters = [sure for letter, sure in zip(seen.text, seen.letters, strict=True) if letter != " "]
    if min(letters) < LEAST or float(np.mean(letters)) < MEAN:
        return False
    return ctc.likelihood(logs, seen.text, alphabet) - ctc.likelihood(logs, before, alphabet) >= MARGIN


def as_large_as(text: str, before: str) -> str:
    """The text with letters large or small as they were read before, where both are the same: size alone tells ö from Ö."""
    found = list(text)
    small, said = ([letter.lower() for letter in one] for one in (text, before))  # one by one: a small İ is two letters
    for one in SequenceMatcher(None, small, said, autojunk=False).get_matching_blocks():
        found[one.a:one.a + one.size] = before[one.b:one.b + one.size]
    return "".join(found)


def _words_of(seen: Spelled, sign: Sequence[Word], places: Sequence[float], before: str) -> Iterator[Word]:
    """Words whose boxes lie where their letters were seen. `places`: of the letters' middles, as fractions of the page."""
    top, bottom = min(word.box[1] for word in sign), max(word.box[3] for word in sign)
    gaps = sorted(after - one for one, after in pairwise(places))
    half = gaps[len(gaps) // 2] / 2
    for number, match in enumerate(re.finditer(r"\S+", seen.text)):
        first, last = match.start(), match.end() - 1
        box: Box = clipped(places[first] - half, top, places[last] + half, bottom)
        sure = min(letter for letter in seen.letters[first:last + 1])
        yield replace(sign[0], text=match[0], raw=before if number == 0 else "", box=box, confidence=round(sure, 3))
