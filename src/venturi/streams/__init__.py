"""Tenant-scoped event streams on a real Apache Kafka broker."""
