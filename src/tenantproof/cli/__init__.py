"""The command line: `tenantproof COMMAND`; every command is a module of its own, loaded when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from tenantproof.model.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    "run",
    "merge",
    "verify",
    "report",
    "claims",
    "show",
    "replay",
    "history",
    "diff",
    "rotate",
    "archive",
    "sensitivity",
    "doctor",
    "init",
    "keys",
    "trail",
)


class _Commands(click.Group):
    """Imports a command's module only when it is needed, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tenantproof.cli.{cmd_name}")
        command: click.Command = module.command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tenantproof")
def group() -> None:
    r"""Prove that a multi-tenant service keeps its tenants apart, and keep signed evidence of it.

    \b
    tenantproof run                       attack the embedded reference deployment
    tenantproof init > staging.toml       write a profile of your own deployment to fill in
    tenantproof doctor --target FILE      see what the profile makes possible, without attacking
    tenantproof run --target FILE         attack it
    tenantproof verify                    check the newest bundle of evidence

    Exit codes: 0 every gating claim satisfied, 1 one not satisfied, 2 wrong usage or profile,
    3 one could not be assessed or the target is not the one described, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit. Our own errors are one message, never a traceback."""
    try:
        code = group.main(args=arguments, prog_name="tenantproof", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.exceptions.Abort:
        code = 130
    except UsageError as error:
        click.echo(f"tenantproof: {error}", err=True)
        code = 2
    except TargetError as error:
        click.echo(f"tenantproof: {error}", err=True)
        code = 3
    sys.exit(code if isinstance(code, int) else 0)
