package settlementapi

import (
	"context"

	"fenzhang/shared/fault"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement/replay"
)

// replayContract handles POST /v1/contracts/replay: it computes how a proposed contract would have
// split past settlements, and stores nothing.
func (a API) replayContract(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var body replay.Request
	if problems := strictjson.Decode(r.Body, &body); len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	report, err := replay.Service{Settlements: a.Service.Store, Creators: a.Service.Directory}.Run(ctx,
		r.Tenant, body)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(report), nil
}
