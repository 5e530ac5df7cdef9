"""The HTTP API of the deployment."""
