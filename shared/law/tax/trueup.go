package tax

import "fenzhang/shared/money"

// TrueUps compares what was withheld for the periods of f with what the rules give on the rows that
// stand (promise
// P5): after a reversal the two may differ, because a threshold that one payment crossed is crossed
// no more. Excess is positive where too much was withheld and negative where too little. What a
// cumulative method withheld above this month's value waits for the annual settlement and is not
// listed. f.Amount, f.InKind and f.ToDate are ignored.
//
// Errors: as Compute.
func (e *Engine) TrueUps(f Facts, rows []Row) ([]TrueUp, error) {
	f.Amount = money.Fen(1) // any payment has the same item
	item, err := e.DeriveItem(f)
	if err != nil {
		return nil, err
	}
	f.Item = item
	f.Amount = money.Amount{}
	f.InKind = money.Amount{}
	f.ToDate = FoldRows(rows, f)
	res, err := e.computeForPayee(f, e)
	if err != nil {
		return nil, err
	}
	return res.openTrueUps(), nil
}

// openTrueUps lists what the periods of a payment of nothing were withheld too much, and too
// little.
func (r *Result) openTrueUps() []TrueUp {
	list := r.TrueUps
	for _, l := range r.Taxes {
		if l.Due.Positive() {
			list = append(list, TrueUp{Tax: l.Tax, Item: l.Item, Period: l.Period, Excess: l.Due.Neg()})
		}
	}
	return list
}
