"""What the pages of old files look like, for finding doubles and faults of scanning without their bytes. Rows only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from intake.db.core import Tx, upsert
from intake.schema import batch_items, page_signs


@dataclass(frozen=True, slots=True)
class Sign:
    """What one page looks like: `picture` 256 bits in hexadecimal, `letters` read, `text` alike for the same words."""

    delivery: str
    part: int
    number: int
    picture: str
    letters: int
    text: str
    quality: float
    skew: float
    script: str
    width_mm: float
    height_mm: float
    blank: bool
    warnings: tuple[str, ...] = ()


def put_signs(tx: Tx, tenant: str, signs: Iterable[Sign]) -> None:
    """Note what pages look like; a page read again replaces what was noted."""
    rows = [{"tenant": tenant, **{name: getattr(one, name) for name in Sign.__slots__}} for one in signs]
    upsert(tx, page_signs, ("delivery", "part", "number"), rows)
    signs_changed(tx, {row["delivery"] for row in rows})


def signs_changed(tx: Tx, changed: Collection[str]) -> None:
    """The pages of these deliveries are others than when their Akten were last compared."""
    tx.connection.execute(update(batch_items).where(batch_items.c.delivery.in_(tuple(changed))).values(
        signed=batch_items.c.signed + 1))


def sign_from(row: Mapping[Any, Any]) -> Sign:
    """A row of `page_signs` as a sign."""
    values: dict[str, Any] = {name: row[name] for name in Sign.__slots__}
    return Sign(**values | {"warnings": tuple(row["warnings"])})
