"""Letters after DIN 5008, laid out in millimetres on any canvas; small born-digital letters and dense pages in numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from samples.canvas import Canvas, PdfCanvas, ScanCanvas, wrap
from samples.content import SENTENCES, TOPICS

AMT = ("Amt Mittelau", "Am Markt 4", "24998 Mittelau")
LEFT, RIGHT = 25.0, 190.0
BOTTOM = 272.0


@dataclass(frozen=True)
class Letter:
    """Everything printed on a letter. `form` "A" has the low letter head (27 mm), "B" the high one (45 mm)."""

    sender: tuple[str, ...]
    recipient: tuple[str, ...]
    subject: str
    paragraphs: tuple[str, ...]
    date: str
    salutation: str = "Sehr geehrte Damen und Herren,"
    closing: str = "Mit freundlichen Grüßen"
    signature: str = ""
    role: str = ""
    form: str = "B"
    notes: tuple[str, ...] = ()  # Zusatz- und Vermerkzone, above the address
    block: tuple[tuple[str, str], ...] = ()  # Informationsblock: leading word, value
    references: tuple[tuple[str, str], ...] = ()  # Bezugszeichenzeile instead of the block
    enclosures: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    face: str = "sans"
    size: float = 11.0
    head_size: float = 15.0
    head_align: str = "left"
    leading: float = 5.1


@dataclass
class _Pen:
    """Where the next line goes; turns the page at the bottom."""

    canvas: Canvas
    letter: Letter
    y: float = 0.0
    page: int = 1
    marks: dict[str, tuple[int, float]] = field(default_factory=dict)

    def down(self, mm: float) -> None:
        self.y += mm

    def need(self, mm: float) -> None:
        if self.y + mm > BOTTOM:
            self.canvas.new_page()
            self.page += 1
            self.y = 30.0
            self.canvas.text(LEFT, 18, self.letter.sender[0], 9, self.letter.face)
            text = f"- {self.page} -"
            self.canvas.text(105 - self.canvas.measure(text, 9, self.letter.face) / 2, 18, text, 9, self.letter.face)

    def write(self, text: str, face: str = "", indent: float = 0.0, leading: float = 0.0) -> None:
        face = face or self.letter.face
        leading = leading or self.letter.leading
        for line in wrap(self.canvas, text, RIGHT - LEFT - indent, self.letter.size, face):
            self.need(leading)
            self.canvas.text(LEFT + indent, self.y, line, self.letter.size, face)
            self.y += leading


def lay_out(canvas: Canvas, letter: Letter) -> dict[str, tuple[int, float]]:
    """Draw the letter; returns page (from 1) and y of the marks `signature` and `end`, for pens and stamps."""
    top = 27.0 if letter.form == "A" else 45.0
    _head(canvas, letter)
    _address(canvas, letter, top)
    pen = _Pen(canvas, letter)
    pen.y = _information(canvas, letter, top)
    bold = "serif-bold" if letter.face.startswith("serif") else "sans-bold"
    pen.write(letter.subject, bold)
    pen.down(letter.leading * 1.4)
    pen.write(letter.salutation)
    pen.down(letter.leading * 0.9)
    for paragraph in letter.paragraphs:
        if paragraph.startswith("* "):
            pen.need(letter.leading)
            canvas.text(LEFT + 2, pen.y, "-", letter.size, letter.face)
            pen.write(paragraph[2:], indent=7)
            pen.down(letter.leading * 0.25)
            continue
        pen.need(letter.leading * 2)
        pen.write(paragraph)
        pen.down(letter.leading * 0.75)
    pen.need(letter.leading * (8 + len(letter.enclosures)))
    pen.down(letter.leading * 0.4)
    pen.write(letter.closing)
    pen.marks["signature"] = (pen.page, pen.y + 4)
    pen.down(15)
    pen.write(letter.signature)
    if letter.role:
        pen.write(letter.role)
    if letter.enclosures:
        pen.down(letter.leading)
        pen.write("Anlagen" if len(letter.enclosures) > 1 else "Anlage", bold)
        for enclosure in letter.enclosures:
            pen.write(enclosure)
    pen.marks["end"] = (pen.page, pen.y)
    return pen.marks


def _head(canvas: Canvas, letter: Letter) -> None:
    y = 16.0
    for number, line in enumerate(letter.sender):
        size = letter.head_size if number == 0 else 9.0
        face = ("serif-bold" if letter.face.startswith("serif") else "sans-bold") if number == 0 else letter.face
        x = LEFT if letter.head_align == "left" else RIGHT - canvas.measure(line, size, face)
        canvas.text(x, y, line, size, face)
        y += 5.5 if number == 0 else 4.0
    if letter.form == "B":
        canvas.line(LEFT, 40, RIGHT, 40, 0.25, 90)
    for number, line in enumerate(letter.footer):
        canvas.text(LEFT, 282 + 3.6 * number, line, 7.5, letter.face, 70)
    fold = 87.0 if letter.form == "A" else 105.0
    for y_mark, length in ((fold, 4.0), (148.5, 6.0), (fold + 105, 4.0)):
        canvas.line(4, y_mark, 4 + length, y_mark, 0.15, 130)


def _address(canvas: Canvas, letter: Letter, top: float) -> None:
    back = ", ".join(letter.sender[:3])
    canvas.text(LEFT, top + 15.6 - 5.0 * len(letter.notes), back, 7, letter.face, 60)
    canvas.line(LEFT, top + 16.6 - 5.0 * len(letter.notes), LEFT + 80, top + 16.6 - 5.0 * len(letter.notes), 0.15, 110)
    bold = "serif-bold" if letter.face.startswith("serif") else "sans-bold"
    for number, note in enumerate(reversed(letter.notes)):
        canvas.text(LEFT, top + 17.0 - 4.4 * number, note, 10, bold)
    for number, line in enumerate(letter.recipient):
        canvas.text(LEFT, top + 22.5 + 4.9 * number, line, letter.size, letter.face)


def _information(canvas: Canvas, letter: Letter, top: float) -> float:
    """Draws the reference zone (block or line) and the date; returns where the subject begins."""
    subject = top + 71.0 - (10.0 if letter.references else 0.0)
    if letter.block:
        for number, (word, value) in enumerate((*letter.block, ("Datum", letter.date))):
            y = top + 9.0 + 4.6 * number
            canvas.text(125, y, f"{word}:", 9, letter.face, 60)
            canvas.text(153, y, value, 9.5, letter.face)
        return subject - 12
    if letter.references:
        y = top + 53.5
        for number, (word, value) in enumerate((*letter.references, ("Datum", letter.date))):
            x = LEFT + (0.0, 45.0, 91.0, 136.0)[number + 4 - len(letter.references) - 1]
            canvas.text(x, y, word, 7.5, letter.face, 60)
            canvas.text(x, y + 4.6, value, 9.5, letter.face)
        return subject + 10
    text = letter.date
    canvas.text(RIGHT - canvas.measure(text, letter.size, letter.face), top + 55, text, letter.size, letter.face)
    return subject - 2


def scribble(image: Image.Image, x: float, y: float, rng: random.Random, dpi: int = 200, width: float = 38) -> None:
    """A signature: one restless pen line of about `width` millimetres from x, y (base line)."""
    from PIL import ImageDraw

    scale = dpi / 25.4
    draw = ImageDraw.Draw(image)
    points: list[tuple[float, float]] = []
    steps = 60
    phase = rng.uniform(0, 6)
    import math

    for step in range(steps):
        t = step / steps
        swing = (1 - 0.65 * t) * (5.5 if step < 14 else 3.2)
        px = x + width * t + 1.7 * math.sin(step * 0.93 + phase)
        py = y - swing * math.sin(step * 0.71 + phase) * rng.uniform(0.55, 1.0) - 1.2 * t
        points.append((px * scale, py * scale))
    smooth: list[tuple[float, float]] = []
    for before, start, end, after in zip(points, points[1:], points[2:], points[3:], strict=False):
        for part in range(8):
            smooth.append(_catmull(before, start, end, after, part / 8))
    for number, (one, two) in enumerate(zip(smooth, smooth[1:], strict=False)):
        draw.line([one, two], fill=55, width=2 + (number // 23) % 2)


def _catmull(p0: tuple[float, float], p1: tuple[float, float], p2: tuple[float, float], p3: tuple[float, float],
             t: float) -> tuple[float, float]:  # fmt: skip
    def axis(a: float, b: float, c: float, d: float) -> float:
        return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)

    return axis(p0[0], p1[0], p2[0], p3[0]), axis(p0[1], p1[1], p2[1], p3[1])


FIRST = ("Anke", "Birte", "Christian", "Dörte", "Eike", "Frauke", "Gerd", "Heike", "Ingo", "Jörg", "Kirsten", "Lars")
LAST = ("Andresen", "Boysen", "Carstens", "Detlefsen", "Frahm", "Göttsche", "Harder", "Jürgensen", "Köster", "Lüthje")
STREETS = ("Birkenweg", "Gartenstraße", "Heideweg", "Kirchstraße", "Lindenstraße", "Mühlenstraße", "Twiete")


def random_letter(seed: int) -> Letter:
    """A one-page letter on one of TOPICS; the same seed gives the same letter."""
    rng = random.Random(seed)
    topic = TOPICS[seed % len(TOPICS)]
    first, last = rng.choice(FIRST), rng.choice(LAST)
    street = f"{rng.choice(STREETS)} {rng.randint(1, 60)}"
    values = {
        "strasse": f"{rng.choice(STREETS)} {rng.randint(1, 60)}",
        "tag": f"{rng.randint(1, 28):02d}.{rng.randint(1, 9):02d}.2026",
        "betrag": f"{rng.randint(40, 980)},{rng.randint(10, 99)} EUR",
        "zahl": str(rng.randint(2, 9)),
    }
    paragraphs = tuple(text.format(**values) for text in topic.paragraphs)
    more = tuple(rng.sample(SENTENCES, 3))
    block: tuple[tuple[str, str], ...] = (("Telefon", f"04699 {rng.randint(100, 999)} {rng.randint(10, 99)}"),)
    return Letter(
        sender=(f"{first} {last}", street, "24998 Mittelau"),
        recipient=(*AMT[:1], topic.office, *AMT[1:]),
        subject=topic.subject.format(**values),
        paragraphs=(*paragraphs, " ".join(more)),
        date=f"{rng.randint(1, 28):02d}.{rng.randint(1, 9):02d}.2026",
        signature=f"{first} {last}",
        form=rng.choice("AB"),
        block=block if rng.random() < 0.5 else (),
    )


def born_digital(path: Path, seed: int) -> Letter:
    """Write a small one-page PDF letter with a text layer (about 20 kB); returns what stands on it."""
    letter = random_letter(seed)
    canvas = PdfCanvas(title=letter.subject, author=letter.sender[0])
    lay_out(canvas, letter)
    canvas.save(Path(path))
    return letter


def dense_page(seed: int, dpi: int = 300) -> Image.Image:
    """A full A4 page of small print (about 70 lines of 10 pt) as a clean grey picture; for benches of recognition."""
    rng = random.Random(seed)
    canvas = ScanCanvas(dpi=dpi)
    y = 20.0
    pool = [*SENTENCES, *(text for topic in TOPICS for text in topic.paragraphs)]
    number = 1
    while y < 280:
        text = " ".join(rng.choice(pool) for _ in range(rng.randint(3, 6)))
        text = text.format(strasse="Heideweg 12", tag="12.05.2026", betrag="128,40 EUR", zahl="3")
        for line in wrap(canvas, f"({number}) {text}", 170, 10, "serif"):
            if y > 280:
                break
            canvas.text(20, y, line, 10, "serif")
            y += 3.9
        y += 1.2
        number += 1
    return canvas.image
