"""A canvas that remembers words with exact boxes: letters laid out by samples/letters.py as pages, without any OCR."""

from __future__ import annotations

import math

from intake.vocabulary import Page, Word
from samples.canvas import A4, POINT_MM, font

FACE_PIXELS = 100.0


class WordCanvas:
    """Implements samples.canvas.Canvas; `pages()` gives the pages as a reader would, turned by `skew` degrees."""

    def __init__(self, size: tuple[float, float] = A4, skew: float = 0.0, confidence: float = 0.96) -> None:
        self.width, self.height = size
        self.skew = math.radians(skew)
        self.confidence = confidence
        self._pages: list[list[tuple[float, float, float, float, str]]] = []
        self.new_page()

    def new_page(self) -> None:
        self._pages.append([])

    def measure(self, text: str, size: float = 11, face: str = "sans") -> float:
        return font(face, FACE_PIXELS).getlength(text) / FACE_PIXELS * size * POINT_MM

    def text(self, x: float, y: float, text: str, size: float = 11, face: str = "sans", ink: int = 25) -> None:
        height = size * POINT_MM
        right = x + self.measure(text, size, face)
        self._pages[-1].append((x, y - 0.72 * height, right, y + 0.2 * height, f"{size}|{face}|{text}"))

    def line(self, x0: float, y0: float, x1: float, y1: float, width: float = 0.2, ink: int = 25) -> None: ...

    def box(self, x: float, y: float, w: float, h: float, width: float = 0.2, ink: int = 25) -> None: ...

    def _word(self, x: float, top: float, right: float, bottom: float, text: str, line: int, block: int) -> Word:
        corners = [self._turned(px, py) for px, py in ((x, top), (right, top), (x, bottom), (right, bottom))]
        xs = [min(1.0, max(0.0, px / self.width)) for px, _ in corners]
        ys = [min(1.0, max(0.0, py / self.height)) for _, py in corners]
        return Word(text, (min(xs), min(ys), max(xs), max(ys)), self.confidence, line=line, block=block)

    def _turned(self, x: float, y: float) -> tuple[float, float]:
        dx, dy = x - self.width / 2, y - self.height / 2
        cos, sin = math.cos(self.skew), math.sin(self.skew)
        return self.width / 2 + dx * cos - dy * sin, self.height / 2 + dx * sin + dy * cos

    def pages(self) -> tuple[Page, ...]:
        """The pages; texts drawn at the same height are one printed line, as recognition would have it."""
        return tuple(self._page(number, drawn) for number, drawn in enumerate(self._pages, start=1))

    def _page(self, number: int, drawn: list[tuple[float, float, float, float, str]]) -> Page:
        words: list[Word] = []
        lines: list[str] = []
        last_y = -99.0
        line = -1
        for x, top, _, bottom, coded in sorted(drawn, key=lambda one: (round(one[3], 1), one[0])):
            size, face, text = coded.split("|", 2)
            if bottom - last_y > 0.8:
                line += 1
                lines.append("")
            last_y = bottom
            at = x
            for piece in text.split(" "):
                width = self.measure(piece, float(size), face)
                if piece:
                    words.append(self._word(at, top, at + width, bottom, piece, line, 0))
                    lines[-1] = f"{lines[-1]} {piece}".strip()
                at += width + self.measure(" ", float(size), face)
        return Page(number, self.width, self.height, "\n".join(lines), tuple(words), source="text-layer", script="print")


def page_of(text: str, number: int = 1) -> Page:
    """A page with text only, as an e-mail body without places."""
    return Page(number, 210.0, 297.0, text, source="text-layer")
