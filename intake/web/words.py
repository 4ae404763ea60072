"""The German words of what the journal says in closed codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from intake.journal import Values
from intake.web.fields import label

ACTIONS: Mapping[str, str] = {
    "delivery.received": "eingegangen", "delivery.twin": "als Dublette eingegangen", "delivery.opened": "gelesen und getrennt",
    "delivery.process_anyway": "Dublette trotzdem bearbeitet", "delivery.rejected": "Sendung zurückgewiesen",
    "delivery.retried": "noch einmal versucht", "delivery.renumbered": "neu nummeriert", "document.approved": "freigegeben",
    "document.attached": "als Anlage zugeordnet", "document.clarified": "geklärt", "document.clarify": "zur Klärung gegeben",
    "document.corrected": "berichtigt", "document.filed": "abgelegt", "document.moved": "umgehängt",
    "document.page_put_back": "Seite wieder eingefügt", "document.page_set_aside": "Seite herausgenommen",
    "document.put_back": "Freigabe zurückgeholt", "document.rejected": "zurückgewiesen",
    "document.reordered": "Seiten umgestellt", "document.retried": "noch einmal versucht", "document.rotated": "gedreht",
    "document.undone": "rückgängig gemacht", "document.proposed": "Vorschläge gemacht", "document.cut": "getrennt",
    "document.joined": "verbunden", "document.join": "verbunden",
    "file.opened": "Akte angelegt", "file.closed": "Akte geschlossen",
    "file.moved": "Akte umgehängt", "file.renamed": "Akte umbenannt", "file.reopened": "Akte wieder geöffnet",
    "case.opened": "Vorgang angelegt", "case.closed": "Vorgang geschlossen", "case.renamed": "Vorgang umbenannt",
    "case.reopened": "Vorgang wieder geöffnet", "filing.stored": "in die Ablage geschrieben",
    "document.imported": "eingespielt", "file.imported": "Akte eingespielt", "store.imported": "Bestand eingespielt",
    "filing.withdrawn": "aus der Ablage genommen", "filing.handed_over": "übergeben",
    "filing.recalled": "Übergabe zurückgerufen", "filing.corrected": "Ablage berichtigt",
    "handover.refused": "Übergabe abgelehnt", "problem.opened": "Klärungsfall eröffnet",
    "problem.resolved": "Klärungsfall gelöst", "problem.closed": "Klärungsfall geschlossen",
    "register.imported": "Register eingelesen", "plan.imported": "Aktenplan eingelesen",
    "automatic.stopped": "Ablegen ohne Rückfrage angehalten", "budget.chosen": "Fehlerbudget gewählt",
    "model.trained": "Modell gelernt",
    "model.used": "Modell gewechselt", "acknowledgement.planned": "Eingangsbestätigung vorgemerkt",
    "acknowledgement.sent": "Eingangsbestätigung gesendet", "acknowledgement.given_up": "Eingangsbestätigung aufgegeben",
    "office_mail.planned": "Mail an das Amt vorgemerkt", "office_mail.sent": "Mail an das Amt gesendet",
    "office_mail.given_up": "Mail an das Amt aufgegeben", "source.deleted": "Quelle geleert",
    "session.started": "angemeldet", "session.ended": "abgemeldet",
    "user.invited": "Konto angelegt", "user.changed": "Rechte geändert", "user.removed": "Zugang entzogen",
    "user.locked": "Konto gesperrt", "user.opened": "Konto entsperrt", "user.link": "neuer Kennwort-Link",
    "token.new": "Zugang ausgestellt", "token.revoked": "Zugang gesperrt", "journal.forgotten": "Angaben gelöscht",
    "journal.restored": "aus Sicherung wiederhergestellt", "delivery.clarify": "zur Klärung gegeben",
    "document.noted": "Anmerkung geschrieben",
    "document.undo_cut": "Trennung zurückgenommen", "document.undo_join": "Verbindung zurückgenommen",
    "document.forwarded": "weitergeleitet", "document.sent_back": "als Irrläufer zurückgegeben",
    "batch.new": "Stapel angelegt", "batch.paused": "Stapel angehalten", "batch.resumed": "Stapel fortgesetzt",
    "batch.closed": "Stapel geschlossen", "batch.difference_decided": "Abweichung entschieden",
    "delivery.read_again": "neu gelesen", "delivery.cut_again": "neu getrennt",
    "document.propose_again": "Vorschläge neu angefordert",
    "batch.redone": "Stapel neu verarbeitet", "rescan.used": "Nachscan verwendet",
    "rescan.replaced": "Seite durch Nachscan ersetzt",
    "rescan.inserted": "Seite aus Nachscan eingefügt", "rescan.double": "doppelte Seite ausgesondert",
    "qa.drawn": "Stichprobe gezogen", "qa.checked": "Stichprobe geprüft", "qa.accepted": "Los angenommen",
    "qa.rejected": "Los zurückgewiesen", "user.password": "Kennwort gesetzt", "user.totp": "zweiter Faktor geändert",
}
SUBJECTS: Mapping[str, str] = {
    "delivery": "Sendung", "document": "Schriftstück", "problem": "Klärungsfall", "file": "Akte", "case": "Vorgang",
    "user": "Konto", "token": "Zugang", "filing": "Ablage", "batch": "Stapel", "rescan": "Nachscan",
}
FIELDS: Mapping[str, str] = {
    "entry": "Aktenplan", "file": "Akte", "file_title": "Aktentitel", "case": "Vorgang", "case_title": "Vorgangstitel",
    "title": "Titel", "kind": "Art", "sender_name": "Absender", "document_date": "Datum", "subject": "Betreff",
    "note": "Anmerkung", "how": "Weg", "why": "Grund", "field": "Angabe", "value": "Wert", "state": "Stand",
    "reference": "Zeichen", "batch": "Stapel", "roles": "Rollen", "classes": "Klassen", "offices": "Ämter",
}
RULES: Mapping[str, str] = {"own_reference": "eigenes Aktenzeichen", "budget": "Fehlerbudget"}
SERVICES: Mapping[str, str] = {"pipeline": "Programm", "receive": "Posteingang", "officemail": "Mail an die Ämter",
                               "policy": "Fehlerbudget"}
HASH = re.compile(r"[0-9a-f]{64}")
NOT_SHOWN = frozenset({"revision", "original", "state", "position"})
MOST_CHARACTERS = 400


def actor_words(actor: str) -> str:
    """ "clerk:kms" -> "kms", "rule:…" and "service:…" as what they are."""
    kind, _, name = actor.partition(":")
    rule = f"Regel {RULES.get(name.partition('@')[0], name)}"
    return {"clerk": name, "service": SERVICES.get(name, f"Programm ({name})"), "rule": rule, "store": f"Ablage {name}",
            "token": f"Zugang {name}"}.get(kind, actor)


def told(values: Values, names: Mapping[str, str]) -> str:
    """What an entry says beside its action, in a line: "Akte: BA/1, Titel: Anzeige"; "" for nothing a person wants to know.

    `names`: what is shown for an id, by id.
    """
    new = values.new or {}
    shown = new.get("values") if isinstance(new.get("values"), dict) else new
    parts = [f"{FIELDS.get(name) or label(name)}: {names.get(str(value)) or _plain(value)}"
             for name, value in (shown or {}).items()
             if name not in NOT_SHOWN and value not in (None, "", [], {}) and not HASH.fullmatch(str(value))]
    line = "; ".join(parts)
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]} …"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return str(value)
