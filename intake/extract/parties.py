"""Who sends an invoice and who is to pay it: headings, return line, address blocks, letter head. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from intake.extract.billwords import Finding, heading_of
from intake.extract.layout import Segment
from intake.extract.tables import Row, Spot, squeezed

_COUNTRY = r"^(?:[A-Z]{1,3}\s?[-–]?\s?)?"
TOWN = re.compile(rf"{_COUNTRY}\d{{4,5}}\s?[A-ZÄÖÜ][a-zäöüßéè]|{_COUNTRY}\d{{5}}\s[A-ZÄÖÜ]{{3}}")
LEGAL = re.compile(r"""(?<![\w.])(?:
      g?GmbH(?:\s?&\s?Co\.?\s?(?:KG|OHG)?)?|AG|KG|OHG|GbR|UG|mbH|e\.\s?K\.|e\.?\s?Kfm\.?|e\.\s?V\.|e\.\s?G\.|eG|a\.\s?G\.|SE|KGaA
    | PartG(?:mbB)?|AöR|KdöR|Co\.|Inc\.?|Ltd\.?|LLC|PLC|SARL|SAS|S\.?A\.?(?:S\.?U?)?|SpA|S\.?r\.?l\.?|B\.?V\.?|N\.?V\.?
    | Ges\.?\s?m\.?b\.?H\.?|Kft\.?|s\.r\.o\.|Sp\.\sz\so\.o\.|A/S|ApS|Oy|AB)(?!\w)""", re.VERBOSE)
"""Legal forms of Germany and its neighbours."""
_FORM = re.compile(r"^(?:an(?:\s(?:die|das|den))?|herrn?|frau|firma|fa\.?|familie|eheleute|monsieur|madame|mr\.?|mrs\.?|ms\.?|"
                   r"an\sfirma)(?:\s|$)", re.IGNORECASE)
_NO_NAME = re.compile(r"""@ | www\. | https?: | \d{6} | ^\W*$ | :$ | ^(?:
      tel|fon|fax|telefon|telefax|phone|mobil|e-?mail|mail|iban|bic|seite|page|datum|date|nummer|nr\.?|globale|gln
    | kunden-?(?:nr|nummer|konto)|customer\s?(?:no|number)|ust|steuer|vat|tva|siret|hrb|handelsreg|gesch[äa]ftsf|konto|bank|blz
    | sparkasse|volksbank|rechnung|invoice|facture|gutschrift|ansprechpartner|anschrift|adresse|name|ihre?|unsere?
    | betreff|w[äa]hrung|bestell|liefer|beispiel-?rechnung\w*|postfach|inhalt|mo\.?[-\s]|\(c\)|copyright
    | stra[ßs]e|original|kopie|duplikat|entwurf|deutschland|germany|france)\b""", re.IGNORECASE | re.VERBOSE)
_STREET = re.compile(r"(?:str(?:a[ßs]{1,2}e|\.)|weg|platz|allee|gasse|ring|damm|ufer|chauss?ee|rue|avenue|boulevard|chemin|road|"
                     r"street|lane)\b|\s\d{1,4}\s?[a-z]?$|^\d{1,4},?\s", re.IGNORECASE)
_STREET_ONLY = re.compile(r"(?:stra[ßs]{1,2}e|str\.|weg|platz|allee|gasse|ring)\s\d{1,4}\s?[a-z]?$", re.IGNORECASE)
_PIECES = re.compile(r"\s*[·•|∙⋅*●■▪–—]\s*|\s+-\s+|\s*,\s+|\s{3,}|\s*;\s*")
_HOLDER = re.compile(r"(?:konto-?(?:inhaber|name)|account\s(?:holder|name|owner)|beg[üu]nstigter|titulaire)\s*[:.]?\s*",
                     re.IGNORECASE)
HEAD_MM, FOOT_MM = 48.0, 245.0
"""Above this a letter head stands, below that a foot (DIN 5008 form B begins its address at 50 mm)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of an address from the name to the town, left-aligned; `role` by its heading, "" where it has none."""

    lines: tuple[Segment, ...]
    role: str


def parties(lines: Sequence[Row]) -> Iterator[Finding]:
    """Proposals of seller_name and buyer_name, surest or not; the caller takes the surest of each that differ."""
    yield from _named(lines)
    blocks = list(_blocks(lines))
    heads = list(_single_lines(lines))
    yield from heads
    sellers = {squeezed(one.value) for one in heads}
    for block in blocks:
        yield from _of_block(block, sellers)
    yield from _legal_forms(lines)


def _named(lines: Sequence[Row]) -> Iterator[Finding]:
    """Below a heading: the value of "Name:", else the first line that can be a name."""
    for index, row in enumerate(lines):
        for column, head in enumerate(row.segments):
            role = heading_of(head.text)
            if role not in ("seller", "buyer"):
                continue
            short = squeezed(head.text) in ("an", "von", "to", "from", "kunde", "client", "customer")
            spot = _value_beside(row, column) if short or head.text.strip().endswith(":") else None
            spot = spot or _below(lines, index, head)
            if spot:
                more = _second_line(lines, spot)
                value = " ".join(one.text.strip() for one in (spot, *more))
                yield Finding(f"{role}_name", value, 0.8 if short else 0.94, spot, "party-heading", more=more)


def _second_line(lines: Sequence[Row], spot: Spot) -> tuple[Spot, ...]:
    """The line below a name when the legal form stands only there."""
    name = spot.segment
    if LEGAL.search(spot.text) or name.box is None:
        return ()
    for row in lines:
        for one in row.segments:
            if one.page == name.page and abs(one.left - name.left) < 2 and -0.5 < one.top - name.bottom < 1.3 * name.height and (
                    LEGAL.search(one.text) and _may_be_name(one.text) and not _STREET.search(one.text)):
                return (Spot(one, 0, len(one.text)),)
    return ()


def _value_beside(row: Row, column: int) -> Spot | None:
    for segment in row.segments[column + 1:column + 2]:
        start = len(segment.text) - len(segment.text.lstrip(": "))
        if _may_be_name(segment.text[start:]) and not heading_of(segment.text):
            return Spot(segment, start, len(segment.text), "right")
    return None


def _below(lines: Sequence[Row], index: int, head: Segment) -> Spot | None:
    first: Spot | None = None
    for row in lines[index + 1:index + 6]:
        if row.page != head.page or (head.box and row.segments[0].top - head.bottom > 30):
            break
        near = [one for one in row.segments if head.box is None or -8 < one.left - head.left < 12]
        if near and heading_of(near[0].text):
            break
        for one in near:
            label = re.match(r"name\s*:?\s*", one.text, re.IGNORECASE)
            if label:
                position = row.segments.index(one)
                if one.text[label.end():].strip():
                    return Spot(one, label.end(), len(one.text))
                return _value_beside(row, position)
            if first is None and not re.search(r":\s|:$", one.text) and _may_be_name(one.text) and not TOWN.match(one.text):
                following = row.segments[row.segments.index(one) + 1:][:1]
                if not (following and following[0].text.lstrip().startswith(":")) and not _FORM.fullmatch(one.text.strip()):
                    first = _whole_name(one)
    return first


def _whole_name(segment: Segment) -> Spot:
    """The name without a form of address."""
    form = _FORM.match(segment.text)
    start = form.end() if form and form.end() < len(segment.text) else 0
    return Spot(segment, start, len(segment.text))


def _may_be_name(text: str) -> bool:
    plain = text.strip()
    if _STREET_ONLY.search(plain):
        return False
    return 3 <= len(plain) <= 70 and len(re.findall(r"[^\W\d_]", plain)) >= 3 and not _NO_NAME.search(plain) and (
        plain[0].isupper() or plain[0].isdigit() or bool(LEGAL.search(plain)))


def _blocks(lines: Sequence[Row]) -> Iterator[Block]:
    """Address blocks: from each line of postcode and town upwards while the lines stay left-aligned and close."""
    everything = [(index, segment) for index, row in enumerate(lines) for segment in row.segments]
    for index, town in everything:
        if not TOWN.match(town.text) or len(town.text) > 60:
            continue
        block = [town]
        role, pitch = "", 0.0
        for row in reversed(lines[max(0, index - 8):index]):
            near = [one for one in row.segments if row.page == town.page and (
                town.box is None or (abs(one.left - town.left) < 3.0 and one.bottom < block[0].bottom))]
            if not near or len(block) > 6:
                if town.box is None or row.page != town.page:
                    break
                continue
            above = near[0]
            gap = block[0].top - above.bottom
            role = heading_of(above.text)
            pitch = pitch or max(1.2, gap)
            far = town.box is not None and gap > min(1.5 * pitch + 0.6, 2.6 * town.height)
            if role or far or _NO_NAME.search(above.text) or TOWN.match(above.text):
                break
            block.insert(0, above)
        if len(block) >= 2:
            yield Block(tuple(block), role)


def _of_block(block: Block, sellers: set[str]) -> Iterator[Finding]:
    names = [one for one in block.lines[:-1] if not (_FORM.match(one.text) and len(one.text.split()) == 1)]
    names = [one for one in names if len(_PIECES.split(one.text)) < 3]
    if not names or not _may_be_name(names[0].text):
        return
    first = names[0]
    spot = _whole_name(first)
    value, more = spot.text.strip(), tuple[Spot, ...]()
    if len(names) > 1 and not LEGAL.search(value) and LEGAL.search(names[1].text) and not _STREET.search(names[1].text):
        more = (Spot(names[1], 0, len(names[1].text)),)
        value = f"{value} {names[1].text.strip()}"
    if block.role == "other":
        yield Finding("buyer_name", value, 0.3, spot, "party-delivery", more=more)
    elif block.role:
        yield Finding(f"{block.role}_name", value, 0.93, spot, "party-block", more=more)
    elif first.box is None:
        yield Finding("buyer_name", value, 0.5, spot, "party-address", more=more)
    elif first.page == 1:
        upper = first.top < HEAD_MM
        window = 34 <= first.top <= 110 and first.left < 125
        known = squeezed(value) in sellers
        if known or upper:
            yield Finding("seller_name", value, 0.85 if known else 0.6, spot, "party-head", more=more)
        if window and not known:
            yield Finding("buyer_name", value, 0.86 if first.left < 60 else 0.7, spot, "party-address", more=more)
        if first.top > FOOT_MM or first.left > 125:
            yield Finding("seller_name", value, 0.62, spot, "party-foot", more=more)


def _single_lines(lines: Sequence[Row]) -> Iterator[Finding]:
    """An address in one line: the return line above the address, the letter head, the foot; and who owns the account."""
    for row in lines:
        for column, segment in enumerate(row.segments):
            holder = _HOLDER.search(segment.text)
            if holder:
                rest = segment.text[holder.end():].strip(" :")
                if _may_be_name(rest):
                    start = segment.text.find(rest, holder.end())
                    yield Finding("seller_name", rest, 0.55, Spot(segment, start, start + len(rest)), "party-account")
                elif spot := _value_beside(row, column):
                    yield Finding("seller_name", spot.text.strip(), 0.55, spot, "party-account")
            if row.page != lines[0].page and row.place < 0.98:
                continue
            pieces = [piece for piece in _PIECES.split(segment.text) if piece]
            if len(pieces) >= 3 and any(TOWN.match(piece.strip()) for piece in pieces[1:]) and (
                    _may_be_name(pieces[0]) and not _STREET.search(pieces[0].strip())):
                foot = segment.box is not None and segment.top > FOOT_MM
                head = segment.box is not None and segment.top < 30
                sure = 0.72 if foot else 0.85 if head else 0.92
                start = segment.text.find(pieces[0])
                yield Finding("seller_name", pieces[0].strip(), sure, Spot(segment, start, start + len(pieces[0])), "party-line")


def _legal_forms(lines: Sequence[Row]) -> Iterator[Finding]:
    """Lines with a legal form (GmbH, AG, e. K.): in the letter head likely the seller, elsewhere only perhaps."""
    counts: dict[str, int] = {}
    for row in lines:
        for segment in row.segments:
            if LEGAL.search(segment.text):
                counts[squeezed(segment.text)] = counts.get(squeezed(segment.text), 0) + 1
    for index, row in enumerate(lines):
        for segment in row.segments:
            text = segment.text.strip()
            if not _may_be_name(text) or TOWN.match(text) or len(_PIECES.split(text)) > 2:
                continue
            legal = LEGAL.search(text) is not None
            head = row.page == lines[0].page and (segment.top < HEAD_MM if segment.box else index < 6)
            if legal and not re.search(r"\d{4}", text):
                above = _line_above(lines, index, segment)
                sure = (0.66 if head else 0.4) + 0.02 * min(5, counts.get(squeezed(text), 0))
                value = " ".join(one.text.strip() for one in (*above, segment))
                yield Finding("seller_name", value, sure, Spot(segment, 0, len(segment.text)), "party-legal-form",
                              more=tuple(Spot(one, 0, len(one.text)) for one in above))
            elif head and index < 4 and not heading_of(text):
                yield Finding("seller_name", text, 0.42 - 0.05 * index, Spot(segment, 0, len(segment.text)), "party-first-line")


def _line_above(lines: Sequence[Row], index: int, segment: Segment) -> tuple[Segment, ...]:
    """The first line of the page where a name begins there and has its legal form on the second."""
    above = lines[index - 1].segments[0] if index == 1 else None
    if above is None or not above.box or not segment.box or LEGAL.search(above.text) or not _may_be_name(above.text):
        return ()
    return (above,) if abs(above.left - segment.left) < 2 and segment.top - above.bottom < 4 else ()


def chosen(found: Sequence[Finding]) -> list[Finding]:
    """The findings without what would make seller and buyer one: the surest pair of different names decides."""
    best: dict[str, dict[str, float]] = {"seller_name": {}, "buyer_name": {}}
    for one in found:
        if one.field in best:
            name = squeezed(one.value)
            best[one.field][name] = max(best[one.field].get(name, 0.0), one.sure)
    sellers, buyers = best["seller_name"] or {"": 0.0}, best["buyer_name"] or {"": 0.0}
    pairs = [(seller, buyer) for seller in sellers for buyer in buyers if seller != buyer]
    if not pairs:
        return list(found)
    seller, buyer = max(pairs, key=lambda pair: sellers[pair[0]] + buyers[pair[1]])
    taken = {("seller_name", buyer), ("buyer_name", seller)}
    return [one for one in found if (one.field, squeezed(one.value)) not in taken]
