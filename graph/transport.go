package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/authgraph/authgraph/auth"
)

// This file is GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/). The
// rules:
//
//   - POST with a JSON body. A page on another site cannot make a browser send that without
//     asking first. Where the operator wants it, also GET, for queries alone; auth.CheckSite says
//     what becomes of the links of other sites.
//   - What is sent is JSON in the strict sense: UTF-8, no key twice, nothing behind the end.
//     It is never quoted in an answer, for it may hold a password.
//   - A request that cannot be executed gets 4xx and no `data`. To clients that do not know
//     application/graphql-response+json, a document that does not parse or validate
//     is a 200, as they expect; to the others a 400, as the audits of npm's graphql-http want it.

const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"

	// maxBody is the greatest size of a request's body in bytes.
	maxBody = 100 << 10
	// maxErrors is how many errors an answer holds at most.
	maxErrors = 10
)

// refusal says why a request holds nothing that could be executed.
type refusal struct {
	status  int
	code    auth.Code
	message string
	field   string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, code: badRequest, message: fmt.Sprintf(format, args...)}
}

// refuseMethod refuses what the method of a request cannot do, and says which ones can.
func refuseMethod(w http.ResponseWriter, message string, allowed ...string) *refusal {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return refuse(http.StatusMethodNotAllowed, "%s", message)
}

// refuseKind returns what refuses an operation of a kind that cannot be answered in the way in
// which it is asked.
func refuseKind(w http.ResponseWriter, r *http.Request) func(kind ast.Operation) *refusal {
	return func(kind ast.Operation) *refusal {
		switch {
		case kind != ast.Query && r.Method == http.MethodGet:
			return refuseMethod(w, "Send "+string(kind)+"s by POST.", http.MethodPost)
		case kind == ast.Subscription && !wantsEvents(r.Header.Values("Accept")):
			return refuse(http.StatusNotAcceptable, "Ask for subscriptions over WebSocket, or with Accept: %s and no JSON type.", mediaEvents)
		default:
			return nil
		}
	}
}

// readRequest returns what a request asks to execute, or why it is refused.
func (h *handler) readRequest(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	switch {
	case r.Method == http.MethodPost:
		return readBody(w, r)
	case r.Method == http.MethodGet && h.getQueries:
		return parseURL(r.URL.RawQuery)
	case h.getQueries:
		return nil, refuseMethod(w, "Send queries by GET or POST, and mutations by POST.", http.MethodGet, http.MethodPost)
	default:
		return nil, refuseMethod(w, "Send operations by POST; queries by GET are off.", http.MethodPost)
	}
}

// readBody reads the request that the body of a POST holds.
func readBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	if !isJSON(r.Header.Get("Content-Type")) {
		return nil, refuse(http.StatusUnsupportedMediaType, "Send operations as application/json in UTF-8.")
	}
	if r.Header.Get("Content-Encoding") != "" {
		return nil, refuse(http.StatusUnsupportedMediaType, "Send the body without Content-Encoding.")
	}
	body, err := readAll(http.MaxBytesReader(w, r.Body, maxBody), int(min(max(r.ContentLength, 0), maxBody)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, refuse(http.StatusRequestEntityTooLarge, "A request may have at most %d bytes.", maxBody)
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The body could not be read.")
	}
	return parseRequest(body)
}

// readAll reads to the end, into no more than what is needed where that is size bytes.
func readAll(from io.Reader, size int) ([]byte, error) {
	text := make([]byte, 0, size+1) // the end is only seen by who has room for more
	for {
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		if len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
	}
}

