package ruletest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Province is the jurisdiction whose pack PackWithLocalRate changes and QuoteSurcharge asks for.
const Province = "330000"

// studioQuote is the quote request of a business in Hangzhou that files its own surcharges on
// 200,000.00.
const studioQuote = `{"date":"2026-10-20",
"paying_entity":{"place":"330100","place_tier":"city","platform_filing":false},
"taxpayer":{"kind":"individual_business","resident":true,"vat":"small_scale","collection":"books",
"jurisdiction":"330100","place_tier":"city"},
"income":{"type":"live_tip","amount":"200000.00"}}`

// QuotedFigure is the amount in a quote and the version of the province's pack that computed it.
type QuotedFigure struct{ Amount, Version string }

// QuoteSurcharge asks a running API for the local education surcharge of a studio in the province.
//
// Errors: the call failed, or the answer's status was not 200.
func QuoteSurcharge(ctx context.Context, client *http.Client, api,
	token string) (QuotedFigure, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/v1/tax/quote",
		strings.NewReader(studioQuote))
	if err != nil {
		return QuotedFigure{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return QuotedFigure{}, err
	}
	defer func() { _ = res.Body.Close() }()
	var v struct {
		Obligations []struct{ Tax, Amount string } `json:"payee_obligations"`
		Rules       struct {
			Local []struct{ Pack, Version string }
		}
	}
	if res.StatusCode != http.StatusOK {
		return QuotedFigure{}, fmt.Errorf("the quote was answered with %d", res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		return QuotedFigure{}, err
	}
	var f QuotedFigure
	// a change of the local rate shows in this surcharge only
	for _, x := range v.Obligations {
		if x.Tax == "LEDU" {
			f.Amount = x.Amount
		}
	}
	for _, l := range v.Rules.Local {
		if l.Pack == Province {
			f.Version = l.Version
		}
	}
	return f, nil
}
