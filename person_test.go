package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// person is someone who uses the program, one step after the other, and what they were told.
type person struct {
	*ledger
	random     *rand.Rand
	id, email  string
	passwords  []string // one after the other by changes
	sessions   []*knownSession
	tokens     []*knownToken
	lostLogIns int // sessions that may exist though nobody knows their tokens
}

// knownSession is a session that a person was told of.
type knownSession struct {
	id     string
	tokens []string        // one after the other by renewals
	end    model.AuditKind // how it ended; "" while it goes on
}

// knownToken is an API token that a person was told of.
type knownToken struct {
	id, name string
	token    string          // "" where the answer was cut off
	end      model.AuditKind // how it ended; "" while it goes on
}

func (p *person) password() string { return p.passwords[len(p.passwords)-1] }

func (s *knownSession) token() string { return s.tokens[len(s.tokens)-1] }

// live has people come and use the program, one after the other, until it is enough.
func (l *ledger) live(random *rand.Rand, enough func() bool) {
	for !enough() {
		p := l.newcomer(random)
		for steps := 5 + random.IntN(25); steps > 0 && !enough(); steps-- {
			p.step()
		}
	}
}

// newcomer has someone sign up.
func (l *ledger) newcomer(random *rand.Rand) *person {
	p := &person{ledger: l, random: random}
	p.passwords = []string{p.newPassword()}
	l.mu.Lock()
	l.people = append(l.people, p)
	p.email = fmt.Sprintf("person-%d@example.test", len(l.people))
	l.mu.Unlock()
	for {
		a := p.write("", signUpOperation, p.email, p.password())
		switch a.code() {
		case "":
			p.id = a.Data.CreateUser.User.ID
			return p
		case cutOff: // either the account is there, or its address is free: there is no half of one
			p.back()
			if p.logIn(p.password()) {
				return p
			}
		default:
			p.broken("%s: the sign-up is told %v", p.email, a)
		}
	}
}

func (p *person) newPassword() string { return fmt.Sprintf("violet harbour %016x", p.random.Uint64()) }

// step does one of the things that people do.
func (p *person) step() {
	session, other, token := p.liveSession(), p.liveSession(), p.liveToken()
	if session == nil {
		p.logIn(p.password())
		return
	}
	switch choice := p.random.IntN(100); {
	case choice < 20:
		p.logIn(p.password())
	case choice < 35:
		p.logOut(session)
	case choice < 60:
		p.renew(session)
	case choice < 72:
		p.revokeSession(session, other)
	case choice < 84 || token == nil:
		p.createToken(session)
	case choice < 92:
		p.revokeToken(session, token)
	default:
		p.changePassword(session)
	}
}

// liveSession returns one of the sessions that go on, or nil.
func (p *person) liveSession() *knownSession {
	live := slices.DeleteFunc(slices.Clone(p.sessions), func(s *knownSession) bool { return s.end != "" })
	if len(live) == 0 {
		return nil
	}
	return live[p.random.IntN(len(live))]
}

// liveToken returns one of the API tokens that count, or nil.
func (p *person) liveToken() *knownToken {
	live := slices.DeleteFunc(slices.Clone(p.tokens), func(t *knownToken) bool { return t.end != "" })
	if len(live) == 0 {
		return nil
	}
	return live[p.random.IntN(len(live))]
}

// logIn signs in until there is an answer, and reports whether the password was taken.
func (p *person) logIn(password string) bool {
	for {
		a := p.write("", logInOperation, p.email, password)
		switch a.code() {
		case "":
			if p.id == "" {
				p.id = a.Data.Login.User.ID
			}
			if a.Data.Login.User.ID != p.id {
				p.broken("%s is signed in as someone else: %v", p.email, a)
			}
			s := &knownSession{id: a.Data.Login.Session.ID, tokens: []string{a.Data.Login.Token}}
			p.sessions = append(p.sessions, s)
			p.mustCount(s.token(), true)
			return true
		case auth.InvalidCredentials:
			return false
		case cutOff:
			p.lostLogIns++
			p.back()
		default:
			p.broken("%s: the log-in is told %v", p.email, a)
		}
	}
}

// counts reports whether a token is taken for this person's.
func (p *person) counts(token string) bool {
	a := p.read(token, meOperation)
	switch {
	case a.code() == "" && a.Data.Me != nil && a.Data.Me.ID == p.id:
		return true
	case a.code() == auth.Unauthenticated:
		return false
	default:
		p.broken("%s is told %v", p.email, a)
		return false
	}
}

