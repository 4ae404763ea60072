"""Why a document begins on a page, or why it does not: German words for people, from what can be seen on the two pages.

Only what stands there is said, the weightiest first; where nothing can be pointed at, the reason is the look of the page or
what it shares with the page before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from classifiers.boundary_gap import NAMES, Seen, Vector, pair
from intake.vocabulary import Page

MOST = 3
OTHER_SIZE, OTHER_SCRIPT, BIG_TITLE = 1.2, 0.6, 0.5
"""Log-odds added where another size of paper, another script or a large title begins; set by hand, since the examples have no
geometry: large enough to tip a doubtful gap, too small to overrule a page number."""
_AT = {name: at for at, name in enumerate(NAMES)}


def paper(before: Page, after: Page) -> tuple[float, tuple[str, ...]]:
    """What the paper says of the gap: log-odds to add and the reasons; (0, ()) where nothing is known of it."""
    shift, said = 0.0, []
    one, two = sorted((before.width_mm, before.height_mm)), sorted((after.width_mm, after.height_mm))
    if max(abs(a - b) / max(a, b) for a, b in zip(one, two, strict=True)) > 0.08:
        shift += OTHER_SIZE
        said.append("anderes Papierformat als die Seite davor")
    if before.script != after.script and "none" not in (before.script, after.script):
        shift += OTHER_SCRIPT
        said.append("andere Schriftart als die Seite davor")
    if title := _title(after):
        shift += BIG_TITLE
        said.append(f"große Überschrift „{title}“")
    return shift, tuple(said)


def _title(page: Page) -> str:
    """The text of a line in the upper half that is half as high again as the usual one; "" without words or such a line."""
    lines: dict[int, list[tuple[float, float, str]]] = {}
    for word in page.words:
        if sum(map(str.isalpha, word.text)) >= 3:
            lines.setdefault(word.line, []).append((word.box[3] - word.box[1], word.box[1], word.text))
    if len(lines) < 6:
        return ""
    heights = sorted(sorted(height for height, _, _ in words)[len(words) // 2] for words in lines.values())
    usual = heights[len(heights) // 2]
    for words in lines.values():
        height = sorted(one[0] for one in words)[len(words) // 2]
        if height > 1.5 * usual and words[0][1] < 0.45 and sum(len(one[2]) for one in words) >= 6:
            return " ".join(one[2] for one in words)[:40]
    return ""


def reasons(pages: Sequence[Seen], at: int, logit: float, shares: Vector, said: tuple[str, ...]) -> tuple[str, ...]:
    """Up to three reasons for what is decided (logit > 0: a document begins here). `said`: what the paper says; never empty."""
    found = sorted(_begins(pages, at, shares) if logit > 0 else _continues(pages, at, shares), key=lambda one: -one[0])
    words = [*(said if logit > 0 else ()), *(sentence for _, sentence in found)]
    if not words:
        words = ["liest sich wie eine erste Seite" if logit > 0 else "nichts auf der Seite spricht für einen Anfang"]
    return tuple(dict.fromkeys(words))[:MOST]


def _weight(shares: Vector, *names: str) -> float:
    return float(sum(shares[_AT[name]] for name in names))


def _begins(pages: Sequence[Seen], at: int, shares: Vector) -> Iterator[tuple[float, str]]:
    before, after = pages[at - 1], pages[at]
    one, two = before.sketch, after.sketch
    if two.label and two.label.sure and two.label.number == 1:
        yield 9.0, f"Seite 1 von {two.label.total}" if two.label.total else "Seitenzahl 1"
    elif one.label and two.label and two.label.sure and two.label.number != one.label.number + 1:
        yield 2.0, f"Seitenzahl springt von {one.label.number} auf {two.label.number}"
    if one.label and one.label.total and one.label.number == one.label.total:
        yield 8.0, f"die Seite davor ist Seite {one.label.number} von {one.label.total}"
    if at + 1 < len(pages) and (label := pages[at + 1].sketch.label) and label.sure and label.number == 2:
        yield 7.0, "die nächste Seite trägt die Seitenzahl 2"
    if two.numbers_of["address"] >= 3:
        yield 5.0 + _weight(shares, "b.address"), "neuer Briefkopf"
    if two.numbers_of["title_top"]:
        yield 3.0 + _weight(shares, "b.title_top", "b.title"), f"neue Überschrift „{_short(two.lines)}“"
    elif two.numbers_of["annex"]:
        yield 3.0 + _weight(shares, "b.annex"), "als Anlage bezeichnet"
    if two.numbers_of["greeting"]:
        yield 2.5, "neue Anrede"
    if one.numbers_of["closing"]:
        yield 2.5, "die Seite davor endet mit Grußformel oder Unterschrift"
    elif before.ends > 1.0:
        yield 2.0 + min(before.ends / 4, 1.0), "die Seite davor liest sich wie eine letzte Seite"
    if after.begins > 1.0:
        yield 2.2 + min(after.begins / 4, 1.0), "liest sich wie eine erste Seite"
    if pair(before, after)[0] < 0.04:
        yield 1.5, "hat mit der Seite davor kaum Wörter gemeinsam"


def _continues(pages: Sequence[Seen], at: int, shares: Vector) -> Iterator[tuple[float, str]]:
    before, after = pages[at - 1], pages[at]
    one, two = before.sketch, after.sketch
    if two.label and two.label.number > 1 and one.label and two.label.number == one.label.number + 1:
        yield 9.0, f"Seitenzahl läuft weiter ({two.label.number} nach {one.label.number})"
    elif two.label and two.label.sure and two.label.number > 1:
        yield 7.0, f"Seitenzahl {two.label.number}"
    if one.numbers_of["hyphen_last"] or (one.numbers_of["open_last"] and two.numbers_of["small_first"]):
        yield 6.0, "ein Satz läuft von der Seite davor weiter"
    if shares[_AT["list.next"]] < -0.05:
        yield 4.0, "eine Aufzählung läuft weiter"
    alike = pair(before, after)
    if alike[5] > 2.5:
        yield 4.0, "gleiche Kopfzeile wie die Seite davor"
    if alike[6] > 2.5:
        yield 3.5, "gleiche Fußzeile wie die Seite davor"
    if alike[4] > 0 or alike[2] > 0:
        yield 2.5, "gleiche Nummern oder Zeichen wie die Seite davor"
    if alike[0] > 0.12:
        yield 2.0, "viele Wörter mit der Seite davor gemeinsam"


def _short(lines: Sequence[str]) -> str:
    return next((line for line in lines if sum(map(str.isalpha, line)) >= 4), "")[:40]
