package payoutgateway

import (
	"context"
	"sync"
	"time"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// Live is the merchant accounts as the secret store has them now. Nothing is read before the first
// use, and accounts are opened again only when the secret has changed. It is safe for concurrent
// use.
type Live struct {
	secret func(context.Context) (string, error)
	at     Addresses
	now    func() time.Time

	mu     sync.Mutex
	opened string
	all    payout.Gateways
}

var _ payout.Merchants = (*Live)(nil)

// NewLive makes accounts from a secret, which should come from a cache: it is asked for at every
// use.
func NewLive(secret func(context.Context) (string, error), at Addresses,
	now func() time.Time) *Live {
	return &Live{secret: secret, at: at, now: now}
}

// GatewayFor is payout.Gateways.For; it is fault.Unavailable while the secret cannot be read.
func (l *Live) GatewayFor(ctx context.Context, tenant ident.Tenant, method payout.Method,
	merchant string) (payout.Gateway, error) {
	all, err := l.gateways(ctx)
	if err != nil {
		return nil, err
	}
	return all.GatewayFor(ctx, tenant, method, merchant)
}

// ReadNotice is payout.Gateways.Notice; it is fault.Unavailable while the secret cannot be read.
func (l *Live) ReadNotice(ctx context.Context, method payout.Method, headers map[string]string,
	body []byte) (payout.Notice, error) {
	all, err := l.gateways(ctx)
	if err != nil {
		return payout.Notice{}, err
	}
	return all.ReadNotice(ctx, method, headers, body)
}

func (l *Live) gateways(ctx context.Context) (payout.Gateways, error) {
	secret, err := l.secret(ctx)
	if err != nil {
		return nil, fault.Later(err)
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
	l.all, l.opened = all, secret
	return all, nil
}
