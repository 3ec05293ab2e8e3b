// Package settlement holds the life of a settlement: opened once for a payable, quoted, reviewed by
// a second person, booked and paid. It knows money and law, not AWS. Every act is decided here as a
// Change, which a Store writes as a whole or not at all.
package settlement

import (
	"crypto/md5" //nolint:gosec // an identity that the contract fixes, not a proof
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// Status is the state of a settlement in its state machine (promise P4); it only moves forward.
type Status string

// The statuses of a settlement.
const (
	PendingReview Status = "PENDING_REVIEW"
	InReview      Status = "IN_REVIEW"
	Approved      Status = "APPROVED"
	Paying        Status = "PAYING"
	Paid          Status = "PAID"
	Failed        Status = "FAILED"
)

// Statuses lists all statuses in the order in which a settlement passes them.
func Statuses() []Status {
	return []Status{PendingReview, InReview, Approved, Paying, Paid, Failed}
}

// nextStatuses lists the statuses to which a settlement may move from s.
func (s Status) nextStatuses() []Status {
	switch s {
	case PendingReview:
		return []Status{InReview}
	case InReview:
		return []Status{Approved, Failed}
	case Approved:
		return []Status{Paying}
	case Paying:
		return []Status{Paid, Failed}
	default:
		return nil
	}
}

// The reason classes of a settlement with status FAILED.
const (
	Rejected      = "rejected"       // 已驳回
	Cancelled     = "cancelled"      // 已撤销
	PaymentFailed = "payment_failed" // 付款失败
	Superseded    = "superseded"     // 已替换
)

// CancelledBeforeSend begins the reason of a cancellation after approval.
const CancelledBeforeSend = "CANCELLED_BEFORE_SEND"

// Hold stops a settlement before the first send; it is a field, not a status.
type Hold struct {
	Reason string     `json:"reason"`
	Owner  string     `json:"owner"`
	Until  civil.Date `json:"until"` // null: until its cause is gone
	Text   string     `json:"text"`
	ByHand bool       `json:"bh,omitempty"` // a person set it: only a person or its last day ends it
}

// The reasons of holds.
const (
	HoldRuleGap    = "RULE_GAP"
	HoldNetChanged = "NET_CHANGED"
	HoldInvoice    = "WAITING_INVOICE"
	HoldManual     = "MANUAL"
	HoldRisk       = "RISK"
	HoldPaper      = "PAPER_MISSING"
	HoldReceipt    = "WAITING_RECEIPT"
	HoldAccount    = "ACCOUNT_UNCHECKED"

	HoldDisputed = "DISPUTED" // the creator disputes a line of its statement
	// the contract pays only what the creator has confirmed or accepted
	HoldConfirmation = "WAITING_CONFIRMATION"
	// the calendar of the pay day's year is not loaded: the dates are provisional
	HoldCalendar = "CALENDAR_MISSING"
)

// The sources of openings: each is the account from which an opening takes the gross.
const (
	SourceClearing = "clearing" // platform.clearing
	SourceAccrued  = "accrued"  // creator.accrued: incentives accrued at day close
	SourceCost     = "cost"     // mcn.incentive_cost: an incentive settled by a call
	SourceReopened = "reopened" // a reopened payable: its first occurrence has posted the opening
	SourceParty    = "party"    // party.accrued: the share of a payee party
	SourceOpening  = "opening"  // opening.balance: owed by the tenant's books before this system
)

// Opening holds the facts of a settlement that are set when it is opened. Only two of them may
// change later: provisional dates, and the taxpayer when two taxpayers are merged.
type Opening struct {
	Tenant     ident.Tenant  `json:"-"`
	ID         string        `json:"-"`
	Identity   string        `json:"id"`
	Occurrence int           `json:"n"`
	CreatorID  ident.Creator `json:"c"`
	// changes before the booking when the taxpayer is merged into another one
	TaxpayerID      ident.Taxpayer `json:"tp"`
	Entity          ident.Entity   `json:"e"`
	Contract        string         `json:"ct"`
	ContractVersion int            `json:"cv"`
	Route           string         `json:"r"`
	IncomeType      string         `json:"it"`
	Platform        string         `json:"pl,omitempty"`
	ActivityID      string         `json:"a"`
	TS              int64          `json:"ts"`
	ContentHash     string         `json:"h"`
	TraceID         string         `json:"tr,omitempty"`
	ServicePeriod   civil.Month    `json:"sp"`
	// part of the service period when the contract's cycle is shorter than a month
	Part    string     `json:"pt,omitempty"`
	VATDate civil.Date `json:"vd"`
	// first business date of the payment: the contract's pay day
	PayOn        civil.Date    `json:"po"`
	Gross        money.Amount  `json:"g"`
	Shares       []split.Share `json:"s"`
	Memo         []split.Memo  `json:"m,omitempty"`
	Source       string        `json:"src"`
	RevenueBasis string        `json:"rb,omitempty"`
	VATIncluded  bool          `json:"vi"`
	// the creator's share is promised net: the tax on it is borne by the payer (包税)
	AfterTax bool `json:"at,omitempty"`
	// of the settlement of a payee party: the main settlement that the share belongs to
	Parent       ident.Settlement `json:"pa,omitempty"`
	NeedsInvoice bool             `json:"ni,omitempty"`
	// the contract pays only after the creator has confirmed or accepted the statement
	NeedsConfirm bool             `json:"nf,omitempty"`
	Project      string           `json:"pj,omitempty"`
	PayMethod    string           `json:"pm"`
	OpenedAt     time.Time        `json:"-"`
	OpenedBy     string           `json:"ob"` // id of the act, and of the opening's journal entry
	Reopens      ident.Settlement `json:"ro,omitempty"`
	// of a reopened payable whose month is filed: the earlier occurrence whose booking it pays
	Carries ident.Settlement `json:"cb,omitempty"`
	Opener  string           `json:"op"` // the person, or system job, that opened the settlement
}

// CreatorShare is the part of the gross that the contract gives to the creator.
func (o Opening) CreatorShare() money.Amount {
	var sum money.Amount
	for _, s := range o.Shares {
		if s.Kind == split.KindCreator {
			sum = sum.Add(s.Amount)
		}
	}
	return sum
}

// SetOff is a deduction from the net that pays a claim on the creator (抵扣). It never changes a tax
// base.
type SetOff struct {
	Receivable string `json:"r"` // the receivable that it pays
	// refund_recovery, tax_shortfall, advance, penalty, court_order, other
	Kind     string       `json:"k"`
	Amount   money.Amount `json:"a"`
	Document string       `json:"d,omitempty"`
}

// Move is one change of status in the history of a settlement.
type Move struct {
	From         Status    `json:"from"`
	To           Status    `json:"to"`
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	TransitionID string    `json:"transition_id"`
	Reason       string    `json:"reason"`
}

// Payout is the payment of a settlement through a gateway. Its key is stored before the first send
// and never replaced (promise P3).
type Payout struct {
	Key       string       `json:"k"`
	Method    string       `json:"m"`
	State     payout.State `json:"s"`
	SentAt    time.Time    `json:"t,omitzero"`
	GatewayID string       `json:"g,omitempty"`
	Reason    string       `json:"r,omitempty"`
}

// Act describes the last write of a settlement. The table's stream takes it to the audit trail, so
// that the write itself serves as the outbox.
type Act struct {
	ID     string `json:"id"` // chosen before the first try; the transition_id where the status moved
	Name   string `json:"a"`  // "settlement.approved"
	By     string `json:"by"`
	Reason string `json:"why,omitempty"`
	Ledger string `json:"lh,omitempty"` // hash of the journal entry posted with it
}

// Settlement is the state of one occurrence of a payable.
type Settlement struct {
	Opening
	Status        Status
	StatusVersion int
	LastUpdated   time.Time
	TransitionID  string
	Revision      int // grows by 1 with every write; the condition of the next write
	Hold          *Hold
	Provisional   *Provisional // VATDate and PayOn may still move; nil once they are final
	PaymentDate   civil.Date   // expected until booked, then the date of booking and first send
	Quote         string       // content hash of the quoted figures, "" without a quote
	Booking       string       // content hash of the booked figures, "" until booked
	BookedEntry   string       // id of the journal entry and tax rows of the booking
	Net           money.Amount
	ToPay         money.Amount
	// the net that an approver has approved, or has confirmed after the net fell
	ApprovedNet *money.Amount
	ApprovedPay *money.Amount // the approved amount to pay; nil when it is the approved net
	// the booking stays although the money did not arrive, because its month is filed
	Kept      bool
	SetOffs   []SetOff // taken from the net: as quoted until booked
	Payout    *Payout
	Preparers []string
	Parties   []PartyLink // settlements opened for the payee shares, in the order of the shares
	Approvals []Approval  // who has approved so far
	Review    *Review     // outcome of the tenant's checks; nil until they were made
	Automatic bool        // the tenant's rules let the system make the next move
	// reasons of holds that a person has released; their causes do not set these holds again
	Waived []string
	// name of the paper that the payee lacked for this payment when it was last looked up
	Lacks string
	// WAITING_RECEIPT or ACCOUNT_UNCHECKED when that condition was last found unmet, else ""
	Awaits    string
	HeldSince time.Time     // instant at which the hold began; zero without a hold
	Paper     *InvoicePaper // the payee's invoice
	// day by which finance answers what the creator disputes; zero where nothing is disputed
	Disputed civil.Date
	// day from which the creator's silence accepts the statement; zero where it was not sent or never
	// does
	ConfirmBy     civil.Date
	StatementSent bool      // the statement with this settlement was sent to the creator
	Confirmed     bool      // the creator has confirmed the statement, or accepted it by silence
	Arrival       time.Time // expected, and the real time when PAID; zero when FAILED
	FirstArrival  time.Time // the expected arrival that the settle call answered
	ReasonClass   string
	ReopenedBy    ident.Settlement
	History       []Move
	Last          Act
}

// IsUndone reports whether this occurrence was rejected, cancelled or superseded, so that its
// payable may be opened again.
func (s Settlement) IsUndone() bool {
	return s.Status == Failed && s.ReasonClass != PaymentFailed
}

// WasSent reports whether the payment may have been sent to the gateway.
func (s Settlement) WasSent() bool { return s.Payout != nil && s.Payout.State != payout.Created }

// Identity is the identity of a payable within its tenant. The contract defines it as the MD5 hash
// of user_id, activity_id and ts.
func Identity(user, activity string, ts int64) string {
	sum := md5.Sum([]byte(user + "\x1f" + activity + "\x1f" +
		strconv.FormatInt(ts, 10))) //nolint:gosec // an identity that the contract fixes, not a proof
	return hex.EncodeToString(sum[:])
}

// IDOf is the settlement id of occurrence n of a payable. Because the id is derived from the
// identity, the table's condition on the key refuses a second settlement of the same payable.
func IDOf(identity string, n int) string { return fmt.Sprintf("st-%s-%d", identity, n) }

// IsUnbooked reports whether a settlement is open and its taxes are not booked yet.
func (s Settlement) IsUnbooked() bool {
	return s.Status == PendingReview || s.Status == InReview || s.Status == Approved
}

// FigureHashes lists the hashes of the figures in force: those of the quote, and those of the
// booking when they differ.
func (s Settlement) FigureHashes() []string {
	switch {
	case s.Quote == "" && s.Booking == "":
		return nil
	case s.Booking == "" || s.Booking == s.Quote:
		return []string{s.Quote}
	case s.Quote == "":
		return []string{s.Booking}
	}
	return []string{s.Quote, s.Booking}
}
