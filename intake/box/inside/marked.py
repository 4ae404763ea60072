"""Marks on letters that German recognition does not know ("Dvořák", "Ayşe", "Šimić"), in names in head and foot of a page.

It reads such a letter without its mark or as something else, and mostly is less sure of the word. Names it doubts are read once
more by data for all languages in Latin script. That reading counts for words with a letter that German recognition cannot see,
where all other letters are those that were read, and where it is very sure or reads two places of the page alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from PIL import Image

from intake.box.inside.citation import put
from intake.box.inside.closer import HEIGHT_MM, alone, pieces
from intake.vocabulary import Word

HEAD, FOOT = 0.36, 0.9  # of the page: names stand above and below
DOUBTFUL, CLEAR = 0.9, 0.92  # confidence of a word that is doubted; of one that is not where it stands again, read alike
SURE, LIKELY = 0.85, 0.5  # confidence of the second reading that counts by itself, and where another place reads alike
LONGEST = 5  # words of a name
SHORTEST, MOST_LETTERS = 3, 16  # of a word whose doubt counts: long compounds are read less surely
MOST, MOST_ALIKE = 4, 8  # names looked at; places with words like one that was found
ALIKE = 0.7
GERMAN = "ÄÖÜäöüßſı"
READ_AS = {"ä": "äa", "ö": "öo0", "ü": "üu", "ß": "ßBR", "ı": "ıil1", "i": "iıl1", "I": "Il1|"}
"""How German recognition may have read a letter without a foreign mark."""
PARTICLES = frozenset(("von", "der", "van", "de", "den", "zu", "zur", "und", "&", "da", "dos", "al", "el"))
EDGES = ".,;:·•|()„“”\"'‚‘’"
CAPITAL, ENDS = re.compile(r"['‘’\"„|]?([A-ZÀ-ÖØ-ÞŁŠŽÖÄÜ]|[$&@§€£][^\W\d_])"), re.compile(r".*[,;·•|∙⋅*]$")
STRANGE = re.compile(r"ı|[^\W\d_][^\w\s.,;:'’()/&·-]|^[$&@§€£][^\W\d_]|[^\W\d_]{2}\d|[a-zäöü][CSZ][a-zäöü]")
"""What a misread letter leaves in a word ("$ahin", "Zo&", "Simi6", "KoSir"); ı is Turkish, which has more such letters."""
Recognise = Callable[[Image.Image, int], tuple[Word, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A word of a name with the letters that the second look saw in it; `doubted`: the first one was not sure of it."""

    word: Word
    name: Sequence[Word]
    letters: str
    confidence: float
    doubted: bool


def marked(words: Sequence[Word], grey: Image.Image, height_mm: float, skew: float, recognise: Recognise) -> tuple[Word, ...]:
    """The words of an upright grey page, those of names with the marks that `recognise` (Latin script) sees."""
    lines = pieces(words)
    clear = {_core(word) for word in words if word.confidence >= CLEAR and not STRANGE.search(_core(word))}
    asked = [name for line in lines for name in _names(line, height_mm)
             if any(_is_doubtful(word) and _core(word) not in clear for word in name)][:MOST]
    seen = [one for name in asked for one in _seen(name, alone(name, grey, height_mm, skew, recognise))]
    found = {one.letters for one in seen if one.confidence >= LIKELY}
    alike = list(_alike(lines, found, {id(word) for name in asked for word in name}))[:MOST_ALIKE]
    seen += [one for place in alike for one in _seen(place, alone(place, grey, height_mm, skew, recognise))]
    changed = {id(one.word): one for one in seen if _counts(one, seen)}
    return tuple(_with(word, changed[id(word)]) if id(word) in changed else word for word in words)


def _names(line: Sequence[Word], height_mm: float) -> Iterator[Sequence[Word]]:
    """What may be a name at the beginning of a line in head or foot, or behind a leading word."""
    start = next((at for at, word in reversed(list(enumerate(line, 1))) if word.text.endswith(":")), 0)
    end = start
    while end < len(line) and end - start < LONGEST and _is_part(line[end].text):
        end += 1
        if ENDS.match(line[end - 1].text):
            break
    else:
        if end < len(line) and line[end].text[0].islower():  # a sentence
            return
    name = line[start:end]
    top, bottom = (pick(word.box[edge] for word in name) for pick, edge in ((min, 1), (max, 3))) if name else (0.0, 0.0)
    if len(name) >= 2 and (bottom < HEAD or top > FOOT) and HEIGHT_MM[0] <= (bottom - top) * height_mm <= HEIGHT_MM[1]:
        yield name


def _is_part(text: str) -> bool:
    """Whether a word may belong to a name: written large, not in brackets, without figures but for one misread at its end."""
    core = text.strip(EDGES)
    return text in PARTICLES or (bool(CAPITAL.match(text)) and not re.search(r"\d.", core))


def _core(word: Word) -> str:
    return word.text.strip(EDGES)


def _is_doubtful(word: Word) -> bool:
    core = _core(word)
    return SHORTEST <= len(core) <= MOST_LETTERS and any(map(str.isalpha, core)) and (
        word.confidence < DOUBTFUL or STRANGE.search(core) is not None)


def _seen(name: Sequence[Word], again: Sequence[Word]) -> Iterator[Seen]:
    """Words of the name in which the second reading has a letter that is foreign, and the same letters beside it."""
    turkish = any("ı" in word.text for word in name)
    for one in again:
        middle = (one.box[0] + one.box[2]) / 2
        word = next((word for word in name if word.box[0] <= middle <= word.box[2]), None)
        letters = one.text.strip(EDGES)
        if word is not None and any(map(_is_foreign, letters)) and _could_be(letters).fullmatch(_core(word)):
            yield Seen(word, name, letters, one.confidence, turkish or _is_doubtful(word))


def _is_foreign(letter: str) -> bool:
    return letter.isalpha() and not letter.isascii() and letter not in GERMAN


def _could_be(letters: str) -> re.Pattern[str]:
    """What German recognition makes of these letters: foreign ones may have become anything, in one piece or two."""
    parts = [".{1,2}" if _is_foreign(one) else f"[{READ_AS[one]}]" if one in READ_AS else re.escape(one) for one in letters]
    return re.compile("".join(parts), re.IGNORECASE)


def _alike(lines: Sequence[Sequence[Word]], found: set[str], done: set[int]) -> Iterator[Sequence[Word]]:
    """Other words of the page that are nearly one of those found, with their neighbours."""
    for line in lines:
        near = [at for at, word in enumerate(line) if id(word) not in done and any(
            _could_be(one).fullmatch(_core(word)) or SequenceMatcher(None, word.text, one).ratio() >= ALIKE
            for one in found if abs(len(one) - len(word.text)) <= 2)]
        if near:
            yield line[max(near[0] - 1, 0):near[-1] + 2]


def _counts(one: Seen, seen: Sequence[Seen]) -> bool:
    """Read alike at two places; or surely, and German recognition doubted the word, or one of the same name that counts so."""
    if any(other.word is not one.word and other.letters == one.letters and min(one.confidence, other.confidence) >= LIKELY
           for other in seen):
        return True
    return one.confidence >= SURE and any(other.doubted and other.confidence >= SURE for other in seen if other.name is one.name)


def _with(word: Word, seen: Seen) -> Word:
    """The word with the letters seen; points and commas around it stay."""
    return replace(put(word, word.text.replace(_core(word), seen.letters, 1)), confidence=seen.confidence)
