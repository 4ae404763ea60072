"""What a document of an old building file is: its register (01 to 14), the Bauvorlage it is, what a plan's title block says.

Registers after common practice of digitised building files; Bauvorlagen after the code list of XBau 2.1 (Bauvorlageart). The
words are those that stand as titles on such papers from about 1900 on; what stands at the head of the first page counts most.
Fields: `register` ("04"), `bauvorlage` ("5"), `plan_scale` ("1:100"), `drawing_number`, `drawing_date`, `handwritten` ("ja").
Only asked where the profile of a back-file says so (`material.notes["backfile"]`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from intake.extract.dates import find_dates
from intake.extract.flow import Flow, flow, proposal
from intake.vocabulary import Evidence, Material, Page, Proposal

BY = "rule:bauakte@1"
REGISTERS: Mapping[str, str] = {
    "01": "Antrag, Formulare", "02": "Baubeschreibung", "03": "Lageplan, Liegenschaftskarte", "04": "Bauzeichnungen",
    "05": "Berechnungen", "06": "Bautechnische Nachweise", "07": "Beteiligungen, Stellungnahmen", "08": "Nachbarn",
    "09": "Bescheide", "10": "Baulasten", "11": "Anzeigen, Abnahmen", "12": "Schriftverkehr", "13": "Fotos",
    "14": "Widerspruch, Ordnungswidrigkeit"}
BAUVORLAGEN: Mapping[str, tuple[str, str]] = {
    "1": ("Gesicherte Erschließung", r"gesicherte[nr]? Erschlie(?:ß|ss)ung|Entwässerungs(?:plan|antrag)"),
    "2": ("Maß der baulichen Nutzung", r"Ma(?:ß|ss)e?s? der baulichen Nutzung|Grundflächenzahl|Gescho(?:ß|ss)flächenzahl"),
    "3": ("Liegenschaftskarte", r"Liegenschaftskarte|Flurkarte|Kataster(?:karte|plan)|Katasterhandzeichnung"),
    "4": ("Lageplan", r"Lageplan|Situationsplan"),
    "5": ("Grundriss", r"Grundri(?:ß|ss|s)"),
    "6": ("Schnitt", r"\b(?:Quer|Längs|Längen)?[Ss]chnitt\b"),
    "7": ("Ansicht", r"(?:Vorder|Seiten|Straßen|Nord|Süd|Ost|West)?[Aa]nsicht(?:en)?\b|Façade|Fassade"),
    "8": ("Baubeschreibung", r"Bau-?beschreibung|Beschreibung des Bau(?:vorhabens|es)"),
    "9": ("Standsicherheitsnachweis", r"Standsicherheitsnachweis|[Ss]tatische Berechnung|Statik\b|Festigkeitsnachweis"),
    "10": ("Brandschutznachweis", r"Brandschutz(?:nachweis|konzept)|Feuerschutz"),
    "11": ("Wärme-, Schall-, Erschütterungsschutz", r"(?:Wärme|Schall)schutz(?:nachweis|berechnung)?"),
    "12": ("Modell", r"\bModell des Bauvorhabens"),
    "13": ("Betriebsbeschreibung", r"Betriebsbeschreibung"),
    "14": ("Stellplatznachweis", r"Stellplatz(?:nachweis|berechnung)|Nachweis der Stellplätze"),
    "15": ("Typenprüfung", r"Typenprüfung"),
    "16": ("Zustimmung im Einzelfall", r"Zustimmung im Einzelfall"),
    "17": ("Umweltverträglichkeitsprüfung", r"Umweltverträglichkeits"),
}
"""Number and title of the code list, and the words by which such a paper is known."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that speak for a register: by `head` when they stand in the upper part of the first page, else by `body`."""

    register: str
    words: re.Pattern[str]
    head: float
    body: float


def _cue(register: str, words: str, head: float = 3.0, body: float = 0.5) -> Cue:
    return Cue(register, re.compile(words, re.IGNORECASE), head, body)


