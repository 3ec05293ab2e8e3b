// Package settlement is the life of one payable: opened once, quoted, reviewed by a second person,
// booked, paid. It knows money and law, not AWS; every act is decided here as a Change that a Store
// writes whole or not at all.
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

// Status is where a settlement stands (promise P4); it only moves forward.
type Status string

// The statuses.
const (
	PendingReview Status = "PENDING_REVIEW"
	InReview      Status = "IN_REVIEW"
	Approved      Status = "APPROVED"
	Paying        Status = "PAYING"
	Paid          Status = "PAID"
	Failed        Status = "FAILED"
)

// Statuses lists all statuses in the order of life.
func Statuses() []Status {
	return []Status{PendingReview, InReview, Approved, Paying, Paid, Failed}
}

// next lists where each status may go.
func (s Status) next() []Status {
	switch s {
	case PendingReview:
		return []Status{InReview}
	case InReview:
		return []Status{Approved, Failed}
	case Approved:
		return []Status{Paying}
	case Paying:
		return []Status{Paid, Failed}
	}
	return nil
}

// The reason classes of FAILED.
const (
	Rejected      = "rejected"       // 已驳回
	Cancelled     = "cancelled"      // 已撤销
	PaymentFailed = "payment_failed" // 付款失败
	Superseded    = "superseded"     // 已替换
)

// CancelledBeforeSend is the reason of a cancellation after approval.
const CancelledBeforeSend = "CANCELLED_BEFORE_SEND"

// Hold stops a settlement before the first send; it is a field, not a status.
type Hold struct {
	Reason string     `json:"reason"`
	Owner  string     `json:"owner"`
	Until  civil.Date `json:"until"` // null: until its cause is gone
	Text   string     `json:"text"`
	ByHand bool       `json:"bh,omitempty"` // a person set it: only a person or its last day ends it
}

// The holds that the system sets itself.
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

// Sources tell which account an opening takes its money from.
const (
	SourceClearing = "clearing" // platform.clearing
	SourceAccrued  = "accrued"  // creator.accrued: incentives accrued at day close
	SourceCost     = "cost"     // mcn.incentive_cost: an incentive settled by a call
	SourceReopened = "reopened" // a reopened payable: no opening is posted
	SourceParty    = "party"    // party.accrued: a payee party's own settlement
	SourceOpening  = "opening"  // opening.balance: owed from before the tenant began here
)

// Opening are the facts that stand from the opening and never change, but for provisional dates and
// a merged taxpayer.
type Opening struct {
	Tenant     ident.Tenant  `json:"-"`
	ID         string        `json:"-"`
	Identity   string        `json:"id"`
	Occurrence int           `json:"n"`
	CreatorID  ident.Creator `json:"c"`
	// the one fact that may change, before the booking: two taxpayers were found to be one person
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
	// part of the service period where the contract's cycle is shorter than a month
	Part    string     `json:"pt,omitempty"`
	VATDate civil.Date `json:"vd"`
	// not paid before this business date: the contract's pay day
	PayOn        civil.Date    `json:"po"`
	Gross        money.Amount  `json:"g"`
	Shares       []split.Share `json:"s"`
	Memo         []split.Memo  `json:"m,omitempty"`
	Source       string        `json:"src"`
	RevenueBasis string        `json:"rb,omitempty"`
	VATIncluded  bool          `json:"vi"`
	// the creator's share is promised net: the tax on it is borne by the payer (包税)
	AfterTax bool `json:"at,omitempty"`
	// of a payee party's own settlement: the one whose share it is
	Parent       ident.Settlement `json:"pa,omitempty"`
	NeedsInvoice bool             `json:"ni,omitempty"`
	// not paid before the creator has confirmed or accepted its statement
	NeedsConfirm bool             `json:"nf,omitempty"`
	Project      string           `json:"pj,omitempty"`
	PayMethod    string           `json:"pm"`
	OpenedAt     time.Time        `json:"-"`
	OpenedBy     string           `json:"ob"` // id of the act, and of the opening's journal entry
	Reopens      ident.Settlement `json:"ro,omitempty"`
	// of a reopened payable: the occurrence whose booking stands for it, its month being filed
	Carries ident.Settlement `json:"cb,omitempty"`
	Opener  string           `json:"op"` // who opened it
}

// CreatorShare is the part of gross that is the creator's.
func (o Opening) CreatorShare() money.Amount {
	var sum money.Amount
	for _, s := range o.Shares {
		if s.Kind == split.KindCreator {
			sum = sum.Add(s.Amount)
		}
	}
	return sum
}

