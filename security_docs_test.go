package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trustelem/zxcvbn/frequency"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/crypto/bcrypt"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
	"github.com/authgraph/authgraph/store/storetest"
)

// The tests of this file hold docs/security.md, docs/asvs.md and SECURITY.md to the code, and show
// what those pages say of the program as a whole. With -update they write what can be generated.

const (
	securityPage = "docs/security.md"
	asvsPage     = "docs/asvs.md"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// part returns what stands between the markers <!-- name --> and <!-- /name -->.
func part(t *testing.T, text, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "<!-- "+name+" -->\n")
	got, _, ok2 := strings.Cut(rest, "<!-- /"+name+" -->")
	if !ok || !ok2 {
		t.Fatalf("there is no part %s", name)
	}
	return got
}

// holdPart holds a part of a page to what it should be; with -update it writes that.
func holdPart(t *testing.T, path, name, want string) {
	t.Helper()
	text := readFile(t, path)
	got := part(t, text, name)
	if got == want {
		return
	}
	if !*update {
		t.Errorf("the part %s of %s is not what the code has; run: go test -run %s . -update", name, path, t.Name())
		return
	}
	begin := "<!-- " + name + " -->\n"
	text = strings.Replace(text, begin+got, begin+want, 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cells returns the cells of each row of the Markdown tables in a text, without their heads.
func cells(text string) (rows [][]string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---") {
			continue
		}
		row := strings.Split(strings.Trim(line, "|"), "|")
		for n := range row {
			row[n] = strings.TrimSpace(row[n])
		}
		rows = append(rows, row)
	}
	return rows
}

// sources returns the program's own Go files by path: without tests and generated code.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"*.go", "model/*.go", "store/*.go", "auth/*.go", "graph/*.go", "playground/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") && path != "graph/generated.go" && path != "graph/models_gen.go" {
				files[path] = readFile(t, path)
			}
		}
	}
	return files
}

