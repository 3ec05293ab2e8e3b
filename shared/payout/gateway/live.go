package payoutgateway

import (
	"context"
	"sync"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// Live is the merchant accounts in the current value of the gateway secret. The secret is read at
// the first use, and the accounts are opened again only when it has changed. Live is safe for
// concurrent use.
type Live struct {
	secret func(context.Context) (string, error)
	at     Addresses
	now    func() time.Time

	mu     sync.Mutex
	opened string
	all    payout.Gateways
}

var _ payout.Merchants = (*Live)(nil)

// NewLive makes a Live that reads the secret by the given function. The function is called at every
// use and should therefore cache its result.
func NewLive(secret func(context.Context) (string, error), at Addresses,
	now func() time.Time) *Live {
	return &Live{secret: secret, at: at, now: now}
}

// GatewayFor is payout.Gateways.GatewayFor; the error is 5003 while the secret cannot be read.
func (l *Live) GatewayFor(ctx context.Context, tenant ident.Tenant, method payout.Method,
	merchant string) (payout.Gateway, error) {
	all, err := l.openedGateways(ctx)
	if err != nil {
		return nil, err
	}
	return all.GatewayFor(ctx, tenant, method, merchant)
}

// ReadNotice is payout.Gateways.ReadNotice; the error is 5003 while the secret cannot be read.
func (l *Live) ReadNotice(ctx context.Context, method payout.Method, headers map[string]string,
	body []byte) (payout.Notice, error) {
	all, err := l.openedGateways(ctx)
	if err != nil {
		return payout.Notice{}, err
	}
	return all.ReadNotice(ctx, method, headers, body)
}

// openedGateways returns the gateways of the current secret. Errors: 5003 while the secret cannot
// be read, 5001 when its content is wrong.
func (l *Live) openedGateways(ctx context.Context) (payout.Gateways, error) {
	secret, err := l.secret(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all != nil && secret == l.opened {
		return l.all, nil
	}
	all, err := OpenGateways([]byte(secret), l.at, l.now)
	if err != nil {
		return nil, fault.Internal(err)
	}
	l.all = all
	l.opened = secret
	return all, nil
}
