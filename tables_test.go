package main

import (
	"maps"

	"github.com/authgraph/authgraph/store"
	"github.com/authgraph/authgraph/store/storetest"
)

// brokenRows counts the rows that no whole change leaves behind, in a database where nobody was
// deleted and nothing has expired.
var brokenRows = map[string]string{
	"users without exactly one password": `SELECT count(*) FROM users u
		WHERE (SELECT count(*) FROM credentials c WHERE c.user_id = u.id AND c.kind = 'password') <> 1`,
	"users whose sign-up is not in the audit trail once": `SELECT count(*) FROM users u
		WHERE (SELECT count(*) FROM audit_events e WHERE e.user_id = u.id AND e.kind = 'USER_CREATED') <> 1`,
	"sign-ups in the audit trail of users who are not there": `SELECT count(*) FROM audit_events
		WHERE kind = 'USER_CREATED' AND user_id NOT IN (SELECT id FROM users)`,
	"users whose log-ins are not counted as in the audit trail": `SELECT count(*) FROM users u
		WHERE login_count <> (SELECT count(*) FROM audit_events e WHERE e.user_id = u.id AND e.kind = 'LOGGED_IN')`,
	"sessions whose log-in is not in the audit trail": `SELECT count(*) FROM sessions
		WHERE id NOT IN (SELECT subject_id FROM audit_events WHERE kind = 'LOGGED_IN')`,
	"sessions whose end is in the audit trail": `SELECT count(*) FROM sessions
		WHERE id IN (SELECT subject_id FROM audit_events WHERE kind IN ('LOGGED_OUT', 'SESSION_REVOKED') AND subject_id IS NOT NULL)`,
	"sessions that are gone though nothing in the audit trail ended them": `SELECT count(*) FROM audit_events e
		WHERE e.kind = 'LOGGED_IN' AND e.subject_id NOT IN (SELECT id FROM sessions)
		AND e.subject_id NOT IN (SELECT subject_id FROM audit_events WHERE kind IN ('LOGGED_OUT', 'SESSION_REVOKED') AND subject_id IS NOT NULL)
		AND NOT EXISTS (SELECT 1 FROM audit_events c WHERE c.user_id = e.user_id AND c.kind = 'PASSWORD_CHANGED' AND c.at > e.at)`,
	"sessions whose renewals are not in the audit trail": `SELECT count(*) FROM sessions s
		WHERE (SELECT count(*) FROM superseded_tokens t WHERE t.session_id = s.id) <>
		(SELECT count(*) FROM audit_events e WHERE e.user_id = s.user_id AND e.kind = 'SESSION_RENEWED' AND e.subject_id = s.id)`,
	"API tokens whose creation is not in the audit trail": `SELECT count(*) FROM api_tokens
		WHERE id NOT IN (SELECT subject_id FROM audit_events WHERE kind = 'API_TOKEN_CREATED')`,
	"API tokens whose end is in the audit trail": `SELECT count(*) FROM api_tokens
		WHERE id IN (SELECT subject_id FROM audit_events WHERE kind = 'API_TOKEN_REVOKED')`,
	"API tokens that are gone though nothing in the audit trail ended them": `SELECT count(*) FROM audit_events e
		WHERE e.kind = 'API_TOKEN_CREATED' AND e.subject_id NOT IN (SELECT id FROM api_tokens)
		AND e.subject_id NOT IN (SELECT subject_id FROM audit_events WHERE kind = 'API_TOKEN_REVOKED')
		AND NOT EXISTS (SELECT 1 FROM audit_events c WHERE c.user_id = e.user_id AND c.kind = 'PASSWORD_CHANGED' AND c.at > e.at)`,
}

// brokenFile counts what SQLite itself finds wrong.
var brokenFile = map[string]string{
	"faults of the file":      `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
	"rows that refer to none": `SELECT count(*) FROM pragma_foreign_key_check`,
}

// checkTables holds the database at an address to having whole changes only.
func (l *ledger) checkTables(address string) {
	l.t.Helper()
	queries := maps.Clone(brokenRows)
	if store.File(address) != "" {
		maps.Copy(queries, brokenFile)
	}
	for what, query := range queries {
		if n := storetest.Number(l.t, address, query); n > 0 {
			l.loses("there are %d %s", n, what)
		}
	}
}