// testFiles returns the file of each test and fuzz target.
func testFiles(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, match := range declaration.FindAllStringSubmatch(readFile(t, path), -1) {
			tests[match[1]] = append(tests[match[1]], filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

var namedTest = regexp.MustCompile("\\[?`((?:Test|Fuzz)\\w+)`(?:\\]\\([^)]*\\))?")

// TestSecurityDocsNameTestsThatExist holds every test that the pages name to the tree. With
// -update it links each name to its file.
func TestSecurityDocsNameTestsThatExist(t *testing.T) {
	tests := testFiles(t)
	for _, page := range []string{securityPage, asvsPage, originsPage} {
		text := readFile(t, page)
		linked := namedTest.ReplaceAllStringFunc(text, func(name string) string {
			name = namedTest.FindStringSubmatch(name)[1]
			files := tests[name]
			if len(files) != 1 {
				t.Errorf("%s names %s, of which there are %d", page, name, len(files))
				return "`" + name + "`"
			}
			return "[`" + name + "`](../" + files[0] + ")"
		})
		for _, path := range regexp.MustCompile("`((?:e2e|testdata|auth|graph|store|model|playground|\\.ci)/[^` ]+)`").FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(path[1]); err != nil {
				t.Errorf("%s names a file that is not there: %v", page, err)
			}
		}
		if linked == text || t.Failed() {
			continue
		}
		if !*update {
			t.Errorf("%s names tests without the right links; run: go test -run %s . -update", page, t.Name())
		} else if err := os.WriteFile(page, []byte(linked), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The requirements of OWASP ASVS 5.0.0 that apply, by level.
var asvsLevels = [3]string{
	`V1.2.1 V1.2.2 V1.2.3 V1.2.4 V2.1.1 V2.2.1 V2.2.2 V2.3.1 V3.2.1 V3.3.1 V3.4.1 V3.4.2 V3.5.1 V3.5.2 V3.5.3 V4.1.1 V4.4.1
	V6.1.1 V6.2.1 V6.2.2 V6.2.3 V6.2.4 V6.2.5 V6.2.8 V6.3.1 V6.3.2 V6.4.1 V6.4.2 V7.2.1 V7.2.2 V7.2.3 V7.2.4 V7.4.1 V7.4.2
	V8.1.1 V8.2.1 V8.2.2 V8.3.1 V9.1.1 V9.1.2 V9.1.3 V9.2.1 V10.4.5 V11.3.1 V11.3.2 V11.4.1 V12.1.1 V12.2.1 V13.4.1 V14.2.1
	V14.3.1 V15.1.1 V15.2.1 V15.3.1`,
	`V1.1.1 V1.1.2 V1.3.3 V1.3.7 V1.3.11 V1.4.1 V1.4.2 V1.4.3 V1.5.2 V2.1.2 V2.1.3 V2.2.3 V2.3.2 V2.3.3 V2.3.4 V2.4.1 V3.3.2
	V3.3.3 V3.3.4 V3.4.3 V3.4.4 V3.4.5 V3.4.6 V3.7.2 V4.1.2 V4.1.3 V4.2.1 V4.3.1 V4.3.2 V4.4.2 V4.4.3 V4.4.4 V6.1.2 V6.1.3
	V6.2.9 V6.2.10 V6.2.11 V6.2.12 V6.3.3 V6.3.4 V6.4.3 V6.4.4 V6.5.1 V6.5.2 V6.5.3 V6.5.4 V6.5.5 V6.6.2 V6.6.3 V7.1.1 V7.1.2
	V7.3.1 V7.3.2 V7.4.3 V7.4.5 V7.5.1 V7.5.2 V7.6.2 V8.1.2 V8.2.3 V9.2.2 V9.2.3 V9.2.4 V10.1.1 V10.3.3 V10.4.8 V10.4.9
	V11.1.1 V11.1.2 V11.2.1 V11.2.2 V11.2.3 V11.3.3 V11.4.2 V11.4.3 V11.5.1 V11.6.1 V12.1.2 V12.3.1 V12.3.2 V13.1.1 V13.2.2
	V13.2.3 V13.3.1 V13.4.2 V13.4.4 V13.4.5 V14.1.1 V14.1.2 V14.2.2 V14.2.4 V14.3.2 V15.1.2 V15.1.3 V15.2.2 V15.2.3 V15.3.2
	V15.3.3 V15.3.4 V15.3.5 V15.3.7 V16.1.1 V16.2.1 V16.2.2 V16.2.3 V16.2.4 V16.2.5 V16.3.1 V16.3.2 V16.3.3 V16.3.4 V16.4.1
	V16.4.2 V16.5.1 V16.5.2 V16.5.3`,
	`V1.3.12 V1.5.3 V2.4.2 V3.1.1 V3.3.5 V3.4.8 V3.5.6 V3.5.7 V3.5.8 V3.6.1 V4.1.4 V4.2.4 V4.2.5 V6.3.5 V6.3.6 V6.3.7 V6.3.8
	V6.4.6 V6.5.6 V6.5.8 V7.5.3 V8.3.2 V11.2.4 V11.2.5 V11.3.4 V11.5.2 V13.1.2 V13.1.3 V13.1.4 V13.2.6 V13.3.4 V13.4.6 V14.2.6
	V14.2.7 V15.1.4 V15.2.4 V15.4.1 V15.4.2 V15.4.3 V15.4.4 V16.5.4`,
}

// TestASVSTableIsWhole holds the table to the requirements: each once, at its level, with one of
// four standings; none is met without a test. With -update it writes the summary.
func TestASVSTableIsWhole(t *testing.T) {
	text := readFile(t, asvsPage)
	standings := []string{"met", "deviates", "operator's part", "not yet"}
	levels := map[string]string{}
	for i, ids := range asvsLevels {
		for id := range strings.FieldsSeq(ids) {
			levels[id] = strconv.Itoa(i + 1)
		}
	}
	counts, seen := map[string]int{}, map[string]bool{}
	for _, row := range cells(part(t, text, "table")) {
		id, level, standing, reason := row[0], row[1], strings.Trim(row[2], "*"), strings.Join(row[3:], "|")
		if levels[id] == "" || seen[id] {
			t.Errorf("%s does not apply, or stands there twice", id)
			continue
		}
		seen[id] = true
		if level != levels[id] {
			t.Errorf("%s is of level %s", id, levels[id])
		}
		if !slices.Contains(standings, standing) {
			t.Errorf("%s is %q", id, standing)
		}
		if standing == "met" && !namedTest.MatchString(reason) {
			t.Errorf("%s is met and names no test", id)
		}
		if len(reason) < 8 {
			t.Errorf("%s does not say why", id)
		}
		counts[standing+level]++
	}
	for id := range levels {
		if !seen[id] {
			t.Errorf("%s is missing", id)
		}
	}
	summary := "| standing | level 1 | level 2 | level 3 | all |\n|---|---|---|---|---|\n"
	total := [4]int{}
	for _, standing := range standings {
		summary += "| " + standing
		sum := 0
		for i := range 3 {
			n := counts[standing+strconv.Itoa(i+1)]
			summary += fmt.Sprintf(" | %d", n)
			sum += n
			total[i] += n
		}
		total[3] += sum
		summary += fmt.Sprintf(" | %d |\n", sum)
	}
	summary += fmt.Sprintf("| all | %d | %d | %d | %d |\n", total[0], total[1], total[2], total[3])
	holdPart(t, asvsPage, "summary", summary)

	out := regexp.MustCompile(`V\d+\.\d+\.\d+`).FindAllString(part(t, text, "left out"), -1)
	for _, id := range out {
		if levels[id] != "" {
			t.Errorf("%s is left out and applies", id)
		}
	}
	if distinct := len(slices.Compact(slices.Sorted(slices.Values(out)))); distinct != len(out) || distinct+len(levels) != 345 {
		t.Errorf("%d requirements are left out, %d of them distinct; ASVS has 345", len(out), distinct)
	}
}

// quantity reads a number with its unit, as the page writes it.
func quantity(text string) (float64, error) {
	match := regexp.MustCompile(`^([\d,.]+) ?(KiB|ms|s|min|h|days|bytes)?\b`).FindStringSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("%q is no quantity", text)
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(match[1], ",", ""), 64)
	unit := map[string]float64{"": 1, "bytes": 1, "KiB": 1024, "ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "days": 86400e9}[match[2]]
	return number * unit, err
}

// evaluate returns the value of a constant expression, or of a duration as settings write it.
func evaluate(expression string) (float64, error) {
	if duration, err := time.ParseDuration(expression); err == nil {
		return float64(duration), nil
	}
	for name, value := range map[string]time.Duration{"Hour": time.Hour, "Minute": time.Minute, "Second": time.Second, "Millisecond": time.Millisecond} {
		expression = strings.ReplaceAll(expression, "time."+name, strconv.Itoa(int(value)))
	}
	value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, strings.TrimSpace(expression))
	if err != nil || value.Value == nil {
		return 0, fmt.Errorf("%q is no constant: %w", expression, err)
	}
	number, _ := constant.Float64Val(constant.ToFloat(value.Value))
	return number, nil
}

// TestSecurityDocsGiveTheLimitsOfTheCode compares each number of the two tables of limits with the
// source: the row named by its first cell with what the pattern captures.
func TestSecurityDocsGiveTheLimitsOfTheCode(t *testing.T) {
	text := readFile(t, securityPage)
	rows := map[string][]string{}
	for _, row := range append(cells(part(t, text, "throttles")), cells(part(t, text, "limits"))...) {
		rows[row[0]] = row[1:]
	}
	throttle := `limit\{free: ([^,]+), first: ([^,]+), most: ([^,]+), quiet: ([^}]+)\}`
	setting := func(name string) string { return `(?m)^\s+` + name + `\s.*default:"([^"]+)"` }
	for _, limit := range []struct{ row, file, pattern string }{
		{"account", "auth/throttle.go", `limitAccount = ` + throttle},
		{"device", "auth/throttle.go", `limitAccount = ` + throttle},
		{"address", "auth/throttle.go", `limitAddress = ` + throttle},
		{"sign-up", "auth/throttle.go", `limitSignUp\s+= ` + throttle},
		{"renewal", "auth/throttle.go", `limitRenewal = ` + throttle},
		{"passwords a second, one process", "auth/throttle.go", `globalRate\s+= (.+)`},
		{"passwords at once, one process", "auth/throttle.go", `globalBurst = (.+)`},
		{"refused keys counted at once", "auth/refusals.go", `maxRefusalKeys = (.+)`},
		{"body of a request", "graph/transport.go", `maxBody = (.+)`},
		{"errors in an answer", "graph/transport.go", `maxErrors = (.+)`},
		{"tokens of a document", "graph/handler.go", `tokenLimit = (.+)`},
		{"documents kept, in memory", "graph/documents.go", `documentBytes = (.+)`},
		{"texts registered by clients, in memory", "graph/documents.go", `registeredBytes = (.+)`},
		{"document logged once, among", "graph/documents.go", `maxReported = (.+)`},
		{"depth of fields", "graph/limits.go", `maxDepth = (.+)`},
		{"cost of an operation", "graph/limits.go", `maxCost = (.+)`},
		{"cost of an event of a subscription", "graph/limits.go", `maxEventCost = (.+)`},
		{"credentials recalled on SQLite", "store/recall.go", `recalled = (.+)`},
		{"credentials looked up by one statement on PostgreSQL", "store/gather.go", `gatherSize = (.+)`},
		{"look-ups of one kind take one connection to PostgreSQL in", "store/gather.go", `gatherShare = (.+)`},
		{"wait for a statement that is under way", "store/gather.go", `gatherWait = (.+)`},
		{"elements counted for a list", "graph/limits.go", `listCost = (.+)`},
		{"reading a page", "graph/limits.go", `pageReadCost = (.+)`},
		{"objects asked for by `_entities`", "graph/limits.go", `maxRepresentations = (.+)`},
		{"greatest page", "auth/page.go", `maxPage\s+= (.+)`},
		{"page when no size is asked for", "auth/page.go", `defaultPage = (.+)`},
		{"connections that stay open, one process", "auth/connections.go", `maxConnections\s+= (\S+)`},
		{"of one address", "auth/connections.go", `maxAddressConnections = (\S+)`},
		{"of one user", "auth/connections.go", `maxUserConnections\s+= (\S+)`},
		{"subscriptions of a socket", "graph/socket.go", `maxSubscriptions = (.+)`},
		{"message on a socket", "graph/transport.go", `maxBody = (.+)`},
		{"id of an operation on a socket", "graph/socket.go", `maxOperationID = (.+)`},
		{"time to say who opens a socket", "graph/socket.go", `initTime = (.+)`},
		{"silence on a connection that stays open", "graph/lasting.go", `keepAliveEvery = (.+)`},
		{"answer to a ping", "graph/socket.go", `pongTime = (.+)`},
		{"time to take an event", "graph/lasting.go", `writeTime = (.+)`},
		{"end of a socket or a stream", "graph/socket.go", `closeTime = (.+)`},
		{"events waiting for a reader", "auth/watch.go", `streamBuffer = (.+)`},
		{"events of every account waiting for a reader", "auth/hub.go", `entriesAtOnce = (.+)`},
		{"look at the audit trail for listeners", "auth/hub.go", `pollEvery = (.+)`},
		{"look at every listener's credential", "auth/hub.go", `recheckEvery = (.+)`},
		{"looks one after the other", "auth/hub.go", `turnPause = (.+)`},
		{"events committed late", "auth/hub.go", `readAgain = (.+)`},
		{"events read at once", "auth/hub.go", `entriesAtOnce = (.+)`},
		{"events heard of and not read yet", "auth/hub.go", `maxHeard = (.+)`},
		{"credentials looked up at once", "auth/standing.go", `standingsAtOnce = (.+)`},
		{"events in a notification", "store/notice.go", `notifiedAtOnce = (.+)`},
		{"warning before a session ends", "auth/hub.go", `expiryWarning = (.+)`},
		{"new connection to listen on", "auth/hub.go", `listenAgain = (.+)`},
		{"silence on the connection to listen on", "store/postgres.go", `listenCheck = (.+)`},
		{"rows looked at for a page", "auth/page.go", `Look: (\d+)`},
		{"rows sorted for a page", "auth/page.go", `Few:  (\d+)`},
		{"count", "auth/page.go", `MaxCount = (.+)`},
		{"headers of a request", "server.go", `MaxHeaderBytes:\s+(.+),`},
		{"time for the headers", "server.go", `ReadHeaderTimeout:\s*(.+),`},
		{"time for the whole request", "server.go", `ReadTimeout:\s+(.+),`},
		{"time for the answer", "server.go", `WriteTimeout:\s+(.+),`},
		{"idle connection", "server.go", `IdleTimeout:\s+(.+),`},
		{"running requests at the end", "server.go", `shutdownTime = (.+)`},
		{"passwords waiting for each worker", "auth/hasher.go", `hashQueuePerWorker = (.+)`},
		{"wait for a worker", "auth/hasher.go", `hashWait = (.+)`},
		{"bcrypt cost", "config.go", setting("BcryptCost")},
		{"sessions of a user", "config.go", setting("MaxSessions")},
		{"API tokens of a user", "auth/apitoken.go", `maxAPITokens = (.+)`},
		{"roles", "auth/role.go", `maxRoles = (\d+)`},
		{"session", "config.go", setting("SessionDuration")},
		{"session with rememberMe", "config.go", setting("RememberDuration")},
		{"session without use", "config.go", setting("IdleDuration")},
		{"freshness of a password's proof", "config.go", setting("FreshDuration")},
		{"use of a predecessor after its successor's", "auth/renewal.go", `renewalGrace = (.+)`},
		{"memory of superseded tokens", "auth/renewal.go", `supersededFor = (.+)`},
		{"access token, unless asked for", "auth/accesstoken.go", `defaultAccessToken = (.+)`},
		{"access token, at most", "auth/accesstoken.go", `maxAccessToken\s+= (.+)`},
		{"clock of another replica", "auth/accesstoken.go", `clockSkew = (.+)`},
		{"signatures remembered", "auth/accesstoken.go", `verifiedTokens = (.+)`},
		{"password code", "auth/passwordchange.go", `passwordCodeLifetime = (.+)`},
		{"known device", "auth/device.go", `deviceLifetime = (.+)`},
		{"remembered password of Basic", "auth/basic.go", `verifiedFor\s+= (.+)`},
		{"remembered passwords of Basic", "auth/basic.go", `verifiedAtMost = (.+)`},
		{"signing key signs", "config.go", setting("KeyDuration")},
		{"keys in memory", "auth/keys.go", `keysReread = (.+)`},
		{"keys in others' caches", "auth/keys.go", `keysCached = (.+)`},
		{"audit trail", "config.go", setting("AuditDuration")},
		{"exactness of the last use", "auth/uses.go", `(?m)^\tseenEvery = (.+)`},
		{"wait of uses to be written", "auth/uses.go", `usesWithin = (.+)`},
		{"sweep", "auth/sweep.go", `sweepEvery = (.+)`},
		{"rows removed at once, to begin with", "auth/sweep.go", `sweepBatch = (.+)`},
		{"rows removed at once, at most", "auth/sweep.go", `greatestBatch = (.+)`},
		{"time in which rows are removed", "auth/sweep.go", `batchTime\s+= (.+)`},
		{"refusals recorded at once", "auth/refusals.go", `recordBatch = (.+)`},
		{"random bytes of a token", "auth/token.go", `tokenBytes = (.+)`},
		{"server secret, at least", "auth/secret.go", `minSecret = (.+)`},
		{"password, at least", "auth/password.go", `minPassword = (.+)`},
		{"password, at most", "auth/password.go", `maxPassword = (.+)`},
		{"password without own words", "auth/password.go", `minOwnPassword = (.+)`},
		{"email address", "auth/text.go", `maxEmail\s+= (\d+)`},
		{"local part of an email address", "auth/text.go", `maxEmailLocal = (\d+)`},
		{"user name", "auth/text.go", `maxUsername\s+= (\d+)`},
		{"other names", "auth/text.go", `maxName\s+= (\d+)`},
		{"description of a role", "auth/role.go", `maxDescription = (\d+)`},
		{"User-Agent kept", "auth/session.go", `maxUserAgent = (\d+)`},
		{"name of an operation logged", "graph/handler.go", `maxLoggedName = (\d+)`},
		{"readers of SQLite", "store/sqlite.go", `maxReaders = (.+)`},
		{"wait for the database's lock", "store/sqlite.go", `busy_timeout\((\d+)\)`},
		{"connections to PostgreSQL", "config.go", setting("DatabaseConnections")},
		{"statement", "config.go", setting("DatabaseTimeout")},
		{"commit, beyond the statement's time", "store/transaction.go", `commitTime = (.+)`},
		{"way to a PostgreSQL host", "store/postgres.go", `connectTimeout = (.+)`},
		{"migration waits for a table", "store/postgres.go", `migrationLockTimeout = (.+)`},
		{"opening the database", "store/open.go", `openDeadline = (.+)`},
	} {
		row, known := rows[limit.row]
		delete(rows, limit.row)
		match := regexp.MustCompile(limit.pattern).FindStringSubmatch(readFile(t, limit.file))
		if !known || match == nil {
			t.Errorf("%s: in the page %v, in %s %v", limit.row, known, limit.file, match != nil)
			continue
		}
		for i, expression := range match[1:] {
			expression, _, _ = strings.Cut(expression, "//")
			want, err := evaluate(strings.TrimSpace(expression))
			if err != nil {
				t.Errorf("%s: %v", limit.row, err)
			}
			got, err := quantity(row[i])
			if limit.row == "wait for the database's lock" { // SQLite's milliseconds
				want *= 1e6
			}
			if err == nil && want < 1e6 && got >= 1e9 { // a number of seconds
				want *= 1e9
			}
			if err != nil || got != want {
				t.Errorf("%s: the page says %s, %s says %s: %v", limit.row, row[i], limit.file, expression, err)
			}
		}
	}
	for row := range rows {
		t.Errorf("the row %q is held to nothing", row)
	}
}

// TestSecurityDocsListEveryRootField writes the table of who may call what from the schema.
func TestSecurityDocsListEveryRootField(t *testing.T) {
	table := "| field | who may call it | fresh proof | checks a password | API token |\n|---|---|---|---|---|\n"
	schema := graph.SubgraphSchema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			who, fresh, password, token := "anyone", "", "", "yes"
			if guard := field.Directives.ForName("auth"); guard != nil {
				asked := map[string]string{}
				for _, argument := range guard.Arguments {
					asked[argument.Name] = strings.Trim(strings.ReplaceAll(argument.Value.String(), `"`, "`"), "[]")
				}
				who = "signed in"
				if root == schema.Mutation {
					token = "no"
				}
				for _, name := range []string{"roles", "permissions", "schemes"} {
					if asked[name] != "" {
						who += ", " + name + " " + asked[name]
					}
				}
				if asked["permissions"] != "" {
					token = "with the scope"
				}
				if asked["roles"] != "" {
					token = "no"
				}
				if asked["fresh"] == "true" {
					fresh, token = "yes", "no"
				}
			}
			if field.Directives.ForName("password") != nil {
				password = "yes"
			}
			table += fmt.Sprintf("| `%s.%s` | %s | %s | %s | %s |\n", root.Name, field.Name, who, fresh, password, token)
		}
	}
	holdPart(t, securityPage, "fields", table)
}

// codes returns what stands in backquotes.
func codes(text string) []string {
	var found []string
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// holdList holds a list in a part of the page to what it should name: each once.
func holdList(t *testing.T, name string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	want = slices.Compact(want)
	for _, one := range got {
		if !slices.Contains(want, one) {
			t.Errorf("%s: %s names %s, which is not in the code", name, securityPage, one)
		}
	}
	for _, one := range want {
		if !slices.Contains(got, one) {
			t.Errorf("%s: %s does not name %s", name, securityPage, one)
		}
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%s: something is named twice: %v", name, got)
	}
}

// TestSecurityDocsListEveryInput holds the rules of inputs, and the fields of a user, to the schema.
func TestSecurityDocsListEveryInput(t *testing.T) {
	text := readFile(t, securityPage)
	var want []string
	schema := graph.Schema()
	for name, definition := range schema.Types {
		if definition.Kind == ast.InputObject {
			for _, field := range definition.Fields {
				want = append(want, name+"."+field.Name)
			}
		}
		if definition.BuiltIn || definition.Kind != ast.Object {
			continue
		}
		for _, field := range definition.Fields {
			for _, argument := range field.Arguments {
				if argument.Name != "input" && !strings.HasPrefix(field.Name, "__") {
					want = append(want, name+"."+field.Name+"."+argument.Name)
				}
			}
		}
	}
	var got []string
	for _, row := range cells(part(t, text, "inputs")) {
		got = append(got, codes(row[0])...)
	}
	holdList(t, "inputs", got, want)

	var fields []string
	for _, field := range schema.Types["User"].Fields {
		fields = append(fields, field.Name)
	}
	got = nil
	for _, row := range cells(part(t, text, "user")) {
		got = append(got, codes(row[0])...)
	}
	holdList(t, "fields of a user", got, fields)
}

// TestSecurityDocsInventories holds the lists of the page to the code: cryptography, components,
// tables, log messages, events, ways in, secrets and expensive operations.
func TestSecurityDocsInventories(t *testing.T) {
	text := readFile(t, securityPage)
	first := func(name string) (got []string) {
		for _, row := range cells(part(t, text, name)) {
			got = append(got, codes(row[0])...)
		}
		return got
	}
	all := func(pattern, text string) (found []string) {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, match[1])
		}
		return found
	}
	var crypto, logged, schemes, kinds []string
	for path, source := range sources(t) {
		crypto = append(crypto, all(`"((?:crypto|golang\.org/x/crypto|github\.com/go-jose)/[^"]+)"`, source)...)
		logged = append(logged, all(`\b(?:log|Log)\.(?:Info|Warn|Error)(?:Context)?\((?:[\w.()]+, )?"([^"]+)"`, source)...)
		logged = append(logged, all(`(?:LogAttrs|NewRecord)\([\w.()]+, [\w.]+, "([^"]+)"`, source)...)
		for _, act := range all(`s\.attempt\(ctx, [^,]+, "([^"]+)"`, source) {
			logged = append(logged, "failed to "+act)
		}
		if path == "auth/viewer.go" {
			schemes = all(`Scheme = "([A-Z_]+)"`, source)
			kinds = all(`[kK]ind\w+\s+CredentialKind\s*= "([^"]+)"`, source)
		}
	}
	holdList(t, "cryptography", first("crypto"), crypto)
	holdList(t, "ways in", first("ways"), append(schemes, kinds...))

	var messages string
	for _, message := range slices.Compact(slices.Sorted(slices.Values(logged))) {
		messages += "- `" + strings.TrimSpace(message) + "`\n"
	}
	holdPart(t, securityPage, "messages", messages)
	var events string
	for _, value := range graph.Schema().Types["AuditKind"].EnumValues {
		events += "| `" + value.Name + "` | " + value.Description + " |\n"
	}
	holdPart(t, securityPage, "events", "| event | when |\n|---|---|\n"+events)

	direct, _, _ := strings.Cut(readFile(t, "go.mod"), "\n)")
	holdList(t, "components", first("components"), all(`(?m)^\t(\S+) v`, direct))

	var tables []string
	migrations, err := filepath.Glob("store/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range migrations {
		tables = append(tables, all(`CREATE TABLE (\w+)`, readFile(t, path))...)
	}
	holdList(t, "tables", first("data"), append(tables, "migrations"))

	secrets := all(`(?m)^\s+(\w+)\s.*secret:""`, readFile(t, "config.go"))
	for i, name := range secrets {
		secrets[i] = envName(strings.ToLower(name))
	}
	named := first("secrets")
	for _, name := range secrets {
		if !slices.Contains(named, name) {
			t.Errorf("the list of secrets lacks %s", name)
		}
	}

	var expensive []string
	for _, field := range graph.Schema().Mutation.Fields {
		if field.Directives.ForName("password") != nil {
			expensive = append(expensive, field.Name)
		}
	}
	for _, name := range expensive {
		if !strings.Contains(part(t, text, "expensive"), "`"+name+"`") {
			t.Errorf("the list of expensive operations lacks %s", name)
		}
	}
}

// TestSecurityDocsHaveTheirParts holds the pages to what a reader must find there.
func TestSecurityDocsHaveTheirParts(t *testing.T) {
	for page, parts := range map[string][]string{
		"SECURITY.md": {"## Report", "private", "advisory", "## What we promise", "Critical", "days", "## What is in scope"},
		securityPage: {"## What is protected", "## Who attacks", "## Where trust ends", "## Attacks and defences", "## What a defence costs",
			"## Ways in", "## Sessions", "## Passwords", "## Keys and secrets", "## Cryptography", "## Data", "## Logs", "## Outgoing connections",
			"## Expensive operations", "## Browsers", "## Components", "## What the operator must do", "Order of locks", "Rotation", "Fallback"},
	} {
		text := readFile(t, page)
		for _, want := range parts {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %q", page, want)
			}
		}
	}
}

