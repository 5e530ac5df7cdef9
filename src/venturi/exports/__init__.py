"""Brings a tenant's records into its own bucket, under its own key, and its own history into the store."""
