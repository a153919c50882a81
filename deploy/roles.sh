#!/bin/sh
# Make the database of the tasks API and its two roles, as docs/database.md says. psql quotes the passwords, which stand
# neither among its arguments nor in the log of the server. The roles may connect to no other database.
set -eu
export PGOPTIONS='-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic'
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
    --command='\getenv owner_password TASKS_OWNER_PASSWORD' --command='\getenv app_password TASKS_APP_PASSWORD' \
    --command='REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC' --file=- <<'SQL'
CREATE ROLE tasks_owner LOGIN PASSWORD :'owner_password' NOSUPERUSER NOBYPASSRLS;
CREATE ROLE tasks_app LOGIN PASSWORD :'app_password' NOSUPERUSER NOBYPASSRLS;
CREATE DATABASE tasks OWNER tasks_owner ENCODING 'UTF8' TEMPLATE template0;
\connect tasks
REVOKE ALL ON DATABASE tasks FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tasks_owner;
GRANT CONNECT ON DATABASE tasks TO tasks_app;
-- Where migrations note how far they are: the service has no right to it.
SET ROLE tasks_owner;
CREATE TABLE alembic_version (version_num varchar(32) CONSTRAINT alembic_version_pkc PRIMARY KEY);
RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE tasks_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tasks_app;
SQL
