package contracttest

import (
	"encoding/json"
	"fmt"
)

// decodeBody parses a body into the types that the validator expects: maps, lists, and float64 for
// every number. No amount is lost in a float, because the contract has amounts as strings and only
// counts and codes as numbers.
func decodeBody(body []byte) (any, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	return v, nil
}
