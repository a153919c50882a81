"""Which tokens have been revoked before their time. Knows no Flask."""
