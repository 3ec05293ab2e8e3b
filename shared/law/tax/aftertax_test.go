package tax_test

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// roundingFen is how far, for each payment, the gross of a net may lie from another one with the same net: half a fen of
// two roundings, at no marginal rate above one half.
const roundingFen = 4

// promise is a payment that was promised net, and what the payer taxes for it.
func promise(t failer, c *tax.Corpus, f tax.Facts, net money.Amount, rows []tax.Row) tax.Result {
	t.Helper()
	f.AfterTax, f.Amount = true, net
	r, err := c.ComputeRows(f, rows)
	if err != nil {
		t.Fatal(err)
	}
	if r.Net != net || !r.TotalWithheld.IsZero() {
		t.Fatalf("%s promised, %s left and %s withheld", net, r.Net, r.TotalWithheld)
	}
	for _, l := range r.Taxes {
		if l.BorneBy != tax.BorneByMCN || l.Amount != l.Due || !l.Shortfall.IsZero() {
			t.Fatalf("line %+v", l)
		}
	}
	return r
}

// leaves tells what a payment leaves to its payee by the plain rules.
func leaves(t failer, c *tax.Corpus, f tax.Facts, amount money.Amount, rows []tax.Row) money.Amount {
	t.Helper()
	f.AfterTax, f.Amount = false, amount
	r, err := c.ComputeRows(f, rows)
	if err != nil {
		t.Fatal(err)
	}
	return r.Net
}

func dues(r tax.Result) map[string]money.Amount {
	out := map[string]money.Amount{}
	for _, l := range r.Taxes {
		out[l.Tax] = out[l.Tax].Add(l.Due)
	}
	return out
}

// drawPromised gives a payee of an ordinary or of a filed entity, and what stands in the year before the month.
func drawPromised(t *rapid.T, c *tax.Corpus, day civil.Date) (tax.Facts, []tax.Row) {
	f := byPosition(personFacts(day.String(), "1.00"))
	if rapid.Bool().Draw(t, "cumulative") {
		f = byPosition(platformFacts(day.String(), "1.00"))
	}
	var rows []tax.Row
	for back := rapid.IntRange(0, 3).Draw(t, "months before"); back > 0; back-- {
		before := f
		before.PaymentDate = day.Month().Add(-back).Day(15)
		before.VATDate = before.PaymentDate
		before.Amount = money.Fen(rapid.Int64Range(1, 20_000_000).Draw(t, "paid before"))
		r, err := c.ComputeRows(before, rows)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Rows...)
	}
	return f, rows
}

// A promised net is what the plain rules leave of the gross; where two roundings fall together and nothing leaves
// exactly it, the gross is the next one above.
func TestTheGrossOfAPromiseLeavesItsNet(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		day := civil.MustDate(rapid.SampledFrom([]string{"2026-09-15", "2026-11-16"}).Draw(t, "day"))
		f, rows := drawPromised(t, c, day)
		if rapid.Bool().Draw(t, "each payment for itself") {
			f.Item, rows = rapid.SampledFrom([]string{tax.ItemAuthor, tax.ItemRoyalty, tax.ItemIncidental}).Draw(t, "item"), nil
		}
		net := money.Fen(rapid.OneOf(rapid.Int64Range(1, 200_000), rapid.Int64Range(1, 20_000_000)).Draw(t, "net"))
		gross := promise(t, c, f, net, rows).Gross
		if left := leaves(t, c, f, gross, rows); left != net {
			if less := leaves(t, c, f, gross.Sub(money.Fen(1)), rows); left.Cmp(net) < 0 || less.Cmp(net) >= 0 {
				t.Fatalf("%s is promised; %s leaves %s and a fen less %s", net, gross, left, less)
			}
		}
	})
}

// Promises of a month, booked one after the other, come to the gross and the taxes of all of them at once, but for the
// rounding of each.
func TestPromisesOfAMonthComeToThatOfTheirTotal(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		f, before := drawPromised(t, c, civil.MustDate("2026-09-15")) // before VAT is kept back from persons: its threshold is a cliff
		rows := before
		var net, gross money.Amount
		due := map[string]money.Amount{}
		nets := rapid.SliceOfN(rapid.Int64Range(1, 5_000_000), 1, 5).Draw(t, "nets")
		for _, fen := range nets {
			r := promise(t, c, f, money.Fen(fen), rows)
			rows, net, gross = append(rows, r.Rows...), net.Add(r.Net), gross.Add(r.Gross)
			for kind, d := range dues(r) {
				due[kind] = due[kind].Add(d)
			}
		}
		once := promise(t, c, f, net, before)
		most := money.Fen(int64(roundingFen * len(nets)))
		if gross.Sub(once.Gross).Abs().Cmp(most) > 0 {
			t.Fatalf("%v net is %s gross in parts and %s at once", nets, gross, once.Gross)
		}
		for kind, d := range dues(once) {
			if d.Sub(due[kind]).Abs().Cmp(most) > 0 {
				t.Fatalf("%s of %v net is %s in parts and %s at once", kind, nets, due[kind], d)
			}
		}
	})
}

// Where the promises of a day cross the threshold of VAT, what the payer bears is what the rules give on the gross of
// all of them, to the fen, or a named excess.
func TestPromisesOverTheThresholdBearTheTaxOfTheirGross(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		f := byPosition(personFacts("2026-11-16", "1.00"))
		var rows []tax.Row
		var gross money.Amount
		var last tax.Result
		due := map[string]money.Amount{}
		nets := rapid.SliceOfN(rapid.Int64Range(1, 120_000), 1, 5).Draw(t, "nets")
		for _, fen := range nets {
			last = promise(t, c, f, money.Fen(fen), rows)
			rows, gross = append(rows, last.Rows...), gross.Add(last.Gross)
			for kind, d := range dues(last) {
				due[kind] = due[kind].Add(d)
			}
		}
		open, err := c.TrueUps(f, rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range open {
			due[u.Tax] = due[u.Tax].Sub(u.Excess)
		}
		f.Amount = gross
		once, err := c.ComputeRows(f, nil)
		if err != nil {
			t.Fatal(err)
		}
		for kind, d := range dues(once) {
			if d != due[kind] {
				t.Fatalf("%s of %v net: %s in parts with true-ups %+v, the rules give %s on %s", kind, nets, due[kind], open, d, gross)
			}
		}
	})
}
