"""Fetches secrets from where the profile says that they are, at the moment they are needed."""

from __future__ import annotations

import os
from pathlib import Path

from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Secret


def reveal(secret: Secret, key: str) -> str:
    """The secret itself, without a trailing line break. `key` is its place in the profile, for the message.

    Raises UsageError that names the key and the place, and nothing of the secret.
    """
    if secret.env:
        value = os.environ.get(secret.env)
        if value is None:
            raise UsageError(f"{key}: the environment variable {secret.env} is not set; export it before the run")
    else:
        value = _read(secret.file, key)
    value = value.rstrip("\r\n")
    if not value:
        place = f"environment variable {secret.env}" if secret.env else f"file {secret.file}"
        raise UsageError(f"{key}: the {place} is empty; put the secret there")
    return value


def _read(path: str, key: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{key}: the file {path} can't be read ({error.strerror}); name one that holds the secret"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{key}: the file {path} is not UTF-8 text; name one that holds the secret") from None
