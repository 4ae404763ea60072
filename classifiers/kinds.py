"""The kind of a document (Antrag, Rechnung, Bescheid, ...) by words and where they stand. Pure; no learning yet.

A kind's words count most as a heading or in the Betreff, less in the first lines, least in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from intake.vocabulary import Evidence, Material, Page, Proposal, Word

BY = "rule:kind@1"
_KINDS: tuple[tuple[str, str, str], ...] = (
    # kind, words of a heading or Betreff, phrases of the text
    ("Mahnung", r"(?:letzte |erste |zweite |\d\. )?(?:mahnung|zahlungserinnerung)\b|vollstreckungsankündigung",
     r"noch nicht beglichen|zahlungseingang feststellen|mahngebühr"),
    ("Rechnung", r"(?:schluss|abschlags|teil|honorar|sammel)?rechnung\b|rechnungs-?(?:nr|nummer)|gutschrift\b",
     r"rechnungsbetrag|zahlbar (?:bis|innerhalb)|rechnungsdatum|stellen wir ihnen .{0,40}in rechnung|zzgl\.? .{0,12}mwst"),
    ("Angebot", r"(?:kosten)?angebot\b|kostenvoranschlag", r"bieten wir ihnen|freibleibend|angebotssumme"),
    ("Widerspruch", r"widerspruch(?:sbegründung)?\b|einwendung(?:en)?\b|einspruch\b",
     r"lege ich (?:hiermit )?(?:widerspruch|einspruch) ein|erhebe ich widerspruch"),
    ("Beschwerde", r"beschwerde\b|dienstaufsichtsbeschwerde", r"beschwere ich mich|möchte ich mich beschweren"),
    ("Kündigung", r"kündigung\b", r"kündige ich|kündigen wir"),
    ("Antrag", r"(?:\w+)?antrag\b|bauvoranfrage\b|(?:an|ab|um)meldung\b|bewerbung\b",
     r"(?:hiermit|daher) beantrage|beantrage(?:n)? (?:ich|wir)|ich stelle .{0,30}antrag|bitte(?:n)? .{0,30}um genehmigung"),
    ("Bescheid", r"(?:\w+)?bescheid\b|(?:bau)?genehmigung\b|(?:an|unter)sagung\b|festsetzung\b",
     r"rechtsbehelfsbelehrung|ergeht folgender bescheid|wird (?:ihnen )?(?:hiermit )?die genehmigung erteilt"),
    ("Stellungnahme", r"(?:\w+)?stellungnahme\b|beteiligung (?:als )?(?:der )?träger öffentlicher belange|gutachten\b",
     r"nehmen wir wie folgt stellung|bestehen (?:keine|aus sicht .{0,40}keine) bedenken|nehme ich .{0,20}stellung"),
    ("Protokoll", r"niederschrift\b|(?:\w+)?protokoll\b|beschlussauszug|auszug aus der niederschrift",
     r"die sitzung wird .{0,30}(?:eröffnet|geschlossen)|anwesend (?:sind|waren)|beschlussfähigkeit"),
    ("Anfrage", r"(?:klein|groß)?e? ?anfrage\b", r"frage[n]? (?:ich|wir) (?:die verwaltung|sie)|bitte(?:n)? .{0,20}um auskunft"),
    ("Vorlage", r"(?:beschluss|informations|sitzungs)vorlage\b", r"beschlussvorschlag|beschlussantrag"),
    ("Einladung", r"einladung\b|tagesordnung\b", r"lade ich (?:sie )?(?:herzlich )?ein|laden wir sie .{0,30}ein"),
    ("Satzung", r"(?:\w+)?satzung\b|(?:\w+)verordnung\b|geschäftsordnung\b|richtlinien?\b",
     r"aufgrund des? § ?\d+ .{0,80}(?:wird|hat) .{0,80}satzung|tritt am tage nach .{0,20}bekanntmachung in kraft"),
    ("Bekanntmachung", r"(?:öffentliche |amtliche )?bekanntmachung\b|öffentliche auslegung", r"wird hiermit bekannt gemacht"),
    ("Vertrag", r"(?:\w+)?vertrag\b|(?:\w+)?vereinbarung\b", r"zwischen .{0,200}wird folgender vertrag geschlossen"),
    ("Bauzeichnung", r"(?:lageplan|grundriss|ansichten?|schnitt|bauzeichnung|liegenschaftskarte)\b", r"maßstab 1 ?: ?\d+"),
    ("Formular", r"(?:\w+)?(?:formular|vordruck|fragebogen|erhebungsbogen)\b", r"zutreffendes (?:bitte )?ankreuzen"),
)
_COMPILED = tuple((kind, re.compile(rf"\b(?:{head})", re.IGNORECASE), re.compile(text, re.IGNORECASE))
                  for kind, head, text in _KINDS)
_GREETING = re.compile(r"\b(?:sehr geehrte|guten tag|liebe[rs]? |hallo\b|moin\b)|mit freundlichen grüßen|hochachtungsvoll", re.I)


def kinds(material: Material, extracted: Sequence[Proposal] = ()) -> tuple[Proposal, ...]:
    """Up to three proposals of `kind`, the surest first; `Schreiben` when it is a letter of no special kind.

    `extracted`: what the extractors found; the surest `subject` is looked at first.
    """
    if not material.pages:
        return ()
    subjects = sorted((one for one in extracted if one.field == "subject"), key=lambda one: -one.confidence)
    subject = subjects[0].value if subjects else material.envelope.subject or ""
    found: dict[str, tuple[float, list[Evidence]]] = {}
    for kind, score, place in _hits(material, subject):
        old, places = found.get(kind, (0.0, []))
        found[kind] = (old + score, [*places, place])
    ranked = sorted(found.items(), key=lambda item: -item[1][0])[:3]
    total = sum(score for _, (score, _) in ranked) or 1.0
    proposals = [Proposal("kind", kind, round(min(0.92, 0.35 + 0.2 * score) * (score / total) ** 0.5, 3), tuple(places[:4]))
                 for kind, (score, places) in ranked if score >= 0.7]
    if not proposals and (match := _GREETING.search(material.pages[0].plain())):
        place = _place(material.pages[0], 1, match.group())
        proposals.append(Proposal("kind", "Schreiben", 0.6, (place,)))
    return tuple(sorted(proposals, key=lambda one: -one.confidence))


def _hits(material: Material, subject: str) -> Iterator[tuple[str, float, Evidence]]:
    front = material.pages[0]
    lines = [line.strip() for line in front.text.splitlines() if line.strip()]
    plain = front.plain()
    for kind, head, text in _COMPILED:
        if match := head.search(subject):
            early = 1.0 if match.start() < 25 else 0.6
            yield kind, 2.0 * early, _place(front, 1, match.group())
        for number, line in enumerate(lines[:40]):
            if (match := head.match(line)) and (line.isupper() or len(line) < 60):
                yield kind, 1.5 if number < 20 else 0.7, _place(front, 1, match.group())
                break
        if match := text.search(plain):
            yield kind, 1.0, _place(front, 1, match.group())


def _place(page: Page, number: int, text: str) -> Evidence:
    """Where the words of `text` stand on the page one after another; page 0 when they are not there (mail subject)."""
    wanted = text.split()
    words = page.words
    for index in range(len(words) - len(wanted) + 1):
        run = words[index:index + len(wanted)]
        if all(want.lower() in word.text.lower() for want, word in zip(wanted, run, strict=True)):
            return Evidence(BY, number, _union(run), text)
    stands = text.lower() in page.plain().lower()
    return Evidence(BY, number if stands else 0, None, text)


def _union(words: Sequence[Word]) -> tuple[float, float, float, float]:
    boxes = [word.box for word in words]
    return (min(box[0] for box in boxes), min(box[1] for box in boxes),
            max(box[2] for box in boxes), max(box[3] for box in boxes))
