package settlement

import (
	"context"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/tenancy/review"
)

// Review is the outcome of the tenant's checks on a settlement.
type Review struct {
	Version   int      `json:"v,omitempty"` // of the tenant's review rules; 0 the defaults
	Findings  []string `json:"f,omitempty"` // codes of what was found, empty when every check passed
	Approvers int      `json:"n"`           // how many different people approve it
	// reason of the hold that the findings ask for, until a person releases it
	Hold string `json:"h,omitempty"`
	// the finding by which the system fails the settlement, as long as it is found
	Rejects string `json:"r,omitempty"`
}

// Approval is one person's yes, and the net that was shown to that person.
type Approval struct {
	By  string       `json:"b"`
	Net money.Amount `json:"n"`
}

// ActApprovalGiven names an approval that was not the last one.
const ActApprovalGiven = "settlement.approval_given"

// byReview is who acts where the tenant's rules need no person.
const byReview = "system:review"

// Policy finds a tenant's rules of review in force on a day; the defaults where it has set none.
type Policy interface {
	ReviewRules(ctx context.Context, tenant ident.Tenant, day civil.Date) (review.Rules, error)
}

// Holders compares the holder of a creator's payout account with the name of its taxpayer, by keyed
// hashes alone.
type Holders interface {
	// HolderIsTaxpayer tells whether they are the same; known is false where one of the hashes was
	// never kept.
	HolderIsTaxpayer(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		taxpayer ident.Taxpayer) (same, known bool, err error)
}

// Receipts knows what platforms have paid.
type Receipts interface {
	// Arrived tells whether the money behind a settlement has reached the paying entity.
	Arrived(ctx context.Context, s Settlement) (bool, error)
}

// Accounts knows which payout accounts were checked with a bank or gateway.
type Accounts interface {
	// Checked tells whether the account that a settlement will be paid to was checked.
	Checked(ctx context.Context, s Settlement) (bool, error)
}

// Checks are the ports that reviewing and booking ask; one that is nil is not asked.
type Checks struct {
	Policy   Policy
	Holders  Holders
	Receipts Receipts
	Accounts Accounts
}

// ApproversNeeded is how many people approve s: what its review said, and one where there was none.
func (s Settlement) ApproversNeeded() int {
	if s.Review == nil {
		return 1
	}
	return max(1, s.Review.Approvers)
}

// approvedBy tells whether somebody has given an approval.
func (s Settlement) approvedBy(who string) bool {
	return slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.By == who })
}

// rulesOf are the review rules that govern a tenant today.
func (s *Service) rulesOf(ctx context.Context, tenant ident.Tenant) (review.Rules, error) {
	if s.Checks.Policy == nil {
		return review.Defaults()
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return review.Rules{}, fault.Later(err)
	}
	return s.Checks.Policy.ReviewRules(ctx, tenant, today)
}

