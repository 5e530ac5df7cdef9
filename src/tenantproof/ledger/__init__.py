"""The ledger of a run: every observation goes into the journal as it happens."""
