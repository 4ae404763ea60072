"""A Transfervermerk to print: one page or two of German tables, tagged for screen readers (PDF/UA-1), drawn by WeasyPrint.

Nothing is loaded while it is drawn; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, NoReturn

_STYLE = """
@page { size: A4; margin: 18mm 20mm 22mm 25mm; font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 8pt;
  @bottom-left { content: FOOT; color: #444 }
  @bottom-right { content: "Seite " counter(page) " von " counter(pages); color: #444 } }
body { font-family: "Liberation Sans", "DejaVu Sans", sans-serif; font-size: 9.5pt; line-height: 1.35; color: #000 }
h1 { font-size: 18pt; margin: 0 0 1mm } h2 { font-size: 11pt; margin: 5mm 0 1.2mm; break-after: avoid }
.lead { color: #333; margin: 0 0 3mm } p { margin: 0 0 1.5mm }
table { border-collapse: collapse; width: 100% } tr { break-inside: avoid }
td, th { text-align: left; vertical-align: top; padding: 0.6mm 3mm 0.6mm 0; overflow-wrap: anywhere }
table.pairs th { width: 52mm; font-weight: normal; color: #333 } table.hashes th { width: 24mm }
section { break-inside: avoid }
table.rows th { border-bottom: 0.8pt solid #000; overflow-wrap: normal } table.rows td { border-bottom: 0.4pt solid #bbb }
table.rows tr:last-child td { border-bottom: 0 } ul { margin: 0; padding-left: 5mm }
td.hash, .hash { font-family: "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: 7.5pt; padding-right: 0 }
.warn { border: 1pt solid #000; padding: 2mm 3mm; margin: 0 0 3mm } .n { text-align: right; padding-right: 6mm }
"""
_LABELS = {"gedreht (Grad)": "gedreht", "Groesse (mm)": "Größe (mm)", "Bildguete": "Bildgüte", "Schraeglage (Grad)": "Schräglage",
           "Schutzbedarf Integritaet": "Schutzbedarf (Integrität)", "Schriftstueck": "Schriftstück",
           "Leerseiten nicht uebernommen": "Leerseiten, nicht übernommen",
           "Trennblaetter nicht uebernommen": "Trennblätter, nicht übernommen"}
_NUMBERS = {"Seite", "Datei", "Abbild", "gedreht (Grad)", "Bildguete", "Schraeglage (Grad)"}


def draw(note: Mapping[str, Any], target: Path, faults: Sequence[str] = ()) -> None:
    """Write the note as a PDF to `target`; `faults`: what does not fit between it and what is filed. Raises OSError."""
    from weasyprint import HTML  # noqa: PLC0415 (1.5 CPU seconds that only printing pays)

    HTML(string=page(note, faults), base_url=None, url_fetcher=_nothing).write_pdf(str(target), pdf_variant="pdf/ua-1")


def _nothing(url: str, *_: Any, **__: Any) -> NoReturn:
    raise ValueError("nothing is loaded")


def page(note: Mapping[str, Any], faults: Sequence[str] = ()) -> str:
    """The note as HTML."""
    product, stack = note["Scanprodukt"], note["Stapel"]
    parts = [
        f"<h1>Transfervermerk</h1><p class=lead>zum Scanprodukt {escape(product['Schriftstueck'])} · "
        f"{_count(product['Seiten'], 'Seite', 'Seiten')} · {escape(product['Format'])}</p>",
        *_warnings("Dieser Vermerk passt nicht zu dem, was abgelegt ist:", faults),
        *_warnings("Es fehlen Pflichtangaben; tragen Sie sie in den Einstellungen nach:", note["Fehlende Pflichtangabe"]),
        f"<p>{escape(note['Erklaerung'])}</p>",
        _pairs("Wer, womit, wann", [
            ("Auftraggeber", note["Auftraggeber"]["Bezeichnung"]), ("Auftragnehmer", note["Auftragnehmer"]["Bezeichnung"]),
            ("Scanbediener", note["Scanbediener"]), ("Scanner", note["Scanner"]), ("Scanarbeitsplatz", note["Scanarbeitsplatz"]),
            ("Scanprofil", note["Scanprofil"]), *((name, value) for name, value in note["Scaneinstellungen"].items()),
            ("Verfahrensdokumentation", note["Verfahren"]["Verfahrensdokumentation"]),
            ("Schutzbedarf (Integrität)", note["Verfahren"]["Schutzbedarf Integritaet"]),
            ("Erfasst am", _moment(note["Erfassungszeitpunkt"])), ("Vermerk erstellt am", _moment(note["Erstellungszeitpunkt"])),
            ("Kennung des Vermerks", note["Kennung"])]),
        _pairs("Stapel und Umfang", [
            ("Sendung", stack["Sendung"]), ("Stapel", stack["Stapel"]), ("Abbilder", stack["Abbilder"]), *(
                (_LABELS.get(name, name), str(product[name])) for name in (
                    "Seiten", "Leerseiten nicht uebernommen", "Trennblaetter nicht uebernommen"))]),
        "<h2>Auffälligkeiten</h2>", _list(note["Auffaelligkeit"]) or "<p>keine</p>",
        _pairs("Qualitätssicherung", [(name, _moment(value) if name == "am" else value)
                                      for name, value in note["Qualitaetssicherung"].items()]),
        "<section><h2>Prozessschritte</h2>", _steps(note["Prozessschritt"]), "</section>",
        "<h2>Seiten</h2>", _rows(note["Seite"]),
        "<section><h2>Prüfsummen (SHA-256)</h2>", _hashes(note["Pruefsumme"]), "</section>"]
    foot = f'"Transfervermerk {note["Kennung"]}"'
    title = f"Transfervermerk {escape(product['Schriftstueck'])}"
    return (f'<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{title}'
            f"</title><style>{_STYLE.replace('FOOT', foot)}</style></head><body>{''.join(parts)}</body></html>")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _moment(text: str) -> str:
    """A time as people write it; as it stands where it is none."""
    try:
        return datetime.fromisoformat(text).strftime("%d.%m.%Y, %H:%M:%S Uhr")
    except ValueError:
        return text


def _warnings(lead: str, lines: Sequence[str]) -> list[str]:
    return [f"<div class=warn><p><strong>{escape(lead)}</strong></p>{_list(lines)}</div>"] if lines else []


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs if value)
    return f"<h2>{escape(title)}</h2><table class=pairs>{rows}</table>"


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    fixed = ("Bezeichnung", "Zeitpunkt", "Durchfuehrung", "System")
    rows = "".join(
        f"<tr><td>{escape(step['Bezeichnung'])}</td><td>{escape(_moment(step['Zeitpunkt']))}</td>"
        f"<td>{escape(step['Durchfuehrung'])}</td><td>{escape(step['System'])}{_more(step, fixed)}</td></tr>" for step in steps)
    return (f"<table class=rows><thead><tr><th scope=col>Schritt</th><th scope=col>Zeitpunkt</th><th scope=col>Durchführung</th>"
            f"<th scope=col>System, Angaben</th></tr></thead>{rows}</table>")


def _more(step: Mapping[str, Any], fixed: Sequence[str]) -> str:
    return "".join(f"<br>{escape(name)}: {escape(_number(value))}" for name, value in step.items() if name not in fixed)


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    names = list(rows[0])
    head = "".join(f"<th scope=col{' class=n' if name in _NUMBERS else ''}>{escape(_LABELS.get(name, name))}</th>"
                   for name in names)
    body = "".join("<tr>" + "".join(f"<td{' class=n' if name in _NUMBERS else ''}>{escape(_number(row[name]))}</td>"
                                    for name in names) + "</tr>" for row in rows)
    return f"<table class=rows><thead><tr>{head}</tr></thead>{body}</table>"


def _number(value: Any) -> str:
    return str(value).replace(".", ",") if isinstance(value, float) else str(value)


def _hashes(told: Mapping[str, Any]) -> str:
    rows = [("PDF", told["PDF"])] if "PDF" in told else []
    originals = told["Original"]
    rows += [("Original" if len(originals) == 1 else f"Original {place}", one) for place, one in enumerate(originals, 1)]
    rows.append(("Seitenliste", told["Seitenliste"]))
    body = "".join(f"<tr><th scope=row>{name}</th><td class=hash>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="pairs hashes">{body}</table>'
