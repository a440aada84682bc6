package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// originsPage tells of CORS and cookies. TestSecurityDocsNameTestsThatExist links its tests.
const originsPage = "docs/cors-and-cookies.md"

// TestTheOriginsPageQuotesTheProgram holds what the page says that readers see to what the program
// says, and wants a test named for all of it.
func TestTheOriginsPageQuotesTheProgram(t *testing.T) {
	t.Parallel()
	var program strings.Builder
	for _, source := range sources(t) {
		program.WriteString(strings.ReplaceAll(source, "%s", "lax"))
	}
	browsers := []string{"blocked by CORS policy", "must not be the wildcard '*'"} // e2e/browser/origins.test.js sees them
	text := readFile(t, originsPage)
	_, text, _ = strings.Cut(text, "## You see, because, do")
	table, _, _ := strings.Cut(text, "\n## ")
	rows := cells(table)
	if len(rows) < 15 {
		t.Fatalf("the table has only %d rows", len(rows))
	}
	for _, row := range rows {
		for _, match := range regexp.MustCompile(`"([^"…]+)(?:…[^"]*)?"`).FindAllStringSubmatch(row[0], -1) {
			if quoted := strings.TrimSpace(match[1]); !slices.Contains(browsers, quoted) && !strings.Contains(program.String(), quoted) {
				t.Errorf("the program does not say %q", quoted)
			}
		}
		// What the browser alone does has no test of ours.
		if shownBy := row[len(row)-1]; shownBy == "" && !strings.Contains(row[1], "the browser blocks") {
			t.Errorf("no test shows this: %s", row[0])
		}
	}
}
