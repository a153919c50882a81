"""The tasks API for pages of other origins: gunicorn finds the app here in place of ``wsgi.py``.

``FLASK_PAGE_ORIGINS`` lists the origins of the pages that may call, such as ``["https://tasks.example.com"]``.
"""

from __future__ import annotations

from flask_cors import CORS

from wsgi import app

CORS(app, origins=app.config["PAGE_ORIGINS"])
