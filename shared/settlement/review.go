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
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// Review is the result of the tenant's checks of a settlement.
type Review struct {
	Version   int      `json:"v,omitempty"` // of the tenant's review rules; 0 the defaults
	Findings  []string `json:"f,omitempty"` // codes of what was found, empty when every check passed
	Approvers int      `json:"n"`           // how many different people must approve it
	// reason of the hold that the findings require until a person releases it
	Hold string `json:"h,omitempty"`
	// finding for which the system fails the settlement; "" for none
	Rejects string `json:"r,omitempty"`
}

// Approval is the approval by one person, with the net that this person has seen.
type Approval struct {
	By  string       `json:"b"`
	Net money.Amount `json:"n"`
}

// ActApprovalGiven is the name of the act of an approval after which further approvals are needed.
const ActApprovalGiven = "settlement.approval_given"

// byReview is the actor of moves that the tenant's review rules let the system make.
const byReview = "system:review"

// Policy finds the review rules of a tenant that are in force on a day, the defaults when the
// tenant has set none.
type Policy interface {
	ReviewRules(ctx context.Context, tenant ident.Tenant, day civil.Date) (review.Rules, error)
}

// Holders compares the holder of a creator's payout account with the name of the creator's
// taxpayer. It compares keyed hashes and never sees the names.
type Holders interface {
	// HolderIsTaxpayer reports whether holder and taxpayer have the same name; known is false when one
	// of the two hashes is not stored.
	HolderIsTaxpayer(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		taxpayer ident.Taxpayer) (same, known bool, err error)
}

// Receipts finds what platforms have paid to the paying entities.
type Receipts interface {
	// Arrived reports whether the platform's money for a settlement has reached the paying entity.
	Arrived(ctx context.Context, s Settlement) (bool, error)
}

// Accounts finds which payout accounts were verified with a bank or gateway.
type Accounts interface {
	// Checked reports whether the account that a settlement will be paid to was verified.
	Checked(ctx context.Context, s Settlement) (bool, error)
}

// Checks are the sources of facts for review and booking. A check whose source is nil is not made.
type Checks struct {
	Policy   Policy
	Holders  Holders
	Receipts Receipts
	Accounts Accounts
}

// ApproversNeeded is the number of people who must approve s: as its review has found, and one when
// it was not reviewed.
func (s Settlement) ApproversNeeded() int {
	if s.Review == nil {
		return 1
	}
	return max(1, s.Review.Approvers)
}

// approvedBy reports whether a person has given an approval of s.
func (s Settlement) approvedBy(who string) bool {
	return slices.ContainsFunc(s.Approvals, func(a Approval) bool { return a.By == who })
}

// reviewRules returns the review rules of a tenant that are in force today.
func (s *Service) reviewRules(ctx context.Context, tenant ident.Tenant) (review.Rules, error) {
	if s.Checks.Policy == nil {
		return review.Defaults()
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return review.Rules{}, fault.Temporary(err)
	}
	return s.Checks.Policy.ReviewRules(ctx, tenant, today)
}

// Viewer makes the Viewer by which a caller sees the settlements of its tenant now.
func (s *Service) Viewer(ctx context.Context, by identity.Principal) (Viewer, error) {
	rules, err := s.reviewRules(ctx, by.Tenant)
	if err != nil {
		return Viewer{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Viewer{}, fault.Temporary(err)
	}
	return Viewer{Rules: rules, Calendar: s.Calendar, Now: s.Clock.Instant(), Today: today,
		ForCreator: by.SeesOnlyOwn()}, nil
}

// withReview runs the tenant's checks on a quoted settlement that is about to be written, so that
// quote and review are one write. For PENDING_REVIEW it only finds whether the system may submit
// the settlement.
func (s *Service) withReview(ctx context.Context, n Settlement) (Settlement, error) {
	if s.Checks.Policy == nil || n.Quote == "" || (n.Status != PendingReview && n.Status != InReview) {
		return n, nil
	}
	rules, err := s.reviewRules(ctx, n.Tenant)
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
		Approvers: rules.RequiredApprovers(n.Gross), Hold: holdOfEffect(rules.StrongestHold(found))}
	if code := rules.FirstRejecting(found); code != "" && n.Carries == "" {
		again, err := s.wasRejectedBefore(ctx, n)
		switch {
		case err != nil:
			return n, err
		case again: // rejected once already: a person decides this time
			n.Review.Hold = HoldRisk
		default:
			n.Review.Rejects = code
		}
	}
	n.Automatic = rules.CanApproveAutomatically(facts, found) || n.Review.Rejects != ""
	return n.recomputeHold(), nil
}

// wasRejectedBefore reports whether the system has rejected the preceding occurrence of the payable
// of n. The system rejects a payable only once; else the same money would be opened and rejected
// again with every statement, without any person seeing it.
func (s *Service) wasRejectedBefore(ctx context.Context, n Settlement) (bool, error) {
	if n.Occurrence < 2 {
		return false, nil
	}
	old, err := s.Store.Load(ctx, n.Tenant, ident.Settlement(IDOf(n.Identity, n.Occurrence-1)))
	return old.wasRejectedByReview(), err
}

