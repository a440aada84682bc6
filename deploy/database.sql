-- Makes the role and the database of authgraph. For a superuser, with the password of the role in
-- the variable DATABASE_PASSWORD:
--
--     psql --dbname=postgres --file=deploy/database.sql
\set ON_ERROR_STOP on
\getenv password DATABASE_PASSWORD

CREATE ROLE authgraph LOGIN PASSWORD :'password';

-- Statements hold hashes of passwords and tokens, and email addresses. None goes into the log.
ALTER ROLE authgraph SET log_min_error_statement = panic;
ALTER ROLE authgraph SET log_min_duration_statement = -1;
ALTER ROLE authgraph SET log_statement = none;
ALTER ROLE authgraph SET log_parameter_max_length = 0;

-- Sorted by code point, so that no index goes wrong when the machine's collations change.
CREATE DATABASE authgraph OWNER authgraph TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE authgraph FROM PUBLIC;
