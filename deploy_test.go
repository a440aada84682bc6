package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/authgraph/authgraph/graph"
)

// The tests of this file hold docs/deploy.md and the files of deploy/ to the names that the program
// has. Those of deploy/lint hold the files to what reads them.

const deployPage = "docs/deploy.md"

// deployFiles returns the page and the files of deploy/ by path, without the tests among them.
func deployFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{deployPage: readFile(t, deployPage)}
	err := filepath.WalkDir("deploy", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && path == filepath.Join("deploy", "lint") {
			return errSkip(err)
		}
		if !entry.IsDir() && entry.Name() != ".env" {
			files[filepath.ToSlash(path)] = readFile(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// errSkip returns the error or, without one, that a folder is to be passed over.
func errSkip(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}

// notYet are settings and commands that the page tells of and the program does not have yet.
var notYet []string

// TestDeployNamesRealSettings holds every setting that is named to the settings of the program.
func TestDeployNamesRealSettings(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, name := range codes(settingsTable(t)) {
		known[name] = true
	}
	for _, name := range notYet {
		if known[name] {
			t.Errorf("%s is a setting now; take it out of notYet", name)
		}
	}
	for path, text := range deployFiles(t) {
		for _, name := range regexp.MustCompile(`AUTHGRAPH_\w+`).FindAllString(text, -1) {
			// What Kubernetes would make of a Service is told of as a trap.
			if !known[name] && !slices.Contains(notYet, name) && !strings.HasSuffix(name, "_SERVICE_HOST") {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
	page := readFile(t, deployPage)
	for _, secret := range regexp.MustCompile(`\$\{(\w+):\?`).FindAllStringSubmatch(readFile(t, "deploy/compose.yml"), -1) {
		if !strings.Contains(page, "\n"+secret[1]+"=") {
			t.Errorf("%s does not make %s", deployPage, secret[1])
		}
	}
	for _, name := range []string{"AUTHGRAPH_DATABASE_CONNECTIONS", "AUTHGRAPH_DATABASE_TIMEOUT"} {
		row := regexp.MustCompile("`" + name + "` \\| `(\\d+)(s?)`").FindStringSubmatch(settingsTable(t))
		if row == nil || !strings.Contains(page, "| `"+name+"` | "+row[1]+strings.Replace(row[2], "s", " s", 1)+" by default") {
			t.Errorf("%s gives another default of %s than the program: %v", deployPage, name, row)
		}
	}
}

// TestDeployNamesRealCommands parses the commands that are shown as the program would, and looks
// for those that are named.
func TestDeployNamesRealCommands(t *testing.T) {
	t.Parallel()
	parse := func(arguments ...string) (*kong.Context, error) {
		var p program
		parser, err := newParser(t.Context(), &p, environment{}, console{})
		if err != nil {
			t.Fatal(err)
		}
		return parser.Parse(arguments)
	}
	names := func(arguments []string) bool {
		var p program
		parser, err := newParser(t.Context(), &p, environment{}, console{})
		if err != nil {
			t.Fatal(err)
		}
		node := parser.Model.Node
		for _, name := range arguments {
			child := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == name })
			if child < 0 {
				return len(node.Children) == 0 // an argument
			}
			node = node.Children[child]
		}
		return true
	}
	for _, name := range notYet {
		if !strings.HasPrefix(name, envPrefix) && names([]string{name}) {
			t.Errorf("%s is a command now; take it out of notYet", name)
		}
	}
	shown, named := 0, 0
	// A line that runs the program, perhaps within a unit, a container or a pod.
	line := regexp.MustCompile(`(?m)(?:^|[ /'])(?:as_)?authgraph ([a-z][a-z-]*(?: (?:'[^']*'|"[^"]*"|[^'"\s|&#]+))*)`)
	for path, text := range deployFiles(t) {
		if path == deployPage {
			for _, code := range regexp.MustCompile("`(?:as_)?authgraph ([a-z][^`]*)`").FindAllStringSubmatch(text, -1) {
				named++
				arguments := strings.Fields(code[1])
				if !slices.Contains(notYet, arguments[0]) && !names(arguments) {
					t.Errorf("%s names the command %s", path, code[1])
				}
			}
			var blocks string
			for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
				blocks += block[1]
			}
			text = blocks
		} else if !strings.HasSuffix(path, ".service") {
			continue
		}
		text = regexp.MustCompile(`-n authgraph `).ReplaceAllString(text, "")
		for _, match := range line.FindAllStringSubmatch(text, -1) {
			if path != deployPage && !strings.Contains(match[0], "/authgraph ") {
				continue // prose
			}
			shown++
			var arguments []string
			for _, argument := range regexp.MustCompile(`'[^']*'|"[^"]*"|[^'"\s]+`).FindAllString(match[1], -1) {
				arguments = append(arguments, strings.Trim(argument, `'"`))
			}
			if slices.Contains(notYet, arguments[0]) {
				continue
			}
			if _, err := parse(arguments...); err != nil {
				t.Errorf("%s shows %q: %v", path, match[1], err)
			}
		}
	}
	if shown < 9 || named < 3 {
		t.Errorf("only %d commands are shown and %d named", shown, named)
	}
}

// TestDeployNamesRealThings holds the page to the files, log messages, events, codes and answers that
// there are.
func TestDeployNamesRealThings(t *testing.T) {
	t.Parallel()
	page := readFile(t, deployPage)
	for path, text := range deployFiles(t) {
		for _, file := range regexp.MustCompile(`\bdeploy/[\w./-]*[\w]`).FindAllString(text, -1) {
			if _, err := os.Stat(file); err != nil && file != "deploy/.env" && !strings.Contains(text, "exec -it "+file) {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	for path := range deployFiles(t) {
		folder, _ := filepath.Split(path)
		if path != deployPage && !strings.Contains(page, path) && (folder == "deploy/" || !strings.Contains(page, "-f deploy/kubernetes\n")) {
			t.Errorf("%s does not tell of %s", deployPage, path)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("docs", link[1])); err != nil {
			t.Error(err)
		}
	}
	messages := codes(part(t, readFile(t, securityPage), "messages"))
	var said []string
	for _, match := range regexp.MustCompile("log lines? ((?:`[^`]+`(?:, | and )?)+)").FindAllStringSubmatch(page, -1) {
		said = append(said, codes(match[1])...)
	}
	if len(said) < 5 {
		t.Errorf("the page names only the log lines %q", said)
	}
	for _, message := range said {
		if !slices.Contains(messages, strings.TrimSuffix(message, " …")) {
			t.Errorf("the program never logs %q", message)
		}
	}
	for _, attribute := range []string{"milliseconds", "status", "errors"} {
		if !strings.Contains(page, "`"+attribute+"`") || !strings.Contains(readFile(t, "graph/handler.go"), `("`+attribute+`", `) {
			t.Errorf("no line of an operation has %s", attribute)
		}
	}
	known := map[string]bool{}
	for _, enum := range []string{"AuditKind", "ErrorCode"} {
		for _, value := range graph.Schema().Types[enum].EnumValues {
			known[value.Name] = true
		}
	}
	for _, name := range regexp.MustCompile(`\b[A-Z]{3,}_[A-Z_]+\b|\bOVERLOADED\b|\bTHROTTLED\b`).FindAllString(page, -1) {
		ours := !strings.HasPrefix(name, envPrefix) && !slices.Contains([]string{"DATABASE_PASSWORD", "POSTGRES_PASSWORD", "CGO_ENABLED"}, name)
		if ours && !known[name] {
			t.Errorf("%s is neither an event nor a code", name)
		}
	}
	for _, name := range []string{"auditLog", "stats", "users"} {
		if graph.Schema().Query.Fields.ForName(name) == nil {
			t.Errorf("%s is no query", name)
		}
	}
	for number, source := range map[string]string{
		"at most 10 s": "server.go:shutdownTime = 10 * time.Second", "a wait of 5 s": "store/sqlite.go:busy_timeout(5000)",
		"may take 5 s more": "store/transaction.go:commitTime = 5 * time.Second", "5 s at most for each": "store/postgres.go:connectTimeout = 5 * time.Second",
		", 100 at most": "auth/throttle.go:globalRate  = 100", "within a limit of CPU time one less": "server.go:max(1, threads-1)",
	} {
		file, want, _ := strings.Cut(source, ":")
		if !strings.Contains(readFile(t, file), want) || !strings.Contains(page, number) {
			t.Errorf("want %q in %s and %q in %s", number, deployPage, want, file)
		}
	}
	if !strings.Contains(readFile(t, "README.md"), "]("+deployPage+")") {
		t.Error("README.md does not lead to the page")
	}
}

// TestDeployMarksWhatIsNotMeasured holds the page to its word that what nobody has tried is marked.
func TestDeployMarksWhatIsNotMeasured(t *testing.T) {
	t.Parallel()
	page := readFile(t, deployPage)
	for _, row := range cells(part(t, page, "measured")) {
		measured := strings.HasPrefix(row[2], "*measured*: ") && row[1] != ""
		if plan := strings.HasPrefix(row[2], "**plan**") && row[1] == ""; !plan && !measured {
			t.Errorf("%s: want a machine and what was *measured*, or **plan**, and not %q and %q", row[0], row[1], row[2])
		}
	}
	_, hundred, ok := strings.Cut(page, "## A hundred million users\n")
	if !ok {
		t.Fatal("the part is missing")
	}
	for n, item := range regexp.MustCompile(`(?m)^\d+\. .*$`).FindAllString(hundred, -1) {
		if n > 0 && !strings.Contains(item, "**Plan**:") || n == 0 && !strings.Contains(item, "tests run it") {
			t.Errorf("is it there? %s", item)
		}
	}
}

// TestTheImageTakesNoData holds .dockerignore to .gitignore: what is not in the repository gets into
// no layer of an image.
func TestTheImageTakesNoData(t *testing.T) {
	t.Parallel()
	ignored := strings.Split(readFile(t, ".dockerignore"), "\n")
	for line := range strings.Lines(readFile(t, ".gitignore")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// Git looks in every folder unless the line begins with a slash, Docker in one.
		pattern := strings.TrimSuffix(line, "/")
		if anchored, ok := strings.CutPrefix(pattern, "/"); ok {
			pattern = anchored
		} else {
			pattern = "**/" + pattern
		}
		if !slices.Contains(ignored, pattern) {
			t.Errorf(".dockerignore lacks %s", pattern)
		}
	}
}

// TestMigrationsOnlyAdd holds migrations to what servers of the version before can go on with, while
// a new one rolls out.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("store/migrations/*.sql")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	adds := regexp.MustCompile(`^(CREATE TABLE \w+ \(|CREATE (UNIQUE )?INDEX (CONCURRENTLY IF NOT EXISTS )?|ALTER TABLE \w+ ADD COLUMN )`)
	for _, file := range files {
		text := regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(readFile(t, file), "")
		for statement := range strings.SplitSeq(text, ";") {
			statement = strings.TrimSpace(statement)
			if statement == "" {
				continue
			}
			if !adds.MatchString(statement) {
				t.Errorf("%s does not only add: %s", file, statement)
			}
			if table := regexp.MustCompile(`^CREATE UNIQUE INDEX \w+ ON (\w+) `).FindStringSubmatch(statement); table != nil && !strings.Contains(text, "CREATE TABLE "+table[1]+" ") {
				t.Errorf("%s: what the version before adds could be refused: %s", file, statement)
			}
			if strings.HasPrefix(statement, "ALTER") && strings.Contains(statement, "NOT NULL") && !strings.Contains(statement, "DEFAULT") {
				t.Errorf("%s: the version before could add no rows: %s", file, statement)
			}
		}
	}
}
