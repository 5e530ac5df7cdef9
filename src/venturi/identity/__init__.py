"""Who is asking: the issuers of tokens, their verifier, and the directory that binds a subject to a tenant."""
