"""A message as pages where its HTML shows what plain text cannot: tables with values, pictures in the text. Runs inside the box.

The HTML is reduced to its structure (nh3: no styles, scripts, links, forms, frames, SVG) and drawn by WeasyPrint under our
head; loaded is only what the message itself brought along as a part (cid:) or in place (data:). Everything else keeps to the
plain text: drawing costs a hundred times as much and shows nothing more. Where drawing fails, the text is the page.
"""

from __future__ import annotations

import base64
import binascii
import re
import resource
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from intake.box.inside.message import Letter

LEAST_SECONDS = 0.1
LONGEST, MOST_CELLS, DEEPEST = 300_000, 2_000, 60
"""Signs, table cells and nested elements of a text that is still drawn: beyond, drawing takes seconds a page."""
MOST_PIXELS, MOST_PICTURES, LEAST_SIDE = 40_000_000, 40, 100
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_TAGS = {"p", "div", "br", "hr", "span", "b", "strong", "i", "em", "u", "s", "sub", "sup", "h1", "h2", "h3", "h4", "h5", "h6",
         "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "table", "caption", "thead", "tbody", "tfoot", "tr",
         "td", "th", "img", "a", "center"}
_GONE = {"script", "style", "title", "head", "svg", "math", "iframe", "object", "noscript", "template"}
_ATTRIBUTES = {"img": {"src", "alt", "width", "height"}, "td": {"colspan", "rowspan", "align"},
               "th": {"colspan", "rowspan", "align"}, "ol": {"start"}}
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,([A-Za-z0-9+/=\s]+)", re.IGNORECASE)
_INNERMOST = re.compile(r"<table>((?:(?!</?table).)*)</table>", re.DOTALL)
_ROW, _CELL = re.compile(r"<tr>(.*?)(?=<tr>|</tbody>|$)", re.DOTALL), re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL)
_PLACING = re.compile(r"<(/?)(table|caption|thead|tbody|tfoot|tr|td|th)\b[^>]*>")
_SOURCE = re.compile(r"<img[^>]*\ssrc=\"(?:cid:)?([^\"]*)\"")
_STYLE = """
@page { size: A4; margin: 18mm 20mm 20mm 25mm; font: 7.5pt "Liberation Sans", "DejaVu Sans", sans-serif;
  @bottom-right { content: "Seite " counter(page) " von " counter(pages); color: #444 } }
body { font: 10pt/1.35 "Liberation Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere }
p { margin: 0 0 2mm } .head { border-bottom: 0.8pt solid #000; padding-bottom: 2mm; margin-bottom: 4mm }
.head p, .foot p { margin: 0 } .foot { border-top: 0.4pt solid #666; margin-top: 5mm; padding-top: 2mm; font-size: 8.5pt }
pre { font: inherit; white-space: pre-wrap } table { border-collapse: collapse; max-width: 100% }
td, th { vertical-align: top; text-align: left; padding: 0.4mm 2mm 0.4mm 0 }
table.values td, table.values th { border: 0.4pt solid #999; padding: 0.6mm 1.5mm }
img { max-width: 100%; max-height: 230mm; height: auto }
blockquote { margin: 0 0 2mm 4mm;
  border-left: 1pt solid #999; padding-left: 3mm } a { color: #000; text-decoration: none }
"""


@dataclass(slots=True)
class Allowance:
    """CPU seconds that drawing the messages of one delivery may still cost."""

    seconds: float = 12.0


class _Exhausted(BaseException):
    """The allowance is used up; no `Exception`, because the library swallows those."""


STUMBLES = (_Exhausted, RecursionError, ValueError, OSError, ArithmeticError, LookupError, TypeError, AttributeError,
            AssertionError)
"""What comes out of WeasyPrint for the HTML of strangers; the text is there for then."""


def pdf_of(found: Letter, head: Sequence[str], pictures: Mapping[str, bytes], target: Path, left: Allowance) -> bool:
    """Write the message as a PDF to `target`, where that shows more than its text; False where the text is to be taken.

    `pictures` are what the message brought along, by Content-ID.
    """
    if left.seconds < LEAST_SECONDS or sum(map(len, found.html.values())) > 4 * LONGEST:
        return False
    bodies = [reduced(found.html[index]) if index in found.html else f"<pre>{escape(_plain(text))}</pre>"
              for index, text in enumerate(found.text)]
    page = "".join(bodies)
    if len(page) > LONGEST + sum(map(len, _DATA.findall(page))) or page.count("<td") + page.count("<th") > MOST_CELLS:
        return False
    if not worth(page, pictures) or _depth(page) > DEEPEST:
        return False
    remarks = "".join(f"<p>[{escape(_plain(remark))}]</p>" for remark in found.remarks)
    html = (f'<!doctype html><html lang="de"><head><meta charset="utf-8"><style>{_STYLE}</style></head><body><div class=head>'
            f'{"".join(f"<p>{escape(_plain(line))}</p>" for line in head)}</div>{"<hr>".join(bodies)}'
            f'{f"<div class=foot>{remarks}</div>" if remarks else ""}</body></html>')
    return _drawn(html, pictures, target, left)


