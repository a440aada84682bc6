-- How often someone tried, by what they are counted under: an account, an address, a device.
CREATE TABLE throttles (
    key           TEXT   NOT NULL PRIMARY KEY,
    attempts      BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    forgotten_at  BIGINT NOT NULL
);

CREATE INDEX throttles_by_age ON throttles (forgotten_at);

-- How often it happened: refusals under attack are counted and not listed one by one.
ALTER TABLE audit_events ADD COLUMN occurrences BIGINT NOT NULL DEFAULT 1;
