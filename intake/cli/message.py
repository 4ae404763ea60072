"""The record of a message in German lines: who, by which way, in which thread, signed how."""

from __future__ import annotations

from collections.abc import Iterable

from intake.vocabulary import Fact

STATES = {
    "valid": "gültig: Inhalt unverändert, Zertifikat von einer vertrauten Stelle (ob gesperrt, ist nicht geprüft)",
    "invalid": "UNGÜLTIG: der Inhalt wurde nach dem Unterschreiben verändert",
    "indeterminate": "unbestimmt: dass Zertifikat oder Schlüssel echt sind, ist nicht geprüft",
    "encrypted": "verschlüsselt",
}
OWN_CHECK = {"valid": "gültig", "invalid": "UNGÜLTIG: Kopf oder Text wurden unterwegs verändert (das tun auch Verteiler)",
             "indeterminate": "nicht geprüft"}
NOT_CHECKED = {
    "dns": "der Schlüssel ließ sich nicht abfragen", "no-key": "der Absender veröffentlicht den Schlüssel nicht (mehr)",
    "key": "der Schlüssel ist unbrauchbar oder zu kurz", "algorithm": "das Verfahren gilt nicht als sicher",
    "length": "sie deckt nur einen Teil des Textes", "expired": "sie ist abgelaufen", "testing": "der Absender erprobt sie noch",
    "too-large": "die Nachricht ist zu groß", "form": "sie ist nicht lesbar"}
RESULTS = {"pass": "bestanden", "fail": "NICHT bestanden", "softfail": "eher nicht bestanden", "neutral": "keine Aussage",
           "none": "nicht vorhanden", "temperror": "nicht prüfbar (Störung)", "permerror": "nicht prüfbar (Fehler)"}
_LABELS = {
    "mail_to": "An", "mail_cc": "Kopie", "mail_reply_to": "Antwort an", "mail_in_reply_to": "Antwort auf",
    "mail_references": "Bezug auf", "mail_spf": "SPF (eigener Server)", "mail_dkim": "DKIM (eigener Server)",
    "mail_dmarc": "DMARC (eigener Server)", "mail_dkim_own": "DKIM (selbst geprüft)", "mail_smime": "S/MIME",
    "mail_smime_signer": "Zertifikat", "mail_pgp": "PGP", "mail_de_mail": "De-Mail", "mail_received": "Weg",
}
_IDS = ("mail_in_reply_to", "mail_references")


def lines(facts: Iterable[Fact]) -> list[tuple[str, str]]:
    """The record as rows (what, how it is); several values of one kind are one row, long lists say how many there are."""
    found: dict[str, list[str]] = {}
    for fact in facts:
        if fact.of_message:
            found.setdefault(fact.name, []).append(_said(fact))
    return [(label, _joined(name, found[name])) for name, label in _LABELS.items() if name in found]


def _joined(name: str, values: list[str]) -> str:
    shown = values[-1:] if name in _IDS else values
    more = f" (und {len(values) - len(shown)} weitere)" if len(values) > len(shown) else ""
    return "\n".join(shown) + more


def _said(fact: Fact) -> str:
    if fact.name in ("mail_spf", "mail_dkim", "mail_dmarc"):
        result, _, domain = fact.value.partition(" ")
        return f"{RESULTS.get(result, result)}{f' ({domain})' if domain else ''}"
    if fact.name == "mail_dkim_own":
        state, _, domain = fact.value.partition(" ")
        why = NOT_CHECKED.get(fact.term.removeprefix("dkim:"), "") if state == "indeterminate" else ""
        return f"{OWN_CHECK.get(state, state)}{f': {why}' if why else ''} ({domain})"
    if fact.name in ("mail_smime", "mail_pgp"):
        return STATES.get(fact.value, fact.value)
    return fact.value
