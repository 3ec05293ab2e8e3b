package settlement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// Calendar knows the working days. Its methods answer fault.RuleMissing for a day of a year whose
// calendar is not loaded.
type Calendar interface {
	WorkingDayOnOrAfter(day civil.Date) (civil.Date, error)
	NextWorkingDay(after civil.Date) (civil.Date, error)
	IsWorkingDay(day civil.Date) (bool, error)
}

// Request is the body of a settle call (POST /v1/incentive/settle).
type Request struct {
	UserID        ident.Creator `json:"user_id"`
	ActivityID    string        `json:"activity_id"`
	TS            Millis        `json:"ts"`
	Amount        money.Amount  `json:"amount"`
	IncomeType    string        `json:"income_type"`
	TraceID       string        `json:"trace_id"`
	ServicePeriod civil.Month   `json:"service_period"`
	GMV           *money.Amount `json:"gmv"`
	Rate          *money.Rate   `json:"rate"`
}

// Millis are milliseconds since 1970, written as an integer or a string of digits.
type Millis int64

var errMillis = errors.New("must be whole milliseconds since 1970")

// UnmarshalJSON reads milliseconds that are written as an integer or as a string of digits.
func (m *Millis) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return errMillis
	}
	*m = Millis(n)
	return nil
}

// Answer is the body of a settle call's answer.
type Answer struct {
	SettlementID  ident.Settlement `json:"settlement_id"`
	Status        Status           `json:"status"`
	StatusVersion int              `json:"status_version"`
	Arrival       time.Time        `json:"expected_arrival"`
}

// How names the case of the contract by which a settle call was answered.
type How int

// The three cases in which a settle call is answered without an error.
const (
	// Opened is a new settlement, answered with HTTP status 201.
	Opened How = iota
	// Again is a repeated key, for which the first answer is replayed with HTTP status 201.
	Again
	// Existing is a payable that exists already and was called under a new key: HTTP status 200.
	Existing
)

// StatementPrefix begins the activity ids that only statements use.
const StatementPrefix = "stmt:"

// repeatWindow is how long a second call with the same key is refused as a duplicate; backWindow
// and aheadWindow bound the ts of a call around the business time.
const (
	repeatWindow = 120 * time.Second
	backWindow   = 400 * 24 * time.Hour
	aheadWindow  = 5 * time.Minute
)

var (
	keyShape  = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	largest   = money.MustParse("99999999999.99")
	typeShape = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)
)

// KeyProblem returns what is wrong with an X-Idemp-Key header, nil when it is valid.
func KeyProblem(key string) *fault.Field {
	if keyShape.MatchString(key) {
		return nil
	}
	return &fault.Field{Field: "X-Idemp-Key",
		Problem: "the header must hold 8 to 64 letters, digits, _ or -"}
}

// validate reports every invalid field of a settle call at once.
func (r *Request) validate(key string, business time.Time) error {
	var p fault.Problems
	id := "must be 1 to 64 letters, digits, _ or -"
	if k := KeyProblem(key); k != nil {
		p = append(p, *k)
	}
	p.AddIf(!ident.Valid(r.UserID), "user_id", id)
	p.AddIf(strings.HasPrefix(r.ActivityID, StatementPrefix), "activity_id",
		"must not begin with stmt:, statements use it")
	p.AddIf(!strings.HasPrefix(r.ActivityID, StatementPrefix) && !ident.Valid(r.ActivityID),
		"activity_id", id)
	p.AddIf(r.TraceID != "" && !ident.Valid(r.TraceID), "trace_id", id)
	p.AddIf(!typeShape.MatchString(r.IncomeType), "income_type",
		"must be the name of an income type, like live_tip")
	p.AddIf(!r.Amount.Positive() || r.Amount.Cmp(largest) > 0, "amount",
		"must be yuan above 0.00 with exactly two decimals, at most "+largest.String())
	at := time.UnixMilli(int64(r.TS))
	p.AddIf(at.After(business.Add(aheadWindow)), "ts", "lies more than 5 minutes ahead")
	p.AddIf(at.Before(business.Add(-backWindow)), "ts", "lies more than 400 days back")
	p.AddIf((r.GMV == nil) != (r.Rate == nil), "rate", "gmv and rate come together")
	if r.GMV != nil && r.Rate != nil {
		wrong := r.GMV.Negative() || !r.Rate.IsShare()
		p.AddIf(wrong, "gmv", "gmv must not be negative and rate must lie between 0 and 1")
		p.AddIf(!wrong && r.Rate.ApplyTo(*r.GMV, money.HalfEven) != r.Amount, "amount",
			"does not equal gmv x rate to the fen")
	}
	return p.Err()
}

