"""A message parsed without its long runs of base64 says byte for byte the same as the whole one."""

from __future__ import annotations

import base64
import os
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.box.inside import lean, mail
from intake.errors import InputError, Reason

HEAD = b"From: a@b.example\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of a few hundred bytes count as long."""
    monkeypatch.setattr(lean, "SMALL", 0)
    monkeypatch.setattr(lean, "_BLOCK", 64)
    monkeypatch.setattr(lean, "_LEAST", 2)
    monkeypatch.setattr(lean, "_STEP", 100)


def leaves(message: Message) -> list[tuple[str, bytes]]:
    return [(part.get_content_type(), mail._payload(part)) for part in message.walk() if not part.is_multipart()]


def whole(data: bytes) -> list[tuple[str, bytes]]:
    """What the parser says without any cutting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lean, "SMALL", 1 << 40)
        return leaves(mail.parse(data))


def encoded(data: bytes, width: int, end: bytes) -> bytes:
    text = base64.b64encode(data)
    return end.join(text[at:at + width] for at in range(0, len(text), width)) + end


BODIES = st.tuples(
    st.binary(max_size=40), st.integers(0, 900), st.integers(4, 200), st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([b"base64", b"BASE64", b"7bit", b"quoted-printable", b"", b"x-odd"]),
    st.sampled_from([b"", b"trailing words\n", b"====\n", b"A\n", b"--\n"]), st.booleans())


@given(st.lists(BODIES, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_the_same_bytes_come_out(bodies: list[tuple[bytes, int, int, bytes, bytes, bytes, bool]]) -> None:
    data = HEAD
    for seed, count, width, end, how, after, nested in bodies:
        text = encoded((seed * (count + 1))[:count + len(seed)] or b"x", width, end)
        part = b"Content-Type: application/octet-stream\n" + (b"Content-Transfer-Encoding: " + how + b"\n" if how else b"")
        data += b"--b\n" + (b"Content-Type: message/rfc822\n\nSubject: y\n" if nested else b"") + part + b"\n" + text + after
    data += b"--b--\n"
    assert leaves(mail.parse(data)) == whole(data)


@given(st.binary(max_size=2000))
@settings(max_examples=30, deadline=None)
def test_noise_is_no_different(noise: bytes) -> None:
    data = HEAD + b"--b\nContent-Transfer-Encoding: base64\n\n" + encoded(noise, 60, b"\n") + noise + b"\n--b--\n"
    assert leaves(mail.parse(data)) == whole(data)


def test_a_run_is_really_cut_and_the_mark_cannot_be_guessed() -> None:
    data = HEAD + b"--b\nContent-Transfer-Encoding: base64\n\n" + encoded(os.urandom(5000), 76, b"\n") + b"--b--\n"
    skeleton, cuts = lean.cut(data)
    assert len(skeleton) < 700 and cuts.size > 6000 and cuts.whole(skeleton) == data
    assert lean.cut(data)[1].token != cuts.token


def test_a_message_cannot_ask_for_the_bytes_of_another_place() -> None:
    """Text that looks like a mark is text."""
    data = HEAD + b"--b\n\n" + b"0" * 32 + b"00000000\n--b\nContent-Transfer-Encoding: base64\n\n" + encoded(
        b"y" * 900, 60, b"\n") + b"--b--\n"
    assert leaves(mail.parse(data)) == whole(data)


def test_two_base64_texts_after_one_another_are_decoded_as_before() -> None:
    text = encoded(b"a" * 601, 76, b"\n") + encoded(b"b" * 800, 76, b"\n")
    data = HEAD + b"--b\nContent-Transfer-Encoding: base64\n\n" + text + b"--b--\n"
    assert leaves(mail.parse(data)) == whole(data)


def test_an_mbox_line_and_a_file_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"From x Mon Nov  2 10:00:00 2026\n" + HEAD + b"--b\nContent-Transfer-Encoding: base64\n\n" + encoded(
        b"z" * 3000, 76, b"\n") + b"--b--\n"
    path = tmp_path / "m"
    path.write_bytes(data)
    message = mail.parse(lean.opened(path))
    assert message["Subject"] == "x" and leaves(message)[-1][1] == b"z" * 3000


def test_what_needs_more_memory_than_there_is_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.box.inside.mail.resource.getrlimit", lambda _kind: (mail.BESIDE + 10_000, 0))
    with pytest.raises(InputError) as refused:
        mail.parse(HEAD + b"--b\n\n" + b"Text mit Leerzeichen\n" * 200)
    assert refused.value.reason is Reason.TOO_LARGE and "memory_mib" in refused.value.detail
    assert mail.parse(HEAD + b"--b\nContent-Transfer-Encoding: base64\n\n" + encoded(b"z" * 3000, 76, b"\n"))["Subject"] == "x"
