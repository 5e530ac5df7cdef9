"""The reference deployment: the multi-tenant service that the vendor's page describes."""