// wasRejectedByReview reports whether the system has rejected s because of a finding of its review.
func (s Settlement) wasRejectedByReview() bool {
	return s.Status == Failed && s.ReasonClass == Rejected && s.Review != nil &&
		s.Review.Rejects != "" && s.History[len(s.History)-1].By == byReview
}

// isAboutToBeRejected reports whether the system will reject s because of a finding of its review.
// A hold that a person has set, and a missing rule, postpone the rejection.
func (s Settlement) isAboutToBeRejected() bool {
	return s.Status == InReview && s.Quote != "" && s.Review != nil && s.Review.Rejects != "" &&
		(s.Hold == nil || (!s.Hold.ByHand && s.Hold.Reason != HoldRuleGap))
}

// holdOfEffect returns the hold reason for an effect of the review rules, "" for none.
func holdOfEffect(effect string) string {
	switch effect {
	case review.HoldRisk:
		return HoldRisk
	case review.HoldManual:
		return HoldManual
	}
	return ""
}

// reviewPage is the number of a creator's latest settlements that a review reads.
const reviewPage = 100

// reviewFacts gathers the facts for the tenant's checks. It reads one page of the creator's
// settlements, newest first. An older payment is not seen; the creator then counts as never paid
// before, and a person decides.
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
		if o.ID != n.ID {
			addToFacts(&f, o, creator, first, n.PaymentDate)
		}
	}
	if f.OtherContract, err = s.hasContractChanged(ctx, n); err != nil || s.Checks.Holders == nil {
		return f, err
	}
	same, known, err := s.Checks.Holders.HolderIsTaxpayer(ctx, n.Tenant, n.CreatorID, n.TaxpayerID)
	f.HolderDiffers = known && !same
	return f, err
}

// addToFacts adds another settlement o of the creator to the facts of a review: whether the creator
// was paid before, and whether the payout account has changed since every such payment; and, when o
// is paid after the day first and not after last, its gross to the sum of the window.
func addToFacts(f *review.Facts, o Settlement, creator tenancy.Creator, first, last civil.Date) {
	if o.Status == Paid && o.Payout.State == payout.Paid { // the money arrived and was not returned
		f.AccountNewer = creator.PayoutAt.After(o.Payout.SentAt) && (!f.PaidBefore || f.AccountNewer)
		f.PaidBefore = true
	}
	if o.Status != Failed && o.ReopenedBy == "" && o.PaymentDate.After(first) &&
		!o.PaymentDate.After(last) {
		f.Count++
		f.Sum = f.Sum.Add(o.Gross)
	}
}

// hasContractChanged reports whether the contract for the settlement's period is another version
// now than at the opening. The share of a payee party is split by the main creator's contract, so
// that the payee's contract is not compared.
func (s *Service) hasContractChanged(ctx context.Context, n Settlement) (bool, error) {
	if n.Source == SourceParty {
		return false, nil
	}
	c, err := s.Directory.Contract(ctx, n.Tenant, n.CreatorID, n.IncomeType, n.ServicePeriod.Last())
	if fault.HasCode(err, fault.RuleMissing) {
		return true, nil
	}
	return c.ContractID != n.Contract || c.Version.Version != n.ContractVersion, err
}

// withMasterDataMakers adds to the preparers of n the people who made its present contract, payout
// account and tax profile: whoever changed them since the opening may not approve.
func (s *Service) withMasterDataMakers(ctx context.Context, n Settlement) (Settlement, error) {
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

// RefuseCashier refuses an act of preparation to a cashier, who pays (segregation of duties).
func RefuseCashier(by identity.Principal) error {
	if by.HasRole(identity.Cashier) {
		return fault.New(fault.Forbidden, "cashier",
			"A cashier prepares nothing; another person must do this.")
	}
	return nil
}

// moveAutomatically makes the move that the tenant's review rules leave to the system: it submits a
// quoted settlement, approves one that passes every check, and rejects one that a check rejects.
// The checks are run again first; a settlement that does not pass them any more waits for a person.
func (v *Advancer) moveAutomatically(ctx context.Context, s Settlement) error {
	rules, err := v.service.reviewRules(ctx, s.Tenant)
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
		if n.isAboutToBeRejected() {
			return v.rejectByReview(ctx, s, n, a, now)
		}
		a.Name = "settlement.approved"
		if n.Hold == nil && n.Automatic {
			n, err = n.Approve(s.StatusVersion, a, now)
		} else {
			a.Name = "settlement.reviewed"
			n = n.withAct(a, now)
		}
	}
	if err != nil {
		return err
	}
	n.Arrival = v.service.expectedArrival(ctx, n)
	return v.service.Store.Apply(ctx, Change{Old: &s, New: n})
}

// rejectByReview fails a settlement because of the finding that its review has just made.
func (v *Advancer) rejectByReview(ctx context.Context, old, n Settlement, a Act,
	now time.Time) error {
	b, err := v.service.readBookingFacts(ctx, n)
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
