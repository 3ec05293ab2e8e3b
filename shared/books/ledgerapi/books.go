package ledgerapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// These constants say how many books one list returns, and how many books are read at the same
// time.
const (
	booksPerList   = 50
	maxBookReaders = 8
)

// These are the values of the field basis: on which figures a trial balance is based.
const (
	// basisBalances: the trial balance shows the stored balances at the time of the request.
	basisBalances = "balances"
	// basisAt: the trial balance sums the journal entries up to an instant.
	basisAt = "at"
	// basisPeriod: the trial balance sums the journal entries of an accounting period.
	basisPeriod = "period"
)

// trialAnswer is the response body of a trial balance, or of a part of it when there are more books
// than one request can read.
type trialAnswer struct {
	Entity ident.Entity `json:"paying_entity"`
	Basis  string       `json:"basis"`
	At     *time.Time   `json:"at"`
	// Period is null unless the request names an accounting period.
	Period civil.Month `json:"period"`
	// Books is the number of books that were read so far.
	Books int `json:"books"`
	ledger.TrialBalance
	// Complete is true when all books were read; otherwise NextCursor continues and carries the sums.
	Complete   bool    `json:"complete"`
	NextCursor *string `json:"next_cursor"`
}

// trialWalk is the progress of a trial balance: the last book that was read, the number of books,
// and their sums. It is the content of the cursor.
type trialWalk struct {
	After string       `json:"b"`
	Books int          `json:"n"`
	Sheet ledger.Sheet `json:"s"`
}

// readTrialBalance handles GET /v1/ledger/trial-balance. It reads as many books as the time budget
// allows; the cursor of an incomplete answer carries the sums so far.
func (a API) readTrialBalance(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	ans := trialAnswer{Entity: ident.Entity(q.readID("paying_entity", true)),
		Period: q.readMonth("period"),
		Basis:  basisBalances}
	at := q.readInstant("at")
	walk := trialWalk{}
	q.decodeCursor(&walk)
	q.problems.AddIf(!at.IsZero() && !ans.Period.IsZero(), "period",
		"cannot be given together with at")
	if err := q.problems.Err(); err != nil {
		return httpapi.Response{}, err
	}
	// Without a cursor the trial balance begins with an empty sheet.
	if walk.Sheet == nil {
		walk.Sheet = ledger.Sheet{}
	}
	if err := a.checkEntity(ctx, r.Tenant, string(ans.Entity)); err != nil {
		return httpapi.Response{}, err
	}
	if err := a.readBooks(ctx, r.Tenant, &walk, a.chooseBookReader(r.Tenant, at, &ans)); err != nil {
		return httpapi.Response{}, err
	}
	chart, err := a.FindChart(ctx, r.Tenant, ans.Entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans.TrialBalance = walk.Sheet.TrialBalance(chart)
	ans.Books = walk.Books
	ans.Complete = walk.After == ""
	if !ans.Complete {
		ans.NextCursor, err = encodeCursor(walk)
	}
	return httpapi.OK(ans), err
}

// chooseBookReader returns the reader of books for a trial balance, and notes in the answer what
// the trial balance is based on: an instant, an accounting period, or otherwise the stored
// balances.
func (a API) chooseBookReader(tenant ident.Tenant, at time.Time, ans *trialAnswer) bookReader {
	switch {
	case !at.IsZero():
		ans.Basis = basisAt
		ans.At = &at
		return a.journalReader(tenant, ans.Entity, func(s ledger.Sheet, e ledger.Entry) {
			addThroughInstant(s, e, at)
		})
	case !ans.Period.IsZero():
		ans.Basis = basisPeriod
		period := ans.Period
		return a.journalReader(tenant, ans.Entity, func(s ledger.Sheet, e ledger.Entry) {
			addToPeriod(s, e, period)
		})
	}
	return a.balancesReader(tenant, ans.Entity)
}

// addThroughInstant adds an entry to a trial balance at an instant. Entries before the calendar
// month of the instant make the opening balance, entries of the month up to the instant the
// turnover; later entries are left out.
func addThroughInstant(s ledger.Sheet, e ledger.Entry, at time.Time) {
	switch began := civil.MonthOf(at).First().Start(); {
	case e.At.After(at):
	case e.At.Before(began):
		s.AddBefore(e)
	default:
		s.AddWithin(e)
	}
}

// addToPeriod adds an entry to the trial balance of an accounting period: as opening balance when
// its own period is earlier, as turnover when it is the same.
func addToPeriod(s ledger.Sheet, e ledger.Entry, m civil.Month) {
	if e.Accounting.Before(m) {
		s.AddBefore(e)
	} else if e.Accounting == m {
		s.AddWithin(e)
	}
}

// bookReader reads one book and adds its figures to a sheet.
type bookReader func(ctx context.Context, book string, into ledger.Sheet) error

// balancesReader returns a reader of the stored balances at a paying entity.
func (a API) balancesReader(tenant ident.Tenant, entity ident.Entity) bookReader {
	return func(ctx context.Context, book string, into ledger.Sheet) error {
		all, err := a.Journal.Balances(ctx, tenant, ident.Creator(book))
		// A failed read has no balances, so that the loop does nothing and the error is returned.
		for account, amount := range all[string(entity)] {
			into.AddOpening(account, amount)
		}
		return err
	}
}

// journalReader returns a reader that adds each journal entry at a paying entity to the sheet.
func (a API) journalReader(tenant ident.Tenant, entity ident.Entity,
	addEntry func(ledger.Sheet, ledger.Entry)) bookReader {
	return func(ctx context.Context, book string, into ledger.Sheet) error {
		for after := ""; ; {
			page, next, err := a.Journal.EntriesPage(ctx, tenant, book, after, maxJournalEntries)
			if err != nil {
				return err
			}
			// A creator's book has the entries of all paying entities.
			for _, e := range page {
				if e.Entity == entity {
					addEntry(into, e)
				}
			}
			if after = next; after == "" {
				return nil
			}
		}
	}
}

// readBooks reads books until the time budget is spent, or until all books are read; then After is
// "".
func (a API) readBooks(ctx context.Context, tenant ident.Tenant, w *trialWalk,
	read bookReader) error {
	budget := a.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	for until := a.Clock.Now().Add(budget); ; {
		books, err := period.BooksAfter(ctx, a.Creators, tenant, w.After, booksPerList)
		if err != nil {
			return err
		}
		if len(books) == 0 {
			w.After = ""
			return nil
		}
		if err := a.readBooksAtOnce(ctx, books, w.Sheet, read); err != nil {
			return err
		}
		w.After = books[len(books)-1]
		w.Books += len(books)
		// The time is checked after each list of books, so that every request makes progress.
		if !a.Clock.Now().Before(until) {
			return nil
		}
	}
}

// readBooksAtOnce reads some books at the same time and adds their figures to a sheet.
func (a API) readBooksAtOnce(ctx context.Context, books []string, into ledger.Sheet,
	read bookReader) error {
	var mu sync.Mutex
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, maxBookReaders))
	for _, book := range books {
		work.Go(func() error {
			// Each book has a sheet for itself, so that only adding needs the lock.
			own := ledger.Sheet{}
			if err := read(ctx, book, own); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			into.AddSheet(own)
			return nil
		})
	}
	return work.Wait()
}

