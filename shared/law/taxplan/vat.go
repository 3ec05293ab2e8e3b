package taxplan

import (
	"errors"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/law/tax"
)

// vatByDayRule is the VAT of a person by the day, which it files itself where nobody withholds or files
// it.
const vatByDayRule = "vat.natural_person.by_day"

// addPayeeVAT adds the VAT, with its surcharges, that a person owes on labor remuneration on which the
// payer keeps none back. All of a month is paid on one day.
func (d *draft) addPayeeVAT(m int, res *tax.Result) error {
	if res.Item != tax.ItemLabor && res.Item != tax.ItemLaborPlatform {
		return nil
	}
	for i := range res.Taxes {
		if res.Taxes[i].Tax == tax.VAT {
			return nil
		}
	}
	p := d.p
	f := p.paymentInMonth(p.personFacts("natural_person", false), m)
	rule, err := p.national.TurnoverRule(vatByDayRule, f.VATDate)
	var gap *tax.Gap
	if errors.As(err, &gap) {
		d.addUnknown(gap.Rule, gap.Missing)
		return nil
	}
	if err != nil {
		return err
	}
	sales := f.Amount
	if f.VATIncluded {
		sales = rule.ExclusiveSales(f.Amount)
	}
	vat := rule.TaxOnPeriod(tax.PeriodSales{Total: sales})
	if !f.VATIncluded {
		d.gross = d.gross.Add(vat)
		x := &d.ByMonth[len(d.ByMonth)-1]
		x.Income, x.Net = x.Income.Add(vat), x.Net.Add(vat)
	}
	d.addPayeeTax(tax.VAT, vat)
	x := p.rulebook[vatByDayRule]
	d.Steps = append(d.Steps,
		tax.NewEntryStep(&x, "vat.own", "sales of the day x levy rate, from the threshold on",
			bilingual.Text{
				ZH: "{date} 支付方不代扣：不含税销售额 {sales} 的增值税 {result} 由收款人自行申报",
				EN: "On {date} the payer withholds none: the VAT {result} on sales {sales} is filed by the " +
					"payee itself"},
			tax.MoneyValue(vat), tax.Input{Name: "date", Value: tax.DayValue(f.VATDate)},
			tax.Input{Name: "sales", Value: tax.MoneyValue(sales)}))
	for _, kind := range [...]string{tax.UMCT, tax.EDU, tax.LEDU} {
		s, err := p.national.ComputeSurcharge(kind, f.VATDate,
			tax.SurchargeBase{VAT: vat, Sales: sales, Period: "day", Tier: p.payerTier(), Half: true})
		if done, err := d.absorbGapOrBan(err); !done {
			return err
		}
		d.addPayeeTax(kind, s.Payable)
	}
	return nil
}

// addUnknown names something that the figures leave out, once.
func (d *draft) addUnknown(rule string, t bilingual.Text) {
	for _, u := range d.Unknown {
		if u.Rule == rule {
			return
		}
	}
	d.Unknown = append(d.Unknown, tax.Unknown{Rule: rule, Missing: t})
}