// TestSecuritySourcesAreConfined holds the program's own code to what it may use.
func TestSecuritySourcesAreConfined(t *testing.T) {
	never := map[string]string{
		`"unsafe"|import "C"`:                                                           "memory is Go's",
		`"math/rand|"crypto/(md5|sha1|des|rc4|dsa)"`:                                    "chance and hashes are strong",
		`NewCBC|NewECB|PKCS1v15\(`:                                                      "encryption is authenticated",
		`InsecureSkipVerify( =|:)|CipherSuites|MinVersion`:                              "TLS is Go's own",
		`"encoding/gob"|"encoding/xml"|"text/template"|"html/template"|"os/exec"|yaml"`: "nothing is decoded or run but JSON",
		`"expvar"`: "nothing is served for debugging but profiles",
		`http\.((Get|Post|PostForm|Head|NewRequest\w*)\(|DefaultClient|Client\{)|net\.Dial|"net/smtp"|"net/rpc"`: "nobody is called",
	}
	sql := regexp.MustCompile(`\b(Where|WhereOr|Set|OrderExpr|ColumnExpr|TableExpr|NewRaw|ExecContext|QueryContext)\((ctx, )?("[^"]*"|` + "`[^`]*`" + `) ?\+|bun\.Safe\([^"]`)
	printing := regexp.MustCompile(`fmt\.Print|os\.Std(out|err)|"log"\n`)
	for path, source := range sources(t) {
		for pattern, why := range never {
			if found := regexp.MustCompile(pattern).FindString(source); found != "" {
				t.Errorf("%s has %s; %s", path, found, why)
			}
		}
		if strings.Contains(source, `"net/http/pprof"`) && path != "pprof.go" {
			t.Errorf("%s serves profiles, which have a listener of their own", path)
		}
		if found := sql.FindString(source); found != "" {
			t.Errorf("%s makes SQL of text: %s", path, found)
		}
		if strings.HasPrefix(path, "store/") && path != "store/errors.go" && path != "store/store.go" && path != "store/migrate.go" && strings.Contains(source, "Sprintf") {
			t.Errorf("%s makes text where SQL is", path)
		}
		if found := printing.FindString(source); found != "" && strings.Contains(path, "/") {
			t.Errorf("%s writes past the log: %s", path, found)
		}
	}
	if found := regexp.MustCompile(`regexp2|pcre|onig`).FindString(readFile(t, "go.mod")); found != "" {
		t.Errorf("go.mod has a regular expression engine that goes back: %s", found)
	}
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		switch name := strings.TrimSpace(line); name {
		case "testing", "net/http/httptest", "expvar", "github.com/authgraph/authgraph/store/storetest":
			t.Errorf("the program holds %s", name)
		}
	}
}

