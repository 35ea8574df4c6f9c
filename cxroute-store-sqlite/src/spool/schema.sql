-- The spool of one server. It holds signals, never statements, and is emptied by draining: when its form changes, the
-- old form is drained by the program that wrote it, so that there is no migration.
CREATE TABLE IF NOT EXISTS signals (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant_id INTEGER NOT NULL,
    session_token TEXT NOT NULL,
    signal TEXT NOT NULL,
    aside TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS signals_waiting ON signals (id) WHERE aside IS NULL;
CREATE TABLE IF NOT EXISTS snapshots (
    domain TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    configuration TEXT NOT NULL
) STRICT, WITHOUT ROWID;
