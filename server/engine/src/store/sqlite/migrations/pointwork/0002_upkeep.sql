-- What is needed to tell percentiles without a scan, to delete runs, and to know which large values are still needed.
--
-- There is no index on (shard, shard_seq). Nothing reads by it: streams are hinted and read their runs. It would cost dearly: the
-- decisions of a transaction are spread over all shards, so each would dirty up to 256 more pages (2 MiB of log), where the events
-- of a thousand short runs take less than one.
BEGIN IMMEDIATE;

-- Durations of succeeded runs that are kept. Bucket 0 to 15: as many milliseconds; above, d with `d >> e` in 16 to 31: 16 * e + (d >> e).
CREATE TABLE flow_durations (
    flow TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (flow, bucket)
) WITHOUT ROWID;
WITH RECURSIVE
doublings (e) AS (SELECT 0 UNION ALL SELECT e + 1 FROM doublings WHERE e < 58),
lasted (flow, ms) AS (
    SELECT flow, max(0, (finished_at - started_at) / 1000) FROM runs
    WHERE state = 4 AND started_at IS NOT NULL AND finished_at IS NOT NULL
)
INSERT INTO flow_durations (flow, bucket, n)
SELECT flow, iif(ms < 16, ms, (SELECT 16 * e + (ms >> e) FROM doublings WHERE (ms >> e) BETWEEN 16 AND 31)) AS bucket, count(*)
FROM lasted GROUP BY 1, 2;

-- Runs that have vanished and of which events or logs may be left.
CREATE TABLE deleted_runs (
    run BLOB NOT NULL PRIMARY KEY
) WITHOUT ROWID;
-- A run's key goes with it. Only runs with a key pay for this, and they come in about this order.
CREATE INDEX idempotency_by_run ON idempotency (run);

-- The large values that a run's events name, written with the events. Runs without large values have no rows here.
CREATE TABLE run_blobs (
    run BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (run, sha256)
) WITHOUT ROWID;
CREATE INDEX run_blobs_by_value ON run_blobs (sha256);
-- What earlier events name: each place behind {"sha256":" in them. This reads all events once.
WITH RECURSIVE
places (run, rest) AS (
    SELECT run, substr(bytes, instr(bytes, x'7b22736861323536223a22') + 11) FROM events
    WHERE instr(bytes, x'7b22736861323536223a22') > 0
    UNION ALL
    SELECT run, substr(rest, instr(rest, x'7b22736861323536223a22') + 11) FROM places
    WHERE instr(rest, x'7b22736861323536223a22') > 0
)
INSERT OR IGNORE INTO run_blobs (run, sha256)
SELECT run, unhex(CAST(substr(rest, 1, 64) AS TEXT)) FROM places WHERE length(unhex(CAST(substr(rest, 1, 64) AS TEXT))) = 32;

PRAGMA user_version = 2;
COMMIT;
