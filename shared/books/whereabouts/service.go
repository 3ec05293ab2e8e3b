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

// Settlements loads and lists settlements.
type Settlements interface {
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error)
	List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
		limit int) ([]settlement.Settlement, string, error)
}

// Viewers returns the view of a caller on settlements, which knows the tenant's deadlines and the
// working days.
type Viewers interface {
	Viewer(ctx context.Context, by identity.Principal) (settlement.Viewer, error)
}

// Waiting is income that is in no settlement yet. It is in account creator.accrued, or in no
// account.
type Waiting struct {
	IncomeType string       `json:"income_type"`
	Period     string       `json:"period"`
	Amount     money.Amount `json:"amount"`
	// Reason says why the income waits: not_due, contract_missing, minimum_payout, not_the_payer ...
	Reason string     `json:"reason"`
	Due    civil.Date `json:"due,omitzero"`
}

// Statements lists the income of a creator with the reason why it waits for a statement.
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

// Service finds out where money is.
type Service struct {
	Journal     Journal
	Settlements Settlements
	Viewers     Viewers
	Statements  Statements
	Creators    Creators
}

// Account compares the balance of an account with the sum of the positions in it.
type Account struct {
	Account   ledger.Account `json:"account"`
	Balance   money.Amount   `json:"balance"`
	Explained money.Amount   `json:"explained"`
}

// View lists where the money of a settlement, of a creator, or of a page of a tenant's creators is.
type View struct {
	// Positions are listed only for one creator or one settlement.
	Positions []Position `json:"positions,omitempty"`
	Totals    []Sum      `json:"totals"`
	Waiting   []Waiting  `json:"waiting,omitempty"`
	Ledger    []Account  `json:"ledger,omitempty"`
	// Unexplained is the sum of the absolute differences.
	Unexplained money.Amount `json:"unexplained"`
	Creators    int          `json:"creators,omitempty"`
	NextCursor  *string      `json:"next_cursor,omitempty"`
}

const (
	// pageSize is how many creators one page of a tenant's view contains.
	pageSize = 100
	// atOnce is how many creators are read at the same time.
	atOnce = 8
)

// LocateSettlement finds out where the money of one payable is, over all its occurrences.
//
// Errors: fault.MissingObject when the settlement does not exist or the caller may not see it.
func (s Service) LocateSettlement(ctx context.Context, by identity.Principal,
	id string) (View, error) {
	st, err := s.Settlements.Load(ctx, by.Tenant, ident.Settlement(id))
	if err == nil && !by.CanSee(st.CreatorID) {
		err = fault.MissingObject("settlement")
	}
	if err != nil {
		return View{}, err
	}
	// One settlement is located in the whole book of its creator, because its occurrences share it.
	found, err := s.readCreatorMoney(ctx, by, st.CreatorID)
	if err != nil {
		return View{}, err
	}
	at := found.byID.LastOf(st).ID
	positions := slices.DeleteFunc(found.positions, func(p Position) bool {
		return p.Object != at || isHiddenFrom(by, p.Account)
	})
	return View{Positions: positions, Totals: SumByState(positions)}, nil
}

// LocateCreator finds out where the money of a creator is. A creator does not see the comparison
// with the ledger.
//
// Errors: fault.MissingObject when the creator does not exist or the caller may not see it.
func (s Service) LocateCreator(ctx context.Context, by identity.Principal,
	creator ident.Creator) (View, error) {
	if !by.CanSee(creator) {
		return View{}, fault.MissingObject("creator")
	}
	if _, err := s.Creators.Creator(ctx, by.Tenant, creator); err != nil {
		return View{}, err
	}
	found, err := s.readCreatorMoney(ctx, by, creator)
	if err != nil {
		return View{}, err
	}
	waiting, err := s.listWaitingIncome(ctx, by, creator)
	if err != nil {
		return View{}, err
	}
	positions := slices.DeleteFunc(slices.Clone(found.positions), func(p Position) bool {
		return isHiddenFrom(by, p.Account)
	})
	v := View{Positions: positions, Totals: SumByState(positions), Waiting: waiting}
	// The comparison uses all positions, also those that the caller does not see.
	if !by.SeesOnlyOwn() {
		v.Ledger, v.Unexplained = compareWithBalances(found.balances, SumByAccount(found.positions))
	}
	return v, nil
}