// TestSecurityGateRunsWhatTheDocsSay holds the gate to the checks that the pages name.
func TestSecurityGateRunsWhatTheDocsSay(t *testing.T) {
	gate := readFile(t, ".ci/run")
	for _, command := range []string{"go test -race \"${unwatched[@]}\" -count=1 -vet=off -parallel 8 -timeout 20m ./...", "go vet ./...", "go tool staticcheck ./...", "go mod verify", "go mod tidy -diff"} {
		if !strings.Contains(gate, command+"\n") {
			t.Errorf(".ci/run does not run %s", command)
		}
	}
}

// TestSecuritySchemaHoldsNoSecrets holds the schema to what must not be in it.
func TestSecuritySchemaHoldsNoSecrets(t *testing.T) {
	for name, definition := range graph.Schema().Types {
		for _, field := range definition.Fields {
			lower := strings.ToLower(field.Name)
			if definition.Kind == ast.Object && regexp.MustCompile(`hash|secret|^password$|sealed|nonce`).MatchString(lower) {
				t.Errorf("%s.%s shows a secret", name, field.Name)
			}
			if !definition.BuiltIn && regexp.MustCompile(`hint|question|answer`).MatchString(lower) {
				t.Errorf("%s.%s helps to guess", name, field.Name)
			}
			if name == "Mutation" && strings.Contains(lower, "audit") {
				t.Errorf("%s changes the audit trail", field.Name)
			}
		}
	}
}

