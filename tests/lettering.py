"""Letters after DIN 5008 in many looks, with what stands on them: faces, sizes, heads, senders, leading words, forms of dates.

Generated, not real: they vary what offices, firms and citizens vary, but a template drew them all. Two of twelve persons have
letters that the German model of the recognition does not know. The same seed, the same letter.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta

from PIL import Image, ImageFilter

from samples.canvas import ScanCanvas
from samples.letters import Letter, lay_out, random_letter, scribble

MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
PERSONS = ("Ayşe Yıldız", "Lukas Wolf", "Dr. Sönke Müller-Störmer", "Heiner Angermann", "Jiří Dvořák",
           "Marie-Luise von der Heydt", "Stefan Imhoff",
           "Renate Groß", "Hans-Jürgen Weiß", "Birte Petersen-Lüth", "Karl Öhlmann", "Ines Münch")
FIRMS = ("Ingenieurbüro Thomsen & Partner GmbH", "Hansen Bau GmbH & Co. KG", "Architektur Sörensen", "Norddeutsche Wärmenetze AG",
         "Zimmerei Jäger", "Wohnungsbaugenossenschaft Auental eG", "TSV Mittelau 1921 e. V.", "Rechtsanwälte Brandt Köster "
                                                                                              "Lüders",
         "Elektro Voß", "Planungsbüro Grünraum PartGmbB", "Sparkasse Auenland", "Stadtwerke Süderbrück GmbH")
OFFICES = ("Kreis Auenland - Der Landrat", "Finanzamt Süderbrück", "Landesbetrieb Straßenbau und Verkehr",
           "Amtsgericht Süderbrück",
           "Gemeinde Norderfeld", "Landesamt für Denkmalpflege", "Wasser- und Bodenverband Untere Aue", "Stadt Süderbrück")
STREETS = ("Birkenweg", "Gartenstraße", "Am Alten Bahnhof", "Kirchstraße", "Königsallee", "Mühlenstraße", "Große Twiete",
           "Zur Schleuse",
           "Hauptstr.", "Bürgermeister-Jäger-Straße", "An der Bleiche")
TOWNS = ("24998 Mittelau", "24997 Norderfeld", "24955 Süderbrück", "20095 Hamburg", "04109 Leipzig", "79098 Freiburg im Breisgau")
RECIPIENTS = (("Amt Mittelau", "Bauamt"), ("Gemeinde Mittelau",), ("Amt Mittelau", "Der Amtsvorsteher"), ("Amt Mittelau",
    "Ordnungsamt"),
              ("Frau", "Kirsten Harder"), ("Herrn", "Gerd Jürgensen"), ("Firma", "Hansen Bau GmbH & Co. KG"), ("Familie",
                  "Öztürk"))
SUBJECTS = ("Bauantrag: Errichtung eines Carports mit Abstellraum", "Ihr Bescheid über die Grundsteuer 2026", "Widerspruch gegen "
            "Ihren Bescheid",
            "Bebauungsplan Nr. 27 „Westlich Heideweg“, Beteiligung der Träger öffentlicher Belange nach § 4 Abs. 2 BauGB",
            "Anfrage zur Anbindung an das Nahwärmenetz", "Anzeige einer Veranstaltung auf dem Marktplatz",
            "Kündigung des Pachtvertrages",
            "Sanierung der Sporthalle: Übersendung der Schlussrechnung", "Amtshilfeersuchen", "Erinnerung: fehlende Unterlagen",
            "Stellungnahme zum Entwurf der Lärmaktionsplanung der vierten Stufe für die Gemeinde Norderfeld")
OWN_WORDS = ("Unser Zeichen", "Mein Zeichen", "Unser Az.", "Aktenzeichen", "Az.", "Gesch.-Z.")
YOUR_WORDS = ("Ihr Zeichen", "Ihr Zeichen, Ihre Nachricht vom", "Ihr Az.")
FACES = ("sans", "sans", "serif", "serif", "narrow", "dejavu", "dejavu-serif", "mono")


@dataclass(frozen=True)
class MadeLetter:
    """The letter and its values by field."""

    letter: Letter
    truth: dict[str, str]


def made_letter(seed: int) -> MadeLetter:
    """A letter that differs from its neighbours in sender, recipient, look, leading words and the form of its date."""
    dice = random.Random(seed * 613 + 7)
    plain = random_letter(seed)
    sender = dice.choice((PERSONS, FIRMS, OFFICES))
    name = dice.choice(sender)
    street = f"{dice.choice(STREETS)} {dice.randint(1, 140)}{dice.choice(('', '', ' a', 'b'))}"
    town = dice.choice(TOWNS)
    day = date(2026, 1, 5) + timedelta(days=dice.randint(0, 290))
    subject = dice.choice((*SUBJECTS, plain.subject))
    recipient = dice.choice(RECIPIENTS)
    truth = {"sender_name": name, "sender_address": f"{street}, {town}", "letter_date": day.isoformat(), "subject": subject,
             "recipient_name": recipient[1] if recipient[0] in ("Frau", "Herrn", "Firma", "Familie") else recipient[0]}
    face = dice.choice(FACES)
    letter = replace(
        plain, sender=(name, street, town), recipient=(*recipient, f"{dice.choice(STREETS)} {dice.randint(1, 60)}",
                                                       dice.choice(TOWNS)),
        subject=dice.choice(("", "", "", "Betreff: ", "Betr.: ")) + subject, date=written(day, dice), face=face,
        size=dice.choice((10.0, 10.5, 11.0, 12.0)) - (1.0 if face in ("dejavu", "dejavu-serif", "mono") else 0.0),
        head_size=dice.choice((11.0, 14.0, 16.0, 20.0)), head_align=dice.choice(("left", "left", "right")),
        form=dice.choice("AB"),
        leading=dice.choice((4.8, 5.1, 5.5)), notes=dice.choice(((), (), (), ("Einschreiben",), ("Persönlich",))),
        signature=dice.choice(PERSONS) if name not in PERSONS else name, footer=_footer(dice,
            name) if sender is not PERSONS else (),
        block=(), references=())
    return _signed(letter, truth, dice)


def written(day: date, dice: random.Random) -> str:
    """A day in one of the forms that letters use."""
    return dice.choice((f"{day:%d.%m.%Y}", f"{day:%d.%m.%Y}", f"{day.day}. {MONTHS[day.month - 1]} {day.year}", f"{day:%d.%m.%y}",
                        f"{day:%Y-%m-%d}", f"{day.day}.{day.month}.{day.year}"))


def _footer(dice: random.Random, name: str) -> tuple[str, ...]:
    return (f"{name} · Sparkasse Auenland · IBAN DE72 2179 9911 0004 0001 00 · BIC NOLADE21NOS",
            f"Telefon 0{dice.randint(4000, 9999)} {dice.randint(1000, 99999)} · www.beispiel.example")


def _signed(letter: Letter, truth: dict[str, str], dice: random.Random) -> MadeLetter:
    """With signs in an Informationsblock or a Bezugszeichenzeile, or without any."""
    own = dice.choice((f"III/2-{dice.randint(10, 99)}.{dice.randint(10, 99)}", f"{dice.randint(10, 99)} {dice.randint(10, 99)} "
                       f"0{dice.randint(1, 9)}",
                       f"kö-{dice.randint(100, 999)}/26", f"{dice.randint(1, 30)} C {dice.randint(10, 900)}/25"))
    yours = f"BA/632.{dice.randint(1, 9)}0-{dice.randint(1, 999):04d}/20{dice.randint(18, 26)}"
    where = dice.choice(("block", "block", "references", "none"))
    if where == "none":
        return MadeLetter(letter, truth)
    words = [(dice.choice(YOUR_WORDS[:1] if where == "block" else YOUR_WORDS), yours), (dice.choice(OWN_WORDS), own)]
    if letter.face not in ("narrow", "serif", "sans"):  # the columns are 45 mm wide
        words[0] = (words[0][0].split(",")[0], yours)
    truth = truth | {"your_reference": yours, "our_reference": own}
    if where == "references":
        return MadeLetter(replace(letter, references=tuple(words)), truth)
    telephone = f"0{dice.randint(4000, 9999)} {dice.randint(100, 999)}-{dice.randint(10, 99)}"
    more = [("Name", dice.choice(PERSONS)), ("Telefon", telephone), ("E-Mail", f"post{dice.randint(1, 99)}@beispiel.example")]
    return MadeLetter(replace(letter, block=(*words, *more[:dice.randint(0, 3)])), truth)


def scanned(letter: Letter, seed: int, dpi: int, skew: float = 2.0) -> Image.Image:
    """The first page as a scanner sees it: turned by up to `skew` degrees, slightly blurred, on grey ground with noise."""
    dice = random.Random(seed * 31 + dpi)
    canvas = ScanCanvas(dpi=dpi)
    marks = lay_out(canvas, letter)
    if marks["signature"][0] == 1:
        scribble(canvas.pages[0], 28, marks["signature"][1] + 8, dice, dpi=dpi)
    page = canvas.pages[0].rotate(dice.uniform(-skew, skew), Image.Resampling.BICUBIC, fillcolor=255)
    page = page.filter(ImageFilter.GaussianBlur(dice.uniform(0.2, 0.6) * dpi / 200))
    page = page.point([22 + round(value * 215 / 255) for value in range(256)])
    noise = Image.effect_noise(page.size, dice.uniform(4, 14))
    page = Image.blend(page, noise, 0.06)
    page.info["dpi"] = (float(dpi), float(dpi))
    return page
