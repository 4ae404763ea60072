"""Small invented papers of one town for tests of the boundary model: notices, minutes, letters, and lists without any heading."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from classifiers.boundary_stacks import Example
from intake.vocabulary import Page

PLACES = ("Nordstadt", "Süderau", "Westerholt", "Ostende", "Mittelau", "Bergheim", "Talbach", "Waldau")
THINGS = ("Straße", "Schule", "Feuerwehr", "Spielplatz", "Kanal", "Brücke", "Halle", "Friedhof", "Bücherei", "Laterne")
DOINGS = ("wird saniert", "ist zu teuer", "bleibt geöffnet", "soll gebaut werden", "wurde besichtigt", "muss warten")


def sentence(rng: random.Random, place: str) -> str:
    return f"Die {rng.choice(THINGS)} in {place} {rng.choice(DOINGS)} und kostet {rng.randint(100, 9999)} Euro im Jahr."


def paper(seed: int) -> tuple[str, ...]:
    """The pages of an invented document of 1 to 4 pages."""
    rng = random.Random(seed)
    place, count = rng.choice(PLACES), rng.choice((1, 1, 2, 2, 3, 4))
    bodies = ["\n".join(sentence(rng, place) for _ in range(rng.randint(8, 16))) for _ in range(count)]
    kind = seed % 4
    if kind == 0:
        day = f"{rng.randint(1, 28)}.0{rng.randint(1, 9)}.2015"
        bodies[0] = f"Bekanntmachung\nder Gemeinde {place}\nEine Sitzung findet am {day} statt.\n{bodies[0]}"
    elif kind == 1:
        bodies[0] = f"Protokoll\nder Sitzung des Rates {place}\nBeginn der Sitzung: 18:00 Uhr\n" + bodies[0]
        bodies[-1] += "\nEnde der Sitzung: 20:15 Uhr\n(Bürgermeister) (Protokollführer)"
    elif kind == 2:
        head = f"Firma {rng.choice(THINGS)}bau\n31171 {place}\nTelefon 05069 800\nSehr geehrte Damen und Herren,"
        bodies[0] = f"{head}\n{bodies[0]}"
        bodies[-1] += "\nMit freundlichen Grüßen\ngez. Beispiel"
    return (bodies[0], *(f"- {at} -\n{body}" for at, body in enumerate(bodies[1:], 2)))


def examples(count: int, first: int = 0) -> list[Example]:
    made = []
    for seed in range(first, first + count):
        pages = tuple(Page(at, 210.0, 297.0, text) for at, text in enumerate(paper(seed), 1))
        made.append(Example(f"papier-{seed}.pdf", f"h{seed}", 2010 + (seed - first) * 10 // count, pages))
    return made


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"folder": f"meetings/{one.year}-01-02_Rat", "file": one.name, "hash": one.hash,
             "pages": [{"n": page.number, "text": page.text} for page in one.pages]} for one in examples(count, first)]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return path
