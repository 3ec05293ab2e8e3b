package ledger

import (
	"cmp"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// Turnover is what one account held at the beginning of a span of time and what was posted to it
// within the span. Debits are positive; Credit is the sum of the credits without their sign.
type Turnover struct {
	Opening money.Amount `json:"opening"`
	Debit   money.Amount `json:"debit"`
	Credit  money.Amount `json:"credit"`
}

// Closing returns what the account holds at the end of the span.
func (t Turnover) Closing() money.Amount { return t.Opening.Add(t.Debit).Sub(t.Credit) }

// plus returns the sum of two turnovers of the same account and span.
func (t Turnover) plus(other Turnover) Turnover {
	return Turnover{t.Opening.Add(other.Opening), t.Debit.Add(other.Debit),
		t.Credit.Add(other.Credit)}
}

// Sheet sums journal entries by account for a span of time. The size of Sheet depends on the number
// of accounts and not of entries, so a journal of any length can be summed.
type Sheet map[Account]Turnover

// AddBefore adds an entry from before the span to the opening balances.
func (s Sheet) AddBefore(e Entry) {
	for _, p := range e.Postings {
		s.AddOpening(p.Account, p.Amount)
	}
}

// AddOpening adds an amount to the opening balance of an account.
func (s Sheet) AddOpening(a Account, amount money.Amount) {
	t := s[a]
	t.Opening = t.Opening.Add(amount)
	s[a] = t
}

// AddWithin adds an entry of the span to the debits and credits.
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
func (s Sheet) AddSheet(other Sheet) {
	for a, t := range other {
		s[a] = s[a].plus(t)
	}
}

// TrialRow is the row of one account in a trial balance.
type TrialRow struct {
	Code    string         `json:"code"`
	Account Account        `json:"account"`
	Name    bilingual.Text `json:"name"`
	Type    string         `json:"type"`
	Side    string         `json:"side"`
	Turnover
	Closing money.Amount `json:"closing"`
}

// TrialTotals are the totals of a trial balance: debits and credits at the beginning, of the
// turnover, and at the end.
type TrialTotals struct {
	OpeningDebit  money.Amount `json:"opening_debit"`
	OpeningCredit money.Amount `json:"opening_credit"`
	Debit         money.Amount `json:"debit"`
	Credit        money.Amount `json:"credit"`
	ClosingDebit  money.Amount `json:"closing_debit"`
	ClosingCredit money.Amount `json:"closing_credit"`
}

// addRow adds the row of one account to the totals.
func (t *TrialTotals) addRow(r TrialRow) {
	t.Debit = t.Debit.Add(r.Debit)
	t.Credit = t.Credit.Add(r.Credit)
	addSigned := func(debit, credit *money.Amount, amount money.Amount) {
		*debit = debit.Add(money.Max(amount, money.Amount{}))
		*credit = credit.Add(money.Max(amount.Neg(), money.Amount{}))
	}
	addSigned(&t.OpeningDebit, &t.OpeningCredit, r.Opening)
	addSigned(&t.ClosingDebit, &t.ClosingCredit, r.Closing)
}

// TrialBalance is a trial balance (试算平衡表) with the account codes of a paying entity.
type TrialBalance struct {
	Rows   []TrialRow  `json:"rows"`
	Totals TrialTotals `json:"totals"`
	// Differs lists what is wrong: debits that do not equal credits, and accounts that the chart
	// lacks. Differs is empty when the books balance.
	Differs []string `json:"differs"`
}

// TrialBalance returns the trial balance of the sheet; accounts without balance and turnover are
// left out.
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
		t.Totals.addRow(r)
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
