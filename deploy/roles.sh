#!/bin/sh
# Make the database of the tasks API and its two roles, as docs/database.md says. psql quotes the passwords.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --set=owner_password="$TASKS_OWNER_PASSWORD" --set=app_password="$TASKS_APP_PASSWORD" <<'SQL'
CREATE ROLE tasks_owner LOGIN PASSWORD :'owner_password' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tasks_app LOGIN PASSWORD :'app_password' NOSUPERUSER NOBYPASSRLS;
CREATE DATABASE tasks OWNER tasks_owner ENCODING 'UTF8' TEMPLATE template0;
\connect tasks
REVOKE ALL ON DATABASE tasks FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tasks_owner;
GRANT CONNECT ON DATABASE tasks TO tasks_app;
ALTER DEFAULT PRIVILEGES FOR ROLE tasks_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tasks_app;
SQL
