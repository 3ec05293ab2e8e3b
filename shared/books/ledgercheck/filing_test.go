package ledgercheck_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// overtaken is a store in which something happens after an act on tax rows was decided, and before it is written.
type overtaken struct {
	settlement.Store
	by func()
}

func (o *overtaken) Apply(ctx context.Context, c settlement.Change) error {
	if by := o.by; by != nil && len(c.Rows) > 0 {
		o.by = nil
		by()
	}
	return o.Store.Apply(ctx, c)
}

func (w *world) fileMonth(t testing.TB, month string) error {
	_, _, err := w.FilingRecorder(t).Record(context.Background(), settletest.Tenant, "finance@x", filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth(month),
		FiledOn: civil.MustMonth(month).Last().AddDays(9), Reference: "return of " + month})
	return err
}

// refiled gives what the returns of filed months must say instead, by month and tax.
func (w *world) refiled(t *testing.T, from string) map[string]money.Amount {
	t.Helper()
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := w.TrueUps(t).Amendments(context.Background(), settletest.Tenant, settletest.Ordinary, civil.MustMonth(from),
		lawdiff.LatenessRules{Rules: embedded(t).National(), Calendar: calendar, PaidOn: civil.DateOf(w.Now())}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]money.Amount{}
	for _, who := range list {
		for _, m := range who.Months {
			for _, r := range m.Rows {
				out[m.Month.String()+" "+r.Tax] = r.Corrected.Withheld
			}
		}
	}
	return out
}

// A payment of September comes back in October while September is being recorded as filed. Decided before and written
// after, its reversal is not in the return, and the return is told to be filed again.
func TestAReversalThatAFilingOvertakesIsLate(t *testing.T) {
	for name, away := range map[string]time.Duration{"at one instant": 0, "by a clock that is behind": -time.Minute, "by a clock that is ahead": time.Minute} {
		t.Run(name, func(t *testing.T) {
			w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
			first, second := w.settle(t, settletest.Person, "live-1", "10000.00"), w.settle(t, settletest.Person, "live-2", "10000.00")
			w.to(t, string(first), "quote", "submit", "approve", "book", string(payout.Paid))
			w.to(t, string(second), "quote", "submit", "approve", "book")
			w.AdvanceTime(24 * 24 * time.Hour) // 2026-10-09
			p, err := w.Payables.Load(t.Context(), settletest.Tenant, second)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Payables.MarkSent(t.Context(), p, w.Now()); err != nil {
				t.Fatal(err)
			}
			service := *w.Service
			service.Store = &overtaken{w.Store, func() {
				w.AdvanceTime(away)
				if err := w.fileMonth(t, "2026-09"); err != nil {
					t.Error(err)
				}
				w.AdvanceTime(-away)
			}}
			payables := settlement.NewPayables(&service)
			if err := payables.RecordOutcome(t.Context(), p, payout.Outcome{State: payout.Failed, At: w.Now()}); err != nil {
				t.Fatal(err)
			}
			if s := w.load(t, string(second)); s.Status != settlement.Failed || s.Kept {
				t.Fatalf("%s, kept %v: it was decided before the filing", s.Status, s.Kept)
			}
			if got := w.refiled(t, "2026-09"); len(got) != 1 || got["2026-09 IIT"] != yuan("1120.00") { // 5,600.00 x 20%
				t.Errorf("to be filed again: %v", got)
			}
			w.explained(t, "the reversal")
		})
	}
}

// VAT belongs to the day on which the right to the money arose. Paid in the month after, while that day's month is being
// recorded as filed, it is not in its return either.
func TestVATOfAnEarlierMonthThatAFilingOvertakesIsLate(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	w.People.ApprovedPositions = []tenancy.Position{{PositionID: "pos-1", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"}}
	w.AdvanceTime(62 * 24 * time.Hour) // 2026-11-16, the pay day of October
	in := settletest.SettleRequest(settletest.Person, "live-1", "10000.00")
	in.TS = settlement.Millis(civil.MustDate("2026-10-20").Start().UnixMilli())
	a, _, err := w.Settle(t.Context(), settletest.CallerWith(identity.Operator), "key-live-1", in)
	if err != nil {
		t.Fatal(err)
	}
	w.to(t, string(a.SettlementID), "quote", "submit", "approve")
	w.AdvanceTime(24 * 24 * time.Hour) // 2026-12-10
	taxes, service := *w.Taxes, *w.Service
	taxes.Service = &service
	service.Store = &overtaken{w.Store, func() {
		if err := w.fileMonth(t, "2026-11"); err != nil {
			t.Error(err)
		}
	}}
	if err := taxes.Book(t.Context(), settletest.Tenant, a.SettlementID); err != nil {
		t.Fatal(err)
	}
	if s := w.load(t, string(a.SettlementID)); s.Status != settlement.Paying || s.VATDate.Month() != civil.MustMonth("2026-11") {
		t.Fatalf("%s, VAT of %s", s.Status, s.VATDate)
	}
	if got := w.refiled(t, "2026-11"); got["2026-11 "+tax.VAT] != yuan("69.31") { // 7,000.00 / 1.01 x 1%
		t.Errorf("to be filed again: %v", got)
	}
}

// What a return was made of is no amendment, however soon after the last payment of its month it is recorded by the
// business date; and it is not recorded while the last day's bookings may still be under way.
func TestAMonthsOwnPaymentsAreInItsReturn(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	w.to(t, string(id), "quote", "submit", "approve", "book", string(payout.Paid))
	w.SetDate("2026-10-12")
	if err := w.fileMonth(t, "2026-09"); err != nil {
		t.Fatal(err)
	}
	if got := w.refiled(t, "2026-09"); len(got) != 0 {
		t.Errorf("to be filed again: %v", got)
	}
	w.SetDate("2026-11-01")
	w.AdvanceTime(civil.MustDate("2026-11-01").Start().Add(time.Minute).Sub(w.Now()))
	if err := w.fileMonth(t, "2026-10"); !fault.HasCode(err, fault.IllegalMove) || fault.AsError(err).Reason != "month_not_over" {
		t.Errorf("filed a minute after midnight: %v", err)
	}
	w.AdvanceTime(2 * time.Minute)
	if err := w.fileMonth(t, "2026-10"); err != nil || errors.Is(err, optimistic.ErrRival) {
		t.Error(err)
	}
}
