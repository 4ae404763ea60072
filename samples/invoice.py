"""An e-invoice (ZUGFeRD / Factur-X, EN 16931, CII): a page for people, the XML for machines, one PDF/A-3b."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

import pikepdf
from pikepdf import AttachedFileSpec, Dictionary, Name

from samples.canvas import PdfCanvas
from samples.papers import Expected, Sample, finished

NUMBER, DAY, DUE = "2026-10417", "2026-10-06", "2026-11-05"
SELLER = ("Tischlerei Nissen & Sohn GmbH", "Gewerbepark 3", "24998", "Mittelau", "DE299100001", "DE72217999110004000100")
BUYER = ("Amt Mittelau", "Am Markt 4", "24998", "Mittelau")
LINES = (("Fensterflügel Kiefer, zweifach verglast, liefern und einbauen", 6, 41250), ("Fensterbank innen, Eiche geölt", 6, 6480),
         ("Altfenster ausbauen und entsorgen", 6, 3890))
FACTUR_X = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"


def _money(cents: int) -> str:
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02d}"


def totals() -> tuple[int, int, int]:
    """Net, tax (19 %) and gross in cents."""
    net = sum(count * price for _, count, price in LINES)
    tax = round(net * 19 / 100)
    return net, tax, net + tax


def _plain(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def page() -> bytes:
    """The picture of the invoice."""
    canvas = PdfCanvas(title=f"Rechnung {NUMBER}", author=SELLER[0])
    canvas.text(25, 20, SELLER[0], 15, "sans-bold")
    canvas.text(25, 26, f"{SELLER[1]} · {SELLER[2]} {SELLER[3]} · USt-IdNr. {SELLER[4]}", 9)
    canvas.text(25, 60.5, f"{SELLER[0]}, {SELLER[1]}, {SELLER[2]} {SELLER[3]}", 7)
    for number, line in enumerate((BUYER[0], "Bauamt", BUYER[1], f"{BUYER[2]} {BUYER[3]}")):
        canvas.text(25, 67.5 + 4.9 * number, line)
    for number, (word, value) in enumerate((("Rechnungsnummer", NUMBER), ("Rechnungsdatum", "06.10.2026"), ("Leistungsdatum", "30.09.2026"),
                                            ("Bestellnummer", "HB-2026-0388"), ("Zahlbar bis", "05.11.2026"))):
        canvas.text(125, 54 + 5 * number, f"{word}:", 9)
        canvas.text(158, 54 + 5 * number, value, 9.5)
    canvas.text(25, 110, f"Rechnung {NUMBER}", 13, "sans-bold")
    canvas.text(25, 118, "Grundschule Mittelau, Erneuerung der Fenster im Klassenraum 4", 11)
    y = 132.0
    for x, word in ((25, "Pos."), (36, "Leistung"), (138, "Menge"), (155, "Einzel EUR"), (176, "Gesamt EUR")):
        canvas.text(x, y, word, 8.5, "sans-bold")
    canvas.line(25, y + 2, 195, y + 2)
    for number, (what, count, price) in enumerate(LINES, start=1):
        y += 8
        canvas.text(25, y, str(number), 10)
        canvas.text(36, y, what, 10)
        for right, text in ((150, f"{count} Stk"), (172, _money(price)), (195, _money(count * price))):
            canvas.text(right - canvas.measure(text, 10), y, text, 10)
    net, tax, gross = totals()
    canvas.line(120, y + 4, 195, y + 4)
    for word, cents, face in (("Summe netto", net, "sans"), ("Umsatzsteuer 19 %", tax, "sans"), ("Rechnungsbetrag", gross, "sans-bold")):
        y += 8
        canvas.text(130, y + 2, word, 10.5, face)
        text = _money(cents)
        canvas.text(195 - canvas.measure(text, 10.5, face), y + 2, text, 10.5, face)
    canvas.text(25, y + 22, "Bitte überweisen Sie den Rechnungsbetrag bis zum 05.11.2026 auf unser Konto.", 10.5)
    canvas.text(25, y + 28, "IBAN DE72 2179 9911 0004 0001 00 · Nordmarkbank Mittelau", 10.5)
    canvas.text(25, 282, "Geschäftsführer: Momme Nissen · Registergericht Flensburg HRB 9417 FL · Steuernummer 15/290/41177", 7.5)
    return bytes(canvas.pdf.output())


def xml() -> bytes:
    """The invoice as CII (UN/CEFACT D16B), guideline urn:cen.eu:en16931:2017."""
    net, tax, gross = totals()
    items = "".join(f"""
  <ram:IncludedSupplyChainTradeLineItem>
   <ram:AssociatedDocumentLineDocument><ram:LineID>{number}</ram:LineID></ram:AssociatedDocumentLineDocument>
   <ram:SpecifiedTradeProduct><ram:Name>{escape(what)}</ram:Name></ram:SpecifiedTradeProduct>
   <ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice><ram:ChargeAmount>{_plain(price)}</ram:ChargeAmount>
    </ram:NetPriceProductTradePrice></ram:SpecifiedLineTradeAgreement>
   <ram:SpecifiedLineTradeDelivery><ram:BilledQuantity unitCode="H87">{count}</ram:BilledQuantity></ram:SpecifiedLineTradeDelivery>
   <ram:SpecifiedLineTradeSettlement>
    <ram:ApplicableTradeTax><ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>S</ram:CategoryCode>
     <ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:ApplicableTradeTax>
    <ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>{_plain(count * price)}</ram:LineTotalAmount>
    </ram:SpecifiedTradeSettlementLineMonetarySummation>
   </ram:SpecifiedLineTradeSettlement>
  </ram:IncludedSupplyChainTradeLineItem>""" for number, (what, count, price) in enumerate(LINES, start=1))

    def party(name: str, street: str, code: str, city: str) -> str:
        return (f"<ram:Name>{escape(name)}</ram:Name><ram:PostalTradeAddress><ram:PostcodeCode>{code}</ram:PostcodeCode>"
                f"<ram:LineOne>{street}</ram:LineOne><ram:CityName>{city}</ram:CityName><ram:CountryID>DE</ram:CountryID>"
                "</ram:PostalTradeAddress>")

    def day(value: str) -> str:
        return f'<udt:DateTimeString format="102">{value.replace("-", "")}</udt:DateTimeString>'

    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
 <rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID>
 </ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
 <rsm:ExchangedDocument><ram:ID>{NUMBER}</ram:ID><ram:TypeCode>380</ram:TypeCode>
  <ram:IssueDateTime>{day(DAY)}</ram:IssueDateTime></rsm:ExchangedDocument>
 <rsm:SupplyChainTradeTransaction>{items}
  <ram:ApplicableHeaderTradeAgreement>
   <ram:SellerTradeParty>{party(*SELLER[:4])}<ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">{SELLER[4]}</ram:ID>
    </ram:SpecifiedTaxRegistration></ram:SellerTradeParty>
   <ram:BuyerTradeParty>{party(*BUYER)}</ram:BuyerTradeParty>
   <ram:BuyerOrderReferencedDocument><ram:IssuerAssignedID>HB-2026-0388</ram:IssuerAssignedID></ram:BuyerOrderReferencedDocument>
  </ram:ApplicableHeaderTradeAgreement>
  <ram:ApplicableHeaderTradeDelivery><ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime>{day("2026-09-30")}
   </ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent></ram:ApplicableHeaderTradeDelivery>
  <ram:ApplicableHeaderTradeSettlement>
   <ram:PaymentReference>{NUMBER}</ram:PaymentReference><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
   <ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>58</ram:TypeCode><ram:PayeePartyCreditorFinancialAccount>
    <ram:IBANID>{SELLER[5]}</ram:IBANID></ram:PayeePartyCreditorFinancialAccount></ram:SpecifiedTradeSettlementPaymentMeans>
   <ram:ApplicableTradeTax><ram:CalculatedAmount>{_plain(tax)}</ram:CalculatedAmount><ram:TypeCode>VAT</ram:TypeCode>
    <ram:BasisAmount>{_plain(net)}</ram:BasisAmount><ram:CategoryCode>S</ram:CategoryCode>
    <ram:RateApplicablePercent>19</ram:RateApplicablePercent></ram:ApplicableTradeTax>
   <ram:SpecifiedTradePaymentTerms><ram:DueDateDateTime>{day(DUE)}</ram:DueDateDateTime></ram:SpecifiedTradePaymentTerms>
   <ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>{_plain(net)}</ram:LineTotalAmount>
    <ram:TaxBasisTotalAmount>{_plain(net)}</ram:TaxBasisTotalAmount>
    <ram:TaxTotalAmount currencyID="EUR">{_plain(tax)}</ram:TaxTotalAmount>
    <ram:GrandTotalAmount>{_plain(gross)}</ram:GrandTotalAmount><ram:DuePayableAmount>{_plain(gross)}</ram:DuePayableAmount>
   </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
  </ram:ApplicableHeaderTradeSettlement>
 </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>
""".encode()


