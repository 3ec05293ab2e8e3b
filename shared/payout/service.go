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

// Payable is a settlement as paying sees it.
type Payable struct {
	Tenant       ident.Tenant
	SettlementID ident.Settlement
	CreatorID    ident.Creator
	TaxpayerID   ident.Taxpayer
	Entity       ident.Entity // paying entity
	Key          string       // KeyFor, written when the settlement was booked
	State        State
	Status       string // the settlement's status
	Version      int64  // the settlement's status_version
	Hold         string // reason of the hold, empty for none; possible before the first send only
	ToPay        money.Amount
	Method       Method
	// merchant account of the paying entity; empty: the tenant's for the method
	Merchant string
	// names the version of the payee account that was approved; empty: not bound
	Account     string
	Period      civil.Month // service period, shown to the payee
	TaxMonth    civil.Month // month of the payment date that the booking taxed
	PaymentDate civil.Date  // business date of the first send; set by the service before MarkSent
	SentAt      time.Time   // of the first send
	Remark      string      // shown to the payee; empty: made from the period
	Trace       string      // W3C traceparent of what is going on, for the outbox
}

// Paying is the settlement status in which money is sent.
const Paying = "PAYING"

// Payables is the part of settlement storage that paying needs.
type Payables interface {
	// Load gives the settlement as it stands, by a consistent read. It is fault.Absent when there is
	// none.
	Load(ctx context.Context, tenant ident.Tenant, settlementID ident.Settlement) (Payable, error)
	// MarkSent moves CREATED -> SENT before the first send and writes p.PaymentDate and at, on
	// condition that the settlement is still PAYING and CREATED, without a hold and booked for that
	// month. A broken condition is fault.IllegalMove or fault.StaleVersion; finding one's own write is
	// success.
	MarkSent(ctx context.Context, p Payable, at time.Time) error
	// Record moves the payout to o.State by one step of Path from where it stands then, in one act
	// with what follows: PAID writes books and settlement PAID, FAILED and CANCELLED settlement
	// FAILED, RETURNED leaves the settlement PAID. A word that Path calls old is success and changes
	// nothing; a contradiction is ErrContradiction.
	RecordOutcome(ctx context.Context, p Payable, o Outcome) error
	// ByKey finds a settlement by its payout key. It is fault.Absent when there is none in the tenant.
	FindByKey(ctx context.Context, tenant ident.Tenant, key string) (Payable, error)
}

// Unclear lists payouts whose end is outstanding.
type Unclear interface {
	// Unclear gives at most limit payouts, of all tenants, that are SENT, UNKNOWN, ACCEPTED or
	// WAITING_PAYEE and were last changed before a time; the longest waiting first.
	ListUnclear(ctx context.Context, before time.Time, limit int) ([]Payable, error)
}

// Payee is where the money goes, in clear text: fetched right before sending, never stored or
// logged.
type Payee struct {
	Account, Holder, Bank string
	Ref                   string // names the version of the account, compared with Payable.Account
}

// LogValue keeps a payee out of logs.
func (Payee) LogValue() slog.Value { return slog.StringValue("payee") }

// Accounts decrypts payees.
type Accounts interface {
	// Payee gives the account that p is to be paid to. The read is told to the audit before it is
	// answered.
	Payee(ctx context.Context, p Payable) (Payee, error)
}

// Rebooking has a settlement taxed again for another month before anything is sent.
type Rebooking interface {
	// Rebook asks for the booking of p to be reversed and made anew for the month of today; asking
	// twice is asking once.
	Rebook(ctx context.Context, p Payable, today civil.Date) error
}

// Service pays. Hear needs Payables, Merchants, Clock and Log only; Pay needs Accounts and
// Rebooking besides, and Sweep needs Unclear too.
type Service struct {
	Payables  Payables
	Unclear   Unclear
	Accounts  Accounts
	Rebooking Rebooking
	Merchants Merchants
	Clock     clock.Clock
	Log       *slog.Logger
}

// Decision is what a call of the service came to.
type Decision string

// The decisions.
const (
	NothingDue   Decision = "nothing" // not to be paid now: on hold, not PAYING, or already on its way
	GatewayAsked Decision = "asked"   // the gateway was asked to pay, or what became of it
	RebookNeeded Decision = "rebook"  // the tax month has changed; nothing was sent
)

// reach is how long a gateway answers queries about an order. After it NOT_FOUND says nothing: only
// the gateway's bill or a bank statement line ends the payout.
const reach = 29 * 24 * time.Hour

