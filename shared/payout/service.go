package payout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Payable is a settlement with the data that its payment needs.
type Payable struct {
	Tenant       ident.Tenant
	SettlementID ident.Settlement
	CreatorID    ident.Creator
	TaxpayerID   ident.Taxpayer
	Entity       ident.Entity // paying entity
	Key          string       // SettlementKey, stored when the settlement was booked
	State        State
	Status       string // the settlement's status
	Version      int64  // the settlement's status_version
	// reason of the settlement's hold, empty for none; a hold is possible before the first send only
	Hold   string
	ToPay  money.Amount
	Method Method
	// Merchant is the merchant account of the paying entity; when it is empty, the tenant's account
	// for the method is used.
	Merchant string
	// Account identifies the version of the payee account that was approved; when it is empty, any
	// version may be paid.
	Account  string
	Period   civil.Month // service period of the settlement, shown to the payee
	TaxMonth civil.Month // month of the payment date by which the settlement's booking was taxed
	// business date of the first send; Service sets it before it calls MarkSent
	PaymentDate civil.Date
	SentAt      time.Time // time of the first send
	// remark shown to the payee; when empty, the remark is made from the service period
	Remark string
	Trace  string // W3C traceparent of the request, for the outbox
}

// Paying is the settlement status in which a payout is sent.
const Paying = "PAYING"

// Payables is the part of settlement storage that payments need.
type Payables interface {
	// Load reads a settlement by a consistent read. Errors: 3003 when the tenant has no such
	// settlement.
	Load(ctx context.Context, tenant ident.Tenant, settlementID ident.Settlement) (Payable, error)
	// MarkSent changes CREATED to SENT before the first send and stores p.PaymentDate and the time.
	// The condition of MarkSent is that the settlement is still PAYING and CREATED, has no hold, and
	// is booked for that month; a failed condition is 3001 or 3002. Finding its own earlier write is
	// success.
	MarkSent(ctx context.Context, p Payable, at time.Time) error
	// RecordOutcome makes one step of Transitions from the stored state to o.State, with its
	// consequences, in one transaction: PAID posts the payment and makes the settlement PAID, FAILED
	// and CANCELLED make it FAILED, RETURNED leaves it PAID. An outcome that Transitions considers old
	// is success and changes nothing; a contradiction is ErrContradiction.
	RecordOutcome(ctx context.Context, p Payable, o Outcome) error
	// FindByKey finds a settlement of the tenant by its payout key. Errors: 3003 when the tenant has
	// no payout with this key.
	FindByKey(ctx context.Context, tenant ident.Tenant, key string) (Payable, error)
}

// Unclear lists payouts that were sent and are not final.
type Unclear interface {
	// ListUnclear returns at most limit payouts, of all tenants, that are SENT, UNKNOWN, ACCEPTED or
	// WAITING_PAYEE and were last changed before a time; the longest waiting come first.
	ListUnclear(ctx context.Context, before time.Time, limit int) ([]Payable, error)
}

// Payee is the account to which money is paid, in clear text. Payee is read immediately before
// sending and never stored or logged.
type Payee struct {
	Account, Holder, Bank string
	// identifies the version of the payee's account; it is compared with Payable.Account
	Ref string
}

// LogValue keeps the data of a payee out of logs.
func (Payee) LogValue() slog.Value { return slog.StringValue("payee") }

// Accounts decrypts the accounts of payees.
type Accounts interface {
	// FindPayee returns the account to which p is to be paid, after an audit record of the read is stored.
	FindPayee(ctx context.Context, p Payable) (Payee, error)
}

// Rebooking requests that a settlement is booked again for another month before anything is sent.
type Rebooking interface {
	// Rebook requests that the booking of p is reversed and made again for the month of today. Rebook
	// is idempotent.
	Rebook(ctx context.Context, p Payable, today civil.Date) error
}

// Service pays settlements. HandleNotice needs only Payables, Merchants, Clock and Log; Pay also
// needs Accounts and Rebooking, and Sweep also needs Unclear.
type Service struct {
	Payables  Payables
	Unclear   Unclear
	Accounts  Accounts
	Rebooking Rebooking
	Merchants Merchants
	Clock     clock.Clock
	Log       *slog.Logger
}

// Decision is what a call of Pay did.
type Decision string

