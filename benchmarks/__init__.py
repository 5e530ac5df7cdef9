"""What DESIGN.md section 8 asks to be measured; `nox -s bench -- NAME…` runs it and writes evidence/bench.json."""
