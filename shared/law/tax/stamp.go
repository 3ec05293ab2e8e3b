package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// stampTax computes stamp tax on one document: the rate of its item on the amount stated. The table
// of items is a positive list; it contains the items of creators' contracts with rate zero, because
// they are not taxed. The rule follows Stamp Tax Law art. 2, 5, 8, 9, 12; its data are in
// rules/national/stamp.
type stampTax struct {
	questionRule
	rates []RateRow
	// relief is the half reduction, securities the reduction of securities trading; nil where not in
	// force.
	relief, securities *DatedValue
	reliefID           string

	untaxed, basis, tax *stepSpec
}

// resolveSteps finds the wording of the steps of stampTax in its rule file.
func (r *stampTax) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"stamp.untaxed": &r.untaxed, "stamp.base": &r.basis,
		"stamp.tax": &r.tax})
}

// securitiesRow is the item with its own reduction, to which the half reduction does not apply.
const securitiesRow = "securities"

// StampDocument is a document or account book that may be subject to stamp tax.
type StampDocument struct {
	// Items are the rows of the table that the document falls under. Several items whose amounts are
	// not stated separately are all taxed at the highest rate (art. 9).
	Items []string
	// Stated is the amount of the document.
	Stated money.Amount
	// VAT is the VAT stated separately in the document; nil where its amount is not stated.
	VAT *money.Amount
	// Half says that the party has the half reduction of the six taxes and two fees.
	Half bool
}

// StampResult is the stamp tax of one party on a document.
type StampResult struct {
	Base, Full, Relief, Tax money.Amount
	Rate                    money.Fraction
	// Taxed is false when the document is not in the table of the law.
	Taxed bool
	Answer
}

// ComputeStampTax returns the stamp tax of one party on a document of a day.
//
// Errors: *Gap when no rule is in force or the half reduction has no value; *fault.Error 2001 for
// an unknown item and for amounts out of range.
func (e *Engine) ComputeStampTax(on civil.Date, d StampDocument) (StampResult, error) {
	r, c, err := beginQuestion[*stampTax](e, "stamp.tax", on, nil)
	if err != nil {
		return StampResult{}, err
	}
	row, err := d.highestRateRow(r)
	if err != nil {
		return StampResult{}, err
	}
	if row.Open {
		return StampResult{}, row.unreadRateGap(r.method.Uses["rates"], on)
	}
	s := StampResult{Rate: row.Rate, Taxed: !row.Rate.IsZero()}
	// a rate of zero marks an item that the law does not list; the step says so
	if !s.Taxed {
		c.addStep(r.untaxed, exact, MoneyValue(s.Tax), Input{"item", TextValue(row.Word)},
			Input{"amount", MoneyValue(d.Stated)})
		s.Answer = c.finishAnswer(&r.compiledRule)
		return s, nil
	}
	relief, gap := r.reliefRate(row.Word, d.Half, on)
	if gap != nil {
		return StampResult{}, gap
	}
	s.Base = d.Stated.Sub(d.statedVAT())
	s.Full = s.Base.Times(row.Rate, money.HalfUp)
	s.Relief = s.Full.Times(relief, money.HalfUp)
	s.Tax = s.Full.Sub(s.Relief)
	c.addStep(r.basis, exact, MoneyValue(s.Base), Input{"amount", MoneyValue(d.Stated)},
		Input{"vat", MoneyValue(d.statedVAT())})
	c.addStep(r.tax, rounded, MoneyValue(s.Tax), Input{"item", TextValue(row.Word)},
		Input{"base", MoneyValue(s.Base)},
		Input{"rate", RateValue(row.Rate)}, Input{"full", MoneyValue(s.Full)},
		Input{"relief_rate", RateValue(relief)}, Input{"relief", MoneyValue(s.Relief)})
	s.Answer = c.finishAnswer(&r.compiledRule)
	return s, nil
}

// statedVAT returns the VAT that lowers the base: only VAT whose amount the document states.
func (d *StampDocument) statedVAT() money.Amount {
	if d.VAT == nil {
		return money.Amount{}
	}
	return *d.VAT
}

// highestRateRow returns the row that taxes the document, the one with the highest rate; it refuses
// unknown items and amounts out of range.
func (d *StampDocument) highestRateRow(r *stampTax) (RateRow, error) {
	if len(d.Items) == 0 {
		return RateRow{}, fault.Invalid(
			fault.Field{Field: "item", Problem: "must name a row of the table"})
	}
	if err := checkAmountRange([]namedAmount{{"amount_stated", d.Stated},
		{"vat_stated_separately", d.statedVAT()}}); err != nil {
		return RateRow{}, err
	}
	if d.statedVAT().Cmp(d.Stated) > 0 {
		return RateRow{}, fault.Invalid(
			fault.Field{Field: "vat_stated_separately", Problem: "is more than the amount that contains it"})
	}
	table := DatedValue{Rates: r.rates}
	var high RateRow
	for _, item := range d.Items {
		row, ok := table.findRateRow(item)
		if !ok {
			return RateRow{}, fault.Invalid(
				fault.Field{Field: "item", Problem: item + " is no item of the stamp tax table that is known"})
		}
		// a row whose rate was not read might have the highest rate, so it makes the answer a gap
		if high.Word == "" || row.Open || (!high.Open && row.Rate.Cmp(high.Rate) > 0) {
			high = row
		}
	}
	return high, nil
}

// reliefRate returns the share by which the tax is reduced; securities trading has its own
// reduction.
func (r *stampTax) reliefRate(item string, half bool, on civil.Date) (money.Fraction, *Gap) {
	none := money.NewFraction(0, 1)
	switch {
	case item == securitiesRow && r.securities != nil:
		return r.securities.Rate, nil
	case item == securitiesRow || !half:
		return none, nil
	case r.relief == nil:
		return none, &Gap{Rule: r.reliefID, On: on,
			Missing: bilingual.Text{ZH: "该日六税两费减征没有收录的规定",
				EN: "no rule is known on the half reduction on that day"}}
	}
	return r.relief.Rate, nil
}

// stampMethodSpec describes the method of stamp for rule files: its roles, and how its rule is
// built.
func stampMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, toleratesMissing: true,
		needed:   map[string]Kind{"rates": KindRates},
		optional: map[string]Kind{reliefRole: KindRate, "relief_securities": KindRate},
		build: func(b *Book, r compiledRule) steppedRule {
			uses := r.method.Uses
			return &stampTax{questionRule: questionRule{r}, rates: b.rateRows(uses["rates"]),
				relief:     b.findValue(uses[reliefRole]),
				securities: b.findValue(uses["relief_securities"]), reliefID: uses[reliefRole]}
		}}
}
