// Package api contains the HTTP contract, so that a function can serve it and tests can compare
// answers with it.
package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Spec is the contract as it is written, in YAML.
//
//go:embed openapi.yaml
var Spec []byte

// JSON returns the contract as JSON, converted at the first call.
func JSON() []byte { return convertedJSON() }

// convertedJSON converts the contract once. The tests have read the same document, so the
// conversion cannot fail afterwards.
var convertedJSON = sync.OnceValue(func() []byte {
	var contract any
	err := yaml.Unmarshal(Spec, &contract)
	var out []byte
	if err == nil {
		out, err = json.Marshal(contract)
	}
	if err != nil {
		//nolint:forbidigo // the embedded document cannot be wrong once the tests have read it
		panic(fmt.Sprintf("api: openapi.yaml: %v", err))
	}
	return out
})
