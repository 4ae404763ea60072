"""Words that several rules for invoices share: what an invoice and its number are called, who heads which section. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from intake.extract.tables import Spot, squeezed

NUMBER_WORD = r"(?:nummer|nr\.?|no\.?|num[eé]ro|number|n[°ºr]\.?|#|№)"
INVOICE = (r"(?:(?:schluss|teil|abschlags?|handels|bau|beitrags?|einzel|sammel|ausgangs|honorar|gutschrift|storno|korrektur|"
            r"eingangs|monats|verbrauchs|jahres)?-?\s?rechnungs?|re\.?|rg\.?|gutschrifts?|belegs?|invoice|facture|credit\s?note|"
            r"tax\s?invoice|bill|dokument(?:en)?|document|quittungs?)")
_ROLES = {
    "seller": "verkaeufer verkaeuferin rechnungssteller rechnungsstellerin rechnungsersteller rechnungsaussteller lieferant "
              "leistungserbringer leistungserbringerin seller supplier vendor vendeur fournisseur emetteur from von absender "
              "aussteller auftragnehmer verkoper",
    "buyer": "kaeufer kaeuferin rechnungsempfaenger leistungsempfaenger rechnungsadresse rechnungsanschrift rechnungan kunde "
             "kundin buyer customer client billto billedto billingaddress soldto invoiceto invoicedto facturea acheteur "
             "auftraggeber an to adressedefacturation empfaenger besteller klant",
    "other": "warenempfaenger abweichenderwarenempfaenger lieferadresse lieferanschrift adressedelivraison shipto shippedto "
             "shippingaddress deliveryaddress deliverto zahlungsempfaenger abweichenderzahlungsempfaenger "
             "steuerbevollmaechtigter steuerbevollmaechtigterdesverkaeufers payee steuervertreter",
}
_HEADINGS = {word: role for role, words in _ROLES.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Finding:
    """A value of a field with how sure it is, where it stands, which rule found it, and its checks.

    `more` are further places that belong to the same value (the second line of a name).
    """

    field: str
    value: str
    sure: float
    spot: Spot
    rule: str
    checks: tuple[str, ...] = ()
    raw: str = ""
    more: tuple[Spot, ...] = ()


def heading_of(text: str) -> str:
    """The role a heading gives to what stands below it: seller, buyer, other; "" when it is none."""
    if len(text) > 48:
        return ""
    return _HEADINGS.get(squeezed(re.split(r"[/(:]", text.strip(" :."), maxsplit=1)[0]), "")
