package taxapi

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxplan"
)

// planQuestion is the body of a comparison.
type planQuestion struct {
	Year         int              `json:"year"`
	Jurisdiction string           `json:"jurisdiction"`
	Income       []taxplan.Income `json:"income"`
	Facts        taxplan.Facts    `json:"facts"`
}

// plan lays a year of expected income through the lawful alternatives (税负测算与合规方案比较).
func (a API) plan(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	corpus := a.Corpus(ctx)
	var b body
	var q planQuestion
	if b.read(r.Body, &q) {
		request := q.request(nil)
		b.adopt(request.Validate(corpus), nil)
	}
	if err := b.refusal(); err != nil {
		return httpapi.Response{}, err
	}
	positions, err := a.yearOfPositions(ctx, r.Tenant, q.Year)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer, err := taxplan.Compute(corpus, q.request(positions))
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(answer), nil
}

func (q *planQuestion) request(positions map[int][]tax.Position) taxplan.Request {
	return taxplan.Request{Year: q.Year, Jurisdiction: q.Jurisdiction, Income: q.Income,
		Facts: q.Facts, Positions: positions}
}

// yearOfPositions gives the tenant's positions on the last day of each month of a year.
func (a API) yearOfPositions(ctx context.Context, tenant ident.Tenant,
	year int) (map[int][]tax.Position, error) {
	all := map[int][]tax.Position{}
	for m := time.January; m <= time.December; m++ {
		found, err := a.positions(ctx, tenant, civil.In(year, m).Last())
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all[int(m)] = found
		}
	}
	return all, nil
}
