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

// Correction is what is posted for months that are not filed: rows in their original periods, and
// for each creator and tax month the entry of what is withheld besides or owed back.
type Correction struct {
	Rows       []tax.Row
	Corrects   []ident.Settlement // settlement that each row corrects
	Creators   []ident.Creator    // and its creator
	Entries    []ledger.Entry     // without id, instant and accounting period
	Additional money.Amount       // withheld besides
	Over       money.Amount       // withheld too much
}

// IsEmpty tells that nothing is to be posted.
func (c *Correction) IsEmpty() bool { return len(c.Rows) == 0 }

// CorrectionOfUnfiledMonths gives the true-ups of the months that are not filed.
//
// Errors: 5002 when a settlement of the person cannot be computed.
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
	c.Entries = slices.DeleteFunc(c.Entries, func(e ledger.Entry) bool { return len(e.Postings) == 0 })
	return c, nil
}

// findOrAddEntry finds the entry of a creator's month, or begins it.
func (p *Person) findOrAddEntry(c *Correction, creator ident.Creator, month civil.Month) *ledger.Entry {
	for i := range c.Entries {
		if e := &c.Entries[i]; e.CreatorID == creator && e.Tax == month {
			return e
		}
	}
	c.Entries = append(c.Entries,
		ledger.Entry{CreatorID: creator, Entity: p.Entity, Tax: month, Reason: "tax corrected"})
	return &c.Entries[len(c.Entries)-1]
}

// postTaxChange writes a change of what is withheld of a tax; who bears it is settled for the whole entry.
func (c *Correction) postTaxChange(e *ledger.Entry, kind string, change money.Amount, afterTax bool) {
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

// BalanceEntries closes each entry: what it comes to is a receivable from the creator, or owed
// back.
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
