"""The command line: `venturi up` boots the reference deployment and prints a target profile."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import click

from venturi import visiting
from venturi.runtime.asked import Asked

if TYPE_CHECKING:
    from venturi.provision.clusters import Topology
    from venturi.runtime.supervisor import Supervisor

Boot: TypeAlias = Callable[["Supervisor"], dict[str, Any]]


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
@click.option("--streams/--no-streams", default=True, help="With Apache Kafka, or without event streams.")
@click.option(
    "--topology",
    type=click.Choice(["pool", "silo"]),
    default="pool",
    show_default=True,
    help="All databases in one PostgreSQL cluster, or each tenant's in a cluster of its own.",
)
@click.option("--traces", default="", metavar="URL", help="Send OpenTelemetry spans there (OTLP over HTTP); else none.")
@click.option("--restart", is_flag=True, help="Start a process again that ends by itself, as production would.")
@click.option("--lifeline", is_flag=True, help="End when standard input does; for programs that start this one.")
def up(
    tenants: int,
    overlay: str,
    profile: Path | None,
    streams: bool,
    topology: Topology,
    traces: str,
    restart: bool,
    lifeline: bool,
) -> None:
    r"""Boot everything on free ports of 127.0.0.1 and print a target profile (TOML) on standard output.

    Starts PostgreSQL with a database and two login roles per tenant, an AWS emulator behind a front that enforces
    keys, policies and grants, an OpenID issuer per tenant, Apache Kafka with a topic and two users per tenant, Stage A
    of the pipeline, and the API. Apache Kafka is taken from KAFKA_HOME or fetched once with Maven; without either the
    deployment has no event streams, and says so. Ctrl-C stops all of it and leaves
    nothing behind; so does killing this process.

    \b
    venturi up --profile /tmp/venturi.toml
    tenantproof run --target /tmp/venturi.toml

    Ends with 0 when it is asked to, and with 1 when a process dies, which is then named with the end of its log. With
    --restart it starts that process again, on the same address.
    """
    asked = Asked()
    asked.by_signals()
    if profile and not profile.absolute().parent.is_dir():
        raise click.UsageError(f"there is no directory {profile.absolute().parent} to write the profile to")
    _say(f"booting {tenants} tenants")

    def boot(supervisor: Supervisor) -> dict[str, Any]:
        # It imports half the deployment, which --help should not wait for.
        from venturi.provision.boot import boot

        return boot(
            supervisor,
            tenants=tenants,
            overlay=overlay,
            note=_say,
            with_streams=streams,
            topology=topology,
            traces=traces,
        )

    serve(boot, profile, asked, restart=restart, lifeline=lifeline, streams=streams)


main.add_command(visiting.where)
main.add_command(visiting.token)
main.add_command(visiting.resolved)


def serve(
    boot: Boot,
    profile: Path | None,
    asked: Asked,
    *,
    restart: bool = False,
    lifeline: bool = False,
    streams: bool = False,
) -> None:
    """Boot, print the profile, stay up until asked to end; then leave the process: 0, or 1 with the reason said."""
    started = time.monotonic()
    code = 1
    try:
        from venturi.runtime.supervisor import Supervisor

        with Supervisor(asked, _started_again if restart else None) as supervisor:
            _prepare(supervisor, streams=streams)
            # Not before: it is a thread, and what is forked should come from a process that has one alone.
            if lifeline:
                asked.by_end_of_input()
            supervisor.during(lambda: _publish(boot(supervisor), profile, started))
            supervisor.wait()
        code = 0
    except _failures() as error:
        _say(str(error))
    except ImportError as error:
        _say(f"{error}; the deployment needs the extra `reference` of tenantproof")
    if asked:
        # A boot that was called off may still hold threads that wait for what is gone.
        _leave(code)
    sys.exit(code)


def _prepare(supervisor: Supervisor, *, streams: bool) -> None:
    """Import here what several need, and fork them; first who has most to import by itself, and does so meanwhile."""
    from venturi.provision import warm

    warm.up_to_the_cloud()
    supervisor.ready("aws", forked=True)
    warm.up(streams=streams)
    for name in ("issuer", "api", *(["stage-a"] if streams else [])):
        supervisor.ready(name, forked=True)


def _publish(profile: dict[str, Any], path: Path | None, started: float) -> None:
    import tomli_w

    text = tomli_w.dumps(profile)
    if path:
        _write(path, text)
    sys.stdout.write(text + "# ready; Ctrl-C stops everything\n")
    sys.stdout.flush()
    _say(f"ready after {time.monotonic() - started:.1f} s; Ctrl-C stops everything")


def _failures() -> tuple[type[Exception], ...]:
    """What can go wrong with a sentence to say about it."""
    from venturi.parts import OverlayError
    from venturi.postgres.binaries import NoPostgres
    from venturi.postgres.server import PostgresDied
    from venturi.runtime.child import ChildDied
    from venturi.runtime.rundir import NoRunDirectory
    from venturi.streams.errors import BrokerDied

    return (OverlayError, NoPostgres, PostgresDied, BrokerDied, ChildDied, NoRunDirectory, OSError)


def _write(path: Path, text: str) -> None:
    """The whole profile or none of it, for our eyes alone even where a file with other modes was before."""
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        # A pipe, a terminal: nothing to replace there, and its mode is not ours to change.
        path.write_text(text)
        return
    handle, fresh = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(fresh).replace(path)


def _leave(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _started_again(name: str) -> None:
    _say(f"{name} ended by itself and was started again")


def _say(line: str) -> None:
    click.echo(f"venturi: {line}", err=True)
