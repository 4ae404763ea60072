"""Shipped files are found by one function, in a checkout and below `intake/_data` alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake import resources, wheel
from intake.errors import ConfigError
from intake.resources import resource


def test_a_shipped_file_is_found_in_a_checkout() -> None:
    assert resource("config", "poststelle.toml").is_file()
    assert resource("config").is_dir()


def test_installed_files_lie_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "intake" / "_data" / "models" / "plan"
    shipped.mkdir(parents=True)
    monkeypatch.setattr(resources, "_HERE", tmp_path / "intake")
    assert resource("models", "plan") == shipped


def test_what_is_missing_is_an_incomplete_installation() -> None:
    with pytest.raises(ConfigError, match="config/gibt-es-nicht"):
        resource("config", "gibt-es-nicht")


@pytest.mark.parametrize("parts", [(), ("intake", "cli.py"), ("config", "..", "..", ".."), ("..",), ("/etc", "passwd")])
def test_only_shipped_files_are_given(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"first part|leads out"):
        resource(*parts)


def test_the_wheel_carries_files_but_no_caches(tmp_path: Path) -> None:
    for name in ("config/a.toml", "config/registers/b.csv", "samples/c.pdf", "samples/__pycache__/d.pyc", "config/.hidden",
                 "samples/make.py",
                 "other/e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in wheel.shipped(tmp_path)]
    assert found == ["config/a.toml", "config/registers/b.csv", "samples/c.pdf"]
    assert wheel.KINDS == resources.KINDS
