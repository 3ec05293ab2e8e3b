// Package ledgercheck checks the ledger. From settlements, receivables, tax bookings and income
// buckets it computes the balance that each account of a creator must have, and compares it with
// the journal and with the stored balances. The sum of all differences must be 0.00.
package ledgercheck

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/tenancy"
)

// Journal reads creators' books.
type Journal interface {
	// Entries reads a creator's whole journal; an entry whose postings do not sum to zero is an error
	// (P1).
	Entries(ctx context.Context, tenant ident.Tenant, creator ident.Creator) ([]ledger.Entry, error)
	// Balances reads the stored balances by paying entity and account.
	Balances(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) (map[string]map[ledger.Account]money.Amount, error)
}

// Settlements reads settlements with their figures, tax bookings and receivables.
type Settlements interface {
	List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
		limit int) ([]settlement.Settlement, string, error)
	FiguresOf(ctx context.Context,
		page []settlement.Settlement) (map[string]map[string]settlement.Figures, error)
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
	Receivables(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		entity ident.Entity) ([]receivable.Receivable, error)
}

// Buckets reads the buckets in which a creator's income is collected for statements.
type Buckets interface {
	ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]income.Bucket, error)
}

// Creators lists a tenant's creators.
type Creators interface {
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// Days reads the amounts that the daily closing of incentives accrued to creators.
type Days interface {
	// ReadAccruals reads the closings of some days of a creator; days that are not closed are left
	// out.
	ReadAccruals(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		days []civil.Date) (map[civil.Date]incentive.PriorAccrual, error)
}

// Service checks the ledger of a tenant, page by page.
type Service struct {
	Journal     Journal
	Settlements Settlements
	Buckets     Buckets
	Days        Days
	Creators    Creators
}

// Balance is the balance of an account summed over the creators of a page; debits are positive,
// credits negative.
type Balance struct {
	Account ledger.Account `json:"account"`
	Balance money.Amount   `json:"balance"`
}

// Difference is an amount in the ledger or in an object that is not as expected. Account is the
// name of an account, or describes the sum that was compared.
type Difference struct {
	CreatorID ident.Creator `json:"creator_id"`
	Account   string        `json:"account"`
	// Entity is set when the compared sum is of one paying entity.
	Entity     ident.Entity   `json:"paying_entity,omitempty"`
	Taxpayer   ident.Taxpayer `json:"taxpayer_id,omitempty"` // of taxes payable
	TaxPeriod  civil.Month    `json:"tax_period,omitzero"`   // of taxes payable
	Expected   money.Amount   `json:"expected"`
	Actual     money.Amount   `json:"actual"`
	Difference money.Amount   `json:"difference"` // actual less expected
	// Objects lists the settlements, receivables, buckets and journal entries in which to look for the
	// cause, at most maxObjects.
	Objects []string `json:"objects"`
}

// Report is the result of the check for one page of creators.
type Report struct {
	Accounts    []Balance    `json:"accounts"`
	Differences []Difference `json:"differences"`
	// Unexplained is the sum of the absolute differences.
	Unexplained money.Amount `json:"unexplained"`
	NextCursor  *string      `json:"next_cursor"`
}

const (
	// pageSize is how many creators one page checks.
	pageSize = 20
	// atOnce is how many creators are checked at the same time.
	atOnce = 4
)

// CheckPage checks the next creators after a cursor, which is "" for the first page.
func (s Service) CheckPage(ctx context.Context, tenant ident.Tenant,
	cursor string) (Report, error) {
	creators, next, err := s.Creators.Creators(ctx, tenant, cursor, pageSize)
	if err != nil {
		return Report{}, err
	}
	found := make([]creatorResult, len(creators))
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, atOnce))
	for i, c := range creators {
		work.Go(func() (err error) {
			found[i], err = s.checkCreator(ctx, tenant, c.CreatorID)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return Report{}, err
	}
	return buildReport(found, next), nil
}

// buildReport adds up the results of the creators of a page.
func buildReport(found []creatorResult, next string) Report {
	r := Report{Accounts: []Balance{}, Differences: []Difference{}}
	sums := map[ledger.Account]money.Amount{}
	for _, f := range found {
		for account, sum := range f.sums {
			sums[account] = sums[account].Add(sum)
		}
		// Absolute differences are added, so that two errors cannot cancel each other.
		for _, d := range f.differences {
			r.Differences = append(r.Differences, d)
			r.Unexplained = r.Unexplained.Add(d.Difference.Abs())
		}
	}
	for _, account := range slices.Sorted(maps.Keys(sums)) {
		r.Accounts = append(r.Accounts, Balance{account, sums[account]})
	}
	if next != "" {
		r.NextCursor = &next
	}
	return r
}

// creatorResult is the result of checking one creator.
type creatorResult struct {
	sums        map[ledger.Account]money.Amount
	differences []Difference
}

// checkCreator checks the ledger of one creator. Objects and books are not read at the same
// instant, so that a difference is reported only when a second check finds one too.
func (s Service) checkCreator(ctx context.Context, tenant ident.Tenant,
	id ident.Creator) (creatorResult, error) {
	var r creatorResult
	for range 2 {
		f, err := s.gatherFacts(ctx, tenant, string(id))
		if err != nil {
			return r, err
		}
		if r = f.compareBooksWithObjects(); len(r.differences) == 0 {
			break
		}
	}
	return r, nil
}

// taxpayerAtEntity is a taxpayer and a paying entity.
type taxpayerAtEntity struct {
	entity   ident.Entity
	taxpayer ident.Taxpayer
}

// facts holds all stored objects about a creator's money.
type facts struct {
	creator ident.Creator
	// house is true for the tenant's own book, which has only entries and balances.
	house       bool
	entries     []ledger.Entry
	balances    map[string]map[ledger.Account]money.Amount
	settlements []settlement.Settlement
	figures     map[string]map[string]settlement.Figures
	bookings    []settlement.Booking
	// taxpayers has the taxpayers whose tax bookings were read.
	taxpayers   map[taxpayerAtEntity]bool
	buckets     []income.Bucket
	receivables []receivable.Receivable
	days        []accrualDay
}

// gatherFacts reads a creator's objects first and the books after them.
func (s Service) gatherFacts(ctx context.Context, tenant ident.Tenant, id string) (facts, error) {
	f := facts{creator: ident.Creator(id), figures: map[string]map[string]settlement.Figures{}}
	var err error
	// The range of months contains all buckets of the creator.
	f.buckets, err = s.Buckets.ListBuckets(ctx, tenant, f.creator, civil.NewMonth(2000, 1),
		civil.NewMonth(2999, 12))
	if err != nil {
		return f, err
	}
	if err := s.readSettlements(ctx, tenant, &f); err != nil {
		return f, err
	}
	if f.receivables, err = s.Settlements.Receivables(ctx, tenant, f.creator, ""); err != nil {
		return f, err
	}
	if f.bookings, f.taxpayers, err = s.readBookings(ctx, tenant, f.settlements); err != nil {
		return f, err
	}
	if f.entries, err = s.Journal.Entries(ctx, tenant, f.creator); err != nil {
		return f, err
	}
	if f.balances, err = s.Journal.Balances(ctx, tenant, f.creator); err != nil {
		return f, err
	}
	// The days to read follow from the entries and the buckets.
	f.days, err = s.readAccrualDays(ctx, tenant, f)
	return f, err
}

// readSettlements reads all settlements of the creator with their figures.
func (s Service) readSettlements(ctx context.Context, tenant ident.Tenant, f *facts) error {
	for cursor := ""; ; {
		page, next, err := s.Settlements.List(ctx, tenant, settlement.Query{Creator: f.creator},
			cursor, settlementsPerRead)
		if err != nil {
			return err
		}
		figures, err := s.Settlements.FiguresOf(ctx, page)
		if err != nil {
			return err
		}
		f.settlements = append(f.settlements, page...)
		maps.Copy(f.figures, figures)
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// settlementsPerRead is how many settlements one read returns.
const settlementsPerRead = 100

// taxList identifies the list of tax bookings of a taxpayer at a paying entity in one year.
type taxList struct {
	taxpayerAtEntity
	year int
}

// taxListsOf lists the tax lists in which bookings of some settlements can be: those of the years
// from the earliest to the latest date of each booked settlement.
func taxListsOf(settlements []settlement.Settlement) map[taxList]bool {
	lists := map[taxList]bool{}
	for _, st := range settlements {
		if st.BookedEntry == "" {
			continue
		}
		first := min(st.OpenedAt.Year(), st.VATDate.Year(), st.PaymentDate.Year())
		last := max(st.OpenedAt.Year(), st.PaymentDate.Year())
		for year := first; year <= last; year++ {
			lists[taxList{taxpayerAtEntity{st.Entity, st.TaxpayerID}, year}] = true
		}
	}
	return lists
}

// readBookings reads the tax bookings of some settlements, and returns whose tax lists it has read.
// The lists also contain bookings of the taxpayer's other creators, which are left out.
func (s Service) readBookings(ctx context.Context, tenant ident.Tenant,
	settlements []settlement.Settlement) ([]settlement.Booking, map[taxpayerAtEntity]bool, error) {
	ids := map[string]bool{}
	for _, st := range settlements {
		ids[st.ID] = true
	}
	lists := taxListsOf(settlements)
	taxpayers := map[taxpayerAtEntity]bool{}
	var out []settlement.Booking
	unread := slices.Collect(maps.Keys(lists))
	for len(unread) > 0 {
		l := unread[0]
		unread = unread[1:]
		taxpayers[l.taxpayerAtEntity] = true
		all, err := s.Settlements.TaxRows(ctx, tenant, l.entity, l.taxpayer, l.year)
		if err != nil {
			return nil, nil, err
		}
		if into, closed := settlement.MergedInto(all); closed {
			// The taxpayer was merged into another one, whose list has the later bookings.
			if on := (taxList{taxpayerAtEntity{l.entity, into}, l.year}); !lists[on] {
				lists[on] = true
				unread = append(unread, on)
			}
		}
		out = append(out, bookingsOf(all, ids)...)
	}
	return out, taxpayers, nil
}

// bookingsOf returns the bookings of a tax list that belong to some settlements. A correction of
// several settlements is reduced to its rows for these settlements.
func bookingsOf(all []settlement.Booking, ids map[string]bool) []settlement.Booking {
	var out []settlement.Booking
	for _, b := range all {
		if len(b.Of) > 0 {
			out = append(out, reduceToSettlements(b, ids))
		} else if ids[string(b.Settlement)] {
			out = append(out, b)
		}
	}
	return out
}

// reduceToSettlements returns a correction with only its rows that correct some settlements.
func reduceToSettlements(b settlement.Booking, ids map[string]bool) settlement.Booking {
	part := b
	// The rows of other settlements are left out.
	part.Rows = nil
	part.Of = nil
	for i, of := range b.Of {
		if ids[string(of)] {
			part.Rows, part.Of = append(part.Rows, b.Rows[i]), append(part.Of, of)
		}
	}
	return part
}

// differences collects the differences of one creator.
type differences struct {
	creator ident.Creator
	found   []Difference
}

// subject describes a comparison: the paying entity, taxpayer, month and objects that a difference
// then names.
type subject struct {
	*differences
	entity   ident.Entity
	taxpayer ident.Taxpayer
	month    civil.Month
	objects  []string
}

// subjectOf starts a comparison about some objects.
func (d *differences) subjectOf(objects ...string) subject {
	return subject{differences: d, objects: objects}
}

// compare adds a difference when the expected and the actual amount differ.
func (s subject) compare(what string, expected, actual money.Amount) {
	if expected == actual {
		return
	}
	// The list of objects is copied, because sorting must not change the caller's.
	objects := append([]string{}, s.objects...)
	slices.Sort(objects)
	objects = slices.Compact(objects)
	s.found = append(s.found, Difference{CreatorID: s.creator, Account: what, Entity: s.entity,
		Taxpayer: s.taxpayer, TaxPeriod: s.month,
		Expected: expected, Actual: actual, Difference: actual.Sub(expected),
		Objects: objects[:min(len(objects), maxObjects)]})
}

// maxObjects is the greatest number of objects that a difference lists.
const maxObjects = 10

// compareBooksWithObjects compares the books of a creator with its objects.
func (f facts) compareBooksWithObjects() creatorResult {
	d := &differences{creator: f.creator}
	expected, journal := f.expectedBooks(), f.journalBooks()
	// The tenant's own book has no objects with which its accounts could be compared.
	if !f.house {
		for _, account := range derivedAccounts() {
			d.subjectOf(f.differingObjects(account, expected, journal)...).compare(string(account),
				expected.balanceOf(account), journal.balanceOf(account))
		}
		f.compareTaxes(d)
		f.compareDays(d)
	}
	f.compareBalances(d)
	f.compareReceivables(d)
	for _, s := range f.settlements {
		f.compareSums(d, s)
	}
	slices.SortStableFunc(d.found, func(a, b Difference) int {
		return cmp.Compare(a.Account, b.Account)
	})
	return creatorResult{ledger.SumByAccount(f.entries), d.found}
}

// compareBalances compares the stored balances with the sums of the journal, at each paying entity.
func (f facts) compareBalances(d *differences) {
	entities := map[string]bool{}
	for entity := range f.balances {
		entities[entity] = true
	}
	for _, e := range f.entries {
		entities[string(e.Entity)] = true
	}
	for _, entity := range slices.Sorted(maps.Keys(entities)) {
		at := f.ofEntity(ident.Entity(entity))
		sums, kept := ledger.SumByAccount(at.entries), f.balances[entity]
		for account := range kept {
			sums[account] = sums[account].Add(money.Amount{}) // An account without an entry is compared too.
		}
		for account, sum := range sums {
			if sum != kept[account] {
				of := d.subjectOf(at.objectsBehindBalance(account)...)
				of.entity = ident.Entity(entity)
				of.compare("balance of "+string(account)+" at "+entity, sum, kept[account])
			}
		}
	}
}

// objectsBehindBalance lists the objects whose entries in an account differ from what is expected:
// when a stored balance is wrong, the cause is probably one of them.
func (f facts) objectsBehindBalance(account ledger.Account) []string {
	if account.IsTaxPayable() {
		var out []string
		rows, journal := f.taxesByRows(), f.taxesByEntries()
		for _, k := range sortedTaxKeys(rows, journal) {
			if k.account == account {
				out = append(out, f.latestOccurrences(objectsThatDiffer(rows[k], journal[k]))...)
			}
		}
		return out
	}
	if !slices.Contains(derivedAccounts(), account) {
		return nil
	}
	return f.differingObjects(account, f.expectedBooks(), f.journalBooks())
}
