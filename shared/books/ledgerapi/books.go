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

// The reading of books: how many are listed at once, and how many read at the same time.
const (
	booksListed = 50
	booksAtOnce = 8
)

// The bases of a trial balance.
const (
	basisBalances = "balances" // the kept balances as they stand
	basisAt       = "at"       // the journal up to an instant
	basisPeriod   = "period"   // the journal by accounting period
)

// trialAnswer is a trial balance, or a part of it where there are more books than one answer can
// read.
type trialAnswer struct {
	Entity ident.Entity `json:"paying_entity"`
	Basis  string       `json:"basis"`
	At     *time.Time   `json:"at"`
	Period civil.Month  `json:"period"` // null unless asked for
	Books  int          `json:"books"`  // read so far
	ledger.TrialBalance
	// Complete tells that all books were read; otherwise NextCursor goes on and carries the sums.
	Complete   bool    `json:"complete"`
	NextCursor *string `json:"next_cursor"`
}

// trialWalk is how far a trial balance has come.
type trialWalk struct {
	After string       `json:"b"`
	Books int          `json:"n"`
	Sheet ledger.Sheet `json:"s"`
}

func (a API) trialBalance(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	ans := trialAnswer{Entity: ident.Entity(q.id("paying_entity", true)), Period: q.month("period"),
		Basis: basisBalances}
	at := q.instant("at")
	walk := trialWalk{}
	q.cursor(&walk)
	q.wrong(!at.IsZero() && !ans.Period.IsZero(), "period", "cannot be given together with at")
	if err := q.err(); err != nil {
		return httpapi.Response{}, err
	}
	if walk.Sheet == nil {
		walk.Sheet = ledger.Sheet{}
	}
	if err := a.entity(ctx, r.Tenant, string(ans.Entity)); err != nil {
		return httpapi.Response{}, err
	}
	read := a.kept(r.Tenant, ans.Entity)
	switch {
	case !at.IsZero():
		ans.Basis, ans.At = basisAt, &at
		read = a.folded(r.Tenant, ans.Entity, func(s ledger.Sheet, e ledger.Entry) { upTo(s, e, at) })
	case !ans.Period.IsZero():
		ans.Basis = basisPeriod
		read = a.folded(r.Tenant, ans.Entity, func(s ledger.Sheet, e ledger.Entry) {
			ofPeriod(s, e, ans.Period)
		})
	}
	if err := a.walk(ctx, r.Tenant, &walk, read); err != nil {
		return httpapi.Response{}, err
	}
	chart, err := a.Chart(ctx, r.Tenant, ans.Entity)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans.TrialBalance = walk.Sheet.TrialBalance(chart)
	ans.Books = walk.Books
	ans.Complete = walk.After == ""
	if !ans.Complete {
		ans.NextCursor, err = pack(walk)
	}
	return httpapi.OK(ans), err
}

// upTo takes an entry into the sheet of the calendar month of an instant, up to that instant and
// with it.
func upTo(s ledger.Sheet, e ledger.Entry, at time.Time) {
	switch began := civil.MonthOf(at).First().Start(); {
	case e.At.After(at):
	case e.At.Before(began):
		s.AddBefore(e)
	default:
		s.AddWithin(e)
	}
}

// ofPeriod takes an entry into the sheet of an accounting period.
func ofPeriod(s ledger.Sheet, e ledger.Entry, m civil.Month) {
	if e.Accounting.Before(m) {
		s.AddBefore(e)
	} else if e.Accounting == m {
		s.AddWithin(e)
	}
}

// reading reads one book into a sheet.
type reading func(ctx context.Context, book string, into ledger.Sheet) error

// kept reads the balances as they are kept.
func (a API) kept(tenant ident.Tenant, entity ident.Entity) reading {
	return func(ctx context.Context, book string, into ledger.Sheet) error {
		all, err := a.Journal.Balances(ctx, tenant, ident.Creator(book))
		for account, amount := range all[string(entity)] {
			into.AddOpening(account, amount)
		}
		return err
	}
}

// folded reads the journal.
func (a API) folded(tenant ident.Tenant, entity ident.Entity,
	take func(ledger.Sheet, ledger.Entry)) reading {
	return func(ctx context.Context, book string, into ledger.Sheet) error {
		for after := ""; ; {
			page, next, err := a.Journal.EntriesPage(ctx, tenant, book, after, journalPage)
			if err != nil {
				return err
			}
			for _, e := range page {
				if e.Entity == entity {
					take(into, e)
				}
			}
			if after = next; after == "" {
				return nil
			}
		}
	}
}

// walk reads books until all are read, and After is "", or the budget is spent.
func (a API) walk(ctx context.Context, tenant ident.Tenant, w *trialWalk, read reading) error {
	budget := a.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	for until := a.Clock.Now().Add(budget); ; {
		books, err := period.BooksAfter(ctx, a.Creators, tenant, w.After, booksListed)
		if err != nil {
			return err
		}
		if len(books) == 0 {
			w.After = ""
			return nil
		}
		if err := a.readAll(ctx, books, w.Sheet, read); err != nil {
			return err
		}
		w.After, w.Books = books[len(books)-1], w.Books+len(books)
		if !a.Clock.Now().Before(until) {
			return nil
		}
	}
}

func (a API) readAll(ctx context.Context, books []string, into ledger.Sheet, read reading) error {
	var mu sync.Mutex
	var work errgroup.Group
	work.SetLimit(pace.AtOnce(ctx, booksAtOnce))
	for _, book := range books {
		work.Go(func() error {
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

// balancesAnswer is what a creator's books hold.
type balancesAnswer struct {
	CreatorID ident.Creator `json:"creator_id"`
	At        *time.Time    `json:"at"`
	Books     []bookBalance `json:"books"`
}

type bookBalance struct {
	Entity   ident.Entity     `json:"paying_entity"`
	Accounts []accountBalance `json:"accounts"`
}

type accountBalance struct {
	Code    string         `json:"code"`
	Account ledger.Account `json:"account"`
	Balance money.Amount   `json:"balance"`
}

func (a API) balances(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	creator, at := q.id("creator_id", true), q.instant("at")
	if err := q.err(); err != nil {
		return httpapi.Response{}, err
	}
	ans := balancesAnswer{CreatorID: ident.Creator(creator), Books: []bookBalance{}}
	if err := a.creator(ctx, r.Tenant, creator); err != nil {
		return httpapi.Response{}, err
	}
	if at.IsZero() {
		kept, err := a.Journal.Balances(ctx, r.Tenant, ident.Creator(creator))
		if err != nil {
			return httpapi.Response{}, err
		}
		return a.showBalances(ctx, r.Tenant, ans, kept)
	}
	ans.At = &at
	entries, err := a.Journal.Entries(ctx, r.Tenant, ident.Creator(creator))
	if err != nil {
		return httpapi.Response{}, err
	}
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
	return a.showBalances(ctx, r.Tenant, ans, sums)
}

// creator finds a creator of the tenant.
func (a API) creator(ctx context.Context, tenant ident.Tenant, id string) error {
	if _, there, err := a.Master.LatestVersion(ctx, tenant, tenancy.KindCreator, id); err != nil || there {
		return err
	}
	return fault.Absent("creator")
}
