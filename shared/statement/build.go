package statement

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// Facts reads the stored income from which documents are made.
type Facts interface {
	// ListBuckets lists a creator's buckets from one month to another, both months included.
	ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]income.Bucket, error)
	// ReadLines reads the lines that lie in a bucket, sorted by day and id.
	ReadLines(ctx context.Context, b income.Bucket) ([]income.Line, error)
}

// Settlements reads settlements with their figures and tax rows.
type Settlements interface {
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error)
	List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
		limit int) ([]settlement.Settlement, string, error)
	FiguresOf(ctx context.Context,
		page []settlement.Settlement) (map[string]map[string]settlement.Figures, error)
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
}

// Builder makes documents from stored facts.
type Builder struct {
	Facts       Facts
	Settlements Settlements
	Directory   tenancy.Directory
}

// BuildStatement builds a creator's statement of a period. It returns fault.MissingObject when the
// creator has neither lines nor settlements in the period.
func (b Builder) BuildStatement(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period Period) (Statement, error) {
	who, err := b.Directory.Creator(ctx, tenant, creator)
	if err != nil {
		return Statement{}, err
	}
	payer, err := b.Directory.Taxpayer(ctx, tenant, who.TaxpayerID)
	if err != nil {
		return Statement{}, err
	}
	s := Statement{Number: statementNumber(creator, period), Tenant: tenant, CreatorID: creator,
		Nickname: who.Nickname, TaxpayerID: who.TaxpayerID, Taxpayer: ident.Taxpayer(payer.Name),
		Period: period, Payout: Account{who.Payout.Method, who.Payout.Account}, Entities: []Entity{},
		Lines: []Line{}, Bills: []Bill{}}
	standing, err := b.activeSettlements(ctx, tenant, creator, period)
	if err != nil {
		return Statement{}, err
	}
	if err := b.addLines(ctx, &s, standing); err != nil {
		return Statement{}, err
	}
	if err := b.addBills(ctx, &s, standing); err != nil {
		return Statement{}, err
	}
	if len(s.Lines) == 0 && len(s.Bills) == 0 {
		return Statement{}, fault.MissingObject("statement")
	}
	s.sumTotals()
	if err := s.checkSums(); err != nil {
		return Statement{}, err
	}
	return s.withHash()
}

// statementNumber returns the number of a statement; everything that is sent for the same creator
// and period has the same number.
func statementNumber(creator ident.Creator, period Period) string {
	return "DZ" + strings.ReplaceAll(period.String(), "-", "") + "-" + string(creator)
}

