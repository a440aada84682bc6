package playground_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/playground"
)

// do sends one request to the handler; header is pairs of name and value.
func do(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	playground.Handler().ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("failed to read the body: %v", err)
	}
	return string(content)
}

func wantHeader(t *testing.T, response *http.Response, name, want string) {
	t.Helper()
	if got := response.Header.Get(name); got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// page returns the page as a client without gzip sees it.
func page(t *testing.T) string {
	t.Helper()
	return body(t, do(t, "GET", "/"))
}

func TestPageIsTheSameGzippedAndPlain(t *testing.T) {
	plain := do(t, "GET", "/")
	wantHeader(t, plain, "Content-Type", "text/html; charset=utf-8")
	wantHeader(t, plain, "Content-Encoding", "")
	wantHeader(t, plain, "Vary", "Accept-Encoding")
	wantHeader(t, plain, "Cache-Control", "no-cache")
	text := body(t, plain)
	if !strings.Contains(text, "<title>authgraph playground</title>") {
		t.Errorf("the page has no title:\n%s", text)
	}

	gzipped := do(t, "GET", "/", "Accept-Encoding", "gzip, deflate, br")
	wantHeader(t, gzipped, "Content-Type", "text/html; charset=utf-8")
	wantHeader(t, gzipped, "Content-Encoding", "gzip")
	wantHeader(t, gzipped, "Vary", "Accept-Encoding")
	reader, err := gzip.NewReader(gzipped.Body)
	if err != nil {
		t.Fatalf("the gzipped page is no gzip: %v", err)
	}
	unpacked, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("failed to unpack the page: %v", err)
	}
	if string(unpacked) != text {
		t.Error("the gzipped page differs from the plain one")
	}
	if plain.Header.Get("ETag") == gzipped.Header.Get("ETag") {
		t.Error("two encodings share one ETag")
	}
}

func TestAcceptEncoding(t *testing.T) {
	tests := []struct {
		accept       string
		wantEncoding string
	}{
		{"", ""},
		{"gzip", "gzip"},
		{"GZIP", "gzip"},
		{"br;q=1.0, gzip;q=0.8", "gzip"},
		{"*", "gzip"},
		{"br, *;q=0.1", "gzip"},
		{"br", ""},
		{"gzip;q=0", ""},
		{"gzip; q=0.000", ""},
		{"gzip;q=0, *", ""},
		{"*, gzip;q=0", ""},
		{"*;q=0", ""},
		{"*;q=0, gzip", "gzip"},
		{"gzip;q=much", ""},
		{"identity", ""},
	}
	for _, test := range tests {
		t.Run(test.accept, func(t *testing.T) {
			wantHeader(t, do(t, "GET", "/", "Accept-Encoding", test.accept), "Content-Encoding", test.wantEncoding)
		})
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	for _, accept := range []string{"gzip", "identity"} {
		etag := do(t, "GET", "/", "Accept-Encoding", accept).Header.Get("ETag")
		if strings.HasPrefix(etag, "W/") || len(etag) < 10 {
			t.Fatalf("%s: ETag %q is not a strong one", accept, etag)
		}
		again := do(t, "GET", "/", "Accept-Encoding", accept, "If-None-Match", etag)
		if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
			t.Errorf("%s: got %d for an unchanged page, want 304 and no body", accept, again.StatusCode)
		}
		wantHeader(t, again, "ETag", etag)
		changed := do(t, "GET", "/", "Accept-Encoding", accept, "If-None-Match", `"another"`)
		if changed.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d for a changed page, want 200", accept, changed.StatusCode)
		}
	}
}

func TestEveryFileThatThePageNamesIsThere(t *testing.T) {
	wantTypes := map[string]string{
		".css": "text/css; charset=utf-8",
		".js":  "text/javascript; charset=utf-8",
		".svg": "image/svg+xml; charset=utf-8",
		".txt": "text/plain; charset=utf-8",
	}
	named := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page(t), -1)
	if len(named) < 4 {
		t.Fatalf("the page names only %d files", len(named))
	}
	for _, match := range named {
		path := match[1]
		response := do(t, "GET", path, "Accept-Encoding", "gzip")
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d, want 200", path, response.StatusCode)
			continue
		}
		wantHeader(t, response, "Content-Type", wantTypes[path[strings.LastIndex(path, "."):]])
		wantCache := "public, max-age=31536000, immutable"
		if path == "/assets/licenses.txt" {
			wantCache = "no-cache" // its name has no hash
		}
		wantHeader(t, response, "Cache-Control", wantCache)
	}
}

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	text := page(t)
	if foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z]`).FindString(text); foreign != "" {
		t.Errorf("the page names a foreign URL, %q:\n%s", foreign, text)
	}
	for _, script := range regexp.MustCompile(`(?is)<script[^>]*>(.*?)</script>`).FindAllStringSubmatch(text, -1) {
		if strings.TrimSpace(script[1]) != "" {
			t.Errorf("an inline script, which the policy forbids: %q", script[1])
		}
	}
}

func TestUnknownPathIs404(t *testing.T) {
	for _, path := range []string{"/index.html", "/assets/", "/assets/none.js", "/assets/../playground.go", "/dist/index.html.gz", "/graphql"} {
		if got := do(t, "GET", path).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, got)
		}
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		response := do(t, method, "/")
		if response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d, want 405", method, response.StatusCode)
		}
		wantHeader(t, response, "Allow", "GET, HEAD")
	}
	head := do(t, "HEAD", "/", "Accept-Encoding", "gzip")
	if head.StatusCode != http.StatusOK || body(t, head) != "" {
		t.Errorf("HEAD: got %d, want 200 and no body", head.StatusCode)
	}
	wantHeader(t, head, "Content-Length", do(t, "GET", "/", "Accept-Encoding", "gzip").Header.Get("Content-Length"))
}

func TestEveryAnswerConfinesThePage(t *testing.T) {
	for _, path := range []string{"/", "/assets/licenses.txt", "/none"} {
		response := do(t, "GET", path)
		policy := response.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy+";", directive+";") {
				t.Errorf("%s: the policy %q lacks %q", path, policy, directive)
			}
		}
		if strings.Contains(policy, "unsafe-eval") {
			t.Errorf("%s: the policy allows eval", path)
		}
		wantHeader(t, response, "X-Content-Type-Options", "nosniff")
		wantHeader(t, response, "Referrer-Policy", "no-referrer")
		wantHeader(t, response, "Cross-Origin-Opener-Policy", "same-origin")
		wantHeader(t, response, "X-Frame-Options", "DENY")
	}
}

func TestLicensesOfWhatThePageIsMadeFromAreServed(t *testing.T) {
	text := body(t, do(t, "GET", "/assets/licenses.txt"))
	for _, name := range []string{"graphiql", "graphql-sse", "monaco-editor", "react"} {
		if !strings.Contains(text, name) {
			t.Errorf("the licenses do not name %s", name)
		}
	}
}
