package whereabouts

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// Journal reads creators' books.
type Journal interface {
	Entries(ctx context.Context, tenant ident.Tenant, creator ident.Creator) ([]ledger.Entry, error)
	Balances(ctx context.Context, tenant ident.Tenant,
		creator ident.Creator) (map[string]map[ledger.Account]money.Amount, error)
}

// Settlements lists settlements.
type Settlements interface {
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error)
	List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
		limit int) ([]settlement.Settlement, string, error)
}

// Viewers show a tenant's settlements by its deadlines and the working days.
type Viewers interface {
	Viewer(ctx context.Context, by identity.Principal) (settlement.Viewer, error)
}

// Waiting is income that no settlement has taken up yet: it is in no account, or in
// creator.accrued.
type Waiting struct {
	IncomeType string       `json:"income_type"`
	Period     string       `json:"period"`
	Amount     money.Amount `json:"amount"`
	// not_due, contract_missing, minimum_payout, not_the_payer ...
	Reason string     `json:"reason"`
	Due    civil.Date `json:"due,omitzero"`
}

// Statements tells what waits for a statement, and why.
type Statements interface {
	ListStatements(ctx context.Context, by identity.Principal, creator ident.Creator,
		period civil.Month) ([]billing.ShownStatement, error)
}

// Creators lists a tenant's creators.
type Creators interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// Service answers where money is.
type Service struct {
	Journal     Journal
	Settlements Settlements
	Viewers     Viewers
	Statements  Statements
	Creators    Creators
}

// Account compares an account's balance with what the positions come to.
type Account struct {
	Account   ledger.Account `json:"account"`
	Balance   money.Amount   `json:"balance"`
	Explained money.Amount   `json:"explained"`
}

// View is where the money of a settlement, a creator or a part of a tenant's creators is.
type View struct {
	Positions   []Position   `json:"positions,omitempty"` // of one creator or settlement
	Totals      []Sum        `json:"totals"`
	Waiting     []Waiting    `json:"waiting,omitempty"`
	Ledger      []Account    `json:"ledger,omitempty"`
	Unexplained money.Amount `json:"unexplained"` // sum of the absolute differences
	Creators    int          `json:"creators,omitempty"`
	NextCursor  *string      `json:"next_cursor,omitempty"`
}

// pageSize is how many creators one page of a tenant's view reads, atOnce how many at the same
// time.
const (
	pageSize = 100
	atOnce   = 8
)

// LocateSettlement tells where the money of one payable is, all its occurrences taken together.
//
// Errors: fault.Absent for a settlement that is not there or not the caller's.
func (s Service) LocateSettlement(ctx context.Context, by identity.Principal, id string) (View, error) {
	st, err := s.Settlements.Load(ctx, by.Tenant, ident.Settlement(id))
	if err == nil && !by.MaySee(st.CreatorID) {
		err = fault.Absent("settlement")
	}
	if err != nil {
		return View{}, err
	}
	found, err := s.creator(ctx, by, st.CreatorID)
	if err != nil {
		return View{}, err
	}
	at := found.byID.Last(st).ID
	positions := slices.DeleteFunc(found.positions, func(p Position) bool {
		return p.Object != at || hidden(by, p.Account)
	})
	return View{Positions: positions, Totals: SumByState(positions)}, nil
}

// LocateCreator tells where a creator's money is.
//
// Errors: fault.Absent for a creator that is not there or not the caller.
func (s Service) LocateCreator(ctx context.Context, by identity.Principal,
	creator ident.Creator) (View, error) {
	if !by.MaySee(creator) {
		return View{}, fault.Absent("creator")
	}
	if _, err := s.Creators.Creator(ctx, by.Tenant, creator); err != nil {
		return View{}, err
	}
	found, err := s.creator(ctx, by, creator)
	if err != nil {
		return View{}, err
	}
	waiting, err := s.waiting(ctx, by, creator)
	if err != nil {
		return View{}, err
	}
	positions := slices.DeleteFunc(slices.Clone(found.positions), func(p Position) bool {
		return hidden(by, p.Account)
	})
	v := View{Positions: positions, Totals: SumByState(positions), Waiting: waiting}
	if !by.OnlyOwn() {
		v.Ledger, v.Unexplained = compare(found.balances, SumByAccount(found.positions))
	}
	return v, nil
}

