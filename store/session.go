package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/authgraph/authgraph/model"
)

// InsertSession adds a session.
func (s *Store) InsertSession(ctx context.Context, session *model.Session) error {
	return s.insert(ctx, session)
}

// SessionByID returns a session, or ErrNotFound.
func (s *Store) SessionByID(ctx context.Context, id string) (*model.Session, error) {
	session := new(model.Session)
	err := s.scan(ctx, s.reads.NewSelect().Model(session).Where("id = ?", id))
	return session, err
}

// SessionsByIDs returns those of the sessions that there are, by id.
func (s *Store) SessionsByIDs(ctx context.Context, ids []string) (map[string]*model.Session, error) {
	return byIDs(ctx, s, ids, func(session *model.Session) string { return session.ID })
}

// Live says which sessions have not ended by themselves: those that end after Now, if ever, and
// were used after Used.
type Live struct {
	Now  model.Time
	Used model.Time // zero: whenever
}

func (l Live) apply(query *bun.SelectQuery) *bun.SelectQuery {
	query.Where("expires_at IS NULL OR expires_at > ?", l.Now)
	if !l.Used.IsZero() {
		query.Where("last_seen_at > ?", l.Used)
	}
	return query
}

// SessionsByUsers returns the live sessions of each of the users, by user id: the newest, so many
// at most, newest first. Of others it reads none, however many a user has.
func (s *Store) SessionsByUsers(ctx context.Context, userIDs []string, live Live, most int) (map[string][]*model.Session, error) {
	var sessions []*model.Session
	oldest := live.apply(s.reads.NewSelect().Model((*model.Session)(nil)).Column("created_at").Where("user_id = owner.id")).
		Order("created_at DESC").Limit(1).Offset(int64(most - 1))
	owners := s.reads.NewSelect().TableExpr("users AS owner").Column("id").ColumnExpr("COALESCE((?), 0) AS since", oldest).
		Where("id IN (?)", list(userIDs)).Limit(int64(len(userIDs)))
	err := s.scan(ctx, live.apply(s.reads.NewSelect().Model(&sessions)).
		ModelTableExpr("(?) AS owner CROSS JOIN sessions AS ?TableAlias", owners).
		Where("user_id = owner.id").Where("created_at >= since").
		OrderExpr("created_at DESC, ?TableAlias.id DESC"))
	byUser := groupBy(sessions, func(session *model.Session) string { return session.UserID })
	for id, sessions := range byUser {
		byUser[id] = sessions[:min(len(sessions), most)] // several may have begun at the same moment
	}
	return byUser, err
}

// DeleteSession ends a session and reports whether it was there.
func (s *Store) DeleteSession(ctx context.Context, id string) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).Where("id = ?", id))
	return n == 1, err
}

// DeleteSessionsByUser ends all sessions of a user but the one with the id except, and
// returns how many they were.
func (s *Store) DeleteSessionsByUser(ctx context.Context, userID, except string) (int, error) {
	return s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).
		Where("user_id = ?", userID).Where("id <> ?", except))
}

// DeleteOldestSessions ends the sessions that the user has not used for longest until keep are
// left, and returns how many they were.
func (s *Store) DeleteOldestSessions(ctx context.Context, userID string, keep int) (int, error) {
	newest := s.reads.NewSelect().Model((*model.Session)(nil)).Column("id").
		Where("user_id = ?", userID).Order("last_seen_at DESC", "id DESC").Limit(int64(keep))
	return s.exec(ctx, s.writes.NewDelete().Model((*model.Session)(nil)).
		Where("user_id = ?", userID).Where("id NOT IN (?)", newest))
}

// SetSessionsSeen notes that sessions were used now, those that were last seen at due or before, so
// that of several requests or servers at once one writes.
func (s *Store) SetSessionsSeen(ctx context.Context, ids []string, now, due model.Time) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("last_seen_at = ?", now).
		Where("id IN (?)", list(ids)).Where("last_seen_at <= ?", due))
	return err
}

// SetCookieIssued notes that a session's cookie is sent again, if it was last sent at
// previous, and reports whether this call is the one that notes it.
func (s *Store) SetCookieIssued(ctx context.Context, id string, previous, now model.Time) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("cookie_issued_at = ?", now).
		Where("id = ?", id).Where("cookie_issued_at = ?", previous))
	return n == 1, err
}

