package lawdiff

import (
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
)

// MonthsToRefile lists the filed months, from one on, whose rows are no longer those that the
// return was made of, with every later filed month of an item that is withheld cumulatively as long
// as the year's totals differ. Kind is the taxpayer's; was are the rows as each month's return was
// filed, now those that stand.
//
// Errors: none that rows of the engine cause.
func MonthsToRefile(kind string, was, now []tax.Row, filed Filed, from civil.Month,
	d LatenessRules) ([]Amendment, error) {
	p := Person{taxpayer: kind, booked: was, recomputed: now}
	list, err := p.Amendments(filed, d)
	return slices.DeleteFunc(list, func(a Amendment) bool { return a.Month.Before(from) }), err
}
