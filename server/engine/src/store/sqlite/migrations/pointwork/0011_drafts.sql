-- What the editor keeps: drafts, documents that are tried out, and what authors said of versions.
BEGIN IMMEDIATE;

-- With a rowid: texts may be long.
CREATE TABLE drafts (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,          -- a browser, until there is login
    flow TEXT NOT NULL,           -- '' for one that was never saved
    base INTEGER NOT NULL,        -- the version it was begun from; 0 if none
    source TEXT NOT NULL,
    saved_at INTEGER NOT NULL,
    UNIQUE (owner, flow)
);
CREATE INDEX drafts_by_age ON drafts (saved_at);

-- Versions that no list shows, numbered from 1073741824 on. They stay as long as a run of them does.
CREATE TABLE trials (
    id INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    format TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    UNIQUE (flow, version)
);
CREATE TABLE trial_runs (
    run BLOB NOT NULL PRIMARY KEY,
    flow TEXT NOT NULL,
    version INTEGER NOT NULL,
    noted_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX trial_runs_by_version ON trial_runs (flow, version);

CREATE TABLE version_messages (
    flow TEXT NOT NULL,
    version INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (flow, version)
) WITHOUT ROWID;

PRAGMA user_version = 11;
COMMIT;
