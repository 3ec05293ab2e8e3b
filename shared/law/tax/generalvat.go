package tax

import (
	"errors"
	"math/big"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// generalVAT is VAT of a general taxpayer for a period: output less creditable input; what is left
// of the input is carried forward. Source: VAT Law art. 8, 10, 14, 16, 21, 22; data in
// rules/national/vat.
type generalVAT struct {
	ownQuestion
	rates []RateRow

	sales, output, input, due *stepSpec
}

func (r *generalVAT) resolve() error {
	return r.specs(map[string]**stepSpec{"vat.sales": &r.sales, "vat.output": &r.output,
		"vat.input": &r.input, "vat.payable": &r.due})
}

// Output is the sales of one rate in a period.
type Output struct {
	Amount    money.Amount
	Inclusive bool // whether Amount contains the VAT
	Rate      money.Rate
}

// GeneralPeriod is the outputs and inputs of a general taxpayer's period.
type GeneralPeriod struct {
	Outputs    []Output
	Creditable []money.Amount // input VAT on vouchers that give credit
	// Blocked is input VAT without credit (VAT Law art. 22): client entertainment, catering, welfare,
	// exempt items ...
	Blocked      []money.Amount
	CarryForward money.Amount // input left over from earlier periods
}

// GeneralVAT is what the period gives.
type GeneralVAT struct {
	Output       money.Amount
	Input        money.Amount // creditable, what was brought forward included
	Payable      money.Amount
	CarryForward money.Amount // input left for the next period
	Answer
}

// GeneralVAT gives the VAT of a general taxpayer for the period that ends on a day.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for amounts out of range and for a rate
// that is none of the law's.
func (e *Engine) GeneralVAT(on civil.Date, p GeneralPeriod) (GeneralVAT, error) {
	r, c, err := ask[*generalVAT](e, "vat.general", on, nil)
	if err != nil {
		return GeneralVAT{}, err
	}
	if err := p.check(r); err != nil {
		return GeneralVAT{}, err
	}
	var g GeneralVAT
	exactOutput := new(big.Rat)
	for _, o := range p.Outputs {
		rate, divisor := o.Rate.Fraction(), o.divisor()
		vat := o.vat(rate, divisor)
		exactOutput.Add(exactOutput, vat)
		reported := halfUpFen(vat)
		sales := o.Amount.DividedBy(divisor, money.HalfUp)
		c.step(r.sales, rounded, Money(reported), Input{"amount", Money(o.Amount)},
			Input{"divisor", Fraction(divisor)}, Input{"sales", Money(sales)}, Input{"rate", Fraction(rate)})
	}
	creditable, blocked := money.Sum(p.Creditable...), money.Sum(p.Blocked...)
	g.Output, g.Input = halfUpFen(exactOutput), creditable.Add(p.CarryForward)
	g.Payable = money.MaxOf(g.Output.Sub(g.Input), money.Amount{})
	g.CarryForward = money.MaxOf(g.Input.Sub(g.Output), money.Amount{})
	c.step(r.output, rounded, Money(g.Output), Input{"outputs", Count(len(p.Outputs))})
	c.step(r.input, exact, Money(g.Input), Input{"creditable", Money(creditable)},
		Input{"carried", Money(p.CarryForward)}, Input{"blocked", Money(blocked)})
	c.step(r.due, exact, Money(g.Payable), Input{"output", Money(g.Output)},
		Input{"input", Money(g.Input)}, Input{"carry_forward", Money(g.CarryForward)})
	g.Answer = c.answer(&r.base)
	return g, nil
}

// largestList bounds how many amounts of one kind a period may have, so that their sums stay in
// range.
const largestList = 1000

// check refuses amounts out of range and rates that the law does not know.
func (p *GeneralPeriod) check(r *generalVAT) error {
	if len(p.Outputs) > largestList || len(p.Creditable) > largestList ||
		len(p.Blocked) > largestList {
		return fault.Invalid(fault.Field{Field: "output",
			Problem: "a period may list at most 1000 amounts of a kind; sum them by rate"})
	}
	amounts := []named{{"carry_forward_in", p.CarryForward}}
	for _, o := range p.Outputs {
		amounts = append(amounts, named{"output", o.Amount})
		if !r.knows(o.Rate.Fraction()) {
			return fault.Invalid(fault.Field{Field: "output.rate",
				Problem: o.Rate.String() + " is no VAT rate of general taxpayers on that day"})
		}
	}
	for _, a := range p.Creditable {
		amounts = append(amounts, named{"input_vat_creditable", a})
	}
	for _, a := range p.Blocked {
		amounts = append(amounts, named{"input_vat_blocked", a})
	}
	return within(amounts)
}

func (r *generalVAT) knows(rate money.Fraction) bool {
	for _, row := range r.rates {
		if !row.Open && row.Rate.Cmp(rate) == 0 {
			return true
		}
	}
	return false
}

// divisor is 1 where the amount is without VAT.
func (o *Output) divisor() money.Fraction {
	if o.Inclusive {
		return onTop(o.Rate.Fraction())
	}
	return money.NewFraction(1, 1)
}

// vat gives the exact output VAT in fen: amount x rate / divisor.
func (o *Output) vat(rate, divisor money.Fraction) *big.Rat {
	vat := new(big.Rat).Mul(big.NewRat(o.Amount.Fen(), 1), big.NewRat(rate.Num(), rate.Den()))
	return vat.Quo(vat, big.NewRat(divisor.Num(), divisor.Den()))
}

// halfUpFen rounds an exact sum of fen that is not negative.
func halfUpFen(x *big.Rat) money.Amount {
	twice := new(big.Int).Lsh(x.Num(), 1)
	twice.Add(twice, x.Denom())
	return money.Fen(twice.Quo(twice, new(big.Int).Lsh(x.Denom(), 1)).Int64())
}

func generalVATSpec() methodSpec {
	return methodSpec{apart: true, needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r base) resolver {
			return &generalVAT{ownQuestion: ownQuestion{r}, rates: b.value(r.method.Uses["rates"]).Rates}
		}}
}

