package tax

import (
	"fmt"

	"fenzhang/shared/bilingual"
)

// regime is one compiled rule that decides which item of income a payment is: its condition asks
// about route, paying entity and payee.
type regime struct {
	id     string
	order  int
	when   expression
	value  Regime
	law    []Law
	status Status
	step   stepSpec
}

// compileRegime compiles the condition of a regime in force and prepares the step that explains it.
func compileRegime(d *Definition, v *DatedValue) (*regime, error) {
	when, err := compileExpression(v.Regime.When)
	if err != nil {
		return nil, fmt.Errorf("%s from %s: %w", d.ID, v.From, err)
	}
	r := &regime{id: d.ID, order: d.Order, when: when, value: v.Regime, law: v.Law, status: v.Status}
	r.step = stepSpec{name: "regime", rule: d.ID, formula: "regime(route, paying entity, taxpayer)",
		law: v.Law, status: v.Status, wording: v.Regime.Text}
	return r, nil
}

// chooseRegime finds the first regime of the book whose condition matches the payment, sets the
// item of income, and records the choice as a step. A forced item of the facts is checked against
// the regime.
//
// Errors: *Gap when no regime matches; *Forbidden when the regime refuses the payment, or forbids
// the forced item.
func (c *Calculation) chooseRegime(b *Book) error {
	var r *regime
	for _, x := range b.regimes {
		if x.when.isTrue(c) {
			r = x
			break
		}
	}
	f := c.facts
	if r == nil {
		return &Gap{Rule: "regime", On: f.PaymentDate, Missing: bilingual.Text{
			ZH: "尚无规则说明该类收款人（" + f.Taxpayer.Kind + "）在该通道下适用何种征税方式",
			EN: "no rule says which regime a " + f.Taxpayer.Kind + " has on this route"}}
	}
	if r.value.Refuse != "" {
		return &Forbidden{Item: f.Item, Reason: r.value.Refuse, Rule: r.id, Why: r.value.Text, Law: r.law}
	}
	c.item = r.value.Item
	if f.Item != "" && f.Item != r.value.Item {
		if err := r.checkForcedItem(f.Item); err != nil {
			return err
		}
		c.item = f.Item
	}
	if r.status != Confirmed {
		c.addUnconfirmed(r.id)
	}
	c.addStep(&r.step, exact, TextValue(c.item),
		Input{"route", TextValue(c.factText(factRoute))}, Input{"kind", TextValue(f.Taxpayer.Kind)},
		Input{"resident", TextValue(c.factText(factResident))},
		Input{"platform", TextValue(f.Platform)},
		Input{"platform_filing", TextValue(c.factText(factFiled))},
		Input{"payment_date", DayValue(f.PaymentDate)})
	return nil
}

// checkForcedItem returns *Forbidden when the law does not let a payment of this regime be treated
// as the forced item, and nil when the regime allows it. The ban of an item has its own article.
func (r *regime) checkForcedItem(item string) error {
	for _, b := range r.value.Bans {
		if b.Item == item {
			return &Forbidden{Item: item, Reason: "item_forbidden", Rule: r.id, Why: b.Why, Law: b.Law}
		}
	}
	for _, a := range r.value.Allows {
		if a == item {
			return nil
		}
	}
	return &Forbidden{Item: item, Reason: "item_forbidden", Rule: r.id, Law: r.law,
		Why: bilingual.Text{
			ZH: "该笔支付属于" + r.value.Item + "，不得按" + item + "处理",
			EN: "this payment is " + r.value.Item + " and may not be treated as " + item}}
}