// mustCount holds the program to what a token is worth.
func (p *person) mustCount(token string, want bool) {
	if got := p.counts(token); got != want {
		p.loses("%s: a token counts: %v, want %v", p.email, got, want)
	}
}

func (p *person) logOut(s *knownSession) {
	a := p.write(s.token(), logOutOperation)
	switch {
	case a.code() == cutOff:
		p.back()
		if !p.counts(s.token()) {
			s.end = model.AuditLoggedOut
		}
	case a.code() == "" && a.Data.Logout.LoggedOut:
		s.end = model.AuditLoggedOut
		p.mustCount(s.token(), false)
	default:
		p.broken("%s: the log-out is told %v", p.email, a)
	}
}

// renew gets a new token, and asks with the old one for an answer that was cut off.
func (p *person) renew(s *knownSession) {
	for {
		a := p.write(s.token(), renewOperation)
		switch a.code() {
		case "":
			s.tokens = append(s.tokens, a.Data.RenewSession.Token)
			p.mustCount(s.token(), true)
			return
		case cutOff:
			p.back()
		default:
			p.broken("%s: the renewal is told %v", p.email, a)
		}
	}
}

// revokeSession ends a session from another one, or from itself.
func (p *person) revokeSession(by, s *knownSession) {
	a := p.write(by.token(), revokeSessionOperation, s.id)
	switch a.code() {
	case "":
		s.end = model.AuditSessionRevoked
		p.mustCount(s.token(), false)
	case cutOff:
		p.back()
		if !p.counts(s.token()) {
			s.end = model.AuditSessionRevoked
		}
	default:
		p.broken("%s: the revocation is told %v", p.email, a)
	}
}

func (p *person) createToken(s *knownSession) {
	token := &knownToken{name: fmt.Sprintf("token %d", len(p.tokens))}
	a := p.write(s.token(), createTokenOperation, token.name)
	switch a.code() {
	case "":
		token.id, token.token = a.Data.CreateAPIToken.APIToken.ID, a.Data.CreateAPIToken.Token
		p.tokens = append(p.tokens, token)
		p.mustCount(token.token, true)
	case cutOff:
		p.back()
		for id, name := range p.listedTokens(s) {
			if name == token.name {
				token.id = id
				p.tokens = append(p.tokens, token)
			}
		}
	default:
		p.broken("%s: the creation of an API token is told %v", p.email, a)
	}
}

func (p *person) revokeToken(s *knownSession, token *knownToken) {
	a := p.write(s.token(), revokeTokenOperation, token.id)
	switch a.code() {
	case "":
	case cutOff:
		p.back()
	default:
		p.broken("%s: the revocation of an API token is told %v", p.email, a)
	}
	if _, listed := p.listedTokens(s)[token.id]; !listed {
		token.end = model.AuditAPITokenRevoked
	} else if a.code() == "" {
		p.loses("%s: a revoked API token is listed", p.email)
	}
}

// listedTokens returns the names of the API tokens that the program knows, by their ids.
func (p *person) listedTokens(s *knownSession) map[string]string {
	a := p.read(s.token(), listOperation)
	if a.code() != "" || a.Data.Me == nil {
		p.broken("%s: the list of API tokens is %v", p.email, a)
	}
	names := map[string]string{}
	for _, token := range a.Data.Me.APITokens {
		names[token.ID] = token.Name
	}
	return names
}

// changePassword ends all sessions but the one that it is done in, and all API tokens.
func (p *person) changePassword(s *knownSession) {
	old, next := p.password(), p.newPassword()
	sessions := slices.Clone(p.sessions)
	a := p.write(s.token(), changePasswordOperation, old, next)
	switch a.code() {
	case "":
	case cutOff:
		p.back()
		if p.logIn(next) {
			break
		}
		if !p.logIn(old) {
			p.loses("%s: neither the old password is taken nor the new one", p.email)
		}
		p.checkTokens() // nothing has ended
		return
	default:
		p.broken("%s: the change of the password is told %v", p.email, a)
	}
	p.passwords = append(p.passwords, next)
	for _, other := range sessions {
		if other != s && other.end == "" {
			other.end = model.AuditPasswordChanged
		}
	}
	for _, token := range p.tokens {
		if token.end == "" {
			token.end = model.AuditPasswordChanged
		}
	}
	p.checkTokens()
}

