-- Times are integers: microseconds since the Unix epoch, UTC.

CREATE TABLE users (
    id                TEXT    NOT NULL PRIMARY KEY,
    email             TEXT,
    username          TEXT,
    email_folded      TEXT    NOT NULL,
    username_folded   TEXT    NOT NULL,
    first_name        TEXT,
    first_name_folded TEXT    NOT NULL,
    last_name         TEXT,
    last_name_folded  TEXT    NOT NULL,
    disabled_at       BIGINT,
    created_at        BIGINT  NOT NULL,
    updated_at        BIGINT  NOT NULL,
    CONSTRAINT users_identifier CHECK (email_folded <> '' OR username_folded <> '')
);

-- One account per identifier, decided here and nowhere else.
CREATE UNIQUE INDEX users_email_folded_unique ON users (email_folded) WHERE email_folded <> '';
CREATE UNIQUE INDEX users_username_folded_unique ON users (username_folded) WHERE username_folded <> '';

-- One index for each order that a page of users can have; they serve the prefix search too.
CREATE INDEX users_by_created_at ON users (created_at, id);
CREATE INDEX users_by_email ON users (email_folded, id);
CREATE INDEX users_by_username ON users (username_folded, id);
CREATE INDEX users_by_first_name ON users (first_name_folded, id);
CREATE INDEX users_by_last_name ON users (last_name_folded, id);

CREATE TABLE credentials (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       TEXT   NOT NULL,
    secret     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE INDEX credentials_by_user ON credentials (user_id, kind);
CREATE UNIQUE INDEX credentials_password_unique ON credentials (user_id) WHERE kind = 'password';

CREATE TABLE roles (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    description TEXT   NOT NULL,
    permissions TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE UNIQUE INDEX roles_name_unique ON roles (name);

CREATE TABLE user_roles (
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id    TEXT   NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, role_id)
);

CREATE INDEX user_roles_by_role ON user_roles (role_id, user_id);

CREATE TABLE sessions (
    id               TEXT    NOT NULL PRIMARY KEY,
    user_id          TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash       BLOB    NOT NULL,
    persistent       BOOLEAN NOT NULL,
    user_agent       TEXT    NOT NULL,
    address          TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    authenticated_at BIGINT  NOT NULL,
    cookie_issued_at BIGINT  NOT NULL,
    expires_at       BIGINT
);

CREATE UNIQUE INDEX sessions_token_hash_unique ON sessions (token_hash);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE expires_at IS NOT NULL;

-- Facts about this database that the server itself keeps, such as the check value of its secret.
CREATE TABLE facts (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
