-- Chunks of attempts' logs.
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN IMMEDIATE;

CREATE TABLE chunks (
    run BLOB NOT NULL,
    task TEXT NOT NULL,           -- the task run's path
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,          -- microseconds since 1970 UTC
    stream INTEGER NOT NULL,      -- 1 stdout, 2 stderr, 3 engine
    text TEXT NOT NULL,
    PRIMARY KEY (run, task, attempt, number)
) WITHOUT ROWID;

PRAGMA application_id = 0x50570002;
PRAGMA user_version = 1;
COMMIT;
