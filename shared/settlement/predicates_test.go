package settlement

import (
	"context"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/payout"
)

func TestIsRepeatFindsTheSamePersonsEarlierMove(t *testing.T) {
	in := func(who string, version int) Intent {
		return Intent{By: identity.Principal{Subject: who}, Version: version}
	}
	submitted := Settlement{Status: InReview, StatusVersion: 2, History: []Move{{To: InReview, By: "finance"}}}
	oneOfTwo := submitted
	oneOfTwo.Approvals = []Approval{{By: "first"}}
	approved := oneOfTwo
	approved.Status, approved.StatusVersion = Approved, 3
	approved.History = append(approved.History[:1:1], Move{To: Approved, By: "second"})
	approved.Approvals = []Approval{{By: "first"}, {By: "second"}}
	for name, c := range map[string]struct {
		in   Intent
		s    Settlement
		to   Status
		want bool
	}{
		"submitted by the same person":              {in("finance", 1), submitted, InReview, true},
		"submitted by somebody else":                {in("other", 1), submitted, InReview, false},
		"submitted, another status is meant":        {in("finance", 1), submitted, Approved, false},
		"first of two approvals, again":             {in("first", 2), oneOfTwo, Approved, true},
		"first of two approvals, a rejection":       {in("first", 2), oneOfTwo, Failed, false},
		"first of two approvals, other version":     {in("first", 1), oneOfTwo, Approved, false},
		"first of two approvals, somebody else":     {in("second", 2), oneOfTwo, Approved, false},
		"approved by both, the first one again":     {in("first", 2), approved, Approved, true},
		"approved by both, the last one again":      {in("second", 2), approved, Approved, true},
		"approved, submitted by the first approver": {in("first", 1), approved, InReview, false},
		"a version before the first":                {in("finance", 0), submitted, InReview, false},
		"a version that was not reached":            {in("finance", 9), submitted, InReview, false},
	} {
		if got := c.in.IsRepeat(c.s, c.to); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestQueriesSelectByHold(t *testing.T) {
	held, free := Settlement{Hold: &Hold{Reason: HoldManual}}, Settlement{}
	for name, c := range map[string]struct {
		q    Query
		s    Settlement
		want bool
	}{
		"this hold":      {Query{Hold: HoldManual}, held, true},
		"another hold":   {Query{Hold: HoldRisk}, held, false},
		"without a hold": {Query{Hold: HoldManual}, free, false},
		"any":            {Query{}, free, true},
		"any, held":      {Query{}, held, true},
	} {
		if got := c.q.Matches(c.s); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOnlyOpenSettlementsAreQuoted(t *testing.T) {
	gap, manual := &Hold{Reason: HoldRuleGap}, &Hold{Reason: HoldManual}
	for name, c := range map[string]struct {
		s    Settlement
		want bool
	}{
		"opened":                           {Settlement{Status: PendingReview}, true},
		"in review":                        {Settlement{Status: InReview}, true},
		"approved":                         {Settlement{Status: Approved}, false},
		"approved, no rule":                {Settlement{Status: Approved, Hold: gap}, true},
		"approved, held by a person":       {Settlement{Status: Approved, Hold: manual}, false},
		"being paid, no rule":              {Settlement{Status: Paying, Hold: gap}, false},
		"opened, carries an older booking": {Settlement{Status: PendingReview, Opening: Opening{Carries: "st-1"}}, false},
	} {
		if got := c.s.isQuotable(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestTheSweepKnowsWhatToTryNext(t *testing.T) {
	gap := &Hold{Reason: HoldRuleGap}
	until := &Hold{Reason: HoldManual, ByHand: true, Until: civil.MustDate("2026-10-01")}
	sent := func(s payout.State) *Payout { return &Payout{State: s} }
	for name, c := range map[string]struct {
		s    Settlement
		want string
	}{
		"half cancelled":                    {Settlement{Status: Paying, ReasonClass: Cancelled}, OpAdvance},
		"cancelled":                         {Settlement{Status: Failed, ReasonClass: Cancelled}, ""},
		"open, no rule":                     {Settlement{Status: InReview, Quote: "q", Hold: gap}, OpQuote},
		"booked, no rule":                   {Settlement{Status: Paying, Hold: gap}, OpRebook},
		"a hold with a last day":            {Settlement{Status: InReview, Quote: "q", Hold: until}, OpAdvance},
		"a hold without a last day":         {Settlement{Status: InReview, Quote: "q", Hold: &Hold{Reason: HoldManual, ByHand: true}}, ""},
		"a missing paper is looked up":      {Settlement{Status: Approved, Quote: "q", Hold: &Hold{Reason: HoldPaper}}, OpAdvance},
		"a missing paper, held by a person": {Settlement{Status: Approved, Quote: "q", Hold: &Hold{Reason: HoldPaper, ByHand: true}}, ""},
		"sent, no answer":                   {Settlement{Status: Paying, Payout: sent(payout.Sent)}, OpQuery},
		"sent, waits for the payee":         {Settlement{Status: Paying, Payout: sent(payout.WaitingPayee)}, ""},
		"paid":                              {Settlement{Status: Paid, Payout: sent(payout.Paid)}, ""},
	} {
		if got := c.s.nextOperation(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestPaidOnIsTheDayThatTheBookingWasTaxedFor(t *testing.T) {
	s := Settlement{BookedEntry: "act-2", PaymentDate: civil.MustDate("2026-10-15")}
	rows := []tax.Row{{Kind: tax.VAT, Period: "2026-08"}, {Kind: tax.IIT, Period: "2026-09"}}
	for name, c := range map[string]struct {
		b    Booking
		want string
	}{
		"stored":                         {Booking{On: civil.MustDate("2026-09-20"), EntryID: "act-1", Rows: rows}, "2026-09-20"},
		"not stored, in force":           {Booking{EntryID: "act-2", Rows: rows}, "2026-10-15"},
		"not stored, replaced since":     {Booking{EntryID: "act-1", Rows: rows}, "2026-09-30"},
		"replaced, without income tax":   {Booking{EntryID: "act-1", Rows: rows[:1]}, "2026-10-15"},
		"replaced, income tax of a year": {Booking{EntryID: "act-1", Rows: []tax.Row{{Kind: tax.IIT, Period: "2026"}}}, "2026-10-15"},
	} {
		if got := c.b.PaidOn(s).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// everyDay is a calendar without holidays.
type everyDay struct{}

func (everyDay) WorkingDayOnOrAfter(day civil.Date) (civil.Date, error) { return day, nil }
func (everyDay) NextWorkingDay(day civil.Date) (civil.Date, error)      { return day.AddDays(1), nil }
func (everyDay) IsWorkingDay(civil.Date) (bool, error)                  { return true, nil }

func TestExpectedArrivalIsNotBeforeToday(t *testing.T) {
	noon := civil.MustDate("2026-09-20").Start().Add(12 * time.Hour)
	s := &Service{Parts{Clock: clock.FixedAt(noon), Calendar: everyDay{}}}
	arrived := noon.Add(-time.Hour)
	for name, c := range map[string]struct {
		s    Settlement
		want string
	}{
		"the pay day is over": {Settlement{Status: Approved, Opening: Opening{PayOn: civil.MustDate("2026-09-15")}}, "2026-09-21"},
		"the pay day comes":   {Settlement{Status: Approved, Opening: Opening{PayOn: civil.MustDate("2026-09-25")}}, "2026-09-26"},
		"paid":                {Settlement{Status: Paid, Arrival: arrived}, "2026-09-20"},
	} {
		if got := civil.DateOf(s.expectedArrival(context.Background(), c.s)).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := s.expectedArrival(context.Background(), Settlement{Status: Failed, Arrival: arrived}); !got.IsZero() {
		t.Errorf("a failed settlement expects money on %s", got)
	}
}
