-- Flows, runs and their event logs. Instants are microseconds since 1970 UTC, run ids are 16 bytes that sort by creation.
-- A decision of up to 2 KB stays whole in its tree's pages (half of that with the usual size). Changing it means writing the file anew.
PRAGMA page_size = 8192;
-- Freed pages can be given back later only if the file is laid out for it from its first page on.
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN IMMEDIATE;

-- The number of shards is fixed here, for ever: it decides which shard a run belongs to.
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,       -- raised by each take-over; a commit that names an older one is refused
    shard_seq INTEGER NOT NULL    -- of the last decision; dense
);
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 255)
INSERT INTO shards (shard, epoch, shard_seq) SELECT n, 0, 0 FROM numbers;

-- One row per decision. `bytes` begins with the version of its encoding.
CREATE TABLE events (
    run BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    shard INTEGER NOT NULL,
    shard_seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (run, first_seq)
) WITHOUT ROWID;

-- One row per run, projected from its events.
CREATE TABLE runs (
    run BLOB NOT NULL PRIMARY KEY,
    flow TEXT NOT NULL,
    state INTEGER NOT NULL,       -- 0 queued, 1 running, 2 paused, 3 ending, 4 succeeded, 5 failed, 6 cancelled
    last_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    wake_at INTEGER,
    in_flight INTEGER NOT NULL,
    rest TEXT NOT NULL            -- what lists show and no index needs, as JSON
) WITHOUT ROWID;
CREATE INDEX runs_by_flow ON runs (flow, run);
-- Nearly all runs succeed, most of them at once: leaving them out keeps the hot path at one index.
CREATE INDEX runs_by_state ON runs (state, run) WHERE state <> 4;
CREATE INDEX runs_by_flow_and_state ON runs (flow, state, run) WHERE state <> 4;

CREATE TABLE run_labels (
    label TEXT NOT NULL,
    value TEXT NOT NULL,
    run BLOB NOT NULL,
    PRIMARY KEY (label, value, run)
) WITHOUT ROWID;

CREATE TABLE idempotency (
    flow TEXT NOT NULL,
    key TEXT NOT NULL,
    run BLOB NOT NULL,
    inputs_hash INTEGER NOT NULL,
    PRIMARY KEY (flow, key)
) WITHOUT ROWID;

-- Counts, kept as runs move.
CREATE TABLE flow_stats (
    flow TEXT NOT NULL PRIMARY KEY,
    n_queued INTEGER NOT NULL,
    n_running INTEGER NOT NULL,
    n_paused INTEGER NOT NULL,
    n_ending INTEGER NOT NULL,
    n_succeeded INTEGER NOT NULL,
    n_failed INTEGER NOT NULL,
    n_cancelled INTEGER NOT NULL,
    n_finished INTEGER NOT NULL,
    duration_ms_sum INTEGER NOT NULL,
    duration_ms_min INTEGER,
    duration_ms_max INTEGER
) WITHOUT ROWID;

CREATE TABLE flows (
    flow TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    version INTEGER NOT NULL,     -- the newest
    n_tasks INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    archived INTEGER NOT NULL
) WITHOUT ROWID;

-- With a rowid: texts may be long, and a tree keyed by (flow, version) would hold them in its inner pages.
CREATE TABLE flow_versions (
    id INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    format TEXT NOT NULL,
    document TEXT NOT NULL,
    n_tasks INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    UNIQUE (flow, version)
);

PRAGMA application_id = 0x50570001;
PRAGMA user_version = 1;
COMMIT;
