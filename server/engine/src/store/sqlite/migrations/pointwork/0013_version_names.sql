-- Names by which versions of flows are remembered: each version has one at most, each name one version of a flow.
BEGIN IMMEDIATE;

CREATE TABLE version_names (
    flow TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (flow, version),
    UNIQUE (flow, name)
) WITHOUT ROWID;

PRAGMA user_version = 13;
COMMIT;
