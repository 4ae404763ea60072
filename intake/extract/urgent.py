"""Words that ask for haste ("Eilt", "Sofort vorlegen") where they are meant for whoever opens the post. Pure.

They count above the salutation in the upper half of the first page, where they begin a short line, and at the beginning of the
subject of a message; in running text ("ich bitte Sie, sofort ...") they do not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from intake.extract.layout import Segment, evidence, legibility
from intake.extract.zones import SUBJECT_WORD, zones
from intake.vocabulary import Evidence, Material, Proposal

SURE = 0.85
LONGEST_LINE = 6
"""Words of a line that is a note and no sentence."""
LINES = 15
"""Of a page whose millimetres are not known, so many lines are its head."""
LOWEST = 150.0
"""Millimetres from the top; below it no line is in the head of a letter."""


@dataclass(frozen=True, slots=True)
class UrgentWords:
    """The words, as the tenant names them; whole words, upper and lower case alike."""

    words: tuple[str, ...]

    def __call__(self, material: Material) -> tuple[Proposal, ...]:
        """A proposal `urgent` = "ja" for the first note in the head, else for the subject of the message; () for neither."""
        if not self.words:
            return ()
        note = re.compile(rf"[\W_]*({'|'.join(map(re.escape, self.words))})\b", re.IGNORECASE)
        if subject := material.envelope.subject:
            plain = re.sub(r"^\s*((re|aw|wg|fwd?|antwort)\s*:\s*)+", "", subject, flags=re.IGNORECASE)
            if note.match(plain):
                return (Proposal("urgent", "ja", SURE, (Evidence("rule:urgent-subject@1", 0, None, subject),)),)
        if not material.pages or not re.search(note.pattern, material.pages[0].text, re.IGNORECASE):
            return ()
        for line in _head(material):
            text = line.text
            said = SUBJECT_WORD.match(text)
            begin = said.end() if said else 0
            match = note.match(text, begin)
            if match and (said or len(text.split()) <= LONGEST_LINE):
                words = line.words_at(match.start(1), match.end())
                sure = round(SURE * (0.6 + 0.4 * legibility(words)), 3)
                return (Proposal("urgent", "ja", sure, (evidence("rule:urgent-word@1", line.page, words, text.strip()),)),)
        return ()


def _head(material: Material) -> Sequence[Segment]:
    """The lines above the salutation of the first page, at most its upper half."""
    if not material.pages:
        return ()
    front = zones(material)[0]
    lines = front.all[:front.all.index(front.salutation)] if front.salutation else front.all
    return [one for place, one in enumerate(lines) if (place < LINES if one.box is None or not front.scale else one.top < LOWEST)]