// isJSON reports whether a Content-Type says JSON in UTF-8.
func isJSON(contentType string) bool {
	if contentType == mediaJSON {
		return true
	}
	mediaType, options, err := mime.ParseMediaType(contentType)
	charset := options["charset"]
	return err == nil && mediaType == mediaJSON && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// parseRequest reads the JSON object of a request.
func parseRequest(body []byte) (*graphql.RawParams, *refusal) {
	members, err := readMembers(body)
	if err != nil {
		return nil, refuseJSON(err, "The body", "")
	}
	if members == nil {
		return nil, refuse(http.StatusBadRequest, "The body must be one JSON object.")
	}
	return paramsOf(members)
}

// readMembers returns the members of a text that is one JSON object in the strict sense (RFC 7493),
// as parts of it, and none of other JSON.
func readMembers(text []byte) (members map[string]json.RawMessage, err error) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(text))
	if decoder.PeekKind() == '{' {
		members = map[string]json.RawMessage{}
		_, err = decoder.ReadToken()
		for err == nil && decoder.PeekKind() != '}' {
			var name jsontext.Token
			if name, err = decoder.ReadToken(); err != nil {
				break
			}
			known := name.String()
			var value jsontext.Value
			value, err = decoder.ReadValue()
			end := decoder.InputOffset()
			members[known] = json.RawMessage(text[end-int64(len(value)) : end])
		}
		if err == nil {
			_, err = decoder.ReadToken()
		}
	} else {
		_, err = decoder.ReadValue()
	}
	if err != nil {
		return nil, err
	}
	return members, endOf(decoder)
}

// endOf returns an error where something stands behind what was read.
func endOf(decoder *jsontext.Decoder) error {
	_, err := decoder.ReadToken()
	if err == nil {
		return errMore
	}
	if err == io.EOF {
		return nil
	}
	return err
}

var errMore = errors.New("there is more than one value")

// parseURL reads the request that the parameters of a URL hold: three as text and two as JSON. An
// empty one counts as absent.
func parseURL(query string) (*graphql.RawParams, *refusal) {
	parameters, err := url.ParseQuery(query)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "The parameters of the URL cannot be read.")
	}
	members := map[string]json.RawMessage{}
	for _, name := range []string{"query", documentIDMember, "operationName", "variables", "extensions"} {
		text := parameters.Get(name)
		switch {
		case len(parameters[name]) > 1:
			return nil, refuse(http.StatusBadRequest, "%s is given twice.", name)
		case text == "":
			continue
		case name == "variables" || name == "extensions":
			if refusal := checkJSON([]byte(text), name, jsontext.Pointer("/"+name)); refusal != nil {
				return nil, refusal
			}
			members[name] = json.RawMessage(text)
		case !utf8.ValidString(text):
			return nil, refuse(http.StatusBadRequest, "%s must be valid UTF-8.", name)
		default:
			if members[name], err = json.Marshal(text); err != nil {
				panic(err) // any text can be written
			}
		}
	}
	return paramsOf(members)
}

// paramsOf checks the type of each member of a request.
func paramsOf(members map[string]json.RawMessage) (*graphql.RawParams, *refusal) {
	params := new(graphql.RawParams)
	var documentID string
	for _, member := range []struct {
		name string
		into *string
	}{{"query", &params.Query}, {documentIDMember, &documentID}, {"operationName", &params.OperationName}} {
		if !readText(members[member.name], member.into) {
			return nil, refuse(http.StatusBadRequest, "%s must be a string.", member.name)
		}
	}
	for _, member := range []struct {
		name string
		into *map[string]any
	}{{"variables", &params.Variables}, {"extensions", &params.Extensions}} {
		if !readObject(members[member.name], member.into) {
			return nil, refuse(http.StatusBadRequest, "%s must be an object.", member.name)
		}
	}
	if documentID != "" {
		if params.Extensions == nil {
			params.Extensions = map[string]any{}
		}
		params.Extensions[documentIDMember] = documentID
	}
	if params.Query == "" && !namesDocument(params.Extensions) {
		return nil, refuse(http.StatusBadRequest, "query is missing.")
	}
	return params, nil
}

// readText reads a JSON string, if there is one, and reports whether there is nothing else.
func readText(value json.RawMessage, into *string) bool {
	if value == nil || string(value) == "null" {
		return true
	}
	text, err := jsontext.AppendUnquote(nil, value)
	*into = string(text)
	return err == nil
}

