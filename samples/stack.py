"""The morning post of the Amt Mittelau as one scanned stack, an application with enclosures, a legacy Bauakte, a photographed note."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageFilter

from samples.canvas import A4, ScanCanvas, wrap
from samples.letters import AMT, Letter, lay_out, scribble
from samples.noise import DPI, note, receipt_stamp, scan, stamp
from samples.papers import Expected, Sample, scanned_pdf, scanned_tiff
from samples.sheets import sheet

A3_LANDSCAPE = (420.0, 297.0)

NEIGHBOUR = Letter(
    sender=("Holger Brandt", "Heideweg 14", "24998 Mittelau"), recipient=(AMT[0], "Bauamt", *AMT[1:]), form="B",
    subject="Bauvorhaben Heideweg 12, Grenzabstand des Carports", date="09.10.2026",
    references=(("Ihr Zeichen", "BA/632.60-0017/2026"), ("Ihre Nachricht vom", "28.09.2026")),
    paragraphs=(
        "zu dem Bauantrag meiner Nachbarn habe ich Ihr Schreiben und die Zeichnungen erhalten. Ich bin mit dem Neubau des "
        "Einfamilienhauses einverstanden, habe aber Bedenken wegen des Carports.",
        "Nach dem Lageplan steht der Carport unmittelbar an meiner Grundstücksgrenze, Flur 3, Flurstück 157/1. Die Länge der "
        "Wand beträgt dort 9,40 m. Nach meiner Kenntnis sind ohne Abstandsfläche nur 9,00 m zulässig.",
        "Ich bitte Sie, dies zu prüfen und mir das Ergebnis mitzuteilen. Bis dahin erteile ich meine Zustimmung nur unter Vorbehalt.",
    ), signature="Holger Brandt")

LAMP = Letter(
    sender=("Birte Göttsche", "Lindenstraße 23", "24998 Mittelau"), recipient=(AMT[0], "Bauamt", *AMT[1:]), form="A",
    subject="Straßenlaterne vor Lindenstraße 23 seit drei Wochen ausgefallen", date="12. Oktober 2026",
    paragraphs=(
        "vor unserem Haus ist seit drei Wochen die Straßenlaterne mit der Nummer 118 ausgefallen. Der Gehweg ist morgens "
        "völlig dunkel, und die Kinder auf dem Schulweg sind für Autofahrer kaum zu sehen.",
        "Bitte lassen Sie die Leuchte bald instand setzen. Für eine kurze Nachricht wäre ich dankbar.",
    ), signature="Birte Göttsche", face="serif", size=12)

UTILITY = Letter(
    sender=("Auenland Netz GmbH", "Energieweg 1", "24998 Mittelau", "Telefon 04699 555 0"),
    recipient=(AMT[0], "Liegenschaftsverwaltung", *AMT[1:]), form="B", head_size=18,
    subject="Gestattungsvertrag für eine Ortsnetzstation, Grundstück am Festplatz", date="08.10.2026",
    block=(("Unser Zeichen", "NB-2026/4471"), ("Name", "Frau Iversen"), ("Telefon", "04699 555 214")),
    paragraphs=(
        "zur Verstärkung des Niederspannungsnetzes möchten wir auf Ihrem Grundstück am Festplatz eine Ortsnetzstation errichten. "
        "Die Station hat eine Grundfläche von 3,20 m mal 2,10 m und wird mit einer Hecke eingegrünt.",
        "Für die Nutzung der Fläche bieten wir Ihnen eine einmalige Entschädigung von 1.850,00 EUR und die Eintragung einer "
        "beschränkten persönlichen Dienstbarkeit an. Die Kosten der Eintragung tragen wir.",
        "Der Entwurf des Gestattungsvertrages enthält folgende Punkte:",
        "* Lage und Größe der überlassenen Fläche nach dem beigefügten Plan,",
        "* Zufahrt für Betrieb und Instandhaltung zu jeder Tages- und Nachtzeit,",
        "* Rückbau der Station auf unsere Kosten bei Ende des Vertrages,",
        "* Haftung für Schäden, die durch Bau und Betrieb entstehen.",
        "Die Bauarbeiten sollen im Frühjahr beginnen und dauern etwa zwei Wochen. Während dieser Zeit wird der Gehweg halbseitig "
        "gesperrt; die Sperrung stimmen wir rechtzeitig mit dem Ordnungsamt ab. Der Festplatz bleibt benutzbar.",
        "Wir bitten um Prüfung und um Rücksendung eines unterschriebenen Exemplars bis zum 15. November 2026. Für Fragen und einen "
        "Ortstermin steht Ihnen Frau Iversen gern zur Verfügung.",
    ), signature="i. A. Wiebke Iversen", role="Auenland Netz GmbH, Netzbau", enclosures=("Vertragsentwurf, zweifach", "Lageplan"),
    footer=("Auenland Netz GmbH · Sitz Mittelau · Geschäftsführer: Momme Feddersen",))


def _pages(letter: Letter, seed: int, *, skew: float | None = None) -> list[Image.Image]:
    """The letter printed, signed, stamped on arrival and scanned."""
    canvas = ScanCanvas(A4, DPI)
    marks = lay_out(canvas, letter)
    page, y = marks["signature"]
    scribble(canvas.pages[page - 1], 28, y + 6, random.Random(seed), DPI)
    receipt_stamp(canvas.pages[0], 128, 16 if letter.form == "B" and len(letter.sender) < 4 else 28, seed)
    return [scan(image, seed * 10 + number, skew=skew) for number, image in enumerate(canvas.pages)]


def post() -> Sample:
    """`posteingang-stapel.pdf`: three letters between separator sheets, the back of one of them blank."""
    first, second, third = _pages(NEIGHBOUR, 1), _pages(LAMP, 2), _pages(UTILITY, 3)
    back = scan(Image.new("L", first[0].size, 250), 77, holes="right", dust=25)
    pages = [scan(sheet(1), 11, skew=0.4, holes=""), *first, back, scan(sheet(2), 12, skew=-0.5, holes=""), *second,
             scan(sheet(3), 13, skew=0.2, holes=""), *third]
    at = 4 + len(second)
    return Sample(scanned_pdf(pages), (
        Expected((2,), "Schreiben", "632.60", {
            "letter_date": "2026-10-09", "receipt_date": "2026-10-14", "file_reference": "BA/632.60-0017/2026",
            "subject": NEIGHBOUR.subject, "sender_name": "Holger Brandt"}, file="BA/632.60-0017/2026"),
        Expected(tuple(range(5, 5 + len(second))), "Schreiben", "652.30", {
            "letter_date": "2026-10-12", "receipt_date": "2026-10-14", "subject": LAMP.subject, "sender_name": "Birte Göttsche"}),
        Expected(tuple(range(at + 2, at + 2 + len(third))), "Schreiben", "811.30", {
            "letter_date": "2026-10-08", "receipt_date": "2026-10-14", "our_reference": "NB-2026/4471", "subject": UTILITY.subject,
            "sender_name": "Auenland Netz GmbH"}),
    ), separators=(1, 4, at + 1), blank=(3,))


def _form(title: str, rows: list[tuple[str, str]], seed: int, foot: str = "") -> Image.Image:
    """A form: a heading, then boxes with a small caption and the entry."""
    canvas = ScanCanvas(A4, DPI)
    canvas.text(25, 22, AMT[0] + " · Untere Bauaufsichtsbehörde", 10)
    canvas.text(25, 34, title, 17, "sans-bold")
    y = 42.0
    for caption, entry in rows:
        lines = wrap(canvas, entry, 158, 11, "mono")
        height = 9 + 5 * len(lines)
        canvas.box(25, y, 165, height, 0.25)
        canvas.text(27, y + 4, caption, 7.5, ink=70)
        for number, line in enumerate(lines):
            canvas.text(28, y + 9.5 + 5 * number, line, 11, "mono")
        y += height
    if foot:
        canvas.text(25, y + 12, foot, 10)
        scribble(canvas.image, 120, y + 16, random.Random(seed), DPI)
        canvas.line(115, y + 18, 188, y + 18)
        canvas.text(115, y + 22, "Unterschrift der Bauherrschaft", 7.5)
    return canvas.image


def application() -> Sample:
    """`bauantrag-mit-anlagen.pdf`: the form, the Baubeschreibung and an A3 site plan, in one scan."""
    form = _form("Antrag auf Baugenehmigung", [
        ("Bauherrin / Bauherr", "Wiebke Iversen, Bahnhofstraße 14, 24998 Mittelau"),
        ("Baugrundstück (Straße, Hausnummer)", "Bahnhofstraße 14, 24998 Mittelau"),
        ("Gemarkung, Flur, Flurstück", "Mittelau, Flur 1, Flurstück 88/2"),
        ("Bezeichnung des Vorhabens", "Neubau einer Fahrradgarage mit Abstellraum"),
        ("Entwurfsverfasserin / Entwurfsverfasser", "Dipl.-Ing. Ute Thomsen, Architektin, Am Markt 9, 24998 Mittelau"),
        ("Art des Verfahrens", "[x] vereinfachtes Baugenehmigungsverfahren   [ ] Anzeige"),
        ("Herstellungskosten", "18.400,00 EUR"),
        ("Anlagen", "Baubeschreibung, Lageplan 1:500"),
    ], 5, "Mittelau, den 05.10.2026")
    receipt_stamp(form, 132, 10, 51)
    describe = _form("Baubeschreibung", [
        ("Vorhaben", "Neubau einer Fahrradgarage mit Abstellraum, eingeschossig, Flachdach"),
        ("Gründung", "Streifenfundamente, frostfrei, Beton C20/25"),
        ("Außenwände", "Holzrahmenbau 14 cm, Verschalung Lärche, senkrecht"),
        ("Dach", "Holzbalken 8/20 cm, Abdichtung, extensive Begrünung"),
        ("Grundfläche, Rauminhalt", "24,60 m², 66,40 m³"),
        ("Regenwasser", "Versickerung auf dem Grundstück über eine Mulde"),
    ], 6)
    pages = [scan(form, 21), scan(describe, 22), scan(_site_plan(), 23, skew=0.3, holes="")]
    return Sample(scanned_pdf(pages), (
        Expected((1, 2, 3), "Antrag", "632.60", {"receipt_date": "2026-10-14", "subject": "Antrag auf Baugenehmigung"}),))


def _site_plan() -> Image.Image:
    canvas = ScanCanvas(A3_LANDSCAPE, DPI)
    canvas.box(10, 10, 400, 277, 0.5)
    draw = canvas.draw
    for points in (((40, 40), (190, 60), (175, 230), (30, 215)), ((190, 60), (330, 75), (318, 245), (175, 230))):
        draw.polygon([(canvas.px(x), canvas.px(y)) for x, y in points], outline=25, width=3)
    canvas.text(80, 200, "88/2", 22)
    canvas.text(240, 215, "88/3", 22)
    canvas.box(80, 95, 62, 48, 0.4)
    canvas.text(90, 122, "Wohnhaus Nr. 14", 13)
    draw.rectangle([canvas.px(v) for v in (52, 160, 92, 182)], fill=170, outline=25, width=3)
    canvas.text(54, 173, "Fahrradgarage", 11, "sans-bold")
    canvas.line(52, 187, 92, 187, 0.2)
    canvas.text(66, 192, "7,90", 10)
    canvas.text(60, 262, "Bahnhofstraße", 16)
    canvas.line(20, 245, 340, 268, 0.3)
    canvas.line(20, 267, 340, 288 - 3, 0.3)
    canvas.line(370, 40, 370, 70, 0.5)
    canvas.text(367, 36, "N", 16)
    _title_block(canvas, 300, 228, ("Lageplan zum Bauantrag", "Fahrradgarage, Bahnhofstraße 14", "Gemarkung Mittelau, Flur 1, Flst. 88/2",
                                    "Maßstab 1:500", "Plan-Nr. L-01   Datum 02.10.2026", "Dipl.-Ing. Ute Thomsen"))
    return canvas.image


def _title_block(canvas: ScanCanvas, x: float, y: float, lines: tuple[str, ...], face: str = "sans") -> None:
    canvas.draw.rectangle([canvas.px(v) for v in (x, y, x + 106, y + 55)], fill=255, outline=25, width=4)
    for number, line in enumerate(lines):
        canvas.text(x + 4, y + 9 + 8.2 * number, line, 13 if number == 0 else 11, face)


def _typed(lines: list[str], seed: int, top: float = 40) -> ScanCanvas:
    """A page from a typewriter: letters out of line and unevenly struck."""
    canvas = ScanCanvas(A4, DPI)
    rng = random.Random(seed)
    for row, line in enumerate(lines):
        for column, letter in enumerate(line):
            canvas.text(28 + 2.35 * column, top + 6.2 * row + rng.uniform(-0.25, 0.25), letter, 11.2, "mono",
                        rng.choice((30, 40, 55, 80)))
    return canvas


def legacy() -> Sample:
    """`bauakte-1967.tif`: a Vorgang of an old Bauakte: application, permit, plan sheet."""
    asked = _typed([
        "Heinrich Asmussen                    Mittelau, den 3. März 1967", "Lindenstraße 5", "", "An die", "Gemeinde Mittelau",
        "- Bauamt -", "", "Betr.: Neubau eines Siedlungshauses auf dem Grundstück", "       Lindenstraße 7, Flur 2, Flurstück 64/9", "",
        "Hiermit beantrage ich die Genehmigung zum Neubau eines", "Siedlungshauses mit Stallanbau auf meinem obigen Grundstück.",
        "Die Bauzeichnungen und die statische Berechnung sind in", "dreifacher Ausfertigung beigefügt. Mit den Bauarbeiten",
        "möchte ich im Mai d. Js. beginnen.", "", "Ich bitte um baldige Erteilung der Baugenehmigung.", "", "Hochachtungsvoll"], 31)
    scribble(asked.image, 30, 168, random.Random(8), DPI)
    stamp(asked.image, 132, 60, (("Gemeinde Mittelau", 11), ("Eing. 14. MRZ. 1967", 11), ("Az. 602-21/67", 11)), 32, angle=-4)
    granted = _typed([
        "Gemeinde Mittelau                    Mittelau, den 18. April 1967", "Der Bürgermeister", "Az.: 602-21/67", "", "Herrn",
        "Heinrich Asmussen", "Lindenstraße 5", "Mittelau", "", "Betr.: Baugenehmigung Nr. 21/67", "",
        "Auf Ihren Antrag vom 3.3.1967 wird Ihnen unbeschadet der", "Rechte Dritter die Genehmigung erteilt, auf dem Grundstück",
        "Lindenstraße 7 ein Siedlungshaus mit Stallanbau nach den", "geprüften Bauvorlagen zu errichten.", "",
        "Auflagen: 1. Der Schornstein ist vor Inbetriebnahme vom", "             Bezirksschornsteinfegermeister abzunehmen.",
        "          2. Der Rohbau ist hier anzuzeigen.", "", "Gebühr: 86,-- DM"], 33)
    scribble(granted.image, 105, 185, random.Random(9), DPI)
    stamp(granted.image, 60, 178, (("Gemeinde", 9), ("Mittelau", 11)), 34, width=30, angle=7)
    plan = ScanCanvas((420.0, 297.0), DPI)
    plan.box(10, 10, 400, 277, 0.6)
    _elevation(plan)
    _title_block(plan, 298, 226, ("Neubau eines Siedlungshauses", "Bauherr: H. Asmussen, Mittelau", "Ansicht Straßenseite und Erdgeschoß",
                                  "M. 1:100      Blatt 2", "Mittelau, im Februar 1967", "Gepr. 602-21/67"), "mono")
    stamp(plan.image, 215, 225, (("Bauaufsichtlich geprüft", 11), ("18. APR. 1967", 11)), 35, width=60, angle=-6)
    pages = [scan(asked.image, 41, paper=215, dust=120), scan(granted.image, 42, paper=218, dust=120),
             scan(plan.image, 43, paper=212, skew=-0.6, holes="", dust=160)]
    return Sample(scanned_tiff(pages), (
        Expected((1, 2, 3), "Antrag", "632.60", {"letter_date": "1967-03-03"}, file="BA/632.60-0412/1967"),),
        also={"old_reference": "602-21/67"})


def _elevation(canvas: ScanCanvas) -> None:
    """A house as a draughtsman saw it: the street front above, the ground floor below."""
    def path(*points: tuple[float, float]) -> None:
        canvas.draw.line([(canvas.px(x), canvas.px(y)) for x, y in points], fill=25, width=3, joint="curve")
    path((40, 120), (150, 120), (150, 75), (95, 30), (40, 75), (40, 120))
    path((30, 80), (95, 27), (160, 80))
    for x in (52, 112):
        canvas.box(x, 88, 22, 18, 0.3)
        canvas.line(x + 11, 88, x + 11, 106, 0.2)
    canvas.box(86, 88, 16, 32, 0.3)
    canvas.box(118, 34, 9, 26, 0.3)
    canvas.text(70, 134, "Ansicht Straßenseite", 12, "mono")
    canvas.box(40, 155, 150, 100, 0.8)
    canvas.line(110, 155, 110, 255, 0.6)
    canvas.line(40, 205, 190, 205, 0.6)
    for x, y, name in ((58, 182, "Wohnstube"), (128, 182, "Küche"), (58, 232, "Schlafraum"), (132, 232, "Stall")):
        canvas.text(x, y, name, 12, "mono")
    canvas.text(95, 268, "9,99", 11, "mono")
    canvas.text(70, 278, "Erdgeschoß", 12, "mono")


def photographed() -> Sample:
    """`hinweis-foto.jpg`: a printed note on a desk, photographed a little from the side."""
    canvas = ScanCanvas((148.0, 210.0), DPI)
    for row, line in enumerate(("Hinweis an den Bauhof", "", "Auf dem Spielplatz am Rosengang ist", "die Kette der Schaukel gerissen.",
                                "Bitte die Schaukel sperren und", "reparieren lassen.", "", "12.10.2026, F. Jürgensen")):
        canvas.text(18, 40 + 12 * row, line, 20 if row == 0 else 17, "sans-bold" if row == 0 else "sans")
    note(canvas.image, 80, 150, "eilt, bitte heute!", 20)
    width, height = canvas.image.size
    desk = Image.new("L", (width + 300, height + 260), 120)
    lean = canvas.image.rotate(2.2, Image.Resampling.BICUBIC, expand=True, fillcolor=120).filter(ImageFilter.GaussianBlur(0.9))
    desk.paste(lean, (120, 100))
    shade = Image.linear_gradient("L").resize(desk.size).point([200 + value * 55 // 255 for value in range(256)])
    desk = Image.composite(desk, Image.new("L", desk.size, 40), shade)
    out = io.BytesIO()
    desk.save(out, "JPEG", quality=62, dpi=(DPI, DPI))
    return Sample(out.getvalue(), (Expected((1,), "Schreiben", "320.30", {}),))
