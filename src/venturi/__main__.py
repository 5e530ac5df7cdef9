"""`python -m venturi` is the command `venturi`."""

from __future__ import annotations

from venturi.cli import main

main()
