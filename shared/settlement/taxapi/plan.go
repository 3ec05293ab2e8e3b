package taxapi

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxplan"
)

// planQuestion is the request body of a comparison of regimes.
type planQuestion struct {
	Year         int              `json:"year"`
	Jurisdiction string           `json:"jurisdiction"`
	Income       []taxplan.Income `json:"income"`
	Facts        taxplan.Facts    `json:"facts"`
}

// comparePlans handles POST /v1/tax/plan: it computes the tax on a year of expected income under
// each lawful regime (税负测算与合规方案比较).
func (a API) comparePlans(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var q planQuestion
	err := decodeBody(r.Body, &q, func(p *fault.Problems) {
		// The tenant's positions are not read for a body that is wrong anyway.
		request := q.request(nil)
		addInputProblems(p, request.Validate(corpus), nil)
	})
	if err != nil {
		return httpapi.Response{}, err
	}
	positions, err := a.loadPositionsOfYear(ctx, r.Tenant, q.Year)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := taxplan.ComputePlan(corpus, q.request(positions))
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(answer), nil
}

// request makes the request of package taxplan; positions are the tenant's, by month.
func (q *planQuestion) request(positions map[int][]tax.Position) taxplan.Request {
	return taxplan.Request{Year: q.Year, Jurisdiction: q.Jurisdiction, Income: q.Income,
		Facts: q.Facts, Positions: positions}
}

// loadPositionsOfYear reads the tenant's approved tax positions on the last day of each month of a
// year. A month without positions is not in the map.
func (a API) loadPositionsOfYear(ctx context.Context, tenant ident.Tenant,
	year int) (map[int][]tax.Position, error) {
	all := map[int][]tax.Position{}
	for m := time.January; m <= time.December; m++ {
		found, err := a.loadPositions(ctx, tenant, civil.NewMonth(year, m).Last())
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all[int(m)] = found
		}
	}
	return all, nil
}