// SupersedeToken gives a session the token with the hash successor, if its token is still the
// superseded one, and reports whether it did. The successor counts as unused.
func (s *Store) SupersedeToken(ctx context.Context, superseded *model.SupersededToken, successor []byte) (bool, error) {
	n, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("token_hash = ?", successor).Set("unconfirmed = ?", true).
		Where("id = ?", superseded.SessionID).Where("token_hash = ?", superseded.TokenHash))
	if err != nil || n == 0 {
		return false, err
	}
	return true, s.insert(ctx, superseded)
}

// SupersededToken returns a token that a session had before, or ErrNotFound.
func (s *Store) SupersededToken(ctx context.Context, hash []byte) (*model.SupersededToken, error) {
	token := new(model.SupersededToken)
	err := s.scan(ctx, s.reads.NewSelect().Model(token).Where("token_hash = ?", hash))
	return token, err
}

// ConfirmSuccessor notes that a session's token was used for the first time, if it is still
// the one with this hash.
func (s *Store) ConfirmSuccessor(ctx context.Context, sessionID string, hash []byte, now model.Time) error {
	return s.Tx(ctx, func(ctx context.Context, tx *Store) error {
		confirmed, err := tx.exec(ctx, tx.writes.NewUpdate().Model((*model.Session)(nil)).
			Set("unconfirmed = ?", false).
			Where("id = ?", sessionID).Where("token_hash = ?", hash).Where("unconfirmed"))
		if err != nil || confirmed == 0 {
			return err
		}
		_, err = tx.exec(ctx, tx.writes.NewUpdate().Model((*model.SupersededToken)(nil)).
			Set("successor_used_at = ?", now).
			Where("session_id = ?", sessionID).Where("successor_used_at IS NULL"))
		return err
	})
}

// CutSuccessors makes it impossible to find a session's later tokens by those whose successor
// nobody has used yet. Earlier ones lead nowhere but through them.
func (s *Store) CutSuccessors(ctx context.Context, sessionID string) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.SupersededToken)(nil)).
		Set("nonce = ?", []byte{}).
		Where("session_id = ?", sessionID).Where("successor_used_at IS NULL"))
	return err
}

// ReplaceToken gives a session another token, whatever the present one is, and forgets that one:
// nobody has used it.
func (s *Store) ReplaceToken(ctx context.Context, sessionID string, hash []byte) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("token_hash = ?", hash).Set("unconfirmed = ?", true).Where("id = ?", sessionID))
	return err
}

// SetAuthenticated notes that the password was proved in a session, from a user agent.
func (s *Store) SetAuthenticated(ctx context.Context, id string, now model.Time, userAgent string) error {
	_, err := s.exec(ctx, s.writes.NewUpdate().Model((*model.Session)(nil)).
		Set("authenticated_at = ?", now).Set("user_agent = ?", userAgent).Where("id = ?", id))
	return err
}

// The sweeps remove at most limit rows and return how many they were: few at a time, so
// that the one writer is never held for long.

// DeleteExpiredSessions removes sessions that ended before now.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now model.Time, limit int) (int, error) {
	return s.deleteSessions(ctx, "expires_at", now, limit)
}

// DeleteIdleSessions removes sessions that nobody used since a time.
func (s *Store) DeleteIdleSessions(ctx context.Context, since model.Time, limit int) (int, error) {
	return s.deleteSessions(ctx, "last_seen_at", since, limit)
}

// deleteSessions removes the old tokens of sessions, and then the sessions: a session that was
// renewed for months has so many that they do not go with it at once.
func (s *Store) deleteSessions(ctx context.Context, column bun.Ident, until model.Time, limit int) (int, error) {
	sessions := s.reads.NewSelect().Model((*model.Session)(nil)).Column("id").
		Where("? <= ?", column, until).OrderExpr("?", column).Limit(int64(limit))
	some := s.reads.NewSelect().Model((*model.SupersededToken)(nil)).Column("token_hash").
		Where("session_id IN (?)", sessions).Limit(int64(limit))
	tokens, err := s.exec(ctx, s.writes.NewDelete().Model((*model.SupersededToken)(nil)).Where("token_hash IN (?)", some))
	if err != nil || tokens >= limit {
		return tokens, err
	}
	ended, err := s.deleteSome(ctx, (*model.Session)(nil), "id", string(column), until, limit-tokens)
	return tokens + ended, err
}

// DeleteSupersededTokens removes tokens whose successor was first used before a time.
func (s *Store) DeleteSupersededTokens(ctx context.Context, before model.Time, limit int) (int, error) {
	return s.deleteSome(ctx, (*model.SupersededToken)(nil), "token_hash", "successor_used_at", before, limit)
}
