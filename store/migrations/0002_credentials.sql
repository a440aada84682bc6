ALTER TABLE users ADD COLUMN locale TEXT;
ALTER TABLE users ADD COLUMN confirmed_at BIGINT;

-- Tracked log-ins: the last but one and the last.
ALTER TABLE users ADD COLUMN last_login_at BIGINT;
ALTER TABLE users ADD COLUMN last_login_address TEXT;
ALTER TABLE users ADD COLUMN current_login_at BIGINT;
ALTER TABLE users ADD COLUMN current_login_address TEXT;
ALTER TABLE users ADD COLUMN login_count BIGINT NOT NULL DEFAULT 0;

CREATE INDEX users_disabled ON users (id) WHERE disabled_at IS NOT NULL;

ALTER TABLE sessions ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0;
-- Whether the token is a successor that nobody has used yet.
ALTER TABLE sessions ADD COLUMN unconfirmed BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX sessions_by_last_seen ON sessions (last_seen_at);

-- The tokens that a session had before its present one. The successor of each is the
-- HMAC-SHA-256 of it and the nonce, so that it can be answered again; with an empty nonce
-- it cannot be told from it.
CREATE TABLE superseded_tokens (
    token_hash        BLOB   NOT NULL PRIMARY KEY,
    session_id        TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    nonce             BLOB   NOT NULL,
    superseded_at     BIGINT NOT NULL,
    successor_used_at BIGINT
);

CREATE INDEX superseded_tokens_by_session ON superseded_tokens (session_id);
CREATE INDEX superseded_tokens_by_age ON superseded_tokens (successor_used_at) WHERE successor_used_at IS NOT NULL;

CREATE TABLE api_tokens (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT   NOT NULL,
    token_hash   BLOB   NOT NULL,
    scopes       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);

CREATE UNIQUE INDEX api_tokens_token_hash_unique ON api_tokens (token_hash);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, id);
CREATE INDEX api_tokens_by_expiry ON api_tokens (expires_at) WHERE expires_at IS NOT NULL;

-- Codes that set a password once. A user has one at most.
CREATE TABLE password_codes (
    user_id    TEXT   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX password_codes_code_hash_unique ON password_codes (code_hash);

-- Keys that sign access tokens. The private part is sealed under the server secret.
CREATE TABLE signing_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    algorithm  TEXT   NOT NULL,
    public_jwk TEXT   NOT NULL,
    sealed     BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);

-- What happened, never changed and never removed but by age. Ids name what may be gone.
CREATE TABLE audit_events (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    actor_id   TEXT,
    user_id    TEXT,
    session_id TEXT,
    subject_id TEXT,
    address    TEXT,
    user_agent TEXT,
    request_id TEXT,
    detail     TEXT
);

CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_by_kind ON audit_events (kind, at, id);
CREATE INDEX audit_events_by_user ON audit_events (user_id, at, id);
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, at, id);
