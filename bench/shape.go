package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sameShape returns an error where two servers answer a request with JSON of another shape: then
// their times cannot be compared.
func sameShape(ctx context.Context, ours, theirs *child, r request) error {
	var shapes [2]string
	for i, server := range []*child{ours, theirs} {
		c, err := dial(ctx, server.address)
		if err != nil {
			return err
		}
		defer c.Close()
		status, err := c.ask(r)
		if err != nil {
			return err
		}
		if err := mustSucceed(status, c.body.Bytes()); err != nil {
			return err
		}
		if shapes[i], err = shapeOf(c.body.Bytes()); err != nil {
			return err
		}
	}
	if shapes[0] != shapes[1] {
		return fmt.Errorf("the answers to compare differ: %s and %s", shapes[0], shapes[1])
	}
	return nil
}

// shapeOf writes JSON without its values: which keys objects have, and how long lists are.
func shapeOf(text []byte) (string, error) {
	var value any
	err := json.Unmarshal(text, &value)
	return shape(value), err
}

func shape(value any) string {
	switch value := value.(type) {
	case map[string]any:
		var members []string
		for _, key := range slices.Sorted(maps.Keys(value)) {
			members = append(members, key+shape(value[key]))
		}
		return "{" + strings.Join(members, " ") + "}"
	case []any:
		var elements []string
		for _, element := range value {
			elements = append(elements, shape(element))
		}
		return "[" + strings.Join(elements, " ") + "]"
	default:
		return ""
	}
}
