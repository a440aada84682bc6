package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The files of docs/examples are operations that docs/api.md shows, each with the answer that the
// whole program gives to it. A file is named after the root field that it shows; what follows a
// hyphen, as in login-token.graphql, tells several of one field apart. It begins with comments:
//
//	# A text of a few words that stands above the example.
//	#
//	# as: ada
//	# after: createRole
//	# then: updateMe
//	# variables: {"input": {"userId": "{{grace.id}}", "role": "{{createRole.role.name}}"}}
//	# refused: NOT_FOUND
//
// All are optional. `as` is who asks: a stranger, or one of exampleWorld's people, by a bearer token.
// `after` is the example that is run before it, and `then` the one that makes the first event of a
// subscription come, by whoever asks there. A place in the variables,
// as {{grace.id}} or {{grace.session}}, stands for what one of the people has, or for a part of an
// earlier answer. `refused` is the code of the error that the example shows; any other fails the test.

const examplesFolder = "docs/examples"

// example is a file of docs/examples.
type example struct {
	name      string // the file's, without .graphql
	caption   string
	as        string
	after     string
	then      string
	variables string
	refused   string
	operation string

	sent, answer string // the variables, with their places filled, and what the program said; once it has run
}

// field returns the name of the root field that the example shows.
func (e *example) field() string {
	name, _, _ := strings.Cut(e.name, "-")
	return name
}

// readExamples returns the files of docs/examples by name.
func readExamples(t *testing.T) map[string]*example {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(examplesFolder, "*.graphql"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	examples := map[string]*example{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".graphql")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		examples[name] = parseExample(name, string(text))
	}
	return examples
}

var exampleSetting = regexp.MustCompile(`^(as|after|then|variables|refused): (.+)$`)

func parseExample(name, text string) *example {
	e := &example{name: name, as: "stranger"}
	for strings.HasPrefix(text, "#") {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSpace(strings.TrimPrefix(line, "#"))
		setting := exampleSetting.FindStringSubmatch(line)
		if setting == nil {
			e.caption = strings.TrimSpace(e.caption + " " + line)
			continue
		}
		*map[string]*string{"as": &e.as, "after": &e.after, "then": &e.then, "variables": &e.variables, "refused": &e.refused}[setting[1]] = setting[2]
	}
	e.operation = strings.TrimSpace(text)
	return e
}

// exampleWorld is what an example starts from: a server of its own, where these have signed up.
var exampleWorld = []string{
	`{"email": "admin@example.com", "password": "` + goodPassword + `", "roles": ["admin"]}`,
	`{"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "password": "` + goodPassword + `"}`,
	`{"email": "grace@example.com", "username": "grace", "password": "` + goodPassword + `"}`,
}

const exampleUserAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// exampleRun is an example being run, with those that it comes after.
type exampleRun struct {
	*instance
	examples map[string]*example
	tokens   map[string]string // of the people who have logged in
	known    map[string]any    // what places stand for
}

// runExample runs an example, with those that it comes after, and keeps its answer.
func runExample(t *testing.T, examples map[string]*example, e *example) {
	t.Helper()
	run := &exampleRun{startWith(t, exampleWorld), examples, map[string]string{}, map[string]any{}}
	e.sent, e.answer = run.run(e)
}

// run returns the variables that were sent, and the answer.
func (r *exampleRun) run(e *example) (variables, answer string) {
	r.t.Helper()
	if e.after != "" {
		r.run(r.named(e.after))
	}
	variables = r.fill(e.variables)
	response := r.send(r.token(e.as), e.operation, variables)
	defer response.Body.Close()
	if e.then != "" {
		r.run(r.named(e.then)) // the stream is open: its headers have come
		answer = r.firstEvent(response)
	} else {
		answer = r.body(response)
	}
	var said struct {
		Data   map[string]any
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &said); err != nil {
		r.t.Fatalf("%s: %v: %s", e.name, err, answer)
	}
	switch {
	case e.refused == "" && len(said.Errors) > 0:
		r.t.Fatalf("%s is refused: %s", e.name, answer)
	case e.refused != "" && (len(said.Errors) != 1 || said.Errors[0].Extensions.Code != e.refused):
		r.t.Fatalf("%s is not refused with %s: %s", e.name, e.refused, answer)
	}
	r.known[e.name] = said.Data[e.field()]
	return variables, answer
}

// named returns the example of a name.
func (r *exampleRun) named(name string) *example {
	r.t.Helper()
	if r.examples[name] == nil {
		r.t.Fatalf("%s is no example", name)
	}
	return r.examples[name]
}

