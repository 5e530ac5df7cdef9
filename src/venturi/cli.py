"""The command line: `venturi up` boots the reference deployment and prints a target profile."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tenantproof")
def main() -> None:
    """The reference deployment: a multi-tenant attribution service with every isolation control really built."""


@main.command()
@click.option("--tenants", type=click.IntRange(3, 100), default=3, show_default=True, help="How many tenants to build.")
@click.option(
    "--overlay", default="", metavar="FILE:NAME", help="A function Parts -> Parts: swaps parts of the deployment."
)
@click.option("--profile", type=click.Path(path_type=Path), help="Write the target profile here too (0600).")
@click.option("--lifeline", is_flag=True, help="End when standard input does; for programs that start this one.")
def up(tenants: int, overlay: str, profile: Path | None, lifeline: bool) -> None:
    r"""Boot everything on free ports of 127.0.0.1 and print a target profile (TOML) on standard output.

    Starts PostgreSQL with a database and two login roles per tenant, an AWS emulator behind a front that enforces
    keys, policies and grants, an OpenID issuer per tenant, and the API. Ctrl-C stops all of it and leaves
    nothing behind; so does killing this process.

    \b
    venturi up --profile /tmp/venturi.toml
    tenantproof run --target /tmp/venturi.toml
    """
    _interruptible()
    if lifeline:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        _serve(tenants, overlay, profile)
    except KeyboardInterrupt:
        return
    except _failures() as error:
        raise click.ClickException(str(error)) from None


def _serve(tenants: int, overlay: str, profile: Path | None) -> None:
    # What follows imports half the deployment; --help should not wait for it.
    import tomli_w

    from venturi.provision.boot import boot
    from venturi.runtime.supervisor import Supervisor

    started = time.monotonic()
    _say(f"booting {tenants} tenants")
    with Supervisor() as supervisor:
        text = tomli_w.dumps(boot(supervisor, tenants=tenants, overlay=overlay))
        if profile:
            _write(profile, text)
        sys.stdout.write(text + "# ready; Ctrl-C stops everything\n")
        sys.stdout.flush()
        _say(f"ready after {time.monotonic() - started:.1f} s; Ctrl-C stops everything")
        supervisor.wait()


def _failures() -> tuple[type[Exception], ...]:
    """What can go wrong with a sentence to say about it."""
    from venturi.parts import OverlayError
    from venturi.postgres.binaries import NoPostgres
    from venturi.postgres.server import PostgresDied
    from venturi.runtime.child import ChildDied

    return (OverlayError, NoPostgres, PostgresDied, ChildDied, OSError)


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)


def _interruptible() -> None:
    """Every way of being asked to stop is the same one."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        # A second request must not interrupt the tidying up of the first.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)


def _end_with_stdin() -> None:
    while sys.stdin.readline():
        continue
    os.kill(os.getpid(), signal.SIGTERM)


def _say(line: str) -> None:
    click.echo(f"venturi: {line}", err=True)
