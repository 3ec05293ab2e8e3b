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

// balancesResponse returns balances by paying entity, sorted by the account codes of the entity's
// chart. Accounts with a balance of zero are left out.
func (a API) balancesResponse(ctx context.Context, tenant ident.Tenant, ans balancesAnswer,
	sums map[string]map[ledger.Account]money.Amount) (httpapi.Response, error) {
	// Each paying entity has its own account codes, so the chart is loaded for each.
	for _, entity := range slices.Sorted(maps.Keys(sums)) {
		chart, err := a.FindChart(ctx, tenant, ident.Entity(entity))
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

// entriesAnswer is the response body of a page of journal entries, oldest first.
type entriesAnswer struct {
	Entries    []ledger.Entry `json:"entries"`
	NextCursor *string        `json:"next_cursor"`
}

// entryCursor is the content of a cursor: the book and the entry after which a list continues.
type entryCursor struct {
	Book  string `json:"b"`
	Entry string `json:"e"`
}

// entryFilter says which entries of a book are listed; empty fields do not restrict the list.
type entryFilter struct {
	settlement ident.Settlement
	// from and to limit the dates of posting in Asia/Shanghai, both inclusive.
	from, to civil.Date
}

// matches reports whether an entry is listed.
func (s entryFilter) matches(e ledger.Entry) bool {
	day := civil.DateOf(e.At)
	return (s.settlement == "" || e.Settlement == s.settlement) &&
		(s.from.IsZero() || !day.Before(s.from)) && (s.to.IsZero() || !day.After(s.to))
}

// listEntries handles GET /v1/ledger/entries: the entries of one creator's book, or of one
// settlement.
func (a API) listEntries(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	creator, after := q.readID("creator_id", false), entryCursor{}
	filter := entryFilter{settlement: ident.Settlement(q.readID("settlement_id", false)),
		from: q.readDay("from"), to: q.readDay("to")}
	q.decodeCursor(&after)
	limit, err := r.PageLimit()
	q.problems.AddIf(err != nil, "limit", "must be 1 to 100")
	q.problems.AddIf((creator == "") == (filter.settlement == ""), "creator_id",
		"must be given, or settlement_id instead, not both")
	if err := q.problems.Err(); err != nil {
		return httpapi.Response{}, err
	}
	if creator, err = a.findBook(ctx, r.Tenant, creator, filter.settlement); err != nil {
		return httpapi.Response{}, err
	}
	found, next, err := a.filterEntries(ctx, r.Tenant, ident.Creator(creator), after.Entry, filter,
		limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	ans := entriesAnswer{Entries: found}
	if next != "" {
		ans.NextCursor, err = encodeCursor(entryCursor{Book: creator, Entry: next})
	}
	return httpapi.OK(ans), err
}

// findBook returns the creator whose book is listed: the creator of the settlement when one is
// given, otherwise the given creator, who must exist.
func (a API) findBook(ctx context.Context, tenant ident.Tenant, creator string,
	settlement ident.Settlement) (string, error) {
	if settlement == "" {
		return creator, a.checkCreator(ctx, tenant, creator)
	}
	st, err := a.Settlements.Load(ctx, tenant, settlement)
	return string(st.CreatorID), err
}

// filterEntries reads the next entries of a creator's book that match a filter, and returns the
// cursor of the next page.
func (a API) filterEntries(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	after string,
	sel entryFilter, limit int) ([]ledger.Entry, string, error) {
	found := []ledger.Entry{}
	for {
		page, next, err := a.Journal.EntriesPage(ctx, tenant, string(creator), after, limit)
		if err != nil {
			return nil, "", err
		}
		for i, e := range page {
			if sel.matches(e) {
				found = append(found, e)
			}
			// The page is full. There is a cursor only if at least one more entry is left to examine.
			if more := i+1 < len(page) || next != ""; len(found) == limit && more {
				return found, e.ID, nil
			}
		}
		if after = next; after == "" {
			return found, "", nil
		}
	}
}

// These are the limits of one page of the journal: after how many entries it ends, and how many
// books it may read, because books may have no entry of the period.
const (
	maxJournalEntries = 500
	maxJournalBooks   = 200
)

// readJournal handles GET /v1/ledger/journal. It returns one page of the journal of one paying
// entity or of all: book by book, the entries of each book in the order of posting.
func (a API) readJournal(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	q := query{Request: r}
	entity := q.readID("paying_entity", false)
	period := q.readMonth("period")
	at := entryCursor{}
	q.decodeCursor(&at)
	if err := q.problems.Err(); err != nil {
		return httpapi.Response{}, err
	}
	if entity != "" {
		if err := a.checkEntity(ctx, r.Tenant, entity); err != nil {
			return httpapi.Response{}, err
		}
	}
	// Books that hold nothing of the selection are read too: the journal has no index for it.
	ans, more, err := a.readJournalPage(ctx, r.Tenant, at, func(e ledger.Entry) bool {
		return (entity == "" || e.Entity == ident.Entity(entity)) &&
			(period.IsZero() || e.Accounting == period)
	})
	if err == nil && more != nil {
		ans.NextCursor, err = encodeCursor(*more)
	}
	return httpapi.OK(ans), err
}

// readJournalPage reads the entries of one page of the journal, from a cursor on. The returned
// cursor is nil at the end of the journal.
func (a API) readJournalPage(ctx context.Context, tenant ident.Tenant, at entryCursor,
	matches func(ledger.Entry) bool) (entriesAnswer, *entryCursor, error) {
	ans := entriesAnswer{Entries: []ledger.Entry{}}
	for read := 0; read < maxJournalBooks; {
		books, err := period.BooksAfter(ctx, a.Creators, tenant, at.Book, booksPerList)
		if err != nil || len(books) == 0 {
			return ans, nil, err
		}
		for _, book := range books {
			finished, err := a.appendBook(ctx, tenant, book, &at, matches, &ans)
			if err != nil {
				return ans, nil, err
			}
			// The cursor stays at the book before while this book has more entries.
			if finished {
				at.Book = book
				read++
			}
			if len(ans.Entries) >= maxJournalEntries {
				return ans, &at, nil
			}
		}
	}
	return ans, &at, nil
}

// appendBook appends the matching entries of one book, from the cursor's entry on, until the book
// or the page is finished. It reports whether the book is finished, and moves the cursor's entry.
func (a API) appendBook(ctx context.Context, tenant ident.Tenant, book string, at *entryCursor,
	matches func(ledger.Entry) bool, ans *entriesAnswer) (finished bool, err error) {
	for {
		page, next, err := a.Journal.EntriesPage(ctx, tenant, book, at.Entry, maxJournalEntries)
		if err != nil {
			return false, err
		}
		for _, e := range page {
			if matches(e) {
				ans.Entries = append(ans.Entries, e)
			}
		}
		// An empty next entry is also the beginning of the next book.
		if at.Entry = next; next == "" {
			return true, nil
		}
		if len(ans.Entries) >= maxJournalEntries {
			return false, nil
		}
	}
}
