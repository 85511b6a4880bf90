-- So that the search for values nobody names reads their ages without reading the values.
BEGIN IMMEDIATE;
CREATE INDEX blobs_by_age ON blobs (sha256, touched_at);
PRAGMA user_version = 2;
COMMIT;
