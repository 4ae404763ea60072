"""E-invoices (EN 16931): UBL and CII as XRechnung or ZUGFeRD / Factur-X, and ZUGFeRD 1.0; alone or embedded in a PDF.

The XML comes from strangers: no entity is resolved, a document type declaration is refused, nothing is loaded from
anywhere, sizes and depth are limited. What is taken out are the business terms (BT) of one table, each in its plain form.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from intake.errors import InputError, Reason
from intake.vocabulary import Fact

XML = "application/xml"
MAX_BYTES = 32 << 20  # of an XML, embedded documents included
MAX_LOOKED_AT = 64 * 1024  # how far into a file its root element may begin
MAX_RATES, MAX_LINES, MAX_FILES = 20, 1_500, 50
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CII = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_ZF1 = "urn:ferd:CrossIndustryDocument:invoice:1p0"
ROOTS = {f"{{{_UBL}Invoice-2}}Invoice": "ubl", f"{{{_UBL}CreditNote-2}}CreditNote": "ubl",
         f"{{{_CII}}}CrossIndustryInvoice": "cii", f"{{{_ZF1}}}CrossIndustryDocument": "zf1"}
_ROOT_NAMES = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:Invoice|CreditNote|CrossIndustryInvoice|CrossIndustryDocument)[\s>]")
_DOCTYPE = re.compile(rb"<\x00?!\x00?D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E", re.IGNORECASE)
_KNOWN_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
LEITWEG = re.compile(r"\d{2,12}(-[A-Za-z0-9]{1,30})?-\d{2}")
"""Form of a Leitweg-ID (KoSIT, Formatspezifikation Leitweg-ID 2.0.2): Grobadressat, Feinadressat, check digits."""

_PLACES = {
    "cii": {"$doc": "ExchangedDocument", "$deal": "SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement",
            "$ship": "SupplyChainTradeTransaction/ApplicableHeaderTradeDelivery",
            "$pay": "SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement",
            "$sum": "SpecifiedTradeSettlementHeaderMonetarySummation"},
    "zf1": {"$doc": "HeaderExchangedDocument",
            "$deal": "SpecifiedSupplyChainTradeTransaction/ApplicableSupplyChainTradeAgreement",
            "$ship": "SpecifiedSupplyChainTradeTransaction/ApplicableSupplyChainTradeDelivery",
            "$pay": "SpecifiedSupplyChainTradeTransaction/ApplicableSupplyChainTradeSettlement",
            "$sum": "SpecifiedTradeSettlementMonetarySummation"},
    "ubl": {"$seller": "AccountingSupplierParty/Party", "$buyer": "AccountingCustomerParty/Party",
            "$pay": "PaymentMeans", "$sum": "LegalMonetaryTotal"},
}
TERMS: tuple[tuple[str, str, str, str], ...] = (
    # our field, business term, where in UBL, where in CII (the first that is there counts)
    ("invoice_number", "BT-1", "ID", "$doc/ID"),
    ("invoice_date", "BT-2", "IssueDate", "$doc/IssueDateTime/DateTimeString"),
    ("invoice_type", "BT-3", "InvoiceTypeCode|CreditNoteTypeCode", "$doc/TypeCode"),
    ("currency", "BT-5", "DocumentCurrencyCode", "$pay/InvoiceCurrencyCode"),
    ("due_date", "BT-9", "DueDate|$pay/PaymentDueDate", "$pay/SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"),
    ("buyer_reference", "BT-10", "BuyerReference", "$deal/BuyerReference"),
    ("contract_reference", "BT-12", "ContractDocumentReference/ID",
     "$deal/ContractReferencedDocument/IssuerAssignedID|$deal/ContractReferencedDocument/ID"),
    ("order_reference", "BT-13", "OrderReference/ID",
     "$deal/BuyerOrderReferencedDocument/IssuerAssignedID|$deal/BuyerOrderReferencedDocument/ID"),
    ("seller_name", "BT-27", "$seller/PartyLegalEntity/RegistrationName|$seller/PartyName/Name", "$deal/SellerTradeParty/Name"),
    ("seller_vat", "BT-31", "$seller/PartyTaxScheme[VAT]/CompanyID",
     "$deal/SellerTradeParty/SpecifiedTaxRegistration/ID[@schemeID='VA']"),
    ("seller_tax", "BT-32", "$seller/PartyTaxScheme[FC]/CompanyID",
     "$deal/SellerTradeParty/SpecifiedTaxRegistration/ID[@schemeID='FC']"),
    ("buyer_name", "BT-44", "$buyer/PartyLegalEntity/RegistrationName|$buyer/PartyName/Name", "$deal/BuyerTradeParty/Name"),
    ("delivery_date", "BT-72", "Delivery/ActualDeliveryDate",
     "$ship/ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString"),
    ("payment_reference", "BT-83", "$pay/PaymentID", "$pay/PaymentReference"),
    ("iban", "BT-84", "$pay/PayeeFinancialAccount/ID",
     "$pay/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/IBANID|"
     "$pay/SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount/ProprietaryID"),
    ("bic", "BT-86", "$pay/PayeeFinancialAccount/FinancialInstitutionBranch/ID",
     "$pay/SpecifiedTradeSettlementPaymentMeans/PayeeSpecifiedCreditorFinancialInstitution/BICID"),
    ("net_total", "BT-109", "$sum/TaxExclusiveAmount", "$pay/$sum/TaxBasisTotalAmount"),
    ("tax_total", "BT-110", "TaxTotal/TaxAmount", "$pay/$sum/TaxTotalAmount"),
    ("gross_total", "BT-112", "$sum/TaxInclusiveAmount", "$pay/$sum/GrandTotalAmount"),
    ("prepaid_total", "BT-113", "$sum/PrepaidAmount", "$pay/$sum/TotalPrepaidAmount"),
    ("payable_total", "BT-115", "$sum/PayableAmount", "$pay/$sum/DuePayableAmount"),
)
_DATES = frozenset({"invoice_date", "due_date", "delivery_date"})
_AMOUNTS = frozenset({"net_total", "tax_total", "gross_total", "prepaid_total", "payable_total"})
_CODES = frozenset({"seller_vat", "iban", "bic", "currency", "invoice_type"})


@dataclass(frozen=True, slots=True)
class Invoice:
    """An e-invoice as parsed: `syntax` ubl, cii or zf1, its root element, and the facts taken out of it."""

    syntax: str
    root: Any
    facts: tuple[Fact, ...] = field(default=())

    def value(self, name: str) -> str:
        """The plain value of a fact; "" when the invoice does not state it."""
        return next((fact.value for fact in self.facts if fact.name == name), "")


def looks_like_one(data: bytes) -> bool:
    """Whether the beginning of a file holds the root element of an e-invoice; opens no parser."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.replace(b"\x00", b"")
    return _ROOT_NAMES.search(data[:MAX_LOOKED_AT]) is not None


