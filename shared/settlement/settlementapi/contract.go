package settlementapi

import (
	"context"
	"encoding/json"

	"fenzhang/api"
	"fenzhang/shared/lambda/httpapi"
)

// Contract answers the HTTP contract itself.
func Contract(context.Context, *httpapi.Request) (httpapi.Response, error) {
	return httpapi.OK(json.RawMessage(api.JSON())), nil
}