// raw sends bytes over a connection of its own and returns the answer's first line and all of it.
func (i *instance) raw(text string) (status, answer string) {
	i.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(i.listening(), "http://"))
	if err != nil {
		i.t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		i.t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(connection, text) }()
	all, _ := io.ReadAll(bufio.NewReader(connection))
	status, _, _ = strings.Cut(string(all), "\r\n")
	return status, string(all)
}

func TestSecurityOnTheWire(t *testing.T) {
	t.Parallel()
	i := start(t)
	body := `{"query":"{ status { signupOpen } }"}`
	head := "POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for _, test := range []struct{ name, request, want string }{
		{"an honest request", head + length + "\r\n" + body, "200"},
		{"two lengths", head + length + "Content-Length: 5\r\n\r\n" + body, "400"},
		{"a length and chunks", head + "Content-Length: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunks of another kind", head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "501"},
		{"a bare line break in a header", head + "X-A: a\rb\r\n" + length + "\r\n" + body, "400"},
		{"a NUL in a header", head + "X-A: a\x00b\r\n" + length + "\r\n" + body, "400"},
		{"no host", "POST /graphql HTTP/1.1\r\n" + length + "\r\n" + body, "400"},
		{"headers of 100 KiB", head + "Cookie: a=" + strings.Repeat("x", 100<<10) + "\r\n" + length + "\r\n" + body, "431"},
		{"a method in the wrong case", strings.Replace(head, "POST", "post", 1) + length + "\r\n" + body, "405"},
		{"TRACE", "TRACE /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "405"},
		{"PATCH", strings.Replace(head, "POST", "PATCH", 1) + length + "\r\n" + body, "405"},
	} {
		if status, answer := i.raw(test.request); !strings.HasPrefix(status, "HTTP/1.1 "+test.want) || strings.Contains(answer, "a\rb") {
			t.Errorf("%s: %s, want %s", test.name, status, test.want)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/metrics", "/.git/config", "/authgraph.db", "/graphql/"} {
		if response, _ := i.get(path); response.StatusCode != 404 {
			t.Errorf("%s is %d", path, response.StatusCode)
		}
	}
	plainTypes := []string{"application/json; charset=utf-8", "application/jwk-set+json", "text/plain; charset=utf-8"}
	for _, path := range []string{"/graphql", "/auth", "/healthz", "/readyz", "/.well-known/jwks.json", "/nothing"} {
		response, _ := i.get(path + "?callback=steal")
		if kind := response.Header.Get("Content-Type"); !slices.Contains(plainTypes, kind) {
			t.Errorf("%s is of type %q", path, kind)
		}
		for _, name := range []string{"Server", "X-Powered-By", "Via"} {
			if response.Header.Get(name) != "" {
				t.Errorf("%s tells %s", path, name)
			}
		}
	}
	i.URL += "/graphql?query=mutation{logout{loggedOut}}&callback=steal&x="
	if _, answer := i.post(http.DefaultClient, `{ status { signupOpen } }`); answer != `{"data":{"status":{"signupOpen":true}}}` {
		t.Errorf("the URL is taken for an input: %s", answer)
	}
}

func TestSecurityLimitsHoldExactly(t *testing.T) {
	t.Parallel()
	i := start(t)
	send := func(size int) int {
		body := `{"query":"{ status { signupOpen } }"}`
		response, err := http.Post(i.URL+"/graphql", "application/json", strings.NewReader(body+strings.Repeat(" ", size-len(body))))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if at, over := send(100<<10), send(100<<10+1); at != 200 || over != 413 {
		t.Errorf("a body at the limit is %d, over it %d", at, over)
	}
	const password = "correct horse battery"
	i.post(http.DefaultClient, `mutation { createUser(input: {username: "ada", password: "`+password+`"}) { user { id } } }`)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("ada:"+password))
	nested := func(depth int) string { // of fields that cost nothing
		return "{ __schema { types { " + strings.Repeat("ofType { ", depth-3) + "name" + strings.Repeat(" }", depth)
	}
	for depth, refused := range map[int]bool{16: false, 17: true} {
		if _, answer := i.post(http.DefaultClient, nested(depth)); strings.Contains(answer, "QUERY_TOO_COMPLEX") != refused {
			t.Errorf("%d deep: %.200s", depth, answer)
		}
	}
	for n := range 101 {
		_, answer := i.post(http.DefaultClient, fmt.Sprintf(`mutation { createApiToken(input: {name: "%d"}) { apiToken { id } } }`, n), "Authorization", basic)
		if refused := strings.Contains(answer, "BAD_USER_INPUT"); refused != (n == 100) {
			t.Fatalf("API token %d: %s", n+1, answer)
		}
	}
}

// TestSecurityNothingUsableIsStored looks for what was typed and handed out in the files of the
// database, and for both in the log.
func TestSecurityNothingUsableIsStored(t *testing.T) {
	t.Parallel()
	storetest.SQLite(t) // whose files can be read
	path := filepath.Join(t.TempDir(), "data.db")
	i := start(t, "AUTHGRAPH_DATABASE=sqlite:"+path)
	const password = "correct horse battery"
	i.post(http.DefaultClient, `mutation { createUser(input: {username: "ada", password: "`+password+`"}) { user { id } } }`)
	_, answer := i.post(http.DefaultClient, `mutation { login(input: {identifier: "ada", password: "`+password+`"}) { ... on LoginSuccess { token } } }`)
	secrets := []string{password}
	find := func(prefix string) string {
		found := regexp.MustCompile(prefix + `[A-Za-z0-9._-]+`).FindString(answer)
		if found == "" {
			t.Fatalf("no %s in %s", prefix, answer)
		}
		secrets = append(secrets, found)
		return "Bearer " + found
	}
	bearer := find("ags_")
	_, answer = i.post(http.DefaultClient, `mutation { createApiToken(input: {name: "x"}) { token } }`, "Authorization", bearer)
	find("agt_")
	_, answer = i.post(http.DefaultClient, `mutation { issueAccessToken { token } }`, "Authorization", bearer)
	find("eyJ")
	_, answer = i.post(http.DefaultClient, `mutation { renewSession { token } }`, "Authorization", bearer)
	find("ags_")
	var kept []byte
	for _, file := range []string{path, path + "-wal", i.log.Name()} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, text...)
	}
	if !bytes.Contains(kept, []byte("hmac-sha384:")) {
		t.Error("the hash is not where this test looks")
	}
	for _, secret := range secrets {
		if bytes.Contains(kept, []byte(secret)) || bytes.Contains(kept, []byte(secret[4:])) {
			t.Errorf("%.8s… is kept as it is", secret)
		}
	}
}

