package system

import (
	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ledger"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/tenancy/review"
)

// Bug is a bug that a test plants into the product, to show that the simulator finds it. Each field
// replaces a part of the product; the zero value plants no bug.
type Bug struct {
	DB          func(*engine.World, dynamo.API) dynamo.API
	Store       func(settlement.Store) settlement.Store
	Payables    func(payout.Payables) payout.Payables
	Gateway     func(payout.Gateway) payout.Gateway
	Sender      func(relay.Sender) relay.Sender
	Request     func(settlement.Store, *events.APIGatewayV2HTTPRequest)
	Periods     func(ledger.Periods) ledger.Periods
	ReviewRules func(*review.Rules)
	NoSweeps    bool // the sweeps of advance-settlement and pay-out never run
}

// applyBug returns the part of the product that a bug puts in the place of the right one, and the
// right one when there is no bug.
func applyBug[P any](bug func(P) P, part P) P {
	if bug == nil {
		return part
	}
	return bug(part)
}