// RefuseUnreadable returns the error of a settle call some of whose fields could not be decoded:
// the fields in found, and what is invalid in the other fields. Where the whole document was
// unreadable the other fields are unknown, and only the key is checked.
func (s *Service) RefuseUnreadable(ctx context.Context, key string, r Request, found []fault.Field,
	unreadable bool) error {
	about := func(field string) bool {
		return slices.ContainsFunc(found, func(f fault.Field) bool { return f.Field == field })
	}
	if about("gmv") || about("rate") {
		// gmv x rate is compared with the amount only when both could be decoded
		r.GMV, r.Rate = nil, nil
	}
	var more []fault.Field
	if unreadable {
		if k := KeyProblem(key); k != nil {
			more = append(more, *k)
		}
	} else {
		business, err := s.Clock.BusinessTime(ctx)
		if err != nil {
			return fault.Temporary(err)
		}
		if err := r.validate(key, business); err != nil {
			more = fault.AsError(err).Fields
		}
	}
	all := slices.Clone(found)
	for _, f := range more {
		if !about(f.Field) {
			all = append(all, f)
		}
	}
	return fault.Invalid(all...)
}

// contentHash is the hash of the validated fields of a settle call without trace_id: two calls of
// the same hash ask for the same payable.
func (r *Request) contentHash() string {
	parts := []string{string(r.UserID), r.ActivityID, strconv.FormatInt(int64(r.TS), 10),
		r.Amount.String(), r.IncomeType, r.ServicePeriod.String(), "", ""}
	if r.GMV != nil {
		parts[6], parts[7] = r.GMV.String(), r.Rate.String()
	}
	return hashParts(parts...)
}

// hashParts returns the hash by which the content of two payables is compared.
func hashParts(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x1f")))
	return hex.EncodeToString(sum[:16])
}

// Settle opens the payable of a settle call. The checks come in the order that the contract
// prescribes; a race that another call has won is decided by reading what that call has written.
func (s *Service) Settle(ctx context.Context, by identity.Principal, key string,
	r Request) (Answer, How, error) {
	if err := RefuseCashier(by); err != nil {
		return Answer{}, 0, err
	}
	business, err := s.Clock.BusinessTime(ctx)
	if err != nil {
		return Answer{}, 0, fault.Temporary(err)
	}
	if err := r.validate(key, business); err != nil {
		return Answer{}, 0, err
	}
	if r.ServicePeriod.IsZero() {
		r.ServicePeriod = civil.MonthOf(time.UnixMilli(int64(r.TS)))
	}
	call := &settleCall{service: s, by: by, key: key, r: r, hash: r.contentHash(), writeID: s.NewID(),
		today: civil.DateOf(business)}
	var how How
	answer, err := optimistic.RetryValue(ctx,
		func() (a Answer, err error) {
			a, how, err = call.attemptSettle(ctx)
			return a, err
		})
	return answer, how, err
}

// settleCall is one settle call while it is tried.
type settleCall struct {
	service            *Service
	by                 identity.Principal
	key, hash, writeID string
	r                  Request
	today              civil.Date
}

