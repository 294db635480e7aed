-- The one table of sums, as SQLite has it in its view sums. A row counts; it
-- never says who. The sums of one key may lie in several rows until the server
-- merges them: always read sum() ... GROUP BY.
--
-- Parts are by the year: a question's time goes by how many of them it reads, not by
-- how many rows. Tables by the month, as they were made before, work as well.
--
-- On a cluster this is the part of each shard, replicated within it.
CREATE TABLE IF NOT EXISTS {{.Local}}{{.OnCluster}} (
	site      LowCardinality(String),
	grain     Enum8('hour' = 1, 'day' = 2, 'month' = 3),
	dim       LowCardinality(String), -- what value says
	page      String CODEC(ZSTD(1)),  -- a path; '': the whole site
	start     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)), -- the hour of the site's zone, or the date as 00:00 UTC
	value     String CODEC(ZSTD(1)),
	views     Int64 CODEC(T64, ZSTD(1)),
	visits    Int64 CODEC(T64, ZSTD(1)),
	visitors  Int64 CODEC(T64, ZSTD(1)),
	engaged   Int64 CODEC(T64, ZSTD(1)),
	continues Int64 CODEC(T64, ZSTD(1)),
	seconds   Int64 CODEC(T64, ZSTD(1)),
	timed     Int64 CODEC(T64, ZSTD(1)),
	goals     Int64 CODEC(T64, ZSTD(1))
)
ENGINE = {{if .Cluster}}ReplicatedSummingMergeTree('/clickhouse/tables/{shard}/{database}/sums', '{replica}', {{else}}SummingMergeTree({{end -}}
	(views, visits, visitors, engaged, continues, seconds, timed, goals))
PARTITION BY toYear(start)
ORDER BY (site, grain, dim, page, start, value)
SETTINGS
	-- Tokens of batches that are remembered, by one server and by a cluster; a
	-- single server's default of 0 would ignore them.
	non_replicated_deduplication_window = 100000,
	replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 604800,
	-- What was acknowledged is on the disk, before and after a merge.
	fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1,
	-- What is forgotten is off the disk within minutes, and looked for each hour.
	old_parts_lifetime = 60, merge_with_ttl_timeout = 3600
