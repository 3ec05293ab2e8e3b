package settlement_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy/review"
)

// life is one settlement of a world in memory.
type life struct {
	*settletest.World
	t  *testing.T
	id ident.Settlement
}

func openLife(t *testing.T) *life {
	t.Helper()
	l := &life{World: settletest.OpenIn(t, dynamotest.OpenInMemory(t)), t: t}
	l.id = l.open("live-1")
	return l
}

func (l *life) open(activity string) ident.Settlement {
	l.t.Helper()
	answer, _, err := l.Settle(l.t.Context(), settletest.CallerWith(identity.Operator), "settle-key-"+activity,
		settletest.SettleRequest(settletest.Person, activity, "10000.00"))
	if err != nil {
		l.t.Fatal(err)
	}
	return answer.SettlementID
}

func (l *life) load() settlement.Settlement {
	l.t.Helper()
	s, err := l.Store.Load(l.t.Context(), settletest.Tenant, l.id)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// run runs operations of the tax queue, and the moves of people, in order.
func (l *life) run(steps ...string) {
	l.t.Helper()
	for _, name := range steps {
		var err error
		switch name {
		case string(settlement.InReview):
			_, err = l.Transition(l.t.Context(), l.intent(identity.Finance), settlement.InReview)
		case string(settlement.Approved):
			_, err = l.Transition(l.t.Context(), l.intent(identity.Approver), settlement.Approved)
		case settlement.OpAdvance:
			err = l.Advancer(nil, nil).RunTask(l.t.Context(), l.task(name))
		default:
			err = l.RunTask(l.t.Context(), l.task(name))
		}
		if err != nil {
			l.t.Fatalf("%s: %v", name, err)
		}
	}
}

func (l *life) task(op string) settlement.Task {
	return settlement.Task{Tenant: settletest.Tenant, SettlementID: l.id, TransitionID: "t", Op: op}
}

func (l *life) intent(role identity.Role) settlement.Intent {
	return settlement.Intent{By: settletest.CallerWith(role), ID: string(l.id), Version: l.load().StatusVersion, Reason: "tested"}
}

// A call that cancels writes twice; the sweep makes the second write when the call dies after the first.
func TestTheSystemFinishesACancellation(t *testing.T) {
	l := openLife(t)
	l.run(settlement.OpQuote, "IN_REVIEW", "APPROVED")
	if err := l.FinishCancel(t.Context(), settletest.Tenant, l.id); err != nil || l.load().Status != settlement.Approved {
		t.Fatalf("an approved settlement becomes %s: %v", l.load().Status, err)
	}
	old := l.load()
	half := old
	half.Status, half.ReasonClass = settlement.Paying, settlement.Cancelled
	half.StatusVersion++
	half.Revision++
	half.Last = settlement.Act{ID: "first-step", Name: "settlement.cancelling", By: "approver"}
	if err := l.Store.Apply(t.Context(), settlement.Change{Old: &old, New: half}); err != nil {
		t.Fatal(err)
	}
	l.run(settlement.OpAdvance)
	s := l.load()
	if s.Status != settlement.Failed || s.ReasonClass != settlement.Cancelled || s.Last.Name != "settlement.cancelled" {
		t.Errorf("the half cancelled settlement is %s (%s), by act %s", s.Status, s.ReasonClass, s.Last.Name)
	}
	if err := l.FinishCancel(t.Context(), settletest.Tenant, l.id); err != nil || l.load().Revision != s.Revision {
		t.Errorf("finished again it is written again: %v", err)
	}
	if err := l.FinishCancel(t.Context(), settletest.Tenant, "st-unknown-1"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("an unknown settlement: %v", err)
	}
}

func TestABookedSettlementIsNotCancelledByTheSystem(t *testing.T) {
	l := openLife(t)
	l.run(settlement.OpQuote, "IN_REVIEW", "APPROVED", settlement.OpBook)
	if err := l.FinishCancel(t.Context(), settletest.Tenant, l.id); err != nil || l.load().Status != settlement.Paying {
		t.Errorf("a settlement that is being paid becomes %s: %v", l.load().Status, err)
	}
}

// The sweep counts what is overdue by state, and logs numbers only.
func TestTheSweepLogsHowManyAreOverdue(t *testing.T) {
	l := openLife(t)
	l.open("live-2")
	l.AdvanceTime(10 * 24 * time.Hour)
	var log bytes.Buffer
	if err := l.Advancer(nil, slog.New(slog.NewJSONHandler(&log, nil))).Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Msg, State string
		Count      int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Msg != "settlements overdue" || line.State != "quote" || line.Count != 2 {
		t.Errorf("the log says %s (%v)", log.String(), err)
	}
}

type fixedPolicy struct{ rules review.Rules }

func (p fixedPolicy) ReviewRules(context.Context, ident.Tenant, civil.Date) (review.Rules, error) {
	return p.rules, nil
}

// A tenant that lets the system submit gets settlements submitted that were quoted before it did.
func TestTheSweepSubmitsWhatWasQuotedBeforeTheTenantAllowedIt(t *testing.T) {
	rules, err := review.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		steps  []string
		hold   bool
		submit bool
		want   bool
	}{
		"quoted":                {[]string{settlement.OpQuote}, false, true, true},
		"quoted and held":       {[]string{settlement.OpQuote}, true, true, false},
		"quoted, people submit": {[]string{settlement.OpQuote}, false, false, false},
		"in review already":     {[]string{settlement.OpQuote, "IN_REVIEW"}, false, true, false},
	} {
		l := openLife(t)
		l.run(c.steps...)
		if c.hold {
			if _, err := l.PutOnHold(t.Context(), l.intent(identity.Finance), settlement.Hold{Reason: settlement.HoldManual, Owner: "finance"}); err != nil {
				t.Fatal(err)
			}
		}
		rules.Automatic.Submit = c.submit
		l.Checks.Policy = fixedPolicy{rules}
		var asked []string
		enqueue := func(_ context.Context, _ settlement.Settlement, op string) error {
			asked = append(asked, op)
			return nil
		}
		if err := l.Advancer(enqueue, nil).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(asked, settlement.OpAdvance); got != c.want {
			t.Errorf("%s: the sweep asks for %v", name, asked)
		}
		before := l.load().Status
		l.run(settlement.OpAdvance)
		if got := l.load().Status; (got != before) != c.want || (c.want && got != settlement.InReview) {
			t.Errorf("%s: %s becomes %s", name, before, got)
		}
	}
}

