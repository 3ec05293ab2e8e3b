package ledgercheck_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

// payee is somebody whose income tax goes by the year's total.
type payee struct {
	creator ident.Creator
	entity  ident.Entity
}

// cumulative are payees of the two cumulative methods that settlements know: labor by a filed platform, and a student
// intern. Wages wait for a payroll (RULE_GAP).
func (w *world) cumulative() map[string]payee {
	w.People.AddCreator("c-intern", "natural_person", settletest.Ordinary, tenancy.MCNPays)
	w.People.Taxpayers["tp-c-intern"].Profiles[0].Kind = "student_intern"
	return map[string]payee{"labor of a platform": {settletest.Worker, settletest.Filed}, "an intern": {"c-intern", settletest.Ordinary}}
}

// on goes to a day of 2026 on which all of the month before is due.
func (w *world) on(month int) {
	day := civil.NewMonth(2026, time.Month(month)).Day(20)
	w.AdvanceTime(day.Start().Add(10 * time.Hour).Sub(w.Now()))
	w.SetDate(day.String())
}

// earn opens a settlement of the month before, which is paid in the month.
func (w *world) earn(t rapid.TB, p payee, n int, gross money.Amount) ident.Settlement {
	t.Helper()
	in := settletest.SettleRequest(p.creator, fmt.Sprintf("live-%d", n), gross.String())
	in.TS = settlement.Millis(civil.DateOf(w.Now()).AddDays(-20).Start().UnixMilli())
	a, _, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), fmt.Sprintf("key-live-%d", n), in)
	if err != nil {
		t.Fatal(err)
	}
	return a.SettlementID
}

// pay takes a settlement to its end, and holds what it withheld to the rules: of the year's total what was not withheld
// before, and never less than nothing.
func (w *world) pay(t rapid.TB, c *tax.Corpus, p payee, id string) {
	t.Helper()
	had, err := w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	if had.Status == settlement.Paid {
		return
	}
	_, before, _ := w.anew(t, c, p)
	for _, name := range []string{"quote", "submit", "approve", "book", string(payout.Paid)} {
		w.act(t, name, id)
	}
	s, err := w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	if rule, after, gap := w.anew(t, c, p); s.Status == settlement.Paid && gap == "" && after != money.Max(before, rule) {
		t.Fatalf("%s withheld before, %s after; the rules give %s on the year", before, after, rule)
	}
}

// anew taxes what stands of the payee's year from the beginning, as if nothing else had ever been booked, and gives
// the income tax of it and what the rows say was withheld. gap names the rule without which there is no figure.
func (w *world) anew(t rapid.TB, c *tax.Corpus, p payee) (rule, withheld money.Amount, gap string) {
	t.Helper()
	ctx := context.Background()
	list, err := w.Store.TaxRows(ctx, settletest.Tenant, p.entity, ident.Taxpayer("tp-"+p.creator), 2026)
	if err != nil {
		t.Fatal(err)
	}
	stands := map[string]bool{}
	for _, b := range list {
		if b.Kind == settlement.KindBooking || b.Kind == settlement.KindReversal {
			stands[string(b.Settlement)] = b.Kind == settlement.KindBooking
		}
		for _, r := range b.Rows {
			if r.Kind == tax.IIT {
				withheld = withheld.Add(r.Withheld)
			}
		}
	}
	var rows []tax.Row
	for _, b := range list {
		if b.Kind != settlement.KindBooking || !stands[string(b.Settlement)] {
			continue
		}
		s, err := w.Store.Load(ctx, settletest.Tenant, b.Settlement)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.ComputeRows(settlement.FactsOf(s.Opening, w.People.Entities[string(p.entity)], w.People.Taxpayers[string(s.TaxpayerID)].Profiles[0], nil, b.On), rows)
		if fault.HasCode(err, fault.RuleMissing) {
			return rule, withheld, fault.AsError(err).Missing
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Rows...)
		for _, l := range r.Taxes {
			if l.Tax == tax.IIT {
				rule = rule.Add(l.Due)
			}
		}
	}
	return rule, withheld, ""
}

// asTheRulesSay holds what was withheld to what the rules give on what stands: too little is a named true-up, and what
// is too much waits for the next payment, or for the annual settlement.
func (w *world) asTheRulesSay(t rapid.TB, c *tax.Corpus, p payee) []trueup.TrueUp {
	t.Helper()
	rule, withheld, gap := w.anew(t, c, p)
	list, err := w.TrueUps(t).OpenTrueUps(context.Background(), settletest.Tenant, p.entity, civil.MustMonth("2026-12"))
	if err != nil {
		t.Fatal(err)
	}
	switch missing := rule.Sub(withheld); {
	case gap != "":
		if len(list) == 0 || list[0].Missing != gap {
			t.Fatalf("no figure is known without %s; open: %+v", gap, list)
		}
	case missing.Positive():
		if len(list) != 1 || list[0].Difference != missing || list[0].Cause == "" || list[0].Tax != tax.IIT {
			t.Fatalf("%s withheld of %s; open: %+v", withheld, rule, list)
		}
	case len(list) != 0:
		t.Fatalf("%s withheld of %s; open: %+v", withheld, rule, list)
	}
	return list
}

