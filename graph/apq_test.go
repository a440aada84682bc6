package graph_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/authgraph/authgraph/auth"
)

// Automatic persisted queries: a client sends the hash of its document, and the document as well
// where the server does not know it yet.

// hashOf returns the SHA-256 of a text as clients write it.
func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// byHash returns the extensions that name a document by its hash.
func byHash(hash string) string {
	return `{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
}

// members returns the body of a request from pairs of a member and its JSON.
func members(pairs ...string) string {
	parts := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		parts = append(parts, quoted(pairs[i])+":"+pairs[i+1])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// quoted returns a text as JSON.
func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// unknown fails the test unless clients of Apollo's and of others take the answer for a request
// to send the document as well.
func (r *reply) unknown() *reply {
	r.t.Helper()
	if r.refused("PERSISTED_QUERY_NOT_FOUND", "").json.Errors[0].Message != "PersistedQueryNotFound" || r.json.Data != nil {
		r.t.Fatalf("clients do not know this refusal: %s", r.body)
	}
	return r
}

func TestAutomaticPersistedQueries(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	endpoint := s.byGet()
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	const query = `query A($short: Boolean!) { me { id username @skip(if: $short) } } query B { status { signupOpen } }`
	named := byHash(hashOf(query))
	alone := members("extensions", named, "operationName", `"A"`, "variables", `{"short":false}`)

	modern := s.bearer(token)
	modern.headers["Accept"] = "application/graphql-response+json"
	if r := modern.post(alone).unknown(); r.status != 400 {
		t.Errorf("for a new client: %d", r.status)
	}
	if r := s.bearer(token).post(alone).unknown(); r.status != 200 {
		t.Errorf("for an old client: %d", r.status)
	}
	s.bearer(token).post(members("query", quoted(query), "extensions", named, "operationName", `"A"`, "variables", `{"short":true}`)).ok()
	if r := s.bearer(token).post(alone).ok(); r.get("me.username") != "ada" {
		t.Errorf("unexpected answer: %s", r.body)
	}
	s.bearer("").post(alone).refused(auth.Unauthenticated, "") // the document is everyone's, what it shows is not
	s.bearer("").post(members("extensions", named, "operationName", `"B"`)).ok()
	s.bearer("").post(members("documentId", quoted("sha256:"+hashOf(query)), "operationName", `"B"`)).ok()

	// Another listener has a memory of its own, as another replica has.
	byGet := parameters("extensions", named, "operationName", "A", "variables", `{"short":false}`)
	s.bearer(token).get(endpoint, byGet).unknown()
	s.bearer(token).get(endpoint, parameters("query", query)+"&"+byGet).ok()
	s.bearer(token).get(endpoint, byGet).ok()
	s.bearer(token).get(endpoint, parameters("documentId", "sha256:"+hashOf(query), "operationName", "B")).ok()
}

func TestAHashIsThatOfItsDocument(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const query, other = `{ status { signupOpen } }`, `{ session { id } }`
	hash := hashOf(query)
	for name, body := range map[string]string{
		"of another document":        members("query", quoted(other), "extensions", byHash(hash)),
		"of the document with space": members("query", quoted(query+" "), "extensions", byHash(hash)),
		"in upper case":              members("query", quoted(query), "extensions", byHash(strings.ToUpper(hash))),
		"cut":                        members("query", quoted(query), "extensions", byHash(hash[:63])),
		"no hash, alone":             members("extensions", byHash("x")),
		"empty":                      members("extensions", byHash("")),
		"of another version":         members("query", quoted(query), "extensions", `{"persistedQuery":{"version":2,"sha256Hash":"`+hash+`"}}`),
		"without a version":          members("query", quoted(query), "extensions", `{"persistedQuery":{"sha256Hash":"`+hash+`"}}`),
		"without a hash":             members("query", quoted(query), "extensions", `{"persistedQuery":{"version":1}}`),
		"a number":                   members("query", quoted(query), "extensions", `{"persistedQuery":{"version":1,"sha256Hash":1}}`),
		"a text":                     members("query", quoted(query), "extensions", `{"persistedQuery":"`+hash+`"}`),
		"a list, alone":              members("extensions", `{"persistedQuery":[]}`),
		"a number for the id":        members("documentId", `1`),
		"another kind of number":     members("extensions", `{"documentId":1}`),
		"as id, of another document": members("query", quoted(other), "documentId", quoted("sha256:"+hash)),
		"as id, and no hash":         members("documentId", `"sha256:x"`),
		"named twice":                members("documentId", quoted("sha256:"+hash), "extensions", byHash(hash)),
		"nothing named":              members("extensions", `{"persistedQuery":null}`),
		"an empty id":                members("documentId", `""`),
	} {
		for _, accept := range []string{"application/json", "application/graphql-response+json"} {
			c := s.bearer("")
			c.headers["Accept"] = accept
			if r := c.post(body).refused("BAD_REQUEST", ""); r.status != 400 || r.json.Data != nil {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
	}
	s.bearer("").post(members("extensions", byHash(hash))).unknown()
}

func TestOnlyWhatCouldBeExecutedIsRegistered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, query := range map[string]string{
		"no GraphQL":                       `{ me {`,
		"a field that is not there":        `{ password }`,
		"too many tokens":                  `{` + strings.Repeat(" me", 1000) + `}`,
		"a fragment alone":                 `fragment F on User { id }`,
		"a variable that is not given":     `query($id: ID!) { node(id: $id) { id } }`,
		"a text that is too long to keep":  `{ status { signupOpen } }` + strings.Repeat(" ", 10<<10),
		"a mutation with a password in it": `mutation { login(input: {identifier: "ada", password: "` + password + `"}) { __typename } }`,
	} {
		s.bearer("").post(members("query", quoted(query), "extensions", byHash(hashOf(query))))
		if r := s.bearer("").post(members("extensions", byHash(hashOf(query)))); r.json.Errors == nil || r.json.Errors[0].Message != "PersistedQueryNotFound" {
			t.Errorf("%s is registered: %s", name, r.body)
		}
	}
}

// TestAHashOpensNothing: what is asked for by a hash meets what its text would meet.
func TestAHashOpensNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.signUp("ada")
	token := s.bearer("").logIn("ada")
	endpoint := s.byGet()
	for query, code := range map[string]auth.Code{
		`{ me { sessions { user { sessions { user { sessions { id } } } } } } }`:                              "QUERY_TOO_COMPLEX",
		`mutation($i: LoginInput!) { a: login(input: $i) { __typename } b: login(input: $i) { __typename } }`: "QUERY_TOO_COMPLEX",
		`query($i: LoginInput!) { users { totalCount } }`:                                                     "GRAPHQL_VALIDATION_FAILED",
		`{ users { totalCount } }`: auth.Forbidden,
	} {
		variables := `{"i":{"identifier":"ada","password":"x"}}`
		sent := s.bearer(token).post(members("query", quoted(query), "extensions", byHash(hashOf(query)), "variables", variables))
		sent.refused(code, "")
		named := s.bearer(token).post(members("extensions", byHash(hashOf(query)), "variables", variables))
		if code == "GRAPHQL_VALIDATION_FAILED" {
			named.unknown()
		} else {
			named.refused(code, "")
		}
	}

	// A mutation by GET is refused, and a page of another site reads nothing by the cookie.
	const mutation = `mutation { logout { loggedOut } }`
	for range 2 {
		if r := s.bearer(token).get(endpoint, parameters("query", mutation, "extensions", byHash(hashOf(mutation)))); r.status != 405 {
			t.Errorf("a mutation by GET: %d %s", r.status, r.body)
		}
		if r := s.bearer(token).get(endpoint, parameters("extensions", byHash(hashOf(mutation)))); r.status != 405 {
			t.Errorf("a mutation by GET and hash: %d %s", r.status, r.body)
		}
	}
	s.bearer(token).get(endpoint, parameters("query", me, "extensions", byHash(hashOf(me)))).ok()
	link := s.withCookie(token)
	link.headers["Sec-Fetch-Site"] = "cross-site"
	if r := link.get(endpoint, parameters("extensions", byHash(hashOf(me)))).refused(auth.Forbidden, ""); r.status != 403 {
		t.Errorf("a link of another site: %d", r.status)
	}
}

func TestAFloodOfDocumentsLeavesTheServerWhole(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	send := func(i int) *reply {
		query := `{ status { signupOpen } } #` + strings.Repeat("x", 7000) + strings.Repeat("y", i)
		return s.bearer("").post(members("query", quoted(query), "extensions", byHash(hashOf(query))))
	}
	for i := range 600 { // more than there is room for
		send(i).ok()
	}
	first := `{ status { signupOpen } } #` + strings.Repeat("x", 7000)
	s.bearer("").post(members("extensions", byHash(hashOf(first)))).unknown()
	send(0).ok()
	s.bearer("").post(members("extensions", byHash(hashOf(first)))).ok()
}

// TestOneDocumentIsExecutedByManyAtOnce: a document in memory is shared. The race detector looks.
func TestOneDocumentIsExecutedByManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const query = `query Q($roles: Boolean!, $id: ID!, $with: String = "") { me { ...U } node(id: $id) { ...U } other: node(id: $id) { id } }
		fragment U on User { id username roles @include(if: $roles) { name permissions } can(permission: $with) }`
	ids := map[string]string{}
	for _, name := range []string{"ada", "grace"} {
		ids[name] = s.signUp(name)
	}
	var wait sync.WaitGroup
	for name, id := range ids {
		token := s.bearer("").logIn(name)
		for i := range 8 {
			wait.Go(func() {
				for range 20 {
					body := members("query", quoted(query), "extensions", byHash(hashOf(query)),
						"variables", members("roles", fmt.Sprint(i%2 == 0), "id", quoted(id), "with", quoted("users:read")))
					r := s.bearer(token).post(body)
					if len(r.json.Errors) > 0 || r.get("me.username") != name || r.get("node.id") != id {
						t.Errorf("%s got %s", name, r.body)
						return
					}
				}
			})
		}
	}
	wait.Wait()
}
