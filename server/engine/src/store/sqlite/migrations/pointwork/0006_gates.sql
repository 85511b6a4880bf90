-- Limits on runs at work at once, and flows that start when others end.
BEGIN IMMEDIATE;

-- Who has the places of a flow and key, and who waits. One that is empty stays for a while, so that its numbers go on.
CREATE TABLE gates (
    gate BLOB NOT NULL PRIMARY KEY,
    rev INTEGER NOT NULL,
    state TEXT NOT NULL,
    is_empty INTEGER NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;

-- Of the newest versions of flows.
CREATE TABLE follows (
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    followed TEXT NOT NULL,
    PRIMARY KEY (flow, name)
) WITHOUT ROWID;

PRAGMA user_version = 6;
COMMIT;