def invoice() -> Sample:
    """`rechnung-zugferd.pdf`."""
    net, tax, gross = totals()
    with pikepdf.open(io.BytesIO(page())) as pdf:
        spec = AttachedFileSpec(pdf, xml(), filename="factur-x.xml", mime_type="text/xml", relationship=Name.Alternative,
                                creation_date="D:20261006080000Z", mod_date="D:20261006080000Z")
        pdf.attachments["factur-x.xml"] = spec
        pdf.Root.AF = pikepdf.Array([pdf.Root.Names.EmbeddedFiles.Names[1]])
        with pdf.open_metadata() as metadata:
            metadata.register_xml_namespace(FACTUR_X, "fx")
            for name, value in (("DocumentType", "INVOICE"), ("DocumentFileName", "factur-x.xml"), ("Version", "1.0"),
                                ("ConformanceLevel", "EN 16931")):
                metadata[f"{{{FACTUR_X}}}{name}"] = value
        assert isinstance(pdf.Root, Dictionary) or pdf.Root is not None
        data = finished(pdf, "3b")
    return Sample(data, (Expected((1,), "Rechnung", "910.10", {
        "letter_date": DAY, "sender_name": SELLER[0], "invoice_number": NUMBER, "invoice_date": DAY, "due_date": DUE,
        "net_total": _plain(net), "tax_total": _plain(tax), "gross_total": _plain(gross), "iban": SELLER[5], "seller_vat": SELLER[4],
        "order_reference": "HB-2026-0388"}),))
