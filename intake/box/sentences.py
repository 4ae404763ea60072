"""What a person reads when bytes gave no pages: one German sentence per reason, saying what to do next."""

from __future__ import annotations

from intake.errors import Reason

SENTENCES: dict[Reason, str] = {
    Reason.EMPTY:
        "Die Datei ist leer (0 Byte). Scannen oder senden Sie sie noch einmal; die leere Datei bleibt aufbewahrt.",
    Reason.UNKNOWN_TYPE:
        "Dieses Format wird nicht gelesen. Bitten Sie den Absender um eine PDF-Datei oder erledigen Sie die "
        "Sendung von Hand.",
    Reason.WRONG_TYPE:
        "Der Name verspricht ein anderes Format, als der Inhalt hat. Fragen Sie beim Absender nach oder scannen "
        "Sie das Schriftstück noch einmal.",
    Reason.ENCRYPTED:
        "Die Datei ist mit einem Kennwort geschützt. Bitten Sie den Absender um eine Fassung ohne Kennwort oder "
        "geben Sie sie von Hand frei.",
    Reason.DAMAGED:
        "Die Datei ist beschädigt und lässt sich nicht reparieren. Scannen Sie das Schriftstück noch einmal oder "
        "bitten Sie den Absender um eine neue Fassung.",
    Reason.BLANK_AND_DAMAGED:
        "Die Datei lässt sich öffnen, ist aber beschädigt und zeigt nur leere Seiten: der Inhalt fehlt. Scannen "
        "Sie das Schriftstück noch einmal oder bitten Sie den Absender um eine neue Fassung.",
    Reason.NO_PAGES:
        "Die Datei enthält keine einzige Seite. Scannen Sie das Schriftstück noch einmal oder fragen Sie den "
        "Absender.",
    Reason.TOO_LARGE:
        "Die Datei überschreitet die eingestellten Grenzen (Größe, Seiten, Bildfläche oder Zahl der Anlagen). "
        "Prüfen Sie sie von Hand oder heben Sie die Grenzen unter [box] in poststelle.toml an.",
    Reason.ACTIVE:
        "Die Datei enthält ausführbaren oder nachladenden Inhalt und wird deshalb nicht geöffnet. Bitten Sie den "
        "Absender um eine PDF-Datei.",
    Reason.UNREADABLE:
        "Die Datei darf hier nicht gelesen werden (Rechte). Geben Sie ihr Leserechte für die Poststelle; sie wird "
        "dann von selbst übernommen.",
    Reason.UNSETTLED:
        "Die Datei wird seit längerem nicht fertig geschrieben. Prüfen Sie den Scanner oder die Übertragung.",
    Reason.UNMATCHED:
        "Zu welcher Seite dieser Nachscan gehört, ist nicht zu erkennen. Legen Sie den gedruckten Zettel vor das Blatt und "
        "scannen Sie beides noch einmal; was kam, bleibt aufbewahrt.",
    Reason.INCOMPLETE:
        "Es fehlt, was zu dieser Datei gehört. Liefern Sie es nach oder erledigen Sie die Sendung von Hand.",
    Reason.CRASHED:
        "Das Lesen der Datei ist mehrmals abgestürzt. Prüfen Sie sie von Hand oder scannen Sie das Schriftstück "
        "noch einmal.",
    Reason.REFUSED:
        "Was entschieden wurde, lässt sich nicht mehr ausführen (etwa weil die Akte inzwischen geschlossen ist). "
        "Prüfen Sie die Angaben und entscheiden Sie noch einmal.",
    Reason.TIMEOUT:
        "Das Lesen der Datei braucht zu viel Zeit oder Speicher. Prüfen Sie sie von Hand oder scannen Sie das "
        "Schriftstück noch einmal.",
}

QUARANTINED = frozenset({Reason.ACTIVE, Reason.TOO_LARGE, Reason.TIMEOUT})
"""Reasons for which a delivery is set apart (state QUARANTINED) rather than only clarified: the input may mean harm."""

DIED: dict[Reason, str] = {
    Reason.CRASHED:
        "Der Lesekasten ist an dieser Datei abgestürzt. Es wird noch einmal versucht.",
    Reason.TIMEOUT:
        "Der Lesekasten hat bei dieser Datei die Grenze an Zeit oder Speicher erreicht. Es wird noch einmal "
        "versucht.",
}