// token returns the session token of one of the people, whom it logs in the first time, and "" for
// a stranger.
func (r *exampleRun) token(person string) string {
	r.t.Helper()
	if person == "stranger" || r.tokens[person] != "" {
		return r.tokens[person]
	}
	response := r.send("", `mutation ($input: LoginInput!) { login(input: $input) { ... on LoginSuccess { token user { id } session { id } } } }`,
		`{"input": {"identifier": "`+person+`@example.com", "password": "`+goodPassword+`"}}`)
	defer response.Body.Close()
	answer := r.body(response)
	var said struct {
		Data struct {
			Login struct {
				Token         string
				User, Session struct{ ID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(answer), &said); err != nil || said.Data.Login.Token == "" {
		r.t.Fatalf("%s cannot log in: %s", person, answer)
	}
	login := said.Data.Login
	r.tokens[person] = login.Token
	r.known[person] = map[string]any{"id": login.User.ID, "session": login.Session.ID}
	return login.Token
}

// fill puts what they stand for into the places of a text.
func (r *exampleRun) fill(text string) string {
	r.t.Helper()
	return regexp.MustCompile(`\{\{([\w.-]+)\}\}`).ReplaceAllStringFunc(text, func(place string) string {
		path := strings.Split(strings.Trim(place, "{}"), ".")
		if r.known[path[0]] == nil && r.examples[path[0]] == nil {
			r.token(path[0])
		}
		var value any = r.known
		for _, name := range path {
			members, _ := value.(map[string]any)
			value = members[name]
		}
		filled, ok := value.(string)
		if !ok {
			r.t.Fatalf("%s stands for nothing", place)
		}
		return filled
	})
}

// send sends an operation, and asks for a stream where it is a subscription.
func (r *exampleRun) send(token, operation, variables string) *http.Response {
	r.t.Helper()
	request := map[string]any{"query": operation}
	if variables != "" {
		request["variables"] = json.RawMessage(variables)
	}
	body, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	post, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		r.t.Fatal(err)
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("User-Agent", exampleUserAgent)
	if strings.HasPrefix(operation, "subscription") {
		post.Header.Set("Accept", "text/event-stream")
	}
	if token != "" {
		post.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		r.t.Fatal(err)
	}
	return response
}

// body returns the whole of an answer.
func (r *exampleRun) body(response *http.Response) string {
	r.t.Helper()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(answer)
}

// firstEvent returns the data of the first event of a stream, which must be one called next.
func (r *exampleRun) firstEvent(response *http.Response) string {
	r.t.Helper()
	lines := bufio.NewScanner(response.Body)
	event := ""
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			event = value
		case name == "data" && event == "next":
			return value
		case name == "data" && event != "":
			r.t.Fatalf("the first event is %s: %s", event, value)
		}
	}
	r.t.Fatalf("the stream ends without an event: %s, %v", response.Status, lines.Err())
	return ""
}

// passing are the parts of an answer that are others at every run, and how the page shows them.
var passing = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\b([a-z]{3})_[0-9a-hjkmnp-tv-z]{26}\b`), "${1}_…"},
	{regexp.MustCompile(`\b(ag[a-z])_[\w-]{43}`), "${1}_…"},
	{regexp.MustCompile(`\beyJ[\w-]+\.[\w-]+\.[\w-]+`), "eyJ…"},
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT[\d:.]+Z"`), `"…Z"`},
	{regexp.MustCompile(`"(cursor|startCursor|endCursor)":"[^"]+"`), `"$1":"…"`},
}

// shown returns JSON as the page shows it: laid out, and with … for what is another at every run.
func shown(t *testing.T, text string) string {
	t.Helper()
	for _, part := range passing {
		text = part.pattern.ReplaceAllString(text, part.shown)
	}
	return layOut(t, text)
}

// layOut breaks JSON into lines, with whatever is short on one line.
func layOut(t *testing.T, text string) string {
	t.Helper()
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(text), "", "  "); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	const width = 80
	lines, laidOut := strings.Split(indented.String(), "\n"), []string{}
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if !strings.HasSuffix(line, "{") && !strings.HasSuffix(line, "[") {
			laidOut = append(laidOut, line)
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		end := i + 1
		for strings.HasPrefix(lines[end], indent+" ") {
			end++
		}
		joined := line
		for _, inner := range lines[i+1 : end+1] {
			if separated := strings.TrimSpace(inner); strings.HasSuffix(joined, "[") || strings.HasPrefix(separated, "]") {
				joined += separated
			} else {
				joined += " " + separated
			}
		}
		if len(joined) <= width {
			laidOut = append(laidOut, joined)
			i = end
			continue
		}
		laidOut = append(laidOut, line)
	}
	return strings.Join(laidOut, "\n")
}
