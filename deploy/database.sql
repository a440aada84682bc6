-- Makes the role and the database of authgraph. For a superuser, with the password of the role in
-- the variable DATABASE_PASSWORD:
--
--     psql --dbname=postgres --file=deploy/database.sql
\set ON_ERROR_STOP on
\getenv password DATABASE_PASSWORD

CREATE ROLE authgraph LOGIN PASSWORD :'password';

-- Sorted by code point, so that no index goes wrong when the machine's collations change.
CREATE DATABASE authgraph OWNER authgraph TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE authgraph FROM PUBLIC;
