"""Barcodes with their payload, and none on ordinary pages."""

from __future__ import annotations

import pytest
from drawn import LETTER, code_sheet, scanned, written

from intake.box.inside.barcodes import barcodes, found_on
from intake.box.inside.image import at_dpi, turn
from intake.vocabulary import Word

OURS = "MI1|T=D|AP=031.2|AZ=|ID=123e4567-e89b-12d3-a456-426614174000|C=1A2B"


@pytest.mark.parametrize(("kind", "payload", "size"), [
    ("QRCode", OURS, 35), ("DataMatrix", "DEA5-0001", 20), ("Code128", "MITTELAU-0001", 90), ("Code39", "MITTELAU-1", 90)])
@pytest.mark.parametrize("rotation", [0, 180])
def test_codes_are_read(kind: str, payload: str, size: float, rotation: int) -> None:
    sheet = turn(code_sheet(payload, kind=kind, size_mm=size), rotation)
    found = found_on(sheet, at_dpi(sheet, 150), ())
    assert [(mark.kind, mark.payload) for mark in found] == [({"QRCode": "qr"}.get(kind, kind.lower()), payload)]


def test_the_box_holds_the_code() -> None:
    x0, y0, x1, y1 = barcodes(at_dpi(code_sheet(OURS, size_mm=42), 150))[0].box
    assert 0.32 < x0 < 0.37
    assert 0.12 < y0 < 0.15
    assert 0.48 < x1 < 0.55
    assert 0.2 < y1 < 0.3


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_taken_out_on_a_page_with_few_words(seed: int) -> None:
    page = scanned(code_sheet(OURS), seed, skew=seed - 2.5, noise=0.05, bitonal=bool(seed % 2))
    assert [mark.payload for mark in found_on(page, at_dpi(page, 150), ())] == [OURS]


def test_a_full_page_is_not_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    page = written(LETTER * 3)
    monkeypatch.setattr("PIL.Image.Image.filter", lambda *_: pytest.fail("filtered"))
    assert found_on(page, at_dpi(page, 150), [Word("Wort", (0, 0, 0.1, 0.1), 0.9)] * 80) == ()


def test_short_linear_codes_are_chance() -> None:
    assert barcodes(at_dpi(code_sheet("A1", kind="Code39", size_mm=50), 150)) == ()
