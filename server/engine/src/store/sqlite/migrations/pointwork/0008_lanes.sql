-- Workers in other processes and what they have in hand, limits of queues, results that hold again.
BEGIN IMMEDIATE;

CREATE TABLE worker_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL,           -- SHA-256 of the secret, which is kept nowhere
    name TEXT NOT NULL,
    queues TEXT NOT NULL,         -- a JSON list of names
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE worker_types (
    key TEXT NOT NULL,
    queue TEXT NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    input_schema TEXT NOT NULL,
    output_schema TEXT NOT NULL,
    declared_at INTEGER NOT NULL,
    PRIMARY KEY (key, queue)
) WITHOUT ROWID;

CREATE TABLE leases (
    token BLOB NOT NULL PRIMARY KEY,
    lease TEXT NOT NULL           -- who has which attempt, as JSON
) WITHOUT ROWID;

CREATE TABLE queues (
    name TEXT NOT NULL PRIMARY KEY,
    limits TEXT NOT NULL          -- as JSON
) WITHOUT ROWID;

-- Until when slow rates are used up: a restart must not give them again.
CREATE TABLE rate_marks (
    queue TEXT NOT NULL,
    key TEXT NOT NULL,            -- of the queue itself: empty; of a key: = and the key
    until INTEGER NOT NULL,
    PRIMARY KEY (queue, key)
) WITHOUT ROWID;

CREATE TABLE kept_results (
    key TEXT NOT NULL PRIMARY KEY,
    run BLOB NOT NULL,
    task TEXT NOT NULL,
    output TEXT NOT NULL,         -- as it stands in events
    sha256 BLOB,                  -- the large value that the output names
    exit_code INTEGER,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL
);
CREATE INDEX kept_results_by_end ON kept_results (until);
CREATE INDEX kept_results_by_value ON kept_results (sha256) WHERE sha256 IS NOT NULL;

PRAGMA user_version = 8;
COMMIT;
