"""The published schemas of xdomea as validators, for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

SCHEMAS = {"03": "AktenplanAustauschen", "04": "AbgabeDurchfuehren", "05": "AussonderungDurchfuehren",
           "06": "FachverfahrensdatenAustauschen"}


@cache
def schema(standards: Path, group: str, version: str = "3.1.0") -> etree.XMLSchema:
    """The schema of the messages of a group ("03" Aktenplan, "04" Abgabe, "06" FVDaten)."""
    class Nearby(etree.Resolver):
        def resolve(self, url: str, _public: str, context: object) -> object:
            own = standards / "xoev" / url.rsplit("/", 1)[-1]
            return self.resolve_filename(str(own), context) if url.startswith("http") and own.exists() else None

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Nearby())
    return etree.XMLSchema(etree.parse(standards / f"xdomea-{version}" / f"xdomea-Nachrichten-{SCHEMAS[group]}.xsd", parser))


def faults(standards: Path, message: bytes) -> list[str]:
    """What the schema of its group has against a message; [] when it is valid."""
    tree = etree.fromstring(message)
    number = etree.QName(tree).localname.rsplit(".", 1)[-1]
    found = schema(standards, number[:2])
    found.validate(tree)
    return [f"{entry.line}: {entry.message}" for entry in found.error_log]
