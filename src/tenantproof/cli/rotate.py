"""`tenantproof rotate`: sign with a new key from now on, and still verify what the old one signed."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tenantproof.evidence.keys import public_pem, rotate


@click.command(name="rotate")
def command() -> None:
    """Replace the key that bundles are signed with, and print the new public key for your auditors.

    The old private key is destroyed. Its public half is kept: bundles that it signed until now still verify, and a
    bundle that claims to be later does not.
    """
    old, key = rotate(datetime.now(UTC))
    click.echo(f"retired {old}\nnew     {key.fingerprint}  {key.public_path}\n\n{public_pem(key.public)}", nl=False)
