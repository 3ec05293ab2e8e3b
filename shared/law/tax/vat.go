package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// turnoverRule computes the VAT of a small-scale payee by period: no tax below the threshold, and
// from the threshold on tax on the whole period. The rule follows VAT Law art. 23, MOF/STA
// Announcement 2026 No. 10; its data are in rules/national/vat.
type turnoverRule struct {
	compiledRule
	threshold Threshold
	// rate is the reduced levy rate; fullRate applies to sales for which the reduction is given up.
	rate, fullRate money.Fraction
	// divisor is 1 + the reduced rate.
	divisor money.Fraction

	sales, exempt, taxStep, due *stepSpec
}

// resolveSteps finds the wording of the steps of turnoverRule in its rule file.
func (r *turnoverRule) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"vat.sales": &r.sales, "vat.exempt": &r.exempt,
		"vat.tax": &r.taxStep, "vat.due": &r.due})
}

// assessment is the VAT of a period, from which the surcharges are computed.
type assessment struct {
	isAssessed bool
	collection string
	// period is the text by which rows name the period, such as "2026-11".
	period string
	// periodKind is day, month or quarter.
	periodKind string
	before     Turnover
	// sales, total and due: sales and VAT of the whole period, and the VAT that this payment adds.
	sales money.Amount
	total money.Amount
	due   money.Amount
	// unknownReasons is set where nobody knows which VAT will be paid; it says why.
	unknownReasons []bilingual.Text
}

// taxOnSales returns the VAT on the sales of a whole period, rounded half up.
func (r *turnoverRule) taxOnSales(sales money.Amount) money.Amount {
	if !r.threshold.IsMet(sales) {
		return money.Amount{}
	}
	return sales.Times(r.rate, money.HalfUp)
}

// exclusiveSales returns the VAT-exclusive sales in VAT-inclusive money.
func (r *turnoverRule) exclusiveSales(received money.Amount) money.Amount {
	return received.DividedBy(r.divisor, money.HalfUp)
}

