package settlementapi

import (
	"context"
	"encoding/json"

	"fenzhang/api"
	"fenzhang/shared/lambda/httpapi"
)

// ServeOpenAPI answers the HTTP contract itself.
func ServeOpenAPI(context.Context, *httpapi.Request) (httpapi.Response, error) {
	return httpapi.OK(json.RawMessage(api.JSON())), nil
}