func TestSecurityLogLines(t *testing.T) {
	t.Parallel()
	i := start(t)
	i.post(http.DefaultClient, `query Nobody { me { id } }`)
	i.post(http.DefaultClient, `mutation Foreign { login(input: {identifier: "a\nb", password: "x"}) { __typename } }`, "Origin", "https://evil.test")
	i.post(http.DefaultClient, `mutation Invalid { createUser(input: {username: "a b", password: "correct horse battery"}) { user { id } } }`, "User-Agent", "x\ty")
	i.post(http.DefaultClient, `query Deep { __schema { types { `+strings.Repeat("ofType { ", 20)+`name`+strings.Repeat(" }", 23))
	i.post(http.DefaultClient, `no GraphQL`)
	wanted := map[string]string{"Nobody": "UNAUTHENTICATED", "Foreign": "FORBIDDEN", "Invalid": "BAD_USER_INPUT", "Deep": "QUERY_TOO_COMPLEX"}
	if err := i.shutDown(); err != nil {
		t.Fatal(err)
	}
	parsed := false
	for line := range strings.Lines(readFile(t, i.log.Name())) {
		var entry struct {
			Time      time.Time
			Msg       string
			RequestID string
			Name      string
			Errors    []string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Time.IsZero() || entry.Msg == "" {
			t.Errorf("a line of the log is no JSON with a time: %s", line)
		}
		if entry.Msg == "operation" && !strings.HasPrefix(entry.RequestID, "req_") {
			t.Errorf("an operation has no id: %s", line)
		}
		if code, known := wanted[entry.Name]; known && slices.Contains(entry.Errors, code) {
			delete(wanted, entry.Name)
		}
		parsed = parsed || slices.Contains(entry.Errors, "GRAPHQL_PARSE_FAILED")
	}
	if len(wanted) > 0 || !parsed {
		t.Errorf("the log does not tell of %v", slices.Collect(maps.Keys(wanted)))
	}
}

// rules returns the rules on a new database, with a clock that the test moves.
func rules(t *testing.T, clock *time.Time) *auth.Service {
	t.Helper()
	options := auth.DefaultOptions()
	options.BcryptCost = bcrypt.MinCost
	options.Secret = auth.RandomSecret()
	options.Permissions = graph.Permissions()
	options.Now = func() time.Time { return *clock }
	service, err := auth.New(t.Context(), storetest.Open(t), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	return service
}

func TestSecurityPasswordsHaveNoAge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := rules(t, &now)
	if _, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: "correct horse battery"}); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(10, 0, 0)
	if _, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: "correct horse battery"}); err != nil {
		t.Errorf("after ten years: %v", err)
	}
}

func TestSecurityCommonPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := rules(t, &now)
	var common []string
	for _, password := range frequency.FrequencyLists["passwords"] {
		if len(password) >= 8 {
			common = append(common, password)
		}
	}
	if len(common) < 3000 {
		t.Errorf("the list has only %d passwords that are long enough", len(common))
	}
	for _, password := range common {
		if _, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "zzz", Password: password}); err == nil {
			t.Fatalf("%q is taken", password)
		}
	}
}

func TestSecuritySigningKeysAreStrong(t *testing.T) {
	t.Parallel()
	for algorithm, want := range map[string]string{"ES256": `"crv":"P-256"`, "EdDSA": `"crv":"Ed25519"`, "RS256": `"kty":"RSA"`} {
		i := start(t, "AUTHGRAPH_SIGNING_ALGORITHM="+algorithm)
		_, keys := i.get("/.well-known/jwks.json")
		if !strings.Contains(keys, want) || strings.Contains(keys, `"d":`) {
			t.Errorf("%s: %s", algorithm, keys)
		}
		if match := regexp.MustCompile(`"n":"([^"]+)"`).FindStringSubmatch(keys); match != nil {
			if n, err := base64.RawURLEncoding.DecodeString(match[1]); err != nil || len(n)*8 < 3072 {
				t.Errorf("an RSA key of %d bits: %v", len(n)*8, err)
			}
		}
	}
}

