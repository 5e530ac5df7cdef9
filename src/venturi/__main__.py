"""`python -m venturi` is the command `venturi`."""

from __future__ import annotations

from venturi.cli import main

if __name__ == "__main__":
    main()
