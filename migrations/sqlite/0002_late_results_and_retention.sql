-- Results that came before the signals that decided their attempts, which another server's spool still had: a JSON array.
ALTER TABLE call_records ADD COLUMN early TEXT;

-- What retention looks for: a call's way back to its session, and webhooks by age.
CREATE INDEX call_sessions_call ON call_sessions (tenant_id, call_id);
CREATE INDEX webhook_audit_age ON webhook_audit (tenant_id, created_at);