// ErrPayeeChanged tells that the payee's account is not the one that was approved; nothing was
// sent.
var ErrPayeeChanged = fault.New(fault.IllegalMove, "payee_changed",
	"The payee's account was changed after the approval; cancel this settlement and let the next "+
		"one be approved with the new account.")

// Pay does what a settlement needs next: the first send, or the question what became of it. It may
// be called any number of times, also at once: money moves once.
func (s *Service) Pay(ctx context.Context, tenant ident.Tenant,
	settlementID ident.Settlement) (Decision, error) {
	p, err := s.Payables.Load(ctx, tenant, settlementID)
	if err != nil {
		return NothingDue, err
	}
	return s.pay(ctx, p)
}

func (s *Service) pay(ctx context.Context, p Payable) (Decision, error) {
	switch {
	case p.Status != Paying:
		return NothingDue, nil
	case p.State == Created && p.Hold != "":
		return NothingDue, nil
	case p.State == Created:
		return s.first(ctx, p)
	case p.State.IsOpen():
		return GatewayAsked, s.clear(ctx, p)
	default:
		return NothingDue, nil
	}
}

// first sends for the first time. Everything that can be refused is refused before SENT is written.
func (s *Service) first(ctx context.Context, p Payable) (Decision, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return NothingDue, err
	}
	if today.Month() != p.TaxMonth {
		return RebookNeeded, s.Rebooking.Rebook(ctx, p, today)
	}
	gateway, order, err := s.prepare(ctx, p)
	if err != nil {
		return NothingDue, err
	}
	p.PaymentDate, p.SentAt = today, s.Clock.Instant()
	err = s.Payables.MarkSent(ctx, p, p.SentAt)
	if fault.HasCode(err, fault.IllegalMove) || fault.HasCode(err, fault.StaleVersion) {
		return s.overtaken(ctx, p, err)
	}
	if err != nil {
		return NothingDue, err
	}
	p.State = Sent
	return GatewayAsked, s.send(ctx, p, gateway, order, true)
}

// overtaken looks again after somebody else was faster: a hold, a cancellation, or another sender,
// whose send may be under way, so that only asking is right.
func (s *Service) overtaken(ctx context.Context, p Payable, cause error) (Decision, error) {
	now, err := s.Payables.Load(ctx, p.Tenant, p.SettlementID)
	if err != nil {
		return NothingDue, err
	}
	if now.State == Created && now.Status == Paying && now.Hold == "" {
		return NothingDue, cause // nothing we know of stands in the way: the next delivery tries again
	}
	return s.pay(ctx, now)
}

// prepare finds the merchant account and makes the order, which is the same each time.
func (s *Service) prepare(ctx context.Context, p Payable) (Gateway, Order, error) {
	gateway, err := s.Merchants.GatewayFor(ctx, p.Tenant, p.Method, p.Merchant)
	if err != nil {
		return nil, Order{}, err
	}
	payee, err := s.Accounts.Payee(ctx, p)
	if err != nil {
		return nil, Order{}, err
	}
	if p.Account != "" && p.Account != payee.Ref {
		return nil, Order{}, ErrPayeeChanged
	}
	o := Order{Key: p.Key, Amount: p.ToPay, Account: payee.Account, HolderName: payee.Holder,
		Bank: payee.Bank, Remark: p.remark()}
	return gateway, o, o.Validate()
}

func (p Payable) remark() string {
	if p.Remark != "" {
		return p.Remark
	}
	return p.Period.String() + " 结算款"
}

// send asks for the payment and writes down what was heard. An unclear answer is followed up once
// right away: most end there.
func (s *Service) send(ctx context.Context, p Payable, g Gateway, order Order,
	followUp bool) error {
	o, err := g.Send(ctx, order)
	if err != nil {
		return fault.Internal(err)
	}
	if p, err = s.record(ctx, p, o); err != nil {
		return err
	}
	if o.State == Unknown && followUp {
		return s.clear(ctx, p)
	}
	return nil
}