def reduced(source: str) -> str:
    """The HTML with its structure, words and the message's own pictures alone; tables that only place things become lines."""
    import nh3  # noqa: PLC0415
    kept = nh3.clean(source.replace("\x00", ""), tags=_TAGS, clean_content_tags=_GONE, attributes=_ATTRIBUTES, link_rel=None,
                     url_schemes={"cid", "data"})
    kept = re.sub(r"<img(?![^>]*\ssrc=\"(?:cid:|data:image/))[^>]*>", "", kept)
    tables: list[str] = []

    def hidden(match: re.Match[str]) -> str:
        if not _values(match[1]):
            return match[0]
        tables.append(f"<table class=values>{match[1]}</table>")
        return f"\x00{len(tables) - 1}\x00"

    lines = _PLACING.sub(lambda match: f"<{match[1]}div>" if match[2] in ("td", "th") else "", _INNERMOST.sub(hidden, kept))
    return re.sub("\x00(\\d+)\x00", lambda match: tables[int(match[1])], lines)


def _values(rows: str) -> bool:
    """Whether the rows of a table hold values: two at least of two cells with words (anything less only places things)."""
    full = 0
    for row in _ROW.findall(rows):
        words = [re.sub(r"<[^>]*>|&nbsp;|\s", "", cell) for cell in _CELL.findall(row)]
        full += sum(0 < len(word) <= 300 for word in words) >= 2
    return full >= 2


def worth(page: str, pictures: Mapping[str, bytes]) -> bool:
    """Whether the reduced HTML shows more than its words: a table with values, a picture that is no decoration."""
    if "<table class=values>" in page:
        return True
    for name in _SOURCE.findall(page)[:MOST_PICTURES]:
        found = _picture(name, pictures)
        if found is not None and min(found[2]) >= LEAST_SIDE:
            return True
    return False


def _picture(name: str, pictures: Mapping[str, bytes]) -> tuple[bytes, str, tuple[int, int]] | None:
    """Bytes, media type and size of a picture the message brought along; None for anything else."""
    from PIL import Image  # noqa: PLC0415
    inside = _DATA.fullmatch(name)
    try:
        data = base64.b64decode(inside[1]) if inside else pictures.get(name.removeprefix("cid:"))
        if data is None:
            return None
        with Image.open(BytesIO(data), formats=tuple(FORMATS)) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            return data, FORMATS[str(image.format)], image.size
    except (OSError, ValueError, SyntaxError, binascii.Error):
        return None


def _depth(page: str) -> int:
    """How deep elements are nested at most."""
    deepest = depth = 0
    for closing, name in re.findall(r"<(/?)([a-z0-9]+)", page):
        depth += 0 if name in {"br", "img", "hr"} else -1 if closing else 1
        deepest = max(deepest, depth)
    return deepest


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() or sign in "\n\t" else " " for sign in text)


class _OwnParts:
    """What WeasyPrint may load: pictures of the message. `asked` counts, `refused` names what else was asked for."""

    _fail_on_errors = False  # read by weasyprint.urls.fetch: a missing picture is left out

    def __init__(self, pictures: Mapping[str, bytes]) -> None:
        self.pictures, self.asked, self.refused = pictures, 0, list[str]()

    def __call__(self, url: str, *_: Any, **__: Any) -> Any:
        from urllib.parse import unquote  # noqa: PLC0415

        from weasyprint.urls import URLFetcherResponse  # noqa: PLC0415
        self.asked += 1
        name = url if url.startswith("data:") else unquote(url.removeprefix("cid:")) if url.startswith("cid:") else None
        found = _picture(name, self.pictures) if name is not None and self.asked <= 3 * MOST_PICTURES else None
        if found is None:
            self.refused.append(url[:100])
            raise ValueError("only the message's own pictures")
        return URLFetcherResponse(url, found[0], {"Content-Type": found[1]})


def _drawn(html: str, pictures: Mapping[str, bytes], target: Path, left: Allowance) -> bool:
    """Draw within what is left of the allowance; True when `target` is there."""
    from weasyprint import HTML  # noqa: PLC0415 (1.5 CPU seconds that only these messages pay)
    began = _spent()
    try:
        with _at_most(left.seconds):
            HTML(string=html, base_url=None, url_fetcher=_OwnParts(pictures)).write_pdf(target)
    except STUMBLES:
        target.unlink(missing_ok=True)
        return False
    finally:
        left.seconds -= _spent() - began
    return True


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises _Exhausted in what it surrounds after so many CPU seconds (of this process, whose main thread we are)."""
    before = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _stop(_: int, __: FrameType | None) -> NoReturn:
    raise _Exhausted
