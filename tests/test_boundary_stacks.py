"""Reading whole documents, the fixed recipe of drawing stacks, and OCR errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from classifiers.boundary_stacks import draw, noisy, read, with_noise
from intake.errors import InputError
from tests.boundary_help import examples, rows, write


def row(name: str, numbers: list[int], **more: str) -> dict[str, object]:
    return {"folder": "papers", "file": name, "hash": name, "pages": [{"n": n, "text": f"Seite {n}"} for n in numbers]} | more


def test_what_is_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", [
        row("gut.pdf", [1, 2]), row("zwilling.pdf", [1, 2], hash="gut.pdf"), row("luecke.pdf", [1, 3]), row("ohne.pdf", []),
        row("lang.pdf", list(range(1, 42))), row("gerade-noch.pdf", list(range(1, 41)))])
    assert [one.name for one in read(path)] == ["gut.pdf", "gerade-noch.pdf"]


def test_years(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", [
        row("Rat_28.11.2016.pdf", [1], folder="meetings/2017-11-28_Rat"),
        row("b.pdf", [1], folder="papers/DS_3-2018_1._Ergänzung"),
        row("Rat_03.12.2009_18.30_Uhr.pdf", [1]), row("Satzung.pdf", [1])])
    assert [one.year for one in read(path)] == [2017, 2018, 2009, None]


def test_plain_lines_and_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"hash": "x", "pages": [{"n": 1, "text": "Plan", "width_mm": 420, "height_mm": 297}]}) + "\n\n")
    (one,) = read(path)
    assert (one.pages[0].width_mm, one.name, one.year) == (420.0, "x", None)


@pytest.mark.parametrize("content", [
    b"kein json\n", b'{"hash": 1}\n', b"\x1f\x8bkaputt", b'{"hash": "a", "pages": [{"n": "x", "text": ""}]}\n'])
def test_other_files_are_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        read(path)


def test_the_recipe_of_drawing_can_be_recomputed() -> None:
    rng = np.random.default_rng(11)
    expected = []
    for _ in range(50):
        size = rng.integers(3, 11)
        expected.append(tuple(rng.choice(40, size=size, replace=False).tolist()))
    drawn = draw(40, 50, np.random.default_rng(11))
    assert drawn == expected
    assert all(3 <= len(stack) <= 10 and len(set(stack)) == len(stack) for stack in drawn)
    assert {len(stack) for stack in draw(4, 50, np.random.default_rng(1))} == {3, 4}


def test_errors_come_at_their_rate_and_blanks_stay() -> None:
    text = "Der Rat der Gemeinde beschließt die Satzung.\n" * 400
    spoilt = noisy(text, 0.02, np.random.default_rng(0))
    assert spoilt.count("\n") == text.count("\n") and spoilt.count(" ") == text.count(" ")
    changed = sum(one != two for one, two in zip(text.split(), spoilt.split(), strict=True))
    assert 0.06 < changed / len(text.split()) < 0.16  # words of about six letters
    assert noisy(text, 0.0, np.random.default_rng(0)) == text


def test_noise_is_the_same_for_the_same_seed() -> None:
    documents = examples(4)
    one, two = (with_noise(documents, 0.05, np.random.default_rng([3, 1])) for _ in range(2))
    assert one == two and one != tuple(documents)
    assert [len(a.pages) for a in one] == [len(b.pages) for b in documents]


def test_rows_of_the_helper_are_readable(tmp_path: Path) -> None:
    assert list(read(write(tmp_path / "a.jsonl.gz", rows(5)))) == examples(5)
