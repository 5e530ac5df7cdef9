"""The deployment's AWS: moto behind a front that holds callers to signatures, policies, grants and key states."""
