"""Measurements of the library and the service, against their peers; nothing here is part of the wheel."""
