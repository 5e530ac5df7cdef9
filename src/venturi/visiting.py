"""Commands for whoever looks around in a running deployment: its address, genuine tokens, and patience."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlsplit

import click

if TYPE_CHECKING:
    import httpx

Profile: TypeAlias = Mapping[str, Any]
"""A target profile as TOML has it."""

_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_LOCAL = ("127.0.0.1", "::1", "localhost")

given = click.option(
    "--profile",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="VENTURI_PROFILE",
    required=True,
    help="The profile that `venturi up --profile` wrote; VENTURI_PROFILE otherwise.",
)


@click.command()
@given
def where(profile: Path) -> None:
    """Print the address of the API."""
    click.echo(_read(profile)["target"]["base_url"])


@click.command()
@given
@click.argument("tenant")
@click.argument("principal", default="reader")
def token(profile: Path, tenant: str, principal: str) -> None:
    r"""Print a genuine access token of a tenant's principal, by the client credentials that the profile names.

    TENANT may be "venturi" for the vendor's own people.

    \b
    venturi token acme steward
    venturi token venturi support-1
    """
    with _web() as web:
        click.echo(_token(web, _read(profile), tenant, principal))


@click.command()
@given
@click.argument("tenant")
@click.argument("conversion")
@click.option("--seconds", type=click.FloatRange(0, 3600), default=60.0, show_default=True, help="How long to wait.")
def resolved(profile: Path, tenant: str, conversion: str, seconds: float) -> None:
    """Wait until Stage A has resolved a conversion, and print the id of its record.

    Ends with 1 when there is no record in time: then no touchpoint fits the conversion, or Stage A is behind.
    """
    read = _read(profile)
    deadline = time.monotonic() + seconds
    path = (
        f"{read['target']['base_url']}/v1/tenants/{quote(tenant)}/attributions?conversion={quote(conversion, safe='')}"
    )
    with _web() as web:
        bearer = {"Authorization": f"Bearer {_token(web, read, tenant, 'reader')}"}
        while True:
            answer = web.get(path, headers=bearer)
            if answer.status_code != 200:
                raise click.ClickException(f"the API answered {answer.status_code}: {answer.text}")
            if items := answer.json()["items"]:
                click.echo(items[0]["id"])
                return
            if time.monotonic() >= deadline:
                raise click.ClickException(f"there is no record of {conversion} after {seconds:g} s")
            time.sleep(_PAUSE_SECONDS)


def _read(path: Path) -> Profile:
    """The profile. Raises click.UsageError for what is none, or is not of a deployment on this machine."""
    try:
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        host = urlsplit(profile["target"]["base_url"]).hostname
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise click.UsageError(f"{path} is no profile of a running deployment: {fault!r}") from None
    if host not in _LOCAL:
        # These commands print tokens; those of a deployment that is not embedded are not for a terminal.
        raise click.UsageError(f"{path} describes {host}; these commands are for the embedded deployment alone")
    return profile


def _web() -> httpx.Client:
    import httpx

    return httpx.Client(timeout=_SECONDS, trust_env=False)


def _token(web: httpx.Client, profile: Profile, tenant: str, principal: str) -> str:
    client = _client(profile, tenant, principal)
    form = {
        "grant_type": "client_credentials",
        "client_id": client["client_id"],
        "client_secret": Path(client["client_secret"]["file"]).read_text(encoding="utf-8"),
    }
    answer = web.post(client["url"], data=form)
    if answer.status_code != 200:
        raise click.ClickException(f"the issuer of {tenant} answered {answer.status_code}")
    return str(answer.json()["access_token"])


def _client(profile: Profile, tenant: str, principal: str) -> Profile:
    """How a principal gets its token. Raises click.UsageError for one that is not there."""
    people = {entry["id"]: entry["principals"] for entry in profile["tenants"]}
    people["venturi"] = {
        **profile.get("support", {}).get("principals", {}),
        "operator": profile.get("aggregation", {}).get("operator", {}),
    }
    if tenant not in people:
        raise click.UsageError(f"there is no tenant {tenant}; there are {', '.join(people)}")
    if principal not in people[tenant]:
        raise click.UsageError(f"{tenant} has no principal {principal}; it has {', '.join(people[tenant])}")
    client: Profile = people[tenant][principal]["client"]
    return client