// What a call of Pay did.
const (
	// nothing: the settlement is on hold, not PAYING, or its payout is final
	NothingDue   Decision = "nothing"
	GatewayAsked Decision = "asked" // the gateway was called, to pay or to query
	// the tax month has changed; a new booking was requested and nothing sent
	RebookNeeded Decision = "rebook"
)

// queryPeriod is how long a gateway answers queries about an order. After it NOT_FOUND proves
// nothing: only the gateway's bill or a bank statement shows what happened.
const queryPeriod = 29 * 24 * time.Hour

// ErrPayeeChanged means that the payee's account is not the approved one; nothing was sent.
var ErrPayeeChanged = fault.New(fault.IllegalMove, "payee_changed",
	"The payee's account was changed after the approval; cancel this settlement and let the next "+
		"one be approved with the new account.")

// Pay does the next step for the payout of a settlement: the first send, or a query of what became
// of it. Pay may be called any number of times, also concurrently; money moves once.
func (s *Service) Pay(ctx context.Context, tenant ident.Tenant,
	settlementID ident.Settlement) (Decision, error) {
	p, err := s.Payables.Load(ctx, tenant, settlementID)
	if err != nil {
		return NothingDue, err
	}
	return s.payPayable(ctx, p)
}

// payPayable chooses the next step by the state of the payout.
func (s *Service) payPayable(ctx context.Context, p Payable) (Decision, error) {
	switch {
	case p.Status != Paying:
		return NothingDue, nil
	case p.State == Created && p.Hold != "":
		return NothingDue, nil
	case p.State == Created:
		return s.sendFirst(ctx, p)
	case p.State.IsOpen():
		return GatewayAsked, s.resolveByQuery(ctx, p)
	default:
		return NothingDue, nil
	}
}

// sendFirst sends the payment for the first time. Whatever can be refused is refused before the
// state SENT is stored.
func (s *Service) sendFirst(ctx context.Context, p Payable) (Decision, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return NothingDue, err
	}
	// Tax is due for the month of payment; a booking for another month must be replaced first.
	if today.Month() != p.TaxMonth {
		return RebookNeeded, s.Rebooking.Rebook(ctx, p, today)
	}
	gateway, order, err := s.prepareOrder(ctx, p)
	if err != nil {
		return NothingDue, err
	}
	p.PaymentDate = today
	p.SentAt = s.Clock.Instant()
	// SENT is stored before the send: after a crash the gateway is queried, and money is never sent
	// without a trace.
	err = s.Payables.MarkSent(ctx, p, p.SentAt)
	if fault.HasCode(err, fault.IllegalMove) || fault.HasCode(err, fault.StaleVersion) {
		return s.reloadAfterRefusal(ctx, p, err)
	}
	if err != nil {
		return NothingDue, err
	}
	p.State = Sent
	return GatewayAsked, s.sendOrder(ctx, p, gateway, order, true)
}

// reloadAfterRefusal reads the settlement again after MarkSent was refused: it may have been put on
// hold or cancelled, or another process is sending it, whose send may be in progress, so that only
// a query is allowed.
func (s *Service) reloadAfterRefusal(ctx context.Context, p Payable,
	cause error) (Decision, error) {
	now, err := s.Payables.Load(ctx, p.Tenant, p.SettlementID)
	if err != nil {
		return NothingDue, err
	}
	if now.State == Created && now.Status == Paying && now.Hold == "" {
		// no known obstacle to the payment: the next delivery of the message tries again
		return NothingDue, cause
	}
	return s.payPayable(ctx, now)
}

// prepareOrder finds the merchant account and makes the order, whose content is the same each time.
func (s *Service) prepareOrder(ctx context.Context, p Payable) (Gateway, Order, error) {
	gateway, err := s.Merchants.GatewayFor(ctx, p.Tenant, p.Method, p.Merchant)
	if err != nil {
		return nil, Order{}, err
	}
	payee, err := s.Accounts.FindPayee(ctx, p)
	if err != nil {
		return nil, Order{}, err
	}
	if p.Account != "" && p.Account != payee.Ref {
		return nil, Order{}, ErrPayeeChanged
	}
	o := Order{Key: p.Key, Amount: p.ToPay, Account: payee.Account, HolderName: payee.Holder,
		Bank: payee.Bank, Remark: p.remarkOrDefault()}
	return gateway, o, o.Validate()
}

