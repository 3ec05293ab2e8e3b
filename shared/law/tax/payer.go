package tax

import (
	"errors"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// The taxes of the paying entity itself, beside those of payees.
const (
	// TaxCulturalFee is the cultural construction fee (文化事业建设费).
	TaxCulturalFee = "CULTURAL_FEE"
	// TaxStamp is stamp tax (印花税).
	TaxStamp = "STAMP"
)

// BorneByPayer marks a tax of the paying entity itself; such a tax never lowers the creator's net.
const BorneByPayer = "mcn"

// isPayerTax reports whether a tax is the paying entity's own. An open question about such a tax
// never holds up a payment.
func isPayerTax(tax string) bool { return tax == TaxCulturalFee || tax == TaxStamp }

// addUnknownPayerTax adds a tax of the payer whose figure is unknown, with the facts that are
// missing.
func (c *Calculation) addUnknownPayerTax(tax string, law []Law, missing []bilingual.Text) {
	c.result.PayerTaxes = append(c.result.PayerTaxes,
		Line{Tax: tax, Item: c.item, Period: c.texts.vatMonthText(c.facts.VATDate.Month()),
			Collection: SelfFiled,
			BorneBy:    BorneByPayer, Law: law, Status: Open, Missing: missing})
}

// payerFee is a tax or fee of the payer whose base cannot be read from a payment: a fee on
// advertising revenue, or stamp tax on a contract whose terms are unknown. The rule only names it.
// The rule follows Caishui [2016] No. 25, Stamp Tax Law art. 2; its data are in rules/national/fees
// and stamp.
type payerFee struct {
	compiledRule
	// payerScope is the choice whether an MCN is subject to the fee; nil where the law leaves no
	// question.
	payerScope *DatedValue

	unknown, outside *stepSpec
}

// resolveSteps finds the wording of the rule's steps and checks that the rule file names what is
// missing.
func (r *payerFee) resolveSteps() error {
	if len(r.method.Missing) == 0 {
		return errors.New("method payer_fee must say what is missing")
	}
	if r.payerScope != nil {
		if err := r.fillSteps(map[string]**stepSpec{"fee.outside": &r.outside}); err != nil {
			return err
		}
	}
	return r.fillSteps(map[string]**stepSpec{"fee.unknown": &r.unknown})
}

// Calculate adds the line without a figure; where a tax position says that the payer is not liable,
// it records that reason instead of a line.
func (r *payerFee) Calculate(c *Calculation) error {
	var reading string
	var err error
	if r.payerScope != nil {
		reading, err = c.chosenReading(r.method.Uses["payer_scope"], r.payerScope, c.facts.VATDate)
	}
	var gap *Gap
	missing := r.method.Missing
	switch {
	// an undecided question must not hold up the creator's payment: it becomes a missing fact
	case errors.As(err, &gap):
		missing = append([]bilingual.Text{
			{ZH: gap.Rule + "：" + gap.Missing.ZH, EN: gap.Rule + ": " + gap.Missing.EN}}, missing...)
		c.addUnconfirmed(gap.Rule)
	case err != nil:
		return err
	case reading == scopeNotLiable:
		c.addStep(r.outside, exact, TextValue("0.00"),
			Input{"income_type", TextValue(c.facts.IncomeType)})
		return nil
	}
	c.addStep(r.unknown, exact, TextValue("unknown"),
		Input{"income_type", TextValue(c.facts.IncomeType)})
	c.addUnknownPayerTax(r.def.Tax, r.unknown.law, missing)
	c.addUnconfirmed(r.unconfirmed...)
	return nil
}

// payerFeeMethodSpec describes method payer_fee of rule files.
func payerFeeMethodSpec() methodSpec {
	return methodSpec{optional: map[string]Kind{"payer_scope": KindChoice},
		build: func(b *Book, r compiledRule) steppedRule {
			return &payerFee{compiledRule: r, payerScope: b.findValue(r.method.Uses["payer_scope"])}
		}}
}

// salesLimit is the rule on the twelve months' sales above which a small-scale taxpayer must
// register as a general taxpayer. The rule follows VAT Law art. 9, STA Announcement 2025 No. 16
// art. 2; its data are in rules/national/vat.
type salesLimit struct {
	questionRule
	limit Threshold

	within, above *stepSpec
}

// resolveSteps finds the wording of the rule's two notices.
func (r *salesLimit) resolveSteps() error {
	return r.fillSteps(map[string]**stepSpec{"limit.within": &r.within, "limit.above": &r.above})
}

// CheckSalesLimit reports whether the VAT-exclusive sales of twelve consecutive months exceed the
// limit of a small-scale taxpayer. Above it the platform must guide its worker to register and to
// file itself; the answer's step is that notice.
//
// Errors: *Gap when no rule is in force; *fault.Error 2001 for an amount out of range.
func (e *Engine) CheckSalesLimit(on civil.Date,
	sales money.Amount) (above bool, a Answer, err error) {
	r, c, err := beginQuestion[*salesLimit](e, "vat.small_scale.register", on, nil)
	if err != nil {
		return false, Answer{}, err
	}
	if err := checkAmountRange([]namedAmount{{"sales_12_months", sales}}); err != nil {
		return false, Answer{}, err
	}
	above = r.limit.IsMet(sales)
	step := r.within
	if above {
		step = r.above
	}
	c.addStep(step, exact, TextValue(boolText(above)), Input{"sales", MoneyValue(sales)},
		Input{"limit", MoneyValue(r.limit.Amount)})
	return above, c.finishAnswer(&r.compiledRule), nil
}

// salesLimitMethodSpec describes method sales_limit of rule files.
func salesLimitMethodSpec() methodSpec {
	return methodSpec{isQuestion: true, needed: map[string]Kind{"limit": KindThreshold},
		build: func(b *Book, r compiledRule) steppedRule {
			return &salesLimit{questionRule: questionRule{r}, limit: b.thresholdInRole(r.method, "limit")}
		}}
}