// checkAll holds the program to everything that anyone was told.
func (l *ledger) checkAll() {
	var checks sync.WaitGroup
	people := make(chan *person, len(l.people))
	for _, p := range l.people {
		people <- p
	}
	close(people)
	for range 4 {
		checks.Go(func() {
			for p := range people {
				p.check()
			}
		})
	}
	checks.Wait()
}

// check holds the program to everything that this person was told, and the audit trail to it.
func (p *person) check() {
	if !p.logIn(p.password()) {
		p.loses("%s: the password is not taken", p.email)
	}
	former := p.passwords[:len(p.passwords)-1]
	for _, password := range former[max(0, len(former)-2):] { // each costs a hash
		if p.logIn(password) {
			p.loses("%s: a former password is taken", p.email)
		}
	}
	p.checkTokens()
	p.checkLists()
	p.checkTrail()
}

// checkTokens holds the program to what each token is worth.
func (p *person) checkTokens() {
	for _, s := range p.sessions {
		if s.end == "" {
			p.mustCount(s.token(), true)
			continue
		}
		for _, token := range s.tokens {
			p.mustCount(token, false)
		}
	}
	for _, token := range p.tokens {
		if token.token != "" {
			p.mustCount(token.token, token.end == "")
		}
	}
}

// checkLists holds the program to listing what counts and nothing else.
func (p *person) checkLists() {
	a := p.read(p.liveSession().token(), listOperation)
	if a.code() != "" || a.Data.Me == nil {
		p.broken("%s: the lists are %v", p.email, a)
	}
	var sessions, tokens, wantTokens []string
	for _, session := range a.Data.Me.Sessions {
		sessions = append(sessions, session.ID)
	}
	for _, token := range a.Data.Me.APITokens {
		tokens = append(tokens, token.ID)
	}
	for _, s := range p.sessions {
		n := len(sessions)
		sessions = slices.DeleteFunc(sessions, func(id string) bool { return id == s.id })
		if listed := len(sessions) < n; listed != (s.end == "") {
			p.loses("%s: a session that ended by %q is listed: %v", p.email, s.end, listed)
		}
	}
	if len(sessions) > p.lostLogIns {
		p.loses("%s: %d sessions are listed of which nobody was told, after %d log-ins without an answer", p.email, len(sessions), p.lostLogIns)
	}
	for _, token := range p.tokens {
		if token.end == "" {
			wantTokens = append(wantTokens, token.id)
		}
	}
	slices.Sort(tokens)
	slices.Sort(wantTokens)
	if !slices.Equal(tokens, wantTokens) {
		p.loses("%s: the API tokens %q are listed, want %q", p.email, tokens, wantTokens)
	}
}

// checkTrail holds the audit trail to one event for each change, and to none for what did not
// happen.
func (p *person) checkTrail() {
	events := map[auditEntry]int{}
	for after := "null"; ; {
		a := p.read(p.admin, trailOperation, after, p.id)
		if a.code() != "" {
			p.broken("the audit trail of %s is %v", p.email, a)
		}
		for _, event := range a.Data.AuditLog.Nodes {
			events[event]++
		}
		if !a.Data.AuditLog.PageInfo.HasNextPage {
			break
		}
		after = fmt.Sprintf("%q", a.Data.AuditLog.PageInfo.EndCursor)
	}
	want := func(n int, kind model.AuditKind, subject string) {
		if got := events[auditEntry{kind, subject}]; got != n {
			p.loses("%s: the audit trail tells of %s %s %d times, want %d", p.email, kind, subject, got, n)
		}
	}
	once := map[bool]int{true: 1}
	want(1, model.AuditUserCreated, "")
	want(len(p.passwords)-1, model.AuditPasswordChanged, "")
	for _, s := range p.sessions {
		want(1, model.AuditLoggedIn, s.id)
		want(len(s.tokens)-1, model.AuditSessionRenewed, s.id)
		want(once[s.end == model.AuditLoggedOut], model.AuditLoggedOut, s.id)
		want(once[s.end == model.AuditSessionRevoked], model.AuditSessionRevoked, s.id)
		want(0, model.AuditTokenReused, s.id)
	}
	for _, token := range p.tokens {
		want(1, model.AuditAPITokenCreated, token.id)
		want(once[token.end == model.AuditAPITokenRevoked], model.AuditAPITokenRevoked, token.id)
	}
}
