package tax

import "fenzhang/shared/civil"

// CheckCollectionMethod returns nil when the law lets a payee's business income be taxed by the
// payee's collection method. Streamers' studios and holders of equity must keep books, so other
// methods are forbidden to them.
//
// Errors: *Forbidden with the article where the law forbids the method; *Gap before the first day
// of the pack.
func (e *Engine) CheckCollectionMethod(on civil.Date, payee Taxpayer, incomeType string) error {
	b, err := e.bookOn(on)
	if err != nil {
		return err
	}
	c := newCalculation(&Facts{PaymentDate: on, VATDate: on, Route: "studio_invoice", Taxpayer: payee,
		IncomeType: incomeType}, &Result{})
	for _, r := range b.regimes {
		if r.value.Refuse != "" && r.when.isTrue(c) {
			return &Forbidden{Item: ItemBusiness, Reason: r.value.Refuse, Rule: r.id, Why: r.value.Text,
				Law: r.law}
		}
	}
	return nil
}
