"""KMS as the front keeps it: keys with their material, versions, replicas, grants and aliases, and every operation."""
