"""The service as it began: FastAPI, SQLModel and python-jose under uvicorn, for comparison.

Two apps on one model. :mod:`.main` is written as the tutorials of FastAPI and SQLModel write it; :mod:`.tuned` is what
the same libraries give when somebody measures. The table has the columns, the key and the indexes of ours, without
what only entity tags and repeated creates need.
"""
