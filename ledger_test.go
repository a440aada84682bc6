package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// The tests of crashes, of replicas and of failover use the program as many people do at once,
// while parts of it die, and keep a ledger of what each of them was told. The rules:
//
//   - An answer without an error acknowledges a change. From then on it holds, at every request.
//   - A change whose answer was cut off may have happened or not. Whoever asked for it finds out
//     at once which of the two; it is one of them as a whole, and stays it.
//   - Every other answer must be the one that follows from the ledger.

var seed = flag.Uint64("seed", 0, "repeat the random choices of the tests that kill; 0 for new ones")

// newSeed returns what the random choices of a test are made from, and tells it.
func newSeed(t *testing.T) uint64 {
	chosen := *seed
	if chosen == 0 {
		chosen = rand.Uint64()
	}
	t.Logf("to repeat these choices: -seed %d", chosen)
	return chosen
}

// answerDeadline bounds how long nobody may get an answer.
const answerDeadline = time.Minute

// ledger is what people were told by the program.
type ledger struct {
	t       *testing.T
	origin  func() string // where the program is asked
	client  *http.Client
	admin   string // an administrator's token
	outages bool   // whether INTERNAL_SERVER_ERROR is allowed, as an answer that tells nothing

	dying sync.RWMutex // held while something dies: until then, what is under way may still happen

	mu           sync.Mutex
	progress     *sync.Cond
	people       []*person
	acknowledged int // changes
	unanswered   int // changes
	lost         int // facts that did not hold
}

// newLedger returns an empty ledger of a program where admin@example.test is an administrator,
// whose password is goodPassword.
func newLedger(t *testing.T, origin func() string) *ledger {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	l := &ledger{t: t, origin: origin, client: &http.Client{Transport: transport, Timeout: answerDeadline}}
	l.progress = sync.NewCond(&l.mu)
	answer := l.ask("", logInOperation, "admin@example.test", goodPassword)
	if answer.code() != "" {
		t.Fatalf("the administrator's log-in: %v", answer)
	}
	l.admin = answer.Data.Login.Token
	return l
}

