"""Which files of a folder are one delivery: a document with the data that another system lays beside it, a folder as a package.

Names decide, nothing is opened: `brief.pdf` belongs to `brief.xml` or `brief.pdf.xml` (also .json, .csv), and with a marker
to `brief.done` or `brief.pdf.done`. An index is one CSV file for all documents of the folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from intake.vocabulary import Member

DATA_ENDINGS = (".xml", ".json", ".csv")
MOST_MEMBERS, DEEPEST = 2_000, 4


@dataclass(frozen=True, slots=True)
class Beside:
    """What is laid beside each document: `index` the name of a CSV for all of them ("" = none), `marker` an ending or "".

    `alone`: a document without any data is complete too.
    """

    index: str = "index.csv"
    marker: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Names of one delivery. `main` is described by `data` or an `index`; `complete`: nothing is awaited."""

    main: str
    data: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    index: str = ""
    complete: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.main, *self.data, *self.markers, *((self.index,) if self.index else ()))


def is_document(name: str, beside: Beside) -> bool:
    """Whether a file is neither data nor a marker."""
    lowered = name.lower()
    return not lowered.endswith(DATA_ENDINGS) and not (beside.marker and lowered.endswith(beside.marker))


def grouped(names: Collection[str], beside: Beside) -> tuple[Group, ...]:
    """Every name in exactly one group, but an index in the group of each document without data of its own.

    Data without its document, and an index without any, are groups of their own that are not complete.
    """
    by_name = {name.lower(): name for name in sorted(names)}
    index = by_name.get(beside.index.lower(), "") if beside.index else ""
    groups, used = [], {index} if index else set()
    for name in sorted(one for one in names if is_document(one, beside)):
        stems = (name.lower(), name.lower().rsplit(".", 1)[0])
        data = tuple(dict.fromkeys(by_name[one] for stem in stems for end in DATA_ENDINGS
                                   if (one := f"{stem}{end}") in by_name and by_name[one] not in used))
        markers = tuple(by_name[one] for stem in dict.fromkeys(stems) if beside.marker
                        and (one := stem + beside.marker) in by_name and by_name[one] not in used)
        used |= {name, *data, *markers}
        shared = index if not data else ""
        complete = (beside.alone or bool(data or shared)) and bool(markers or not beside.marker)
        groups.append(Group(name, data, markers, shared, complete))
    lone = [Group(one) for one in sorted(set(names) - used)]
    with_index = any(one.index for one in groups) or not index
    return (*groups, *lone, *(() if with_index else (Group(index),)))


def package_of(folder: Path) -> tuple[Member, ...]:
    """The files below `folder`, sorted by their paths, which are their names. Raises OSError for links, devices, too many."""
    return tuple(sorted(_below(folder, "", 0), key=lambda one: one.name))


def _below(folder: Path, before: str, depth: int) -> Iterator[Member]:
    if depth > DEEPEST:
        raise OSError(f"mehr als {DEEPEST} Ordner ineinander")
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            status = entry.stat(follow_symlinks=False)
            if number >= MOST_MEMBERS:
                raise OSError(f"mehr als {MOST_MEMBERS} Dateien")
            if stat.S_ISDIR(status.st_mode):
                yield from _below(Path(entry.path), f"{before}{entry.name}/", depth + 1)
            elif stat.S_ISREG(status.st_mode):
                yield Member(before + entry.name, Path(entry.path), status.st_size, status.st_mtime_ns)
            else:
                raise OSError("keine gewöhnliche Datei")


def package_key(name: str, members: Collection[Member]) -> str:
    """The identity of a package: the folder's name, its bytes, and a fingerprint of all names, sizes and times in it."""
    digest = hashlib.sha256()
    for one in members:
        digest.update(f"{one.name}\0{one.size}\0{one.mtime_ns}\0".encode("utf-8", "surrogateescape"))
    return f"{name}|{sum(one.size for one in members)}|{digest.hexdigest()[:32]}"
