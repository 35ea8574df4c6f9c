-- Results that came before the signals that decided their attempts, which another server's spool still had: a JSON array.
-- What retention looks for has its indexes since the first schema.
ALTER TABLE call_records ADD COLUMN early LONGTEXT;
