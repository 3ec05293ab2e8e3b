package payout

import (
	"context"
	"errors"
	"slices"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// MerchantAccount is a tenant's account at a payment gateway, with the adapter that signs and
// verifies with its keys.
type MerchantAccount struct {
	Tenant   ident.Tenant
	Merchant string // number of the merchant account at the gateway
	Method   Method
	Gateway  Gateway
}

// Gateways is a list of merchant accounts; it implements Merchants.
type Gateways []MerchantAccount

// Merchants finds the gateway for a payment, and the tenant of a notice.
type Merchants interface {
	GatewayFor(ctx context.Context, tenant ident.Tenant, method Method,
		merchant string) (Gateway, error)
	ReadNotice(ctx context.Context, method Method, headers map[string]string,
		body []byte) (Notice, error)
}

var _ Merchants = Gateways{}

// GatewayFor returns the gateway through which a tenant pays: that of the given merchant, or the
// tenant's first account for the method when no merchant is given. Errors: 5002 merchant_missing.
func (g Gateways) GatewayFor(_ context.Context, tenant ident.Tenant, method Method,
	merchant string) (Gateway, error) {
	for _, a := range g {
		if a.Tenant == tenant && a.Method == method && (merchant == "" || a.Merchant == merchant) {
			return a.Gateway, nil
		}
	}
	return nil, fault.MissingRule("merchant_missing", string(method),
		"The tenant has no merchant account for this way of paying; add one, or change the payee's "+
			"account.")
}

// ReadNotice reads a gateway's message with the keys of each merchant account of the method. The
// account whose keys verify the message determines the tenant.
//
// Errors: 1002 when no account verifies it, 3003 when there is no gateway of this method, 2001 when
// a verified message cannot be read.
func (g Gateways) ReadNotice(ctx context.Context, method Method, headers map[string]string,
	body []byte) (Notice, error) {
	if !slices.ContainsFunc(g, func(a MerchantAccount) bool { return a.Method == method }) {
		return Notice{}, fault.MissingObject("gateway")
	}
	for _, a := range g {
		if a.Method != method {
			continue
		}
		n, err := a.Gateway.ParseNotice(ctx, headers, body)
		if errors.Is(err, ErrUnverified) {
			continue
		}
		n.Tenant = a.Tenant
		return n, err
	}
	return Notice{}, fault.New(fault.SignatureInvalid, "signature_wrong",
		"The message's signature is missing or wrong; sign it with the key that is registered for the "+
			"merchant account.").Wrap(ErrUnverified)
}
