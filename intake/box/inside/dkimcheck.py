"""The job `dkimcheck`: whether the DKIM signatures of a message (RFC 6376) fit it, for key texts that are handed in.

The box has no network: `record` says which keys a message names, the service asks for their texts, the verdict is found here.
A signature is `invalid` only where its key is known and does not fit; whatever could not be checked is `indeterminate`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intake.box.inside.record import MOST_SIGNATURES, key_name, tags

LARGEST = 32 << 20
"""Bytes of a message that is still checked: the library takes ten times as much memory."""
SLACK = 36_000
"""Seconds that a signature is taken for good after its end (x=): clocks differ."""
_STUMBLES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, AssertionError)
"""What the library raises for what is no signature, beside its own errors."""
Verdict = tuple[str, str]
"""State and why; the reason is one of signature, dns, no-key, key, algorithm, length, expired, testing, form, too-large."""


def run(order: dict[str, Any], inputs: list[Path], out: Path) -> dict[str, Any]:
    """{verdicts: [{name, state, why}]} for the keys in order["keys"] (name -> text, "" = there is none, None = not reached)."""
    keys: Mapping[str, str | None] = order["keys"]
    if inputs[0].stat().st_size > LARGEST:
        return {"verdicts": [{"name": name, "state": "indeterminate", "why": "too-large"} for name in keys]}
    found = verdicts(inputs[0].read_bytes(), keys)
    return {"verdicts": [{"name": name, "state": state, "why": why} for name, (state, why) in found.items()]}


def verdicts(data: bytes, keys: Mapping[str, str | None]) -> dict[str, Verdict]:
    """The verdict on each key of `keys` that signed the message; of several signatures by one key the best counts."""
    import dkim  # type: ignore[import-untyped]  # noqa: PLC0415
    quiet = logging.getLogger("dkim")
    quiet.disabled = True
    try:
        message = dkim.DKIM(data, logger=quiet)
    except (dkim.DKIMException, *_STUMBLES):
        return dict.fromkeys(keys, ("indeterminate", "form"))
    found: dict[str, Verdict] = {}
    signatures = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    for index, signature in enumerate(signatures[:MOST_SIGNATURES]):
        text = signature.decode("ascii", "replace")
        name = key_name(text)
        if name in keys and found.get(name, ("", ""))[0] != "valid":
            found[name] = _verdict(message, index, text, keys[name])
    return {name: found.get(name, ("indeterminate", "form")) for name in keys}


def _verdict(message: Any, index: int, signature: str, key: str | None) -> Verdict:
    said, published = tags(signature), tags(key or "")
    why = "dns" if key is None else _hindrance(said, published)
    if why:
        return "indeterminate", why
    fits, why = _fits(message, index, str(key).encode("ascii", "replace"))
    if why or (fits and "l" in said):
        return "indeterminate", why or "length"
    if not fits and "y" in published.get("t", "").split(":"):
        return "indeterminate", "testing"
    return "valid" if fits else "invalid", "signature"


def _hindrance(said: Mapping[str, str], published: Mapping[str, str]) -> str:
    """Why there is nothing to calculate; "" when there is."""
    if not published.get("p"):
        return "no-key"  # never there, or withdrawn by its owner
    if said.get("a") not in ("rsa-sha256", "ed25519-sha256"):  # SHA-1 must not be believed (RFC 8301)
        return "algorithm"
    end = said.get("x", "")
    return "expired" if end.isdecimal() and int(end[:12]) < time.time() - SLACK else ""


def _fits(message: Any, index: int, key: bytes) -> tuple[bool, str]:
    """Whether head and body are those that were signed; and why that cannot be said, or ""."""
    import dkim  # noqa: PLC0415
    try:
        dkim.evaluate_pk(b"", key)  # `verify` would say False for a key that is none
        return bool(message.verify(idx=index, dnsfunc=lambda *_, **__: key)), ""
    except dkim.ValidationError as error:
        return False, "" if "body hash mismatch" in str(error) else "form"
    except dkim.NaClNotFoundError:
        return False, "algorithm"
    except dkim.KeyFormatError:
        return False, "key"
    except (dkim.DKIMException, *_STUMBLES):
        return False, "form"
