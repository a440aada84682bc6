package graph

import (
	"encoding/json"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/authgraph/authgraph/auth"
	"github.com/authgraph/authgraph/model"
)

// The scalars take exactly the JSON that the GraphQL specification allows for them (section
// 3.5). gqlgen's own also take a number for a String and a string for an Int.

// wrongType refuses an input; the error presenter adds the field's name.
func wrongType(want string) error {
	return &auth.Error{Code: auth.BadUserInput, Message: "must be " + want}
}

// MarshalString writes a String or an ID.
func MarshalString(text string) graphql.Marshaler { return graphql.MarshalString(text) }

// UnmarshalString reads a String or an ID.
func UnmarshalString(v any) (string, error) {
	text, ok := v.(string)
	if !ok {
		return "", wrongType("a string")
	}
	return text, nil
}

// MarshalOptionalString writes a String, and null for an absent one.
func MarshalOptionalString(text model.OptionalString) graphql.Marshaler {
	if text == "" {
		return graphql.Null
	}
	return graphql.MarshalString(string(text))
}

// UnmarshalOptionalString reads a String.
func UnmarshalOptionalString(v any) (model.OptionalString, error) {
	text, err := UnmarshalString(v)
	return model.OptionalString(text), err
}

// MarshalInt writes an Int.
func MarshalInt(i int) graphql.Marshaler { return graphql.MarshalInt(i) }

// UnmarshalInt reads an Int, which has 32 bits.
func UnmarshalInt(v any) (int, error) {
	var i int64
	var err error
	switch v := v.(type) {
	case int64: // from a literal
		i = v
	case json.Number: // from a variable
		i, err = strconv.ParseInt(v.String(), 10, 32)
	default:
		return 0, wrongType("an integer")
	}
	if err != nil || i < math.MinInt32 || i > math.MaxInt32 {
		return 0, wrongType("an integer of 32 bits")
	}
	return int(i), nil
}

// MarshalBoolean writes a Boolean.
func MarshalBoolean(b bool) graphql.Marshaler { return graphql.MarshalBoolean(b) }

// UnmarshalBoolean reads a Boolean.
func UnmarshalBoolean(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, wrongType("true or false")
	}
	return b, nil
}

// MarshalAuditKind writes a value of the enum AuditKind.
func MarshalAuditKind(kind model.AuditKind) graphql.Marshaler {
	return graphql.MarshalString(string(kind))
}

// UnmarshalAuditKind reads a value of the enum AuditKind, which the parser has checked.
func UnmarshalAuditKind(v any) (model.AuditKind, error) {
	text, err := UnmarshalString(v)
	return model.AuditKind(text), err
}

// MarshalAuthEventKind writes a value of the enum AuthEventKind.
func MarshalAuthEventKind(kind auth.EventKind) graphql.Marshaler {
	return graphql.MarshalString(string(kind))
}

// UnmarshalAuthEventKind reads a value of the enum AuthEventKind, which the parser has checked.
func UnmarshalAuthEventKind(v any) (auth.EventKind, error) {
	text, err := UnmarshalString(v)
	return auth.EventKind(text), err
}

// MarshalDateTime writes a DateTime, and null for the zero Time.
func MarshalDateTime(t model.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(t.String())) })
}

// UnmarshalDateTime reads a DateTime, in any time zone.
func UnmarshalDateTime(v any) (model.Time, error) {
	text, ok := v.(string)
	if !ok {
		return 0, wrongType("a DateTime")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, wrongType("a DateTime such as 2026-01-31T12:00:00Z")
	}
	return model.NewTime(t), nil
}
