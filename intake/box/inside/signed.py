"""S/MIME (RFC 8551): the content of signed data, and whether the signature is over just this content. Runs inside the box.

A signature that fits is `valid` only where its certificate leads to an authority that we were told to trust, held when the
message came and names the sender's address; else it is `indeterminate`. Whether a certificate was revoked is not asked: that
needs a network. One that does not fit is `invalid`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from intake.box.inside.lean import Buffer

State = Literal["valid", "invalid", "indeterminate", "encrypted"]
VALID = "Signatur (S/MIME) ist gültig: Inhalt unverändert, Zertifikat von einer vertrauten Stelle (ob gesperrt, bleibt offen)"
UNTRUSTED = "Signatur (S/MIME) passt zum Inhalt, ihr Zertifikat führt aber zu keiner Stelle, der hier vertraut wird"
STRANGER = "Signatur (S/MIME) passt zum Inhalt, ihr Zertifikat aber nicht zur Adresse des Absenders"
FITS = "Signatur (S/MIME) passt zum Inhalt; ob dem Zertifikat zu trauen ist, wurde nicht geprüft"
ALTERED = "Signatur (S/MIME) passt NICHT zum Inhalt: er wurde nach dem Unterschreiben verändert"
UNKNOWN = "Signatur (S/MIME) ließ sich nicht prüfen"
BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, NotImplementedError)
"""What asn1crypto raises for data that is not as it should be."""
_HASHES = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})


_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.{1,20000}?-----END CERTIFICATE-----", re.DOTALL)
LARGEST = 64 << 20
DEEPEST_CHAIN, MOST_CERTIFICATES = 6, 20
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
"""The object identifier of signed data (1.2.840.113549.1.7.2), RFC 5652."""


def is_signed(data: bytes) -> bool:
    """Whether a smime.p7m is signed and not encrypted, by its first bytes."""
    return _SIGNED_DATA in data[:64] or is_clear(data)


def is_clear(data: bytes) -> bool:
    """Whether it is the text of a multipart/signed, which is how Outlook keeps a clear-signed message."""
    return data[:100].lstrip()[:13].lower() == b"content-type:"


@dataclass(frozen=True, slots=True)
class Opened:
    """A CMS structure: `content` is what was signed, where it lies inside (None: it does not, or it is encrypted)."""

    state: State
    content: bytes | None = None
    signer: str = ""
    said: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a signature is believed: certificates of authorities (PEM, one after the other), when the message came, its sender's
    address in lower case ("" where it names none or several)."""

    anchors: str
    at: datetime
    sender: str


def opened(data: bytes, content: bytes | None = None, trust: Trust | None = None) -> Opened | None:
    """The structure in `data` (DER or BER); `content` is what a detached signature is over. None when it is none.

    Without `trust` no signature is valid.
    """
    from asn1crypto import cms  # type: ignore[import-untyped]  # noqa: PLC0415
    try:
        info = cms.ContentInfo.load(data)
        kind = info["content_type"].native
        if kind in ("enveloped_data", "authenticated_enveloped_data", "encrypted_data"):
            return Opened("encrypted")
        if kind != "signed_data":
            return None
        signed = info["content"]
        inside = signed["encap_content_info"]["content"].native
        over = content if content is not None else inside if isinstance(inside, bytes) else None
        if over is None and not len(signed["signer_infos"]):
            return None  # certificates alone
        return _judged(signed, over, inside if isinstance(inside, bytes) else None, trust)
    except BROKEN:
        return None


def _judged(signed: Any, over: bytes | None, inside: bytes | None, trust: Trust | None) -> Opened:
    """All signatures of signed data: one that does not fit makes the whole invalid, one that is not trusted indeterminate."""
    certificates = [one.chosen for one in (signed["certificates"] or []) if one.name == "certificate"]
    state: State = "indeterminate"
    said, names, worth = FITS, [], set()
    for signer in signed["signer_infos"]:
        certificate = next((one for one in certificates if _is_of(one, signer["sid"])), None)
        fits = _fits(signer, certificate, over) if over is not None and certificate is not None else None
        if certificate is not None:
            names.append(_described(certificate))
        worth.add(_worth(certificate, certificates, trust) if fits and trust else UNKNOWN if fits is None else FITS)
        if fits is None and state != "invalid":
            said = UNKNOWN
        if fits is False:
            state, said = "invalid", ALTERED
    if state == "indeterminate" and said == FITS and len(worth) == 1:
        state, said = ("valid", VALID) if VALID in worth else (state, worth.pop())
    return Opened(state, inside, "; ".join(dict.fromkeys(names)), said if names or state == "invalid" else UNKNOWN)


def _worth(certificate: Any, others: Sequence[Any], trust: Trust) -> str:
    """What a signature that fits proves: VALID, STRANGER or UNTRUSTED."""
    if not _chained(certificate.dump(), [one.dump() for one in others[:MOST_CERTIFICATES]], trust):
        return UNTRUSTED
    return VALID if trust.sender and trust.sender in {address.lower() for address in _addresses(certificate)} else STRANGER


