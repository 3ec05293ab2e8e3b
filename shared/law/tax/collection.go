package tax

import "fenzhang/shared/civil"

// Collectible tells whether the law lets a payee's business income be taxed by its collection
// method; nil means it does. Streamers' studios and holders of equity must keep books.
//
// Errors: *Forbidden with the article where the law forbids it; *Gap before the first day of the
// pack.
func (e *Engine) Collectible(on civil.Date, payee Taxpayer, incomeType string) error {
	b, err := e.book(on)
	if err != nil {
		return err
	}
	c := start(&Facts{PaymentDate: on, VATDate: on, Route: "studio_invoice", Taxpayer: payee,
		IncomeType: incomeType}, &Result{})
	for _, r := range b.regimes {
		if r.rule.Refuse != "" && r.when.holds(c) {
			return &Forbidden{Item: ItemBusiness, Reason: r.rule.Refuse, Rule: r.id, Why: r.rule.Text,
				Law: r.law}
		}
	}
	return nil
}
