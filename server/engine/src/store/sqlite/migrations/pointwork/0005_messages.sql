-- Messages between runs, and which run started which.
BEGIN IMMEDIATE;

-- Written with the decision that sends, deleted with the decision that answers.
CREATE TABLE outbox (
    sender BLOB NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (sender, seq)
) WITHOUT ROWID;

-- The run whose task started this one: it stays as long as that one is unfinished.
ALTER TABLE runs ADD COLUMN parent BLOB;

PRAGMA user_version = 5;
COMMIT;
