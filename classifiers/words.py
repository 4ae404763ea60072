"""From German text to features: words, parts of compounds, character n-grams. Pure and deterministic.

Compounds are not taken apart with a dictionary of the language but with the words of the plan itself: `Baumfällung`
gives `baum` when the plan knows `Baum` or `Baumschutz`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from intake.keys import fold

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ENDINGS = ("ungen", "ischen", "erinnen", "innen", "keiten", "heiten", "lichen", "igen", "ung", "isch", "lich", "keit",
            "heit", "erin", "ern", "en", "er", "es", "em", "e", "n", "s")
STOP = frozenset(fold("""
ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bereits bin bis bitte bitten da
dabei damit danach dann daran darauf das dass davon dazu dem den denn der deren des dessen deshalb die dies diese diesem
diesen dieser dieses doch dort du durch eben eigene eigenen ein eine einem einen einer eines er erst es etwa euch für
gegen gegenüber geehrte geehrter geehrten gern gerne gemäß haben habe hat hatte hatten hier hiermit hin ich ihm ihn ihnen
ihr ihre ihrem ihren ihrer im in indem ins insbesondere ist ja jede jedem jeden jeder jedes jedoch jetzt kann kein keine
können könnte mehr mein meine meinem meinen meiner mich mit mir mittels möchte möchten muss müssen nach nachdem neben
nicht noch nun nur ob oder ohne pro sagen sehr sei seien sein seine seinem seinen seiner seit sich sie siehe sind so
sofern sogar soll sollen sollte sollten somit sondern sonst soweit sowie sowohl statt über um und uns unser unsere
unserem unseren unserer unter usw vom von vor während wann war waren warum was wegen weil welche welchem welchen welcher
welches wenn wer werde werden wie wieder wir wird wo wodurch wurde wurden zu zum zur zwar zwischen etc bzw ggf inkl
damen herren herr herrn frau freundlichen grüßen gruß mfg telefon telefax fax email mail datum betreff zeichen nachricht
schreiben seite januar februar märz april mai juni juli august september oktober november dezember montag dienstag
mittwoch donnerstag freitag samstag sonntag uhr euro eur nr tel www http https gmbh straße str weg platz postfach
anlage anlagen auftrag hiermit bezug rückfragen verfügung unterlagen mitteilung angaben folgende folgenden folgender
sonstige sonstigen sonstiger sonstiges allgemeine allgemeinen allgemeiner allgemeines einschließlich beispiel gilt
gleich gleichen gleiche lassen setzen gestellt stellen stelle bleiben geben gegeben gehen kommt kommen machen teilen
jahr jahre jahren tag tage tagen monat
""").split())


def tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """The folded words of a text that mean something (at least three letters, no stop word), with their places."""
    for match in WORD.finditer(text):
        word = fold(match.group())
        if len(word) >= 3 and word not in STOP:
            yield word, match.start(), match.end()


def stem(word: str) -> str:
    """A folded word without its ending (at least four letters stay): `satzungen` and `satzung` are equal."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[:-len(ending)]
    return word


def grams(word: str, low: int = 3, high: int = 5) -> list[str]:
    """Character n-grams of a folded word with its ends marked; words of three letters give only themselves."""
    marked = f"<{word}>"
    return [marked[at:at + size] for size in range(low, high + 1) for at in range(len(marked) - size + 1)]


def pieces(word: str) -> tuple[str, ...]:
    """The parts of a word joined with hyphens, the word itself first."""
    parts = tuple(part for part in word.split("-") if len(part) >= 3)
    return (word, *parts) if len(parts) > 1 else (word,)
