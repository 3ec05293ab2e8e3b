package tax

import "fenzhang/shared/money"

// overseasVAT is VAT that the buyer withholds from a person abroad who sells services consumed in
// China: the full rate on each price, no threshold, and no surcharges on it. Source: VAT Law art.
// 15, UMCT Law art. 3; data in rules/national/vat/overseas.yaml.
type overseasVAT struct {
	base
	rate, divisor money.Fraction

	sales, tax, due *stepSpec
}

func (r *overseasVAT) resolve() error {
	return r.specs(map[string]**stepSpec{"vat.sales": &r.sales, "vat.tax": &r.tax, "vat.due": &r.due})
}

// Calculate takes the VAT of the payment. It leaves no assessment, so that no surcharge finds a
// base.
func (r *overseasVAT) Calculate(c *Calculation) error {
	f := c.facts
	price := f.Amount.Add(f.InKind)
	row := Row{Kind: VAT, Item: c.item, Period: c.texts.day(f.VATDate), Sales: price,
		Collection: Withheld}
	divisor := money.NewFraction(1, 1)
	if f.VATIncluded {
		divisor = r.divisor
		row.Received, row.Sales = price, price.DividedBy(divisor, money.HalfUp)
	}
	c.step(r.sales, rounded, Money(row.Sales), Input{"date", Day(f.VATDate)},
		Input{"payment", Money(price)}, Input{"divisor", Fraction(divisor)})
	vat := price.MulDiv(r.rate.Num()*divisor.Den(), r.rate.Den()*divisor.Num(), money.HalfUp)
	if !f.VATIncluded {
		c.onTop(vat)
	}
	c.step(r.tax, rounded, Money(vat), Input{"payment", Money(price)},
		Input{"divisor", Fraction(divisor)}, Input{"rate", Fraction(r.rate)})
	l := Line{Tax: VAT, Item: c.item, Period: row.Period, Collection: Withheld, Base: row.Sales,
		Rate: r.rate, Total: vat, BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worst}
	c.vatKept = c.take(&l, false)
	row.Withheld = l.Due
	c.step(r.due, exact, Money(l.Due), Input{"kept_back", Money(l.Amount)},
		Input{"shortfall", Money(l.Shortfall)})
	c.res.Rows = append(c.res.Rows, row)
	c.unconfirmed(r.unconfirmed...)
	return nil
}

func overseasVATSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"rate": KindRate},
		build: func(b *Book, r base) resolver {
			rate := b.rate(r.method, "rate")
			return &overseasVAT{base: r, rate: rate, divisor: onTop(rate)}
		}}
}
