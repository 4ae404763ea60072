"""A believable delivery of old building files with its truth: 200 Akten, about 5,000 pages, 1905 to 2005; the same seed, the same bytes.

    python -m samples.bauakten FOLDER [--akten 200] [--seed 1] [--scanned 0.1]

Writes FOLDER/lieferung/<Aktenzeichen>.pdf (one file an Akte), index.csv of the scan service, aktenverzeichnis.csv of the town
and truth.json. Everything is invented. `--scanned` is the share of pages that are pictures without text (the rest has the text
layer that scan services deliver). Faults are planted: 3 Akten missing, 2 too many, 5 sheets twice, 4 wrong page counts, 6
pages nobody can read; truth.json names them.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pikepdf
from PIL import Image, ImageFilter

from samples.canvas import A3_LANDSCAPE, A4, Canvas, PdfCanvas, ScanCanvas, wrap
from samples.noise import scan
from samples.papers import scanned_pdf

FIRST, LAST = 1905, 2005
MISSING, EXTRA, TWICE, MISCOUNTED, UNREADABLE = 3, 2, 5, 4, 6
NAMES = ("Asmussen", "Petersen", "Hansen", "Jessen", "Thomsen", "Carstensen", "Nissen", "Matthiesen", "Clausen", "Brodersen", "Lorenzen",
         "Johannsen", "Christiansen", "Paulsen", "Feddersen", "Göttsche", "Iversen", "Kröger", "Möller", "Steffens")
FIRSTS = ("Heinrich", "Johannes", "Friedrich", "Wilhelm", "Karl", "Anna", "Marie", "Ernst", "Hans", "Klaus", "Uwe", "Ingrid", "Renate",
          "Peter", "Jürgen", "Silke", "Birte", "Torsten", "Katrin", "Sönke")
STREETS = ("Lindenstraße", "Bahnhofstraße", "Am Markt", "Mühlenweg", "Heideweg", "Schulstraße", "Kirchenweg", "Norderstraße",
           "Dorfstraße", "Gartenweg")
PROJECTS = ("Neubau eines Wohnhauses", "Neubau eines Siedlungshauses mit Stallanbau", "Neubau einer Garage", "Anbau eines Wintergartens",
            "Umbau und Erweiterung des Wohnhauses", "Errichtung eines Carports mit Abstellraum", "Neubau einer Scheune",
            "Ausbau des Dachgeschosses", "Errichtung einer Kläranlage", "Neubau einer Werkstatt mit Büro", "Abbruch des Stallgebäudes",
            "Einbau einer Ölfeuerungsanlage")
ARCHITECTS = ("Architekt W. Lüders, Flensburg", "Baumeister C. Schmidt", "Dipl.-Ing. Ute Thomsen", "Architekt BDA H. Rohwer")
PLACES = ("Mittelau", "Norderfeld", "Süderholz", "Auenbek")


@dataclass(frozen=True)
class Paper:
    """One document: its register, when, and how each of its pages is drawn on a canvas of its own size."""

    register: str
    day: date
    pages: tuple[Callable[[Canvas], None], ...]
    size: tuple[float, float] = A4
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Vorgang:
    """A building matter of an Akte."""

    project: str
    builder: str
    number: str
    papers: tuple[Paper, ...]


@dataclass(frozen=True)
class Akte:
    """One file of the delivery."""

    reference: str
    address: str
    parcel: str
    place: str
    vorgaenge: tuple[Vorgang, ...]


# ---- papers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """What all papers of a Vorgang say again and again."""

    builder: str
    address: str
    parcel: str
    place: str
    project: str
    number: str
    architect: str
    year: int

    @property
    def face(self) -> str:
        """Hand-set print, typewriter, laser printer."""
        return "serif" if self.year < 1925 else "mono" if self.year < 1988 else "sans"

    @property
    def letter_head(self) -> str:
        return f"Gemeinde {self.place}" if self.year < 1970 else f"Amt Mittelau - Bauamt - für die Gemeinde {self.place}"


def german(day: date) -> str:
    """11.3.1967 as people of that time wrote it."""
    months = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
    return f"{day.day}. {months[day.month - 1]} {day.year}" if day.year < 1990 else day.strftime("%d.%m.%Y")


def written(lines: Sequence[str], face: str, *, size: float = 11.0, top: float = 30.0) -> Callable[[Canvas], None]:
    """A page of text, one paragraph a line, wrapped."""
    def draw(canvas: Canvas) -> None:
        y = top
        for number, line in enumerate(lines):
            bold = number == 0 and face == "sans"
            for piece in wrap(canvas, line, canvas.width - 50, size, "sans-bold" if bold else face) if line else [""]:
                canvas.text(25, y, piece, size + (3 if bold else 0), "sans-bold" if bold else face)
                y += 6.0
            y += 1.2
    return draw


def application(site: Site, day: date, rng: random.Random) -> Paper:
    if site.year < 1950:
        lines = [site.builder, f"{site.place}, den {german(day)}", "", "An die Baupolizeibehörde", "",
                 f"Baugesuch. Bauvorhaben: {site.project}", "", f"Der Unterzeichnete beabsichtigt auf seinem Grundstück {site.address}, "
                 f"Gemarkung {site.place}, {site.parcel}, auszuführen: {site.project}.",
                 "Er bittet um die Genehmigung und reicht Zeichnung und Beschreibung in doppelter Ausfertigung ein.", "",
                 "Hochachtungsvoll", site.builder]
    else:
        lines = ["Bauantrag" if site.year >= 1960 else "Antrag auf Baugenehmigung", f"An: {site.letter_head}", f"Datum: {german(day)}", "",
                 f"Bauvorhaben: {site.project}", f"Bauherr: {site.builder}", f"Baugrundstück: {site.address}, {site.place}",
                 f"Gemarkung {site.place}, {site.parcel}", f"Entwurfsverfasser: {site.architect}",
                 f"Bauantrag Nr. {site.number}", f"Baukosten: {rng.randint(8, 320)}.000 DM", "",
                 "Ich beantrage die Genehmigung des oben bezeichneten Bauvorhabens nach den beigefügten Bauvorlagen.",
                 "Unterschrift des Bauherrn"]
    return Paper("01", day, (written(lines, site.face),), fields={"application_date": day.isoformat()})


def description(site: Site, day: date, rng: random.Random) -> Paper:
    first = ["Baubeschreibung", f"zum Bauvorhaben {site.project}", f"Bauherr: {site.builder}", f"Grundstück: {site.address}", "",
             "1. Gründung: Streifenfundamente aus Beton, frostfrei.",
             f"2. Außenwände: {rng.choice(('Ziegelmauerwerk 30 cm', 'zweischaliges Mauerwerk', 'Fachwerk mit Ausmauerung'))}.",
             f"3. Decken: {rng.choice(('Holzbalken', 'Stahlbeton 14 cm', 'Ziegelhohlkörper'))}.",
             f"4. Dach: Satteldach, {rng.choice(('Pfannen', 'Schiefer', 'Reet'))}, Neigung {rng.randint(30, 52)} Grad.",
             "5. Heizung: " + rng.choice(("Kachelofen", "Warmwasser, Öl", "Gastherme")) + "."]
    second = ["- 2 -", "6. Fenster und Türen: Holz, gestrichen.", "7. Fußböden: Dielen, in Küche und Bad Fliesen.",
              "8. Wasserversorgung: Anschluß an die zentrale Leitung.", "9. Abwasser: Kleinkläranlage mit Verrieselung.",
              f"{site.place}, den {german(day)}", site.architect]
    return Paper("02", day, (written(first, site.face), written(second, site.face)))


def site_plan(site: Site, day: date, rng: random.Random) -> Paper:
    def draw(canvas: Canvas) -> None:
        for _ in range(7):
            x, y = rng.uniform(20, 150), rng.uniform(60, 200)
            canvas.line(x, y, x + rng.uniform(20, 60), y + rng.uniform(-30, 40), 0.3)
        canvas.box(70, 110, 32, 22, 0.6)
        canvas.text(76, 122, site.address.rsplit(" ", 1)[-1], 14)
        for number, text in enumerate(("Lageplan" if site.year > 1930 else "Situationsplan", f"Gemarkung {site.place}, {site.parcel}",
                                       f"{site.address}, Bauherr {site.builder}", "Maßstab 1:500", german(day))):
            canvas.text(25, 22 + 7 * number, text, 14 if number == 0 else 10, "sans")
    return Paper("03", day, (draw,), fields={"scale": "1:500"})


def drawings(site: Site, day: date, rng: random.Random) -> Paper:
    views = ("Grundriß Erdgeschoß", "Ansicht Straßenseite", "Querschnitt") if site.year < 1996 else (
        "Grundriss Erdgeschoss", "Ansicht von Norden", "Schnitt A-A")

    def sheet(view: str, number: int) -> Callable[[Canvas], None]:
        def draw(canvas: Canvas) -> None:
            canvas.box(10, 10, canvas.width - 20, canvas.height - 20, 0.5)
            for column in range(3):
                for row in range(2):
                    canvas.box(40 + 70 * column, 50 + 60 * row, 66, 56, 0.6)
                    canvas.text(50 + 70 * column, 80 + 60 * row, rng.choice(("Küche", "Wohnen", "Schlafen", "Flur", "Stall", "Bad")), 10)
            canvas.text(60, 205, view, 13, "sans")
            for line, text in enumerate((site.project, f"Bauherr: {site.builder}", view, f"M. 1:100   Blatt {number}", german(day),
                                         site.architect)):
                canvas.text(canvas.width - 110, canvas.height - 60 + 8 * line, text, 11)
        return draw
    count = rng.randint(1, 3)
    return Paper("04", day, tuple(sheet(views[at], at + 1) for at in range(count)), A3_LANDSCAPE, {"scale": "1:100"})


def calculation(site: Site, day: date, rng: random.Random) -> Paper:
    rows = [f"{room}: {rng.uniform(2, 6):.2f} x {rng.uniform(2, 6):.2f} m".replace(".", ",") for room in ("Wohnzimmer", "Küche", "Flur", "Bad")]
    return Paper("05", day, (written([
        rng.choice(("Berechnung des umbauten Raumes", "Wohnflächenberechnung")), f"Bauvorhaben: {site.project}", f"{site.address}", "",
        *rows, f"Summe: {rng.randint(60, 900)} cbm", "", f"Aufgestellt: {site.place}, {german(day)}", site.architect], site.face),))


def statics(site: Site, day: date, rng: random.Random) -> Paper:
    def page(number: int) -> Callable[[Canvas], None]:
        head = ["Statische Berechnung", f"Bauvorhaben: {site.project}", f"Bauherr: {site.builder}", f"{german(day)}", ""] if number == 1 else [
            f"Seite {number}", ""]
        body = [f"Pos. {number}.{at}  Balken {rng.randint(8, 18)}/{rng.randint(16, 28)}, l = {rng.uniform(2, 6):.2f} m, q = "
                f"{rng.uniform(1, 9):.2f} kN/m, M = {rng.uniform(2, 30):.2f} kNm, erf. W = {rng.randint(100, 900)} cm3".replace(".", ",")
                for at in range(1, 14)]
        return written([*head, *body], site.face)
    return Paper("06", day, tuple(page(number) for number in range(1, rng.randint(3, 7))))


def statement(site: Site, day: date, rng: random.Random) -> Paper:
    who = rng.choice(("Staatliches Gewerbeaufsichtsamt", "Straßenbauamt Flensburg", "Kreisbrandmeister", "Untere Wasserbehörde"))
    return Paper("07", day, (written([
        who, f"Flensburg, den {german(day)}", "", f"An {site.letter_head}", "", f"Stellungnahme zum Bauvorhaben {site.project}",
        f"Bauherr: {site.builder}, {site.address}", "", "Gegen das Bauvorhaben bestehen keine Bedenken, wenn die folgenden Punkte beachtet "
        "werden: Die Zufahrt ist freizuhalten. Das Niederschlagswasser ist auf dem Grundstück zu versickern.", "", "Im Auftrag"], site.face),))


def neighbour(site: Site, day: date, rng: random.Random) -> Paper:
    return Paper("08", day, (written([
        "Nachbarzustimmung", f"zum Bauvorhaben {site.project}, {site.address}", "",
        f"Als Eigentümer des angrenzenden Grundstücks stimme ich dem Vorhaben des Bauherrn {site.builder} zu. Die Bauzeichnungen haben mir "
        "vorgelegen.", "", f"{site.place}, den {german(day)}", f"{rng.choice(FIRSTS)} {rng.choice(NAMES)}, Angrenzer"], site.face),))


def permit(site: Site, day: date, asked: date) -> Paper:
    title = "Bauschein" if site.year < 1960 else "Baugenehmigung"
    return Paper("09", day, (written([
        f"{title} Nr. {site.number}", site.letter_head, f"{site.place}, den {german(day)}", "", f"Herrn/Frau {site.builder}", "",
        f"Auf Ihren Antrag vom {german(asked)} wird Ihnen unbeschadet der Rechte Dritter die Genehmigung erteilt: {site.project}, "
        f"{site.address}, Gemarkung {site.place}, {site.parcel}.", "",
        "Auflagen und Bedingungen: 1. Der Baubeginn ist anzuzeigen. 2. Der Rohbau ist abnehmen zu lassen. 3. Der Schornstein ist vom "
        "Bezirksschornsteinfegermeister abzunehmen.", "", "Gebühr: 86,- DM", "Im Auftrag"], site.face),),
        fields={"permit_date": day.isoformat()})


def easement(site: Site, day: date) -> Paper:
    return Paper("10", day, (written([
        "Verpflichtungserklärung", "zur Eintragung einer Baulast in das Baulastenverzeichnis", "",
        f"Der Eigentümer des Grundstücks {site.address}, {site.parcel}, übernimmt die Verpflichtung, die Abstandsfläche dauernd von "
        "Bebauung freizuhalten.", "", f"{site.place}, den {german(day)}"], site.face),))


def notice(site: Site, day: date, rng: random.Random) -> Paper:
    title = rng.choice(("Baubeginnsanzeige", "Rohbauabnahmeschein", "Schlußabnahmeschein", "Anzeige der Fertigstellung"))
    return Paper("11", day, (written([
        title, f"Bauvorhaben: {site.project}", f"Bauherr: {site.builder}", f"Baugrundstück: {site.address}", "",
        f"Der Bauzustand wurde am {german(day)} festgestellt. Beanstandungen haben sich nicht ergeben.", "", site.letter_head], site.face),))


def letter(site: Site, day: date, rng: random.Random) -> Paper:
    text = rng.choice((
        "auf Ihr Schreiben teile ich mit, daß sich der Beginn der Arbeiten wegen des Frostes verzögert hat.",
        "ich bitte um Rücksendung der geprüften Unterlagen, damit ich den Unternehmer beauftragen kann.",
        "bei der Durchsicht der Unterlagen wurde festgestellt, daß die Angaben zur Entwässerung fehlen. Bitte reichen Sie diese nach."))
    return Paper("12", day, (written([
        f"{site.builder}", f"{site.place}, den {german(day)}", "", f"An {site.letter_head}", "", f"Betr.: {site.project}, {site.address}", "",
        "Sehr geehrte Herren,", text, "Mit vorzüglicher Hochachtung" if site.year < 1970 else "Mit freundlichen Grüßen", site.builder],
        site.face),))


def objection(site: Site, day: date, rng: random.Random) -> Paper:
    return Paper("14", day, (written([
        f"{rng.choice(FIRSTS)} {rng.choice(NAMES)}", f"{site.place}, den {german(day)}", "", f"An {site.letter_head}", "",
        "Widerspruch", f"gegen die Genehmigung {site.number}", "", "Gegen den Bescheid lege ich Widerspruch ein. Das Gebäude steht zu nah an "
        "meiner Grenze und nimmt mir das Licht.", "", "Hochachtungsvoll"], site.face),))


# ---- Akten -------------------------------------------------------------------------------------------------------------


def vorgang(akte_site: tuple[str, str, str], year: int, number: int, rng: random.Random) -> Vorgang:
    """The papers of one matter in the order they came."""
    address, parcel, place = akte_site
    builder = f"{rng.choice(FIRSTS)} {rng.choice(NAMES)}"
    site = Site(builder, address, parcel, place, rng.choice(PROJECTS), f"{number}/{year % 100:02d}", rng.choice(ARCHITECTS), year)
    day = date(year, rng.randint(1, 9), rng.randint(1, 28))
    papers = [application(site, day, rng), description(site, day, rng), site_plan(site, day, rng), drawings(site, day, rng)]
    if rng.random() < 0.5:
        papers.append(calculation(site, day, rng))
    if year > 1920 and rng.random() < 0.6:
        papers.append(statics(site, day, rng))
    later = day
    for make, chance in ((statement, 0.6), (neighbour, 0.3), (letter, 0.7)):
        if rng.random() < chance:
            later += timedelta(days=rng.randint(5, 25))
            papers.append(make(site, later, rng))
    granted = later + timedelta(days=rng.randint(10, 40))
    papers.append(permit(site, granted, day))
    if rng.random() < 0.15:
        papers.append(easement(site, granted + timedelta(days=9)))
    if rng.random() < 0.1:
        papers.append(objection(site, granted + timedelta(days=14), rng))
    for _ in range(rng.randint(0, 2)):
        granted += timedelta(days=rng.randint(30, 120))
        papers.append(notice(site, granted, rng))
    return Vorgang(site.project, builder, site.number, tuple(papers))


def akte(number: int, rng: random.Random) -> Akte:
    """An Akte with one to four Vorgänge, years apart."""
    place = rng.choice(PLACES)
    site = (f"{rng.choice(STREETS)} {rng.randint(1, 60)}", f"Flur {rng.randint(1, 9)}, Flurstück {rng.randint(1, 180)}/{rng.randint(1, 40)}", place)
    years = sorted(rng.sample(range(FIRST, LAST + 1, 4), rng.choice((1, 1, 2, 2, 3, 4))))
    return Akte(f"BA/632.60-{number:04d}/{years[0]}", site[0], site[1], place,
                tuple(vorgang(site, year, rng.randint(1, 400), rng) for year in years))


# ---- files -------------------------------------------------------------------------------------------------------------


def _page_pdf(paper: Paper, draw: Callable[[Canvas], None], seed: int, *, picture: bool, unreadable: bool) -> bytes:
    if not picture and not unreadable:
        canvas = PdfCanvas(paper.size)
        draw(canvas)
        return bytes(canvas.pdf.output())
    drawn = ScanCanvas(paper.size)
    draw(drawn)
    image = scan(drawn.image, seed, paper=222, dust=90)
    return scanned_pdf([spoilt(image, seed) if unreadable else image])


def spoilt(image: Image.Image, seed: int) -> Image.Image:
    """A page that slipped while it was scanned: smeared until nobody can read it, but full of ink."""
    small = image.filter(ImageFilter.GaussianBlur(7)).rotate(random.Random(seed).uniform(-2, 2), fillcolor=200)
    return small.point([min(255, 60 + value * 3 // 4) for value in range(256)])


@dataclass
class Faults:
    """What was planted, by kind; places are (Aktenzeichen, page from 1)."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    twice: list[tuple[str, int]] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, int]] = field(default_factory=list)


