package contracttest

import (
	"encoding/json"
	"fmt"
)

// decodeBody reads a body as the validator expects it: objects as maps, numbers as float64. Only
// counts and codes are JSON numbers in this contract, and money is text, so nothing is lost.
func decodeBody(body []byte) (any, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, fmt.Errorf("the body is not JSON: %w", err)
	}
	return v, nil
}
