"""Swagger UI at ``/docs``, from the files of flask-swagger-ui and nowhere else: no other host is ever asked.

Our own page and our own few lines of script, since a strict Content-Security-Policy lets no inline script run. The
document it shows is made by flask-smorest.
"""

from __future__ import annotations

from app.docs_ui.views import blueprint

__all__ = ["blueprint"]