def make(folder: Path, akten: int = 200, seed: int = 1, scanned: float = 0.1) -> dict[str, object]:
    """Write the delivery below `folder`; the truth as it stands in truth.json."""
    rng = random.Random(seed)
    every = [akte(number, random.Random(seed * 100_003 + number)) for number in range(1, akten + 1)]
    chosen = rng.sample(every, k=min(len(every), MISSING + EXTRA + TWICE + MISCOUNTED + UNREADABLE))
    cuts = [MISSING, EXTRA, TWICE, MISCOUNTED, UNREADABLE]
    parts = [chosen[sum(cuts[:at]):sum(cuts[:at + 1])] for at in range(5)]
    faults = Faults(missing=[one.reference for one in parts[0]], extra=[one.reference for one in parts[1]],
                    miscounted=[one.reference for one in parts[3]])
    delivery = folder / "lieferung"
    delivery.mkdir(parents=True, exist_ok=True)
    index, truth = [], []
    for one in every:
        if one in parts[0]:
            continue
        name = f"{one.reference.replace('/', '_')}.pdf"
        data, documents = _file(one, random.Random(f"{seed}/{one.reference}"), scanned, faults, twice=one in parts[2],
                                unreadable=one in parts[4])
        (delivery / name).write_bytes(data)
        pages = sum(len(document["pages"]) for document in documents)  # type: ignore[arg-type,misc]
        index.append((name, one.reference, pages + (2 if one in parts[3] else 0), one.vorgaenge[0].builder, one.address))
        truth.append({"file": name, "reference": one.reference, "parcel": one.parcel, "place": one.place, "documents": documents})
    _table(folder / "index.csv", ("Dateiname", "Aktenzeichen", "Seiten", "Bauherr", "Adresse"), index)
    _table(folder / "aktenverzeichnis.csv", ("Aktenzeichen", "Titel"), [
        (one.reference, f"{one.address}, {one.place}") for one in every if one not in parts[1]])
    said = {"seed": seed, "faults": faults.__dict__, "files": truth}
    (folder / "truth.json").write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")
    return said