CUES: tuple[Cue, ...] = (
    _cue("01", r"\bBau-?antrag\b|\bBaugesuch\b|\bAntrag auf (?:Erteilung|Bau|Genehmigung|Vorbescheid)|\bBauvoranfrage\b|"
               r"\bGesuch um|\bbitte[nt]? (?:ich|wir)? ?um (?:die )?Genehmigung", 4.0, 0.6),
    _cue("01", r"\bBauschein-?antrag|\bVollmacht\b|\bErhebungsbogen\b|\bStatisti\w+ der Baugenehmigung", 3.5, 0.3),
    _cue("02", r"\bBau-?beschreibung\b|\bBetriebsbeschreibung\b|\bBeschreibung des Bau", 5.0, 0.6),
    _cue("03", r"\bLageplan\b|\bLiegenschaftskarte\b|\bFlurkarte\b|\bKataster(?:karte|plan|auszug|handzeichnung)\b|"
               r"\bSituationsplan\b|\bAuszug aus (?:dem|der) (?:Liegenschaft|Kataster|Flur)", 4.5, 0.5),
    _cue("04", r"\bGrundri(?:ß|ss|s)\b|\b(?:Quer|Längs|Längen)?schnitt\b|\bAnsicht(?:en)?\b|\bVorderansicht|\bBauzeichnung|"
               r"\bFassade|\b(?:Erd|Ober|Keller|Dach)gescho(?:ß|ss)\b", 2.6, 0.5),
    _cue("04", r"\bMa(?:ß|ss)stab\b|\bM\.? ?1 ?: ?\d{2,3}\b", 1.2, 0.5),
    _cue("05", r"\b(?:Wohnflächen|Massen|Kosten|Flächen)-?berechnung\b|\bBerechnung (?:der|des) (?:Wohn|umbauten|Grund|Nutz|"
               r"Bau)|\bumbauter? Raum|\bGrundflächenzahl\b|\bGescho(?:ß|ss)flächenzahl\b|\bGRZ\b|\bGFZ\b|"
               r"\bStellplatznachweis\b", 4.5, 0.7),
    _cue("06", r"\bstatische Berechnung|\bStandsicherheit|\bFestigkeitsnachweis|\bPrüfbericht\b|\bPrüfstati|\bStatik\b|"
               r"\b(?:Wärme|Schall|Brand)schutz(?:nachweis|konzept|berechnung)?\b|\bBewehrung", 4.5, 0.7),
    _cue("07", r"\bStellungnahme\b|\b(?:gemeindliches )?Einvernehmen\b|\bAnhörung\b|\bBeteiligung\b|"
               r"\bGewerbeaufsicht|\bTräger öffentlicher Belange|\bäu(?:ß|ss)er(?:n|t) (?:wir|sich).{0,30}Bauvorhaben", 3.6, 0.7),
    _cue("08", r"\bNachbar(?:n|schafts?|lich\w*)?(?:-?(?:zustimmung|unterschrift\w*|erklärung|beteiligung))?\b|\bAngrenzer|"
               r"\bAnlieger\w*\b|\bEinverständniserklärung", 4.2, 0.6),
    _cue("09", r"\bBaugenehmigung\b|\bBauschein\b|\bBau-?bescheid\b|\bGenehmigungsbescheid\b|\bBauerlaubnis|\bVorbescheid\b|"
               r"\bNachtragsgenehmigung|\bGebührenbescheid\b|\bBescheid\b|\bAblehnung\b|\bGenehmigungsurkunde", 4.0, 0.4),
    _cue("09", r"\bwird (?:hiermit |Ihnen )?(?:die |unbeschadet).{0,60}(?:genehmigt|Genehmigung erteilt|erteilt)|"
               r"\bAuflagen und Bedingungen", 2.0, 1.5),
    _cue("10", r"\bBaulast(?:en)?\w*|\bVerpflichtungserklärung\b", 5.0, 0.8),
    _cue("11", r"\bBaubeginns?-?anzeige\b|\bAnzeige (?:des|der|über) (?:Bau|Nutzung|Fertig|Roh)|\b(?:Rohbau|Schlu(?:ß|ss)|"
               r"Gebrauchs|End)-?abnahme(?:schein)?\b|\bFertigstellungsanzeige\b|"
               r"\bAbnahme(?:schein|bescheinigung|protokoll)\b|\bNutzungsaufnahme\b", 5.0, 0.7),
    _cue("13", r"\bLichtbild(?:er)?\b|\bFoto(?:s|grafie|dokumentation)?\b|\bPhotographie", 4.0, 0.3),
    _cue("14", r"\bWiderspruch(?:s\w*)?\b|\bOrdnungswidrigkeit|\bBu(?:ß|ss)geld|\bBaueinstellung|\bStillegung|\bStilllegung|"
               r"\bBeseitigungs(?:anordnung|verfügung)|\bSchwarzbau|\bVerwaltungsgericht|\bStrafbefehl", 4.5, 0.9),
)
LETTER = re.compile(r"\bSehr geehrte|\bMit (?:freundlichen|vorzüglicher)|\bHochachtungsvoll\b|\bBetr(?:\.|eff|ifft)|\bBezug\b|"
                    r"\bHerrn?\b|\bAktenvermerk\b|\bVermerk\b")