// Viewer shows a tenant's settlements to somebody, now.
func (s *Service) Viewer(ctx context.Context, by identity.Principal) (Viewer, error) {
	rules, err := s.rulesOf(ctx, by.Tenant)
	if err != nil {
		return Viewer{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Viewer{}, fault.Later(err)
	}
	return Viewer{Rules: rules, Calendar: s.Calendar, Now: s.Clock.Instant(), Today: today,
		ForCreator: by.OnlyOwn()}, nil
}

// withReview makes the tenant's checks on a quoted settlement that is about to be written, so that
// both are one write. Before IN_REVIEW it decides only whether the system may submit it.
func (s *Service) withReview(ctx context.Context, n Settlement) (Settlement, error) {
	if s.Checks.Policy == nil || n.Quote == "" || (n.Status != PendingReview && n.Status != InReview) {
		return n, nil
	}
	rules, err := s.rulesOf(ctx, n.Tenant)
	if err != nil {
		return n, err
	}
	if n.Status == PendingReview {
		n.Automatic = rules.Automatic.Submit
		return n, nil
	}
	facts, err := s.reviewFacts(ctx, n, rules)
	if err != nil {
		return n, err
	}
	found := rules.Findings(facts)
	n.Review = &Review{Version: rules.Version.Version, Findings: found,
		Approvers: rules.RequiredApprovers(n.Gross), Hold: holdFor(rules.StrongestHold(found))}
	if code := rules.FirstRejecting(found); code != "" && n.Carries == "" {
		again, err := s.rejectedBefore(ctx, n)
		switch {
		case err != nil:
			return n, err
		case again:
			n.Review.Hold = HoldRisk
		default:
			n.Review.Rejects = code
		}
	}
	n.Automatic = rules.CanApproveAutomatically(facts, found) || n.Review.Rejects != ""
	return n.recomputeHold(), nil
}

// rejectedBefore tells whether the system has rejected the occurrence of the payable before s. It
// does so once: the same money would come again with every statement and be rejected again, with
// nobody looking.
func (s *Service) rejectedBefore(ctx context.Context, n Settlement) (bool, error) {
	if n.Occurrence < 2 {
		return false, nil
	}
	old, err := s.Store.Load(ctx, n.Tenant, ident.Settlement(IDOf(n.Identity, n.Occurrence-1)))
	return old.rejectedByReview(), err
}

// rejectedByReview tells that a check has failed s, and no person.
func (s Settlement) rejectedByReview() bool {
	return s.Status == Failed && s.ReasonClass == Rejected && s.Review != nil &&
		s.Review.Rejects != "" && s.History[len(s.History)-1].By == byReview
}

// rejecting tells that the system is about to fail s. A hold that a person has set comes first, and
// so does a rule that is missing.
func (s Settlement) rejecting() bool {
	return s.Status == InReview && s.Quote != "" && s.Review != nil && s.Review.Rejects != "" &&
		(s.Hold == nil || (!s.Hold.ByHand && s.Hold.Reason != HoldRuleGap))
}

// holdFor names the hold that an effect of the rules of review means.
func holdFor(effect string) string {
	switch effect {
	case review.HoldRisk:
		return HoldRisk
	case review.HoldManual:
		return HoldManual
	}
	return ""
}

// reviewPage bounds how many of a creator's latest settlements a review reads.
const reviewPage = 100

// reviewFacts gathers what the checks look at. It reads one page of the creator's settlements,
// newest first: a payment that lies further back does not count, and then a person decides.
func (s *Service) reviewFacts(ctx context.Context, n Settlement,
	rules review.Rules) (review.Facts, error) {
	f := review.Facts{Day: n.PaymentDate, Gross: n.Gross, Count: 1, Sum: n.Gross,
		SetOffs: len(n.SetOffs) > 0, Holds: n.Waived}
	if n.Hold != nil {
		f.Holds = append(slices.Clip(f.Holds), n.Hold.Reason)
	}
	page, _, err := s.Store.List(ctx, n.Tenant, Query{Creator: n.CreatorID}, "", reviewPage)
	if err != nil {
		return f, err
	}
	creator, err := s.Directory.Creator(ctx, n.Tenant, n.CreatorID)
	if err != nil {
		return f, err
	}
	f.AccountSince = creator.PayoutSince
	first := n.PaymentDate.AddDays(-rules.WindowDays())
	for _, o := range page {
		if o.ID == n.ID {
			continue
		}
		if o.Status == Paid && o.Payout.State == payout.Paid {
			f.AccountNewer = creator.PayoutAt.After(o.Payout.SentAt) && (!f.PaidBefore || f.AccountNewer)
			f.PaidBefore = true
		}
		if o.Status != Failed && o.ReopenedBy == "" && o.PaymentDate.After(first) &&
			!o.PaymentDate.After(n.PaymentDate) {
			f.Count, f.Sum = f.Count+1, f.Sum.Add(o.Gross)
		}
	}
	if f.OtherContract, err = s.otherContract(ctx, n); err != nil || s.Checks.Holders == nil {
		return f, err
	}
	same, known, err := s.Checks.Holders.HolderIsTaxpayer(ctx, n.Tenant, n.CreatorID, n.TaxpayerID)
	f.HolderDiffers = known && !same
	return f, err
}

// otherContract tells whether the contract for the settlement's period is another version than the
// one it was opened by. A payee party's share rests on the contract of somebody else and is not
// compared.
func (s *Service) otherContract(ctx context.Context, n Settlement) (bool, error) {
	if n.Source == SourceParty {
		return false, nil
	}
	c, err := s.Directory.Contract(ctx, n.Tenant, n.CreatorID, n.IncomeType, n.ServicePeriod.Last())
	if fault.HasCode(err, fault.RuleMissing) {
		return true, nil
	}
	return c.ContractID != n.Contract || c.Version.Version != n.ContractVersion, err
}

// withMakers adds who made what the settlement rests on as it stands now: whoever changed contract,
// account or profile since the opening is a preparer too.
func (s *Service) withMakers(ctx context.Context, n Settlement) (Settlement, error) {
	creator, err := s.Directory.Creator(ctx, n.Tenant, n.CreatorID)
	if err != nil {
		return n, err
	}
	taxpayer, err := s.Directory.Taxpayer(ctx, n.Tenant, n.TaxpayerID)
	if err != nil {
		return n, err
	}
	n = n.withPreparer(creator.By).withPreparer(taxpayer.By)
	if n.Source == SourceParty {
		return n, nil
	}
	contract, err := s.Directory.Contract(ctx, n.Tenant, n.CreatorID, n.IncomeType,
		n.ServicePeriod.Last())
	if fault.HasCode(err, fault.RuleMissing) { // none is in force: the review has found it
		return n, nil
	}
	return n.withPreparer(contract.By), err
}

// RefuseCashier keeps apart who prepares and who pays.
func RefuseCashier(by identity.Principal) error {
	if by.Has(identity.Cashier) {
		return fault.New(fault.Forbidden, "cashier",
			"A cashier prepares nothing; another person must do this.")
	}
	return nil
}

// next makes the move for which the tenant's rules need no person: it submits what is quoted,
// approves what every check lets pass and fails what one rejects. The checks are made anew; what no
// longer passes waits for a person.
func (v *Advancer) next(ctx context.Context, s Settlement) error {
	rules, err := v.service.rulesOf(ctx, s.Tenant)
	if err != nil {
		return err
	}
	a, now := Act{ID: v.service.NewID(), Name: "settlement.submitted", By: byReview},
		v.service.Clock.Instant()
	n := s
	if s.Status == PendingReview {
		if !rules.Automatic.Submit {
			return nil
		}
		if n, err = s.Submit(s.StatusVersion, a, now); err == nil {
			n, err = v.service.withReview(ctx, n)
		}
	} else {
		if n, err = v.service.withReview(ctx, n); err != nil {
			return err
		}
		if n.rejecting() {
			return v.reject(ctx, s, n, a, now)
		}
		a.Name = "settlement.approved"
		if n.Hold == nil && n.Automatic {
			n, err = n.Approve(s.StatusVersion, a, now)
		} else {
			a.Name = "settlement.reviewed"
			n = n.stamp(a, now)
		}
	}
	if err != nil {
		return err
	}
	n.Arrival = v.service.expect(ctx, n)
	return v.service.Store.Apply(ctx, Change{Old: &s, New: n})
}

// reject fails a settlement by the finding that its review has made just now.
func (v *Advancer) reject(ctx context.Context, old, n Settlement, a Act, now time.Time) error {
	b, err := v.service.bookedOf(ctx, n)
	if err != nil {
		return err
	}
	a.Name, a.Reason = "settlement.rejected", "review: "+n.Review.Rejects
	c, err := n.Reject(n.StatusVersion, a, b.opening, now)
	if err != nil {
		return err
	}
	c.Old, c.New.Automatic = &old, false
	return v.service.Store.Apply(ctx, c)
}
