"""Keys that are fetched from an issuer and kept fresh."""
