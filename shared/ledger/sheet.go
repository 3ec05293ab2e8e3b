package ledger

import (
	"cmp"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// Turnover is what an account held at the beginning of a span of time and what was posted to it within;
// debits are positive. Credit is the sum of the credits without their sign.
type Turnover struct {
	Opening money.Amount `json:"opening"`
	Debit   money.Amount `json:"debit"`
	Credit  money.Amount `json:"credit"`
}

// Closing is what the account holds at the end.
func (t Turnover) Closing() money.Amount { return t.Opening.Add(t.Debit).Sub(t.Credit) }

func (t Turnover) add(o Turnover) Turnover {
	return Turnover{t.Opening.Add(o.Opening), t.Debit.Add(o.Debit), t.Credit.Add(o.Credit)}
}

// Sheet sums entries by account. It grows with the accounts and not with the entries, so a journal
// of any length streams through one.
type Sheet map[Account]Turnover

// AddBefore adds an entry from before the span.
func (s Sheet) AddBefore(e Entry) {
	for _, p := range e.Postings {
		s.AddOpening(p.Account, p.Amount)
	}
}

// AddOpening adds to what an account held at the beginning.
func (s Sheet) AddOpening(a Account, amount money.Amount) {
	t := s[a]
	t.Opening = t.Opening.Add(amount)
	s[a] = t
}

// AddWithin adds an entry of the span.
func (s Sheet) AddWithin(e Entry) {
	for _, p := range e.Postings {
		t := s[p.Account]
		if p.Amount.Negative() {
			t.Credit = t.Credit.Sub(p.Amount)
		} else {
			t.Debit = t.Debit.Add(p.Amount)
		}
		s[p.Account] = t
	}
}

// AddSheet adds another sheet of the same span.
func (s Sheet) AddSheet(o Sheet) {
	for a, t := range o {
		s[a] = s[a].add(t)
	}
}

// TrialRow is one account of a trial balance.
type TrialRow struct {
	Code    string         `json:"code"`
	Account Account        `json:"account"`
	Name    bilingual.Text `json:"name"`
	Type    string         `json:"type"`
	Side    string         `json:"side"`
	Turnover
	Closing money.Amount `json:"closing"`
}

// TrialTotals are the two columns of a trial balance three times: at the beginning, of the
// turnover, at the end.
type TrialTotals struct {
	OpeningDebit  money.Amount `json:"opening_debit"`
	OpeningCredit money.Amount `json:"opening_credit"`
	Debit         money.Amount `json:"debit"`
	Credit        money.Amount `json:"credit"`
	ClosingDebit  money.Amount `json:"closing_debit"`
	ClosingCredit money.Amount `json:"closing_credit"`
}

func (t *TrialTotals) add(r TrialRow) {
	t.Debit, t.Credit = t.Debit.Add(r.Debit), t.Credit.Add(r.Credit)
	side := func(debit, credit *money.Amount, amount money.Amount) {
		*debit = debit.Add(money.MaxOf(amount, money.Amount{}))
		*credit = credit.Add(money.MaxOf(amount.Neg(), money.Amount{}))
	}
	side(&t.OpeningDebit, &t.OpeningCredit, r.Opening)
	side(&t.ClosingDebit, &t.ClosingCredit, r.Closing)
}

// TrialBalance is a trial balance (试算平衡表) in a paying entity's codes.
type TrialBalance struct {
	Rows   []TrialRow  `json:"rows"`
	Totals TrialTotals `json:"totals"`
	// Differs names what is wrong: debits that are not credits, accounts that the chart lacks. Empty
	// when the books agree.
	Differs []string `json:"differs"`
}

// TrialBalance makes the trial balance of a sheet; accounts that never moved are left out.
func (s Sheet) TrialBalance(c Chart) TrialBalance {
	t := TrialBalance{Rows: []TrialRow{}, Differs: []string{}}
	for account, turn := range s {
		if turn == (Turnover{}) {
			continue
		}
		in, known := c.FindAccount(account)
		if !known {
			t.Differs = append(t.Differs, string(account)+" is not in the chart")
		}
		r := TrialRow{Code: in.Code, Account: account, Name: in.Name, Type: in.Type, Side: in.Side,
			Turnover: turn, Closing: turn.Closing()}
		t.Rows = append(t.Rows, r)
		t.Totals.add(r)
	}
	slices.SortFunc(t.Rows, func(a, b TrialRow) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Account, b.Account))
	})
	slices.Sort(t.Differs)
	for _, pair := range []struct {
		name          string
		debit, credit money.Amount
	}{{"opening", t.Totals.OpeningDebit, t.Totals.OpeningCredit},
		{"turnover", t.Totals.Debit, t.Totals.Credit},
		{"closing", t.Totals.ClosingDebit, t.Totals.ClosingCredit}} {
		if pair.debit != pair.credit {
			t.Differs = append(t.Differs, pair.name+": debits of "+pair.debit.String()+" and credits of "+
				pair.credit.String()+" differ by "+pair.debit.Sub(pair.credit).String())
		}
	}
	return t
}
