"""`tenantproof trail`: export a tenant's audit trail, and verify an export without trusting anybody."""

from __future__ import annotations

import click

from tenantproof.cli.trail_export import export
from tenantproof.cli.trail_verify import verify


@click.group(name="trail")
def command() -> None:
    r"""Audit trails as files: take one along, and see that it is whole.

    \b
    tenantproof trail export --target staging.toml --tenant acme      write acme.trail
    tenantproof trail verify acme.trail --heads heads.json            verify it; remember its head
    tenantproof trail verify COPY-OF-A-BUCKET --format cloudtrail --key region.pem
    """


command.add_command(export)
command.add_command(verify)