// attemptSettle makes one try of a settle call: it answers a known key or a known payable, and
// opens a new one.
func (c *settleCall) attemptSettle(ctx context.Context) (Answer, How, error) {
	known, err := c.service.Store.Key(ctx, c.by.Tenant, c.key)
	if err != nil {
		return Answer{}, 0, err
	}
	if known != nil && known.WriteID != c.writeID {
		return c.answerRepeatedKey(known)
	}
	if known != nil { // an earlier try of this call has written the record; only its answer was lost
		return answerOf(string(known.Settlement), known.Arrival), Opened, nil
	}
	last, n, err := c.service.LatestOccurrence(ctx, c.by.Tenant, c.r.payable().identity())
	if err != nil {
		return Answer{}, 0, err
	}
	if last != nil && !last.IsUndone() {
		return c.answerKnownPayable(ctx, last)
	}
	return c.openPayable(ctx, n+1)
}

// answerRepeatedKey answers a call whose key was used before (cases 2, 3 and 4 of the contract):
// refused with other content, refused as a duplicate within repeatWindow, else the first answer.
func (c *settleCall) answerRepeatedKey(known *KeyRecord) (Answer, How, error) {
	switch {
	case known.ContentHash != c.hash:
		return Answer{}, 0,
			fault.New(fault.OtherContent, "key_reused",
				"This X-Idemp-Key was used with another body; use a new key for another payable.")
	case c.service.Clock.Instant().Sub(known.At) < repeatWindow:
		return Answer{}, 0, &fault.Error{Code: fault.Duplicate, Reason: "duplicate_request",
			Public: "duplicate request", Settlement: known.Settlement}
	}
	return answerOf(string(known.Settlement), known.Arrival), Again, nil
}

// answerKnownPayable answers a call for a payable that was opened under another key (cases 5 and 6
// of the contract). With the same content the new key is recorded and nothing else changes; with
// other content the call is refused.
func (c *settleCall) answerKnownPayable(ctx context.Context,
	last *Settlement) (Answer, How, error) {
	if last.ContentHash != c.hash {
		return Answer{}, 0,
			fault.New(fault.OtherContent, "payable_exists",
				"This payable (user_id, activity_id, ts) is settled already with other content, as "+
					last.ID+".")
	}
	arrival := last.FirstArrival
	err := c.service.Store.PutKey(ctx, c.keyRecord(last.ID, arrival))
	return answerOf(last.ID, arrival), Existing, err
}

// keyRecord is what is stored of the call's key: content, settlement and first answer.
func (c *settleCall) keyRecord(id string, arrival time.Time) KeyRecord {
	return KeyRecord{Tenant: c.by.Tenant, Key: c.key, ContentHash: c.hash,
		Settlement: ident.Settlement(id), Arrival: arrival, At: c.service.Clock.Instant(),
		WriteID: c.writeID}
}

// answerOf is the answer to a settle call whose payable is settled as id.
func answerOf(id string, arrival time.Time) Answer {
	return Answer{SettlementID: ident.Settlement(id), Status: PendingReview, StatusVersion: 1,
		Arrival: arrival}
}

// openPayable opens occurrence n of the payable of the call. An incentive is paid from the agency's
// cost, every other income from the platform's clearing account.
func (c *settleCall) openPayable(ctx context.Context, n int) (Answer, How, error) {
	source := SourceClearing
	if c.r.IncomeType == "incentive" {
		source = SourceCost
	}
	fresh, err := c.service.Prepare(ctx, Income{Tenant: c.by.Tenant, CreatorID: c.r.UserID,
		IncomeType: c.r.IncomeType, Period: c.r.ServicePeriod,
		Amount: c.r.Amount, GrossBeforePlatform: c.r.Amount, Source: source}, c.today)
	if err != nil {
		return Answer{}, 0, err
	}
	fresh = fresh.completeFromCall(&c.r, c.by.Subject, n)
	ch := c.service.OpeningChange(fresh,
		Act{ID: c.writeID, Name: "settlement.opened", By: c.by.Subject})
	k := c.keyRecord(fresh.ID, ch.New.FirstArrival)
	ch.Key = &k
	if err := c.service.Store.Apply(ctx, ch); err != nil {
		return Answer{}, 0, err
	}
	return answerOf(fresh.ID, ch.New.FirstArrival), Opened, nil
}

