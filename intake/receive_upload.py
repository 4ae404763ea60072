"""What is handed in by name: an upload over HTTP, a file on the command line. The sender's key makes repeats harmless.

The bytes are durable in the blobs before this is called; the answer (201, exit 0) is given after the commit.
"""

from __future__ import annotations

from intake.config import Inbox
from intake.db.core import Database, new_id
from intake.db.deliveries import add_delivery, delivery_by_key, first_with_original, next_counter
from intake.db.receiving import acknowledge, in_turn
from intake.errors import Refused
from intake.journal import record
from intake.receive import ACTOR
from intake.vocabulary import Blob, Delivery, DeliveryState

LONGEST_KEY = 200


class KeyUsed(Refused):
    """The key was used for other bytes before (HTTP 409)."""


def take(db: Database, tenant: str, inbox: Inbox, original: Blob, *, channel: str, key: str,
         by: str = ACTOR) -> tuple[Delivery, bool]:
    """The delivery of these bytes under this key, and whether it is new.

    The same key with the same bytes gives the same delivery again; with others KeyUsed. Bytes that this tenant has through
    the same kind of door under another key become a TWIN (a Dublette that waits for nobody).
    """
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise Refused(f"Der Schlüssel der Einlieferung muss 1 bis {LONGEST_KEY} druckbare Zeichen lang sein.")
    full = f"{inbox.name}/{key}"
    with db.transaction() as tx:
        in_turn(tx, tenant)
        known = delivery_by_key(tx.connection, tenant, channel, full)
        if known is not None:
            if known.original.sha256 != original.sha256:
                raise KeyUsed("Unter diesem Schlüssel wurde schon eine andere Datei eingeliefert. Verwenden Sie für jede "
                              "Einlieferung einen eigenen.")
            return known, False
        first = first_with_original(tx.connection, tenant, channel, original.sha256)
        today = tx.now.astimezone().date().isoformat()
        delivery = Delivery(
            id=new_id(), tenant=tenant, key=full, channel=channel, source=inbox.name, received_at=tx.now, original=original,
            state=DeliveryState.RECEIVED if first is None else DeliveryState.TWIN, twin_of=first.id if first else None,
            access_class=inbox.access_class, lane=inbox.lane, batch=f"{inbox.name} {today}",
            position=next_counter(tx, tenant, f"{channel}/{inbox.name}/{today}"))
        add_delivery(tx, delivery)
        acknowledge(tx, [delivery.id])  # the answer follows the commit; whoever misses it asks again with the same key
        record(tx, tenant, by, "delivery.received" if first is None else "delivery.twin", subjects={"delivery": delivery.id},
               new={"original": original.sha256, "batch": delivery.batch})
    return delivery, True
