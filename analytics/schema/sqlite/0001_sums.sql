-- Every text is kept once and named by a number; '' is 0.
CREATE TABLE text (
	id INTEGER PRIMARY KEY,
	s  TEXT NOT NULL UNIQUE
) STRICT;

INSERT INTO text (id, s) VALUES (0, '');

-- The one table of sums. A row counts; it never says who.
CREATE TABLE sum (
	site      INTEGER NOT NULL, -- text
	grain     INTEGER NOT NULL, -- 1 hour, 2 day, 3 month
	dim       INTEGER NOT NULL, -- text; what value says
	page      INTEGER NOT NULL, -- text; 0: the whole site
	start     INTEGER NOT NULL, -- seconds since 1970: the hour of the site's zone, or the date as 00:00 UTC
	value     INTEGER NOT NULL, -- text
	views     INTEGER NOT NULL,
	visits    INTEGER NOT NULL,
	visitors  INTEGER NOT NULL,
	engaged   INTEGER NOT NULL,
	continues INTEGER NOT NULL,
	seconds   INTEGER NOT NULL,
	timed     INTEGER NOT NULL,
	goals     INTEGER NOT NULL,
	PRIMARY KEY (site, grain, dim, page, start, value)
) WITHOUT ROWID, STRICT;

-- The last batch added of each source, so that none is added twice.
CREATE TABLE batch (
	source TEXT PRIMARY KEY,
	number INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- The table as people read it, and as ClickHouse has it.
CREATE VIEW sums AS
SELECT s.s AS site,
       CASE sum.grain WHEN 1 THEN 'hour' WHEN 2 THEN 'day' ELSE 'month' END AS grain,
       d.s AS dim, p.s AS page, sum.start, v.s AS value,
       views, visits, visitors, engaged, continues, seconds, timed, goals
FROM sum
JOIN text s ON s.id = sum.site
JOIN text d ON d.id = sum.dim
JOIN text p ON p.id = sum.page
JOIN text v ON v.id = sum.value;
