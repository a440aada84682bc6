-- Each index of 0004_pages.sql has what this one has, in an order of its own.
DROP INDEX users_disabled;
