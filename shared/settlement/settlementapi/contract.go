package settlementapi

import (
	"context"
	"encoding/json"

	"fenzhang/api"
	"fenzhang/shared/lambda/httpapi"
)

// ServeOpenAPI handles GET /v1/openapi.json: the response is the HTTP contract.
func ServeOpenAPI(context.Context, *httpapi.Request) (httpapi.Response, error) {
	return httpapi.OK(json.RawMessage(api.JSON())), nil
}
