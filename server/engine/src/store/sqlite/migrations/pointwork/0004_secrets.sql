-- Secrets, sealed with a key that is not in this file, variables, and which flows refer to them.
BEGIN IMMEDIATE;

CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,         -- version of the format, nonce, what the cipher gave
    updated_at INTEGER NOT NULL,
    actor TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE variables (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,          -- as JSON
    updated_at INTEGER NOT NULL,
    actor TEXT NOT NULL
) WITHOUT ROWID;

-- What the newest versions of flows refer to. Earlier versions of Pointwork knew no secrets and variables, so there is nothing to fill in.
CREATE TABLE flow_references (
    flow TEXT NOT NULL,
    kind INTEGER NOT NULL,        -- 0 a secret, 1 a variable
    name TEXT NOT NULL,
    PRIMARY KEY (flow, kind, name)
) WITHOUT ROWID;
CREATE INDEX flow_references_by_name ON flow_references (kind, name);

PRAGMA user_version = 4;
COMMIT;
