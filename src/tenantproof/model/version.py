"""The version of the harness, as its distribution states it."""

from __future__ import annotations

from importlib.metadata import version

VERSION = version("tenantproof")
