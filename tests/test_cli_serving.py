"""serve refuses to speak unencrypted beyond this machine; token makes, lists and revokes."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.cli import run
from intake.cli.serving import check_exposure
from intake.config import WebSettings
from intake.errors import ConfigError


@pytest.mark.parametrize("settings", [
    {}, {"host": "localhost"}, {"host": "::1"}, {"host": "127.0.0.9"}, {"host": "0.0.0.0", "behind_proxy": True},
    {"host": "0.0.0.0", "certificate": "c.pem", "key": "k.pem"}])
def test_safe_places(settings: dict[str, object]) -> None:
    check_exposure(WebSettings.model_validate(settings))


@pytest.mark.parametrize("settings, says", [
    ({"host": "0.0.0.0"}, "unverschlüsselt"), ({"host": "::"}, "unverschlüsselt"), ({"host": "post.example.de"}, "reverse_proxy"),
    ({"certificate": "c.pem"}, "beide"), ({"key": "k.pem"}, "beide")])
def test_unsafe_places(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_exposure(WebSettings.model_validate(settings))


def test_a_token_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path / "home")]
    assert run(["init", home[1]]) == 0
    capsys.readouterr()
    assert run(["token", "new", "Scanner Bauamt", *home]) == 0
    said = capsys.readouterr().out
    secret = next(line for line in said.splitlines() if line.startswith("pst_"))
    number = said.split("(")[1].split(")")[0]
    assert run(["token", "ls", *home]) == 0
    listed = capsys.readouterr().out
    assert "Scanner Bauamt" in listed and "offen" in listed and secret not in listed
    assert run(["token", "revoke", number, *home]) == 0
    assert run(["token", "revoke", number, *home]) == 2
    capsys.readouterr()
    assert run(["token", "ls", *home]) == 0
    assert "gesperrt" in capsys.readouterr().out
    assert run(["token", "new", "x", "--profile", "keller", *home]) == 2
