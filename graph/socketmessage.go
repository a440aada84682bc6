package graph

import (
	"encoding/json"
	"net/http"
	"strings"
)

// message is what a client sends over a socket.
type message struct {
	kind    string // its "type"
	id      string
	payload map[string]json.RawMessage // nil where there is none
}

// parseMessage reads a message.
func parseMessage(text []byte) (*message, *refusal) {
	members, err := readMembers(text)
	if err != nil {
		return nil, refuseJSON(err, "The message", "")
	}
	if members == nil {
		return nil, refuse(http.StatusBadRequest, "A message is one JSON object.")
	}
	m := new(message)
	for _, member := range []struct {
		name, want string
		into       any
	}{
		{"type", "a string", &m.kind},
		{"id", "a string", &m.id},
		{"payload", "an object", &m.payload},
	} {
		value, ok := members[member.name]
		if ok && json.Unmarshal(value, member.into) != nil {
			return nil, refuse(http.StatusBadRequest, "%s must be %s.", member.name, member.want)
		}
	}
	return m, nil
}

// credentials returns what the payload of connection_init presents, as the headers that a request
// would have: whatever their letter case, as in a request, and each once. It may hold anything else.
func (m *message) credentials() (http.Header, *refusal) {
	headers := http.Header{}
	for name, value := range m.payload {
		for _, header := range []string{"Authorization", "Authentication-Token"} {
			if !strings.EqualFold(name, header) {
				continue
			}
			var text string
			if json.Unmarshal(value, &text) != nil {
				return nil, refuse(http.StatusBadRequest, "%s must be a string.", header)
			}
			if headers[header] != nil {
				return nil, refuse(http.StatusBadRequest, "%s is given twice.", header)
			}
			headers[header] = []string{text}
		}
	}
	return headers, nil
}
