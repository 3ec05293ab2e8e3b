package lawdiff

import (
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
)

// MonthsToRefile lists the filed months, beginning with the given month, whose tax rows have
// changed since the return was filed. For an item that is withheld cumulatively it also lists every
// later filed month, as long as the totals of the year differ. Kind is the kind of the taxpayer;
// was are the rows at the time each month was filed, now are the current rows.
//
// Errors: none for rows that the tax engine has written.
func MonthsToRefile(kind string, was, now []tax.Row, filed Filed, from civil.Month,
	d LatenessRules) ([]Amendment, error) {
	p := Person{taxpayer: kind, booked: was, recomputed: now}
	list, err := p.Amendments(filed, d)
	return slices.DeleteFunc(list, func(a Amendment) bool { return a.Month.Before(from) }), err
}