// remarkOrDefault returns the remark for the payee, by default the service period.
func (p Payable) remarkOrDefault() string {
	if p.Remark != "" {
		return p.Remark
	}
	return p.Period.String() + " 结算款"
}

// sendOrder sends the order and stores the outcome. With followUp an unclear outcome is queried at
// once, because most of them are clear by then.
func (s *Service) sendOrder(ctx context.Context, p Payable, g Gateway, order Order,
	followUp bool) error {
	o, err := g.Send(ctx, order)
	if err != nil {
		// A failing gateway is an UNKNOWN outcome; an error of Gateway.Send means that the order or our
		// own configuration is wrong, so a retry cannot help.
		return fault.Internal(err)
	}
	if p, err = s.recordOutcome(ctx, p, o); err != nil {
		return err
	}
	if o.State == Unknown && followUp {
		return s.resolveByQuery(ctx, p)
	}
	return nil
}

// query asks the gateway of a payout for the state of its order. A gateway that fails is an UNKNOWN
// outcome; 5001 means that our own configuration is wrong.
func (s *Service) query(ctx context.Context, p Payable) (Outcome, error) {
	gateway, err := s.Merchants.GatewayFor(ctx, p.Tenant, p.Method, p.Merchant)
	if err != nil {
		return Outcome{}, err
	}
	o, err := gateway.QueryOutcome(ctx, p.Key)
	if err != nil {
		return Outcome{}, fault.Internal(err)
	}
	return o, nil
}

// resolveByQuery asks the gateway for the state of a payout that was sent. When the gateway does
// not know a payout that it may never have received, the same order is sent again under the same
// key.
func (s *Service) resolveByQuery(ctx context.Context, p Payable) error {
	o, err := s.query(ctx, p)
	if err != nil {
		return err
	}
	if o.State != NotFound {
		_, err = s.recordOutcome(ctx, p, o)
		return err
	}
	if p.State != Sent && p.State != Unknown {
		// a gateway that had accepted the order now denies it
		return contradictionError(p.State, NotFound)
	}
	// The gateway may have paid and forgotten the order, so it must not be sent again.
	if s.Clock.Instant().Sub(p.SentAt) > queryPeriod {
		return contradictionError(p.State, NotFound)
	}
	gateway, order, err := s.prepareOrder(ctx, p)
	if err != nil {
		return err
	}
	return s.sendOrder(ctx, p, gateway, order, false)
}

// recordOutcome stores the transitions that follow from an outcome, one by one.
func (s *Service) recordOutcome(ctx context.Context, p Payable, o Outcome) (Payable, error) {
	// Another amount means that the outcome is not about this payout.
	if !o.Amount.IsZero() && o.Amount != p.ToPay {
		return p, amountContradiction(p, o)
	}
	steps, err := Transitions(p.State, o.State)
	if err != nil {
		return p, err
	}
	for _, step := range steps {
		from := p.State
		o.State = step
		if err := s.Payables.RecordOutcome(ctx, p, o); err != nil {
			return p, err
		}
		p.State = step
		s.Log.InfoContext(ctx, "payout heard", "tenant", p.Tenant, "settlement_id", p.SettlementID,
			"payout_key", p.Key, "from", from, "to", step, "gateway_id", o.GatewayID,
			"reason", o.Reason, "amount", p.ToPay.String(), "trace", p.Trace)
	}
	return p, nil
}

// amountContradiction returns ErrContradiction with both amounts.
func amountContradiction(p Payable, o Outcome) error {
	return ErrContradiction.Wrap(fmt.Errorf("payout of %s, gateway says %s", p.ToPay, o.Amount))
}

// HandleNotice handles a gateway's message: it verifies the signature, finds the payout in the
// tenant of the merchant account, compares the amount and stores the outcome. A message about an
// UNKNOWN payout only causes a query, because only a query ends that state.
//
// Errors: those of Gateways.ReadNotice; 3003 for a key that the tenant does not have;
// ErrContradiction; 5003 while the gateway does not answer the query.
func (s *Service) HandleNotice(ctx context.Context, method Method, headers map[string]string,
	body []byte) error {
	n, err := s.Merchants.ReadNotice(ctx, method, headers, body)
	if err != nil {
		return err
	}
	p, err := s.Payables.FindByKey(ctx, n.Tenant, n.Key)
	if err != nil {
		return err
	}
	if p.Method != method {
		return fault.MissingObject("payout")
	}
	if n.Amount != p.ToPay {
		return amountContradiction(p, n.Outcome)
	}
	if p.State == Unknown {
		return s.queryAfterNotice(ctx, p)
	}
	_, err = s.recordOutcome(ctx, p, n.Outcome)
	return err
}