// answer is what came of a request.
type answer struct {
	fault  error // why there is no whole answer
	body   string
	Errors []struct{ Extensions struct{ Code auth.Code } }
	Data   struct {
		Me *struct {
			ID        string
			Sessions  []struct{ ID string }
			APITokens []struct{ ID, Name string }
		}
		CreateUser     struct{ User struct{ ID string } }
		Logout         struct{ LoggedOut bool }
		Users          struct{ TotalCount int }
		RenewSession   struct{ Token string }
		CreateAPIToken struct {
			Token    string
			APIToken struct{ ID string }
		}
		Login struct {
			Token   string
			User    struct{ ID string }
			Session struct{ ID string }
		}
		AuditLog struct {
			Nodes    []auditEntry
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
	}
}

// auditEntry is an event of the audit trail.
type auditEntry struct {
	Kind      model.AuditKind
	SubjectID string
}

const (
	// internalError is the code of an outage.
	internalError auth.Code = "INTERNAL_SERVER_ERROR"
	// cutOff stands in the place of a code where an answer tells nothing about what was done.
	cutOff auth.Code = "CUT_OFF"
)

// code returns why a request was refused, cutOff, or "" where it was done.
func (a *answer) code() auth.Code {
	switch {
	case a.fault != nil:
		return cutOff
	case len(a.Errors) > 0:
		return a.Errors[0].Extensions.Code
	default:
		return ""
	}
}

// unreachable reports whether a request failed because nobody was there to take it.
func unreachable(err error) bool {
	fault, ok := errors.AsType[*net.OpError](err)
	return ok && fault.Op == "dial"
}

// find returns the first part of the answer that a regular expression matches, and "" for none.
func (a *answer) find(pattern string) string { return regexp.MustCompile(pattern).FindString(a.body) }

func (a *answer) String() string {
	if a.fault != nil {
		return a.fault.Error() + " " + a.body
	}
	return a.body
}

// The operations, to be completed by fmt.Sprintf.
const (
	meOperation             = `{ me { id } }`
	listOperation           = `{ me { id sessions { id } apiTokens { id name } } }`
	signUpOperation         = `mutation { createUser(input: {email: %q, password: %q}) { user { id } } }`
	logInOperation          = `mutation { login(input: {identifier: %q, password: %q}) { ... on LoginSuccess { token user { id } session { id } } } }`
	logOutOperation         = `mutation { logout { loggedOut } }`
	renewOperation          = `mutation { renewSession { token } }`
	changePasswordOperation = `mutation { changePassword(input: {currentPassword: %q, newPassword: %q}) { user { id } } }`
	revokeSessionOperation  = `mutation { revokeSession(input: {id: %q}) { session { id } } }`
	createTokenOperation    = `mutation { createApiToken(input: {name: %q}) { token apiToken { id } } }`
	revokeTokenOperation    = `mutation { revokeApiToken(input: {id: %q}) { apiToken { id } } }`
	trailOperation          = `{ auditLog(first: 100, after: %s, filter: {userId: %q}) { nodes { kind subjectId } pageInfo { hasNextPage endCursor } } }`
)

// ask sends an operation, with a token unless it is "".
func (l *ledger) ask(token, operation string, arguments ...any) *answer {
	if token != "" {
		token = "Bearer " + token
	}
	return l.askAt(l.origin(), token, operation, arguments...)
}

// askAt sends an operation to an origin, with a credential in the header Authorization unless it
// is "".
func (l *ledger) askAt(origin, credential, operation string, arguments ...any) *answer {
	body, err := json.Marshal(map[string]string{"query": fmt.Sprintf(operation, arguments...)})
	if err != nil {
		return &answer{fault: err}
	}
	request, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, origin+"/graphql", bytes.NewReader(body))
	if err != nil {
		return &answer{fault: err}
	}
	request.Header.Set("Content-Type", "application/json")
	if credential != "" {
		request.Header.Set("Authorization", credential)
	}
	response, err := l.client.Do(request)
	if err != nil {
		return &answer{fault: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode == http.StatusBadGateway { // of a proxy that got none
		err = errors.New(response.Status)
	}
	if err != nil {
		return &answer{fault: err}
	}
	a := &answer{body: string(text)}
	if err := json.Unmarshal(text, a); err != nil {
		l.loses("%s answers %s: %s", operation, response.Status, text)
		return &answer{fault: err}
	}
	if l.outages && a.code() == internalError {
		a.fault = errors.New("an outage")
	}
	return a
}

// broken notes a fact that does not hold and ends the goroutine that found it, which is not the
// test's own.
func (l *ledger) broken(format string, arguments ...any) {
	l.loses(format, arguments...)
	runtime.Goexit()
}

// apart runs what may end by broken, and waits for it.
func (l *ledger) apart(act func()) {
	var done sync.WaitGroup
	done.Go(act)
	done.Wait()
}

// loses notes a fact that does not hold.
func (l *ledger) loses(format string, arguments ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost++
	l.t.Errorf(format, arguments...)
	l.progress.Broadcast()
}

// read asks until there is an answer.
func (l *ledger) read(token, operation string, arguments ...any) *answer {
	for deadline := time.Now().Add(answerDeadline); ; {
		a := l.ask(token, operation, arguments...)
		if a.code() != cutOff {
			return a
		}
		l.pause(deadline, a)
	}
}

// write asks for a change, and again only where nobody was there to take it or had time for it.
func (l *ledger) write(token, operation string, arguments ...any) *answer {
	for deadline := time.Now().Add(answerDeadline); ; {
		a := l.ask(token, operation, arguments...)
		if !unreachable(a.fault) && a.code() != auth.Overloaded {
			l.count(a)
			return a
		}
		l.pause(deadline, a)
	}
}

// pause waits a moment, unless the deadline has passed.
func (l *ledger) pause(deadline time.Time, a *answer) {
	if l.t.Failed() {
		runtime.Goexit()
	}
	if time.Now().After(deadline) {
		l.broken("no answer for too long: %v", a)
	}
	time.Sleep(5 * time.Millisecond)
}

// back waits until what died is gone and the program answers again.
func (l *ledger) back() {
	l.dying.RLock()
	defer l.dying.RUnlock()
	if a := l.read(l.admin, meOperation); a.Data.Me == nil {
		l.broken("the administrator is told %v", a)
	}
}

// count counts the answer to a change.
func (l *ledger) count(a *answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch a.code() {
	case "":
		l.acknowledged++
		l.progress.Broadcast()
	case cutOff:
		l.unanswered++
	}
}

// kill lets something die. Nobody judges what was cut off before it is over.
func (l *ledger) kill(die func()) {
	l.dying.Lock()
	defer l.dying.Unlock()
	die()
}

// await waits until so many changes are acknowledged, or until the test has failed.
func (l *ledger) await(acknowledged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.acknowledged < acknowledged && l.lost == 0 {
		l.progress.Wait()
	}
}

// reached reports whether so many changes are acknowledged, or the test has failed.
func (l *ledger) reached(acknowledged int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acknowledged >= acknowledged || l.lost > 0
}

// summary tells what was counted.
func (l *ledger) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("%d people, acknowledged %d, unanswered %d, lost %d", len(l.people), l.acknowledged, l.unanswered, l.lost)
}
