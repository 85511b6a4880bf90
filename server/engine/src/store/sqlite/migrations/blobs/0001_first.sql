-- Large values by the SHA-256 of their compact JSON.
PRAGMA auto_vacuum = INCREMENTAL;
BEGIN IMMEDIATE;

CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    touched_at INTEGER NOT NULL,  -- seconds since 1970 UTC of the last time it was put: a young value may not be referred to yet
    value BLOB NOT NULL
);

PRAGMA application_id = 0x50570003;
PRAGMA user_version = 1;
COMMIT;
