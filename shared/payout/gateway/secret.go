// Package payoutgateway opens the merchant accounts of all tenants from the gateway secret.
package payoutgateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/payout"
	"fenzhang/shared/payout/gateway/bank"
	"fenzhang/shared/payout/gateway/douyin"
)

// Secret is the value of the gateway secret: every tenant's merchant accounts with our keys and the
// gateways' public ones.
type Secret struct {
	Douyin []payoutdouyin.Account `json:"douyin"`
	Bank   []payoutbank.Account   `json:"bank"`
}

// Addresses are where the gateways are; on one machine they are the stand-ins.
type Addresses struct {
	Douyin, Bank string
	// where notices are wanted, without the gateway's name; empty: as each account says
	Callback string
}

// callTimeout bounds one call to a gateway. It is shorter than any function's own limit, so that an
// unclear outcome can still be written down.
const callTimeout = 8 * time.Second

// OpenGateways makes the gateways of a secret. Errors never repeat what the secret holds.
func OpenGateways(secret []byte, at Addresses, now func() time.Time) (payout.Gateways, error) {
	var s Secret
	if json.Unmarshal(secret, &s) != nil {
		return nil, errors.New("gateway secret: must be the JSON of payoutgateway.Secret")
	}
	var all payout.Gateways
	for i, a := range s.Douyin {
		if a.NotifyURL == "" && at.Callback != "" {
			a.NotifyURL = at.Callback + "/" + string(payout.Douyin)
		}
		g, err := payoutdouyin.New(a, at.Douyin, callTimeout, now)
		if err != nil {
			return nil, fmt.Errorf("gateway secret: douyin[%d]: %w", i, err)
		}
		all = append(all, payout.MerchantAccount{Tenant: a.Tenant, Merchant: a.Merchant,
			Method: payout.Douyin, Gateway: g})
	}
	for i, a := range s.Bank {
		g, err := payoutbank.New(a, at.Bank, callTimeout, now)
		if err != nil {
			return nil, fmt.Errorf("gateway secret: bank[%d]: %w", i, err)
		}
		all = append(all, payout.MerchantAccount{Tenant: a.Tenant, Merchant: a.Merchant,
			Method: payout.Bank, Gateway: g})
	}
	return all, unique(all)
}

// unique refuses two tenants behind one merchant account: its notices could not be told apart.
func unique(all payout.Gateways) error {
	seen := map[string]bool{}
	for _, a := range all {
		name := string(a.Method) + " " + a.Merchant
		if a.Tenant == "" || a.Merchant == "" || seen[name] {
			return fmt.Errorf(
				"gateway secret: %s: tenant or merchant is missing, or the merchant is named twice", name)
		}
		seen[name] = true
	}
	return nil
}
