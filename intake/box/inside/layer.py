"""The text layer of a scanned page: words in an invisible font without glyphs, exactly over what is printed.

The font has one glyph, 500/1000 wide, made for this purpose: a line without area (PDFium drops turned text whose glyphs
have no box at all). Every character of the Basic Multilingual Plane is its own code (Identity-H) and maps to itself in
ToUnicode, so that copying and searching give the stored words.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from intake.vocabulary import Word

FONT = (
    'c-n<hyG{Z@6g{&8_y|aY6c%O+3Jar&AqEo@6O4^9Lhu80#T5*@EMXx*D@#j$!p=e~f53u5`3DjUJ^&jF*E72-3Nd;oclMlnXYM^S'
    'vk(C0aSaK*aJ0U$huwQXtT1{~wv7hjaLK#m*@|^}-Y@hI$e$Ijn#Nh?>NZDwN8hY65KW6U;#Yd6YPULKL<DieDP}ok14~GdKPhe-'
    'odzO^lFyRsb;CBr+68l(+SF}0Zp*H?FXXEKDwJ0GzT<2iC%4}q<xnjgJU-z2>*d5q>I5<<6YP<?N1dUXkzeVj2|uE7Pms|tZBmSQ'
    '3sLI*-zKW>(A4Rm2O6lYH?>~>Qa0`_>8VgniaphNA{>hAo)^sCVB9Ied-eN<r)P~tLCNnuIsAzKmEk+!Fsvhx9IMwbLl)qeAE%ng'
    '93#s}hgib`vLTMCc#$vWwoJ=1^OjMsmCQ=pGMXsD;a}A9-Gs$qBG1`C9W|85Droz>`OD2u8uLPno~rVn@uXmV'
)
GAP = 0.25  # em: what must lie between two words of a line
GLYPH = 0.5  # em: the width of the one glyph
FONT_NAME = Name("/PoststelleBlank")
TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
%d beginbfrange
%s
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end"""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the upright page lies in page space: its size in points, the rotation that shows it, its corner."""

    width: float
    height: float
    rotation: int  # clockwise, from page space to upright
    left: float = 0.0
    bottom: float = 0.0

    def matrix(self) -> tuple[float, float, float, float, float, float]:
        """The PDF matrix from upright points (origin bottom left) to page space."""
        a, b, c, d, e, f = {
            0: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), 90: (0.0, 1.0, -1.0, 0.0, self.height, 0.0),
            180: (-1.0, 0.0, 0.0, -1.0, self.width, self.height), 270: (0.0, -1.0, 1.0, 0.0, 0.0, self.width)}[self.rotation]
        return a, b, c, d, e + self.left, f + self.bottom


def add_font(pdf: Pdf) -> pikepdf.Object:
    """The font of the text layer as an object of `pdf`; once per file."""
    program = zlib.decompress(base64.b85decode("".join(FONT)))
    descriptor = pdf.make_indirect(Dictionary(
        Type=Name.FontDescriptor, FontName=FONT_NAME, Flags=4, FontBBox=Array([0, -200, 500, 800]), ItalicAngle=0, Ascent=800,
        Descent=-200, CapHeight=700, StemV=80, FontFile2=pdf.make_stream(program, Length1=len(program))))
    descendant = pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=FONT_NAME, FontDescriptor=descriptor, DW=500,
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        CIDToGIDMap=pdf.make_stream(b"\x00\x01" * 65536)))
    ranges = [(high << 8, (high << 8) | 0xFF) for high in range(256) if not 0xD8 <= high <= 0xDF]
    table = "\n".join(f"<{low:04X}> <{top:04X}> <{low:04X}>" for low, top in ranges)
    blocks = TO_UNICODE % (len(ranges), table.encode())
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=FONT_NAME, Encoding=Name("/Identity-H"), DescendantFonts=Array([descendant]),
        ToUnicode=pdf.make_stream(blocks)))


def content(words: Sequence[Word], frame: Frame, skew: float, font: str) -> bytes:
    """The content stream that writes `words` invisibly, line by line; `skew` in degrees clockwise turns the baselines."""
    turn = math.radians(-skew)
    cos, sin = math.cos(turn), math.sin(turn)
    parts = ["q", "{:.5f} {:.5f} {:.5f} {:.5f} {:.3f} {:.3f} cm".format(*frame.matrix()), "BT 3 Tr"]
    last = 0.0
    for line in _lines(words):
        size, baselines = _baseline(line, frame, skew)
        if abs(size - last) > 0.01:
            parts.append(f"/{font} {size:.2f} Tf")
            last = size
        for word, y, after in zip(line, baselines, [*line[1:], None], strict=True):
            code = "".join(character if ord(character) < 0x10000 else "\ufffd" for character in word.text)
            right = word.box[2] * frame.width
            if after is not None and after.box[0] > word.box[0]:
                right = min(right, after.box[0] * frame.width - GAP * size)  # or readers take the two for one word
            wide = max(right - word.box[0] * frame.width, 0.1)
            stretch = max(100 * wide / (len(code) * GLYPH * size), 1.0)
            x = word.box[0] * frame.width
            shown = (code + " ").encode("utf-16-be", "replace").hex().upper()
            parts.append(f"{stretch:.2f} Tz {cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.2f} {y:.2f} Tm <{shown}> Tj")
    parts += ["ET", "Q", ""]
    return "\n".join(parts).encode("ascii")


def _lines(words: Sequence[Word]) -> Iterator[list[Word]]:
    line: list[Word] = []
    for word in words:
        if line and (word.line, word.block) != (line[-1].line, line[-1].block):
            yield line
            line = []
        if word.text:
            line.append(word)
    if line:
        yield line


def _baseline(line: Sequence[Word], frame: Frame, skew: float) -> tuple[float, list[float]]:
    """Font size of a line and the height of each word's baseline, in points: one straight line through the boxes."""
    slope = math.tan(math.radians(skew))
    lows, highs = [], []
    for word in line:
        fall = slope * word.box[0] * frame.width
        lows.append((1 - word.box[3]) * frame.height + fall)
        highs.append((word.box[3] - word.box[1]) * frame.height)
    low, high = sorted(lows)[len(lows) // 2], sorted(highs)[len(highs) // 2]
    size = min(max(high * 1.1, 1.0), 300.0)
    return size, [low + 0.12 * high - slope * word.box[0] * frame.width for word in line]
