"""The five extension points of the house, each of one to three methods; the settings choose the adapter by its name.

No base classes and no registry: whatever has these methods fits (README, "How to add").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Protocol

from intake.vocabulary import Filing, Item, Material, Page, Proposal, Receipt, Sha256, Stack, Word


class Source(Protocol):
    """A door. `done` is only called after the original is durable and committed."""

    def poll(self) -> Iterator[Item]: ...

    def done(self, item: Item) -> None: ...


class OcrEngine(Protocol):
    """One upright page image in, words with boxes and confidence out."""

    name: str

    def words(self, image: Any, languages: str) -> tuple[Word, ...]: ...


class Extractor(Protocol):
    """Pure: several may answer, `propose` ranks, nobody overwrites."""

    def __call__(self, material: Material) -> Iterable[Proposal]: ...


class Boundary(Protocol):
    """Pure: where documents begin in a stack of pages in scan order."""

    def __call__(self, pages: Sequence[Page]) -> Stack: ...


class Store(Protocol):
    """Files once per `filing.key`; a repeat mends what is missing and returns the first receipt.

    `read` opens a blob for reading. `withdraw` takes back what was undone; nothing to take back is no error.
    """

    name: str

    def file(self, filing: Filing, read: Callable[[Sha256], BinaryIO]) -> Receipt: ...

    def withdraw(self, filing: Filing) -> None: ...


class Target(Store, Protocol):
    """A store of another system, which is told later and may refuse (`Refused`) or not have answered yet (`Awaiting`).

    What changed of a filing since is told by the same `file`. `retry` after a refusal that a person settled.
    """

    def retry(self, filing: Filing) -> None: ...