def _file(one: Akte, rng: random.Random, scanned: float, faults: Faults, *, twice: bool,
          unreadable: bool) -> tuple[bytes, list[dict[str, object]]]:
    """The PDF of an Akte and what its documents are; a doubled sheet lies right behind the first."""
    sheets = [(case, paper, draw) for case in one.vorgaenge for paper in case.papers for draw in paper.pages]
    alone = [at for at, (_, paper, _) in enumerate(sheets) if paper.register in ("02", "06", "09", "12", "07")]
    double = rng.choice(alone) if twice else -1
    spoil = rng.choice([at for at in alone if at != double]) if unreadable else -1
    pdf, documents, last = pikepdf.new(), [], None
    number = 0
    for at, (case, paper, draw) in enumerate(sheets):
        picture = rng.random() < scanned
        state = rng.getrandbits(32)
        for again in range(2 if at == double else 1):
            number += 1
            with pikepdf.open(io.BytesIO(_page_pdf(paper, draw, state + again, picture=picture, unreadable=at == spoil))) as page:
                pdf.pages.extend(page.pages)
            if paper is not last:
                documents.append({"pages": [], "register": paper.register, "vorgang": case.number, "project": case.project,
                                  "builder": case.builder, "date": paper.day.isoformat(), **paper.fields})
                last = paper
            documents[-1]["pages"].append(number)  # type: ignore[attr-defined]
            if again:
                faults.twice.append((one.reference, number))
            if at == spoil:
                faults.unreadable.append((one.reference, number))
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue(), documents


def _table(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(head)
        writer.writerows(rows)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--akten", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scanned", type=float, default=0.1)
    asked = parser.parse_args()
    said = make(asked.folder, asked.akten, asked.seed, asked.scanned)
    files = said["files"]
    assert isinstance(files, list)
    print(f"{len(files)} Akten, {sum(len(d['pages']) for one in files for d in one['documents'])} Seiten in {asked.folder}")


if __name__ == "__main__":
    main()