// SetOff is a deduction from the net (抵扣); it never changes a tax base.
type SetOff struct {
	Receivable string `json:"r"` // the receivable that it pays
	// refund_recovery, tax_shortfall, advance, penalty, court_order, other
	Kind     string       `json:"k"`
	Amount   money.Amount `json:"a"`
	Document string       `json:"d,omitempty"`
}

// Move is one line of the history.
type Move struct {
	From         Status    `json:"from"`
	To           Status    `json:"to"`
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	TransitionID string    `json:"transition_id"`
	Reason       string    `json:"reason"`
}

// Payout is the attempt to pay; its key is written before the first send and never replaced
// (promise P3).
type Payout struct {
	Key       string       `json:"k"`
	Method    string       `json:"m"`
	State     payout.State `json:"s"`
	SentAt    time.Time    `json:"t,omitzero"`
	GatewayID string       `json:"g,omitempty"`
	Reason    string       `json:"r,omitempty"`
}

// Act is what the last write did; the stream image carries it to the audit trail, so that the write
// itself is the outbox.
type Act struct {
	ID     string `json:"id"` // chosen before the first try; the transition_id where the status moved
	Name   string `json:"a"`  // "settlement.approved"
	By     string `json:"by"`
	Reason string `json:"why,omitempty"`
	Ledger string `json:"lh,omitempty"` // hash of the journal entry posted with it
}

// Settlement is the whole state of one payable.
type Settlement struct {
	Opening
	Status        Status
	StatusVersion int
	LastUpdated   time.Time
	TransitionID  string
	Revision      int // grows with every write; the condition of the next one
	Hold          *Hold
	Provisional   *Provisional // VATDate and PayOn may still move; nil once they are final
	PaymentDate   civil.Date   // expected until booked, then the date of booking and first send
	Quote         string       // content hash of the quoted figures, "" until they stand
	Booking       string       // content hash of the booked figures, "" until booked
	BookedEntry   string       // id of the journal entry and tax rows of the booking
	Net           money.Amount
	ToPay         money.Amount
	// the net that an approver has seen: at the approval, or confirmed after it fell
	ApprovedNet *money.Amount
	ApprovedPay *money.Amount // what the approver saw to be paid; nil is the approved net
	// its booking stands for good though its money did not arrive: the month is filed
	Kept      bool
	SetOffs   []SetOff // taken from the net: as quoted until booked
	Payout    *Payout
	Preparers []string
	Parties   []PartyLink // what became of the payee shares, in their order
	Approvals []Approval  // who has approved so far
	Review    *Review     // outcome of the tenant's checks; nil until they were made
	Automatic bool        // the tenant's rules let the system make the next move
	// reasons of holds that a person has released: their causes hold no more
	Waived []string
	// name of the paper that the payee lacks for this payment, as last asked
	Lacks string
	// reason of the hold whose cause outside was last found unmet: WAITING_RECEIPT, ACCOUNT_UNCHECKED
	Awaits    string
	HeldSince time.Time     // since when the hold stands; zero without one
	Paper     *InvoicePaper // the payee's invoice
	// day by which finance answers what the creator disputes; zero where nothing is disputed
	Disputed civil.Date
	// day from which the creator's silence accepts the statement; zero where it was not sent or never
	// does
	ConfirmBy     civil.Date
	StatementSent bool      // the statement that has this settlement lies with the creator
	Confirmed     bool      // the creator has confirmed the statement, or accepted it by silence
	Arrival       time.Time // expected, and the real time when PAID; zero when FAILED
	FirstArrival  time.Time // as it was answered at the opening
	ReasonClass   string
	ReopenedBy    ident.Settlement
	History       []Move
	Last          Act
}

// Dead tells that this occurrence was undone, so that its payable may be opened again: rejected,
// cancelled or superseded.
func (s Settlement) Dead() bool {
	return s.Status == Failed && s.ReasonClass != PaymentFailed
}

// Sent tells whether anything may have left for the gateway.
func (s Settlement) Sent() bool { return s.Payout != nil && s.Payout.State != payout.Created }

// Identity is the identity of a payable within its tenant: the contract fixes it as MD5 over the
// three raw fields.
func Identity(user, activity string, ts int64) string {
	sum := md5.Sum([]byte(user + "\x1f" + activity + "\x1f" +
		strconv.FormatInt(ts, 10))) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

// IDOf names occurrence n of a payable. Being made from the identity, it lets the table itself
// refuse a second settlement of the same payable.
func IDOf(identity string, n int) string { return fmt.Sprintf("st-%s-%d", identity, n) }

// Unbooked tells that a settlement is still open and its taxes are not booked.
func (s Settlement) Unbooked() bool {
	return s.Status == PendingReview || s.Status == InReview || s.Status == Approved
}

// FigureHashes names the figures that stand: the quote, and the booking where it differs.
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
