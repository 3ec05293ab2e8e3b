package tax

import "fenzhang/shared/money"

// TrueUps compares the tax withheld for the periods of f with the tax that the rules give on the
// rows that are still booked. After a reversal the two may differ, because a threshold that one
// payment crossed is no longer crossed. Excess is positive where too much was withheld and negative
// where too little. Tax that a cumulative method withheld above this month's value waits for the
// annual settlement and is not listed. f.Amount, f.InKind and f.ToDate are ignored.
//
// Errors: those of Compute.
func (e *Engine) TrueUps(f Facts, rows []Row) ([]TrueUp, error) {
	f.Amount = money.Fen(1) // the item does not depend on the amount
	item, err := e.DeriveItem(f)
	if err != nil {
		return nil, err
	}
	// with a payment of zero, each line's due is exactly what is missing in the period
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

// openTrueUps lists, for the result of a payment of zero, the taxes of which too much or too little
// was withheld.
func (r *Result) openTrueUps() []TrueUp {
	list := r.TrueUps
	for _, l := range r.Taxes {
		if l.Due.Positive() {
			list = append(list, TrueUp{Tax: l.Tax, Item: l.Item, Period: l.Period, Excess: l.Due.Neg()})
		}
	}
	return list
}
