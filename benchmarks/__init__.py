"""Measurements of the service against itself; nothing here is part of the tests or of the wheel."""
