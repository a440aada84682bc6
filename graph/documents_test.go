package graph_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/graph"
)

// Trusted documents: the operator lists the documents that front ends were built with.

const (
	trustedStatus = `query Status { status { signupOpen } }`
	trustedMe     = `query Me { me { id username } }`
	trustedLogIn  = `mutation LogIn($input: LoginInput!) { login(input: $input) { ... on LoginSuccess { token } } }`
	trustedLogOut = `mutation LogOut { logout { loggedOut } }`
)

// apolloManifest returns the manifest that Apollo's tool makes of a document.
func apolloManifest(id, text string) string {
	return `{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":` + quoted(id) +
		`,"name":"X","type":"query","body":` + quoted(text) + `,"clientName":null}]}`
}

// writeFiles puts texts into files of their own and returns where.
func writeFiles(t *testing.T, texts ...string) (files []string) {
	t.Helper()
	folder := t.TempDir()
	for i, text := range texts {
		file := filepath.Join(folder, string(rune('a'+i))+".json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// trusting returns the endpoint of a server with the manifests of three front ends.
func (s *server) trusting(unlisted graph.Unlisted) string {
	s.t.Helper()
	manifest, err := graph.LoadManifest(graph.Schema(), writeFiles(s.t,
		members("5fae1c", quoted(trustedMe), "0b11aa", quoted(trustedLogOut)), // by graphql-codegen
		members("d2c9e0", quoted(trustedLogIn)),                               // by Relay
		apolloManifest(hashOf(trustedStatus), trustedStatus))...)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.serve(graph.Options{Introspection: true, GetQueries: true, Manifest: manifest, Unlisted: unlisted}) + "/graphql"
}

func TestADocumentOfTheManifestIsExecutedByEachOfItsNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	for _, unlisted := range []graph.Unlisted{graph.ExecuteUnlisted, graph.LogUnlisted, graph.RefuseUnlisted} {
		c := s.bearer("")
		c.url = s.trusting(unlisted)
		variables := `{"input":{"identifier":"ada","password":"` + password + `"}}`
		c.headers["Authorization"] = "Bearer " + c.post(members("documentId", `"d2c9e0"`, "variables", variables)).ok().get("login.token")
		for name, body := range map[string]string{
			"the id":                   members("documentId", `"5fae1c"`),
			"the id, as Apollo has it": members("extensions", byHash("5fae1c")),
			"the hash":                 members("extensions", byHash(hashOf(trustedMe))),
			"the hash, as the draft":   members("documentId", quoted("sha256:"+hashOf(trustedMe))),
			"the text":                 members("query", quoted(trustedMe)),
			"the id and the text":      members("documentId", `"5fae1c"`, "query", quoted(trustedMe)),
			"the hash and the text":    members("extensions", byHash(hashOf(trustedMe)), "query", quoted(trustedMe)),
			"its own name as well":     members("documentId", `"5fae1c"`, "operationName", `"Me"`),
		} {
			if r := c.post(body).ok(); r.get("me.username") != "ada" {
				t.Errorf("%s, %s: %s", unlisted, name, r.body)
			}
		}
		c.post(members("documentId", quoted(hashOf(trustedStatus)))).ok()
		c.get(c.url, parameters("documentId", "5fae1c")).ok()
		c.get(c.url, parameters("extensions", byHash("5fae1c"))).ok()
		c.get(c.url, parameters("query", trustedMe)).ok()
		if r := c.get(c.url, parameters("documentId", "0b11aa")).refused("BAD_REQUEST", ""); r.status != 405 {
			t.Errorf("a mutation by GET: %d", r.status)
		}
		c.post(members("documentId", `"5fae1c"`, "query", quoted(trustedStatus))).refused("BAD_REQUEST", "")
		c.post(members("documentId", `"5fae1c"`, "operationName", `"Other"`)).refused("GRAPHQL_VALIDATION_FAILED", "")
		c.post(members("documentId", `"0b11aa"`)).ok()
		c.post(members("documentId", `"5fae1c"`)).refused(auth.Unauthenticated, "")
	}
}

func TestADocumentOutsideTheManifestIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.bearer("")
	c.url = s.trusting(graph.RefuseUnlisted)
	foreign := `{ status { errorCodes } }`
	for name, body := range map[string]string{
		"another document":         members("query", quoted(foreign)),
		"one more space":           members("query", quoted(trustedStatus+" ")),
		"one that is no GraphQL":   members("query", `"{"`),
		"one under a trusted name": members("query", quoted(`query Status { status { errorCodes } }`), "operationName", `"Status"`),
		"introspection":            members("query", quoted(introspection)),
		"an unknown id":            members("documentId", `"unknown"`),
		"an unknown hash":          members("extensions", byHash(hashOf(foreign))),
		"a hash and its document":  members("query", quoted(foreign), "extensions", byHash(hashOf(foreign))),
	} {
		for accept, status := range map[string]int{"application/json": 200, "application/graphql-response+json": 400} {
			c.headers["Accept"] = accept
			if r := c.post(body).refused("DOCUMENT_NOT_TRUSTED", ""); r.status != status || r.json.Data != nil {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	c.get(c.url, parameters("query", foreign)).refused("DOCUMENT_NOT_TRUSTED", "")
	c.post(members("extensions", byHash(hashOf(foreign)))).refused("DOCUMENT_NOT_TRUSTED", "") // and is not registered
	if r := c.post(`{}`).refused("BAD_REQUEST", ""); r.status != 400 {
		t.Errorf("no document: %d", r.status)
	}
	if r := c.post(members("documentId", `1`)).refused("BAD_REQUEST", ""); r.status != 400 {
		t.Errorf("no name: %d", r.status)
	}
}

func TestADocumentOutsideTheManifestIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := s.bearer("")
	c.url = s.trusting(graph.LogUnlisted)
	foreign := `query Foreign($id: ID!) { status { errorCodes } node(id: $id) { id } }`
	secret := `mutation Secret { login(input: {identifier: "ada", password: "` + password + `"}) { __typename } }`
	for range 3 {
		c.run(foreign, "id", "usr_canary")
		c.run(secret)
		c.run(trustedStatus).ok()
		c.run(`{ nope }`)
		c.post(members("documentId", `"unknown"`)).unknown()
	}
	var lines []string
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "not in the manifest") {
			lines = append(lines, line)
		}
	}
	log := strings.Join(lines, "")
	if len(lines) != 2 || !strings.Contains(lines[0], `"name":"Foreign","sha256":"`+hashOf(foreign)+`"`) || !strings.Contains(lines[1], `"name":"Secret"`) {
		t.Errorf("want two lines: %s", log)
	}
	for _, word := range []string{"signupOpen", "errorCodes", "canary", password, hashOf(secret)} {
		if strings.Contains(log, word) {
			t.Errorf("the log says %s: %s", word, log)
		}
	}
	s.bearer("").run(foreign, "id", "usr_canary") // of a server that does not look
	if n := strings.Count(s.log.String(), "not in the manifest"); n != 2 {
		t.Errorf("there are %d lines", n)
	}
}

func TestAManifestIsHeldToTheSchema(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"a document", []string{members("x", quoted(trustedMe))}, ""},
		{"two documents in one", []string{members("x", quoted(trustedMe+trustedStatus))}, ""},
		{"one document by two ids", []string{members("x", quoted(trustedMe), "y", quoted(trustedMe))}, ""},
		{"the document of two releases", []string{members("x", quoted(trustedMe)), apolloManifest("x", trustedMe)}, ""},
		{"members that are none of ours", []string{strings.Replace(apolloManifest("x", trustedMe), "{", `{"more":1,`, 1)}, ""},

		{"no JSON", []string{`query Me { me { id } }`}, `a.json: want one JSON object: `},
		{"a list", []string{`[]`}, `a.json: want one JSON object: `},
		{"nothing", []string{`{}`}, `a.json: holds no documents`},
		{"no operations", []string{`{"format":"apollo-persisted-query-manifest","version":1,"operations":[]}`}, `a.json: holds no documents`},
		{"a document that is no text", []string{members("x", `{"query":"{ me { id } }"}`)}, `a.json: document "x": want its text`},
		{"a document that does not parse", []string{members("x", quoted("query Me {\n me {"))}, `a.json: document "x": input:2:6: Expected Name, found <EOF>`},
		{"a document that does not fit", []string{members("w", quoted(trustedMe)), members("x", quoted(`{ me { password } }`))}, `b.json: document "x": input:1:8: Cannot query field "password" on type "User"`},
		{"a document of fragments", []string{members("x", quoted(`fragment F on User { id }`))}, `a.json: document "x": it has no operation`},
		{"a document of many tokens", []string{members("x", quoted(`{`+strings.Repeat(" me", 1000)+`}`))}, `a.json: document "x": input: exceeded token limit of 1000`},
		{"no id", []string{members("", quoted(trustedMe))}, `a.json: document "": it has no id`},
		{"an id given twice", []string{members("x", quoted(trustedMe), "x", quoted(trustedMe))}, `a.json: want one JSON object: jsontext: duplicate object member name "x"`},
		{"an id given twice, Apollo's way", []string{strings.Replace(apolloManifest("x", trustedMe), `"operations":[`, `"operations":[{"id":"x","body":"{ me { id } }"},`, 1)}, `a.json: document "x": the id is given twice`},
		{"an id of two documents", []string{members("x", quoted(trustedMe)), members("x", quoted(trustedStatus))}, `b.json: document "x": another document has the same id`},
		{"the hash of another document", []string{members("x", quoted(trustedMe), "sha256:"+hashOf(trustedMe), quoted(trustedStatus))}, `a.json: document "x": another document has the same id`},
		{"another format", []string{strings.Replace(apolloManifest("x", trustedMe), "apollo", "other", 1)}, `a.json: want the format apollo-persisted-query-manifest, version 1`},
		{"another version", []string{strings.Replace(apolloManifest("x", trustedMe), `"version":1`, `"version":2`, 1)}, `a.json: want the format apollo-persisted-query-manifest, version 1`},
	} {
		files := writeFiles(t, test.texts...)
		manifest, err := graph.LoadManifest(graph.Schema(), files...)
		if test.want == "" {
			if err != nil || manifest.Len() != 1 {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), filepath.Dir(files[0])+"/"), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
	if _, err := graph.LoadManifest(graph.Schema(), filepath.Join(t.TempDir(), "nowhere.json")); err == nil || !strings.Contains(err.Error(), "nowhere.json: no such file") {
		t.Errorf("a file that is missing: %v", err)
	}
}

// TestAManifestOfASubgraphMayHaveItsFields: documents are held to the schema that is served.
func TestAManifestOfASubgraphMayHaveItsFields(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.signUp("ada")
	token := s.bearer("").logIn("ada")
	files := writeFiles(t, members("entities", quoted(entities), "me", quoted(me)))
	if _, err := graph.LoadManifest(graph.Schema(), files...); err == nil || !strings.Contains(err.Error(), `document "entities"`) {
		t.Errorf("fields that are not served: %v", err)
	}
	manifest, err := graph.LoadManifest(graph.ServedSchema(true), files...)
	if err != nil {
		t.Fatal(err)
	}
	c := s.bearer(token)
	c.url = s.serve(graph.Options{Federation: true, Manifest: manifest, Unlisted: graph.RefuseUnlisted}) + "/graphql"
	variables := `{"representations":[{"__typename":"User","id":` + quoted(id) + `}]}`
	if r := c.post(members("documentId", `"entities"`, "variables", variables)).ok(); r.get("_entities.0.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	c.post(members("documentId", `"me"`)).ok()
	c.run(`{ _service { sdl } }`).refused("DOCUMENT_NOT_TRUSTED", "")
}
