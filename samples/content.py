"""German texts in numbers: topics of citizens' letters with their true notation, and sentences that fit everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """What a letter is about, where it belongs in config/aktenplan.csv, and its words ({strasse}, {tag}, {betrag}, {zahl})."""

    notation: str
    office: str
    subject: str
    paragraphs: tuple[str, ...]


TOPICS = (
    Topic("652.30", "Bauamt", "Straßenlaterne defekt, {strasse}", (
        "vor dem Grundstück {strasse} ist seit dem {tag} die Straßenlaterne ausgefallen. Die Leuchte trägt die Nummer {zahl}.",
        "Gerade morgens ist der Gehweg dort sehr dunkel. Bitte lassen Sie die Lampe instand setzen.")),
    Topic("922.10", "Steueramt", "Anmeldung meines Hundes zur Hundesteuer", (
        "hiermit melde ich meinen Hund zum {tag} zur Hundesteuer an. Es handelt sich um einen Labrador-Mischling.",
        "Der Hund lebt in meinem Haushalt, {strasse}. Bitte übersenden Sie mir die Hundemarke und den Bescheid.")),
    Topic("311.10", "Amt für Schule und Kita", "Antrag auf einen Kita-Platz", (
        "für unser Kind, geboren am {tag}, beantragen wir einen Platz in der Krippe ab dem nächsten Kindergartenjahr.",
        "Wir benötigen eine Betreuung an {zahl} Tagen in der Woche und bitten um Aufnahme in die Warteliste.")),
    Topic("652.10", "Bauamt", "Schlagloch in der Fahrbahn, {strasse}", (
        "in Höhe {strasse} befindet sich ein tiefes Schlagloch, das nach dem Frost deutlich größer geworden ist.",
        "Am {tag} ist dort eine Radfahrerin gestürzt. Ich bitte um kurzfristige Reparatur der Fahrbahn.")),
    Topic("920.10", "Steueramt", "Einwendung gegen den Grundsteuerbescheid", (
        "mit Bescheid vom {tag} haben Sie die Grundsteuer B für das Grundstück {strasse} auf {betrag} festgesetzt.",
        "Der Hebesatz wurde meines Erachtens falsch angewandt. Gegen den Bescheid lege ich Widerspruch ein.")),
    Topic("740.10", "Ordnungsamt", "Verlängerung des Nutzungsrechts an einer Grabstätte", (
        "das Nutzungsrecht an der Grabstätte meiner Eltern, Reihe {zahl}, läuft am {tag} ab.",
        "Ich möchte das Grab gern um weitere zehn Jahre verlängern. Bitte teilen Sie mir die Gebühr mit.")),
    Topic("200.20", "Ordnungsamt", "Beschwerde über nächtlichen Lärm, {strasse}", (
        "seit dem {tag} kommt es im Haus {strasse} regelmäßig zu lauter Musik bis weit nach Mitternacht.",
        "Gespräche mit den Nachbarn blieben ohne Erfolg. Ich bitte das Ordnungsamt, tätig zu werden.")),
    Topic("401.10", "Sozialamt", "Antrag auf Wohngeld, Nachreichung der Unterlagen", (
        "zu meinem Wohngeldantrag vom {tag} reiche ich die Verdienstbescheinigung und den Mietvertrag nach.",
        "Die Kaltmiete beträgt seit diesem Jahr {betrag}. In der Wohnung leben {zahl} Personen.")),
    Topic("700.30", "Bauamt", "Antrag auf Genehmigung der Grundstücksentwässerung", (
        "für mein Grundstück {strasse} beantrage ich den Anschluss an den Schmutzwasserkanal.",
        "Der Entwässerungsplan des Installateurs vom {tag} ist beigefügt. Das Regenwasser wird versickert.")),
    Topic("730.20", "Bauamt", "Antrag auf Fällung einer Birke, {strasse}", (
        "auf meinem Grundstück {strasse} steht eine Birke mit einem Stammumfang von etwa {zahl}0 cm, die abgestorben ist.",
        "Nach dem Sturm am {tag} besteht Bruchgefahr. Ich beantrage die Genehmigung zur Fällung.")),
    Topic("510.10", "Hauptamt", "Hallenzeiten für die Turngruppe", (
        "unsere Turngruppe sucht für die Wintersaison eine Hallenzeit in der Sporthalle, gern {zahl} Stunden in der Woche.",
        "Beginn wäre der {tag}. Bitte teilen Sie uns mit, ob der Belegungsplan das zulässt.")),
    Topic("910.40", "Amtskasse", "Bitte um Ratenzahlung", (
        "Ihre Forderung über {betrag} aus dem Bescheid vom {tag} kann ich derzeit nicht in einer Summe begleichen.",
        "Ich bitte um Stundung und schlage {zahl} gleich hohe Monatsraten vor.")),
    Topic("720.20", "Ordnungsamt", "Wilder Müll am Waldrand, {strasse}", (
        "am Waldrand hinter {strasse} liegen seit dem {tag} Altreifen, Farbeimer und Bauschutt.",
        "Ich habe {zahl} Fotos gemacht und stelle sie gern zur Verfügung. Bitte lassen Sie den Abfall beseitigen.")),
    Topic("653.20", "Bauamt", "Wartehäuschen an der Haltestelle {strasse}", (
        "das Wartehäuschen der Bushaltestelle {strasse} ist undicht, eine Scheibe wurde am {tag} eingeschlagen.",
        "Täglich warten hier {zahl} Schulkinder. Bitte veranlassen Sie die Instandsetzung.")),
)  # fmt: skip

SENTENCES = (
    "Für Rückfragen stehe ich Ihnen tagsüber telefonisch zur Verfügung.",
    "Bitte bestätigen Sie mir den Eingang dieses Schreibens.",
    "Sollten noch Unterlagen fehlen, reiche ich diese umgehend nach.",
    "Einen Ortstermin können wir gern kurzfristig vereinbaren.",
    "Die Nachbarn haben mir ihre Zustimmung mündlich zugesagt.",
    "Über den weiteren Ablauf des Verfahrens bitte ich mich zu unterrichten.",
    "Ich bitte um eine schriftliche Antwort bis zum Ende des Monats.",
    "Vielen Dank für Ihre Mühe und die freundliche Auskunft am Telefon.",
    "Eine Kopie dieses Schreibens habe ich zu meinen Unterlagen genommen.",
    "Die genannten Fristen habe ich zur Kenntnis genommen.",
    "Der Sachverhalt ist Ihrem Hause aus früheren Gesprächen bekannt.",
    "Falls ein anderes Amt zuständig ist, bitte ich um Weiterleitung.",
)