// LatestOccurrence finds the last occurrence of a payable and its number; nil and 0 when there is
// none. Occurrences are numbered without gaps, so that the first number that is missing ends the
// search.
func (s *Service) LatestOccurrence(ctx context.Context, tenant ident.Tenant,
	identity string) (*Settlement, int, error) {
	var last *Settlement
	for n := 1; ; n++ {
		found, err := s.Store.Load(ctx, tenant, ident.Settlement(IDOf(identity, n)))
		if fault.HasCode(err, fault.NotFound) {
			return last, n - 1, nil
		}
		if err != nil {
			return nil, 0, err
		}
		last = &found
		if !found.IsUndone() && found.ReopenedBy == "" {
			return last, n, nil
		}
	}
}

// Income is what a settlement is opened for.
type Income struct {
	Tenant     ident.Tenant
	CreatorID  ident.Creator
	IncomeType string
	// platform on which the income was earned; "" means the creator's first platform account
	Platform                    string
	Period                      civil.Month
	Amount, GrossBeforePlatform money.Amount
	Source                      string
	Part                        cycle.Part
	// terms that the caller has found already; nil means those of the period's last day
	Terms *Terms
}

// Terms are the contract that governs an income, and the pay day and VAT date by it.
type Terms struct {
	Contract tenancy.Contract
	Dates    cycle.Dates
}

// Prepare builds the settlement of an income without writing it: it finds creator, contract and
// taxpayer, splits the income by the contract and sets the dates.
//
// Errors: fault.MissingObject when the creator is unknown; 5002 contract_missing when no contract
// covers the income; 5002 not_the_payer when the contract makes somebody else the payer.
func (s *Service) Prepare(ctx context.Context, in Income, today civil.Date) (Settlement, error) {
	creator, err := s.Directory.Creator(ctx, in.Tenant, in.CreatorID)
	if err != nil {
		return Settlement{}, err
	}
	terms, err := s.governingTerms(ctx, in)
	if err != nil {
		return Settlement{}, err
	}
	contract := terms.Contract
	route := contract.Routes[in.IncomeType]
	if !tenancy.IsPaidByTenant(route) {
		return Settlement{}, notThePayer(contract, route)
	}
	taxpayer, err := s.Directory.Taxpayer(ctx, in.Tenant, creator.TaxpayerID)
	if err != nil {
		return Settlement{}, err
	}
	o, err := newOpening(in, creator, contract)
	if err != nil {
		return Settlement{}, err
	}
	o.VATDate = terms.Dates.Right
	o.PayOn = today // without a fixed pay day the settlement may be paid at once
	if terms.Dates.Fixed {
		o.PayOn = laterDate(today, terms.Dates.Right)
	}
	return Settlement{Opening: o, Preparers: distinctPeople(contract.By, creator.By, taxpayer.By),
		Provisional: provisionalOf(terms.Dates)}, nil
}

