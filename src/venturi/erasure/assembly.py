"""Puts erasure together from its parts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from venturi.erasure.eraser import Eraser, Shelves
from venturi.erasure.key_state import KeyWatch
from venturi.erasure.readers import LinkReader, VaultReader
from venturi.erasure.routes import Erasures

if TYPE_CHECKING:
    from venturi.api.paths import Route
    from venturi.vault.kms import KeyService
    from venturi.vault.vault import Vault

BACKUPS = timedelta(days=7)
"""How long automated backups of a tenant's database are kept (`provision.surroundings.BACKUP_DAYS`)."""


def routes(
    eraser: type[Eraser], shelves: Shelves, vault: Vault, kms: KeyService, keys: Mapping[str, str]
) -> list[Route]:
    """The endpoints of erasure. `keys`: tenant to the ARN of its KMS key."""
    readers = (VaultReader(vault, shelves.app), LinkReader(shelves.guard))
    made = eraser(shelves, vault, KeyWatch(kms, keys), readers, BACKUPS, time.time)
    return Erasures(made).routes()