// Calculate computes the VAT of the period with this payment, and withholds what the payment adds;
// for payees that file themselves it is an estimate.
func (r *turnoverRule) Calculate(c *Calculation) error {
	f := c.facts
	a := r.startAssessment(c)
	row := Row{Kind: VAT, Item: c.item, Period: a.period, Collection: a.collection}
	r.addSales(c, &a, &row)
	l := Line{Tax: VAT, Item: c.item, Period: a.period, Collection: a.collection, Base: a.sales,
		Total: a.total, Before: a.before.VAT, BorneBy: BorneByCreator, Law: r.exempt.law,
		Status: r.worstStatus}
	// nothing was withheld from a payee that files itself, so the tax before this payment is computed
	if a.collection == SelfFiled {
		l.Before = r.taxOnSales(a.before.Sales)
		a.before.VAT = l.Before
	}
	r.explainTax(c, &a, &l)
	a.due = money.Max(a.total.Sub(l.Before), money.Amount{})
	// a price without VAT is raised by the VAT, which the payer then withholds from it
	if !f.VATIncluded && a.collection != SelfFiled {
		c.addVATToGross(a.due)
	}
	c.withholdLine(&l, true)
	row.Withheld = c.withheldForRow(&l)
	c.addStep(r.due, exact, MoneyValue(l.Due), Input{"tax", MoneyValue(l.Total)},
		Input{"withheld", MoneyValue(l.Before)}, Input{"kept_back", MoneyValue(l.Amount)},
		Input{"shortfall", MoneyValue(l.Shortfall)})
	if a.collection != SelfFiled {
		c.vatWithheld = a.due
	}
	c.result.Rows = append(c.result.Rows, row)
	c.periodVAT = a
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// startAssessment returns the VAT assessment of the payment's day, month or quarter, with the
// turnover before the payment.
func (r *turnoverRule) startAssessment(c *Calculation) assessment {
	f := c.facts
	a := assessment{isAssessed: true, collection: r.method.Collection, periodKind: r.method.Period}
	switch r.method.Period {
	case "day":
		a.before, a.period = f.ToDate.Day, c.texts.dayText(f.VATDate)
	case "month":
		a.before, a.period = f.ToDate.Month.Turnover, c.texts.vatMonthText(f.VATDate.Month())
	case "quarter":
		a.before, a.period = f.ToDate.Quarter, c.texts.vatMonthText(f.VATDate.Month())
	}
	return a
}

// addSales adds the payment to the sales and the VAT of the period, and sets the sales of its row.
func (r *turnoverRule) addSales(c *Calculation, a *assessment, row *Row) {
	f := c.facts
	price := f.Amount.Add(f.InKind) // things given in kind are part of the price (VAT Law art. 17)
	if f.VATIncluded {
		row.Received = price
		// the payment's sales are the difference of two rounded totals, so that the rows of a period add
		// up to its rounded sales
		row.Sales = r.exclusiveSales(a.before.Received.Add(price)).Sub(
			r.exclusiveSales(a.before.Received))
	} else {
		row.Sales = price
	}
	a.sales = a.before.Sales.Add(row.Sales)
	a.total = r.taxOnSales(a.sales)
	c.addStep(r.sales, rounded, MoneyValue(a.sales), Input{"date", DayValue(f.VATDate)},
		Input{"before", MoneyValue(a.before.Sales)}, Input{"payment", MoneyValue(price)},
		Input{"divisor", RateValue(c.priceDivisor(r))}, Input{"sales", MoneyValue(row.Sales)})
}

// explainTax records whether the period's sales meet the threshold, and sets the line's rate and
// articles accordingly.
func (r *turnoverRule) explainTax(c *Calculation, a *assessment, l *Line) {
	if r.threshold.IsMet(a.sales) {
		l.Rate, l.Law = r.rate, r.taxStep.law
		c.addStep(r.taxStep, rounded, MoneyValue(a.total), Input{"sales", MoneyValue(a.sales)},
			Input{"threshold", MoneyValue(r.threshold.Amount)},
			Input{"edge", TextValue(r.threshold.EdgeText())},
			Input{"rate", RateValue(r.rate)})
	} else {
		c.addStep(r.exempt, exact, MoneyValue(money.Amount{}), Input{"sales", MoneyValue(a.sales)},
			Input{"threshold", MoneyValue(r.threshold.Amount)},
			Input{"edge", TextValue(r.threshold.EdgeText())})
	}
}

// priceDivisor returns 1 + rate for a VAT-inclusive price, and 1 for a price without VAT.
func (c *Calculation) priceDivisor(r *turnoverRule) money.Fraction {
	if c.facts.VATIncluded {
		return r.divisor
	}
	return money.NewFraction(1, 1)
}

// PeriodSales is one period's VAT-exclusive sales. Waived is the part for which the taxpayer has
// given up the relief, for example to issue special invoices.
type PeriodSales struct {
	Total, Waived money.Amount
}

// taxWithWaiver returns the VAT of a whole period with a waived part. The waived part bears the
// full levy rate whether or not the threshold is met; the rest is taxed by the threshold on all
// sales. The tax of each rate is a line of the return and is rounded separately.
func (r *turnoverRule) taxWithWaiver(s PeriodSales) money.Amount {
	vat := s.Waived.Times(r.fullRate, money.HalfUp)
	if r.threshold.IsMet(s.Total) {
		vat = vat.Add(s.Total.Sub(s.Waived).Times(r.rate, money.HalfUp))
	}
	return vat
}

// surcharge is UMCT, EDU or LEDU on VAT actually paid, with the half reduction of the six taxes and
// two fees. The return shows full tax, reduction and payable tax separately, so each is rounded in
// that order.
type surcharge struct {
	compiledRule
	// isLocal says that the rate depends on the tier of the place.
	isLocal bool
	// rates are those of the tiers city, county and other.
	rates  [3]money.Fraction
	relief money.Fraction
	// hasRelief says that the half reduction has a value in these days; reliefID is its id for the gap
	// where it has none.
	hasRelief bool
	reliefID  string
	// exemptions are the thresholds of sales by month and by quarter, where hasExemption is set.
	exemptions   [2]Threshold
	hasExemption [2]bool

	tax, exemptStep, due *stepSpec
}

// resolveSteps finds the wording of the rule's steps, and checks that the rule has one rate or all
// three rates of the place tiers.
func (r *surcharge) resolveSteps() error {
	if r.method.Uses["rate"] == "" {
		for _, role := range []string{"rate_city", "rate_county", "rate_other"} {
			if r.method.Uses[role] == "" {
				return errRates
			}
		}
	}
	if r.hasExemption[0] || r.hasExemption[1] {
		if err := r.fillSteps(map[string]**stepSpec{"surcharge.exempt": &r.exemptStep}); err != nil {
			return err
		}
	}
	return r.fillSteps(map[string]**stepSpec{"surcharge.tax": &r.tax, "surcharge.due": &r.due})
}

// Applies reports whether VAT was assessed and the rule's condition matches.
func (r *surcharge) Applies(c *Calculation) bool {
	return c.periodVAT.isAssessed && r.compiledRule.Applies(c)
}

// SurchargeAmounts is one surcharge on one period's VAT: full tax, reduction and payable tax.
type SurchargeAmounts struct {
	Full, Relief, Payable money.Amount
	Exempt                bool
}

// amountsOn returns the surcharge on the VAT of a whole period with these sales; half says whether
// the taxpayer has the half reduction.
func (r *surcharge) amountsOn(vat, sales money.Amount, length string, rate money.Fraction,
	half bool) SurchargeAmounts {
	for i, l := range [2]string{"month", "quarter"} {
		if length == l && r.hasExemption[i] && !r.exemptions[i].IsMet(sales) {
			return SurchargeAmounts{Exempt: true}
		}
	}
	s := SurchargeAmounts{Full: vat.Times(rate, money.HalfUp)}
	if half {
		s.Relief = s.Full.Times(r.relief, money.HalfUp)
	}
	s.Payable = s.Full.Sub(s.Relief)
	return s
}

// missingReliefGap returns a *Gap when the half reduction has no value in these days, because
// nobody knows then whether it goes on; else nil.
func (r *surcharge) missingReliefGap(on civil.Date) *Gap {
	if r.hasRelief {
		return nil
	}
	return &Gap{Rule: r.reliefID, On: on,
		Missing: bilingual.Text{ZH: "该日六税两费减征没有收录的规定",
			EN: "no rule is known on the half reduction on that day"}}
}

// rateForTier returns the surcharge's rate at a place tier; ok is false for an unknown tier.
func (r *surcharge) rateForTier(tier string) (money.Fraction, bool) {
	switch {
	case !r.isLocal || tier == "city":
		return r.rates[0], true
	case tier == "county":
		return r.rates[1], true
	case tier == "other":
		return r.rates[2], true
	}
	return money.Fraction{}, false
}

// Calculate withholds the surcharge on the VAT of the period; on VAT that the payee files itself it
// is an estimate. Every payee whose VAT is computed here is small-scale, a person or an individual
// business, so the half reduction always applies.
func (r *surcharge) Calculate(c *Calculation) error {
	a := &c.periodVAT
	if a.unknownReasons != nil {
		c.result.PayeeObligations = append(c.result.PayeeObligations,
			Line{Tax: r.def.Tax, Item: c.item, Period: a.period, Collection: a.collection,
				BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worstStatus, Missing: a.unknownReasons})
		return nil
	}
	// without VAT now and before, a line of zeros would only blur the explanation
	if a.total.IsZero() && a.before.VAT.IsZero() && a.before.surchargeWithheld(r.def.Tax).IsZero() {
		return nil
	}
	l := Line{Tax: r.def.Tax, Item: c.item, Period: a.period, Collection: a.collection, Base: a.total,
		BorneBy: BorneByCreator, Law: r.tax.law, Status: r.worstStatus}
	// the tier of the place where the tax is paid decides the rate: the payer's, or the payee's own
	tier := c.facts.Entity.PlaceTier
	if a.collection == SelfFiled {
		tier = c.facts.Taxpayer.PlaceTier
	}
	if gap := r.missingReliefGap(c.facts.VATDate); gap != nil {
		return (&gapRule{id: r.def.ID, tax: r.def.Tax, gap: *gap}).Calculate(c)
	}
	rate, ok := r.rateForTier(tier)
	if !ok {
		l.Missing = []bilingual.Text{{ZH: "收款人登记地属于市区、县城镇还是其他地区",
			EN: "whether the payee is registered in a city, a county town or elsewhere"}}
		c.result.PayeeObligations = append(c.result.PayeeObligations, l)
		return nil
	}
	r.fillLine(c, &l, rate, tier)
	c.withholdLine(&l, true)
	c.addStep(r.due, exact, MoneyValue(l.Due), Input{"tax", MoneyValue(l.Total)},
		Input{"withheld", MoneyValue(l.Before)}, Input{"kept_back", MoneyValue(l.Amount)},
		Input{"shortfall", MoneyValue(l.Shortfall)})
	c.result.Rows = append(c.result.Rows, Row{Kind: r.def.Tax, Item: c.item, Period: a.period,
		Withheld: c.withheldForRow(&l), Collection: a.collection})
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// fillLine sets the line to the surcharge on the VAT of the whole period and records how it was
// computed.
func (r *surcharge) fillLine(c *Calculation, l *Line, rate money.Fraction, tier string) {
	a := &c.periodVAT
	s := r.amountsOn(a.total, a.sales, a.periodKind, rate, true)
	l.Rate = rate
	l.Relief = s.Relief
	l.Total = s.Payable
	l.Before = r.withheldBefore(c, rate)
	if s.Exempt {
		l.Law = r.exemptStep.law
		c.addStep(r.exemptStep, exact, MoneyValue(s.Payable), Input{"vat", MoneyValue(a.total)},
			Input{"sales", MoneyValue(a.sales)})
	} else {
		c.addStep(r.tax, rounded, MoneyValue(s.Payable), Input{"vat", MoneyValue(a.total)},
			Input{"rate", RateValue(rate)}, Input{"full", MoneyValue(s.Full)},
			Input{"relief_rate", RateValue(r.relief)}, Input{"relief", MoneyValue(s.Relief)},
			Input{"place", TextValue(tier)})
	}
}

// withheldBefore returns the surcharge that was withheld earlier in the period. Where only the VAT
// is stated, or the payee files itself, the rule computes it from that VAT.
func (r *surcharge) withheldBefore(c *Calculation, rate money.Fraction) money.Amount {
	a := &c.periodVAT
	if a.before.Stated || a.collection == SelfFiled {
		return r.amountsOn(a.before.VAT, a.before.Sales, a.periodKind, rate, true).Payable
	}
	return a.before.surchargeWithheld(r.def.Tax)
}

// surchargeWithheld returns the amount withheld of one kind of surcharge.
func (t *Turnover) surchargeWithheld(kind string) money.Amount {
	switch kind {
	case UMCT:
		return t.UMCT
	case EDU:
		return t.EDU
	}
	return t.LEDU
}

// turnoverMethodSpec describes the method of turnover for rule files: its roles, and how its rule
// is built.
func turnoverMethodSpec() methodSpec {
	return methodSpec{
		needed: map[string]Kind{"threshold": KindThreshold, "rate": KindRate, "full_rate": KindRate,
			"divisor": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			m := r.method
			return &turnoverRule{compiledRule: r, threshold: b.thresholdInRole(m, "threshold"),
				rate:     b.rateInRole(m, "rate"),
				fullRate: b.rateInRole(m, "full_rate"),
				divisor:  vatDivisor(b.rateInRole(m, "rate"))}
		}}
}

// surchargeMethodSpec describes the method of surcharge for rule files: its roles, and how its rule
// is built.
func surchargeMethodSpec() methodSpec {
	return methodSpec{
		optional: map[string]Kind{"relief": KindRate, "rate": KindRate, "rate_city": KindRate,
			"rate_county": KindRate, "rate_other": KindRate,
			"exempt_month": KindThreshold, "exempt_quarter": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule { return b.newSurcharge(r) }}
}
