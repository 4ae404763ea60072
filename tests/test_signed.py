"""S/MIME made here with real keys: the content comes out, a signature that fits is no proof, one that does not is told."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.box import Box, MailOrder
from intake.box.inside import mail, signed
from intake.box.inside.unpack import Limits, Parts
from intake.config import BoxSettings
from intake.errors import ConfigError
from intake.unpack import trust_anchors

LIMITS = Limits(max_pages=100, max_parts=40, max_depth=4, max_megapixels=50)
HEAD = b"From: e@example.org\r\nTo: post@example.org\r\nSubject: Antrag\r\nMIME-Version: 1.0\r\n"
KEYS = {"rsa": rsa.generate_private_key(65537, 2048), "ec": ec.generate_private_key(ec.SECP256R1())}


def certificate(kind: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Erika Muster")])
    now = datetime.now(UTC)
    return x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEYS[kind].public_key()).serial_number(
        7).not_valid_before(now).not_valid_after(now + timedelta(days=9)).add_extension(
        x509.SubjectAlternativeName([x509.RFC822Name("e@example.org")]), critical=False).sign(KEYS[kind], hashes.SHA256())


def _content() -> bytes:
    made = EmailMessage()
    made.set_content("Hiermit beantrage ich.\n")
    made.add_attachment(b"Plan", maintype="text", subtype="plain", filename="plan.txt")
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


CONTENT = _content()


def sealed(kind: str, data: bytes, *options: pkcs7.PKCS7Options) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(data).add_signer(certificate(kind), KEYS[kind], hashes.SHA256())
    return builder.sign(serialization.Encoding.DER, list(options))


@pytest.fixture
def unpack(tmp_path: Path):
    def run(data: bytes, told: mail.Told = mail.UNTOLD) -> tuple[list[dict], str, dict[str, str]]:
        parts = Parts(tmp_path, LIMITS)
        mail.unpack(data, parts, told=told)
        facts = {fact["name"]: fact["value"] for fact in parts.found[0]["facts"]}
        return parts.found, (tmp_path / "p0").read_text(), facts
    return run


@pytest.mark.parametrize("kind", list(KEYS))
@pytest.mark.parametrize("typed", [b"; smime-type=signed-data", b""])
def test_what_was_signed_is_taken_out(unpack, kind: str, typed: bytes) -> None:
    body = base64.encodebytes(sealed(kind, CONTENT, pkcs7.PKCS7Options.Binary))
    raw = (HEAD + b"Content-Type: application/pkcs7-mime" + typed + b"; name=smime.p7m\r\n"
           b"Content-Transfer-Encoding: base64\r\n\r\n" + body)
    parts, text, facts = unpack(raw)
    assert [part["name"] for part in parts] == ["Nachricht.txt", "plan.txt"]
    assert "Hiermit beantrage ich." in text and signed.FITS in text
    assert facts["mail_smime"] == "indeterminate"
    assert facts["mail_smime_signer"].startswith("Erika Muster <e@example.org>, ausgestellt von Erika Muster, gültig bis ")


@pytest.mark.parametrize("kind", list(KEYS))
@pytest.mark.parametrize(("change", "state"), [((b"", b""), "indeterminate"), ((b"beantrage", b"verzichte"), "invalid")])
def test_a_signature_beside_the_text_is_checked(unpack, kind: str, change: tuple[bytes, bytes], state: str) -> None:
    seal = base64.encodebytes(sealed(kind, CONTENT, pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature))
    raw = (HEAD + b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=grenze\r\n\r\n"
           b"--grenze\r\n" + CONTENT.replace(*change) + b"\r\n--grenze\r\n"
           b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n"
           + seal + b"\r\n--grenze--\r\n")
    for data in (raw, raw.replace(b"\r\n", b"\n")):
        parts, text, facts = unpack(data)
        assert facts["mail_smime"] == state
        assert (signed.ALTERED in text) is (state == "invalid")
        assert [part["name"] for part in parts] == ["Nachricht.txt", "plan.txt"]


def test_a_signed_file_is_a_file(unpack) -> None:
    made = EmailMessage()
    made["From"], made["Subject"] = "e@example.org", "x"
    made.set_content("Anbei")
    made.add_attachment(sealed("rsa", b"Kein Kopf, nur Text", pkcs7.PKCS7Options.Binary), maintype="application",
                        subtype="pkcs7-mime", filename="brief.txt.p7m")
    parts, _, _ = unpack(made.as_bytes())
    assert [(part["name"], part["problem"]) for part in parts] == [("Nachricht.txt", None), ("brief.txt", None)]


def test_encrypted_and_pgp_are_told(unpack) -> None:
    builder = pkcs7.PKCS7EnvelopeBuilder().set_data(b"geheim").add_recipient(certificate("rsa"))
    envelope = builder.encrypt(serialization.Encoding.DER, [])
    made = EmailMessage()
    made["From"], made["Subject"] = "e@example.org", "x"
    made.set_content("Anbei")
    made.add_attachment(envelope, maintype="application", subtype="pkcs7-mime", filename="smime.p7m")
    made.add_attachment(b"-----BEGIN PGP MESSAGE-----\n\nabc\n", maintype="application", subtype="octet-stream", filename="a.pgp")
    parts, _, facts = unpack(made.as_bytes())
    assert [part["problem"] for part in parts] == [None, "encrypted", "encrypted"] and facts["mail_smime"] == "encrypted"
    inline = HEAD + b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nText\r\n"
    assert unpack(inline)[2]["mail_pgp"] == "indeterminate"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255))
def test_a_damaged_structure_never_raises(place: int, value: int) -> None:
    data = bytearray(sealed("ec", b"x" * 50, pkcs7.PKCS7Options.Binary))
    data[place % len(data)] = value
    found = signed.opened(bytes(data))
    assert found is None or found.state in ("invalid", "indeterminate", "encrypted")


# ---- whom we trust ---------------------------------------------------------------------------------------------------

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CHAIN = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("Wurzel", "Zwischenstelle", "Erika", "Fremde Wurzel")}


def issued(name: str, by: str, *, ca: bool = False, usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION,
           address: str = "e@example.org", start: datetime = NOW - DAY, end: datetime = NOW + 9 * DAY) -> x509.Certificate:
    def called(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    issuer = CHAIN[by]
    made = x509.CertificateBuilder().subject_name(called(name)).issuer_name(called(by)).public_key(
        CHAIN[name].public_key()).serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    made = made.add_extension(x509.BasicConstraints(ca, None), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(CHAIN[name].public_key()), critical=False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    if ca:
        made = made.add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
    else:
        made = made.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
    if usage is not None and name != by:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return made.sign(issuer, hashes.SHA256())


ROOT, FOREIGN = issued("Wurzel", "Wurzel", ca=True), issued("Fremde Wurzel", "Fremde Wurzel", ca=True)
MIDDLE = issued("Zwischenstelle", "Wurzel", ca=True)


def pem(*certificates: x509.Certificate) -> str:
    return "\n".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)


def told(*anchors: x509.Certificate, at: datetime = NOW) -> mail.Told:
    return mail.Told(anchors=pem(*anchors), received_at=at.isoformat())


def letter_of(leaf: x509.Certificate, *others: x509.Certificate, head: bytes = HEAD) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT).add_signer(leaf, CHAIN["Erika"], hashes.SHA256())
    for one in others:
        builder = builder.add_certificate(one)
    seal = builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature])
    return (head + b"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=grenze\r\n\r\n"
            b"--grenze\r\n" + CONTENT + b"\r\n--grenze\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(seal) + b"\r\n--grenze--\r\n")


LEAF = issued("Erika", "Zwischenstelle")


def test_a_chain_to_an_authority_we_trust_makes_it_valid(unpack) -> None:
    _, text, facts = unpack(letter_of(LEAF, MIDDLE), told(FOREIGN, ROOT))
    assert facts["mail_smime"] == "valid" and signed.VALID in text
    assert unpack(letter_of(LEAF), told(MIDDLE))[2]["mail_smime"] == "valid"
    changed = letter_of(LEAF, MIDDLE).replace(b"beantrage", b"verzichte")
    assert unpack(changed, told(ROOT))[2]["mail_smime"] == "invalid"
    wrapped = pkcs7.PKCS7SignatureBuilder().set_data(CONTENT).add_signer(LEAF, CHAIN["Erika"], hashes.SHA256()).add_certificate(
        MIDDLE).sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    raw = (HEAD + b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
           b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(wrapped))
    assert unpack(raw, told(ROOT))[2]["mail_smime"] == "valid"


@pytest.mark.parametrize(("raw", "known", "said"), [
    (letter_of(LEAF, MIDDLE), mail.UNTOLD, signed.FITS),
    (letter_of(LEAF, MIDDLE), told(FOREIGN), signed.UNTRUSTED),
    (letter_of(LEAF), told(ROOT), signed.UNTRUSTED),  # the link between them is missing
    (letter_of(LEAF, MIDDLE), told(ROOT, at=NOW + 30 * DAY), signed.UNTRUSTED),
    (letter_of(issued("Erika", "Zwischenstelle", end=NOW - DAY / 2), MIDDLE), told(ROOT), signed.UNTRUSTED),
    (letter_of(issued("Erika", "Zwischenstelle", usage=ExtendedKeyUsageOID.SERVER_AUTH), MIDDLE), told(ROOT), signed.UNTRUSTED),
    (letter_of(LEAF, issued("Zwischenstelle", "Wurzel")), told(ROOT), signed.UNTRUSTED),  # no authority at all
    (letter_of(LEAF, issued("Zwischenstelle", "Wurzel", ca=True, usage=ExtendedKeyUsageOID.SERVER_AUTH)), told(ROOT),
     signed.UNTRUSTED),
    (letter_of(issued("Erika", "Zwischenstelle", address="x@example.org"), MIDDLE), told(ROOT), signed.STRANGER),
    (letter_of(LEAF, MIDDLE, head=HEAD.replace(b"e@", b"x@example.org, e@", 1)), told(ROOT), signed.STRANGER),
    (letter_of(LEAF, MIDDLE, head=b"From: chef@example.org\r\n" + HEAD), told(ROOT), signed.STRANGER)])
def test_anything_less_is_no_proof(unpack, raw: bytes, known: mail.Told, said: str) -> None:
    _, text, facts = unpack(raw, known)
    assert facts["mail_smime"] == "indeterminate" and said in text


def test_the_folder_of_authorities(tmp_path: Path) -> None:
    (tmp_path / "wurzel.pem").write_text(pem(ROOT), encoding="ascii")
    (tmp_path / "fremd.cer").write_bytes(FOREIGN.public_bytes(serialization.Encoding.DER))
    (tmp_path / "liesmich.txt").write_text("kein Zertifikat", encoding="ascii")
    found = x509.load_pem_x509_certificates(trust_anchors(tmp_path).encode())
    assert {one.fingerprint(hashes.SHA256()) for one in found} == {one.fingerprint(hashes.SHA256()) for one in (ROOT, FOREIGN)}
    with pytest.raises(ConfigError, match="trust_folder"):
        trust_anchors(tmp_path / "nichts")
    (tmp_path / "viel.pem").write_bytes(b"x" * (2 << 20))
    with pytest.raises(ConfigError, match="1 MiB"):
        trust_anchors(tmp_path)


def test_the_box_is_told_whom_we_trust(tmp_path: Path) -> None:
    path = tmp_path / "m.eml"
    path.write_bytes(letter_of(LEAF, MIDDLE))
    box = Box(BoxSettings())
    order = MailOrder(anchors=pem(ROOT), received_at=NOW.isoformat())
    facts = {fact.name: fact.value for fact in box.unpack(path, "m.eml", tmp_path, mail=order).parts[0].facts}
    assert facts["mail_smime"] == "valid"
