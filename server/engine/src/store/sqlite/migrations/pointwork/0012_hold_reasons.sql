-- Why a schedule is held, in the words of who holds it.
BEGIN IMMEDIATE;

ALTER TABLE schedules ADD COLUMN pause_reason TEXT;

PRAGMA user_version = 12;
COMMIT;