def parse(data: bytes) -> Invoice | None:
    """The invoice in `data`; None when it is well-formed XML of another kind.

    Raises InputError: damaged, too_large, or active where it carries a document type declaration.
    """
    from lxml import etree  # noqa: PLC0415 (only for the few files that need it)

    if len(data) > MAX_BYTES:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Die Rechnungsdatei hat mehr als {MAX_BYTES >> 20} MiB.")
    if _DOCTYPE.search(data):
        raise _active()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
                             attribute_defaults=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        large = "huge" in str(error).lower() or "depth" in str(error).lower()
        raise InputError("", reason=Reason.TOO_LARGE if large else Reason.DAMAGED,
                         detail="Die XML-Datei ist nicht lesbar. Bitten Sie um eine neue Fassung.") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _active()
    syntax = ROOTS.get(root.tag)
    return Invoice(syntax, root, tuple(_facts(syntax, root))) if syntax else None


def _active() -> InputError:
    return InputError("", reason=Reason.ACTIVE, detail="Die XML-Datei enthält eine Dokumenttyp-Deklaration (DTD); "
                                                       "eine elektronische Rechnung braucht keine.")


def find(syntax: str, node: Any, path: str) -> Any | None:
    """The first element at one of the places of `path` ("a/b|c"; see _PLACES); None when there is none."""
    return next(iter(find_all(syntax, node, path)), None)


def find_all(syntax: str, node: Any, path: str) -> list[Any]:
    """All elements at the first of the places that has any."""
    for place in path.split("|"):
        long = re.sub(r"\$\w+", lambda short: _PLACES[syntax][short.group()], place)
        steps = "/".join(f"{{*}}{step}" for step in long.split("/"))
        scheme = re.search(r"\[(VAT|FC)\]", steps)
        found = node.findall(steps.replace(scheme.group(), "") if scheme else steps)
        if scheme:  # UBL says which tax it is in a sister element
            found = [item for item in found if (_text(item.getparent().find("{*}TaxScheme/{*}ID")) == "VAT")
                     == (scheme.group(1) == "VAT")]
        if found:
            return list(found)
    return []


