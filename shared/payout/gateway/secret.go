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

// Secret is the value of the gateway secret: the merchant accounts of all tenants, with our private
// keys and the gateways' public keys.
type Secret struct {
	Douyin []payoutdouyin.Account `json:"douyin"`
	Bank   []payoutbank.Account   `json:"bank"`
}

// Addresses are the base addresses of the gateways; in a local stack those of the stand-ins.
type Addresses struct {
	Douyin, Bank string
	// Callback is the address to which gateways send notices, without the gateway's name at its end.
	// When Callback is empty, the notify address of each account is used.
	Callback string
}

// callTimeout is the longest time of one call to a gateway. callTimeout is shorter than the time
// limit of any function, so that an unclear outcome can still be stored.
const callTimeout = 8 * time.Second

// OpenGateways makes the gateways of all accounts in a secret. The errors of OpenGateways never
// contain a part of the secret.
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
	return all, checkUniqueMerchants(all)
}

// checkUniqueMerchants refuses a merchant account that occurs twice: a notice to it could not be
// assigned to one tenant.
func checkUniqueMerchants(all payout.Gateways) error {
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
