package main

import (
	"cmp"
	"slices"

	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// statementKey identifies one statement: a creator's income of one type in one month.
type statementKey struct {
	creator    ident.Creator
	incomeType string
	period     civil.Month
}

// tally adds up the income, in fen, that each statement must contain.
type tally map[statementKey]int64

// add adds income, in fen, to the statement of a creator's month.
func (t tally) add(m member, incomeType string, period civil.Month, fen int64) {
	t[statementKey{ident.Creator(m.id), incomeType, period}] += fen
}

// sortedStatements returns the expected statements in a fixed order.
func (t tally) sortedStatements(tenant ident.Tenant) []income.Expected {
	out := make([]income.Expected, 0, len(t))
	for w, fen := range t {
		out = append(out, income.Expected{
			Tenant: tenant, CreatorID: w.creator, IncomeType: w.incomeType, Period: w.period,
			ActivityID: "stmt:" + w.incomeType + ":" + w.period.String(), PayOn: payDay(w.period),
			Gross: money.Fen(fen),
		})
	}
	slices.SortFunc(out, func(a, b income.Expected) int {
		return cmp.Or(cmp.Compare(a.Period.String(), b.Period.String()),
			cmp.Compare(a.CreatorID, b.CreatorID), cmp.Compare(a.IncomeType, b.IncomeType))
	})
	return out
}

// serviceMonths returns the months of the demo.
func serviceMonths() []civil.Month {
	first := civil.MustMonth("2026-08")
	return []civil.Month{first, first.Add(1), first.Add(2)}
}

// payDay returns the 15th of the next month, or the Monday after it when it falls on a weekend; no
// holiday falls on the pay days of the demo.
func payDay(period civil.Month) civil.Date {
	day := period.Add(1).Day(15)
	for day.Weekday() == 0 || day.Weekday() == 6 {
		day = day.AddDays(1)
	}
	return day
}

// fixedFen are the distributable amounts of the worked cases, by creator, type and month, from
// August on. docs/worked-cases.md explains what follows from them.
var fixedFen = map[string]map[string][3]int64{
	"c001": {liveTip: {2500_00, 40000_00, 7070_00}, commerce: {2875_00, 45000_00, 7322_50}},
	"c002": {liveTip: {2500_00, 40000_00, 7070_00}, commerce: {2875_00, 45000_00, 7322_50}},
	"c003": {liveTip: {126250_00, 63125_00, 25250_00}},
	"c004": {commerce: {12625_00, 12625_00, 12625_00}},
	"c005": {commerce: {1262_50, 1262_50, 1262_50}},
	"c006": {commerce: {1262_49, 1262_49, 1262_49}},
	"s001": {liveTip: {0, 5000_00, 20200_00}},
	"s002": {liveTip: {0, 3000_00, 1683_00}},
}

// plannedTotal returns what the agency receives for a creator, a type and a month, in fen; 0 for
// nothing.
func (m member) plannedTotal(r *random, incomeType string, month int) int64 {
	if m.fixed {
		return fixedFen[m.id][incomeType][month]
	}
	steady := m.entity == platEntity && incomeType == liveTip // a break month is open law
	if !m.earns[incomeType] || !steady &&
		r.chance(map[string]int{liveTip: 10, commerce: 13, xingtu: 45}[incomeType]) {
		return 0
	}
	switch incomeType {
	case liveTip:
		if m.id == "c009" {
			return []int64{60000_00, 310000_00, 82000_00}[month]
		}
		return r.between(600, 4000) * r.between(1, 5) * 100 / 10 * 10
	case commerce:
		return r.between(500_00, 3000_00) * r.between(1, 4)
	default:
		return r.between(1500_00, 9000_00) * r.between(1, 3)
	}
}
