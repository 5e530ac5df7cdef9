"""Attribution records, each in its tenant's own database."""