HEAD = 0.33
"""The upper part of the first page, where a paper says what it is (DIN 5008: the Betreff lies at 0.33 to 0.4 for form A)."""
SUBJECT = re.compile(r"^\s*(?:Betr(?:\.|eff|ifft)?|Betrifft)\s*:?\s*(?P<rest>\S.*)$", re.MULTILINE | re.IGNORECASE)
MOST_BODY = 4
"""So many hits in the body count at most."""
SHARPNESS = 1.3
OF_DRAWINGS = ("03", "04", "06")
LARGE_MM = 330.0
"""A longer side than A4's: plans."""
_SCALE = re.compile(r"\b(?:M(?:a(?:ß|ss)stab)?\.?\s*[:=]?\s*)?1\s?[:/]\s?(?P<scale>\d{2,5})\b")
_DRAWING = re.compile(r"\b(?:Zeichn(?:ung)?s?|Plan|Blatt|Bl\.?)\s?-?\s?(?:Nr\.?|Nummer|№)?\s?:?\s?"
                      r"(?P<number>[A-Z]{0,3}[-/ ]?\d{1,5}(?:[-/.]\d{1,4})*[a-z]?)\b")


def bauakte(material: Material) -> Iterator[Proposal]:
    """Register with the runners-up, Bauvorlage, a plan's scale, number and date, whether it is written by hand."""
    if not material.notes.get("backfile") or not material.pages:
        return
    flows = [flow(number, page) for number, page in enumerate(material.pages, start=1)]
    points, places = _points(flows, material.pages)
    for register, sure in _ranked(points)[:3]:
        where = places.get(register)
        if where is None:
            yield Proposal("register", register, sure, (Evidence(BY, 1, None, REGISTERS[register]),))
        else:
            here, start, end = where
            yield proposal("register", register, sure, BY, here, start, end)
    best = _ranked(points)[0][0]
    yield from _bauvorlagen(flows, best)
    yield from _plan(flows, material.pages, best)
    yield from _builder(flows[0], best)
    if sum(page.script == "handwriting" for page in material.pages) * 2 > len(material.pages):
        yield Proposal("handwritten", "ja", 0.8, (Evidence(BY, 1, None, "Handschrift"),))


Place = tuple[Flow, int, int]


def _points(flows: list[Flow], pages: tuple[Page, ...]) -> tuple[dict[str, float], dict[str, Place]]:
    """Points of each register, and the place that speaks loudest for it."""
    points: dict[str, float] = {register: 0.0 for register in REGISTERS}
    places: dict[str, tuple[float, Place]] = {}
    subject = SUBJECT.search(flows[0].text)
    for cue in CUES:
        body = 0
        for here, page in zip(flows, pages, strict=True):
            for match in cue.words.finditer(here.text):
                weight = _weight(cue, here, match, subject)
                if weight == cue.body:
                    body += 1
                    weight = weight if body <= MOST_BODY else 0.0
                aside = page.script == "drawing" and cue.register not in OF_DRAWINGS
                points[cue.register] += weight * (0.6 if aside else 1.0)
                if weight > places.get(cue.register, (0.0, None))[0]:
                    places[cue.register] = weight, (here, match.start(), match.end())
    _by_looks(points, flows, pages)
    return points, {register: place for register, (_, place) in places.items()}


def _weight(cue: Cue, here: Flow, match: re.Match[str], subject: re.Match[str] | None) -> float:
    """Full weight for a title at the head, half for the subject of a letter (which is about it, but is not it), else little."""
    if here.page != 1:
        return cue.body
    if subject is not None and subject.start() <= match.start() < subject.end():
        return cue.head * 0.3
    words = here.words_at(match.start(), match.end())
    at_head = words[0].box[1] < HEAD if words else match.start() < max(300, len(here.text) * HEAD)
    before, after = here.text[:match.start()].rpartition("\n")[2], here.text[match.end():].partition("\n")[0]
    title = len(f"{before}{match.group()}{after}".split()) <= 6
    return cue.head if at_head and title else cue.head * 0.45 if at_head or title else cue.body