// The first payment of a year comes back after a second one was withheld in a higher bracket because of it. What is too
// much is taken off the payments that follow, and once the first is paid again the year is taxed as a whole.
func TestACumulativeYearAfterAReversal(t *testing.T) {
	c := embedded(t)
	for name := range over(settletest.OpenIn(t, dynamotest.OpenInMemory(t))).cumulative() {
		t.Run(name, func(t *testing.T) {
			w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
			p := w.cumulative()[name]
			wants := func(what, rule, withheld string) {
				t.Helper()
				w.explained(t, what)
				w.asTheRulesSay(t, c, p)
				if r, h, gap := w.anew(t, c, p); r != yuan(rule) || h != yuan(withheld) || gap != "" {
					t.Fatalf("%s: %s withheld of %s, want %s of %s (%s)", what, h, r, withheld, rule, gap)
				}
			}
			w.on(3)
			first := w.earn(t, p, 1, yuan("60000.00")) // 42,000.00 x 80% - 5,000.00 = 28,600.00 x 3%
			w.pay(t, c, p, string(first))
			wants("March", "858.00", "858.00")
			w.on(4)
			w.pay(t, c, p, string(w.earn(t, p, 2, yuan("30000.00")))) // 50,400.00 - 10,000.00 = 40,400.00 x 10% - 2,520.00
			wants("April", "1520.00", "1520.00")
			w.to(t, string(first), string(payout.Returned), "reopen")
			wants("March taken back", "354.00", "662.00") // 16,800.00 - 5,000.00 = 11,800.00 x 3%
			w.on(5)
			w.pay(t, c, p, string(w.earn(t, p, 3, yuan("30000.00")))) // 33,600.00 - 10,000.00 = 23,600.00 x 3%
			wants("May", "708.00", "708.00")
			w.on(6)
			w.pay(t, c, p, string(w.load(t, string(first)).ReopenedBy)) // 67,200.00 - 15,000.00 = 52,200.00 x 10% - 2,520.00
			wants("March paid in June", "2700.00", "2700.00")
		})
	}
}

// A small payment gave the year one month more of deductions. When it comes back, what the payment after it had spared
// is too little: a named true-up, which two people collect and the next payment bears.
func TestAMonthLessOfDeductionsIsANamedTrueUp(t *testing.T) {
	c := embedded(t)
	for name := range over(settletest.OpenIn(t, dynamotest.OpenInMemory(t))).cumulative() {
		t.Run(name, func(t *testing.T) {
			w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
			p := w.cumulative()[name]
			w.on(3)
			small := w.earn(t, p, 1, yuan("1000.00"))
			w.pay(t, c, p, string(small))
			w.on(4)
			w.pay(t, c, p, string(w.earn(t, p, 2, yuan("20000.00")))) // 700.00 + 14,000.00 x 80% - 10,000.00 = 1,760.00 x 3% = 52.80
			w.to(t, string(small), string(payout.Returned), "reopen") // 11,200.00 - 5,000.00 = 6,200.00 x 3% = 186.00
			list := w.asTheRulesSay(t, c, p)
			if len(list) != 1 || list[0].Difference != yuan("133.20") || list[0].Withheld != yuan("52.80") {
				t.Fatalf("%+v", list)
			}
			w.decide(t, list[0].ID, trueup.Collect)
			w.confirm(t, list[0].ID)
			w.explained(t, "collected")
			if rule, withheld, _ := w.anew(t, c, p); rule != withheld || len(w.asTheRulesSay(t, c, p)) != 0 {
				t.Fatalf("%s withheld of %s", withheld, rule)
			}
			next := w.earn(t, p, 3, yuan("1000.00"))
			w.pay(t, c, p, string(next)) // 560.00 more of the month: 16.80
			if s := w.load(t, string(next)); s.Net != yuan("683.20") || s.ToPay != yuan("550.00") {
				t.Errorf("net %s, to pay %s", s.Net, s.ToPay)
			}
		})
	}
}

// Whatever is paid in a year, comes back and is paid again: by each cumulative method a payment withholds what the
// rules give on what stands, less what is withheld already.
func TestCumulativeYearsAfterAnyReversal(t *testing.T) {
	c := embedded(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
		p := w.cumulative()[rapid.SampledFrom([]string{"labor of a platform", "an intern"}).Draw(rt, "method")]
		var ids []string
		for month := rapid.IntRange(2, 5).Draw(rt, "first month"); month <= 9; month++ {
			w.on(month)
			for range rapid.IntRange(0, 2).Draw(rt, "payments") {
				ids = append(ids, string(w.earn(rt, p, len(ids), money.Fen(rapid.Int64Range(1, 8_000_000).Draw(rt, "gross")))))
				w.pay(rt, c, p, ids[len(ids)-1])
			}
			if len(ids) > 0 && rapid.Bool().Draw(rt, "comes back") {
				id := rapid.SampledFrom(ids).Draw(rt, "which")
				w.act(rt, string(payout.Returned), id)
				w.act(rt, "reopen", id)
				s, err := w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id))
				if err != nil {
					rt.Fatal(err)
				}
				if s.ReopenedBy != "" && rapid.Bool().Draw(rt, "paid again") {
					w.pay(rt, c, p, string(s.ReopenedBy))
				}
			}
			w.asTheRulesSay(rt, c, p)
		}
		w.explained(rt, "the year")
	})
}