// waiting lists the income that is still open.
func (s Service) waiting(ctx context.Context, by identity.Principal,
	creator ident.Creator) ([]Waiting, error) {
	all, err := s.Statements.ListStatements(ctx, by, creator, civil.Month{})
	var out []Waiting
	for _, b := range all {
		if b.State == income.Open {
			period, _, _ := strings.Cut(b.Name(), "#")
			out = append(out, Waiting{b.IncomeType, period, b.Distributable, b.Waits, b.DueOn})
		}
	}
	return out, err
}

// hidden are the agency's own accounts, which a creator does not see.
func hidden(by identity.Principal, a ledger.Account) bool {
	if !by.OnlyOwn() {
		return false
	}
	return !strings.HasPrefix(string(a), "creator.") && a != ledger.GatewayClearing &&
		!a.IsTaxPayable()
}

// LocateTenant tells where the money of the next creators after a cursor is, "" at the start.
func (s Service) LocateTenant(ctx context.Context, tenant ident.Tenant, cursor string) (View, error) {
	creators, next, err := s.Creators.Creators(ctx, tenant, cursor, pageSize)
	if err != nil {
		return View{}, err
	}
	parts := make([]found, len(creators))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i, c := range creators {
		work.Go(func() (err error) {
			parts[i], err = s.creator(ctx, identity.Principal{Tenant: tenant}, c.CreatorID)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return View{}, err
	}
	var positions []Position
	balances := map[ledger.Account]money.Amount{}
	v := View{Creators: len(creators)}
	for _, p := range parts {
		positions = append(positions, p.positions...)
		for account, sum := range p.balances {
			balances[account] = balances[account].Add(sum)
		}
		_, unexplained := compare(p.balances, SumByAccount(p.positions))
		v.Unexplained = v.Unexplained.Add(unexplained)
	}
	v.Totals = SumByState(positions)
	v.Ledger, _ = compare(balances, SumByAccount(positions))
	if next != "" {
		v.NextCursor = &next
	}
	return v, nil
}

// compare sets balances beside what the positions come to, and sums the absolute differences.
func compare(balances, explained map[ledger.Account]money.Amount) ([]Account, money.Amount) {
	out := []Account{}
	var differs money.Amount
	all := maps.Clone(balances)
	for account := range explained {
		all[account] = balances[account]
	}
	for account, balance := range all {
		out = append(out, Account{account, balance, explained[account]})
		differs = differs.Add(balance.Sub(explained[account]).Abs())
	}
	slices.SortFunc(out, func(a, b Account) int { return cmp.Compare(a.Account, b.Account) })
	return out, differs
}

// found is what was read of a creator.
type found struct {
	positions []Position
	byID      settlement.Occurrences
	balances  map[ledger.Account]money.Amount
}

// creator reads a creator's settlements and book. They are not read at one instant, so a difference
// counts only when a second look finds one too.
func (s Service) creator(ctx context.Context, by identity.Principal,
	creator ident.Creator) (found, error) {
	view, err := s.Viewers.Viewer(ctx, by)
	if err != nil {
		return found{}, err
	}
	for try := 0; ; try++ {
		f, err := s.once(ctx, view, by.Tenant, creator)
		if err != nil {
			return f, err
		}
		if _, differs := compare(f.balances, SumByAccount(f.positions)); differs.IsZero() || try > 0 {
			return f, nil
		}
	}
}

func (s Service) once(ctx context.Context, view settlement.Viewer, tenant ident.Tenant,
	creator ident.Creator) (found, error) {
	f := found{balances: map[ledger.Account]money.Amount{}}
	var all []settlement.Settlement
	for cursor := ""; ; {
		page, next, err := s.Settlements.List(ctx, tenant, settlement.Query{Creator: creator},
			cursor, 100)
		if err != nil {
			return f, err
		}
		all = append(all, page...)
		if cursor = next; cursor == "" {
			break
		}
	}
	f.byID = settlement.OccurrencesOf(all)
	entries, err := s.Journal.Entries(ctx, tenant, creator)
	if err != nil {
		return f, err
	}
	f.positions = PositionsOf(entries, all, view)
	kept, err := s.Journal.Balances(ctx, tenant, creator)
	for _, accounts := range kept {
		for account, sum := range accounts {
			f.balances[account] = f.balances[account].Add(sum)
		}
	}
	return f, err
}
