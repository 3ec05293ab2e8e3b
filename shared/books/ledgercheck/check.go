// Package ledgercheck derives what each creator's accounts must hold from the objects behind them,
// and compares it with the journal and the balances. What cannot be explained must be 0.00.
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
	// Balances reads the kept balances by paying entity and account.
	Balances(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) (map[string]map[ledger.Account]money.Amount, error)
}

// Settlements reads settlements with their figures and tax rows.
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

// Buckets reads what waits for statements.
type Buckets interface {
	ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]income.Bucket, error)
}

// Creators lists a tenant's creators.
type Creators interface {
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// Days reads what the closing of days accrued to creators.
type Days interface {
	// ReadAccruals reads a creator's closed days; one that is not closed is left out.
	ReadAccruals(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		days []civil.Date) (map[civil.Date]incentive.PriorAccrual, error)
}

// Service checks the ledger, page by page.
type Service struct {
	Journal     Journal
	Settlements Settlements
	Buckets     Buckets
	Days        Days
	Creators    Creators
}

// Balance is the sum of an account over the creators of a page; debits are positive, credits
// negative.
type Balance struct {
	Account ledger.Account `json:"account"`
	Balance money.Amount   `json:"balance"`
}

// Difference is something that is not as it must be. Account is an account, or says which sum is
// meant.
type Difference struct {
	CreatorID  ident.Creator  `json:"creator_id"`
	Account    string         `json:"account"`
	Entity     ident.Entity   `json:"paying_entity,omitempty"` // where the sum is of one
	Taxpayer   ident.Taxpayer `json:"taxpayer_id,omitempty"`   // of taxes payable
	TaxPeriod  civil.Month    `json:"tax_period,omitzero"`     // of taxes payable
	Expected   money.Amount   `json:"expected"`
	Actual     money.Amount   `json:"actual"`
	Difference money.Amount   `json:"difference"` // actual less expected
	// Objects are the settlements, receivables, buckets and journal entries to look at, the first
	// maxObjects of them.
	Objects []string `json:"objects"`
}

// Report is one page of the check.
type Report struct {
	Accounts    []Balance    `json:"accounts"`
	Differences []Difference `json:"differences"`
	Unexplained money.Amount `json:"unexplained"` // sum of the absolute differences
	NextCursor  *string      `json:"next_cursor"`
}

// pageSize is how many creators one page checks, atOnce how many at the same time.
const (
	pageSize = 20
	atOnce   = 4
)

// CheckPage checks the next creators after a cursor, "" at the start.
func (s Service) CheckPage(ctx context.Context, tenant ident.Tenant, cursor string) (Report, error) {
	creators, next, err := s.Creators.Creators(ctx, tenant, cursor, pageSize)
	if err != nil {
		return Report{}, err
	}
	found := make([]result, len(creators))
	var work errgroup.Group
	work.SetLimit(pace.AtOnce(ctx, atOnce))
	for i, c := range creators {
		work.Go(func() (err error) {
			found[i], err = s.creator(ctx, tenant, c.CreatorID)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return Report{}, err
	}
	return report(found, next), nil
}

func report(found []result, next string) Report {
	r := Report{Accounts: []Balance{}, Differences: []Difference{}}
	sums := map[ledger.Account]money.Amount{}
	for _, f := range found {
		for account, sum := range f.sums {
			sums[account] = sums[account].Add(sum)
		}
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

// result is the check of one creator.
type result struct {
	sums        map[ledger.Account]money.Amount
	differences []Difference
}

// creator checks one creator. Its objects are not read at one instant, so a difference counts only
// when a second look finds one too.
func (s Service) creator(ctx context.Context, tenant ident.Tenant,
	id ident.Creator) (result, error) {
	var r result
	for range 2 {
		f, err := s.gather(ctx, tenant, string(id))
		if err != nil {
			return r, err
		}
		if r = f.check(); len(r.differences) == 0 {
			break
		}
	}
	return r, nil
}

// taxed is a taxpayer at a paying entity.
type taxed struct {
	entity   ident.Entity
	taxpayer ident.Taxpayer
}

// facts is everything that is known of a creator's money.
type facts struct {
	creator     ident.Creator
	house       bool // the book of no creator: entries and balances alone
	entries     []ledger.Entry
	balances    map[string]map[ledger.Account]money.Amount
	settlements []settlement.Settlement
	figures     map[string]map[string]settlement.Figures
	bookings    []settlement.Booking
	taxed       map[taxed]bool // whose tax rows were read
	buckets     []income.Bucket
	claims      []receivable.Receivable
	days        []accrualDay
}

// gather reads the objects first and the books after.
func (s Service) gather(ctx context.Context, tenant ident.Tenant, id string) (facts, error) {
	f := facts{creator: ident.Creator(id), figures: map[string]map[string]settlement.Figures{}}
	var err error
	if f.buckets, err = s.Buckets.ListBuckets(ctx, tenant, ident.Creator(id), civil.In(2000, 1),
		civil.In(2999, 12)); err != nil {
		return f, err
	}
	for cursor := ""; ; {
		page, next, err := s.Settlements.List(ctx, tenant, settlement.Query{Creator: ident.Creator(id)},
			cursor, 100)
		if err != nil {
			return f, err
		}
		figures, err := s.Settlements.FiguresOf(ctx, page)
		if err != nil {
			return f, err
		}
		f.settlements = append(f.settlements, page...)
		maps.Copy(f.figures, figures)
		if cursor = next; cursor == "" {
			break
		}
	}
	if f.claims, err = s.Settlements.Receivables(ctx, tenant, ident.Creator(id), ""); err != nil {
		return f, err
	}
	if f.bookings, f.taxed, err = s.bookings(ctx, tenant, f.settlements); err != nil {
		return f, err
	}
	if f.entries, err = s.Journal.Entries(ctx, tenant, ident.Creator(id)); err != nil {
		return f, err
	}
	if f.balances, err = s.Journal.Balances(ctx, tenant, ident.Creator(id)); err != nil {
		return f, err
	}
	f.days, err = s.days(ctx, tenant, f)
	return f, err
}

// bookings reads the tax rows that these settlements left behind; other creators of the same
// taxpayer have theirs in the same list.
func (s Service) bookings(ctx context.Context, tenant ident.Tenant,
	of []settlement.Settlement) ([]settlement.Booking, map[taxed]bool, error) {
	type list struct {
		taxed
		year int
	}
	lists := map[list]bool{}
	own := map[string]bool{}
	who := map[taxed]bool{}
	for _, st := range of {
		own[st.ID] = true
		if st.BookedEntry == "" {
			continue
		}
		first, last := min(st.OpenedAt.Year(), st.VATDate.Year(), st.PaymentDate.Year()),
			max(st.OpenedAt.Year(), st.PaymentDate.Year())
		for year := first; year <= last; year++ {
			lists[list{taxed{st.Entity, st.TaxpayerID}, year}] = true
		}
	}
	var out []settlement.Booking
	waiting := slices.Collect(maps.Keys(lists))
	for len(waiting) > 0 {
		l := waiting[0]
		waiting, who[l.taxed] = waiting[1:], true
		all, err := s.Settlements.TaxRows(ctx, tenant, l.entity, l.taxpayer, l.year)
		if err != nil {
			return nil, nil, err
		}
		if into, closed := settlement.ClosedFor(all); closed {
			// what came later of these settlements stands there
			if on := (list{taxed{l.entity, into}, l.year}); !lists[on] {
				lists[on] = true
				waiting = append(waiting, on)
			}
		}
		for _, b := range all {
			if len(b.Of) > 0 {
				out = append(out, trueUpsOf(b, own))
			} else if own[string(b.Settlement)] {
				out = append(out, b)
			}
		}
	}
	return out, who, nil
}

// trueUpsOf is the part of a correction that is about some settlements.
func trueUpsOf(b settlement.Booking, own map[string]bool) settlement.Booking {
	part := b
	part.Rows, part.Of = nil, nil
	for i, of := range b.Of {
		if own[string(of)] {
			part.Rows, part.Of = append(part.Rows, b.Rows[i]), append(part.Of, of)
		}
	}
	return part
}

// differences gathers what is not as it must be.
type differences struct {
	creator ident.Creator
	found   []Difference
}

// subject is what a comparison is about.
type subject struct {
	*differences
	entity   ident.Entity
	taxpayer ident.Taxpayer
	month    civil.Month
	objects  []string
}

func (d *differences) about(objects ...string) subject {
	return subject{differences: d, objects: objects}
}

func (s subject) compare(what string, expected, actual money.Amount) {
	if expected == actual {
		return
	}
	objects := append([]string{}, s.objects...)
	slices.Sort(objects)
	objects = slices.Compact(objects)
	s.found = append(s.found, Difference{CreatorID: s.creator, Account: what, Entity: s.entity,
		Taxpayer: s.taxpayer, TaxPeriod: s.month,
		Expected: expected, Actual: actual, Difference: actual.Sub(expected),
		Objects: objects[:min(len(objects), maxObjects)]})
}

// maxObjects bounds how many objects a difference names.
const maxObjects = 10

// check compares books and objects.
func (f facts) check() result {
	d := &differences{creator: f.creator}
	expected, journal := f.expected(), f.journal()
	if !f.house {
		for _, account := range derived() {
			d.about(f.suspects(account, expected, journal)...).compare(string(account),
				expected.total(account), journal.total(account))
		}
		f.checkTaxes(d)
		f.checkDays(d)
	}
	f.checkBalances(d)
	f.checkClaims(d)
	for _, s := range f.settlements {
		f.checkSums(d, s)
	}
	slices.SortStableFunc(d.found, func(a, b Difference) int {
		return cmp.Compare(a.Account, b.Account)
	})
	return result{ledger.SumByAccount(f.entries), d.found}
}

// checkBalances compares the kept balances with the journal, at each paying entity.
func (f facts) checkBalances(d *differences) {
	entities := map[string]bool{}
	for entity := range f.balances {
		entities[entity] = true
	}
	for _, e := range f.entries {
		entities[string(e.Entity)] = true
	}
	for _, entity := range slices.Sorted(maps.Keys(entities)) {
		at := f.at(ident.Entity(entity))
		sums, kept := ledger.SumByAccount(at.entries), f.balances[entity]
		for account := range kept {
			sums[account] = sums[account].Add(money.Amount{}) // one without an entry is compared too
		}
		for account, sum := range sums {
			if sum != kept[account] {
				of := d.about(at.behind(account)...)
				of.entity = ident.Entity(entity)
				of.compare("balance of "+string(account)+" at "+entity, sum, kept[account])
			}
		}
	}
}

// behind are the objects whose entries in an account are not what they should be.
func (f facts) behind(account ledger.Account) []string {
	if account.IsTaxPayable() {
		var out []string
		rows, journal := f.taxRows(), f.taxEntries()
		for _, k := range taxKeys(rows, journal) {
			if k.account == account {
				out = append(out, f.named(differing(rows[k], journal[k]))...)
			}
		}
		return out
	}
	if !slices.Contains(derived(), account) {
		return nil
	}
	return f.suspects(account, f.expected(), f.journal())
}
