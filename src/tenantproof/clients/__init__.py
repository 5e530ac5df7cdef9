"""Clients: what knows HTTP, tokens and AWS. Nothing a target does makes a client raise."""
