"""Make the samples anew: `python -m samples.make [NAME ...]`. Fixed seeds and dates: the same bytes on every run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from email import policy
from email.message import EmailMessage
from pathlib import Path

from samples.canvas import A4, PdfCanvas, ScanCanvas
from samples.invoice import invoice
from samples.letters import AMT, Letter, lay_out
from samples.noise import DPI, scan
from samples.papers import Expected, Sample, archival, jpeg
from samples.stack import application, legacy, photographed, post

HERE = Path(__file__).parent

SIGNED = Letter(
    sender=("Architekturbüro Thomsen", "Am Markt 9", "24998 Mittelau"), recipient=(AMT[0], "Bauamt", *AMT[1:]), form="B",
    subject="Nachreichung zum Bauantrag Heideweg 12", date="13.10.2026",
    block=(("Ihr Zeichen", "BA/632.60-0017/2026"), ("Name", "Ute Thomsen"), ("Telefon", "04699 555 73")),
    paragraphs=("zu dem genannten Bauvorhaben reichen wir den angeforderten Nachweis der Regenwasserversickerung nach.",
                "Damit liegen Ihnen alle Bauvorlagen vor. Wir bitten um zügige Bearbeitung und um Nachricht, falls noch etwas fehlt."),
    signature="Dipl.-Ing. Ute Thomsen", enclosures=("Nachweis der Versickerung, zwei Blatt",))

DOG = Letter(
    sender=("Gerd Boysen", "Gartenstraße 8", "24998 Mittelau"), recipient=(AMT[0], "Steueramt", *AMT[1:]), form="A",
    subject="Abmeldung meines Hundes von der Hundesteuer", date="11.10.2026",
    paragraphs=("hiermit melde ich meinen Hund „Bella“, Rauhaardackel, zum 30. September 2026 von der Hundesteuer ab. Das Tier ist "
                "am 28. September 2026 gestorben.",
                "Die Hundesteuermarke mit der Nummer 411 füge ich bei. Bitte erstatten Sie mir den zu viel gezahlten Betrag."),
    signature="Gerd Boysen")


def _born_digital(letter: Letter) -> bytes:
    canvas = PdfCanvas(title=letter.subject, author=letter.sender[0])
    lay_out(canvas, letter)
    return archival(bytes(canvas.pdf.output()))


def with_reference() -> Sample:
    """`schreiben-mit-aktenzeichen.pdf`: the one that the rule own_reference files without a person."""
    return Sample(_born_digital(SIGNED), (Expected((1,), "Schreiben", "632.60", {
        "letter_date": "2026-10-13", "file_reference": "BA/632.60-0017/2026", "subject": SIGNED.subject,
        "sender_name": SIGNED.sender[0]}, file="BA/632.60-0017/2026"),), automatic=True)


def dog() -> Sample:
    """`anfrage-hund.pdf`: a citizen's letter without any reference."""
    return Sample(_born_digital(DOG), (Expected((1,), "Schreiben", "922.10", {
        "letter_date": "2026-10-11", "subject": DOG.subject, "sender_name": DOG.sender[0]}),))


def mail() -> Sample:
    """`buergermail.eml`: a citizen's mail with a letter as PDF and a photograph; names with umlauts after RFC 2231."""
    picture = ScanCanvas(A4, DPI)
    picture.text(40, 80, "Schlagloch Mühlenstraße", 30, "sans-bold")
    picture.draw.ellipse([picture.px(v) for v in (60, 120, 150, 180)], fill=70, outline=20, width=6)
    hole = Letter(sender=("Frauke Jürgensen", "Mühlenstraße 31", "24998 Mittelau"), recipient=(AMT[0], "Bauamt", *AMT[1:]),
                  subject="Schlagloch in der Mühlenstraße, Schaden an meinem Fahrrad", date="14.10.2026", form="A",
                  paragraphs=("am 12. Oktober 2026 bin ich in der Mühlenstraße vor Haus 29 in ein tiefes Schlagloch gefahren. Dabei wurde "
                              "die Felge meines Fahrrades verbogen; die Reparatur kostet 148,50 EUR.",
                              "Ich bitte um Ausbesserung der Fahrbahn und um Erstattung des Schadens."), signature="Frauke Jürgensen")
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Frauke Jürgensen <f.juergensen@example.org>"
    message["To"] = "Amt Mittelau <poststelle@amt-mittelau.example>"
    message["Subject"] = "Schlagloch Mühlenstraße, Bitte um Ausbesserung"
    message["Date"] = "Wed, 14 Oct 2026 18:42:10 +0200"
    message["Message-ID"] = "<20261014184210.4711@example.org>"
    message.set_content("Sehr geehrte Damen und Herren,\n\nanbei mein Schreiben und ein Foto zu dem Schlagloch in der Mühlenstraße.\n"
                        "Für Rückfragen erreichen Sie mich unter 04699 555 21.\n\nMit freundlichen Grüßen\nFrauke Jürgensen\n")
    message.add_attachment(_born_digital(hole), maintype="application", subtype="pdf", filename="Schreiben Mühlenstraße.pdf")
    message.add_attachment(jpeg(scan(picture.image, 91).resize((826, 1169)), 50, 100), maintype="image", subtype="jpeg",
                           filename="Foto Straßenschaden.jpg")
    message.set_boundary("=-poststelle-sample-0001")
    data = message.as_bytes()
    return Sample(data, (
        Expected((1,), "Schreiben", "652.10", {"subject": "Schlagloch Mühlenstraße, Bitte um Ausbesserung"}, part=0),
        Expected((1,), "Schreiben", "652.10", {"letter_date": "2026-10-14", "subject": hole.subject, "sender_name": hole.sender[0]},
                 part=1),
        Expected((1,), "Foto", "652.10", {}, part=2)))


SAMPLES: Mapping[str, Callable[[], Sample]] = {
    "posteingang-stapel.pdf": post, "bauantrag-mit-anlagen.pdf": application, "rechnung-zugferd.pdf": invoice,
    "buergermail.eml": mail, "bauakte-1967.tif": legacy, "schreiben-mit-aktenzeichen.pdf": with_reference,
    "anfrage-hund.pdf": dog, "hinweis-foto.jpg": photographed,
}


def make(name: str, folder: Path = HERE) -> Path:
    """Write one sample and its `.expected.json` into `folder`; returns the sample's path."""
    sample = SAMPLES[name]()
    path = folder / name
    path.write_bytes(sample.data)
    expected = json.dumps(sample.expected(), ensure_ascii=False, indent=1)
    path.with_name(f"{path.stem}.expected.json").write_text(expected + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    for wanted in sys.argv[1:] or SAMPLES:
        print(f"{make(wanted).stat().st_size:>9} {wanted}")
