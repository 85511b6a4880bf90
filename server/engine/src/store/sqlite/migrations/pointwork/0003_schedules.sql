-- Schedules of the newest versions of flows, and how far each has come.
BEGIN IMMEDIATE;

CREATE TABLE schedules (
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,           -- as the document has it, as JSON
    is_paused INTEGER NOT NULL,
    considered_at INTEGER NOT NULL, -- fires up to this moment have been dealt with
    last_at INTEGER,              -- when the last run's fire was due
    last_run BLOB,
    last_error TEXT,              -- why the last fire started no run
    n_left_out INTEGER NOT NULL,  -- fires that started none because of a policy
    PRIMARY KEY (flow, name)
) WITHOUT ROWID;

PRAGMA user_version = 3;
COMMIT;