func TestSecuritySealedKeysAreBound(t *testing.T) {
	t.Parallel()
	address := storetest.Address(t)
	secret, err := auth.NewSecret("a secret of thirty-two characters")
	if err != nil {
		t.Fatal(err)
	}
	newRules := func() *auth.Service {
		options := auth.DefaultOptions()
		options.BcryptCost, options.Secret, options.Permissions = bcrypt.MinCost, secret, graph.Permissions()
		service, err := auth.New(t.Context(), storetest.OpenAt(t, address), options)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(service.Close)
		return service
	}
	s := newRules()
	if _, err := s.CreateUser(t.Context(), &auth.Viewer{}, auth.CreateUserInput{Username: "ada", Password: "correct horse battery"}); err != nil {
		t.Fatal(err)
	}
	ada, err := s.Login(t.Context(), &auth.Viewer{}, auth.LoginInput{Identifier: "ada", Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.RotateKeys(t.Context(), s.Operator()); err != nil {
			t.Fatal(err)
		}
	}
	db := storetest.SQL(t, address)
	var ids []string
	var sealed [][]byte
	rows, err := db.QueryContext(t.Context(), "SELECT id, sealed FROM signing_keys ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id string
		var value []byte
		if err := rows.Scan(&id, &value); err != nil {
			t.Fatal(err)
		}
		ids, sealed = append(ids, id), append(sealed, value)
	}
	if err := rows.Err(); err != nil || len(ids) != 2 {
		t.Fatalf("%d keys, %v", len(ids), err)
	}
	if ecPublicKey := []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}; bytes.Contains(sealed[1], ecPublicKey) {
		t.Error("a private key is kept as it is")
	}
	altered := slices.Clone(sealed[1])
	altered[len(altered)-1] ^= 1
	for name, test := range map[string]struct {
		value []byte
		opens bool
	}{"its own": {sealed[1], true}, "another key's": {sealed[0], false}, "an altered one": {altered, false}} {
		if _, err := db.ExecContext(t.Context(), fmt.Sprintf("UPDATE signing_keys SET sealed = %s WHERE id = '%s'", storetest.Bytes(test.value), ids[1])); err != nil {
			t.Fatal(err)
		}
		if _, err := newRules().IssueAccessToken(t.Context(), ada.Viewer, "", nil); (err == nil) != test.opens {
			t.Errorf("with %s sealed value: %v", name, err)
		}
	}
}