// queryAfterNotice queries an UNKNOWN payout after a notice about it. While the query gives no
// clear answer, the error 5003 makes the gateway send its notice again.
func (s *Service) queryAfterNotice(ctx context.Context, p Payable) error {
	o, err := s.query(ctx, p)
	if err != nil {
		return err
	}
	if o.State == Unknown || o.State == NotFound {
		return fault.Temporary(fmt.Errorf("gateway notified, but its query says %s %s", o.State,
			o.Reason))
	}
	_, err = s.recordOutcome(ctx, p, o)
	return err
}

// A notice normally arrives within seconds, so a sweep queries no payout younger than sweepMinAge.
// One sweep queries at most sweepLimit payouts; the next one continues.
const (
	sweepMinAge = time.Minute
	sweepLimit  = 1000
)

// SweepUnclear is the scheduled call of Sweep.
func (s *Service) SweepUnclear(ctx context.Context) error {
	return s.Sweep(ctx, s.Clock.Instant().Add(-sweepMinAge), sweepLimit)
}

// Sweep queries at most limit payouts that have been open since before a time. A failing payout
// does not stop the others; the error joins all failures.
func (s *Service) Sweep(ctx context.Context, before time.Time, limit int) error {
	list, err := s.Unclear.ListUnclear(ctx, before, limit)
	if err != nil {
		return err
	}
	var (
		mu     sync.Mutex
		failed []error
		asking sync.WaitGroup
		slots  = make(chan struct{}, pace.Parallelism(ctx, sweepAtOnce))
	)
	for _, p := range list {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			if err := s.resolveUnclear(ctx, p); err != nil {
				mu.Lock()
				failed = append(failed, err)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return errors.Join(failed...)
}

// sweepAtOnce is the number of payouts that a sweep queries at the same time.
const sweepAtOnce = 8

// resolveUnclear does the next step for one open payout and logs its failure.
func (s *Service) resolveUnclear(ctx context.Context, p Payable) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.payPayable(ctx, p)
	if err == nil {
		return nil
	}
	e := fault.AsError(err)
	s.Log.ErrorContext(ctx, "payout stays unclear", "tenant", p.Tenant, "settlement_id",
		p.SettlementID, "payout_key", p.Key, "state", p.State, "code", int(e.Code), "reason", e.Reason,
		"cause", e.Error())
	return fmt.Errorf("settlement %s: %w", p.SettlementID, err)
}

// Message is a message of the payout queue.
type Message struct {
	Tenant       ident.Tenant     `json:"tenant"`
	SettlementID ident.Settlement `json:"settlement_id"`
	TransitionID string           `json:"transition_id"`
	// send or query; both operations do the payout's next step
	Op    string `json:"op"`
	Trace string `json:"trace,omitempty"`
}

// ParseMessage reads a message of the payout queue. Errors: 2001 with every problem.
func ParseMessage(body []byte) (Message, error) {
	var m Message
	if json.Unmarshal(body, &m) != nil {
		return m, fault.Invalid(fault.Field{Field: "", Problem: "must be a payout message"})
	}
	var problems fault.Problems
	problems.AddIf(m.Tenant == "", "tenant", "is missing")
	problems.AddIf(m.SettlementID == "", "settlement_id", "is missing")
	problems.AddIf(m.Op != "send" && m.Op != "query", "op", "must be send or query")
	if len(problems) > 0 {
		return m, fault.Invalid(problems...)
	}
	return m, nil
}

// HandleMessage does the next step for the payout that a message of the payout queue names.
func (s *Service) HandleMessage(ctx context.Context, body []byte) error {
	m, err := ParseMessage(body)
	if err != nil {
		return err
	}
	decision, err := s.Pay(ctx, m.Tenant, m.SettlementID)
	s.Log.InfoContext(ctx, "payout message", "tenant", m.Tenant, "settlement_id", m.SettlementID,
		"transition_id", m.TransitionID, "op", m.Op, "decision", decision, "trace", m.Trace)
	return err
}
