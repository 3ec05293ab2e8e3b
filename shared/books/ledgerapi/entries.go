package ledgerapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
)

// showBalances lists balances by paying entity, each account in that entity's code; those of zero
// are left out.
func (a API) showBalances(ctx context.Context, tenant ident.Tenant, ans balancesAnswer,
	sums map[string]map[ledger.Account]money.Amount) (httpapi.Response, error) {
	for _, entity := range slices.Sorted(maps.Keys(sums)) {
		chart, err := a.Chart(ctx, tenant, ident.Entity(entity))
		if err != nil {
			return httpapi.Response{}, err
		}
		b := bookBalance{Entity: ident.Entity(entity), Accounts: []accountBalance{}}
		for account, sum := range sums[entity] {
			if in, _ := chart.FindAccount(account); !sum.IsZero() {
				b.Accounts = append(b.Accounts, accountBalance{in.Code, account, sum})
			}
		}
		slices.SortFunc(b.Accounts, func(x, y accountBalance) int {
			return strings.Compare(x.Code+string(x.Account), y.Code+string(y.Account))
		})
		ans.Books = append(ans.Books, b)
	}
	return httpapi.OK(ans), nil
}

// entriesAnswer is a page of entries, oldest first.
type entriesAnswer struct {
	Entries    []ledger.Entry `json:"entries"`
	NextCursor *string        `json:"next_cursor"`
}

// entryCursor is the entry after which a list goes on.
type entryCursor struct {
	Book  string `json:"b"`
	Entry string `json:"e"`
}

// selection is which entries of a book are listed.
type selection struct {
	settlement ident.Settlement
	from, to   civil.Date // Shanghai dates of the posting, both inclusive
}

func (s selection) holds(e ledger.Entry) bool {
	day := civil.DateOf(e.At)
	return (s.settlement == "" || e.Settlement == s.settlement) &&
		(s.from.IsZero() || !day.Before(s.from)) && (s.to.IsZero() || !day.After(s.to))
}

func (a API) entries(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	creator, after := q.id("creator_id", false), entryCursor{}
	sel := selection{settlement: ident.Settlement(q.id("settlement_id", false)), from: q.day("from"),
		to: q.day("to")}
	q.cursor(&after)
	limit, err := r.Limit()
	q.wrong(err != nil, "limit", "must be 1 to 100")
	q.wrong((creator == "") == (sel.settlement == ""), "creator_id",
		"must be given, or settlement_id instead, not both")
	if err := q.err(); err != nil {
		return httpapi.Response{}, err
	}
	if sel.settlement != "" {
		st, err := a.Settlements.Load(ctx, r.Tenant, sel.settlement)
		if err != nil {
			return httpapi.Response{}, err
		}
		creator = string(st.CreatorID)
	} else if err := a.creator(ctx, r.Tenant, creator); err != nil {
		return httpapi.Response{}, err
	}
	found, next, err := a.list(ctx, r.Tenant, ident.Creator(creator), after.Entry, sel, limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans := entriesAnswer{Entries: found}
	if next != "" {
		ans.NextCursor, err = pack(entryCursor{Book: creator, Entry: next})
	}
	return httpapi.OK(ans), err
}

// list reads the next entries of a selection.
func (a API) list(ctx context.Context, tenant ident.Tenant, creator ident.Creator, after string,
	sel selection, limit int) ([]ledger.Entry, string, error) {
	found := []ledger.Entry{}
	for {
		page, next, err := a.Journal.EntriesPage(ctx, tenant, string(creator), after, limit)
		if err != nil {
			return nil, "", err
		}
		for i, e := range page {
			if sel.holds(e) {
				found = append(found, e)
			}
			if more := i+1 < len(page) || next != ""; len(found) == limit && more {
				return found, e.ID, nil
			}
		}
		if after = next; after == "" {
			return found, "", nil
		}
	}
}

// The bounds of one page of a journal.
const (
	journalPage  = 500 // entries
	journalBooks = 200 // books looked into, also where they hold nothing of the period
)

// journal answers the journal page by page: book by book, each in order of posting; of one paying
// entity or of all.
func (a API) journal(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	entity := q.id("paying_entity", false)
	period := q.month("period")
	at := entryCursor{}
	q.cursor(&at)
	if err := q.err(); err != nil {
		return httpapi.Response{}, err
	}
	if entity != "" {
		if err := a.entity(ctx, r.Tenant, entity); err != nil {
			return httpapi.Response{}, err
		}
	}
	ans, more, err := a.export(ctx, r.Tenant, at, func(e ledger.Entry) bool {
		return (entity == "" || e.Entity == ident.Entity(entity)) &&
			(period.IsZero() || e.Accounting == period)
	})
	if err == nil && more != nil {
		ans.NextCursor, err = pack(*more)
	}
	return httpapi.OK(ans), err
}

// export reads books from a cursor on; the cursor that it gives is nil at the end.
func (a API) export(ctx context.Context, tenant ident.Tenant, at entryCursor,
	holds func(ledger.Entry) bool) (entriesAnswer, *entryCursor, error) {
	ans := entriesAnswer{Entries: []ledger.Entry{}}
	for looked := 0; looked < journalBooks; {
		books, err := period.BooksAfter(ctx, a.Creators, tenant, at.Book, booksListed)
		if err != nil || len(books) == 0 {
			return ans, nil, err
		}
		for _, book := range books {
			for {
				page, next, err := a.Journal.EntriesPage(ctx, tenant, book, at.Entry, journalPage)
				if err != nil {
					return ans, nil, err
				}
				for _, e := range page {
					if holds(e) {
						ans.Entries = append(ans.Entries, e)
					}
				}
				if at.Entry = next; next == "" {
					break
				}
				if len(ans.Entries) >= journalPage {
					return ans, &at, nil
				}
			}
			at.Book, looked = book, looked+1
			if len(ans.Entries) >= journalPage {
				return ans, &at, nil
			}
		}
	}
	return ans, &at, nil
}
