package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"

	"github.com/authgraph/authgraph/auth"
)

// This file says which document a request asks to execute, and which ones are kept. The rules:
//
//   - A document is named by documentId, as the draft of GraphQL over HTTP has it, or by
//     extensions.persistedQuery.sha256Hash, as Apollo has it. Either is an id of the manifest, or
//     the SHA-256 of the text.
//   - A request that sends a text with its SHA-256 registers it (automatic persisted queries), once
//     it has been found valid. Nobody can register a text under another's hash.
//   - What clients send is kept within a bound, and what is too long for a fair share of it is
//     executed and forgotten.
//   - A mutation that has a string written into it, where a variable belongs, is never kept: the
//     string may be a password. Registered, it would be one that anyone could guess at by asking
//     for hashes, uncounted.

const (
	// documentBytes is how much memory parsed documents may take: some hundreds as front ends send
	// them, within a process that is to stay below 80 MB.
	documentBytes = 16 << 20
	// documentFactor is how many bytes a parsed document takes for each byte of its text, at most:
	// 25 to 40 as front ends write them, 88 for fields with a comment each, 110 for lists of digits.
	documentFactor = 128
	// maxKept is the greatest text, in bytes, that is kept: a sixteenth of the bound.
	maxKept = documentBytes / documentFactor / 16
	// registeredBytes is how much memory the texts that clients registered may take.
	registeredBytes = 2 << 20
	// entryBytes is what a registered text takes beside itself.
	entryBytes = 256
	// maxReported is of how many documents it is remembered that they were logged.
	maxReported = 10_000
)

const (
	documentNotFound   auth.Code = "PERSISTED_QUERY_NOT_FOUND"
	documentNotTrusted auth.Code = "DOCUMENT_NOT_TRUSTED"
)

// documents finds the document of each operation. It is an extension of gqlgen's executor, which
// asks it by whatever way the operation came, and the executor's cache.
type documents struct {
	manifest   *Manifest
	unlisted   Unlisted
	parsed     *cache[*ast.QueryDocument] // by text
	registered *cache[string]             // texts by SHA-256
	reported   *lru.Cache[string, struct{}]
	log        *slog.Logger
}

var _ interface {
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
	graphql.Cache[*ast.QueryDocument]
} = (*documents)(nil)

func newDocuments(manifest *Manifest, unlisted Unlisted, log *slog.Logger) *documents {
	d := &documents{manifest: manifest, unlisted: unlisted, log: log}
	if manifest == nil {
		d.manifest = new(Manifest)
	}
	d.parsed = newCache(documentBytes, func(text string, _ *ast.QueryDocument) int { return len(text) * documentFactor })
	d.registered = newCache(registeredBytes, func(_, text string) int { return len(text) + entryBytes })
	d.reported, _ = lru.New[string, struct{}](maxReported)
	return d
}

// ExtensionName implements graphql.HandlerExtension.
func (d *documents) ExtensionName() string { return "documents" }

// Validate implements graphql.HandlerExtension.
func (d *documents) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters puts the text of the document in place, or says why it is refused.
func (d *documents) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	if err := d.resolve(params); err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

// resolve completes a request that names its document, and refuses one that may not be executed.
func (d *documents) resolve(params *graphql.RawParams) error {
	name, err := documentName(params.Extensions)
	if err != nil {
		return err
	}
	if text, listed := d.manifest.texts[name]; listed {
		if params.Query != "" && params.Query != text {
			return errOtherDocument
		}
		params.Query = text
		return nil
	}
	if d.unlisted == RefuseUnlisted && !d.manifest.lists(params.Query) {
		return &auth.Error{Code: documentNotTrusted, Message: "This server executes the documents of its manifest alone, and this is none of them."}
	}
	hash, hashed := strings.CutPrefix(name, sha256Prefix)
	switch {
	case hashed && !isSHA256(hash):
		return &auth.Error{Code: badRequest, Message: "A hash must be the SHA-256 of the document, as 64 lower-case hexadecimal digits."}
	case params.Query == "" && name == "":
		return &auth.Error{Code: badRequest, Message: "query is missing."}
	case params.Query == "":
		text, known := d.registered.get(hash)
		if !known {
			return &auth.Error{Code: documentNotFound, Message: "PersistedQueryNotFound"} // clients look for this text
		}
		params.Query = text
	case hashed && hash != sha256Hex(params.Query):
		return errOtherDocument
	}
	return nil
}

