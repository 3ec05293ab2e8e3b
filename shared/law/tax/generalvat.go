package tax

import (
	"errors"
	"math/big"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// generalVAT computes the VAT of a general taxpayer for a period: output VAT less creditable input
// VAT; unused input is carried forward. The rule follows VAT Law art. 8, 10, 14, 16, 21, 22; its
// data are in rules/national/vat.
type generalVAT struct {
	questionRule
	rates []RateRow

	sales, output, input, due *stepSpec
}

// resolveSteps finds the wording of the steps of generalVAT in its rule file.
func (r *generalVAT) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"vat.sales": &r.sales, "vat.output": &r.output,
		"vat.input": &r.input, "vat.payable": &r.due})
}

// OutputSales is the sales of one VAT rate in a period.
type OutputSales struct {
	Amount money.Amount
	// Inclusive says that Amount contains the VAT.
	Inclusive bool
	Rate      money.Rate
}

// GeneralPeriod is the output sales and the input VAT of a general taxpayer's period.
type GeneralPeriod struct {
	Outputs []OutputSales
	// Creditable is input VAT on vouchers that give a credit.
	Creditable []money.Amount
	// Blocked is input VAT without credit (VAT Law art. 22): client entertainment, catering, welfare,
	// exempt items and the like.
	Blocked []money.Amount
	// CarryForward is input VAT left over from earlier periods.
	CarryForward money.Amount
}

// GeneralVAT is the VAT of a general taxpayer's period.
type GeneralVAT struct {
	Output money.Amount
	// Input is creditable input VAT, with what was brought forward.
	Input   money.Amount
	Payable money.Amount
	// CarryForward is input VAT left for the next period.
	CarryForward money.Amount
	Answer
}

// ComputeGeneralVAT returns the VAT of a general taxpayer for the period that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for amounts out of range and for a rate
// that is no VAT rate of general taxpayers.
func (e *Engine) ComputeGeneralVAT(on civil.Date, p GeneralPeriod) (GeneralVAT, error) {
	r, c, err := beginQuestion[*generalVAT](e, "vat.general", on, nil)
	if err != nil {
		return GeneralVAT{}, err
	}
	if err := p.validate(r); err != nil {
		return GeneralVAT{}, err
	}
	var g GeneralVAT
	exactOutput := new(big.Rat)
	for _, o := range p.Outputs {
		rate, divisor := o.Rate.Fraction(), o.priceDivisor()
		vat := o.exactVAT(rate, divisor)
		// the exact VAT is summed, and only the sum is rounded; the rounded parts are for the explanation
		exactOutput.Add(exactOutput, vat)
		reported := roundHalfUpToFen(vat)
		sales := o.Amount.DividedBy(divisor, money.HalfUp)
		c.addStep(r.sales, rounded, MoneyValue(reported), Input{"amount", MoneyValue(o.Amount)},
			Input{"divisor", RateValue(divisor)}, Input{"sales", MoneyValue(sales)},
			Input{"rate", RateValue(rate)})
	}
	creditable, blocked := money.Sum(p.Creditable...), money.Sum(p.Blocked...)
	g.Output, g.Input = roundHalfUpToFen(exactOutput), creditable.Add(p.CarryForward)
	g.Payable = money.Max(g.Output.Sub(g.Input), money.Amount{})
	g.CarryForward = money.Max(g.Input.Sub(g.Output), money.Amount{})
	c.addStep(r.output, rounded, MoneyValue(g.Output), Input{"outputs", CountValue(len(p.Outputs))})
	c.addStep(r.input, exact, MoneyValue(g.Input), Input{"creditable", MoneyValue(creditable)},
		Input{"carried", MoneyValue(p.CarryForward)}, Input{"blocked", MoneyValue(blocked)})
	c.addStep(r.due, exact, MoneyValue(g.Payable), Input{"output", MoneyValue(g.Output)},
		Input{"input", MoneyValue(g.Input)}, Input{"carry_forward", MoneyValue(g.CarryForward)})
	g.Answer = c.finishAnswer(&r.compiledRule)
	return g, nil
}

// largestList is how many amounts of one kind a period may list, so that their sums stay in range.
const largestList = 1000

// validate returns error 2001 for amounts out of range, lists that are too long, and unknown rates.
func (p *GeneralPeriod) validate(r *generalVAT) error {
	if len(p.Outputs) > largestList || len(p.Creditable) > largestList ||
		len(p.Blocked) > largestList {
		return fault.Invalid(fault.Field{Field: "output",
			Problem: "a period may list at most 1000 amounts of a kind; sum them by rate"})
	}
	amounts := []namedAmount{{"carry_forward_in", p.CarryForward}}
	for _, o := range p.Outputs {
		amounts = append(amounts, namedAmount{"output", o.Amount})
		if !r.hasRate(o.Rate.Fraction()) {
			return fault.Invalid(fault.Field{Field: "output.rate",
				Problem: o.Rate.String() + " is no VAT rate of general taxpayers on that day"})
		}
	}
	for _, a := range p.Creditable {
		amounts = append(amounts, namedAmount{"input_vat_creditable", a})
	}
	for _, a := range p.Blocked {
		amounts = append(amounts, namedAmount{"input_vat_blocked", a})
	}
	return checkAmountRange(amounts)
}

