package period

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
)

// The names of the checks of a period.
const (
	CheckUnexplained    = "unexplained"
	CheckBalances       = "balances"
	CheckTaxRows        = "tax_rows"
	CheckAccruals       = "accruals"
	CheckTrialBalance   = "trial_balance"
	CheckMonthsBefore   = "months_before"
	CheckCarriedForward = "carried_forward"
	CheckContracts      = "contracts"
	CheckFigures        = "figures"
	CheckUnfinished     = "unfinished"
	CheckAccrualDays    = "accrual_days"
	CheckTrueUps        = "true_ups"
	CheckReceipts       = "receipts"
)

// The results of checks. A result Information does not prevent the seal.
const (
	Passed      = "passed"
	Failed      = "failed"
	Information = "information"
	Running     = "running"
)

// Check is one check of a period with its result, and the role that must act when it failed.
type Check struct {
	Name    string         `json:"name"`
	Owner   string         `json:"owner"` // role that must act
	Result  string         `json:"result"`
	Found   int            `json:"found"`
	Details []string       `json:"details"` // the first findings, as text
	Do      bilingual.Text `json:"do"`      // what a person has to do when the check failed
}

// maxDetails is the greatest number of findings that a check lists; Found counts all of them.
const maxDetails = 10

// newChecks returns all checks without findings, in the order in which they are shown.
func newChecks() []Check {
	check := func(name, owner, zh, en string) Check {
		return Check{Name: name, Owner: owner, Result: Running, Details: []string{},
			Do: bilingual.Text{ZH: zh, EN: en}}
	}
	return []Check{
		check(CheckUnexplained, "finance", "逐项查明余额与结算单不符的原因并更正",
			"find why the balance is not what the settlements say, and correct it"),
		check(CheckBalances, "admin", "余额与分录不符：交由系统维护人员核查",
			"a kept balance is not the sum of its entries: have the operator of the system look at it"),
		check(CheckTaxRows, "finance", "核对应交税费与扣缴明细", "compare the taxes payable with the rows withheld"),
		check(CheckAccruals, "finance", "核对暂估激励与日结记录",
			"compare what is accrued with the days that were closed"),
		check(CheckTrialBalance, "finance", "试算不平：查明差额", "debits are not credits: find the difference"),
		check(CheckMonthsBefore, "finance", "先结清更早的会计期间", "close the earlier periods first"),
		check(CheckCarriedForward, "auditor", "期初余额与上期封账余额不符：立即核查",
			"the opening is not what the sealed period before closed with: look at once"),
		check(CheckContracts, "operator", "为待定收入补录合约",
			"record a contract for the income that waits for one"),
		check(CheckFigures, "finance", "补齐规则或资料，使结算单算出税费",
			"close the gap of rules or papers, so that the settlement gets its figures"),
		check(CheckUnfinished, "finance", "等待系统完成未完的动作；一小时后仍在则报告",
			"wait for the system to finish what it began; report what is still there after an hour"),
		check(CheckAccrualDays, "operator", "等待凌晨的激励日结（月末最后一日也记入本期）；仍未结清的，补录缺少的合约或规则后再日结",
			"let the days of incentives close in the night (the month's last day enters this period too); "+
				"where one stays open, record the contract or strategy that it lacks"),
		check(CheckTrueUps, "finance", "对每项补扣补退作出决定", "decide each open true-up"),
		check(CheckReceipts, "finance", "供参考：平台尚未到账的收入",
			"for information: income that platforms have not paid yet"),
	}
}

// Review is one run of the checks over all books of a paying entity. Review may take several calls.
type Review struct {
	// true when each book is fenced against new entries before it is checked
	Sealing  bool         `json:"sealing"`
	By       string       `json:"by"`
	At       time.Time    `json:"at"`
	After    string       `json:"after"` // id of the last book that this review has checked
	Books    int          `json:"books"`
	Complete bool         `json:"complete"`
	Checks   []Check      `json:"checks"`
	Sheet    ledger.Sheet `json:"sheet"`
}

// FailedChecks lists the names of the checks that prevent the seal.
func (r *Review) FailedChecks() []string {
	names := []string{}
	for _, c := range r.Checks {
		if c.Result != Passed && c.Result != Information {
			names = append(names, c.Name)
		}
	}
	return names
}

// addFinding counts a finding for its check and keeps its text when there is room.
func (r *Review) addFinding(f Finding) {
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Name == f.Check {
			if c.Found++; len(c.Details) < maxDetails {
				c.Details = append(c.Details, f.Text)
			}
		}
	}
}

// How many books are listed in one read, and how many are checked at the same time.
const (
	booksListed = 20
	booksAtOnce = 8
)

// reviewBooks checks book after book, until all are checked or the time of the call is used up; the
// next call continues after the last checked book.
func (s *Service) reviewBooks(ctx context.Context, p *Period) error {
	r := &p.Review
	for until := s.Clock.Now().Add(s.reviewBudget()); ; {
		books, err := BooksAfter(ctx, s.Creators, p.Tenant, r.After, booksListed)
		if err != nil {
			return err
		}
		if len(books) == 0 {
			return s.concludeReview(ctx, p)
		}
		found, err := s.checkBooks(ctx, p, books)
		if err != nil {
			return err
		}
		for i, b := range found {
			r.addBook(p, books[i], b)
		}
		r.After = books[len(books)-1]
		r.Books += len(books)
		if !s.Clock.Now().Before(until) {
			return nil
		}
	}
}

