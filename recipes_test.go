package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// These tests run the recipes of docs/recipes.md for Go and curl. The others are in e2e/recipes.

const recipesPage = "docs/recipes.md"

// recipe returns the code block of docs/recipes.md behind a marker.
func recipe(t *testing.T, marker string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readFile(t, recipesPage), "<!-- "+marker+" -->\n```")
	_, rest, _ = strings.Cut(rest, "\n") // the language
	block, _, ended := strings.Cut(rest, "\n```\n")
	if !ok || !ended {
		t.Fatalf("%s has no block %s", recipesPage, marker)
	}
	return block + "\n"
}

// TestTheRecipesCommandsAreTrue runs the curl commands of the page.
func TestTheRecipesCommandsAreTrue(t *testing.T) {
	t.Parallel()
	needCurl(t)
	if answers := start(t).runTour(t.TempDir(), recipe(t, "tour")); answers != 3 {
		t.Errorf("the page has %d answers, want 3", answers)
	}
}

// TestTheGoRecipeTellsWhoseTokenItHas builds the page's Go program and gives it an API token, and
// then the same one when it is void.
func TestTheGoRecipeTellsWhoseTokenItHas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "whoami")
	if err := os.WriteFile(source, []byte(recipe(t, "go/main.go")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{{"build", "-o", binary, source}, {"vet", source}} {
		if output, err := exec.Command("go", command...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", command[0], err, output)
		}
	}
	i := startWith(t, []string{userEntry("email", "ada@example.test")})
	ada := i.script().with("Authorization", "Bearer "+i.script().logIn("ada@example.test").find(aSessionToken))
	made := ada.ask(`mutation { createApiToken(input: {name: "recipe"}) { token apiToken { id } } }`)
	whoAmI := func() (string, error) {
		program := exec.CommandContext(t.Context(), binary, i.URL)
		program.Env = append(os.Environ(), "AUTHGRAPH_TOKEN="+made.find(`agt_[\w-]+`))
		output, err := program.CombinedOutput()
		return string(output), err
	}
	if said, err := whoAmI(); err != nil || said != "ada@example.test\n" {
		t.Errorf("with a good token it says %q, %v", said, err)
	}
	ada.ask(`mutation { revokeApiToken(input: {id: %q}) { apiToken { id } } }`, made.find(`tok_\w+`)).is(`{"data":{"revokeApiToken":{"apiToken":{"id":"tok_…"}}}}`)
	if said, err := whoAmI(); err == nil || !strings.Contains(said, "the token is void") {
		t.Errorf("with a void token it says %q, %v", said, err)
	}
}
