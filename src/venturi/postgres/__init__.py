"""A PostgreSQL server of the deployment's own: made, started, locked down, stopped."""
