package lawdiff

import (
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// Correction is what must be posted for the months whose returns are not filed yet. Correction has
// the tax rows in their original periods and, for each creator and tax month, one journal entry
// over the tax that is still to be withheld or to be refunded.
type Correction struct {
	Rows       []tax.Row
	Corrects   []ident.Settlement // the settlement that each row corrects
	Creators   []ident.Creator    // the creator of that settlement
	Entries    []ledger.Entry     // without id, time and accounting period, which the caller adds
	Additional money.Amount       // sum that must still be withheld
	Over       money.Amount       // sum that was withheld in excess
}

// IsEmpty reports whether there is nothing to post.
func (c *Correction) IsEmpty() bool { return len(c.Rows) == 0 }

// CorrectionOfUnfiledMonths returns the true-ups of the months whose returns are not filed.
// Differences of filed months are left to Amendments.
//
// Errors: 5002 if a settlement of the person cannot be computed.
func (p *Person) CorrectionOfUnfiledMonths(filed Filed) (Correction, error) {
	var c Correction
	if err := p.requireFigures(); err != nil {
		return c, err
	}
	for i := range p.Differences {
		d := &p.Differences[i]
		month := MonthOfPeriod(d.Period)
		if d.IsInFiledMonth(filed) {
			continue
		}
		change := d.Change()
		c.Rows = append(c.Rows, tax.Row{Kind: d.Tax, Item: d.Item, Project: d.Project,
			Platform: d.Platform, Period: d.Period, Collection: d.Collection,
			Income: change.Income, Received: change.Received, Sales: change.Sales,
			Withheld: change.Withheld})
		c.Corrects, c.Creators = append(c.Corrects, d.Settlement), append(c.Creators, d.Creator)
		c.postTaxChange(p.findOrAddEntry(&c, d.Creator, month), d.Tax, change.Withheld, d.AfterTax)
	}
	c.BalanceEntries()
	// Changes of one month may cancel each other out, and an entry without postings is not posted.
	c.Entries = slices.DeleteFunc(c.Entries, func(e ledger.Entry) bool { return len(e.Postings) == 0 })
	return c, nil
}

// findOrAddEntry finds the journal entry of a creator and tax month in c, and appends an empty one
// if there is none.
func (p *Person) findOrAddEntry(c *Correction, creator ident.Creator,
	month civil.Month) *ledger.Entry {
	for i := range c.Entries {
		if e := &c.Entries[i]; e.CreatorID == creator && e.Tax == month {
			return e
		}
	}
	c.Entries = append(c.Entries,
		ledger.Entry{CreatorID: creator, Entity: p.Entity, Tax: month, Reason: "tax corrected"})
	return &c.Entries[len(c.Entries)-1]
}

// postTaxChange credits the change of a withheld tax to the tax payable account. If the payer bears
// the tax, its cost is debited here; otherwise BalanceEntries charges the creator for the whole
// entry.
func (c *Correction) postTaxChange(e *ledger.Entry, kind string, change money.Amount,
	afterTax bool) {
	e.Credit(ledger.TaxPayable(strings.ToLower(kind)), change)
	if afterTax {
		e.Debit(ledger.MCNTaxCost, change)
	}
	if change.Negative() {
		c.Over = c.Over.Add(change.Neg())
	} else {
		c.Additional = c.Additional.Add(change)
	}
}

// BalanceEntries closes each entry: a debit balance becomes a receivable from the creator, a credit
// balance a payable to the creator.
func (c *Correction) BalanceEntries() {
	for i := range c.Entries {
		e := &c.Entries[i]
		var sum money.Amount
		for _, p := range e.Postings {
			sum = sum.Sub(p.Amount)
		}
		if sum.Positive() {
			e.Debit(ledger.CreatorReceivable, sum)
		} else {
			e.Credit(ledger.CreatorPayable, sum.Neg())
		}
	}
}
