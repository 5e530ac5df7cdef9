"""`python -m tenantproof` is the command `tenantproof`."""

from __future__ import annotations

import faulthandler

from tenantproof.cli import main

# Some of what we stand on is not Python; where that ends the process, its stack is worth more than a number.
faulthandler.enable()
main()
