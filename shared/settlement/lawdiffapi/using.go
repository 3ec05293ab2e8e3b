package lawdiffapi

import (
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
)

// positionUses is the response body of a page of settlements whose figures used a tax position.
type positionUses struct {
	Settlements []positionUse `json:"settlements"`
	NextCursor  *string       `json:"next_cursor"`
}

// positionUse is a settlement whose figures used a tax position.
type positionUse struct {
	Settlement  ident.Settlement  `json:"settlement_id"`
	Creator     ident.Creator     `json:"creator_id"`
	Taxpayer    ident.Taxpayer    `json:"taxpayer_id"`
	Entity      ident.Entity      `json:"paying_entity"`
	Status      settlement.Status `json:"status"`
	PaymentDate civil.Date        `json:"payment_date"`
	// the booking used the position, and not only the quote
	Booked bool `json:"booked"`
}

const (
	// daysBeforePosition is how many days before the first day of a position a settlement may have
	// been opened and still be paid under the position.
	daysBeforePosition = 190
	// maxPagesPerCall is the greatest number of pages of settlements that one call reads.
	maxPagesPerCall = 5
)

// listSettlementsOnPosition handles GET /v1/positions/{id}/settlements: it lists the settlements
// whose figures used a tax position, which are to be taxed again when the text of the law is
// published. A call reads a limited number of settlements, so that a short page may still have a
// next page.
func (a API) listSettlementsOnPosition(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	limit, err := r.PageLimit()
	if err != nil {
		return httpapi.Response{}, err
	}
	position, err := a.Position(ctx, r.Tenant, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	out := positionUses{Settlements: []positionUse{}}
	q := settlement.Query{From: position.From.AddDays(-daysBeforePosition)}
	cursor := r.Query.Get("cursor")
	for range maxPagesPerCall {
		page, next, err := a.Settlements.List(ctx, r.Tenant, q, cursor, limit-len(out.Settlements))
		if err != nil {
			return httpapi.Response{}, err
		}
		uses, err := a.findPositionUses(ctx, page, position.PositionID)
		if err != nil {
			return httpapi.Response{}, err
		}
		out.Settlements = append(out.Settlements, uses...)
		if cursor = next; cursor == "" {
			return httpapi.OK(out), nil
		}
		// A full page ends the call; otherwise the next settlements may fill it.
		if len(out.Settlements) == limit {
			break
		}
	}
	out.NextCursor = &cursor
	return httpapi.OK(out), nil
}

// findPositionUses returns the settlements of a page whose figures used a tax position.
func (a API) findPositionUses(ctx context.Context, page []settlement.Settlement,
	position string) ([]positionUse, error) {
	figures, err := a.Settlements.FiguresOf(ctx, page)
	if err != nil {
		return nil, err
	}
	var uses []positionUse
	for _, s := range page {
		if u, ok := findPositionUse(s, figures[s.ID], position); ok {
			uses = append(uses, u)
		}
	}
	return uses, nil
}

// findPositionUse reports whether the figures of a settlement used a tax position.
func findPositionUse(s settlement.Settlement, figures map[string]settlement.Figures,
	position string) (positionUse, bool) {
	u := positionUse{Settlement: ident.Settlement(s.ID), Creator: s.CreatorID, Taxpayer: s.TaxpayerID,
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