// servicesRow is the row of services and intangibles, which is all that creators sell.
const servicesRow = "services"

// outputEstimate is the output VAT that a general taxpayer has on what this entity pays it: an
// estimate before its input credit. What it really pays, and the surcharges on that, stay named
// unknowns. Source: VAT Law art. 10, 14, 17; data in rules/national/vat.
type outputEstimate struct {
	base
	rate  money.Fraction
	known bool

	sales, output *stepSpec
}

func (r *outputEstimate) resolve() error {
	switch {
	case len(r.method.Missing) == 0:
		return errors.New("method output_estimate must say what is missing")
	case !r.known:
		return errors.New("method output_estimate needs a rate in row " + servicesRow)
	}
	return r.specs(map[string]**stepSpec{"vat.sales": &r.sales, "vat.output_estimate": &r.output})
}

// exclusive gives the sales in VAT-inclusive money.
func (r *outputEstimate) exclusive(received money.Amount) money.Amount {
	return received.DividedBy(onTop(r.rate), money.HalfUp)
}

// Calculate adds the estimate over the month so far and says what only the payee knows.
func (r *outputEstimate) Calculate(c *Calculation) error {
	f, before := c.facts, c.facts.ToDate.Month.Turnover
	price := f.Amount.Add(f.InKind) // what is given in kind is part of the price (VAT Law art. 17)
	row := Row{Kind: VAT, Item: c.item, Period: f.VATDate.Month().String(), Collection: SelfFiled,
		Sales: price}
	divisor := money.NewFraction(1, 1)
	if f.VATIncluded {
		divisor = onTop(r.rate)
		row.Received = price
		row.Sales = r.exclusive(before.Received.Add(price)).Sub(r.exclusive(before.Received))
	}
	sales := before.Sales.Add(row.Sales)
	l := Line{Tax: VAT, Item: c.item, Period: row.Period, Collection: SelfFiled, Base: sales,
		Rate: r.rate, Total: sales.Times(r.rate, money.HalfUp),
		Before: before.Sales.Times(r.rate, money.HalfUp), BorneBy: BorneByCreator, Law: r.output.law,
		Status: r.worst, Note: &r.method.Missing[0]}
	c.step(r.sales, rounded, Money(sales), Input{"date", Day(f.VATDate)},
		Input{"before", Money(before.Sales)}, Input{"payment", Money(price)},
		Input{"divisor", Fraction(divisor)}, Input{"sales", Money(row.Sales)})
	c.step(r.output, rounded, Money(l.Total), Input{"sales", Money(sales)},
		Input{"rate", Fraction(r.rate)})
	c.take(&l, false)
	c.res.Rows = append(c.res.Rows, row)
	c.vat = assessment{on: true, collection: SelfFiled, period: row.Period, length: r.method.Period,
		unknown: r.method.Missing}
	c.unconfirmed(r.unconfirmed...)
	return nil
}

func outputEstimateSpec() methodSpec {
	return methodSpec{needed: map[string]Kind{"rates": KindRates},
		build: func(b *Book, r base) resolver {
			row, ok := b.value(r.method.Uses["rates"]).row(servicesRow)
			return &outputEstimate{base: r, rate: row.Rate, known: ok && !row.Open}
		}}
}
