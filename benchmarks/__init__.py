"""Measurements against the peers and against ourselves; nothing here is part of the tests or of the wheel."""
