package tax

import (
	"errors"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Taxes of the paying entity itself, beside those of payees.
const (
	TaxCulturalFee = "CULTURAL_FEE" // 文化事业建设费
	TaxStamp       = "STAMP"        // 印花税
)

// BorneByPayer marks a tax of the paying entity: it never lowers the creator's net.
const BorneByPayer = "mcn"

// ofPayer tells whether a tax is the paying entity's own. What is open about it never holds a
// payment up.
func ofPayer(tax string) bool { return tax == TaxCulturalFee || tax == TaxStamp }

// payerLine adds a tax of the payer whose figure is not known, with what would have to be known.
func (c *Calculation) payerLine(tax string, law []Law, missing []bilingual.Text) {
	c.res.PayerTaxes = append(c.res.PayerTaxes,
		Line{Tax: tax, Item: c.item, Period: c.texts.month(c.facts.VATDate.Month()),
			Collection: SelfFiled,
			BorneBy:    BorneByPayer, Law: law, Status: Open, Missing: missing})
}

// payerFee is a tax or fee of the payer that a payment to a creator hints at without telling its
// base: a fee on advertising revenue, or stamp tax on a contract whose terms are not known. Source:
// Caishui [2016] No. 25, Stamp Tax Law art. 2; data in rules/national/fees and stamp.
type payerFee struct {
	base
	scope *Dated // whether the payer is subject to it; nil where that is no question

	unknown, outside *stepSpec
}

func (r *payerFee) resolve() error {
	if len(r.method.Missing) == 0 {
		return errors.New("method payer_fee must say what is missing")
	}
	if r.scope != nil {
		if err := r.specs(map[string]**stepSpec{"fee.outside": &r.outside}); err != nil {
			return err
		}
	}
	return r.specs(map[string]**stepSpec{"fee.unknown": &r.unknown})
}

// Calculate adds the line without a figure, or by a tax position the reason why there is none.
func (r *payerFee) Calculate(c *Calculation) error {
	var reading string
	var err error
	if r.scope != nil {
		reading, err = c.reading(r.method.Uses["payer_scope"], r.scope, c.facts.VATDate)
	}
	var gap *Gap
	missing := r.method.Missing
	switch {
	case errors.As(err, &gap):
		missing = append([]bilingual.Text{
			{ZH: gap.Rule + "：" + gap.Missing.ZH, EN: gap.Rule + ": " + gap.Missing.EN}}, missing...)
		c.unconfirmed(gap.Rule)
	case err != nil:
		return err
	case reading == scopeNotLiable:
		c.step(r.outside, exact, Word("0.00"), Input{"income_type", Word(c.facts.IncomeType)})
		return nil
	}
	c.step(r.unknown, exact, Word("unknown"), Input{"income_type", Word(c.facts.IncomeType)})
	c.payerLine(r.def.Tax, r.unknown.law, missing)
	c.unconfirmed(r.unconfirmed...)
	return nil
}

func payerFeeSpec() methodSpec {
	return methodSpec{optional: map[string]Kind{"payer_scope": KindChoice},
		build: func(b *Book, r base) resolver {
			return &payerFee{base: r, scope: b.value(r.method.Uses["payer_scope"])}
		}}
}

// salesLimit tells when a small-scale taxpayer's sales of twelve months ask for registration as a
// general one. Source: VAT Law art. 9, STA Announcement 2025 No. 16 art. 2; data in
// rules/national/vat.
type salesLimit struct {
	ownQuestion
	limit Threshold

	within, above *stepSpec
}

func (r *salesLimit) resolve() error {
	return r.specs(map[string]**stepSpec{"limit.within": &r.within, "limit.above": &r.above})
}

// SalesLimit tells whether the VAT-exclusive sales of twelve months in a row are more than a
// small-scale taxpayer may have: then the platform must guide its worker to register and file
// itself. The answer's step is the notice.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for an amount out of range.
func (e *Engine) SalesLimit(on civil.Date, sales money.Amount) (above bool, a Answer, err error) {
	r, c, err := ask[*salesLimit](e, "vat.small_scale.register", on, nil)
	if err != nil {
		return false, Answer{}, err
	}
	if err := within([]named{{"sales_12_months", sales}}); err != nil {
		return false, Answer{}, err
	}
	above = r.limit.Met(sales)
	step := r.within
	if above {
		step = r.above
	}
	c.step(step, exact, Word(boolWord(above)), Input{"sales", Money(sales)},
		Input{"limit", Money(r.limit.Amount)})
	return above, c.answer(&r.base), nil
}

func salesLimitSpec() methodSpec {
	return methodSpec{apart: true, needed: map[string]Kind{"limit": KindThreshold},
		build: func(b *Book, r base) resolver {
			return &salesLimit{ownQuestion: ownQuestion{r}, limit: b.threshold(r.method, "limit")}
		}}
}
