package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// turnover is VAT of a small-scale payee by period: nothing below the threshold, all of it from
// there on. Source: VAT Law art. 23, MOF/STA Announcement 2026 No. 10; data in rules/national/vat.
type turnover struct {
	base
	threshold Threshold
	// reduced levy rate, and the one that stands where the reduction is given up
	rate, full money.Fraction
	divisor    money.Fraction // 1 + reduced rate

	sales, exempt, taxStep, due *stepSpec
}

func (r *turnover) resolve() error {
	return r.specs(map[string]**stepSpec{"vat.sales": &r.sales, "vat.exempt": &r.exempt,
		"vat.tax": &r.taxStep, "vat.due": &r.due})
}

// assessment is the VAT of a period, on which surcharges stand.
type assessment struct {
	on         bool
	collection string
	period     string // as rows say it
	length     string // day, month, quarter
	before     Turnover
	sales      money.Amount // of the whole period
	total      money.Amount // VAT of the whole period
	due        money.Amount
	unknown    []bilingual.Text // set where the VAT is not known that will be paid, and why
}

// of gives the VAT on the sales of a whole period, rounded half up.
func (r *turnover) of(sales money.Amount) money.Amount {
	if !r.threshold.Met(sales) {
		return money.Amount{}
	}
	return sales.Times(r.rate, money.HalfUp)
}

// exclusive gives the VAT-exclusive sales in VAT-inclusive money.
func (r *turnover) exclusive(received money.Amount) money.Amount {
	return received.DividedBy(r.divisor, money.HalfUp)
}

