package ruletest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Province is the jurisdiction whose pack LocalRate changes and Quote asks.
const Province = "330000"

// studio is a business in Hangzhou that files its own surcharges on 200,000.00.
const studio = `{"date":"2026-10-20","paying_entity":{"place":"330100","place_tier":"city","platform_filing":false},
"taxpayer":{"kind":"individual_business","resident":true,"vat":"small_scale","collection":"books","jurisdiction":"330100","place_tier":"city"},"income":{"type":"live_tip","amount":"200000.00"}}`

// Figure is what a quote says, and the version of the province's pack that it was computed by.
type Figure struct{ Amount, Version string }

// Quote asks a running API for the local education surcharge of a studio of the province.
//
// Errors: the call failed, or was not answered with 200.
func Quote(ctx context.Context, client *http.Client, api, token string) (Figure, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/v1/tax/quote",
		strings.NewReader(studio))
	if err != nil {
		return Figure{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return Figure{}, err
	}
	defer func() { _ = res.Body.Close() }()
	var v struct {
		Obligations []struct{ Tax, Amount string } `json:"payee_obligations"`
		Rules       struct {
			Local []struct{ Pack, Version string }
		}
	}
	if res.StatusCode != http.StatusOK {
		return Figure{}, fmt.Errorf("the quote was answered with %d", res.StatusCode)
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		return Figure{}, err
	}
	var f Figure
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
