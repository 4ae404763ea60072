"""The report on a batch to be signed, the list of paper that may be destroyed, slips for scanning again; drawn by WeasyPrint.

Only our own templates; every text is escaped, nothing is loaded while drawing. Plots are SVG made here, with the numbers beside
them as a table, so that nobody needs the picture to read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, NoReturn

import zxingcpp

from intake.backfile.quality import DEFECTS, plan_of, told
from intake.backfile.releasing import Release
from intake.backfile.tablefile import Listing, TableFile
from intake.db.batches import Batch, Numbers
from intake.db.checks import Check, Draw, Lot
from intake.db.core import parse_stamp
from intake.db.differences import KINDS, Difference

STYLE = """
@page { size: A4; margin: 20mm 20mm 24mm 25mm; font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 8pt;
  @bottom-left { content: FOOT; color: #444 }
  @bottom-right { content: "Seite " counter(page) " von " counter(pages); color: #444 } }
body { font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 10pt; line-height: 1.35; color: #000 }
h1 { font-size: 18pt; margin: 0 0 1mm } h2 { font-size: 12pt; margin: 6mm 0 1.5mm; break-after: avoid } p { margin: 0 0 2mm }
.lead { color: #333; margin-bottom: 4mm } table { border-collapse: collapse; width: 100% } tr { break-inside: avoid }
td, th { text-align: left; vertical-align: top; padding: 0.8mm 3mm 0.8mm 0; overflow-wrap: anywhere }
table.pairs th { width: 60mm; font-weight: normal; color: #333 }
thead th { border-bottom: 0.8pt solid #000; overflow-wrap: normal }
table.rows { table-layout: fixed }
table.rows td, table.rows th { box-sizing: border-box }
table.rows td { border-bottom: 0.4pt solid #bbb } .n { text-align: right } section { break-inside: avoid } svg { display: block }
.signs { display: flex; gap: 12mm; margin-top: 16mm; break-inside: avoid } .signs div { flex: 1; border-top: 0.6pt solid #000;
  padding-top: 1.5mm; font-size: 8.5pt } .plots { display: flex; gap: 8mm; break-inside: avoid } .plots > div { flex: 1 }
.slip { break-after: page } .slip:last-child { break-after: auto } .slip .big { font-size: 26pt; margin: 2mm 0 6mm }
.slip svg { width: 55mm }
.verdict { border: 1.2pt solid #000; padding: 2.5mm 4mm; margin: 3mm 0; font-size: 11pt }
"""
SET_ASIDE = {"replaced": "davon durch Nachscan ersetzt (bleiben sichtbar)",
             "double": "davon doppelt, ausgesondert (bleiben sichtbar)", "aside": "davon Zettel und Rückseiten von Nachscans"}
"""Pages that lie in no document because of rescans."""
BAR, INK = "#1f4e79", "#000"
NARROW, WIDE = 6, 64
"""Signs that a column of a table is wider than its longest cell, and has at most."""
LISTED = 200
"""So many rows a paper to be signed holds at most; longer lists are a file beside it, whose hash is printed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the report says; counted before, drawn here."""

    town: str
    batch: Batch
    numbers: Numbers
    balance: Mapping[str, int]
    differences: Sequence[Difference]
    draw: Draw | None
    checks: Sequence[Check]
    at: datetime
    by: str
    per_day: Mapping[str, int] = field(default_factory=dict)
    registers: Mapping[str, int] = field(default_factory=dict)
    confidences: Mapping[int, int] = field(default_factory=dict)  # documents by tenths of how sure their register is
    tally: Mapping[tuple[str, str], int] = field(default_factory=dict)  # differences by kind and decision ("" = open)


def report(facts: Facts, target: Path, listing: Listing | None = None) -> None:
    """Write the report on a batch as a PDF; `listing` has all differences. Raises OSError."""
    _write(report_page(facts, listing), target)


def report_page(facts: Facts, listing: Listing | None = None) -> str:
    """The report as HTML."""
    batch, numbers = facts.batch, facts.numbers
    faulty = [one for one in facts.checks if one.verdict and one.verdict != "ok"]
    body = [
        f"<h1>Bericht zum Stapel „{escape(batch.name)}“</h1><p class=lead>{escape(facts.town)} · ersetzendes Scannen von "
        f"Altakten · Stand "
        f"{facts.at:%d.%m.%Y, %H:%M Uhr}</p>",
        _pairs("Lieferung", [
            ("Ordner oder Datenträger", batch.folder), ("Profil", batch.profile),
            ("Gescannt von", batch.operator or "nicht angegeben"),
            ("Verzeichnis des Dienstleisters", batch.index_name or "keines"), ("Aktenverzeichnis", batch.master_name or "keines"),
            ("Schutzbedarf der Integrität", batch.protection),
            ("Angelegt", f"{parse_stamp(batch.created_at).astimezone():%d.%m.%Y} von {_who(batch.created_by)}")]),
        _pairs("Umfang und Bilanz", [
            ("Dateien", f"{numbers.opened} von {numbers.items} gelesen"),
            ("Seiten in den Dateien", str(facts.balance["read"])), ("davon in Schriftstücken", str(facts.balance["live"])),
            ("davon Leerseiten (bleiben sichtbar)", str(facts.balance["blank"])),
            ("davon Trennblätter", str(facts.balance["separator"])),
            *((title, str(facts.balance[name])) for name, title in SET_ASIDE.items() if facts.balance.get(name)),
            ("Seitenbilanz", _balance(facts.balance)),
            ("Schriftstücke", str(sum(numbers.documents.values()))), ("davon abgelegt", str(numbers.documents.get("FILED", 0)))]),
        "<h2>Abweichungen</h2>", _differences(facts, listing),
        "<h2>Qualitätsprüfung</h2>", _quality(facts, faulty),
        _plots(facts),
        _signs("Erstellt", facts.by, "Geprüft (Qualitätssicherung)", "", "Freigegeben (Leitung)", "")]
    return _html(f"Bericht {batch.name}", f"Stapel {batch.name}", body)


def _balance(balance: Mapping[str, int]) -> str:
    left = balance["read"] - sum(number for name, number in balance.items() if name != "read")
    return "geht auf: 0 Seiten Unterschied" if left == 0 else f"geht NICHT auf: {left} Seiten Unterschied"


def _who(actor: str) -> str:
    return actor.removeprefix("clerk:")


def _differences(facts: Facts, listing: Listing | None) -> str:
    every, number = facts.differences, sum(facts.tally.values())
    if not every:
        return "<p>Es gibt keine Abweichungen.</p>"
    from intake.backfile.people import DECISIONS  # noqa: PLC0415 (words only)

    rows = [(one.sentence, DECISIONS.get(one.decision or "", "offen") + (f": {one.note}" if one.note else ""),
             f"{_who(one.decided_by or '')} {(one.decided_at or '')[:10]}".strip()) for one in every]
    shown = _rows(("Befund", "Entscheidung", "von, am"), rows)
    if number <= len(every):
        return shown
    counts = [(KINDS.get(kind, kind), DECISIONS.get(decision, "offen"), str(many))
              for (kind, decision), many in facts.tally.items()]
    said = f" {listing.said}" if listing else ""
    return (_rows(("Art", "Entscheidung", "Anzahl"), counts, numbers=(2,))
            + f"<p>{number} Abweichungen, hier die ersten {len(every)}, offene zuerst.{escape(said)}</p>{shown}")


def _quality(facts: Facts, faulty: Sequence[Check]) -> str:
    if facts.draw is None:
        return "<p>Es wurde noch keine Stichprobe gezogen. Vorher wird kein Papier vernichtet (TR-RESISCAN A.SC.8).</p>"
    one = facts.draw
    sampled = [check for check in facts.checks if check.sampled]
    seen = sum(check.verdict is not None for check in sampled)
    wrong = sum(check.sampled for check in faulty)
    mended = sum(check.settled_at is not None for check in faulty)
    verdict = {"accepted": "Das Los ist angenommen.", "rejected": "Das Los ist zurückgewiesen; es ist vollständig zu prüfen "
                                                                  "oder neu zu "
               "scannen.", None: "Die Prüfung ist noch nicht abgeschlossen."}[one.verdict]
    text = (f"<p>{escape(plan_of(one).method)} Gezogen am {one.drawn_at:%d.%m.%Y} von {escape(_who(one.drawn_by))}; Zufallszahl "
            f"{escape(one.seed[:16])}…</p><p class=verdict><strong>{verdict}</strong> {seen} von {len(sampled)} "
            f"Schriftstücken der "
            f"Stichprobe angesehen, {wrong} fehlerhaft, zulässig {one.accept}. Zusätzlich {len(facts.checks) - len(sampled)} "
            "Schriftstücke mit maschinellen Befunden."
            + (f" Von den beanstandeten sind {mended} durch einen geprüften Nachscan behoben." if mended else "") + "</p>")
    if not faulty:
        return text
    rows = [(f"…{check.document[-8:]}", str(check.page or "-"), DEFECTS.get(check.defect, check.defect),
             told(check), check.note, _who(check.checked_by or "")) for check in faulty[:LISTED]]
    more = f"<p>{len(faulty) - LISTED} weitere stehen in der Prüfliste.</p>" if len(faulty) > LISTED else ""
    return text + _rows(("Schriftstück", "Seite", "Fehler", "Ergebnis", "Bemerkung", "geprüft von"), rows) + more


# ---- plots -------------------------------------------------------------------------------------------------------------


def _plots(facts: Facts) -> str:
    kinds = Counter(DEFECTS.get(one.defect, one.defect) for one in facts.checks if one.defect)
    ordered = {f"{at * 10}-{at * 10 + 10} %": facts.confidences[at] for at in range(10) if facts.confidences.get(at)}
    plots = [(title, values) for title, values in (
        ("Gelesene Seiten je Tag", facts.per_day), ("Schriftstücke je Register", facts.registers),
        ("Sicherheit der Registervorschläge", ordered), ("Fehler in der Prüfung", dict(kinds))) if values]
    drawn = [f"<div><h2>{escape(title)}</h2>{bars(values)}</div>" for title, values in plots]
    return "".join(f"<div class=plots>{''.join(drawn[at:at + 2])}</div>" for at in range(0, len(drawn), 2))


def bars(values: Mapping[str, int], width: int = 290) -> str:
    """Horizontal bars as SVG, one a name, the number behind each; for at most 16 names, the rest as one."""
    shown = list(values.items())[:15]
    rest = sum(number for _, number in list(values.items())[15:])
    rows = [*shown, *([("andere", rest)] if rest else [])]
    most = max((number for _, number in rows), default=1) or 1
    label, row = 128, 17
    parts = []
    for at, (name, number) in enumerate(rows):
        y, long = at * row, (width - label - 44) * number / most
        parts.append(f'<text x="{label - 6}" y="{y + 12}" text-anchor="end" font-size="9.5" '
                     f'fill="{INK}">{escape(name[:24])}</text>'
                     f'<rect x="{label}" y="{y + 3}" width="{max(long, 1):.1f}" height="11" fill="{BAR}"/>'
                     f'<text x="{label + long + 5:.1f}" y="{y + 12}" font-size="9.5" fill="{INK}">{number}</text>')
    title = ", ".join(f"{name}: {number}" for name, number in rows)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{len(rows) * row + 4}" role="img" '
            f'aria-label="{escape(title)}" '
            f'font-family="Liberation Sans, DejaVu Sans, sans-serif">{"".join(parts)}</svg>')


# ---- paper that may go, slips to scan again ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Papers:
    """What a list of destruction counts: documents and pages that may go; documents that stay, by reason; the lists of both."""

    documents: int
    pages: int
    stays: Mapping[str, int]
    free: Listing
    kept: Listing


def destruction(facts: Facts, release: Release, backed_up: datetime | None, target: Path, papers: Papers | None = None) -> None:
    """Write the list of paper that may be destroyed, to be signed by two persons. Raises OSError.

    Where `papers` counts more documents than `release` names, the lists are the files beside it.
    """
    _write(destruction_page(facts, release, backed_up, papers), target)


def destruction_page(facts: Facts, release: Release, backed_up: datetime | None, papers: Papers | None = None) -> str:
    """The same as HTML."""
    batch = facts.batch
    free = [(one.file, one.title, one.source, str(one.pages)) for one in release.free]
    kept = [(one.file, one.title, why) for one, why in release.kept]
    number, pages = (papers.documents, papers.pages) if papers else (len(free), sum(one.pages for one in release.free))
    body = [
        f"<h1>Freigabe zur Vernichtung</h1><p class=lead>{escape(facts.town)} · Stapel „{escape(batch.name)}“ · Stand "
        f"{facts.at:%d.%m.%Y, %H:%M Uhr}</p>",
        f"<p>Die folgenden {number} Schriftstücke mit {pages} Seiten sind abgelegt, in der Qualitätsprüfung nicht beanstandet "
        "und gesichert" + (f" (Sicherung vom {backed_up:%d.%m.%Y, %H:%M Uhr})" if backed_up else "")
        + ". Ihr Papier darf nach Ablauf der im Verfahren festgelegten Frist vernichtet werden.</p>",
        _listed(papers.free) if papers and papers.documents > len(free) else
        _rows(("Akte", "Schriftstück", "Datei der Lieferung", "Seiten"), free, numbers=(3,)) if free else "<p>Keine.</p>",
        "<h2>Nicht freigegeben</h2>",
        _rows(("Grund", "Schriftstücke"), [(why, str(many)) for why, many in papers.stays.items()], numbers=(1,))
        + _listed(papers.kept) if papers and papers.kept.rows > len(kept) else
        _rows(("Akte", "Schriftstück", "Grund"), kept) if kept else "<p>Keine.</p>",
        _signs("Zusammengestellt", facts.by, "Freigegeben (Leitung)", "", "Vernichtet am, durch", "")]
    return _html(f"Vernichtung {batch.name}", f"Freigabe zur Vernichtung, Stapel {batch.name}", body)


def _listed(listing: Listing) -> str:
    return f"<p class=verdict>{escape(listing.said)}</p>"


@dataclass(frozen=True, slots=True)
class Slip:
    """A page to scan again: where it belongs; `code` is what the QR code of the slip says."""

    batch: str
    file: str
    page: str
    why: str
    code: str


def slips(every: Sequence[Slip], target: Path) -> None:
    """Write a slip for each page to scan again, to be laid in front of the sheet while the paper is at hand. Raises OSError."""
    body = ["".join((
        f"<div class=slip><h1>Nachscan</h1><p class=lead>Stapel „{escape(one.batch)}“</p>",
        f"<p>Datei</p><p class=big>{escape(one.file)}</p><p>Seite</p><p class=big>{escape(one.page)}</p><p>{escape(one.why)}</p>",
        _qr(one.code), "<p>Legen Sie diesen Zettel vor das Blatt und geben Sie beides noch einmal zum Scannen.</p></div>"))
        for one in every]
    _write(_html("Nachscan", "Zettel für den Nachscan", body), target)


def _qr(payload: str) -> str:
    """A QR code as SVG (error level Q)."""
    image = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    svg: str = image.to_svg(add_quiet_zones=True)
    return svg[svg.index("<svg"):]


def differences_file(every: Iterable[Difference], target: Path) -> Listing:
    """Write the table of all differences. Raises OSError."""
    table = TableFile(target, ("Art", "Gegenstand", "Befund", "Entscheidung", "Bemerkung", "von"))
    for one in every:
        table.add((one.kind, one.subject, one.sentence, one.decision or "", one.note, one.decided_by or ""))
    return table.close()


def release_files(every: Iterable[tuple[Lot, str]], free: Path, kept: Path) -> tuple[Release, Papers]:
    """Write the tables of documents whose paper may go and must stay; what a paper lists of them, and counts. Raises OSError."""
    head = ("Schriftstück", "Akte", "Titel", "Datei", "Seiten")
    may, must, pages = TableFile(free, head), TableFile(kept, (*head, "Grund")), 0
    some: list[Lot] = []
    others: list[tuple[Lot, str]] = []
    stays: Counter[str] = Counter()
    for one, why in every:
        row = (one.document, one.file, one.title, one.source, one.pages)
        if why:
            must.add((*row, why))
            stays[why] += 1
            others += [(one, why)] if len(others) < LISTED else []
        else:
            may.add(row)
            pages += one.pages
            some += [one] if len(some) < LISTED else []
    return Release(tuple(some), tuple(others)), Papers(may.rows, pages, stays, may.close(), must.close())


# ---- page --------------------------------------------------------------------------------------------------------------


def _html(title: str, foot: str, body: Sequence[str]) -> str:
    said = foot.replace("\\", "").replace('"', "'")
    return (f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{escape(title)}</title><style>'
            f'{STYLE.replace("FOOT", chr(34) + said + chr(34))}</style></head><body>{"".join(body)}</body></html>')


def _write(page: str, target: Path) -> None:
    from weasyprint import HTML  # noqa: PLC0415 (1.5 CPU seconds that only printing pays)

    HTML(string=page, base_url=None, url_fetcher=_nothing).write_pdf(str(target), pdf_variant="pdf/ua-1")


def _nothing(url: str, *_: Any, **__: Any) -> NoReturn:
    raise ValueError("nothing is loaded")


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<section><h2>{escape(title)}</h2><table class=pairs>{rows}</table></section>"


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    top = "".join(f"<th scope=col{' class=n' if at in numbers else ''} style='width:{width:.1f}%'>{escape(name)}</th>"
                  for at, (name, width) in enumerate(zip(head, _widths(head, rows), strict=True)))
    lines = "".join(f"<tr>{''.join(_cell(cell, at in numbers) for at, cell in enumerate(row))}</tr>" for row in rows)
    return f"<table class=rows><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Per cent of the width for each column, by its longest cell: left to itself, drawing 200 rows takes six times as long."""
    wanted = [min(NARROW + max(len(name), *(len(row[at]) for row in rows), 0), WIDE) for at, name in enumerate(head)]
    return [100 * one / sum(wanted) for one in wanted]


def _cell(text: str, right: bool) -> str:
    return f"<td{' class=n' if right else ''}>{escape(text)}</td>"


def _signs(*said: str) -> str:
    pairs = list(zip(said[::2], said[1::2], strict=True))
    return "<div class=signs>" + "".join(
        f"<div>{escape(what)}{': ' + escape(_who(who)) if who else ''}<br>Datum, "
        f"Unterschrift</div>" for what, who in pairs) + "</div>"