// hasRate reports whether a rate is one of the VAT rates of general taxpayers.
func (r *generalVAT) hasRate(rate money.Fraction) bool {
	for _, row := range r.rates {
		if !row.Open && row.Rate.Cmp(rate) == 0 {
			return true
		}
	}
	return false
}

// priceDivisor returns 1 + rate for a VAT-inclusive amount, and 1 for an amount without VAT.
func (o *OutputSales) priceDivisor() money.Fraction {
	if o.Inclusive {
		return vatDivisor(o.Rate.Fraction())
	}
	return money.NewFraction(1, 1)
}

// exactVAT returns the output VAT in fen without rounding: amount x rate / divisor.
func (o *OutputSales) exactVAT(rate, divisor money.Fraction) *big.Rat {
	vat := new(big.Rat).Mul(big.NewRat(o.Amount.Fen(), 1), big.NewRat(rate.Num(), rate.Den()))
	return vat.Quo(vat, big.NewRat(divisor.Num(), divisor.Den()))
}

// roundHalfUpToFen rounds an exact sum of fen that is not negative.
func roundHalfUpToFen(x *big.Rat) money.Amount {
	twice := new(big.Int).Lsh(x.Num(), 1)
	twice.Add(twice, x.Denom())
	return money.Fen(twice.Quo(twice, new(big.Int).Lsh(x.Denom(), 1)).Int64())
}

// generalVATMethodSpec describes the method of generalVAT for rule files: its roles, and how its
// rule is built.
func generalVATMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r compiledRule) steppedRule {
			return &generalVAT{questionRule: questionRule{r},
				rates: b.findValue(r.method.Uses["rates"]).Rates}
		}}
}

// servicesRow is the row of services and intangible assets, which are all that creators sell.
const servicesRow = "services"

// outputEstimate estimates the output VAT of a general taxpayer on this entity's payments, before
// its input credit. The VAT it really pays, and the surcharges on that, stay unknown. The rule
// follows VAT Law art. 10, 14, 17; its data are in rules/national/vat.
type outputEstimate struct {
	compiledRule
	rate  money.Fraction
	known bool

	sales, output *stepSpec
}

// resolveSteps finds the wording of the rule's steps, and checks that the rule file has a rate for
// services and names what is missing.
func (r *outputEstimate) resolveSteps() error {
	switch {
	case len(r.method.Missing) == 0:
		return errors.New("method output_estimate must say what is missing")
	case !r.known:
		return errors.New("method output_estimate needs a rate in row " + servicesRow)
	}
	return r.fillSteps(map[string]**stepSpec{"vat.sales": &r.sales, "vat.output_estimate": &r.output})
}

// exclusiveSales returns the VAT-exclusive sales in VAT-inclusive money.
func (r *outputEstimate) exclusiveSales(received money.Amount) money.Amount {
	return received.DividedBy(vatDivisor(r.rate), money.HalfUp)
}

// Calculate adds the estimate over the month so far, with a note about what only the payee knows.
func (r *outputEstimate) Calculate(c *Calculation) error {
	f, before := c.facts, c.facts.ToDate.Month.Turnover
	price := f.Amount.Add(f.InKind) // things given in kind are part of the price (VAT Law art. 17)
	row := Row{Kind: VAT, Item: c.item, Period: f.VATDate.Month().String(), Collection: SelfFiled,
		Sales: price}
	divisor := money.NewFraction(1, 1)
	if f.VATIncluded {
		divisor = vatDivisor(r.rate)
		row.Received = price
		row.Sales = r.exclusiveSales(before.Received.Add(price)).Sub(r.exclusiveSales(before.Received))
	}
	sales := before.Sales.Add(row.Sales)
	l := Line{Tax: VAT, Item: c.item, Period: row.Period, Collection: SelfFiled, Base: sales,
		Rate: r.rate, Total: sales.Times(r.rate, money.HalfUp),
		Before: before.Sales.Times(r.rate, money.HalfUp), BorneBy: BorneByCreator, Law: r.output.law,
		Status: r.worstStatus, Note: &r.method.Missing[0]}
	c.addStep(r.sales, rounded, MoneyValue(sales), Input{"date", DayValue(f.VATDate)},
		Input{"before", MoneyValue(before.Sales)}, Input{"payment", MoneyValue(price)},
		Input{"divisor", RateValue(divisor)}, Input{"sales", MoneyValue(row.Sales)})
	c.addStep(r.output, rounded, MoneyValue(l.Total), Input{"sales", MoneyValue(sales)},
		Input{"rate", RateValue(r.rate)})
	c.withholdLine(&l, false)
	c.result.Rows = append(c.result.Rows, row)
	// surcharges become unknown too: their base is the VAT after input credit
	c.periodVAT = assessment{isAssessed: true, collection: SelfFiled, period: row.Period,
		periodKind:     r.method.Period,
		unknownReasons: r.method.Missing}
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// outputEstimateMethodSpec describes the method of outputEstimate for rule files: its roles, and
// how its rule is built.
func outputEstimateMethodSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r compiledRule) steppedRule {
			row, ok := b.findValue(r.method.Uses["rates"]).findRateRow(servicesRow)
			return &outputEstimate{compiledRule: r, rate: row.Rate, known: ok && !row.Open}
		}}
}
