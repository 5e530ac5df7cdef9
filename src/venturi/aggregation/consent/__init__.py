"""A tenant's consent to contribute to aggregates, kept in the tenant's own database."""
