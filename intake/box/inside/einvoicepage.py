"""An e-invoice without a picture as pages for people: our German template, drawn by WeasyPrint. Runs inside the box.

The page shows what the XML says, in the order of the business groups of EN 16931, and says at its foot that the XML is the
invoice. Nothing is loaded while it is drawn; every text of the sender is escaped.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any, NoReturn

from intake.box.inside import einvoice
from intake.box.inside.einvoice import MAX_LINES, Invoice, address_lines, find_all, plain_amount, rates, text_at
from intake.errors import InputError, Reason

LONGEST_TEXT = 4_000
_FOOT = '"Lesefassung der Poststelle. Verbindlich ist die elektronische Rechnung (XML)."'
KINDS = {"326": "Teilrechnung", "380": "Rechnung", "381": "Gutschrift", "384": "Rechnungskorrektur",
         "389": "Gutschrift im Gutschriftsverfahren", "875": "Abschlagsrechnung", "876": "Teilschlussrechnung",
         "877": "Schlussrechnung"}
"""Kinds of invoices (UNTDID 1001) that XRechnung allows."""
UNITS = {"C62": "Stk.", "H87": "Stk.", "EA": "Stk.", "XPP": "Stk.", "HUR": "Std.", "DAY": "Tage", "MON": "Monate", "ANN": "Jahre",
         "KGM": "kg", "GRM": "g", "TNE": "t", "MTR": "m", "MTK": "m²", "MTQ": "m³", "LTR": "l", "KWH": "kWh", "LS": "pauschal",
         "MIN": "Min.", "SEC": "Sek.", "KMT": "km", "P1": "%", "SET": "Satz", "PR": "Paar"}
_STYLE = """
@page { size: A4; margin: 16mm 20mm 20mm 25mm; font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 7.5pt;
  @bottom-left { content: FOOT; color: #444 }
  @bottom-right { content: "Seite " counter(page) " von " counter(pages); color: #444 } }
body { font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 9.5pt; line-height: 1.35; color: #000 }
h1 { font-size: 17pt; margin: 0 0 1mm } h2 { font-size: 10.5pt; margin: 5mm 0 1mm; break-after: avoid }
.lead { color: #333; margin: 0 0 2mm } table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: 0.5mm 3mm 0.5mm 0; overflow-wrap: anywhere }
th { font-weight: bold; border-bottom: 0.8pt solid #000; overflow-wrap: normal }
.n { text-align: right; white-space: nowrap; padding-right: 0 }
table.lines td { border-bottom: 0.4pt solid #999; padding-top: 1mm; padding-bottom: 1mm }
table.lines .n { padding-left: 3mm } table.lines tr { break-inside: avoid } .small { font-size: 8.5pt; color: #333 }
table.pairs th { width: 46mm; border: 0; font-weight: normal; color: #333 } .parties td { width: 50% }
table.sum { width: 92mm; margin-left: auto; break-inside: avoid } table.sum th { border: 0; font-weight: normal }
table.lines.sum th { border-bottom: 0.8pt solid #000; font-weight: bold }
table.sum tr.all th, table.sum tr.all td { font-weight: bold; border-top: 0.8pt solid #000; border-bottom: 0 }
p { margin: 0 0 1.5mm; overflow-wrap: anywhere; white-space: pre-line }
"""


@lru_cache(maxsize=8)
def pdf_of(path: Path) -> Path:
    """The pages of the e-invoice in the file `path` as a PDF, drawn once a process; raises InputError where it is none."""
    with tempfile.NamedTemporaryFile(prefix="einvoice-", suffix=".pdf", delete=False) as target:
        drawn(path.read_bytes(), Path(target.name))
    return Path(target.name)


def drawn(data: bytes, target: Path) -> None:
    """Write the pages of the invoice in `data` as a PDF to `target`; raises InputError where it is none."""
    invoice = einvoice.parse(data)
    if invoice is None:
        raise InputError("", reason=Reason.UNKNOWN_TYPE, detail="Diese XML-Datei ist keine elektronische Rechnung.")
    from weasyprint import HTML  # noqa: PLC0415 (1.5 CPU seconds that only this kind of file pays)

    HTML(string=page(invoice), base_url=None, url_fetcher=_nothing).write_pdf(target)


def _nothing(url: str, *_: Any, **__: Any) -> NoReturn:
    raise ValueError("nothing is loaded")


def page(invoice: Invoice) -> str:
    """The page as HTML."""
    kind = KINDS.get(invoice.value("invoice_type"), "Rechnung")
    if invoice.syntax == "ubl" and invoice.root.tag.endswith("CreditNote"):
        kind = "Gutschrift"
    number = invoice.value("invoice_number")
    title = f"{kind} {number}".strip()
    body = [
        f"<h1>{_safe(title)}</h1><p class=lead>{_safe(_lead(invoice))}</p>", _parties(invoice),
        _pairs("Angaben zur Rechnung", _references(invoice)), _lines(invoice), _allowances(invoice), _totals(invoice),
        _taxes(invoice), _pairs("Zahlung", _payment(invoice)), _notes(invoice), _files(invoice)]
    return (f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{_safe(title)}</title>'
            f'<style>{_STYLE.replace("FOOT", _FOOT)}</style></head><body>{"".join(body)}</body></html>')


def _safe(text: str) -> str:
    return escape("".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text[:LONGEST_TEXT]))


def _lead(invoice: Invoice) -> str:
    day = german_date(invoice.value("invoice_date"))
    seller = invoice.value("seller_name")
    return " ".join(filter(None, (f"vom {day}" if day else "", f"von {seller}" if seller else "")))


def german_date(iso: str) -> str:
    """06.10.2026 for 2026-10-06; "" stays."""
    return f"{date.fromisoformat(iso):%d.%m.%Y}" if iso else ""


def german_amount(plain: str) -> str:
    """1.471,60 for 1471.60; "" stays."""
    if not plain:
        return ""
    number = Decimal(plain)
    digits = max(2, -int(number.as_tuple().exponent))
    return f"{number:,.{digits}f}".translate(str.maketrans(",.", ".,"))


def _money(invoice: Invoice, plain: str) -> str:
    return f"{german_amount(plain)} {invoice.value('currency')}".strip() if plain else ""


def _table(rows: Iterable[tuple[str, str]], kind: str) -> str:
    cells = [f"<tr><th>{_safe(name)}</th><td{' class=n' if kind == 'sum' else ''}>{_safe(value)}</td></tr>"
             for name, value in rows if value]
    return f"<table class={kind}>{''.join(cells)}</table>" if cells else ""


def _pairs(heading: str, rows: Iterable[tuple[str, str]]) -> str:
    table = _table(rows, "pairs")
    return f"<h2>{heading}</h2>{table}" if table else ""


def _parties(invoice: Invoice) -> str:
    cells = []
    for heading, party in (("Rechnungssteller", "seller"), ("Rechnungsempfänger", "buyer")):
        lines = [invoice.value(f"{party}_name"), *address_lines(invoice.syntax, invoice.root, party)]
        cells.append(f"<td><h2>{heading}</h2>{'<br>'.join(_safe(line) for line in lines if line)}</td>")
    return f"<table class=parties><tr>{''.join(cells)}</tr></table>"


def _references(invoice: Invoice) -> list[tuple[str, str]]:
    value = invoice.value
    return [("Rechnungsnummer", value("invoice_number")), ("Rechnungsdatum", german_date(value("invoice_date"))),
            ("Leistungsdatum", german_date(value("delivery_date"))), ("Leitweg-ID", value("leitweg_id")),
            ("Referenz des Käufers", value("buyer_reference")), ("Bestellnummer", value("order_reference")),
            ("Vertragsnummer", value("contract_reference")), ("USt-IdNr.", value("seller_vat")),
            ("Steuernummer", value("seller_tax"))]


def _payment(invoice: Invoice) -> list[tuple[str, str]]:
    path = "PaymentTerms/Note" if invoice.syntax == "ubl" else "$pay/SpecifiedTradePaymentTerms/Description"
    terms = "\n".join(_raw(node) for node in find_all(invoice.syntax, invoice.root, path)[:20])
    value = invoice.value
    return [("Fällig am", german_date(value("due_date"))), ("IBAN", _grouped(value("iban"))), ("BIC", value("bic")),
            ("Verwendungszweck", value("payment_reference")), ("Zahlungsbedingungen", terms)]


def _grouped(iban: str) -> str:
    return " ".join(iban[start:start + 4] for start in range(0, len(iban), 4))


def _raw(node: Any) -> str:
    """A longer text with its lines; UBL puts the code of its subject (#AAI#) in front."""
    return "\n".join(" ".join(line.split()) for line in re.sub(r"^\s*#[A-Z]{3}#", "", node.text or "").strip().split("\n"))


_LINE = {
    "ubl": ("InvoiceLine|CreditNoteLine", "ID", "Item/Name", "Item/Description", "InvoicedQuantity|CreditedQuantity",
            "Price/PriceAmount", "Item/ClassifiedTaxCategory/Percent", "LineExtensionAmount", "Note"),
    "cii": ("SupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem", "AssociatedDocumentLineDocument/LineID",
            "SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description", "SpecifiedLineTradeDelivery/BilledQuantity",
            "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount",
            "SpecifiedLineTradeSettlement/ApplicableTradeTax/RateApplicablePercent",
            "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
            "AssociatedDocumentLineDocument/IncludedNote/Content"),
    "zf1": ("SpecifiedSupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem", "AssociatedDocumentLineDocument/LineID",
            "SpecifiedTradeProduct/Name", "SpecifiedTradeProduct/Description", "SpecifiedSupplyChainTradeDelivery/BilledQuantity",
            "SpecifiedSupplyChainTradeAgreement/NetPriceProductTradePrice/ChargeAmount",
            "SpecifiedSupplyChainTradeSettlement/ApplicableTradeTax/ApplicablePercent",
            "SpecifiedSupplyChainTradeSettlement/SpecifiedTradeSettlementMonetarySummation/LineTotalAmount",
            "AssociatedDocumentLineDocument/IncludedNote/Content"),
}
"""Where the lines (BG-25) are, and in each: number, name, description, quantity, price, rate, amount, note."""


def _lines(invoice: Invoice) -> str:
    where, *paths = _LINE[invoice.syntax]
    nodes = find_all(invoice.syntax, invoice.root, where)
    rows = [_line(invoice.syntax, node, paths) for node in nodes[:MAX_LINES]]
    if not rows:
        return ""
    more = (f"<p>Weitere {len(nodes) - MAX_LINES} Positionen stehen nur in der elektronischen Rechnung.</p>"
            if len(nodes) > MAX_LINES else "")
    head = "".join(f"<th{' class=n' if number else ''}>{name}</th>" for name, number in (
        ("Pos.", False), ("Leistung", False), ("Menge", True), ("Einzelpreis", True), ("USt", True), ("Betrag", True)))
    return f"<h2>Positionen</h2><table class=lines><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"


def _line(syntax: str, node: Any, paths: list[str]) -> str:
    number, name, description, quantity, price, rate, amount, note = (text_at(syntax, node, path) for path in paths)
    unit = next((item.get("unitCode") or "" for item in find_all(syntax, node, paths[3])), "")
    much = f"{_short(quantity)} {UNITS.get(unit, unit)}".strip() if quantity else ""
    more = [text for text in dict.fromkeys((description, note)) if text and text != name]
    what = _safe(name) + "".join(f"<br><span class=small>{_safe(text)}</span>" for text in more)
    cells = [_safe(much), _safe(german_amount(plain_amount(price))), _safe(f"{_short(rate)} %" if rate else ""),
             _safe(german_amount(plain_amount(amount)))]
    return f"<tr><td>{_safe(number)}</td><td>{what}</td>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>"


def _short(text: str) -> str:
    """A quantity or rate without needless zeros, with a decimal comma."""
    plain = plain_amount(text)
    return f"{Decimal(plain).normalize():f}".replace(".", ",") if plain else text


def _allowances(invoice: Invoice) -> str:
    """Allowances and charges of the whole invoice (BG-20, BG-21)."""
    syntax, rows = invoice.syntax, []
    where = "AllowanceCharge" if syntax == "ubl" else "$pay/SpecifiedTradeAllowanceCharge"
    names = (("ChargeIndicator", "AllowanceChargeReason", "Amount") if syntax == "ubl"
             else ("ChargeIndicator/Indicator", "Reason", "ActualAmount"))
    for node in find_all(syntax, invoice.root, where)[:100]:
        charge, reason, amount = (text_at(syntax, node, name) for name in names)
        kind = "Zuschlag" if charge == "true" else "Nachlass"
        rows.append((f"{kind}: {reason}" if reason else kind, _money(invoice, plain_amount(amount))))
    return f"<h2>Zuschläge und Nachlässe</h2>{_table(rows, 'sum')}" if rows else ""


def _totals(invoice: Invoice) -> str:
    value = invoice.value
    prepaid = value("prepaid_total")
    rows = [("Summe ohne Umsatzsteuer", _money(invoice, value("net_total"))),
            ("Umsatzsteuer", _money(invoice, value("tax_total"))),
            ("Rechnungsbetrag mit Umsatzsteuer", _money(invoice, value("gross_total"))),
            ("Bereits gezahlt", _money(invoice, prepaid) if prepaid and Decimal(prepaid) else "")]
    payable = _money(invoice, value("payable_total"))
    last = f"<tr class=all><th>Zu zahlen</th><td class=n>{_safe(payable)}</td></tr>" if payable else ""
    return "<h2>Summen</h2>" + _table(rows, "sum").replace("</table>", f"{last}</table>")


def _taxes(invoice: Invoice) -> str:
    rows = "".join(f"<tr><td>{_safe(_short(rate))} %</td>" + "".join(f"<td class=n>{german_amount(one)}</td>" for one in amounts)
                   + "</tr>" for rate, *amounts in rates(invoice.syntax, invoice.root))
    return (f"<h2>Umsatzsteuer nach Sätzen</h2><table class='lines sum'><tr><th>Satz</th><th class=n>Netto</th>"
            f"<th class=n>Steuer</th></tr>{rows}</table>" if rows else "")


def _notes(invoice: Invoice) -> str:
    path = "Note" if invoice.syntax == "ubl" else "$doc/IncludedNote/Content"
    notes = [_raw(node) for node in find_all(invoice.syntax, invoice.root, path)[:100]]
    shown = "".join(f"<p>{_safe(note)}</p>" for note in notes if note)
    return f"<h2>Bemerkungen</h2>{shown}" if shown else ""


def _files(invoice: Invoice) -> str:
    names = [name for name, _ in einvoice.embedded_files(invoice)]
    return f"<h2>Anlagen in der Rechnung</h2><p>{_safe(', '.join(names))}</p>" if names else ""
