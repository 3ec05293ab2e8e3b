// Package lawdiff taxes booked settlements again under a second law, another version of a policy
// pack or a correction with effect from the past, and tells the differences: person by person, for
// months not yet filed the true-ups (补扣补退), for filed ones the amendment set (更正申报清单). It decides
// and writes nothing.
package lawdiff

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Kind tells what an event did to a taxpayer's tax rows.
type Kind string

// The kinds of events, as bookings are stored.
const (
	Booking  Kind = "booking"
	Reversal Kind = "reversal" // takes the last booking of its settlement back
	Opening  Kind = "opening"  // rows from before the system: the same under any law
	TrueUp   Kind = "true_up"  // a difference to another law that was posted
	// an open true-up that was collected or given back: it stands under any law
	SettledTrueUp Kind = "decided"
)

// PersonYear is one tax year of a taxpayer at a paying entity: what a person's tax goes by.
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
	Creator    ident.Creator      // whose book the settlement is in
	Facts      *tax.Facts         // of bookings, as they were taxed; nil where there was no income
	Missing    *Gap               // of bookings whose facts are not known any more
	Rows       []tax.Row          // as booked
	Corrects   []ident.Settlement // of true-ups: the settlement that each row corrects
	Creators   []ident.Creator    // of true-ups: the creator of each row
	// Behind marks a year that only stands behind the next one: it is neither told nor summed up.
	IsEarlierYear bool
}

// Key tells which tax on which item and period a figure is.
type Key struct {
	Tax        string `json:"tax"`
	Item       string `json:"item"`
	Project    string `json:"project,omitempty"`
	Platform   string `json:"platform,omitempty"`
	Period     string `json:"period"` // month or day
	Collection string `json:"collection"`
}

func keyOfRow(r *tax.Row) Key {
	return Key{Tax: r.Kind, Item: r.Item, Project: r.Project, Platform: r.Platform, Period: r.Period,
		Collection: r.Collection}
}

// Figures are what rows of one key come to, in fen.
type Figures struct {
	Income   money.Amount `json:"income"`
	Received money.Amount `json:"received"` // money with VAT behind the sales
	Sales    money.Amount `json:"sales"`
	Withheld money.Amount `json:"withheld"`
}

func figuresOfRow(r *tax.Row) Figures {
	return Figures{Income: r.Income, Received: r.Received, Sales: r.Sales, Withheld: r.Withheld}
}

// Add gives f + g.
func (f Figures) Add(g Figures) Figures {
	return Figures{Income: f.Income.Add(g.Income), Received: f.Received.Add(g.Received),
		Sales: f.Sales.Add(g.Sales), Withheld: f.Withheld.Add(g.Withheld)}
}

// Sub gives f - g.
func (f Figures) Sub(g Figures) Figures {
	return Figures{Income: f.Income.Sub(g.Income), Received: f.Received.Sub(g.Received),
		Sales: f.Sales.Sub(g.Sales), Withheld: f.Withheld.Sub(g.Withheld)}
}

// Difference is one figure of one settlement that the second law changes.
type Difference struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Creator    ident.Creator    `json:"creator_id"`
	Key
	Booked     Figures `json:"booked"`     // what stands: booking, reversal and posted true-ups
	Recomputed Figures `json:"recomputed"` // what would stand under the second law
	// AfterTax tells that the payer bears the settlement's taxes.
	AfterTax bool `json:"-"`
}

// Change is recomputed less booked.
func (d *Difference) Change() Figures { return d.Recomputed.Sub(d.Booked) }

// IsInFiledMonth tells whether the difference belongs to a month whose return of the paying entity
// was filed.
func (d *Difference) IsInFiledMonth(filed Filed) bool {
	return d.Collection != tax.SelfFiled && filed(MonthOfPeriod(d.Period))
}

// Gap is a settlement whose taxes the second law does not give: no figure, and never zero.
type Gap struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Creator    ident.Creator    `json:"creator_id"`
	Rule       string           `json:"rule"`
	Missing    bilingual.Text   `json:"missing"`
	// Because is the earlier settlement without figures on which this one stands; "" where the gap is
	// its own.
	BlockedBy ident.Settlement `json:"because,omitempty"`
}

// TaxTotal is one tax over many settlements. Booked and Recomputed leave out what cannot be
// computed.
type TaxTotal struct {
	Tax        string       `json:"tax"`
	Booked     money.Amount `json:"booked"`
	Recomputed money.Amount `json:"recomputed"`
	Additional money.Amount `json:"additional"` // sum of what is to be withheld besides
	Over       money.Amount `json:"over"`       // sum of what was withheld too much
}

// Totals sum a run up.
type Totals struct {
	Persons     int        `json:"persons"`
	Settlements int        `json:"settlements"`
	Changed     int        `json:"changed_persons"`
	Gaps        int        `json:"not_computable"` // settlements
	Taxes       []TaxTotal `json:"taxes"`
}

// Add adds the totals of another run.
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

func (t *Totals) totalOfTax(kind string) *TaxTotal {
	for i := range t.Taxes {
		if t.Taxes[i].Tax == kind {
			return &t.Taxes[i]
		}
	}
	t.Taxes = append(t.Taxes, TaxTotal{Tax: kind})
	return &t.Taxes[len(t.Taxes)-1]
}
