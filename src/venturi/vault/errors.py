"""Why the vault did not give a plaintext."""

from __future__ import annotations


class VaultError(Exception):
    """The vault could not seal or open something. The message names tenant and cause, never a plaintext or subject."""


class Unrecoverable(VaultError):  # reads as what it says about the data
    """The plaintext is gone for good: the subject's key was shredded or never existed."""


class Tampered(Unrecoverable):
    """The ciphertext is not what was sealed for this tenant, subject, record and field."""


class KeyUnavailable(VaultError):  # reads as what it says about the key
    """The tenant's key cannot be used now: disabled, pending deletion, refused, or AWS unreachable."""
