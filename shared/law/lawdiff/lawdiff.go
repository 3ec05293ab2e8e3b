// Package lawdiff taxes booked settlements again under a second law (another version of a policy
// pack, or a correction with effect from the past) and lists the differences of each person. For
// months whose returns are not filed yet it lists the true-ups (补扣补退), for filed months the amended
// returns (更正申报清单). The package only computes: its callers decide and write.
package lawdiff

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Kind says what an event did to a taxpayer's tax rows.
type Kind string

// The kinds of events, with the values under which bookings are stored.
const (
	Booking Kind = "booking"
	// Reversal reverses the last booking of its settlement.
	Reversal Kind = "reversal"
	// Opening has the tax rows from before the tenant used this system; no law changes them.
	Opening Kind = "opening"
	// TrueUp posts a difference that an earlier comparison with another law found.
	TrueUp Kind = "true_up"
	// SettledTrueUp has the rows of an open true-up that was collected from the creator or refunded;
	// no law changes them.
	SettledTrueUp Kind = "decided"
)

// PersonYear is one tax year of a taxpayer at a paying entity. Individual income tax is withheld
// per person, year and withholding agent, so every comparison is made for such a year.
type PersonYear struct {
	Entity   ident.Entity   `json:"paying_entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer_id"`
	Year     int            `json:"year"`
}

// Event is one entry of a taxpayer's tax rows, with the facts of its settlement.
type Event struct {
	PersonYear
	Kind       Kind
	Settlement ident.Settlement
	Creator    ident.Creator      // in whose ledger book the settlement is booked
	Facts      *tax.Facts         // the facts that a booking was taxed by; nil if it had no income
	Missing    *Gap               // why the facts of a booking are not known any more
	Rows       []tax.Row          // the tax rows as they were booked
	Corrects   []ident.Settlement // true-ups only: the settlement that each row corrects
	Creators   []ident.Creator    // true-ups only: the creator of each row
	// IsEarlierYear is true if the year is in the stream only because rows of the next year depend on
	// it. Such a year is neither compared nor added to the totals.
	IsEarlierYear bool
}

// Key identifies a tax figure by tax, item of income and period.
type Key struct {
	Tax        string `json:"tax"`
	Item       string `json:"item"`
	Project    string `json:"project,omitempty"`
	Platform   string `json:"platform,omitempty"`
	Period     string `json:"period"` // a month (2026-09) or a day (2026-09-30)
	Collection string `json:"collection"`
}

// keyOfRow returns the key under which the figures of a tax row are summed.
func keyOfRow(r *tax.Row) Key {
	return Key{Tax: r.Kind, Item: r.Item, Project: r.Project, Platform: r.Platform, Period: r.Period,
		Collection: r.Collection}
}

// Figures are the sums over all tax rows of one key, in fen.
type Figures struct {
	Income money.Amount `json:"income"`
	// payments including VAT, from which the sales were computed
	Received money.Amount `json:"received"`
	Sales    money.Amount `json:"sales"`
	Withheld money.Amount `json:"withheld"`
}

// figuresOfRow returns the figures of one tax row.
func figuresOfRow(r *tax.Row) Figures {
	return Figures{Income: r.Income, Received: r.Received, Sales: r.Sales, Withheld: r.Withheld}
}

// Add returns the sum f + g, field by field.
func (f Figures) Add(g Figures) Figures {
	return Figures{Income: f.Income.Add(g.Income), Received: f.Received.Add(g.Received),
		Sales: f.Sales.Add(g.Sales), Withheld: f.Withheld.Add(g.Withheld)}
}

// Sub returns the difference f - g, field by field.
func (f Figures) Sub(g Figures) Figures {
	return Figures{Income: f.Income.Sub(g.Income), Received: f.Received.Sub(g.Received),
		Sales: f.Sales.Sub(g.Sales), Withheld: f.Withheld.Sub(g.Withheld)}
}

// Difference is one tax figure of one settlement that the second law changes.
type Difference struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Creator    ident.Creator    `json:"creator_id"`
	Key
	Booked     Figures `json:"booked"`     // sum of booking, reversal and posted true-ups
	Recomputed Figures `json:"recomputed"` // the same sum if the second law had been applied
	// AfterTax is true if the payer bears the taxes of the settlement (an after-tax contract).
	AfterTax bool `json:"-"`
}

// Change returns the recomputed figures less the booked ones.
func (d *Difference) Change() Figures { return d.Recomputed.Sub(d.Booked) }

// IsInFiledMonth reports whether the paying entity has filed its return of the difference's month.
// A tax that the payee files itself is in no return of the paying entity.
func (d *Difference) IsInFiledMonth(filed Filed) bool {
	return d.Collection != tax.SelfFiled && filed(MonthOfPeriod(d.Period))
}

// Gap is a settlement whose taxes cannot be computed under the second law, because a rule is open,
// missing or forbids the payment. Such a settlement has no figures; it never counts as zero tax.
type Gap struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Creator    ident.Creator    `json:"creator_id"`
	Rule       string           `json:"rule"`
	Missing    bilingual.Text   `json:"missing"`
	// BlockedBy is the earlier settlement without figures that this one depends on. It is "" if the
	// gap is one of this settlement itself.
	BlockedBy ident.Settlement `json:"because,omitempty"`
}

// TaxTotal is the sum of one tax over many settlements. Booked and Recomputed leave out the
// settlements that cannot be computed.
type TaxTotal struct {
	Tax        string       `json:"tax"`
	Booked     money.Amount `json:"booked"`
	Recomputed money.Amount `json:"recomputed"`
	Additional money.Amount `json:"additional"` // sum of the differences that must still be withheld
	Over       money.Amount `json:"over"`       // sum of the differences that were withheld in excess
}

// Totals are the sums of one comparison.
type Totals struct {
	Persons     int        `json:"persons"`
	Settlements int        `json:"settlements"`
	Changed     int        `json:"changed_persons"`
	Gaps        int        `json:"not_computable"` // settlements
	Taxes       []TaxTotal `json:"taxes"`
}

// Add adds the totals of another comparison.
func (t *Totals) Add(o Totals) {
	t.Persons += o.Persons
	t.Settlements += o.Settlements
	t.Changed += o.Changed
	t.Gaps += o.Gaps
	for _, y := range o.Taxes {
		x := t.totalOfTax(y.Tax)
		x.Booked, x.Recomputed = x.Booked.Add(y.Booked), x.Recomputed.Add(y.Recomputed)
		x.Additional, x.Over = x.Additional.Add(y.Additional), x.Over.Add(y.Over)
	}
}

// totalOfTax finds the total of a tax, and appends an empty one for a tax that is not listed yet.
func (t *Totals) totalOfTax(kind string) *TaxTotal {
	for i := range t.Taxes {
		if t.Taxes[i].Tax == kind {
			return &t.Taxes[i]
		}
	}
	t.Taxes = append(t.Taxes, TaxTotal{Tax: kind})
	return &t.Taxes[len(t.Taxes)-1]
}