// listWaitingIncome lists the creator's income that is in no settlement yet.
func (s Service) listWaitingIncome(ctx context.Context, by identity.Principal,
	creator ident.Creator) ([]Waiting, error) {
	all, err := s.Statements.ListStatements(ctx, by, creator, civil.Month{})
	var out []Waiting
	// Income that is in a statement or a settlement has a position; only open income waits.
	for _, b := range all {
		if b.State == income.Open {
			period, _, _ := strings.Cut(b.Name(), "#")
			out = append(out, Waiting{b.IncomeType, period, b.Distributable, b.Waits, b.DueOn})
		}
	}
	return out, err
}

// isHiddenFrom reports whether an account is one of the agency's own, which a creator does not see.
func isHiddenFrom(by identity.Principal, a ledger.Account) bool {
	if !by.SeesOnlyOwn() {
		return false
	}
	return !strings.HasPrefix(string(a), "creator.") && a != ledger.GatewayClearing &&
		!a.IsTaxPayable()
}

// LocateTenant finds out where the money of the next creators after a cursor is; the cursor of the
// first page is "".
func (s Service) LocateTenant(ctx context.Context, tenant ident.Tenant,
	cursor string) (View, error) {
	creators, next, err := s.Creators.Creators(ctx, tenant, cursor, pageSize)
	if err != nil {
		return View{}, err
	}
	parts := make([]creatorMoney, len(creators))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for i, c := range creators {
		work.Go(func() (err error) {
			parts[i], err = s.readCreatorMoney(ctx, identity.Principal{Tenant: tenant}, c.CreatorID)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return View{}, err
	}
	v := sumCreators(parts)
	if next != "" {
		v.NextCursor = &next
	}
	return v, nil
}

// sumCreators adds up the money of several creators. The unexplained differences of the creators
// are added without their signs, so that they cannot cancel each other.
func sumCreators(parts []creatorMoney) View {
	var positions []Position
	balances := map[ledger.Account]money.Amount{}
	v := View{Creators: len(parts)}
	for _, p := range parts {
		positions = append(positions, p.positions...)
		for account, sum := range p.balances {
			balances[account] = balances[account].Add(sum)
		}
		_, unexplained := compareWithBalances(p.balances, SumByAccount(p.positions))
		v.Unexplained = v.Unexplained.Add(unexplained)
	}
	v.Totals = SumByState(positions)
	v.Ledger, _ = compareWithBalances(balances, SumByAccount(positions))
	return v
}

// compareWithBalances compares the balance of each account with the sum of its positions, and
// returns the sum of the absolute differences.
func compareWithBalances(balances,
	explained map[ledger.Account]money.Amount) ([]Account, money.Amount) {
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

// creatorMoney is the money of one creator: its positions, settlements and account balances.
type creatorMoney struct {
	positions []Position
	byID      settlement.Occurrences
	balances  map[ledger.Account]money.Amount
}

// readCreatorMoney reads a creator's settlements and book. They are not read at the same instant,
// so that a difference counts only when a second reading has one too.
func (s Service) readCreatorMoney(ctx context.Context, by identity.Principal,
	creator ident.Creator) (creatorMoney, error) {
	view, err := s.Viewers.Viewer(ctx, by)
	if err != nil {
		return creatorMoney{}, err
	}
	for try := 0; ; try++ {
		f, err := s.readCreatorOnce(ctx, view, by.Tenant, creator)
		if err != nil {
			return f, err
		}
		if _, differs := compareWithBalances(f.balances, SumByAccount(f.positions)); differs.IsZero() ||
			try > 0 {
			return f, nil
		}
	}
}

// readCreatorOnce reads a creator's settlements, journal and balances once.
func (s Service) readCreatorOnce(ctx context.Context, view settlement.Viewer, tenant ident.Tenant,
	creator ident.Creator) (creatorMoney, error) {
	f := creatorMoney{balances: map[ledger.Account]money.Amount{}}
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
	stored, err := s.Journal.Balances(ctx, tenant, creator)
	for _, accounts := range stored {
		for account, sum := range accounts {
			f.balances[account] = f.balances[account].Add(sum)
		}
	}
	return f, err
}