def _chained(certificate: bytes, others: Sequence[bytes], trust: Trust) -> bool:
    """Whether the certificate leads to a trusted authority, all of the chain held at the time and is meant for mail."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.x509 import verification  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID as Usage  # noqa: PLC0415

    def for_mail(_policy: Any, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
        if usage is not None and not {Usage.EMAIL_PROTECTION, Usage.ANY_EXTENDED_KEY_USAGE} & set(usage):
            raise ValueError("not for mail")

    def signs(_policy: Any, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
        if usage is not None and not (usage.digital_signature or usage.content_commitment):
            raise ValueError("not for signing")

    agnostic, policy = verification.Criticality.AGNOSTIC, verification.ExtensionPolicy
    try:
        anchors = [x509.load_pem_x509_certificate(one.encode()) for one in _PEM.findall(trust.anchors)]
        verifier = verification.PolicyBuilder().store(verification.Store(anchors)).time(trust.at).max_chain_depth(
            DEEPEST_CHAIN).extension_policies(
            ca_policy=policy.webpki_defaults_ca().may_be_present(x509.ExtendedKeyUsage, agnostic, for_mail),
            ee_policy=policy.permit_all().may_be_present(x509.ExtendedKeyUsage, agnostic, for_mail).may_be_present(
                x509.KeyUsage, agnostic, signs)).build_client_verifier()
        verifier.verify(x509.load_der_x509_certificate(certificate), [x509.load_der_x509_certificate(one) for one in others])
    except (verification.VerificationError, x509.UnsupportedGeneralNameType, *BROKEN):
        return False
    return True


def _is_of(certificate: Any, sid: Any) -> bool:
    if sid.name == "issuer_and_serial_number":
        number = sid.chosen["serial_number"].native
        return bool(certificate.issuer == sid.chosen["issuer"] and certificate.serial_number == number)
    return bool(certificate.key_identifier == sid.chosen.native)


def _fits(signer: Any, certificate: Any, over: bytes) -> bool | None:
    """Whether the signature is of this key over this content; None where the algorithm is not known here."""
    digest = signer["digest_algorithm"]["algorithm"].native
    if digest not in _HASHES:
        return None
    attributes = signer["signed_attrs"]
    if not attributes:
        return _key_fits(signer, certificate, over, digest)
    stated = next((one["values"][0].native for one in attributes if one["type"].native == "message_digest"), None)
    if stated != hashlib.new(digest, over).digest():
        return False
    return _key_fits(signer, certificate, b"\x31" + attributes.dump()[1:], digest)


def _key_fits(signer: Any, certificate: Any, data: bytes, digest: str) -> bool | None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415
    method = signer["signature_algorithm"].signature_algo
    hashed: Any = getattr(hashes, digest.upper())()
    try:
        key = serialization.load_der_public_key(certificate.public_key.dump())
        if method == "rsassa_pkcs1v15" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signer["signature"].native, data, padding.PKCS1v15(), hashed)
        elif method == "rsassa_pss" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signer["signature"].native, data, padding.PSS(padding.MGF1(hashed), padding.PSS.AUTO), hashed)
        elif method == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer["signature"].native, data, ec.ECDSA(hashed))
        else:
            return None
    except InvalidSignature:
        return False
    except UnsupportedAlgorithm:
        return None
    return True


def _described(certificate: Any) -> str:
    """Whose certificate it says it is, who issued it and until when it holds, as one German line."""
    names, known = certificate.subject.native, ("common_name", "organization_name", "email_address")
    who = next((str(names[name]) for name in known if names.get(name)), "ohne Namen")
    mail = ", ".join(_addresses(certificate))[:200]
    issuer = certificate.issuer.native
    by = next((str(issuer[name]) for name in ("common_name", "organization_name") if issuer.get(name)), "unbekannt")
    until = certificate.not_valid_after
    return f"{who[:100]}{f' <{mail}>' if mail else ''}, ausgestellt von {by[:100]}, gültig bis {until:%d.%m.%Y}"


def _addresses(certificate: Any) -> list[str]:
    names = certificate.subject_alt_name_value
    return [str(one.native) for one in names if one.name == "rfc822_name"] if names is not None else []


def signed_bytes(raw: Buffer, boundary: str) -> bytes | None:
    """The first part of a multipart/signed as it came, with CRLF line ends: what was signed (RFC 1847); None where there is none
    or more than 64 MiB."""
    fence = b"--" + boundary.encode("utf-8", "surrogateescape")
    start = raw.find(b"\n" + fence)
    begin = raw.find(b"\n", start + 1) + 1 if start >= 0 else 0
    end = raw.find(b"\n" + fence, begin - 1) if begin else -1
    if end < begin or end - begin > LARGEST:
        return None
    return raw[begin:end].removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