// readObject reads a JSON object, if there is one, and reports whether there is nothing else.
func readObject(value json.RawMessage, into *map[string]any) bool {
	if value == nil || string(value) == "null" || string(value) == "{}" {
		return true
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	return decoder.Decode(into) == nil
}

// checkJSON refuses what is not one JSON value in the strict sense (RFC 7493). It is known by a
// name, and stands at a place in the request.
func checkJSON(text []byte, name string, at jsontext.Pointer) *refusal {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	_, err := decoder.ReadValue()
	if err == nil {
		err = endOf(decoder)
	}
	if err == nil {
		return nil
	}
	return refuseJSON(err, name, at)
}

// refuseJSON says what is wrong with a text. What is not UTF-8 is refused like any other bad input,
// by the name of its field.
func refuseJSON(err error, name string, at jsontext.Pointer) *refusal {
	fault, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return refuse(http.StatusBadRequest, "%s must be one JSON object.", name)
	}
	if errors.Is(fault.Err, jsontext.ErrDuplicateName) {
		return refuse(http.StatusBadRequest, "A key is given twice.")
	}
	field := fault.JSONPointer.LastToken()
	if strings.HasPrefix(string(at+fault.JSONPointer), "/variables/") && isEncodingFault(fault) {
		return &refusal{status: http.StatusBadRequest, code: auth.BadUserInput, field: field, message: field + " must be valid UTF-8"}
	}
	return refuse(http.StatusBadRequest, "%s is not JSON, from byte %d on.", name, fault.ByteOffset)
}

// isEncodingFault reports whether text is not UTF-8 or has half of a surrogate pair.
func isEncodingFault(fault *jsontext.SyntacticError) bool {
	message := fault.Err.Error()
	return strings.Contains(message, "UTF-8") || strings.Contains(message, "surrogate")
}

// write sends the answer in the media type that the client prefers.
func (h *handler) write(w http.ResponseWriter, r *http.Request, a answer) {
	mediaType := responseType(r.Header.Values("Accept"))
	status, codes := a.status, a.codes()
	if a.operation != nil && status == http.StatusBadRequest && mediaType == mediaJSON &&
		!slices.Contains(codes, string(badRequest)) && !wantsEvents(r.Header.Values("Accept")) {
		status = http.StatusOK
	}
	h.challenge(w, r, a)
	body := encode(a.response)
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// challenge adds how to present a credential to an answer that needs one.
func (h *handler) challenge(w http.ResponseWriter, r *http.Request, a answer) {
	if slices.Contains(a.codes(), string(auth.Unauthenticated)) {
		h.auth.Challenge(w.Header(), auth.ViewerFrom(r.Context()))
	}
}

// encode writes a response as JSON. What gqlgen has written already is not looked at once more.
func encode(response *graphql.Response) []byte {
	if len(response.Errors) == 0 && len(response.Extensions) == 0 {
		return slices.Concat([]byte(`{"data":`), response.Data, []byte("}"))
	}
	body, err := json.Marshal(struct {
		Errors     gqlerror.List   `json:"errors,omitempty"`
		Data       json.RawMessage `json:"data,omitempty"`
		Extensions map[string]any  `json:"extensions,omitempty"`
	}{shownErrors(response), response.Data, response.Extensions})
	if err != nil {
		panic(err) // gqlgen made the data and this package the errors: both can be written
	}
	return body
}

// shownErrors returns so many errors of a response as an answer holds.
func shownErrors(response *graphql.Response) gqlerror.List {
	return response.Errors[:min(len(response.Errors), maxErrors)]
}

// wantsEvents reports whether an Accept header names server-sent events and no JSON type. Clients
// that name both are better served with JSON: nobody can set a cookie in the middle of a stream.
func wantsEvents(accept []string) (events bool) {
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaType, _, err := mediaRange(entry)
		if err == nil && (strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json")) {
			return false
		}
		events = events || err == nil && mediaType == mediaEvents
	}
	return events
}

// responseType returns the media type of this endpoint's that an Accept header ranks highest,
// and the older one where it ranks neither above the other.
func responseType(accept []string) string {
	best, rank := mediaJSON, 0.0
	for entry := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		mediaType, parameters, err := mediaRange(entry)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, given := parameters["q"]; given {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		switch mediaType {
		case mediaGraphQL:
			if quality > rank {
				best, rank = mediaGraphQL, quality
			}
		case mediaJSON, "application/*", "*/*":
			if quality > rank {
				best, rank = mediaJSON, quality
			}
		}
	}
	return best
}

// mediaRange parses an entry of an Accept header. Most have no parameters, and then there is little
// to parse.
func mediaRange(entry string) (mediaType string, parameters map[string]string, err error) {
	if !strings.Contains(entry, ";") {
		return strings.ToLower(strings.TrimSpace(entry)), nil, nil
	}
	return mime.ParseMediaType(entry)
}
