package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/assembly"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouttest"
)

// accepts is a gateway that takes everything at once.
type accepts struct{ payout.Gateway }

func (accepts) Send(_ context.Context, o payout.Order) (payout.Outcome, error) {
	return payout.Outcome{State: payout.Accepted, Amount: o.Amount}, nil
}

func (accepts) QueryOutcome(context.Context, string) (payout.Outcome, error) {
	return payout.Outcome{State: payout.Paid}, nil
}

type payees struct{}

func (payees) FindPayee(context.Context, payout.Payable) (payout.Payee, error) {
	return payout.Payee{Account: "open-id-1", Holder: "张三"}, nil
}

// The settlement that event.json names.
const settlementID = "st-c97b00fc534925fe4e332b0ada307fc3-1"

func newService(state payout.State) (*payout.Service, *payouttest.Memory) {
	now := civil.MustDate("2026-11-16").Start().Add(12 * time.Hour)
	m := payouttest.NewMemory(payout.Payable{
		Tenant: "demo-mcn", SettlementID: settlementID, Key: payout.SettlementKey("demo-mcn", settlementID), State: state, Status: payout.Paying,
		ToPay: money.MustParse("100.00"), Method: payout.Douyin, TaxMonth: civil.MustMonth("2026-11"),
	})
	return &payout.Service{
		Payables: m, Unclear: m, Rebooking: m, Accounts: payees{}, Clock: clock.FixedAt(now), Log: slog.New(slog.DiscardHandler),
		Merchants: payout.Gateways{{Tenant: "demo-mcn", Merchant: "m", Method: payout.Douyin, Gateway: accepts{}}},
	}, m
}

func TestSamples(t *testing.T) {
	s, m := newService(payout.Created)
	triggertest.RunSamples(t, triggers(s, s.Log), map[string]triggertest.Check{
		"event.json": func(t *testing.T, event, answer []byte) {
			triggertest.ExpectNoFailures(t, event, answer)
			if got := m.Get("demo-mcn", settlementID).State; got != payout.Accepted {
				t.Errorf("payout is %s", got)
			}
		},
		"event-schedule.json": triggertest.ExpectEmptyAnswer,
	})
}

func TestUndecodableMessageStaysInTheQueue(t *testing.T) {
	s, _ := newService(payout.Created)
	out, err := triggers(s, s.Log).Invoke(context.Background(), []byte(`{"Records":[{"messageId":"m1","eventSource":"aws:sqs","body":"?"}]}`))
	if err != nil || string(out) != `{"batchItemFailures":[{"itemIdentifier":"m1"}]}` {
		t.Errorf("%s, %v", out, err)
	}
}

func TestScheduleAsks(t *testing.T) {
	s, m := newService(payout.Accepted)
	if _, err := triggers(s, s.Log).Invoke(context.Background(), []byte(`{"job":"query-payouts","time":"2026-11-16T04:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	if got := m.Get("demo-mcn", settlementID).State; got != payout.Paid {
		t.Errorf("payout is %s", got)
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	_, err := assembly.Assemble(t.Context(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.DiscardHandler), build)
	for _, name := range []string{"STAGE", "TABLE_SETTLEMENTS", "TABLE_LEDGER", "TABLE_TENANCY", "TABLE_CONTROL", "DATA_KEY_ARN", "GATEWAY_SECRET_ARN", "QUEUE_TAX_URL", "GATEWAY_DOUYIN_URL", "GATEWAY_BANK_URL", "CALLBACK_URL"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