def text_at(syntax: str, node: Any, path: str) -> str:
    """The text of the first element at `path`, blanks joined; "" when there is none."""
    return _text(find(syntax, node, path))


def _text(node: Any | None) -> str:
    return " ".join((node.text or "").split()) if node is not None else ""


def _facts(syntax: str, root: Any) -> Iterator[Fact]:
    kind = "ubl" if syntax == "ubl" else "cii"
    currency = text_at(syntax, root, TERMS[3][2 if kind == "ubl" else 3])
    for name, term, *paths in TERMS:
        nodes = find_all(syntax, root, paths[0 if kind == "ubl" else 1])
        if name == "tax_total":  # stated again in the currency of the tax office (BT-111)
            nodes = [node for node in nodes if node.get("currencyID") in (None, currency)] or nodes
        value = next(filter(None, (_plain(name, node) for node in nodes)), "")
        if value:
            leitweg = name == "buyer_reference" and LEITWEG.fullmatch(value)
            yield Fact("leitweg_id" if leitweg else name, value, f"{syntax}:{term}")
    yield from _order_of_lines(syntax, root)
    for party, term in (("seller", "BG-5"), ("buyer", "BG-8")):
        address = ", ".join(address_lines(syntax, root, party))
        if address:
            yield Fact(f"{party}_address", address[:500], f"{syntax}:{term}")
    yield from _rates(syntax, root)


def _order_of_lines(syntax: str, root: Any) -> Iterator[Fact]:
    """The order that the lines name (profile EXTENDED) where the invoice as a whole names none and they agree."""
    if syntax != "cii" or text_at(syntax, root, "$deal/BuyerOrderReferencedDocument/IssuerAssignedID"):
        return
    named = find_all(syntax, root, "SupplyChainTradeTransaction/IncludedSupplyChainTradeLineItem/SpecifiedLineTradeAgreement/"
                                   "BuyerOrderReferencedDocument/IssuerAssignedID")
    orders = {_text(node) for node in named} - {""}
    if len(orders) == 1:
        yield Fact("order_reference", orders.pop()[:500], f"{syntax}:BT-132")


def _plain(name: str, node: Any) -> str:
    text = _text(node)
    if name in _DATES:
        return plain_date(text, node.get("format"))
    if name in _AMOUNTS:
        return plain_amount(text)
    if name in _CODES:
        text = re.sub(r"[\s.]", "", text)
        return text if re.fullmatch(r"[A-Za-z0-9]{1,40}", text) else ""
    return text[:500].rstrip()


def plain_date(text: str, form: str | None = None) -> str:
    """An ISO date from ISO (also with time and zone) or UN/CEFACT form 102 (YYYYMMDD); "" when it is none."""
    match = re.match(r"(\d{4})-?(\d{2})-?(\d{2})", text) if form in (None, "102", "203", "204", "205") else None
    try:
        return date(*map(int, match.groups())).isoformat() if match else ""
    except ValueError:
        return ""


