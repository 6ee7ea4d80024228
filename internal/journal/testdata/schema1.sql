-- A journal as the first schema had it.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
CREATE TABLE sessions (
	id INTEGER PRIMARY KEY, session TEXT NOT NULL UNIQUE, kernel TEXT NOT NULL, display_name TEXT NOT NULL,
	language TEXT NOT NULL, folder TEXT NOT NULL, started INTEGER, ended INTEGER
);
CREATE TABLE evaluations (
	id INTEGER PRIMARY KEY AUTOINCREMENT, evaluation TEXT NOT NULL UNIQUE, session TEXT NOT NULL, code TEXT NOT NULL,
	client TEXT NOT NULL, uri TEXT NOT NULL, line INTEGER NOT NULL, "column" INTEGER NOT NULL, version INTEGER NOT NULL,
	state TEXT NOT NULL, count INTEGER NOT NULL, queued INTEGER, started INTEGER, ended INTEGER, message TEXT NOT NULL
);
CREATE INDEX evaluations_session ON evaluations (session);
CREATE INDEX evaluations_uri ON evaluations (uri);
CREATE TABLE outputs (
	id INTEGER PRIMARY KEY, evaluation INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, display TEXT NOT NULL,
	body TEXT NOT NULL, sum INTEGER NOT NULL
);
CREATE INDEX outputs_evaluation ON outputs (evaluation);
CREATE INDEX outputs_update ON outputs (evaluation, display) WHERE kind = 'update';
CREATE TABLE data (
	output INTEGER NOT NULL, mime TEXT NOT NULL, value TEXT, blob INTEGER, PRIMARY KEY (output, mime)
) WITHOUT ROWID;
CREATE INDEX data_blob ON data (blob) WHERE blob IS NOT NULL;
CREATE TABLE blobs (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, data BLOB NOT NULL);
CREATE TRIGGER outputs_deleted AFTER DELETE ON outputs WHEN old.kind <> 'stream' BEGIN
	DELETE FROM data WHERE output = old.id;
END;
CREATE TRIGGER data_deleted AFTER DELETE ON data WHEN old.blob IS NOT NULL BEGIN
	DELETE FROM blobs WHERE id = old.blob AND NOT EXISTS (SELECT 1 FROM data WHERE blob = old.blob);
END;
INSERT INTO sessions (session, kernel, display_name, language, folder, started) VALUES ('s', 'python3', 'Python 3', 'python', '/work/a', 1764000000000000000);
INSERT INTO evaluations (evaluation, session, code, client, uri, line, "column", version, state, count, queued, started, ended, message)
	VALUES ('e1', 's', 'print(''told before'')', 'Vim', 'file:///a.py', 3, 4, 1, 'done', 1, 1764000000000000000, 1764000000000000000, 1764000001000000000, '');
INSERT INTO outputs (evaluation, kind, name, display, body, sum) VALUES (1, 'stream', 'stdout', '', 'told before
', 2200285823);
PRAGMA user_version = 1;
