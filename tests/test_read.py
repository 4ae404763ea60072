"""What the service knows of reading: chunks to read, and the one blob a chunk becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.read import as_json, pack, plan_chunks, preview_of, unpack_pages, unpack_texts
from intake.vocabulary import FormField, Page, Separator, Word

fraction = st.floats(0, 1).map(lambda value: round(value, 5))
words = st.builds(Word, text=st.text(min_size=1, max_size=8), box=st.tuples(fraction, fraction, fraction, fraction),
                  confidence=st.floats(0, 1).map(lambda value: round(value, 4)), raw=st.text(max_size=4),
                  line=st.integers(0, 99), block=st.integers(0, 9))
pages = st.builds(
    Page, number=st.integers(1, 10_000), width_mm=st.floats(10, 1200), height_mm=st.floats(10, 1200), text=st.text(max_size=40),
    words=st.lists(words, max_size=6).map(tuple), rotation=st.sampled_from([0, 90, 180, 270]), skew=st.floats(-6, 6),
    blank=st.booleans(), script=st.sampled_from(["print", "fraktur", "none"]), quality=fraction,
    source=st.sampled_from(["ocr", "text-layer"]),
    separators=st.lists(st.builds(Separator, st.just("qr"), st.text(max_size=9), st.just((0.1, 0.2, 0.3, 0.4))),
                        max_size=2).map(tuple),
    warnings=st.lists(st.just("damaged"), max_size=1).map(tuple),
    stamps=st.lists(st.just((0.6, 0.1, 0.9, 0.2)), max_size=2).map(tuple),
    form=st.lists(st.builds(FormField, st.text(max_size=9), st.text(max_size=9), st.just((0.1, 0.2, 0.3, 0.4))),
                  max_size=2).map(tuple))


@given(st.lists(pages, max_size=4))
def test_a_chunk_gives_its_pages_back(found: list[Page]) -> None:
    chunk = pack(found)
    assert unpack_pages(chunk) == tuple(found)
    numbers = {page.number for page in found[:2]}
    assert unpack_pages(chunk, numbers) == tuple(page for page in found if page.number in numbers)
    assert unpack_texts(chunk) == {page.number: page.plain() for page in found}


def test_the_same_pages_are_the_same_bytes() -> None:
    words = (Word("Guten", (0.1, 0.1, 0.2, 0.12), 0.9), Word("Tag", (0.21, 0.1, 0.3, 0.12), 0.8))
    page = Page(1, 210.0, 297.0, "Guten Tag", words)
    assert pack([page], [b"jpeg"]) == pack([page], [b"jpeg"])


def test_previews_lie_in_the_chunk() -> None:
    chunk = pack([Page(3, 210.0, 297.0), Page(4, 210.0, 297.0)], [b"three", b"and four"])
    assert (preview_of(chunk, 3), preview_of(chunk, 4)) == (b"three", b"and four")
    with pytest.raises(KeyError):
        preview_of(chunk, 5)


def test_a_preview_per_page_or_none() -> None:
    with pytest.raises(ValueError, match="1 pages, 2 previews"):
        pack([Page(1, 210.0, 297.0)], [b"one", b"two"])


@pytest.mark.parametrize("data", [b"", b"PSL1", b"PSL1\x00\x00\x00\x04abcd", b"%PDF-1.7"])
def test_other_bytes_are_no_chunk(data: bytes) -> None:
    with pytest.raises(ValueError, match="chunk"):
        unpack_pages(data)


@given(st.integers(0, 60), st.sets(st.integers(1, 60)), st.integers(1, 8))
def test_chunks_hold_every_missing_page_once(count: int, done: set[int], size: int) -> None:
    chunks = plan_chunks(count, done, size)
    assert [number for chunk in chunks for number in chunk] == [number for number in range(1, count + 1) if number not in done]
    assert all(1 <= len(chunk) <= size for chunk in chunks)


def test_json_leaves_nothing_out() -> None:
    said = as_json([Page(1, 210.0, 297.0, words=(Word("§", (0, 0, 0.1, 0.1), 0.5, raw="$"),))])[0]
    assert said["words"][0] == {"text": "§", "box": [0.0, 0.0, 0.1, 0.1], "confidence": 0.5, "raw": "$", "line": 0, "block": 0}
    assert {"number", "width_mm", "height_mm", "rotation", "skew", "blank", "script", "quality", "source"} <= set(said)
    assert {"separators", "text", "stamps", "form"} <= set(said)
