// Package extend_test holds the example, and the README's short form of it, to the present tree:
// they are laid over a copy of it, as their pages say, and served.
package extend_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// repository is where the tree is.
const repository = "../.."

// startTime and stopTime are how long the server may take to begin and to end.
const (
	startTime = time.Minute
	stopTime  = time.Minute
)

func TestTheExample(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	tree.run("sh", "-e", "-c", block(t, "README.md", "<!-- lay -->\n```sh\n"))

	// The example has what gqlgen makes of it, and no resolver is missing.
	const resolvers = "graph/notes.resolvers.go"
	if got, want := read(t, filepath.Join(tree.folder, resolvers)), read(t, "tree/"+resolvers); got != want {
		t.Errorf("go generate changes %s to:\n%s", resolvers, got)
	}
	tree.run("go", "vet", "./model", "./store", "./auth", "./graph")
	tree.run("go", "test", "-short", "./store", "./auth")
	tree.run("go", "test", "-short", "-run", "Note|Matrix/.*Note|Guard|Schema|Described|IDIs|Measured|ForwardAuth|Entit", "./graph")
	tree.run("go", "test", "-run", "Imports|SecurityDocs|API", ".")

	url := tree.serve()
	ask(t, url, "", `mutation { createUser(input: {username: "ada", password: "violet harbour lantern 47"}) { user { username } } }`, `{"data":{"createUser":{"user":{"username":"ada"}}}}`)
	ask(t, url, "", `{ notes { totalCount } }`, `UNAUTHENTICATED`)
	ask(t, url, "ada", `mutation { addNote(input: {text: "buy milk"}) { note { text author { username } } } }`, `{"data":{"addNote":{"note":{"text":"buy milk","author":{"username":"ada"}}}}}`)
	ask(t, url, "ada", `{ notes { nodes { text } } }`, `{"data":{"notes":{"nodes":[{"text":"buy milk"}]}}}`)
	ask(t, url, "ada", `{ allNotes { nodes { text } } }`, `FORBIDDEN`)
}

// TestTheReadmesShortForm does what the README of the repository says of a type of one's own.
func TestTheReadmesShortForm(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	readme := filepath.Join(repository, "README.md")
	tree.write("notes.graphqls", block(t, readme, "<!-- type -->\n   ```graphql\n"))
	tree.run("go", "generate", "./...")
	const resolvers = "graph/notes.resolvers.go"
	if made := read(t, filepath.Join(tree.folder, resolvers)); !strings.Contains(made, "func (r *queryResolver) Notes(ctx context.Context) ([]*Note, error) {\n\tpanic(") {
		t.Errorf("go generate makes no empty resolver in %s but:\n%s", resolvers, made)
	}
	tree.write(resolvers, block(t, readme, "<!-- resolver -->\n   ```go\n"))

	url := tree.serve()
	ask(t, url, "", `mutation { createUser(input: {username: "ada", password: "violet harbour lantern 47"}) { user { username } } }`, `{"data":{"createUser":{"user":{"username":"ada"}}}}`)
	ask(t, url, "", `{ notes { text } }`, `UNAUTHENTICATED`)
	ask(t, url, "ada", `{ notes { text } }`, `{"data":{"notes":[{"text":"Hello, usr_`)
}

// tree is a copy of the repository's tree.
type tree struct {
	t      *testing.T
	folder string
}

// newTree copies what git knows, or would add.
func newTree(t *testing.T) *tree {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	tree := &tree{t, t.TempDir()}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		if content, err := os.ReadFile(filepath.Join(repository, name)); err == nil {
			tree.write(name, string(content))
		} else if !os.IsNotExist(err) { // removed, and still in git's index
			t.Fatal(err)
		}
	}
	return tree
}

func (tr *tree) write(name, content string) {
	tr.t.Helper()
	path := filepath.Join(tr.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		tr.t.Fatal(err)
	}
}

// run runs a command in the tree.
func (tr *tree) run(name string, args ...string) {
	tr.t.Helper()
	command := exec.CommandContext(tr.t.Context(), name, args...)
	command.Dir = tr.folder
	// A temporary folder may lie in a repository of somebody's, which git apply would take for ours.
	command.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(tr.folder))
	if output, err := command.CombinedOutput(); err != nil {
		tr.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
}

// serve builds and starts the server, on a free port and with a database of its own, and returns
// its URL.
func (tr *tree) serve() string {
	tr.t.Helper()
	tr.run("go", "build", "-o", "authgraph", ".")
	server := exec.Command(filepath.Join(tr.folder, "authgraph"))
	server.Dir = tr.folder
	server.Env = []string{"AUTHGRAPH_ADDR=127.0.0.1:0", "AUTHGRAPH_BCRYPT_COST=10"}
	log := new(strings.Builder)
	server.Stderr = log
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		tr.t.Fatal(err)
	}
	late := time.AfterFunc(startTime, func() { _ = server.Process.Kill() })
	defer late.Stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "ready on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			tr.t.Cleanup(func() {
				_ = server.Process.Signal(syscall.SIGTERM)
				late := time.AfterFunc(stopTime, func() { _ = server.Process.Kill() })
				defer late.Stop()
				if err := server.Wait(); err != nil {
					tr.t.Errorf("the server did not end well: %v\n%s", err, log)
				}
			})
			return "http://" + address
		}
	}
	tr.t.Fatalf("the server did not start: %v\n%s", server.Wait(), log)
	return ""
}

// ask sends an operation, as a user or "" for nobody, and wants an answer that has a text in it.
func ask(t *testing.T, url, user, operation, want string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": operation})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if user != "" {
		request.SetBasicAuth(user, "violet harbour lantern 47")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(answer), want) {
		t.Errorf("%s\nanswers %s\nand not %s: %v", operation, answer, want, err)
	}
}

// block returns the block of a page that a text begins.
func block(t *testing.T, page, begin string) string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, page), begin)
	if !found {
		t.Fatalf("%s has no %q", page, begin)
	}
	text, _, _ := strings.Cut(rest, "```")
	// In a list it is indented, by three spaces.
	return strings.TrimPrefix(strings.ReplaceAll("\n"+text, "\n   ", "\n"), "\n")
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