def _by_looks(points: dict[str, float], flows: list[Flow], pages: tuple[Page, ...]) -> None:
    """What the pages look like: drawings, large sheets, pictures without words, letters."""
    drawn = sum(page.script == "drawing" or max(page.width_mm, page.height_mm) > LARGE_MM for page in pages) / len(pages)
    points["04"] += 3.0 * drawn
    points["03"] += 0.8 * drawn
    letters = sum(len(here.text) for here in flows)
    if letters < 40 * len(pages) and not drawn and any(page.quality <= 0.5 for page in pages):
        points["13"] += 2.5
    said = len({match.group() for here in flows for match in LETTER.finditer(here.text)})
    points["12"] += min(3.2, 1.1 * said)
    points["12"] += 0.4


def _ranked(points: Mapping[str, float]) -> list[tuple[str, float]]:
    """Registers with probabilities, the likeliest first (softmax of the points; an order, fitted to no data)."""
    most = max(points.values())
    weights = {register: math.exp((value - most) / SHARPNESS) for register, value in points.items()}
    total = sum(weights.values())
    return sorted(((register, round(min(0.97, weight / total), 3)) for register, weight in weights.items()),
                  key=lambda one: (-one[1], one[0]))


def _bauvorlagen(flows: list[Flow], register: str) -> Iterator[Proposal]:
    """The kind of Bauvorlage by the first word that names one; only where the register has such papers."""
    if register not in ("02", "03", "04", "05", "06"):
        return
    found: list[tuple[int, str, Place]] = []
    for number, (_, words) in BAUVORLAGEN.items():
        for here in flows:
            match = re.search(words, here.text)
            if match:
                found.append((here.page * 100_000 + match.start(), number, (here, match.start(), match.end())))
                break
    for _, number, (here, start, end) in sorted(found, key=lambda one: one[0])[:3]:
        yield proposal("bauvorlage", number, 0.8, BY, here, start, end)


_PERSON = r"[A-ZÄÖÜ][\wäöüß-]+(?:\s+(?:von|van|de|der)\b)?(?:\s+[A-ZÄÖÜ][\wäöüß.-]*){1,3}"
_ADDRESSED = re.compile(rf"^\s*(?:Herrn?|Frau|Eheleute|Fräulein|Herrn?\s*/\s*Frau)(?:\s+(?:und|u\.)\s+Frau)?[\s,]*"
                        rf"(?P<name>{_PERSON})\s*$", re.MULTILINE)
_FIRST_LINE = re.compile(rf"\A\s*(?P<name>{_PERSON})(?=\s*(?:\n|\t|\s{{3,}}|$))")
_NO_PERSON = re.compile(r"\b(?:Gemeinde|Amt|Kreis|Stadt|Bau\w+|Behörde|Landrat|Antrag|Büro|GmbH|Der|Die|Das|An|Abteilung)\b")


def _builder(here: Flow, register: str) -> Iterator[Proposal]:
    """The Bauherr where no word names him: who signs the head of an application, whom a notice is addressed to."""
    pattern = {"01": _FIRST_LINE, "09": _ADDRESSED, "11": _ADDRESSED}.get(register)
    match = pattern.search(here.text) if pattern else None
    if match and not _NO_PERSON.search(match["name"]):
        yield proposal("applicant", " ".join(match["name"].split()), 0.6, BY, here, match.start("name"), match.end("name"))


def _plan(flows: list[Flow], pages: tuple[Page, ...], register: str) -> Iterator[Proposal]:
    """Scale, number and date of a drawing: only from pages that are drawings, or of a register of plans."""
    for here, page in zip(flows, pages, strict=True):
        if register not in OF_DRAWINGS and page.script != "drawing":
            continue
        scale = _SCALE.search(here.text)
        if scale:
            yield proposal("plan_scale", f"1:{scale['scale']}", 0.85, BY, here, scale.start(), scale.end())
        number = _DRAWING.search(here.text)
        if number:
            value = " ".join(number["number"].split())
            yield proposal("drawing_number", value, 0.7, BY, here, number.start("number"), number.end("number"))
        for day in list(find_dates(here.text))[:1]:
            yield proposal("drawing_date", day.day.isoformat(), 0.7, BY, here, day.start, day.end)
