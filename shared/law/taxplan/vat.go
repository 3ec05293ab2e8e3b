package taxplan

import (
	"errors"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// vatByDayRule is the id of the rule on a natural person's VAT per day (按次纳税). The person declares
// this VAT itself unless the payer withholds or files it.
const vatByDayRule = "vat.natural_person.by_day"

// addPayeeVAT adds the VAT and surcharges that a person must declare itself on labor remuneration,
// if the payer withholds no VAT. The whole income of a month is paid on one day, so it is the
// turnover of that day.
func (d *draft) addPayeeVAT(m int, res *tax.Result) error {
	if res.Item != tax.ItemLabor && res.Item != tax.ItemLaborPlatform {
		return nil
	}
	isVAT := func(l tax.Line) bool { return l.Tax == tax.VAT }
	if slices.ContainsFunc(res.Taxes, isVAT) { // the payer withholds the VAT
		return nil
	}
	p := d.p
	f := p.paymentInMonth(p.personFacts("natural_person", false), m)
	rule, err := p.national.TurnoverRule(vatByDayRule, f.VATDate)
	var gap *tax.Gap
	if errors.As(err, &gap) {
		d.addUnknownFact(gap.Rule, gap.Missing)
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
	if !f.VATIncluded { // the payer pays the VAT on top of the amount
		d.gross = d.gross.Add(vat)
		x := &d.ByMonth[len(d.ByMonth)-1]
		x.Income = x.Income.Add(vat)
		x.Net = x.Net.Add(vat)
	}
	d.addPayeeTax(tax.VAT, vat)
	x := p.rulebook[vatByDayRule]
	wording := bilingual.Text{
		ZH: "{date} 支付方不代扣：不含税销售额 {sales} 的增值税 {result} 由收款人自行申报",
		EN: "On {date} the payer withholds none: the VAT {result} on sales {sales} is filed by the " +
			"payee itself"}
	d.Steps = append(d.Steps,
		tax.NewEntryStep(&x, "vat.own", "sales of the day x levy rate, from the threshold on", wording,
			tax.MoneyValue(vat), tax.Input{Name: "date", Value: tax.DayValue(f.VATDate)},
			tax.Input{Name: "sales", Value: tax.MoneyValue(sales)}))
	return d.addPayeeSurcharges(f.VATDate, vat, sales)
}

// addPayeeSurcharges adds the surcharges on a VAT that the payee declares itself.
func (d *draft) addPayeeSurcharges(on civil.Date, vat, sales money.Amount) error {
	base := tax.SurchargeBase{VAT: vat, Sales: sales, Period: "day", Tier: d.p.payerTier(), Half: true}
	for _, kind := range [...]string{tax.UMCT, tax.EDU, tax.LEDU} {
		s, err := d.p.national.ComputeSurcharge(kind, on, base)
		if done, err := d.absorbGapOrBan(err); !done {
			return err
		}
		d.addPayeeTax(kind, s.Payable)
	}
	return nil
}

// addUnknownFact lists something that the figures leave out, unless it is listed already.
func (d *draft) addUnknownFact(rule string, t bilingual.Text) {
	for _, u := range d.Unknown {
		if u.Rule == rule {
			return
		}
	}
	d.Unknown = append(d.Unknown, tax.Unknown{Rule: rule, Missing: t})
}
