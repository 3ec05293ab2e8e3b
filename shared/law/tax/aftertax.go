package tax

import (
	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// grossUpStep is the name of the first step of a payment that was promised net.
const grossUpStep = "gross_up"

// computeAfterTax taxes a payment whose Amount was promised net of tax. The search finds the
// smallest payment that leaves exactly that net after its taxes, on top of the booked rows; the
// payer bears those taxes. Where two roundings coincide and no payment leaves exactly the net, the
// next payment above it is taxed: the creator gets the promised net, and no tax falls short.
//
// Errors: those of ComputeRows; 2001 when no payment in range leaves as much.
func (c *Corpus) computeAfterTax(f Facts, rows []Row) (Result, error) {
	f.AfterTax = false
	want := f.Amount
	// the search computes many payments, so it runs without explanations
	silent := c.NewFigureComputer()
	g, err := searchGross(func(f Facts) (Result, error) {
		res, err := silent.ComputeRows(&f, rows)
		if err != nil {
			return Result{}, err
		}
		return *res, nil
	}, f, want)
	if err != nil {
		return Result{}, err
	}
	f.Amount = g.Amount
	if !g.Exact && g.Above != nil {
		f.Amount = g.Above.Amount
	}
	res, err := c.ComputeRows(f, rows)
	if err != nil {
		return res, err
	}
	res.bearTaxes(want)
	text := bilingual.Text{ZH: "合约约定税后 " + want.String() + " 元，税由支付方负担，还原为税前 " +
		res.Gross.String() + " 元",
		EN: "The contract promises " + want.String() +
			" after tax and the payer bears the tax: that is a payment of " + res.Gross.String() +
			" before it"}
	res.Steps = append(
		[]Step{NewContractStep(grossUpStep, "after_tax", "smallest payment that leaves the net", want,
			res.Gross, nil, text)}, res.Steps...)
	return res, nil
}

// bearTaxes turns the creator's taxes into taxes of the payer, so that exactly the promised net is
// paid.
func (r *Result) bearTaxes(net money.Amount) {
	// the payer bears each tax in full, so that nothing is short and nothing lowers the net
	for i := range r.Taxes {
		l := &r.Taxes[i]
		l.BorneBy = BorneByMCN
		l.Amount = l.Due
		l.Shortfall = money.Amount{}
	}
	r.TotalWithheld, r.Net = money.Amount{}, net
}

// TrueUps returns the open differences of Engine.TrueUps, each tax by the rules of its place.
//
// Errors: those of Compute.
func (c *Corpus) TrueUps(f Facts, rows []Row) ([]TrueUp, error) {
	f.AfterTax = false
	f.Amount = money.Fen(1)
	f.InKind = money.Amount{} // the item does not depend on the amount
	payer, payee, err := c.findEngines(&f)
	if err != nil {
		return nil, err
	}
	item, err := payer.DeriveItem(f)
	if err != nil {
		return nil, err
	}
	f.Item, f.Amount = item, money.Amount{}
	f.ToDate = FoldRows(rows, f)
	res, err := payer.computeForPayee(f, payee)
	if err != nil {
		return nil, err
	}
	return res.openTrueUps(), nil
}