// checkBooks checks several books at the same time and returns their contents in the same order.
func (s *Service) checkBooks(ctx context.Context, p *Period, books []string) ([]Book, error) {
	found := make([]Book, len(books))
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, booksAtOnce))
	for i, book := range books {
		work.Go(func() (err error) {
			// After the fence no entry of the period can enter the book, so what is checked here is what
			// will be sealed.
			if p.Review.Sealing {
				err = s.Store.FenceBook(ctx, p.Tenant, book, p.Entity, p.Month)
			}
			if err == nil {
				found[i], err = s.Books.Review(ctx, p.Tenant, p.Entity, book, p.Month)
			}
			return err
		})
	}
	return found, work.Wait()
}

// addBook adds the entries and the findings of one book to the review. Entries of later periods are
// left out.
func (r *Review) addBook(p *Period, book string, b Book) {
	for _, e := range b.Entries {
		switch {
		case e.Accounting == p.Month:
			r.Sheet.AddWithin(e)
		case e.Accounting.Before(p.Month):
			r.Sheet.AddBefore(e)
			// In the first closed period all earlier entries count as a fault: their months should have been
			// closed first.
			if p.First {
				r.addFinding(Finding{CheckMonthsBefore,
					fmt.Sprintf("%s: entry %s of %s", book, e.ID, e.Accounting)})
			}
		}
	}
	for _, f := range b.Findings {
		r.addFinding(f)
	}
}

// BooksAfter lists the next n books of a tenant after the book with the given id: first the
// creators in the order of their ids, then the house book. The list is empty after the last book.
func BooksAfter(ctx context.Context, from Creators, tenant ident.Tenant, after string,
	n int) ([]string, error) {
	if after == keys.HouseBook {
		return nil, nil
	}
	creators, next, err := from.Creators(ctx, tenant, after, n)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(creators)+1)
	for _, c := range creators {
		ids = append(ids, string(c.CreatorID))
	}
	if next == "" {
		ids = append(ids, keys.HouseBook)
	}
	return ids, nil
}

// concludeReview runs the checks that concern no single book, and sets the result of every check.
func (s *Service) concludeReview(ctx context.Context, p *Period) error {
	r := &p.Review
	due, err := s.daysNotAccrued(ctx, *p)
	if err != nil {
		return err
	}
	for _, text := range due {
		r.addFinding(Finding{CheckAccrualDays, text})
	}
	trial, err := s.trialBalance(ctx, p)
	if err != nil {
		return err
	}
	for _, text := range trial.Differs {
		r.addFinding(Finding{CheckTrialBalance, text})
	}
	if err := s.checkCarriedForward(ctx, p, trial); err != nil {
		return err
	}
	// Platforms pay after the month, so income that has not arrived yet is information and no fault.
	if t := r.Sheet[ledger.PlatformClearing]; !t.Closing().IsZero() {
		r.addFinding(Finding{CheckReceipts, string(ledger.PlatformClearing) + ": " +
			t.Closing().String()})
	}
	r.setResults()
	return nil
}

// setResults sets the result of every check by its findings and completes the review.
func (r *Review) setResults() {
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Result = Passed
		if c.Found > 0 {
			c.Result = Failed
		}
		if c.Name == CheckReceipts {
			c.Result = Information
		}
	}
	r.Complete = true
}

// daysNotAccrued lists, as text, the days up to the end of the period whose incentives are not all
// accrued.
func (s *Service) daysNotAccrued(ctx context.Context, p Period) ([]string, error) {
	due, err := s.Days.ListDueDays(ctx, p.Tenant, p.Month.Add(1).First())
	if err != nil {
		return nil, fault.Temporary(err)
	}
	texts := make([]string, len(due))
	for i, day := range due {
		texts[i] = day.String() + ": its incentives are not all accrued"
		if day == p.Month.Last() {
			texts[i] = day.String() +
				": the last day's incentives are not all accrued; days close in the night after them"
		}
	}
	return texts, nil
}

// trialBalance returns the trial balance of the review in the chart of the paying entity.
func (s *Service) trialBalance(ctx context.Context, p *Period) (ledger.TrialBalance, error) {
	chart, err := s.Charts.FindChart(ctx, p.Tenant, p.Entity)
	if err != nil {
		return ledger.TrialBalance{}, err
	}
	return p.Review.Sheet.TrialBalance(chart), nil
}

// checkCarriedForward compares the opening balances with the closing balances that the seal of the
// period before holds.
func (s *Service) checkCarriedForward(ctx context.Context, p *Period,
	trial ledger.TrialBalance) error {
	if p.First {
		return nil
	}
	before, err := s.Store.Period(ctx, p.Tenant, p.Entity, p.Month.Add(-1))
	if err != nil {
		return err
	}
	if before == nil || before.Seal == nil {
		p.Review.addFinding(Finding{CheckCarriedForward, "the period before has no seal"})
		return nil
	}
	closing := ledger.Sheet{}
	for _, r := range before.Seal.Balance.Rows {
		closing.AddOpening(r.Account, r.Closing)
	}
	for _, r := range trial.Rows {
		if r.Opening != closing[r.Account].Opening {
			p.Review.addFinding(Finding{CheckCarriedForward,
				fmt.Sprintf("%s: sealed %s, opening %s", r.Account, closing[r.Account].Opening, r.Opening)})
		}
		delete(closing, r.Account)
	}
	// What remains was sealed with a balance and has no row in this period.
	var gone []string
	for account, t := range closing {
		if !t.Opening.IsZero() {
			gone = append(gone, fmt.Sprintf("%s: sealed %s, opening 0.00", account, t.Opening))
		}
	}
	slices.Sort(gone)
	for _, text := range gone {
		p.Review.addFinding(Finding{CheckCarriedForward, text})
	}
	return nil
}
