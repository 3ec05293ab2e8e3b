package api_test

import (
	"encoding/json"
	"testing"

	"fenzhang/api"
)

func TestContractConvertsToJSON(t *testing.T) {
	var doc struct {
		OpenAPI string         `json:"openapi"`
		Paths   map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(api.JSON(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.0.3" || doc.Paths["/v1/incentive/settle"] == nil {
		t.Errorf("got version %q and %d paths", doc.OpenAPI, len(doc.Paths))
	}
}
