package settlementapi_test

import (
	"encoding/json"
	"testing"

	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement/settlementapi"
)

func TestContractIsServedAsItStands(t *testing.T) {
	res, err := settlementapi.ServeOpenAPI(t.Context(), &httpapi.Request{})
	body, ok := res.Body.(json.RawMessage)
	if err != nil || !ok || !json.Valid(body) || len(body) < 10_000 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
