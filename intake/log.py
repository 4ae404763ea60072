"""What the service writes about itself: ids, sizes and reason codes; never names, subjects or text (safety.md A20).

Modules log with the standard library (`logging.getLogger(__name__)`, facts in `extra`); structlog gives every line its
form. An exception is written as its type and the places in the code, without its message: messages quote what people
wrote. Control characters are escaped, so that nothing from outside can forge a line or move the cursor.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
import unicodedata
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog

from intake.config import LogSettings
from intake.errors import ConfigError

LONGEST = 500
"""Longer values are cut, with the number of characters left out."""
FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 5
QUIET = {"dbos": logging.CRITICAL, "alembic": logging.WARNING, "sqlalchemy": logging.WARNING, "watchdog": logging.WARNING,
         "PIL": logging.WARNING, "asyncio": logging.WARNING}
Event = MutableMapping[str, Any]


def setup(
    settings: LogSettings, folder: Path | None = None, stream: TextIO | None = None, screen_level: str = "",
) -> None:
    """Send the log to `stream` (default: standard error), with `folder` also to `folder`/poststelle.log (JSON lines).

    `screen_level` keeps the screen quieter than the file (beside a progress bar).
    May be called again; the last call counts. Raises ConfigError when the folder cannot be written.
    """
    screen = logging.StreamHandler(stream or sys.stderr)
    screen.setFormatter(_formatter(settings.format, colours=(stream or sys.stderr).isatty()))
    screen.setLevel((screen_level or settings.level).upper())
    handlers: list[logging.Handler] = [screen]
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = logging.handlers.RotatingFileHandler(
                folder / "poststelle.log", maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"In den Ordner {folder} darf nicht geschrieben werden ({error.strerror}). "
                              f"Geben Sie dem Dienst Schreibrechte: chown -R $(id -un) {folder}") from error
        file.setFormatter(_formatter("json"))
        handlers.append(file)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))


def no_console_of_its_own(name: str) -> None:
    """Let what the library `name` logs come to our handlers alone.

    A handler of its own would hold the standard error of its first start for good: it writes past our form and our escaping,
    and fails once that stream is closed.
    """
    logger = logging.getLogger(name)
    for own in logger.handlers[:]:
        logger.removeHandler(own)
    logger.addHandler(logging.NullHandler())  # libraries that find no handler add a console
    logger.propagate = True


def _formatter(form: str, *, colours: bool = False) -> logging.Formatter:
    last: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "console":
        last = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            _exception_without_words, structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="%d.%m.%Y %H:%M:%S" if form == "console" else "iso", utc=form != "console")],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _escaped, last])


def _exception_without_words(_logger: Any, _name: str, event: Event) -> Event:
    """Replace the exception of the line by its types and places."""
    information = event.pop("exc_info", None)
    if information and information[1] is not None:
        event["error"] = " <- ".join(places(information[1]))
    return event


def places(error: BaseException) -> list[str]:
    """`error` and what caused it, each as "Type at file:line in function, ..." with the innermost place first, no message."""
    found: list[str] = []
    current: BaseException | None = error
    while current is not None and len(found) < 5:
        found.append(f"{type(current).__name__} at {_where(current.__traceback__)}")
        current = current.__cause__ or current.__context__
    return found


def _where(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-6:]
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}" for frame in reversed(frames)) or "?"


def _escaped(_logger: Any, _name: str, event: Event) -> Event:
    return {key: escape(value) if isinstance(value, str) else value for key, value in event.items()}


def escape(text: str) -> str:
    """`text` on one line: control, format and line-separating characters as \\xNN or \\uNNNN, cut after LONGEST characters."""
    kept = text[:LONGEST]
    shown = "".join(
        character.encode("unicode_escape").decode("ascii") if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character for character in kept)
    return shown if len(text) <= LONGEST else f"{shown}… (+{len(text) - LONGEST})"