// activeSettlements returns the settlements of a period by the identity of the payable: for each
// payable its last occurrence, and none when the last occurrence was undone.
func (b Builder) activeSettlements(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period Period) (map[string]settlement.Settlement, error) {
	found := map[string]settlement.Settlement{}
	for cursor := ""; ; {
		page, next, err := b.Settlements.List(ctx, tenant,
			settlement.Query{Creator: creator, From: period.Month.First()}, cursor, 100)
		if err != nil {
			return nil, err
		}
		for _, st := range page {
			if st.ServicePeriod == period.Month && st.Part == period.Part {
				if last, ok := found[st.Identity]; !ok || last.Occurrence < st.Occurrence {
					found[st.Identity] = st
				}
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	maps.DeleteFunc(found, func(_ string, st settlement.Settlement) bool { return st.IsUndone() })
	return found, nil
}

// addLines adds the lines of the period's buckets to the statement.
func (b Builder) addLines(ctx context.Context, s *Statement,
	standing map[string]settlement.Settlement) error {
	buckets, err := b.Facts.ListBuckets(ctx, s.Tenant, s.CreatorID, s.Period.Month, s.Period.Month)
	if err != nil {
		return err
	}
	slices.SortFunc(buckets, func(x, y income.Bucket) int { return cmp.Compare(x.Name(), y.Name()) })
	for _, k := range buckets {
		if partName(k) != s.Period.Part {
			continue
		}
		where, err := b.lineOutcome(ctx, k, standing)
		if err != nil {
			return err
		}
		found, err := b.Facts.ReadLines(ctx, k)
		if err != nil {
			return err
		}
		for _, l := range found {
			s.Lines = append(s.Lines, Line{LineID: l.LineID, IncomeType: l.IncomeType, Platform: l.Platform,
				AccountUID: l.AccountUID, Nickname: l.Nickname,
				OccurredOn: l.OccurredOn, ServicePeriod: l.ServicePeriod, Description: l.Description,
				Gross: l.GrossBeforePlatform, PlatformFee: l.PlatformFee,
				Refund: l.Refund, Subsidy: l.Subsidy, Distributable: l.Distributable, Standing: where.Standing,
				SettlementID: where.SettlementID, SettledBy: where.SettledBy})
		}
	}
	return nil
}

// partName returns the name of the part of the month to which a bucket belongs.
func partName(b income.Bucket) string { return b.Part.String() }

// lineOutcome returns a line that states what became of all lines of a bucket: their outcome,
// settlement and route.
func (b Builder) lineOutcome(ctx context.Context, k income.Bucket,
	standing map[string]settlement.Settlement) (Line, error) {
	switch k.State {
	case income.Carried:
		return Line{Standing: LineCarried}, nil
	case income.Settled:
		st, err := b.Settlements.Load(ctx, k.Tenant, k.Settlement)
		if err != nil {
			return Line{}, err
		}
		// A settlement that was reopened has a successor; the last successor is the one that pays.
		for st.ReopenedBy != "" {
			if st, err = b.Settlements.Load(ctx, k.Tenant, st.ReopenedBy); err != nil {
				return Line{}, err
			}
		}
		if st.IsUndone() {
			return Line{Standing: LineOpen}, nil
		}
		// The list comes from an index that may lag behind by a moment; the loaded settlement is current.
		standing[st.Identity] = st
		return Line{Standing: LineSettled, SettlementID: ident.Settlement(st.ID)}, nil
	default: // the line is open: it is explained below
	}
	c, err := b.Directory.Contract(ctx, k.Tenant, k.CreatorID, k.IncomeType, k.Period.Last())
	if fault.HasCode(err, fault.RuleMissing) {
		return Line{Standing: LineOpen}, nil
	}
	if route := c.Routes[k.IncomeType]; err == nil && !tenancy.IsPaidByTenant(route) {
		return Line{Standing: LineByOther, SettledBy: route}, nil
	}
	return Line{Standing: LineOpen}, err
}

// addBills adds the settlements to the statement, sorted by income type and id, and the companies
// that pay them.
func (b Builder) addBills(ctx context.Context, s *Statement,
	standing map[string]settlement.Settlement) error {
	all := slices.SortedFunc(maps.Values(standing), func(x, y settlement.Settlement) int {
		return cmp.Or(cmp.Compare(x.IncomeType, y.IncomeType), cmp.Compare(x.ID, y.ID))
	})
	figures, err := b.Settlements.FiguresOf(ctx, all)
	if err != nil {
		return err
	}
	for _, st := range all {
		s.Bills = append(s.Bills, newBill(st, figures[st.ID]))
		if slices.ContainsFunc(s.Entities, func(e Entity) bool { return e.EntityID == st.Entity }) {
			continue
		}
		e, err := b.Directory.Entity(ctx, s.Tenant, st.Entity, s.Period.Month.Last())
		if err != nil {
			return err
		}
		s.Entities = append(s.Entities, Entity{st.Entity, e.Name, e.USCC})
	}
	slices.SortFunc(s.Entities, func(x, y Entity) int { return cmp.Compare(x.EntityID, y.EntityID) })
	return nil
}

// newBill returns a settlement as the statement shows it.
func newBill(st settlement.Settlement, figures map[string]settlement.Figures) Bill {
	b := Bill{SettlementID: ident.Settlement(st.ID), IncomeType: st.IncomeType, Entity: st.Entity,
		Route: st.Route, Contract: st.Contract + " v" + strconv.Itoa(st.ContractVersion),
		Status: string(st.Status), Base: st.Gross, Shares: st.Shares, CreatorShare: st.CreatorShare(),
		Percent:   percentOf(st.CreatorShare(), st.Gross),
		Guarantee: hasGuarantee(st.Shares), Taxes: []Tax{}, SetOffs: []SetOff{},
		PaymentDate: st.PaymentDate, Booked: st.Booking != ""}
	switch {
	case st.TaxedBefore():
		b.BroughtForward = ForwardTaxed
	case st.BroughtForward():
		b.BroughtForward = ForwardBeforeTax
	}
	if st.Hold != nil {
		b.Hold = st.Hold.Reason
	}
	// A payment that the bank returned is not counted as paid.
	if st.Status == settlement.Paid && (st.Payout == nil || st.Payout.State != payout.Returned) {
		b.Paid = st.ToPay
	}
	for _, o := range st.SetOffs {
		b.SetOffs = append(b.SetOffs, SetOff{o.Kind, o.Amount, o.Document})
	}
	// The figures of the booking are preferred to those of the last quote.
	f, ok := figures[cmp.Or(st.Booking, st.Quote)]
	if !ok {
		return b
	}
	b.addFigures(f, st)
	return b
}

// addFigures adds the taxes of a quote or booking to the bill, with the net amount and the amount
// to pay that follow from them.
func (b *Bill) addFigures(f settlement.Figures, st settlement.Settlement) {
	var withheld money.Amount
	for _, l := range f.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			withheld = withheld.Add(l.Amount)
		}
		// The period of income tax is shown; without income tax it is that of the first tax.
		if b.TaxPeriod == "" || l.Tax == "IIT" {
			b.TaxPeriod = l.Period
		}
		b.Taxes = append(b.Taxes,
			Tax{Tax: l.Tax, Item: l.Item, Period: l.Period, Collection: l.Collection, Base: l.Base,
				Rate: l.Rate.Rate(), Quick: l.Quick, Total: l.Total,
				Before: l.Before, Due: l.Due, Amount: l.Amount, Shortfall: l.Shortfall, BorneBy: l.BorneBy,
				Law: l.Law, Status: l.Status})
	}
	taxable := f.Result.TaxableIncome
	net := st.Net
	pay := st.ToPay
	b.Item = f.Item
	b.TaxableIncome = &taxable
	b.Withheld = &withheld
	b.Net = &net
	b.ToPay = &pay
}

// hasGuarantee reports whether the contract's guarantee raised the creator's share.
func hasGuarantee(shares []split.Share) bool {
	return slices.ContainsFunc(shares, func(s split.Share) bool {
		return s.Kind == split.KindCreator && s.By == split.ByGuarantee
	})
}

// percentOf returns part as a percentage of whole with two decimals, rounded half to even; "" when
// whole is zero.
func percentOf(part, whole money.Amount) string {
	if whole.IsZero() {
		return ""
	}
	return money.Yuan(100).MulDiv(part.Fen(), whole.Fen(), money.HalfEven).String()
}

// checkSums checks the statement before anybody sees it: the lines of each settlement add up to the
// amount that it splits, and each creator share is equal to taxes, set-offs and payment together
// (promise P2).
func (s Statement) checkSums() error {
	sums := map[string]money.Amount{}
	for _, l := range s.Lines {
		if l.Standing == LineSettled {
			sums[string(l.SettlementID)] = sums[string(l.SettlementID)].Add(l.Distributable)
		}
	}
	for _, b := range s.Bills {
		if sum, ok := sums[string(b.SettlementID)]; ok && sum != b.Base {
			return fault.Internal(fmt.Errorf("statement: the lines of %s come to %s, it splits %s",
				b.SettlementID, sum, b.Base))
		}
		if b.Net == nil {
			continue
		}
		var setOffs money.Amount
		for _, o := range b.SetOffs {
			setOffs = setOffs.Add(o.Amount)
		}
		if b.Withheld.Add(*b.Net) != b.CreatorShare || setOffs.Add(*b.ToPay) != *b.Net {
			return fault.Internal(
				fmt.Errorf("statement: %s does not add up: share %s, withheld %s, net %s, "+
					"set off %s, to pay %s",
					b.SettlementID, b.CreatorShare, b.Withheld, b.Net, setOffs, b.ToPay))
		}
	}
	return nil
}
