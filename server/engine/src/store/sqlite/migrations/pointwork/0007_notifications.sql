-- Rules of flows' newest versions, and what the engine has to tell because of them.
BEGIN IMMEDIATE;

CREATE TABLE notify_rules (
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,           -- as the document has it, as JSON
    since INTEGER NOT NULL,       -- it holds from then on
    judged_until INTEGER NOT NULL, -- fires of its schedule up to this moment have been judged
    PRIMARY KEY (flow, name)
) WITHOUT ROWID;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    rule TEXT NOT NULL,
    kind INTEGER NOT NULL,        -- 0 failure, 1 late, 2 silence
    subject TEXT NOT NULL,        -- what it is about: the same is told once
    target TEXT NOT NULL,         -- whom it is told, as JSON; secrets are references
    channel INTEGER NOT NULL,     -- 0 mail, 1 webhook
    run BLOB,
    message TEXT NOT NULL,
    at INTEGER NOT NULL,          -- when it was judged
    state INTEGER NOT NULL,       -- 0 waiting, 1 sent, 2 given up
    n_attempts INTEGER NOT NULL,
    next_at INTEGER,              -- when it is tried (again), while it waits
    sent_at INTEGER,
    error TEXT,                   -- why the last attempt failed
    UNIQUE (flow, rule, kind, subject, channel)
);
CREATE INDEX notifications_waiting ON notifications (next_at) WHERE state = 0;

PRAGMA user_version = 7;
COMMIT;
