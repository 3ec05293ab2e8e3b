package tax

import "fenzhang/shared/money"

// overseasVAT is the VAT that the buyer withholds from a person abroad who sells services consumed
// in China: the full rate on each price, without threshold and without surcharges. The rule follows
// VAT Law art. 15, UMCT Law art. 3; its data are in rules/national/vat/overseas.yaml.
type overseasVAT struct {
	compiledRule
	rate, divisor money.Fraction

	sales, tax, due *stepSpec
}

// resolveSteps finds the wording of the steps of overseasVAT in its rule file.
func (r *overseasVAT) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"vat.sales": &r.sales, "vat.tax": &r.tax,
		"vat.due": &r.due})
}

// Calculate withholds the VAT of the payment. The rule leaves periodVAT unset, so that no surcharge
// is computed on it.
func (r *overseasVAT) Calculate(c *Calculation) error {
	f := c.facts
	price := f.Amount.Add(f.InKind)
	row := Row{Kind: VAT, Item: c.item, Period: c.texts.dayText(f.VATDate), Sales: price,
		Collection: Withheld}
	divisor := money.NewFraction(1, 1)
	if f.VATIncluded {
		divisor = r.divisor
		row.Received, row.Sales = price, price.DividedBy(divisor, money.HalfUp)
	}
	c.addStep(r.sales, rounded, MoneyValue(row.Sales), Input{"date", DayValue(f.VATDate)},
		Input{"payment", MoneyValue(price)}, Input{"divisor", RateValue(divisor)})
	vat := price.MulDiv(r.rate.Num()*divisor.Den(), r.rate.Den()*divisor.Num(), money.HalfUp)
	if !f.VATIncluded {
		c.addVATToGross(vat)
	}
	c.addStep(r.tax, rounded, MoneyValue(vat), Input{"payment", MoneyValue(price)},
		Input{"divisor", RateValue(divisor)}, Input{"rate", RateValue(r.rate)})
	l := Line{Tax: VAT, Item: c.item, Period: row.Period, Collection: Withheld, Base: row.Sales,
		Rate: r.rate, Total: vat, BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worstStatus}
	c.vatWithheld = c.withholdLine(&l, false)
	row.Withheld = l.Due
	c.addStep(r.due, exact, MoneyValue(l.Due), Input{"kept_back", MoneyValue(l.Amount)},
		Input{"shortfall", MoneyValue(l.Shortfall)})
	c.result.Rows = append(c.result.Rows, row)
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// overseasVATMethodSpec describes the method of overseasVAT for rule files: its roles, and how its
// rule is built.
func overseasVATMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"rate": KindRate},
		build: func(b *Book, r compiledRule) steppedRule {
			rate := b.rateInRole(r.method, "rate")
			return &overseasVAT{compiledRule: r, rate: rate, divisor: vatDivisor(rate)}
		}}
}
