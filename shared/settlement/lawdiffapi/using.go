package lawdiffapi

import (
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
)

// usingAnswer is a page of settlements whose figures rest on a position.
type usingAnswer struct {
	Settlements []using `json:"settlements"`
	NextCursor  *string `json:"next_cursor"`
}

type using struct {
	Settlement  ident.Settlement  `json:"settlement_id"`
	Creator     ident.Creator     `json:"creator_id"`
	Taxpayer    ident.Taxpayer    `json:"taxpayer_id"`
	Entity      ident.Entity      `json:"paying_entity"`
	Status      settlement.Status `json:"status"`
	PaymentDate civil.Date        `json:"payment_date"`
	Booked      bool              `json:"booked"` // the booking rests on it, and not only the quote
}

const (
	// lookBack is how many days before a position's first day a settlement may be opened and still be
	// paid under it.
	lookBack = 190
	// maxPages bounds how many settlements one call looks through.
	maxPages = 5
)

// using lists the settlements whose figures used a position: those to be taxed again when the text
// arrives. A call looks through a bounded number of settlements, so that a page may hold few and
// still have a next one.
func (a API) using(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	limit, err := r.Limit()
	if err != nil {
		return httpapi.Response{}, err
	}
	position, err := a.Position(ctx, r.Tenant, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	out := usingAnswer{Settlements: []using{}}
	q := settlement.Query{From: position.From.AddDays(-lookBack)}
	cursor := r.Query.Get("cursor")
	for range maxPages {
		page, next, err := a.Settlements.List(ctx, r.Tenant, q, cursor, limit-len(out.Settlements))
		if err != nil {
			return httpapi.Response{}, err
		}
		figures, err := a.Settlements.FiguresOf(ctx, page)
		if err != nil {
			return httpapi.Response{}, err
		}
		for _, s := range page {
			if u, ok := usingOf(s, figures[s.ID], position.PositionID); ok {
				out.Settlements = append(out.Settlements, u)
			}
		}
		if cursor = next; cursor == "" {
			return httpapi.OK(out), nil
		}
		if len(out.Settlements) == limit {
			break
		}
	}
	out.NextCursor = &cursor
	return httpapi.OK(out), nil
}

// usingOf tells whether the figures of a settlement rest on a position.
func usingOf(s settlement.Settlement, figures map[string]settlement.Figures,
	position string) (using, bool) {
	u := using{Settlement: ident.Settlement(s.ID), Creator: s.CreatorID, Taxpayer: s.TaxpayerID,
		Entity: s.Entity, Status: s.Status, PaymentDate: s.PaymentDate}
	found := false
	for hash, f := range figures {
		if slices.Contains(f.Result.Rules.Positions, position) {
			found = true
			u.Booked = u.Booked || hash == s.Booking
		}
	}
	return u, found
}
