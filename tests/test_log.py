"""The log: one line an event, no way to forge one, no words of people."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos._logger import init_logger
from hypothesis import given
from hypothesis import strategies as st

from intake import log
from intake.config import LogSettings
from intake.errors import ConfigError


@pytest.fixture(autouse=True)
def _keep_root() -> Iterator[None]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in log.QUIET}
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = kept
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def lines(form: str, write: object, level: str = "info") -> list[str]:
    stream = io.StringIO()
    log.setup(LogSettings.model_validate({"level": level, "format": form}), stream=stream)
    assert callable(write)
    write(logging.getLogger("intake.test"))
    return stream.getvalue().splitlines()


def test_json_carries_the_facts() -> None:
    (line,) = lines("json", lambda logger: logger.info("step done", extra={"step": "read", "pages": 8}))
    event = json.loads(line)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "step done", "level": "info", "step": "read", "pages": 8}


def test_console_is_one_plain_line() -> None:
    (line,) = lines("console", lambda logger: logger.warning("door is shut", extra={"profile": "scanner"}))
    assert "door is shut" in line
    assert "profile=scanner" in line
    assert "\x1b" not in line


def test_the_level_decides() -> None:
    assert lines("json", lambda logger: (logger.info("a"), logger.error("b")), "error")[0].count('"b"') == 1


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_told_without_its_words(form: str) -> None:
    def write(logger: logging.Logger) -> None:
        try:
            try:
                raise ValueError("Steuer-ID 12 345 678 901 von Erika Mustermann")
            except ValueError as error:
                raise KeyError("Geheimakte") from error
        except KeyError:
            logger.exception("bug in step")

    text = "\n".join(lines(form, write))
    assert "Mustermann" not in text
    assert "Geheimakte" not in text
    assert "KeyError at test_log.py:" in text
    assert "ValueError" in text
    assert "in write" in text


@pytest.mark.parametrize("form", ["json", "console"])
@given(text=st.text(max_size=80))
def test_no_text_forges_a_line_or_moves_the_cursor(form: str, text: str) -> None:
    written = lines(form, lambda logger: logger.info("event", extra={"why": text}))
    assert len(written) == 1
    assert written[0].isprintable() or "\u00a0" in written[0] or not log.escape(text).isprintable()
    assert not {"\x1b", "\x07", "\x08", "\u202e", "\u2028"} & set(written[0])


@given(st.text(max_size=1200))
def test_escape_gives_one_line_and_keeps_plain_text(text: str) -> None:
    shown = log.escape(text)
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 10 * log.LONGEST + 20
    if text.isascii() and text.isprintable() and len(text) <= log.LONGEST:
        assert shown == text


def test_long_values_say_how_much_is_left_out() -> None:
    assert log.escape("x" * 600) == "x" * 500 + "… (+100)"


def test_the_file_gets_json_whatever_the_screen_gets(tmp_path: Path) -> None:
    stream = io.StringIO()
    log.setup(LogSettings(), tmp_path / "log", stream)
    logging.getLogger("intake.test").info("step done", extra={"row": "01ABC"})
    (line,) = (tmp_path / "log" / "poststelle.log").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["row"] == "01ABC"
    assert "step done" in stream.getvalue()


def test_the_screen_may_be_quieter_than_the_file(tmp_path: Path) -> None:
    stream = io.StringIO()
    log.setup(LogSettings(), tmp_path, stream, screen_level="warning")
    logging.getLogger("intake.test").info("step done")
    logging.getLogger("intake.test").warning("door is shut")
    assert "step done" not in stream.getvalue()
    assert "door is shut" in stream.getvalue()
    assert len((tmp_path / "poststelle.log").read_text(encoding="utf-8").splitlines()) == 2


def test_calling_it_again_does_not_double_the_lines() -> None:
    first, second = io.StringIO(), io.StringIO()
    log.setup(LogSettings(), stream=first)
    log.setup(LogSettings(), stream=second)
    logging.getLogger("intake.test").info("once")
    assert first.getvalue() == ""
    assert second.getvalue().count("once") == 1


def test_a_folder_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(ConfigError, match="Schreibrechte"):
        log.setup(LogSettings(), tmp_path / "log" / "inside")


def test_the_engine_and_the_libraries_are_quiet() -> None:
    def write(_logger: logging.Logger) -> None:
        logging.getLogger("dbos").error("noise")
        logging.getLogger("sqlalchemy.engine").info("SELECT name FROM people")

    assert lines("json", write, "debug") == []


def test_a_library_that_kept_a_closed_console_does_not_fail() -> None:
    stream, kept = io.StringIO(), logging.StreamHandler(io.StringIO())
    logger = logging.getLogger("library.with.a.console")
    logger.propagate = False
    logger.addHandler(kept)
    kept.stream.close()
    log.no_console_of_its_own(logger.name)
    log.setup(LogSettings(format="json"), stream=stream)
    logger.error("Warteschlange fehlt")
    for handler in logger.handlers:
        handler.flush()
    assert json.loads(stream.getvalue())["event"] == "Warteschlange fehlt"


def test_the_engine_starts_though_the_console_of_its_first_start_is_closed() -> None:
    kept = logging.StreamHandler(io.StringIO())
    logging.getLogger("dbos").addHandler(kept)
    kept.stream.close()
    log.no_console_of_its_own("dbos")
    init_logger()  # what the engine calls at its start: it adds a console where it finds no handler
    assert [type(handler) for handler in logging.getLogger("dbos").handlers] == [logging.NullHandler]
