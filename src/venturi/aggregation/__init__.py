"""The aggregation pipeline: consent, residency, de-identification, cohorts, suppression, risk test, signed release."""
