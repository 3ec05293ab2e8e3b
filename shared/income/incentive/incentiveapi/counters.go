package incentiveapi

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/money"
)

// countersHandler serves the route that shows a creator's counters of a day.
type countersHandler struct{ counters *incentive.Counters }

// countersAnswer is the answer of the counters route.
type countersAnswer struct {
	CreatorID ident.Creator `json:"creator_id"`
	Date      civil.Date    `json:"date"`
	Events    int           `json:"events"`
	Rewards   rewards       `json:"rewards"`
	Closed    bool          `json:"closed"`
}

// rewards are the sums of a creator's rewards of a day by kind.
type rewards struct {
	Cash    money.Amount `json:"cash"`
	Traffic int64        `json:"traffic"`
	Shop    int64        `json:"shop"`
}

// serveCounters returns the events and rewards of a creator's day.
func (h countersHandler) serveCounters(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	creator := r.Params["creator_id"]
	var day civil.Date
	if text := r.Query.Get("date"); text != "" {
		var err error
		if day, err = civil.ParseDate(text); err != nil {
			return httpapi.Response{}, fault.Invalid(fault.Field{Field: "date", Problem: err.Error()})
		}
	}
	// A creator who asks for somebody else gets the same answer as for an unknown creator.
	if !r.CanSee(ident.Creator(creator)) {
		return httpapi.Response{}, fault.MissingObject("creator")
	}
	c, err := h.counters.CountDay(ctx, r.Tenant, ident.Creator(creator), day)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(countersAnswer{ident.Creator(creator), c.Day, c.Events,
		rewards{c.Cash, c.Traffic, c.Shop}, c.Closed}), nil
}