var errOtherDocument = &auth.Error{Code: badRequest, Message: "The query is not the document that the request names."}

// MutateOperationContext looks at a document that is valid: it registers it where the client asks
// for that, and logs it where the operator does.
func (d *documents) MutateOperationContext(ctx context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	text := operation.RawQuery
	if d.manifest.lists(text) {
		return nil
	}
	if name, _ := documentName(operation.Extensions); strings.HasPrefix(name, sha256Prefix) && keeps(text, operation.Doc) {
		d.registered.add(strings.TrimPrefix(name, sha256Prefix), text)
	}
	if d.unlisted == LogUnlisted {
		d.report(ctx, operation)
	}
	return nil
}

// report logs, once for each document, that it is not in the manifest. The hash of a text that may
// hold a password is not told either, since a weak one could be found by it.
func (d *documents) report(ctx context.Context, operation *graphql.OperationContext) {
	hash := sha256Hex(operation.RawQuery)
	if known, _ := d.reported.ContainsOrAdd(hash, struct{}{}); known {
		return
	}
	name := operation.Operation.Name
	attributes := []slog.Attr{slog.String("name", name[:min(len(name), maxLoggedName)])}
	if !holdsSecrets(operation.RawQuery, operation.Doc) {
		attributes = append(attributes, slog.String("sha256", hash))
	}
	d.log.LogAttrs(ctx, slog.LevelWarn, "a document is not in the manifest", attributes...)
}

// Get implements graphql.Cache.
func (d *documents) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	if document, listed := d.manifest.parsed[text]; listed {
		return document, true
	}
	return d.parsed.get(text)
}

// Add implements graphql.Cache. The executor adds what is valid.
func (d *documents) Add(_ context.Context, text string, document *ast.QueryDocument) {
	if keeps(text, document) {
		d.parsed.add(text, document)
	}
}

// keeps reports whether a valid document may stay in memory.
func keeps(text string, document *ast.QueryDocument) bool {
	return len(text) <= maxKept && !holdsSecrets(text, document)
}

// holdsSecrets reports whether a document has a mutation and a string written into it.
func holdsSecrets(text string, document *ast.QueryDocument) bool {
	mutates := slices.ContainsFunc(document.Operations, func(o *ast.OperationDefinition) bool { return o.Operation == ast.Mutation })
	if !mutates {
		return false
	}
	for tokens := lexer.New(&ast.Source{Input: text}); ; {
		token, err := tokens.ReadToken()
		switch {
		case token.Kind == lexer.String || token.Kind == lexer.BlockString:
			return true
		case token.Kind == lexer.EOF || err != nil:
			return false
		}
	}
}

// The members of a request's extensions that name its document. The transport puts the parameter
// documentId there.
const (
	documentIDMember     = "documentId"
	persistedQueryMember = "persistedQuery"
)

// sha256Prefix begins the name of a document that is the SHA-256 of its text.
const sha256Prefix = "sha256:"

// namesDocument reports whether a request names its document, well or not.
func namesDocument(extensions map[string]any) bool {
	return extensions[documentIDMember] != nil || extensions[persistedQueryMember] != nil
}

// documentName returns how a request names its document, "" where it does not: as an id, or as
// "sha256:" and a hash.
func documentName(extensions map[string]any) (string, error) {
	id, persisted := extensions[documentIDMember], extensions[persistedQueryMember]
	switch {
	case id == nil && persisted == nil:
		return "", nil
	case id != nil && persisted != nil:
		return "", &auth.Error{Code: badRequest, Message: "Name the document by documentId or by persistedQuery, not by both."}
	case id != nil:
		if name, ok := id.(string); ok {
			return name, nil
		}
		return "", &auth.Error{Code: badRequest, Message: "documentId must be a string."}
	}
	members, _ := persisted.(map[string]any)
	hash, ok := members["sha256Hash"].(string)
	if !ok || fmt.Sprint(members["version"]) != "1" {
		return "", &auth.Error{Code: badRequest, Message: "persistedQuery must have version 1 and a sha256Hash."}
	}
	return sha256Prefix + hash, nil
}

func isSHA256(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}

// sha256Hex returns the SHA-256 of a text as clients write it.
func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
