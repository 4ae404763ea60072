"""The command line. One sentence for a person and the exit code that says who must act; no traceback but for our own bugs.

Exit codes (house.md): 0 ok, 2 a person must act on the input, 3 try again later, 4 the configuration, 1 a bug of ours.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import typer

from intake.cli.acknowledging import app as acknowledge_app
from intake.cli.aktenplan import app as aktenplan_app
from intake.cli.batch_redo import app as batch_app
from intake.cli.common import HomeOption, TenantOption, complain, remember, say
from intake.cli.desk import app as review_app
from intake.cli.desk import clarify_app
from intake.cli.efile import app as efile_app
from intake.cli.exporting import export_command, import_command, transfer_note_command
from intake.cli.extracting import extract_command
from intake.cli.handing import receive_command, unpack_command
from intake.cli.installation import check_command, demo, init
from intake.cli.journal import app as journal_app
from intake.cli.local import local, service_app
from intake.cli.models import app as models_app
from intake.cli.people import app as people_app
from intake.cli.reading import read_command
from intake.cli.registers import app as registers_app
from intake.cli.running import status, work
from intake.cli.separators import app as separators_app
from intake.cli.serving import serve, token_app
from intake.cli.splitting import split_command
from intake.cli.telling import app as handover_app
from intake.cli.whole import backup_command, restore_command, verify_command
from intake.errors import PoststelleError

app = typer.Typer(
    name="poststelle", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Digitale Poststelle: liest jede Sendung, schlägt die Akte vor und legt ab, was entschieden ist.")
app.command("init")(init)
app.command("check")(check_command)
app.command("demo")(demo)
app.command("read")(read_command)
app.command("extract")(extract_command)
app.command("receive")(receive_command)
app.command("unpack")(unpack_command)
app.command("split")(split_command)
app.command("work")(work)
app.command("serve")(serve)
app.command("local")(local)
app.command("status")(status)
app.command("verify")(verify_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)
app.add_typer(aktenplan_app, name="aktenplan")
app.add_typer(registers_app, name="registers")
app.add_typer(models_app, name="model")
app.add_typer(separators_app, name="separators")
app.add_typer(batch_app, name="batch")
app.add_typer(review_app, name="review")
app.add_typer(clarify_app, name="clarify")
app.add_typer(token_app, name="token")
app.add_typer(acknowledge_app, name="acknowledge")
app.add_typer(people_app, name="user")
app.add_typer(service_app, name="service")
app.add_typer(journal_app, name="journal")
efile_app.command("export")(export_command)
efile_app.command("import")(import_command)
efile_app.command("transfer-note")(transfer_note_command)
app.add_typer(efile_app, name="efile")
app.add_typer(handover_app, name="handover")


def _version(wanted: bool) -> None:
    if wanted:
        try:
            say(f"poststelle {version('poststelle')}")
        except PackageNotFoundError:
            say("poststelle (nicht installiert)")
        raise typer.Exit


@app.callback()
def _options(
    home: HomeOption = None, tenant: TenantOption = None,
    _wanted: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Fassung ausgeben."),
) -> None:
    """Options that may also stand before the command."""
    remember(home, tenant)


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Anything but an error of ours or a wrong command line is a bug and raised."""
    remember(None, None)
    try:
        app(arguments, prog_name="poststelle")
    except PoststelleError as error:
        complain(str(error))
        return error.exit_code
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))