// newOpening splits an income by a contract and returns the facts of its opening, without dates. An
// incentive that the contract does not split is the creator's alone.
func newOpening(in Income, creator tenancy.Creator, contract tenancy.Contract) (Opening, error) {
	shares, ok := contract.Splits[in.IncomeType]
	if !ok && in.IncomeType == "incentive" {
		shares = split.AllToCreator(creator.CreatorID)
	} else if !ok {
		return Opening{}, contractMissing(in)
	}
	plan, err := split.CompilePlan(in.IncomeType, shares, creator.Level)
	if err != nil {
		return Opening{},
			fault.MissingRule("contract_missing", "contract "+contract.ContractID,
				"The contract's split for "+
					in.IncomeType+" cannot be applied ("+err.Error()+"); correct the contract.").Wrap(err)
	}
	if in.Platform == "" && len(creator.Accounts) > 0 {
		in.Platform = creator.Accounts[0].Platform
	}
	return Opening{
		Tenant: in.Tenant, CreatorID: creator.CreatorID, TaxpayerID: creator.TaxpayerID,
		Entity: contract.PayingEntity, Contract: contract.ContractID,
		ContractVersion: contract.Version.Version, Route: contract.Routes[in.IncomeType],
		IncomeType: in.IncomeType, Platform: in.Platform,
		ServicePeriod: in.Period, Part: in.Part.String(),
		Gross: in.Amount, Shares: plan.SplitAmount(nil, in.Amount),
		Memo:   plan.AppendMemos(nil, in.GrossBeforePlatform),
		Source: in.Source, RevenueBasis: contract.RevenueBasis,
		VATIncluded:  contract.PriceBasis != tenancy.WithoutVAT,
		AfterTax:     contract.PriceBasis == tenancy.AfterTax,
		NeedsInvoice: contract.InvoiceBeforePayment, NeedsConfirm: contract.ConfirmBeforePayment,
		Project: contract.ProjectID, PayMethod: creator.Payout.Method,
	}, nil
}

// distinctPeople sorts names and drops empty and repeated ones.
func distinctPeople(names ...string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// notThePayer is the error for an income type that the contract lets another payer settle.
func notThePayer(contract tenancy.Contract, route string) error {
	return fault.MissingRule("not_the_payer", "contract "+contract.ContractID,
		"By this contract the income type is settled by another payer ("+route+
			"); it makes no payable here.")
}

// contractMissing is the error for an income type that no contract of the creator covers.
func contractMissing(in Income) error {
	return fault.MissingRule("contract_missing", string("contract of "+in.CreatorID+" for ")+
		in.IncomeType,
		"No contract of this creator covers "+in.IncomeType+" in "+in.Period.String()+
			"; record one first.")
}

// governingTerms returns the contract that governs an income, and its dates; where the caller has
// not found them already, they are those of the whole month of the income.
func (s *Service) governingTerms(ctx context.Context, in Income) (Terms, error) {
	if in.Terms != nil {
		return *in.Terms, nil
	}
	contract, err := s.Directory.Contract(ctx, in.Tenant, in.CreatorID, in.IncomeType,
		in.Period.Last())
	if err != nil {
		return Terms{}, err
	}
	return Terms{contract, cycle.DatesOfPeriod(contract, cycle.WholeMonth(in.Period), in.Period.Last(),
			s.Calendar)},
		nil
}

// OpeningChange returns the change that opens a prepared settlement: status PENDING_REVIEW,
// expected arrival and the journal entry of the opening. The caller has set identity and activity
// before.
func (s *Service) OpeningChange(fresh Settlement, a Act) Change {
	now := s.Clock.Instant()
	n := fresh
	n.OpenedAt = now
	n.OpenedBy = a.ID
	n.Opener = a.By
	n.Status = PendingReview
	n.StatusVersion = 1
	n.TransitionID = a.ID
	n.PaymentDate = n.PayOn
	if n.Provisional != nil {
		n.Hold = n.holdByFacts()
	}
	n.Arrival = s.arrivalWhenOpen(n)
	n.FirstArrival = n.Arrival
	n = n.withAct(a, now)
	return Change{New: n, Entry: n.openingEntry(a.ID, now)}
}

// arrivalWhenOpen is the instant at which the money of a settlement that is not paid yet is
// expected, the zero time while its dates are provisional.
func (s *Service) arrivalWhenOpen(n Settlement) time.Time {
	if n.Provisional != nil {
		return time.Time{}
	}
	return arrivalAfterApproval(n.PayOn, s.Calendar)
}

// arrivalAfterApproval expects the money at 14:00 on the first working day after the expected
// approval, which is today or the contract's pay day. It is the zero time while the calendar of
// that year is not loaded.
func arrivalAfterApproval(approval civil.Date, days Calendar) time.Time {
	day, err := days.NextWorkingDay(approval)
	if err != nil {
		return time.Time{}
	}
	return day.Start().Add(14 * time.Hour)
}
