"""Where gunicorn and ``flask`` find the app. Reads ``.env``; what is set in the environment already stays as it is."""

from __future__ import annotations

import gc
from pathlib import Path

# All that is made from here on stays. Looking for garbage among it would take a tenth of the start.
gc.disable()

# ruff: noqa: E402 - the imports are most of what is made
from app import create_app
from app.environment import load_environment
from auth.errors import ConfigurationError

load_environment(Path(__file__).with_name(".env"))

try:
    app = create_app()
except ConfigurationError as error:
    # For an operator the message is the whole answer; a traceback would bury it.
    raise SystemExit(str(error)) from None
finally:
    gc.enable()