// clear asks the gateway what became of a payout that was sent. Where it knows nothing of a payout
// that we are not sure it ever took, the same order goes out again under the same key.
func (s *Service) clear(ctx context.Context, p Payable) error {
	gateway, err := s.Merchants.GatewayFor(ctx, p.Tenant, p.Method, p.Merchant)
	if err != nil {
		return err
	}
	o, err := gateway.Query(ctx, p.Key)
	if err != nil {
		return fault.Internal(err)
	}
	if o.State != NotFound {
		_, err = s.record(ctx, p, o)
		return err
	}
	if p.State != Sent && p.State != Unknown {
		return contradiction(p.State, NotFound) // it was accepted, and now it is not known
	}
	if s.Clock.Instant().Sub(p.SentAt) > reach {
		return contradiction(p.State, NotFound)
	}
	gateway, order, err := s.prepare(ctx, p)
	if err != nil {
		return err
	}
	return s.send(ctx, p, gateway, order, false)
}

// record takes the gateway's word into the books, step by step.
func (s *Service) record(ctx context.Context, p Payable, o Outcome) (Payable, error) {
	if !o.Amount.IsZero() && o.Amount != p.ToPay {
		return p, otherAmount(p, o)
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
			"payout_key", p.Key,
			"from", from, "to", step, "gateway_id", o.GatewayID, "reason", o.Reason, "amount",
			p.ToPay.String(), "trace", p.Trace)
	}
	return p, nil
}

func otherAmount(p Payable, o Outcome) error {
	return ErrContradiction.Wrap(fmt.Errorf("payout of %s, gateway says %s", p.ToPay, o.Amount))
}

// HandleNotice takes a gateway's message: it verifies it, finds the payout in the tenant whose merchant
// account it is for, compares the amount and writes the word down. A message about an UNKNOWN
// payout is only a reason to ask, because only a query ends that state.
//
// Errors: those of Gateways.Notice; fault.Absent for a key the tenant does not have;
// ErrContradiction; fault.Unavailable while the gateway does not answer the question.
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
		return fault.Absent("payout")
	}
	if n.Amount != p.ToPay {
		return otherAmount(p, n.Outcome)
	}
	if p.State == Unknown {
		return s.ask(ctx, p)
	}
	_, err = s.record(ctx, p, n.Outcome)
	return err
}

func (s *Service) ask(ctx context.Context, p Payable) error {
	gateway, err := s.Merchants.GatewayFor(ctx, p.Tenant, p.Method, p.Merchant)
	if err != nil {
		return err
	}
	o, err := gateway.Query(ctx, p.Key)
	if err != nil {
		return fault.Internal(err)
	}
	if o.State == Unknown || o.State == NotFound {
		return fault.Later(fmt.Errorf("gateway notified, but its query says %s %s", o.State, o.Reason))
	}
	_, err = s.record(ctx, p, o)
	return err
}

// A notice normally comes within seconds: what is younger than quiet is not asked about. One sweep
// asks about sweepLimit payouts at most; the next goes on.
const (
	quiet      = time.Minute
	sweepLimit = 1000
)

// SweepUnclear is the Sweep of the schedule.
func (s *Service) SweepUnclear(ctx context.Context) error {
	return s.Sweep(ctx, s.Clock.Instant().Add(-quiet), sweepLimit)
}

// Sweep asks about payouts that have waited since before, at most limit of them. One that fails
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
		slots  = make(chan struct{}, pace.AtOnce(ctx, sweepAtOnce))
	)
	for _, p := range list {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			if err := s.followUp(ctx, p); err != nil {
				mu.Lock()
				failed = append(failed, err)
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	return errors.Join(failed...)
}

// sweepAtOnce is how many payouts a sweep asks about at the same time.
const sweepAtOnce = 8

func (s *Service) followUp(ctx context.Context, p Payable) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := s.pay(ctx, p)
	if err == nil {
		return nil
	}
	e := fault.Of(err)
	s.Log.ErrorContext(ctx, "payout stays unclear", "tenant", p.Tenant, "settlement_id",
		p.SettlementID, "payout_key", p.Key,
		"state", p.State, "code", int(e.Code), "reason", e.Reason, "cause", e.Error())
	return fmt.Errorf("settlement %s: %w", p.SettlementID, err)
}

// Message is what the payout queue carries.
type Message struct {
	Tenant       ident.Tenant     `json:"tenant"`
	SettlementID ident.Settlement `json:"settlement_id"`
	TransitionID string           `json:"transition_id"`
	Op           string           `json:"op"` // send or query; both do what the payout needs next
	Trace        string           `json:"trace,omitempty"`
}

// ParseMessage reads a message of the payout queue; the error is fault.InvalidInput.
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

// HandleMessage does what a message of the payout queue asks.
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
