CREATE TABLE notes (
    id         TEXT   NOT NULL PRIMARY KEY,
    author_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

-- One index for each list, in its order.
CREATE INDEX notes_by_time ON notes (created_at, id);
CREATE INDEX notes_by_author ON notes (author_id, created_at, id);
