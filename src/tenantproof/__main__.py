"""`python -m tenantproof` is the command `tenantproof`."""

from __future__ import annotations

from tenantproof.cli import main

main()
