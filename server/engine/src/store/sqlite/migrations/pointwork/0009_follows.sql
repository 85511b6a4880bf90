-- What came of the last end of another flow's run that was to start a flow.
BEGIN IMMEDIATE;

ALTER TABLE follows ADD COLUMN last_at INTEGER;       -- when that was dealt with
ALTER TABLE follows ADD COLUMN last_after BLOB;       -- the run that had ended
ALTER TABLE follows ADD COLUMN last_run BLOB;         -- the run it started
ALTER TABLE follows ADD COLUMN last_error TEXT;       -- or why it started none

PRAGMA user_version = 9;
COMMIT;