// Calculate assesses the period with this payment and takes, or for self-filers estimates, what the
// payment adds.
func (r *turnover) Calculate(c *Calculation) error {
	f := c.facts
	a := assessment{on: true, collection: r.method.Collection, length: r.method.Period}
	switch r.method.Period {
	case "day":
		a.before, a.period = f.ToDate.Day, c.texts.day(f.VATDate)
	case "month":
		a.before, a.period = f.ToDate.Month.Turnover, c.texts.month(f.VATDate.Month())
	case "quarter":
		a.before, a.period = f.ToDate.Quarter, c.texts.month(f.VATDate.Month())
	}
	row := Row{Kind: VAT, Item: c.item, Period: a.period, Collection: a.collection}
	price := f.Amount.Add(f.InKind) // what is given in kind is part of the price (VAT Law art. 17)
	if f.VATIncluded {
		row.Received = price
		row.Sales = r.exclusive(a.before.Received.Add(price)).Sub(r.exclusive(a.before.Received))
	} else {
		row.Sales = price
	}
	a.sales = a.before.Sales.Add(row.Sales)
	a.total = r.of(a.sales)
	c.step(r.sales, rounded, Money(a.sales), Input{"date", Day(f.VATDate)},
		Input{"before", Money(a.before.Sales)}, Input{"payment", Money(price)},
		Input{"divisor", Fraction(c.divisor(r))}, Input{"sales", Money(row.Sales)})
	l := Line{Tax: VAT, Item: c.item, Period: a.period, Collection: a.collection, Base: a.sales,
		Total: a.total, Before: a.before.VAT, BorneBy: BorneByCreator, Law: r.exempt.law, Status: r.worst}
	if a.collection == SelfFiled {
		l.Before = r.of(a.before.Sales)
		a.before.VAT = l.Before
	}
	if r.threshold.Met(a.sales) {
		l.Rate, l.Law = r.rate, r.taxStep.law
		c.step(r.taxStep, rounded, Money(a.total), Input{"sales", Money(a.sales)},
			Input{"threshold", Money(r.threshold.Amount)}, Input{"edge", Word(r.threshold.Edge())},
			Input{"rate", Fraction(r.rate)})
	} else {
		c.step(r.exempt, exact, Money(money.Amount{}), Input{"sales", Money(a.sales)},
			Input{"threshold", Money(r.threshold.Amount)}, Input{"edge", Word(r.threshold.Edge())})
	}
	a.due = money.MaxOf(a.total.Sub(l.Before), money.Amount{})
	if !f.VATIncluded && a.collection != SelfFiled {
		c.onTop(a.due)
	}
	c.take(&l, true)
	row.Withheld = c.withheldOf(&l)
	c.step(r.due, exact, Money(l.Due), Input{"tax", Money(l.Total)},
		Input{"withheld", Money(l.Before)}, Input{"kept_back", Money(l.Amount)},
		Input{"shortfall", Money(l.Shortfall)})
	if a.collection != SelfFiled {
		c.vatKept = a.due
	}
	c.res.Rows = append(c.res.Rows, row)
	c.vat = a
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// divisor is 1 where the price is without VAT.
func (c *Calculation) divisor(r *turnover) money.Fraction {
	if c.facts.VATIncluded {
		return r.divisor
	}
	return money.NewFraction(1, 1)
}

// Sales is one period's VAT-exclusive sales; Waived is the part of it for which the relief was
// given up.
type Sales struct {
	Total, Waived money.Amount
}

// assess gives the VAT of a whole period with a waived part: that part at the full levy rate
// whether or not the threshold is met, the rest as usual by the threshold on all sales. Each rate's
// tax is a line of the return and is rounded by itself.
func (r *turnover) assess(s Sales) money.Amount {
	vat := s.Waived.Times(r.full, money.HalfUp)
	if r.threshold.Met(s.Total) {
		vat = vat.Add(s.Total.Sub(s.Waived).Times(r.rate, money.HalfUp))
	}
	return vat
}

// surcharge is UMCT, EDU or LEDU on VAT actually paid, with the half reduction of the six taxes and
// two fees. The return shows full tax, reduction and payable apart, so each is rounded in that
// order.
type surcharge struct {
	base
	local  bool              // the rate depends on the place
	rates  [3]money.Fraction // city, county, other
	relief money.Fraction
	// relieved tells that the half reduction has a value in these days; reliefID names it where it has
	// not.
	relieved bool
	reliefID string
	exempt   [2]Threshold // by month, by quarter
	exempts  [2]bool

	tax, exemptStep, due *stepSpec
}

func (r *surcharge) resolve() error {
	if r.method.Uses["rate"] == "" {
		for _, role := range []string{"rate_city", "rate_county", "rate_other"} {
			if r.method.Uses[role] == "" {
				return errRates
			}
		}
	}
	if r.exempts[0] || r.exempts[1] {
		if err := r.specs(map[string]**stepSpec{"surcharge.exempt": &r.exemptStep}); err != nil {
			return err
		}
	}
	return r.specs(map[string]**stepSpec{"surcharge.tax": &r.tax, "surcharge.due": &r.due})
}

// Applies holds where VAT was assessed.
func (r *surcharge) Applies(c *Calculation) bool { return c.vat.on && r.base.Applies(c) }

// Surcharged is one surcharge on one period's VAT.
type Surcharged struct {
	Full, Relief, Payable money.Amount
	Exempt                bool
}

// of gives the surcharge on the VAT of a whole period with these sales; half tells whether the
// reduction is due.
func (r *surcharge) of(vat, sales money.Amount, length string, rate money.Fraction,
	half bool) Surcharged {
	for i, l := range [2]string{"month", "quarter"} {
		if length == l && r.exempts[i] && !r.exempt[i].Met(sales) {
			return Surcharged{Exempt: true}
		}
	}
	s := Surcharged{Full: vat.Times(rate, money.HalfUp)}
	if half {
		s.Relief = s.Full.Times(r.relief, money.HalfUp)
	}
	s.Payable = s.Full.Sub(s.Relief)
	return s
}

// reliefGap names the half reduction where it has no value in these days: whether and how far it
// goes on is not known.
func (r *surcharge) reliefGap(on civil.Date) *Gap {
	if r.relieved {
		return nil
	}
	return &Gap{Rule: r.reliefID, On: on,
		Missing: bilingual.Text{ZH: "该日六税两费减征没有收录的规定",
			EN: "no rule is known on the half reduction on that day"}}
}

// rateAt finds the rate of a place tier.
func (r *surcharge) rateAt(tier string) (money.Fraction, bool) {
	switch {
	case !r.local || tier == "city":
		return r.rates[0], true
	case tier == "county":
		return r.rates[1], true
	case tier == "other":
		return r.rates[2], true
	}
	return money.Fraction{}, false
}

// Calculate takes the surcharge on the VAT of the period; self-filed VAT gives an estimate. Every
// payee whose VAT is computed here is small-scale, a person or an individual business, so the half
// reduction is always due.
func (r *surcharge) Calculate(c *Calculation) error {
	a := &c.vat
	if a.unknown != nil {
		c.res.PayeeObligations = append(c.res.PayeeObligations,
			Line{Tax: r.def.Tax, Item: c.item, Period: a.period, Collection: a.collection,
				BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worst, Missing: a.unknown})
		return nil
	}
	if a.total.IsZero() && a.before.VAT.IsZero() && a.before.kept(r.def.Tax).IsZero() {
		return nil
	}
	l := Line{Tax: r.def.Tax, Item: c.item, Period: a.period, Collection: a.collection, Base: a.total,
		BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worst}
	tier := c.facts.Entity.PlaceTier
	if a.collection == SelfFiled {
		tier = c.facts.Taxpayer.PlaceTier
	}
	if gap := r.reliefGap(c.facts.VATDate); gap != nil {
		return (&gapRule{id: r.def.ID, tax: r.def.Tax, gap: *gap}).Calculate(c)
	}
	rate, ok := r.rateAt(tier)
	if !ok {
		l.Missing = []bilingual.Text{{ZH: "收款人登记地属于市区、县城镇还是其他地区",
			EN: "whether the payee is registered in a city, a county town or elsewhere"}}
		c.res.PayeeObligations = append(c.res.PayeeObligations, l)
		return nil
	}
	s := r.of(a.total, a.sales, a.length, rate, true)
	l.Rate = rate
	l.Relief = s.Relief
	l.Total = s.Payable
	l.Before = r.before(c, rate)
	if s.Exempt {
		l.Law = r.exemptStep.law
		c.step(r.exemptStep, exact, Money(s.Payable), Input{"vat", Money(a.total)},
			Input{"sales", Money(a.sales)})
	} else {
		c.step(r.tax, rounded, Money(s.Payable), Input{"vat", Money(a.total)},
			Input{"rate", Fraction(rate)}, Input{"full", Money(s.Full)},
			Input{"relief_rate", Fraction(r.relief)}, Input{"relief", Money(s.Relief)},
			Input{"place", Word(tier)})
	}
	c.take(&l, true)
	c.step(r.due, exact, Money(l.Due), Input{"tax", Money(l.Total)},
		Input{"withheld", Money(l.Before)}, Input{"kept_back", Money(l.Amount)},
		Input{"shortfall", Money(l.Shortfall)})
	c.res.Rows = append(c.res.Rows, Row{Kind: r.def.Tax, Item: c.item, Period: a.period,
		Withheld: c.withheldOf(&l), Collection: a.collection})
	c.unconfirmed(r.unconfirmed...)
	return nil
}

// before is what was kept back earlier in the period; where only the VAT is stated, or the payee
// files itself, it is what the rule gives on that VAT.
func (r *surcharge) before(c *Calculation, rate money.Fraction) money.Amount {
	a := &c.vat
	if a.before.Stated || a.collection == SelfFiled {
		return r.of(a.before.VAT, a.before.Sales, a.length, rate, true).Payable
	}
	return a.before.kept(r.def.Tax)
}

// kept is what was kept back of a surcharge.
func (t *Turnover) kept(kind string) money.Amount {
	switch kind {
	case UMCT:
		return t.UMCT
	case EDU:
		return t.EDU
	}
	return t.LEDU
}

func turnoverSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"threshold": KindThreshold, "rate": KindRate, "full_rate": KindRate,
			"divisor": KindChoice},
		build: func(b *Book, r base) resolver {
			m := r.method
			return &turnover{base: r, threshold: b.threshold(m, "threshold"), rate: b.rate(m, "rate"),
				full:    b.rate(m, "full_rate"),
				divisor: onTop(b.rate(m, "rate"))}
		}}
}

func surchargeSpec() methodSpec {
	return methodSpec{
		optional: map[string]Kind{"relief": KindRate, "rate": KindRate, "rate_city": KindRate,
			"rate_county": KindRate, "rate_other": KindRate,
			"exempt_month": KindThreshold, "exempt_quarter": KindThreshold},
		build: func(b *Book, r base) resolver { return b.newSurcharge(r) }}
}
