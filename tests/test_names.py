"""Names for files and folders: short, harmless on every file system, stable, and different for different things."""

from __future__ import annotations

import json
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.names import SEGMENT_BYTES, folder, segment, suffix, title_of

NASTY = st.text(st.sampled_from(
    "./\\:~- _äÖßéaAzZ09\0\n\u202e\u200b\ufb01\uff0f\u0301\u0130⚖\ud800CONconaux*?\"<>|$`"), max_size=140)
TEXT = st.one_of(st.text(max_size=140), NASTY)
DEVICES = {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(10))}


def harmless(name: str, limit: int) -> None:
    assert name and len(name.encode()) <= limit
    assert not set(name) & set('/\\:*?"<>|\0') and name.isprintable()
    assert name not in (".", "..") and name[0] not in ".-~ " and name[-1] not in ". "
    assert name.partition(".")[0].strip().casefold() not in DEVICES
    assert unicodedata.is_normalized("NFC", name)


@given(TEXT, st.integers(16, 200))
@example("CON" * 40, 16)
@example("aux.", 16)
@example("..", 90)
@example("e" + "\u0301" * 200, 90)
@example("a" * 89 + "ä", 90)
def test_a_segment_is_harmless_and_stable(text: str, limit: int) -> None:
    name = segment(text, limit)
    harmless(name, limit)
    assert segment(name, limit) == name


@given(TEXT, st.integers(25, 200))
def test_a_folder_is_harmless(text: str, limit: int) -> None:
    harmless(folder(text, limit), limit)


@given(TEXT, TEXT)
@example("20/1-1", "20-1/1")
@example("BA/1", "BA_1")
@example("a" * 70, "a" * 71)
@example("é", "e\u0301")
@example("x ", "x")
@example("", ".")
def test_different_texts_have_different_folders(one: str, other: str) -> None:
    if one != other:
        assert folder(one) != folder(other)


@given(TEXT)
def test_a_title_keeps_its_day_in_front(text: str) -> None:
    name = title_of(date(2025, 11, 18), text)
    harmless(name, SEGMENT_BYTES)
    assert name.startswith("2025-11-18 ")


@pytest.mark.parametrize("text, name", [
    ("Abmeldung Hund", "Abmeldung Hund"), ("Straße Äpfel/Öl", "Straße Äpfel-Öl"), ("  viel \n Platz ", "viel Platz"),
    ("", "ohne Titel"), ("../../etc/passwd", "etc-passwd"), ("CON", "CON_x"), ("aux.pdf", "aux_x.pdf"), ("com5 .x", "com5_x.x"),
    ("COM\u00b9", "COM1_x"), ("Müller & Söhne (2)", "Müller & Söhne (2)"), ("§ 34 BauGB", "§ 34 BauGB"), ("a\u0308", "ä"),
])
def test_how_it_reads(text: str, name: str) -> None:
    assert segment(text) == name


def test_an_aktenzeichen_stays_readable() -> None:
    assert folder("BA/611.10-0006/2025") == "BA_611.10-0006_2025"
    assert folder("962.10") == "962.10"


def test_suffixes_come_from_the_type_never_from_the_sender() -> None:
    kinds = ("application/pdf", "IMAGE/TIFF", "text/plain; charset=utf-8", "application/x-msdownload", "")
    assert [suffix(kind) for kind in kinds] == ["pdf", "tif", "txt", "bin", "bin"]


def test_hostile_names(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "bad_inputs" / "names.jsonl").read_text(encoding="utf-8").splitlines()
    names = [json.loads(line)["filename"] for line in lines]
    assert len(names) >= 50
    for name in names:
        harmless(segment(name), SEGMENT_BYTES)
        made = tmp_path / folder(name) / f"{segment(name)}.pdf"
        made.parent.mkdir()  # each its own folder
        made.write_bytes(b"")
        assert made.resolve().is_relative_to(tmp_path.resolve())
    assert len(list(tmp_path.iterdir())) == len(names)