func TestAHoldEndsOnItsLastDay(t *testing.T) {
	l := openLife(t)
	l.run(settlement.OpQuote)
	hold := settlement.Hold{Reason: settlement.HoldManual, Owner: "finance", Until: civil.MustDate("2026-09-20")}
	if _, err := l.PutOnHold(t.Context(), l.intent(identity.Finance), hold); err != nil {
		t.Fatal(err)
	}
	l.SetDate("2026-09-19")
	l.run(settlement.OpAdvance)
	if l.load().Hold == nil {
		t.Fatal("the hold ended a day early")
	}
	l.SetDate("2026-09-20")
	l.run(settlement.OpAdvance)
	if s := l.load(); s.Hold != nil || s.Last.Name != "settlement.released" {
		t.Errorf("after its last day the hold is %+v", s.Hold)
	}
}

func openingPayable(amount string) settlement.Before {
	return settlement.Before{Tenant: settletest.Tenant, By: "admin@t", Ref: "old-1", CreatorID: settletest.Person, IncomeType: "live_tip",
		Period: civil.MustMonth("2026-08"), Amount: money.MustParse(amount), Document: "doc-1"}
}

// An opening payable is opened once under its reference, with one amount and one way of taxation.
func TestOpenBeforeIsIdempotent(t *testing.T) {
	l := openLife(t)
	in := openingPayable("500.00")
	count := func() (n int) {
		t.Helper()
		page, _, err := l.Store.List(t.Context(), settletest.Tenant, settlement.Query{Only: func(s settlement.Settlement) bool { return s.BroughtForward() }}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > 0 {
			l.id = ident.Settlement(page[0].ID)
		}
		return len(page)
	}
	for range 2 {
		if err := l.OpenBefore(t.Context(), in); err != nil || count() != 1 {
			t.Fatalf("%d opening payables: %v", count(), err)
		}
	}
	taxed := in
	taxed.Taxed = true
	for name, other := range map[string]settlement.Before{"another amount": openingPayable("600.00"), "taxed before": taxed} {
		if err := l.OpenBefore(t.Context(), other); !fault.HasCode(err, fault.OtherContent) || fault.AsError(err).Reason != "payable_exists" {
			t.Errorf("%s: %v", name, err)
		}
	}
	l.run(settlement.OpQuote, "IN_REVIEW")
	if _, err := l.Transition(t.Context(), l.intent(identity.Approver), settlement.Failed); err != nil {
		t.Fatal(err)
	}
	if err := l.OpenBefore(t.Context(), in); err != nil || count() != 2 {
		t.Fatalf("after the rejection there are %d: %v", count(), err)
	}
	if s := l.load(); s.Occurrence != 2 || s.Status != settlement.PendingReview || s.Gross != in.Amount {
		t.Errorf("opened again as occurrence %d, %s, %s", s.Occurrence, s.Status, s.Gross)
	}
	if err := l.OpenBefore(t.Context(), openingPayable("600.00")); !fault.HasCode(err, fault.OtherContent) {
		t.Errorf("another amount after the rejection: %v", err)
	}
}

// A booking of September whose money was not sent is made again in October. While a rule is missing the hold is written
// once, however often the sweep tries.
func TestARuleGapOfABookedSettlementIsWrittenOnce(t *testing.T) {
	l := openLife(t)
	l.run(settlement.OpQuote, "IN_REVIEW", "APPROVED", settlement.OpBook)
	booked := l.load()
	l.SetDate("2026-10-15")
	payer := l.People.Taxpayers["tp-"+settletest.Person]
	profiles := payer.Profiles
	payer.Profiles = nil
	l.People.Taxpayers["tp-"+settletest.Person] = payer
	l.run(settlement.OpRebook)
	held := l.load()
	if held.Hold == nil || held.Hold.Reason != settlement.HoldRuleGap || held.Booking != booked.Booking || held.Net != booked.Net {
		t.Fatalf("without a tax profile: hold %+v, net %s", held.Hold, held.Net)
	}
	l.run(settlement.OpRebook)
	if again := l.load(); again.Revision != held.Revision {
		t.Errorf("the same hold is written again: revision %d after %d", again.Revision, held.Revision)
	}
	payer.Profiles = profiles
	l.People.Taxpayers["tp-"+settletest.Person] = payer
	l.run(settlement.OpRebook)
	if s := l.load(); s.Hold != nil || s.PaymentDate != civil.MustDate("2026-10-15") || s.BookedEntry == booked.BookedEntry {
		t.Errorf("with the profile: hold %+v, payment on %s", s.Hold, s.PaymentDate)
	}
}

// The tax of a filed month stays: only the payment moves to October.
func TestABookingOfAFiledMonthIsKept(t *testing.T) {
	l := openLife(t)
	l.run(settlement.OpQuote, "IN_REVIEW", "APPROVED", settlement.OpBook)
	booked := l.load()
	l.SetDate("2026-10-15")
	if _, _, err := l.FilingRecorder(t).Record(t.Context(), settletest.Tenant, "finance@t", filedmonth.FiledMonth{Entity: settletest.Ordinary,
		Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-12"), Reference: "r"}); err != nil {
		t.Fatal(err)
	}
	l.run(settlement.OpRebook)
	s := l.load()
	if !s.Kept || s.Booking != booked.Booking || s.BookedEntry != booked.BookedEntry || s.PaymentDate != civil.MustDate("2026-10-15") {
		t.Errorf("kept %v, booked by %s, payment on %s", s.Kept, s.BookedEntry, s.PaymentDate)
	}
}

// Nothing is taxed of an opening payable that was taxed before; booking it again in another month posts no rows.
func TestABookingWithoutRowsIsMadeAgain(t *testing.T) {
	l := openLife(t)
	in := openingPayable("500.00")
	in.Taxed = true
	if err := l.OpenBefore(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	page, _, err := l.Store.List(t.Context(), settletest.Tenant, settlement.Query{Only: func(s settlement.Settlement) bool { return s.TaxedBefore() }}, "", 10)
	if err != nil || len(page) != 1 {
		t.Fatalf("%d opening payables: %v", len(page), err)
	}
	l.id = ident.Settlement(page[0].ID)
	l.run(settlement.OpQuote, "IN_REVIEW")
	approver := settletest.CallerWith(identity.Approver)
	approver.Subject = "second@t"
	in2 := l.intent(identity.Approver)
	in2.By = approver
	if _, err := l.Transition(t.Context(), in2, settlement.Approved); err != nil {
		t.Fatal(err)
	}
	l.run(settlement.OpBook)
	if s := l.load(); s.Status != settlement.Paying || s.Net != in.Amount {
		t.Fatalf("booked: %s, net %s", s.Status, s.Net)
	}
	l.SetDate("2026-10-15")
	l.run(settlement.OpRebook)
	if s := l.load(); s.PaymentDate != civil.MustDate("2026-10-15") || s.Net != in.Amount {
		t.Errorf("booked again: payment on %s, net %s", s.PaymentDate, s.Net)
	}
}
