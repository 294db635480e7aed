-- The accounts that lychgate signs in with, each with no more than its part.
-- Run this once as an administrator, on one server:
--
--     clickhouse-client --multiquery < users.sql
--
-- On a cluster write ON CLUSTER 'lychgate' behind every name that is created and
-- behind every GRANT. Put passwords and addresses of your own in. What a part may
-- do is proven by lychgate's tests on the engine, grant by grant.

-- Makes the database and its tables: lychgate migrate signs in with it. Keep its
-- password where migrations are run, not on the gateways.
CREATE USER IF NOT EXISTS lychgate_migrator IDENTIFIED WITH sha256_password BY 'change-me-1' HOST IP '10.0.0.0/24';
-- Every gateway adds counts.
CREATE USER IF NOT EXISTS lychgate_writer IDENTIFIED WITH sha256_password BY 'change-me-2' HOST IP '10.0.0.0/24';
-- Every gateway's dashboard reads them.
CREATE USER IF NOT EXISTS lychgate_reader IDENTIFIED WITH sha256_password BY 'change-me-3' HOST IP '10.0.0.0/24';
-- The one gateway with housekeeping closes months and deletes what is old.
CREATE USER IF NOT EXISTS lychgate_housekeeper IDENTIFIED WITH sha256_password BY 'change-me-4' HOST IP '10.0.0.5';

CREATE ROLE IF NOT EXISTS lychgate_migrators;
CREATE ROLE IF NOT EXISTS lychgate_writers;
CREATE ROLE IF NOT EXISTS lychgate_readers;
CREATE ROLE IF NOT EXISTS lychgate_housekeepers;

GRANT CREATE DATABASE, CREATE TABLE ON lychgate.* TO lychgate_migrators;
GRANT TABLE ENGINE ON * TO lychgate_migrators;
GRANT SELECT, INSERT ON lychgate.schema_migrations TO lychgate_migrators;
GRANT SELECT, ALTER TTL ON lychgate.sums TO lychgate_migrators;
GRANT SELECT, INSERT, ALTER TTL ON lychgate.sums_local TO lychgate_migrators;

GRANT INSERT ON lychgate.sums TO lychgate_writers;
GRANT INSERT ON lychgate.sums_local TO lychgate_writers;

GRANT SELECT ON lychgate.sums TO lychgate_readers;
GRANT SELECT ON lychgate.sums_local TO lychgate_readers;
GRANT SELECT ON lychgate.schema_migrations TO lychgate_readers;

GRANT SELECT, INSERT, ALTER TTL, ALTER DELETE ON lychgate.sums TO lychgate_housekeepers;
GRANT SELECT, INSERT, ALTER TTL, ALTER DELETE ON lychgate.sums_local TO lychgate_housekeepers;

-- Only on a cluster: whoever runs something on all its servers.
GRANT CLUSTER ON *.* TO lychgate_migrators, lychgate_housekeepers;

GRANT lychgate_migrators TO lychgate_migrator;
GRANT lychgate_writers TO lychgate_writer;
GRANT lychgate_readers TO lychgate_reader;
GRANT lychgate_housekeepers TO lychgate_housekeeper;

-- One slow question must not hold up the others. The driver sends settings of its
-- own, hence no READONLY here: a reader may change settings within these bounds,
-- and nothing else.
ALTER USER lychgate_reader SETTINGS max_execution_time = 10 MAX 30, max_memory_usage = 1000000000 MAX 1000000000, readonly = 2;
ALTER USER lychgate_writer SETTINGS max_execution_time = 30 MAX 60;

-- A dashboard asks some thirty questions for a page; a runaway one stops here.
CREATE QUOTA IF NOT EXISTS lychgate_dashboard KEYED BY user_name
    FOR INTERVAL 1 minute MAX queries = 6000, errors = 600, execution_time = 300
    TO lychgate_reader;
CREATE QUOTA IF NOT EXISTS lychgate_counting KEYED BY user_name
    FOR INTERVAL 1 minute MAX queries = 1200
    TO lychgate_writer;
