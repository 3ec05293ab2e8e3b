// Package api carries the HTTP contract, so that a function can serve it and every test can hold
// answers against it.
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

// JSON is the contract as JSON, converted on the first call.
func JSON() []byte { return convertedJSON() }

var convertedJSON = sync.OnceValue(func() []byte {
	var contract any
	err := yaml.Unmarshal(Spec, &contract)
	var out []byte
	if err == nil {
		out, err = json.Marshal(contract)
	}
	if err != nil {
		panic(fmt.Sprintf("api: openapi.yaml: %v",
			err)) //nolint:forbidigo // the embedded document cannot be wrong once the tests have read it
	}
	return out
})
