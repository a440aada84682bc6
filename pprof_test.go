package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// profilesURL returns where a server says that its profiles are.
func profilesURL(i *instance) string {
	for line := range strings.Lines(i.banner) {
		if url, ok := strings.CutPrefix(line, "profiles   "); ok {
			return strings.TrimSpace(url)
		}
	}
	return ""
}

func TestProfilesAreOffUntilAskedFor(t *testing.T) {
	t.Parallel()
	i := start(t)
	if url := profilesURL(i); url != "" {
		t.Errorf("profiles are at %s", url)
	}
	// The playground answers every path, with its page or not at all.
	if _, body := i.get("/debug/pprof/goroutine?debug=1"); strings.Contains(body, "goroutine profile") {
		t.Error("the public address shows profiles")
	}
}

func TestProfilesHaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	i := start(t, "AUTHGRAPH_PPROF=127.0.0.1:0")
	url := profilesURL(i)
	if url == "" || strings.HasPrefix(url, i.URL) {
		t.Fatalf("profiles are at %q, the API at %s", url, i.URL)
	}
	ask := func(host string) (status int, body string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"goroutine?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	if status, body := ask(""); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profiles answer %d: %.200s", status, body)
	}
	if status, body := ask("rebound.example:80"); status != http.StatusMisdirectedRequest || strings.Contains(body, "goroutine") {
		t.Errorf("under another name profiles answer %d: %.200s", status, body)
	}
	for name, value := range map[string]string{"Origin": "http://localhost:8080", "Sec-Fetch-Site": "cross-site"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"goroutine?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(name, value)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("to a page, by its %s, profiles answer %s", name, response.Status)
		}
	}
	if _, body := i.get("/debug/pprof/goroutine?debug=1"); strings.Contains(body, "goroutine profile") {
		t.Error("the public address shows profiles")
	}
	if err := i.shutDown(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("profiles outlive the server")
	}
}
