"""The harness: attacks a deployment, judges every claim, and writes signed evidence."""