def plain_amount(text: str) -> str:
    """A decimal with a point and at least two digits after it; "" when it is no number an invoice can mean."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return ""
    if not number.is_finite() or abs(number) >= 10 ** 15:
        return ""
    number = number.quantize(Decimal(1).scaleb(-6)).normalize() + 0
    return f"{number:f}" if int(number.as_tuple().exponent) < -2 else f"{number:.2f}"


def address_lines(syntax: str, root: Any, party: str) -> list[str]:
    """Street, further lines, postcode and town, country (where it is not Germany) of the seller or buyer."""
    if syntax == "ubl":
        names, where = (("StreetName", "AdditionalStreetName", "AddressLine/Line"), ("PostalZone", "CityName"), "Country/"
                        "IdentificationCode"), f"${party}/PostalAddress"
    else:
        names, where = ((("LineOne", "LineTwo", "LineThree"), ("PostcodeCode", "CityName"), "CountryID"),
                        f"$deal/{party.capitalize()}TradeParty/PostalTradeAddress")
    node = find(syntax, root, where)
    if node is None:
        return []
    lines = [text_at(syntax, node, name) for name in names[0]]
    town = " ".join(filter(None, (text_at(syntax, node, name) for name in names[1])))
    country = text_at(syntax, node, names[2])
    return [line for line in (*lines, town, country if country != "DE" else "") if line]


def rates(syntax: str, root: Any) -> list[tuple[str, str, str]]:
    """(rate in per cent, net, tax) of each line of the tax breakdown (BG-23), in plain form."""
    if syntax == "ubl":
        rows = find_all(syntax, root, "TaxTotal/TaxSubtotal")
        names = ("TaxCategory/Percent", "TaxableAmount", "TaxAmount")
    else:
        rows = find_all(syntax, root, "$pay/ApplicableTradeTax")
        names = ("RateApplicablePercent|ApplicablePercent", "BasisAmount", "CalculatedAmount")
    found = []
    for row in rows[:MAX_RATES]:
        rate, net, tax = (plain_amount(text_at(syntax, row, name)) for name in names)
        if net and tax:
            found.append((f"{Decimal(rate or 0).normalize():f}", net, tax))
    return found


def _rates(syntax: str, root: Any) -> Iterator[Fact]:
    for rate, net, tax in rates(syntax, root):
        if len(rate) <= 8:
            yield Fact("tax_rate", f"{rate}:{net}:{tax}", f"{syntax}:BG-23")


def as_json(facts: Sequence[Fact]) -> list[dict[str, str]]:
    """Facts as the answer of a job carries them."""
    return [{"name": fact.name, "value": fact.value, "term": fact.term} for fact in facts]


def embedded_files(invoice: Invoice) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the supporting documents inside an XML invoice (BG-24); what is no base64 is passed over."""
    path = ("AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject" if invoice.syntax == "ubl"
            else "$deal/AdditionalReferencedDocument/AttachmentBinaryObject")
    for number, node in enumerate(find_all(invoice.syntax, invoice.root, path)[:MAX_FILES], start=1):
        try:
            data = base64.b64decode(re.sub(r"\s", "", node.text or ""), validate=True)
        except (binascii.Error, ValueError):
            continue
        if data:
            yield " ".join(node.get("filename", "").split())[:200] or f"Anlage-{number}", data


def of_pdf(path: Path) -> tuple[tuple[Fact, ...], str]:
    """The facts of the e-invoice embedded in a PDF, and a German remark where there is one that cannot be used.

    PDFium says (cheaply) whether anything is embedded at all; only then is the file opened by pikepdf.
    """
    if not _has_attachments(path):
        return (), ""
    import pikepdf  # noqa: PLC0415

    try:
        with pikepdf.open(path) as pdf:
            named: Mapping[str, Any] = pdf.attachments
            candidates = sorted((name for name in named if name.lower().endswith(".xml")),
                                key=lambda name: name.lower() not in _KNOWN_NAMES)
            for name in candidates[:MAX_FILES]:
                found = _readable(named[name].get_file().obj)
                try:
                    invoice = parse(found) if found is not None and looks_like_one(found) else None
                except InputError as error:
                    return (), f"Die eingebettete Rechnung ({name[:80]}) wird nicht ausgewertet. {error.detail}"
                if invoice is not None:
                    return invoice.facts, ""
    except (pikepdf.PdfError, KeyError, ValueError, TypeError, RuntimeError):
        return (), ""  # the pages can be shown; what is broken in the attachments is nothing the picture lacks
    return (), ""


def _has_attachments(path: Path) -> bool:
    import pypdfium2_raw as pdfium  # noqa: PLC0415

    pdfium.FPDF_InitLibrary()
    document = pdfium.FPDF_LoadDocument(str(path).encode(), None)
    if not document:
        return False
    try:
        return int(pdfium.FPDFDoc_GetAttachmentCount(document)) > 0
    finally:
        pdfium.FPDF_CloseDocument(document)


def _readable(stream: Any) -> bytes | None:
    """The bytes of an embedded file, never more than MAX_BYTES; None where it is larger or packed unusually."""
    raw = bytes(stream.read_raw_bytes())
    names = re.findall(r"/\w+", str(stream.get("/Filter", "")) if not _is_array(stream.get("/Filter")) else
                       " ".join(str(name) for name in stream.Filter))
    if not names:
        return raw if len(raw) <= MAX_BYTES else None
    if names != ["/FlateDecode"] or "/DecodeParms" in stream:
        return None
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(raw, MAX_BYTES + 1)
    except zlib.error:
        return None
    return data if len(data) <= MAX_BYTES else None


def _is_array(value: Any) -> bool:
    import pikepdf  # noqa: PLC0415

    return isinstance(value, pikepdf.Array)