// balancesAnswer is the response body with the account balances of a creator.
type balancesAnswer struct {
	CreatorID ident.Creator `json:"creator_id"`
	At        *time.Time    `json:"at"`
	Books     []bookBalance `json:"books"`
}

// bookBalance lists the balances of a creator's accounts at one paying entity.
type bookBalance struct {
	Entity   ident.Entity     `json:"paying_entity"`
	Accounts []accountBalance `json:"accounts"`
}

// accountBalance is the balance of one account, with its code in the chart of the paying entity.
type accountBalance struct {
	Code    string         `json:"code"`
	Account ledger.Account `json:"account"`
	Balance money.Amount   `json:"balance"`
}

// readCreatorBalances handles GET /v1/ledger/balances: the stored balances of a creator's accounts,
// or those at an instant, summed from the journal.
func (a API) readCreatorBalances(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	creator, at := q.readID("creator_id", true), q.readInstant("at")
	if err := q.problems.Err(); err != nil {
		return httpapi.Response{}, err
	}
	ans := balancesAnswer{CreatorID: ident.Creator(creator), Books: []bookBalance{}}
	if err := a.checkCreator(ctx, r.Tenant, creator); err != nil {
		return httpapi.Response{}, err
	}
	// Without an instant the stored balances are shown, and the journal is not read.
	if at.IsZero() {
		stored, err := a.Journal.Balances(ctx, r.Tenant, ident.Creator(creator))
		if err != nil {
			return httpapi.Response{}, err
		}
		return a.balancesResponse(ctx, r.Tenant, ans, stored)
	}
	ans.At = &at
	entries, err := a.Journal.Entries(ctx, r.Tenant, ident.Creator(creator))
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.balancesResponse(ctx, r.Tenant, ans, balancesAt(entries, at))
}

// balancesAt sums up the entries that were posted up to an instant, by paying entity and account.
func balancesAt(entries []ledger.Entry, at time.Time) map[string]map[ledger.Account]money.Amount {
	sums := map[string]map[ledger.Account]money.Amount{}
	for _, e := range entries {
		if e.At.After(at) {
			continue
		}
		if sums[string(e.Entity)] == nil {
			sums[string(e.Entity)] = map[ledger.Account]money.Amount{}
		}
		for _, p := range e.Postings {
			sums[string(e.Entity)][p.Account] = sums[string(e.Entity)][p.Account].Add(p.Amount)
		}
	}
	return sums
}

// checkCreator returns fault.MissingObject when the tenant has no such creator.
func (a API) checkCreator(ctx context.Context, tenant ident.Tenant, id string) error {
	if _, there, err := a.Master.LatestVersion(ctx, tenant, tenancy.KindCreator, id); err != nil ||
		there {
		return err
	}
	return fault.MissingObject("creator")
}
