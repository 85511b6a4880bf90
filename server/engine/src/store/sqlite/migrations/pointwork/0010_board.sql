-- What the first page and the list of runs ask: statistics by time, saved views, commands to many runs, which run was retried.
BEGIN IMMEDIATE;

-- Counts of runs by the minute (grain 0) or hour (grain 1) in which they were created, in seconds since 1970 UTC. Minutes are added up
-- to hours when they are old: a reader adds up both grains. Flow '' is all flows together.
CREATE TABLE run_cells (
    grain INTEGER NOT NULL,
    flow TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,        -- 0 created, 1 succeeded, 2 failed, 3 cancelled, 4 duration of succeeded ones, 5 wait before the beginning
    bucket INTEGER NOT NULL,      -- of a length of time, as in flow_durations; else 0
    n INTEGER NOT NULL,
    PRIMARY KEY (grain, flow, at, kind, bucket)
) WITHOUT ROWID;
-- What earlier versions of Pointwork still keep. This reads all runs once.
CREATE TEMP TABLE bucket_of (ms_from INTEGER NOT NULL, ms_until INTEGER NOT NULL, bucket INTEGER NOT NULL);
WITH RECURSIVE
small (ms) AS (SELECT 0 UNION ALL SELECT ms + 1 FROM small WHERE ms < 15)
INSERT INTO bucket_of SELECT ms, ms + 1, ms FROM small;
WITH RECURSIVE
doublings (e) AS (SELECT 0 UNION ALL SELECT e + 1 FROM doublings WHERE e < 45),
parts (d) AS (SELECT 16 UNION ALL SELECT d + 1 FROM parts WHERE d < 31)
INSERT INTO bucket_of SELECT d << e, (d + 1) << e, 16 * e + d FROM doublings, parts;
CREATE INDEX bucket_of_from ON bucket_of (ms_from);
CREATE TEMP TABLE old_runs AS
SELECT
    flow,
    created_at / 3600000000 * 3600 AS at,
    state,
    iif(state = 4 AND started_at IS NOT NULL AND finished_at IS NOT NULL, max(0, (finished_at - started_at) / 1000), NULL) AS took,
    iif(state >= 4 AND started_at IS NOT NULL, max(0, (started_at - created_at) / 1000), NULL) AS waited
FROM runs;
CREATE TEMP TABLE old_cells AS
SELECT flow, at, 0 AS kind, 0 AS bucket FROM old_runs
UNION ALL SELECT flow, at, state - 3, 0 FROM old_runs WHERE state >= 4
UNION ALL
SELECT flow, at, 4, (SELECT bucket FROM bucket_of WHERE ms_from <= took ORDER BY ms_from DESC LIMIT 1)
FROM old_runs WHERE took IS NOT NULL
UNION ALL
SELECT flow, at, 5, (SELECT bucket FROM bucket_of WHERE ms_from <= waited ORDER BY ms_from DESC LIMIT 1)
FROM old_runs WHERE waited IS NOT NULL;
INSERT INTO run_cells (grain, flow, at, kind, bucket, n)
SELECT 1, flow, at, kind, bucket, count(*) FROM old_cells GROUP BY 2, 3, 4, 5
UNION ALL
SELECT 1, '', at, kind, bucket, count(*) FROM old_cells GROUP BY 3, 4, 5;
DROP TABLE old_cells;
DROP TABLE old_runs;
DROP TABLE bucket_of;

-- The first run that was made from another. Ids of runs as texts: so they stand in the rows of earlier versions.
CREATE TABLE run_retries (
    retried TEXT NOT NULL PRIMARY KEY,
    run BLOB NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO run_retries (retried, run)
SELECT rest ->> '$.retry_of', run FROM runs WHERE instr(rest, '"retry_of"') > 0 AND rest ->> '$.retry_of' IS NOT NULL ORDER BY run;

-- Rows of open runs do not say yet how many approvals of them wait: the next start notes it.
CREATE TABLE unasked_runs (
    run BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO unasked_runs (run) SELECT run FROM runs WHERE state IN (1, 2, 3);

CREATE TABLE views (
    name TEXT NOT NULL PRIMARY KEY,
    query TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    actor TEXT NOT NULL
) WITHOUT ROWID;

-- One command to many runs: to exactly those that were looked for when it was made.
CREATE TABLE bulks (
    id TEXT NOT NULL PRIMARY KEY,
    spec TEXT NOT NULL,           -- the command and what was looked for, as JSON
    state INTEGER NOT NULL,       -- 0 frozen, 1 at work, 2 done
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    n INTEGER NOT NULL,
    n_done INTEGER NOT NULL,
    n_refused INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE bulk_runs (
    bulk TEXT NOT NULL,
    n INTEGER NOT NULL,
    run BLOB NOT NULL,
    result TEXT,                  -- as JSON, once it has been told
    PRIMARY KEY (bulk, n)
) WITHOUT ROWID;

PRAGMA user_version = 10;
COMMIT;
