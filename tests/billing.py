"""Invoices in layouts of their own, drawn on any canvas, with what they say: for tests of reading invoices.

All invented. Each is laid out differently: labels beside, above and before their values, totals in a block or a table,
several rates, a credit note, no tax at all, a meter reading with prepayments; German, English and French.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from samples.canvas import Canvas

Line = tuple[float, float, str] | tuple[float, float, str, float]
"""x, baseline y in mm, text and size in points; a text that begins with ">" ends at x."""


@dataclass(frozen=True)
class Bill:
    """An invoice: its lines, and the values a reader should give."""

    name: str
    lines: Sequence[Line]
    truth: Mapping[str, str]


def lay_out(canvas: Canvas, bill: Bill) -> None:
    """Draw the invoice on one page."""
    for x, y, text, *size in bill.lines:
        points = size[0] if size else 10
        plain = text.removeprefix(">")
        left = x - canvas.measure(plain, points) if text.startswith(">") else x
        canvas.text(left, y, plain, points)


BILLS = (
    Bill("block of totals, return line", (
        (20, 20, "Papier & Drachen GmbH", 18), (20, 45, "Papier & Drachen GmbH · Fliegerallee 17 · 12345 Papierfeld", 7),
        (20, 52, "Kite-Vertriebs-GmbH"), (20, 57, "Helga Beispiel"), (20, 62, "Rabattstr. 25"), (20, 67, "34567 Osterhausen"),
        (140, 80, "Datum"), (165, 80, "19.10.2019"), (140, 85, "Kunde"), (165, 85, "987-654"),
        (20, 100, "Rechnung Nr. 2019-03", 14),
        (20, 110, "Pos."), (30, 110, "Artikel"), (120, 110, "Preis"), (140, 110, "Menge"), (170, 110, "Betrag"),
        (20, 116, "1"), (30, 116, "Drachen"), (130, 116, ">2,00"), (150, 116, ">20"), (185, 116, ">40,00"),
        (20, 122, "2"), (30, 122, "Leinen"), (130, 122, ">40,00"), (150, 122, ">5"), (185, 122, ">200,00"),
        (20, 128, "3"), (30, 128, "Haspeln"), (130, 128, ">180,00"), (150, 128, ">1"), (185, 128, ">180,00"),
        (30, 140, "Nettobetrag"), (185, 140, ">420,00"), (30, 146, "19% MwSt."), (185, 146, ">79,80"),
        (30, 152, "Gesamtbetrag"), (185, 152, ">499,80"),
        (20, 165, "Zahlbar innerhalb von 30 Tagen netto bis zum 18.11.2019 auf unser Konto."),
        (20, 280, "Papier & Drachen GmbH, Fliegerallee 17, 12345 Papierfeld, Germany", 7),
        (20, 284, "USt-IdNr. DE123456789   Steuernummer 08/815/4711", 7)),
        {"invoice_number": "2019-03", "invoice_date": "2019-10-19", "due_date": "2019-11-18", "net_total": "420.00",
         "tax_total": "79.80", "gross_total": "499.80", "seller_name": "Papier & Drachen GmbH",
         "buyer_name": "Kite-Vertriebs-GmbH",
         "seller_vat": "DE123456789"}),
    Bill("English, labels in a column", (
        (20, 20, "Acme Software Ltd.", 16), (20, 26, "12 High Street, London EC1A 1AA, United Kingdom", 8),
        (20, 45, "INVOICE", 18),
        (20, 60, "Bill To"), (20, 66, "Stadt Musterhausen"), (20, 71, "Rathausplatz 1"), (20, 76, "12345 Musterhausen"),
        (120, 60, "Invoice No."), (160, 60, "INV-10442"), (120, 66, "Invoice Date"), (160, 66, "March 5, 2024"),
        (120, 72, "Due Date"), (160, 72, "April 4, 2024"), (120, 78, "PO Number"), (160, 78, "4500012345"),
        (120, 84, "VAT No."), (160, 84, "GB 123 4567 82"),
        (20, 100, "Description"), (110, 100, "Qty"), (130, 100, "Unit Price"), (170, 100, "Amount"),
        (20, 108, "Maintenance 2024"), (118, 108, ">1"), (150, 108, ">1,200.00"), (190, 108, ">1,200.00"),
        (20, 114, "Support hours"), (118, 114, ">10"), (150, 114, ">95.00"), (190, 114, ">950.00"),
        (130, 126, "Subtotal"), (190, 126, ">2,150.00"), (130, 132, "VAT 20%"), (190, 132, ">430.00"),
        (130, 138, "Total (EUR)"), (190, 138, ">2,580.00"), (130, 144, "Amount Due"), (190, 144, ">2,580.00"),
        (20, 160, "IBAN: GB33BUKB20201555555555"), (20, 165, "SWIFT/BIC: BUKBGB22")),
        {"invoice_number": "INV-10442", "invoice_date": "2024-03-05", "due_date": "2024-04-04", "net_total": "2150.00",
         "tax_total": "430.00", "gross_total": "2580.00", "order_reference": "4500012345", "iban": "GB33BUKB20201555555555",
         "bic": "BUKBGB22", "seller_name": "Acme Software Ltd.", "buyer_name": "Stadt Musterhausen",
         "seller_vat": "GB123456782"}),
    Bill("credit note, labels above values, totals as a table of two rates", (
        (120, 15, "Bürobedarf Schulze e.K.", 14), (120, 21, "Hafenstr. 8"), (120, 26, "24103 Kiel"),
        (120, 31, "Tel. 0431/12345"),
        (20, 48, "Bürobedarf Schulze e.K., Hafenstr. 8, 24103 Kiel", 7), (20, 55, "Gemeinde Nordstrand"), (20, 60, "Kämmerei"),
        (20, 65, "Am Damm 3"), (20, 70, "25845 Nordstrand"), (20, 90, "Gutschrift", 16),
        (20, 100, "Belegnummer"), (60, 100, "Kundennummer"), (100, 100, "Belegdatum"), (140, 100, "Ihre Bestellung"),
        (20, 105, "GS-2023/0815"), (60, 105, "70011"), (100, 105, "02.03.2023"), (140, 105, "B-778"),
        (20, 120, "Pos"), (30, 120, "Bezeichnung"), (110, 120, "Menge"), (130, 120, "E-Preis"), (150, 120, "USt"),
        (170, 120, "Gesamt"),
        (20, 126, "1"), (30, 126, "Kopierpapier A4"), (118, 126, ">10"), (142, 126, ">4,90"), (156, 126, ">19%"),
        (185, 126, ">49,00"),
        (20, 132, "2"), (30, 132, "Fachbuch"), (118, 132, ">2"), (142, 132, ">30,00"), (156, 132, ">7%"), (185, 132, ">60,00"),
        (90, 150, "Netto"), (120, 150, "USt %"), (140, 150, "USt-Betrag"), (170, 150, "Brutto"),
        (102, 156, ">49,00"), (130, 156, ">19,00"), (155, 156, ">9,31"), (185, 156, ">58,31"),
        (102, 162, ">60,00"), (130, 162, ">7,00"), (155, 162, ">4,20"), (185, 162, ">64,20"),
        (60, 170, "Summe"), (102, 170, ">109,00"), (155, 170, ">13,51"), (185, 170, ">122,51"),
        (20, 190, "Der Betrag wird Ihrem Konto gutgeschrieben."), (20, 280, "USt-IdNr.: DE 136 695 976", 7),
        (80, 280, "Sparkasse Kiel IBAN DE02 1203 0000 0000 2020 51 BIC BYLADEM1001", 7)),
        {"invoice_number": "GS-2023/0815", "invoice_date": "2023-03-02", "net_total": "109.00", "tax_total": "13.51",
         "gross_total": "122.51", "order_reference": "B-778", "iban": "DE02120300000000202051", "bic": "BYLADEM1001",
         "seller_name": "Bürobedarf Schulze e.K.", "buyer_name": "Gemeinde Nordstrand", "seller_vat": "DE136695976"}),
    Bill("craftsman without tax, place and date", (
        (70, 18, "Malermeister Hans Petersen", 18), (60, 25, "Dorfstraße 4 - 25899 Niebüll - Tel. 04661 1234", 9),
        (25, 52, "Hans Petersen, Dorfstraße 4, 25899 Niebüll", 7), (25, 60, "Amt Mittelau"), (25, 65, "Bauamt"),
        (25, 70, "Am Markt 4"), (25, 75, "24998 Mittelau"), (140, 90, "Niebüll, den 12.05.2024"),
        (25, 105, "Rechnung Nr.: 24-017", 13),
        (25, 112, "Bauvorhaben: Grundschule, Flur EG"), (25, 117, "Leistungszeitraum: 22.04.2024 - 03.05.2024"),
        (25, 130, "Wände streichen 120 m² à 8,50 €"), (185, 130, ">1.020,00 €"), (25, 136, "Türen lackieren 6 Stück à 85,00 €"),
        (185, 136, ">510,00 €"), (25, 150, "Rechnungsbetrag"), (185, 150, ">1.530,00 €"),
        (25, 158, "Gemäß § 19 UStG wird keine Umsatzsteuer berechnet."),
        (25, 166, "Bitte überweisen Sie den Betrag bis zum 26.05.2024."), (25, 280, "Steuernummer: 17/123/45678", 8),
        (90, 280, "VR Bank Niebüll, IBAN: DE89 3704 0044 0532 0130 00", 8)),
        {"invoice_number": "24-017", "invoice_date": "2024-05-12", "due_date": "2024-05-26", "gross_total": "1530.00",
         "iban": "DE89370400440532013000", "seller_name": "Hans Petersen", "buyer_name": "Amt Mittelau"}),
    Bill("French", (
        (15, 20, "Papeterie du Lac SAS", 14), (15, 26, "4 rue du Port"), (15, 31, "74000 Annecy"),
        (15, 36, "N° TVA intracommunautaire : FR32123456789"), (120, 50, "Mairie de Lyon"), (120, 55, "1 place de la Comédie"),
        (120, 60, "69001 Lyon"), (15, 75, "FACTURE N° F2024-118", 14), (15, 82, "Date : 15/02/2024"),
        (15, 88, "Date d'échéance : 16/03/2024"), (15, 94, "Bon de commande : BC-5521"),
        (15, 110, "Désignation"), (110, 110, "Qté"), (130, 110, "PU HT"), (170, 110, "Total HT"),
        (15, 116, "Cahiers"), (118, 116, ">100"), (142, 116, ">1,50"), (190, 116, ">150,00"),
        (130, 130, "Total HT"), (190, 130, ">150,00 €"), (130, 136, "TVA 20 %"), (190, 136, ">30,00 €"),
        (130, 142, "Total TTC"), (190, 142, ">180,00 €"), (130, 148, "Net à payer"), (190, 148, ">180,00 €"),
        (15, 165, "IBAN : FR76 3000 6000 0112 3456 7890 189")),
        {"invoice_number": "F2024-118", "invoice_date": "2024-02-15", "due_date": "2024-03-16", "net_total": "150.00",
         "tax_total": "30.00", "gross_total": "180.00", "order_reference": "BC-5521", "iban": "FR7630006000011234567890189",
         "seller_name": "Papeterie du Lac SAS", "buyer_name": "Mairie de Lyon", "seller_vat": "FR32123456789"}),
    Bill("utility with prepayments", (
        (130, 18, "Stadtwerke Mittelau GmbH", 12), (130, 24, "Werkstraße 1"), (130, 29, "24998 Mittelau"),
        (130, 40, "Rechnungsnummer: 4711-2024-000123", 9), (130, 45, "Vertragskonto: 2000 123 456", 9),
        (130, 50, "Rechnungsdatum: 31.01.2024", 9), (25, 45, "Stadtwerke Mittelau GmbH | Werkstraße 1 | 24998 Mittelau", 7),
        (25, 53, "Frau"), (25, 58, "Erika Mustermann"), (25, 63, "Lindenweg 3"), (25, 68, "24998 Mittelau"),
        (25, 90, "Ihre Jahresrechnung Strom 2023", 14), (25, 98, "Abrechnungszeitraum 01.01.2023 bis 31.12.2023"),
        (25, 115, "Verbrauch 2.500 kWh"), (25, 130, "Energiekosten netto"), (185, 130, ">812,50"),
        (25, 136, "Umsatzsteuer 19 %"), (185, 136, ">154,38"), (25, 142, "Bruttobetrag"), (185, 142, ">966,88"),
        (25, 148, "abzüglich gezahlter Abschläge"), (185, 148, ">-900,00"), (25, 154, "Nachzahlung, fällig am 15.02.2024"),
        (185, 154, ">66,88"), (25, 170, "Den Betrag buchen wir am 15.02.2024 von Ihrem Konto ab."),
        (25, 285, "Amtsgericht Flensburg HRB 1234 · USt-IdNr. DE811234567 · IBAN DE02 1203 0000 0000 2020 51", 7)),
        {"invoice_number": "4711-2024-000123", "invoice_date": "2024-01-31", "due_date": "2024-02-15", "net_total": "812.50",
         "tax_total": "154.38", "gross_total": "966.88", "seller_name": "Stadtwerke Mittelau GmbH",
         "buyer_name": "Erika Mustermann",
         "iban": "DE02120300000000202051"}),
)
