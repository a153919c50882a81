# Read by the flask command. Nothing secret in here; secrets are in .env, which git ignores.
FLASK_APP=wsgi:app
FLASK_RUN_HOST=127.0.0.1
FLASK_RUN_PORT=8000
