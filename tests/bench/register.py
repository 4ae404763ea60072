"""A made-up register of Akten, dense on purpose, and letters about them: the material of tests.bench.resolve.

Near-duplicates everywhere: numbers run without gaps (one misread digit is another Akte), neighbours share a street, parcels
lie side by side and have several Akten over the years, firms have hundreds, families share a surname.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intake.vocabulary import File

FLUREN = Path(__file__).resolve().parents[3].joinpath(
    "shared/data/gazetteers/nrw_gemarkungen_fluren/katasteraemter-gemarkungen-fluren-nrw.json")
_FIRST = """
Anke Jens Ute Heinrich Karin Uwe Petra Frank Sabine Thomas Monika Michael Susanne Andreas Claudia Stefan Birgit Peter Heike
Klaus Gabriele Wolfgang Andrea Jürgen Martina Bernd Angelika Dieter Nicole Holger Anja Torsten Silke Markus Christine Ralf
Katrin Matthias Ulrike Kai Gisela Sven Renate Jörg Barbara Dirk Ingrid Olaf Elke Martin Brigitte Christian Julia Daniel
Melanie Alexander Stefanie Jan Sandra Tobias Katharina Florian Anna Lukas Lena Felix Marie Jonas Laura Paul Sophie Max Hannah
Leon Mia Ayşe Mehmet Olga Sergej Agnieszka Piotr Nguyen Fatma Ali Ivana Björn Änne Günther"""
FIRST = tuple(_FIRST.split())

_LAST = """
Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder
Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause Meier Lehmann Schmid Schulze
Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert Vogel Friedrich
Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin
Schumacher Krämer Vogt Stein Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler Kuhn
Kühn Pohl Engel Horn Busch Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Petersen Hansen Nissen Carstensen Thomsen Jensen
Christiansen Andresen Lorenzen Brodersen Matthiesen Feddersen Ketelsen Paulsen Jacobsen Özdemir Yılmaz Kowalski Nowak
Hölscher Große-Wietfeld Brüggemann Terhorst Niehues Lütke Schulze-Dephoff Averbeck"""
LAST = tuple(_LAST.split())

_TREES = """
Ahorn Birken Buchen Eichen Erlen Eschen Fichten Kastanien Kiefern Linden Pappel Ulmen Weiden Tannen Flieder Rosen Tulpen
Nelken Lerchen Amsel Drossel Finken Meisen Schwalben Falken Habicht Reiher Storch Mühlen Bach Brunnen Teich See Heide Moor
Wiesen Feld Wald Berg Tal Hügel Stein Sand Kirch Schul Rathaus Bahnhof Post Markt Garten Park Schloss Burg Kloster Goethe
Schiller Lessing Mozart Beethoven Haydn Kant Hebbel Storm Fontane Raabe Ring Nord Süd Ost West"""
TREES = tuple(_TREES.split())

TAILS = ("straße", "weg", "allee", "gasse", "platz", "kamp", "stieg", "ring")
FIRMS = ("Wohnbau", "Immobilien", "Projektentwicklung", "Bauträger", "Energie", "Landhandel", "Autohaus", "Zimmerei",
         "Tischlerei")
WORKS = ("Neubau eines Einfamilienhauses", "Errichtung eines Carports", "Anbau eines Wintergartens",
         "Nutzungsänderung zur Ferienwohnung",
         "Abbruch einer Scheune", "Neubau eines Mehrfamilienhauses", "Errichtung einer Werbeanlage", "Umbau eines Ladenlokals",
         "Dachgeschossausbau", "Errichtung einer Garage", "Neubau einer Lagerhalle", "Errichtung einer Einfriedung",
         "Grundstücksentwässerung", "Aufstellung eines Mobilfunkmastes", "Errichtung einer Photovoltaikanlage", "Baulast Zufahrt",
         "Sondernutzung Gerüst", "Hausanschluss Kanal", "Gaststättenerlaubnis", "Anliegerbeitrag")
NOTATIONS = {"BA/632.60": 9, "BA/632.10": 4, "BA/621.40": 2, "OA/120.30": 2, "KA/963.10": 3, "BA/660.20": 2}
PRINTED = ("sign", "reply", "former", "parcel", "address", "name")
"""What a letter may print of its Akte: its sign, that as „Ihr Zeichen“, an earlier one, parcel, address, applicant."""


@dataclass(frozen=True, slots=True)
class Truth:
    """A letter as lines, what it prints of its Akte, and the id of that ("" when the register has none).

    `fitting`: so many Akten fit everything printed (before it was misread); with more than one nobody could tell.
    """

    printed: frozenset[str]
    lines: tuple[str, ...]
    file: str
    fitting: int = 1


def gemarkungen() -> list[tuple[str, list[str]]]:
    """Gemarkungen of one district with their Fluren; made up where the gazetteer is absent."""
    if not FLUREN.is_file():
        return [(name, [str(flur) for flur in range(1, 15)]) for name in ("Mittelau", "Norderfeld", "Süderholz", "Osterwiehe")]
    whole = json.loads(FLUREN.read_text(encoding="utf-8"))
    town = whole.get("Münster") or next(iter(whole.values()))
    return [(name.rsplit(" (", 1)[0], some["fluren"][:20]) for name, some in sorted(town.items())][:8]


def register(count: int, seed: int = 1) -> list[File]:
    """`count` Akten; a fifth of them lie on a parcel that has another one already, half of those of the same owner."""
    rng = random.Random(seed)
    places = gemarkungen()
    streets = [f"{tree}{tail}" for tree in TREES for tail in TAILS]
    streets += [f"Am {tree}{tail}" for tree in TREES for tail in ("kamp", "teich")]
    firms = [f"{rng.choice(LAST)} {rng.choice(FIRMS)} GmbH" for _ in range(60)]
    files: list[File] = []
    numbers: dict[tuple[str, int], int] = {}
    plots: list[tuple[str, str, str]] = []
    taken: set[str] = set()
    for at in range(count):
        sign = rng.choices(list(NOTATIONS), list(NOTATIONS.values()))[0]
        year = rng.randint(1994, 2026)
        number = numbers[sign, year] = numbers.get((sign, year), 0) + 1
        if plots and rng.random() < 0.2:
            parcel, address, owner = rng.choice(plots)
            owner = owner if rng.random() < 0.5 else _person(rng, firms)
        else:
            parcel = _fresh(taken, lambda: _plot(rng, places))
            address = _fresh(taken, lambda: f"{rng.choice(streets)} {rng.randint(1, 99)}{rng.choice(('', '', '', '', 'a', 'b'))}")
            owner = _person(rng, firms)
            plots.append((parcel, address, owner))
        old = f"{rng.randint(1, 9)}{rng.randint(100, 999)}-{rng.randint(1, 4000):05d}/{year % 100:02d}"
        files.append(File(f"f{at:06d}", f"{sign}-{number:04d}/{year}", rng.choice(WORKS), "e1", "imported", None, parcel, address,
                          (owner,), (old,) if year < 2004 else ()))
    return files


def _person(rng: random.Random, firms: Sequence[str]) -> str:
    if rng.random() < 0.15:
        return rng.choice(firms[:1 + int(rng.random() ** 2 * len(firms))])
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def _fresh(taken: set[str], draw: Callable[[], str]) -> str:
    while (made := draw()) in taken:
        pass
    taken.add(made)
    return made


def _plot(rng: random.Random, places: Sequence[tuple[str, list[str]]]) -> str:
    name, fluren = rng.choice(places)
    return f"Gemarkung {name}, Flur {rng.choice(fluren)}, Flurstück {rng.randint(1, 180)}/{rng.randint(1, 9)}"


def letter(file: File, printed: frozenset[str], rng: random.Random, others: Sequence[File],
           tables: Tables) -> Truth:
    """A letter about an Akte that prints what is asked for, among things that belong to nobody or to other Akten."""
    sign = file.former[0] if "former" in printed and file.former else file.reference
    with_sign = bool(printed & {"sign", "reply", "former"})
    writer = file.persons[0] if "name" in printed and rng.random() < 0.7 else f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    work = rng.choices((file.title, rng.choice(WORKS), "Ihr Schreiben"), (0.65, 0.1, 0.25))[0]  # people write about more than one
    lines = [writer, f"{rng.choice(TREES)}chaussee {rng.randint(61, 99)}", f"{rng.randint(10000, 99999)} Musterstadt", "",
             "Stadt Mittelau", "Bauamt", "Am Rathausforum 1", "24998 Mittelau", ""]
    if "reply" in printed:
        lines.append(f"Ihr Zeichen: {sign}    Unser Zeichen: {rng.randint(1, 99)}-{rng.randint(100, 999)}/{rng.choice('abcd')}")
        subject = work
    else:
        subject = f"{work}, {rng.choice(('Az.', 'Aktenzeichen', 'Bauakte'))} {sign}" if with_sign else work
    lines += [f"Datum: {rng.randint(1, 28):02d}.{rng.randint(1, 12):02d}.2026", "", subject, ""]
    lines += ["Sehr geehrte Damen und Herren,", ""]
    if "parcel" in printed:
        lines.append(rng.choice((f"zum Vorhaben auf dem Grundstück {file.parcel} teilen wir mit,",
                                 f"betroffen ist {file.parcel.replace('Flurstück', 'Flst.').replace('markung ', 'm. ')} tlw.,")))
    if "address" in printed:
        lines.append(f"das Baugrundstück liegt {file.address.replace('straße', rng.choice(('straße', 'str.')))}, hier geht es um")
    if "name" in printed and writer != file.persons[0]:
        lines.append(f"Bauherr ist {file.persons[0]}, vertreten durch das Büro,")
    if rng.random() < 0.3:  # something that belongs to another Akte: a neighbour
        other = rng.choice(others)
        lines.append(rng.choice((f"Der Nachbar {other.persons[0]} hat zugestimmt.",
                                 f"Vergleichbar ist {other.title}, {other.address}.")))
    lines += [f"{work}. Die Unterlagen liegen bei, um Rückmeldung bis zum {rng.randint(1, 28)}.11.2026 wird gebeten.",
              f"Rückfragen unter 04{rng.randint(100, 999)} {rng.randint(10000, 99999)}.", "", "Mit freundlichen Grüßen", writer]
    return Truth(printed, tuple(lines), file.id, 1 if with_sign else len(_fitting(file, printed, work, tables)))


Tables = dict[str, dict[object, list[File]]]


def _tables(known: Sequence[File]) -> Tables:
    """The Akten by parcel, by address and by persons."""
    made: Tables = {"parcel": {}, "address": {}, "persons": {}}
    for one in known:
        for name, table in made.items():
            table.setdefault(getattr(one, name), []).append(one)
    return made


def _fitting(file: File, printed: frozenset[str], work: str, tables: Tables) -> list[File]:
    """The Akten of the register that have the parcel (or address, applicant) printed, and the title where it is printed."""
    name = next((name for name in ("parcel", "address") if name in printed), "persons")
    some = tables[name].get(getattr(file, name), [])
    some = [one for one in some if "name" not in printed or one.persons == file.persons]
    return [one for one in some if work != file.title or one.title == work]


LOOK = {
    "0": "O86", "1": "lI7", "2": "Z7", "3": "89", "4": "A9", "5": "S6", "6": "G58", "7": "1T", "8": "B36", "9": "48", "B":
    "8", "O": "0", "S": "5", "l": "1I", "I": "l1", "/": "I1", "-": ".~", ".": ",", "e": "c", "c": "e", "n": "u", "u": "n",
    "i": "l", "ä": "a", "ö": "o", "ü": "u", "ß": "B", "h": "b", "f": "t", "t": "f", "r": "n"}


def noisy(text: str, share: float, rng: random.Random) -> str:
    """`text` with that share of its characters misread: look-alikes mostly, some lost, doubled or wrong altogether."""
    made = []
    for char in text:
        if char in " \n" or rng.random() >= share:
            made.append(char)
            continue
        kind = rng.random()
        if kind < 0.70:
            made.append(rng.choice(LOOK.get(char, "aeinrst")))
        elif kind < 0.80:
            made.append("")
        elif kind < 0.88:
            made.append(char + rng.choice(".,'-il1"))
        else:
            made.append(rng.choice("abdegiklmnorstu0123456789"))
    return "".join(made)


def drawn(rng: random.Random) -> frozenset[str]:
    """What a letter prints, drawn at random: a sign in half of them, parcel, address, applicant; never the applicant alone."""
    while True:
        printed = {name for name in ("parcel", "address", "name") if rng.random() < 0.45}
        if rng.random() < 0.55:
            printed.add(rng.choice(("sign", "sign", "reply", "reply", "former")))
        if printed - {"name"}:
            return frozenset(printed)


def unknown_file(rng: random.Random, known: Sequence[File], unknown: Sequence[File]) -> File:
    """An Akte that the register lacks; half of them are new works on a parcel it knows, half of those by the same owner."""
    fresh = rng.choice(unknown)
    if rng.random() < 0.5:
        return fresh
    old = rng.choice(known)
    owner = old.persons if rng.random() < 0.5 else fresh.persons
    return replace(fresh, title=rng.choice(WORKS), parcel=old.parcel, address=old.address, persons=owner)


def letters(files: Sequence[File], count: int, seed: int, share: float, only: str = "") -> list[Truth]:
    """`count` letters printing what `drawn` says (or nothing but `only`). That share of all characters is misread.

    Each sixth letter is about an Akte that the register (the first 96 % of `files`) lacks; most of those have no sign yet.
    """
    rng = random.Random(seed)
    known, unknown = files[:int(len(files) * 0.96)], files[int(len(files) * 0.96):]
    tables = _tables(known)
    made = []
    for at in range(count):
        new = at % 6 == 5 and not only
        printed = frozenset((only,)) if only else drawn(rng)
        if new and rng.random() < 0.7:
            printed = (printed - {"sign", "reply", "former"}) or frozenset(("parcel", "name"))
        file = unknown_file(rng, known, unknown) if new else rng.choice(known)
        while "former" in printed and not file.former:
            file = unknown_file(rng, known, unknown) if new else rng.choice(known)
        plain = letter(file, printed, rng, known, tables)
        lines = noisy("\n".join(plain.lines), share, rng).split("\n")
        made.append(Truth(printed, tuple(lines), "" if new else file.id, plain.fitting))
    return made
