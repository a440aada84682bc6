-- One index for each order that a page of disabled users can have: they may be few among many.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_disabled_by_created_at ON users (created_at, id) WHERE disabled_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_disabled_by_email ON users (email_folded, id) WHERE disabled_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_disabled_by_username ON users (username_folded, id) WHERE disabled_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_disabled_by_last_name ON users (last_name_folded, id) WHERE disabled_at IS NOT NULL;

-- The tokens whose successor nobody has used yet: one of a session's at most, of however many.
CREATE INDEX CONCURRENTLY IF NOT EXISTS superseded_tokens_unconfirmed ON superseded_tokens (session_id) WHERE successor_used_at IS NULL;
