package settlement

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/tenancy"
)

// ConsentPaper is the name of the paper by which a worker consents in writing that a platform files
// the worker's VAT (代办申报).
const ConsentPaper = "vat_agency_filing_consent"

// Quote computes the taxes of an open settlement and stores them. The computation counts what is
// booked in the period, and the quotes of open settlements that were opened earlier. Quoting again
// without any change of facts writes nothing.
func (t *Taxes) Quote(ctx context.Context, tenant ident.Tenant, id ident.Settlement) error {
	s, err := t.Service.Store.Load(ctx, tenant, id)
	if err != nil || !s.isQuotable() {
		return err
	}
	if moved, err := t.followMerge(ctx, s); err != nil || moved {
		return err
	}
	s, final := t.Service.withFinalDates(s)
	today, err := t.Service.Clock.Today(ctx)
	if err != nil {
		return err
	}
	on := laterDate(s.PayOn, today)
	f, _, ahead, err := t.computeFigures(ctx, s, on, true)
	if into, ok := mergeTarget(err); ok {
		return t.Service.moveToTaxpayer(ctx, s, string(into), "")
	}
	a := Act{ID: t.Service.NewID(), Name: "settlement.quoted", By: "system:compute-tax"}
	now := t.Service.Clock.Instant()
	if gap, ok := ruleOrDataGapOf(err); ok {
		n := s.HoldForRuleGap(gap.rule, gap.text, a, now)
		if !final && s.Quote == "" && s.Hold != nil && *s.Hold == *n.Hold {
			return nil // the same gap is recorded already
		}
		return t.Service.Store.Apply(ctx, Change{Old: &s, New: n})
	}
	if err != nil {
		return err
	}
	parts, err := t.planSetOffs(ctx, s, f.Result.Net, ahead)
	// figures are named by their hash: the same hash, date and set-offs mean nothing has changed
	if err != nil || (!final && f.Hash == s.Quote && s.PaymentDate == on &&
		slices.Equal(setOffsOf(parts), s.SetOffs)) {
		return err
	}
	caused, err := t.Service.withHoldCauses(ctx, s, on, false)
	if err != nil {
		return err
	}
	n, err := t.Service.withReview(ctx, caused.RecordQuote(f, on, a, now).withSetOffs(parts))
	if err != nil {
		return err
	}
	return t.Service.Store.Apply(ctx, Change{Old: &s, New: n, Figures: &f})
}

// isQuotable reports whether s may get a new quote: before its approval, or after it while a
// missing rule holds it. A settlement that carries an earlier booking is never quoted.
func (s Settlement) isQuotable() bool {
	return s.Carries == "" && (s.Status == PendingReview || s.Status == InReview ||
		(s.Status == Approved && s.Hold != nil && s.Hold.Reason == HoldRuleGap))
}

// Book taxes an approved settlement whose pay day has come on the period's total and moves it to
// PAYING; tax rows, journal entry, set-offs and status are one transaction. If the net has fallen
// below what was approved, Book sets hold NET_CHANGED instead. It leaves a settlement unchanged
// that is not due, on hold, has provisional dates or was booked already.
func (t *Taxes) Book(ctx context.Context, tenant ident.Tenant, id ident.Settlement) error {
	s, err := t.Service.Store.Load(ctx, tenant, id)
	if err != nil || s.Hold != nil || s.Provisional != nil {
		return err
	}
	if s.Status == Paying && s.DueOperation() == OpBook {
		return t.endWithoutPayout(ctx, s)
	}
	if s.Status != Approved {
		return nil
	}
	today, err := t.Service.Clock.Today(ctx)
	if err != nil || today.Before(s.PayOn) {
		return err
	}
	if held, err := t.Service.holdBeforeBooking(ctx, s, today, "system:compute-tax"); err != nil ||
		held {
		return err
	}
	if moved, err := t.followMerge(ctx, s); err != nil || moved {
		return err
	}
	a := Act{ID: t.Service.NewID(), Name: "settlement.booked", By: "system:compute-tax"}
	now := t.Service.Clock.Instant()
	if s.Carries != "" { // its taxes were booked by the occurrence whose month is filed
		return t.Service.Store.Apply(ctx,
			s.payCarriedBooking(today, payout.SettlementKey(tenant, id), a, now))
	}
	f, seq, _, err := t.computeFigures(ctx, s, today, false)
	if into, ok := mergeTarget(err); ok {
		return t.Service.moveToTaxpayer(ctx, s, string(into), "")
	}
	if gap, ok := ruleOrDataGapOf(err); ok {
		return t.Service.Store.Apply(ctx,
			Change{Old: &s, New: s.HoldForRuleGap(gap.rule, gap.text, a, now)})
	}
	if err != nil {
		return err
	}
	parts, err := t.planSetOffs(ctx, s, f.Result.Net, nil)
	if err != nil {
		return err
	}
	if s.belowApproved(f.Result.Net, amountToPay(f.Result.Net, parts)) {
		return t.Service.Store.Apply(ctx,
			Change{Old: &s, New: s.HoldForLowerNet(f, parts, a, now), Figures: &f})
	}
	c, err := s.RecordBooking(f, parts, s.newBooking(f, today, seq, a, now), today,
		payout.SettlementKey(tenant, id),
		s.PayMethod, a, now)
	if err != nil {
		return err
	}
	return t.Service.Store.Apply(ctx, c)
}

// endWithoutPayout moves a booked settlement to PAID whose whole net was withheld or set off: no
// money leaves, so that no gateway is called.
func (t *Taxes) endWithoutPayout(ctx context.Context, s Settlement) error {
	a := Act{ID: t.Service.NewID(), Name: "settlement.nothing_to_pay", By: "system:compute-tax"}
	now := t.Service.Clock.Instant()
	return t.Service.Store.Apply(ctx,
		s.RecordPayoutState(payout.Paid,
			payout.Outcome{State: payout.Paid, Reason: "nothing to pay", At: now},
			booked{}, a, now))
}

// approvedNet is the net that the approver saw and approved.
func (s Settlement) approvedNet() money.Amount {
	if s.ApprovedNet != nil {
		return *s.ApprovedNet
	}
	return s.Net
}

// newBooking returns the tax rows of a booking on a payment date, under number seq of the
// taxpayer's list of that year.
func (s Settlement) newBooking(f Figures, on civil.Date, seq int, a Act, now time.Time) Booking {
	return Booking{Entity: s.Entity, Taxpayer: s.TaxpayerID, Year: on.Year(), Seq: seq,
		Kind: KindBooking, Settlement: ident.Settlement(s.ID), EntryID: a.ID, At: now, Rows: f.Rows,
		On: on}
}

// Rebook reverses the booking of a settlement whose money was not sent in the tax month that it was
// booked for, and books it again on today's date. If the net falls, the settlement is held in
// PAYING until an approver confirms the new net. Where the month is filed, the booking stays and
// only the payment date moves.
func (t *Taxes) Rebook(ctx context.Context, tenant ident.Tenant, id ident.Settlement) error {
	s, err := t.Service.Store.Load(ctx, tenant, id)
	if err != nil || s.Status != Paying || s.WasSent() {
		return err
	}
	today, err := t.Service.Clock.Today(ctx)
	if err != nil || today.Month() == s.PaymentDate.Month() {
		return err
	}
	b, err := t.Service.readBookingFacts(ctx, s)
	if err != nil {
		return err
	}
	a := Act{ID: t.Service.NewID(), Name: actRebooked, By: "system:compute-tax"}
	now := t.Service.Clock.Instant()
	if b.filed || s.Carries != "" { // the return with this booking is filed: tax and month stay
		n := s.withAct(a, now)
		n.PaymentDate, n.Kept = today, s.Carries == ""
		return t.Service.Store.Apply(ctx, Change{Old: &s, New: n.endTaxHold()})
	}
	one := s // after a merge of taxpayers, the surviving taxpayer is taxed
	one.TaxpayerID = cmp.Or(b.owner, s.TaxpayerID)
	f, seq, _, err := t.computeFigures(ctx, one, today, false)
	if gap, ok := ruleOrDataGapOf(err); ok {
		return t.writeHoldOnce(ctx, s, s.HoldBookedForRuleGap(gap.rule, gap.text, a, now))
	}
	if err != nil {
		return err
	}
	standing, err := t.Service.Store.Receivables(ctx, tenant, s.CreatorID, s.Entity)
	if err != nil {
		return err
	}
	back := s.reverseBooking(s, b, a, now)
	parts := receivable.Plan(f.Result.Net, s.applyMoves(standing, back.Moves))
	anew := s.replaceBooking(f, parts, today, a, now)
	anew.New.TaxpayerID = one.TaxpayerID
	fresh := one.newBooking(f, today, seq, a, now)
	if len(back.Rows) > 0 && back.Rows[0].Year == fresh.Year {
		// reversal and new booking go into the same list of the year and need a number each
		fresh.Seq = back.Rows[0].Seq + 1
	}
	anew.Entry = replaceEntry(back.Entry, anew.Entry)
	anew.Rows = append(back.Rows, fresh)
	anew.Raised = append(back.Raised, anew.Raised...)
	anew.Moves = combineMoves(back.Moves, anew.Moves)
	return t.Service.Store.Apply(ctx, anew)
}

// writeHoldOnce writes a settlement with a new hold, unless the same hold is stored already.
func (t *Taxes) writeHoldOnce(ctx context.Context, s, held Settlement) error {
	if s.Hold != nil && *s.Hold == *held.Hold {
		return nil
	}
	return t.Service.Store.Apply(ctx, Change{Old: &s, New: held})
}

// readBookedEntry reads the journal entry of the booking in force. The entry of a booking that
// replaced another one also reverses that one; the entries are then added up, so that the result
// holds what the present booking posted alone. It is the zero entry where the booking posted
// nothing.
func (s *Service) readBookedEntry(ctx context.Context, st Settlement) (ledger.Entry, error) {
	e, err := s.Store.ReadEntry(ctx, st.Tenant, st.CreatorID, st.BookedEntry)
	if fault.HasCode(err, fault.NotFound) { // a booking that kept nothing back posted no entry
		return ledger.Entry{}, nil
	}
	if err != nil || e.Reverses == "" {
		return e, err
	}
	all := []ledger.Entry{e}
	for before := e.Reverses; before != ""; before = all[len(all)-1].Reverses {
		old, err := s.Store.ReadEntry(ctx, st.Tenant, st.CreatorID, before)
		if err != nil {
			return e, err
		}
		all = append(all, old)
	}
	e.Postings, e.Reverses = nil, ""
	sums := ledger.SumByAccount(all)
	for _, account := range slices.Sorted(maps.Keys(sums)) {
		e.Debit(account, sums[account])
	}
	if len(e.Postings) == 0 {
		return ledger.Entry{}, nil
	}
	return e, nil
}

// readBookingFacts reads what the booking of a settlement has written: journal entries, tax rows,
// the claim for tax that it could not withhold, and whether its month is filed.
func (s *Service) readBookingFacts(ctx context.Context, st Settlement) (booked, error) {
	var b booked
	first := st
	var err error
	for first.Source == SourceReopened { // only the first occurrence of a payable posts an opening
		if first, err = s.Store.Load(ctx, st.Tenant, first.Reopens); err != nil {
			return b, err
		}
	}
	if b.opening, err = s.Store.ReadEntry(ctx, st.Tenant, st.CreatorID, first.OpenedBy); err != nil {
		return b, err
	}
	if st.BookedEntry == "" {
		return b, nil
	}
	if st.Kept { // the booking stays for good; its rows are not needed
		b.filed = true
		return b, nil
	}
	if b.entry, err = s.readBookedEntry(ctx, st); err != nil {
		return b, err
	}
	bookings, err := s.Store.TaxRows(ctx, st.Tenant, st.Entity, st.TaxpayerID, st.PaymentDate.Year())
	if err != nil {
		return b, err
	}
	if b.owner, b.seq, err = s.listOwner(ctx, st, bookings); err != nil {
		return b, err
	}
	claims, err := s.Store.Receivables(ctx, st.Tenant, st.CreatorID, st.Entity)
	if err != nil {
		return b, err
	}
	for i := range claims {
		if r := &claims[i]; r.Kind == receivable.TaxShortfall && r.Act == st.BookedEntry {
			b.short = r
		}
	}
	for _, k := range bookings {
		if k.EntryID == st.BookedEntry && k.Kind == KindBooking {
			b.rows = append(b.rows, k.Rows...)
		}
	}
	b.filed, err = s.isInFiledReturn(ctx, st, b.rows)
	return b, err
}

// computeFigures computes the taxes of s for a payment date. It also returns the next free number
// in the taxpayer's list of that year. With ahead set, open settlements that were opened before s
// count as if they were booked, and are returned too.
func (t *Taxes) computeFigures(ctx context.Context, s Settlement, on civil.Date,
	ahead bool) (Figures, int, []quoted, error) {
	f := Figures{Tenant: s.Tenant, Settlement: ident.Settlement(s.ID), Gross: s.Gross,
		CreatorShare: s.CreatorShare()}
	facts, err := t.Facts(ctx, s, on)
	if err != nil {
		return f, 0, nil, err
	}
	rows, seq, err := t.readBookedRows(ctx, s, on)
	if err != nil {
		return f, 0, nil, err
	}
	var before []quoted
	if ahead {
		if before, err = t.quotedBefore(ctx, s); err != nil {
			return f, 0, nil, err
		}
		for _, q := range before {
			if q.PaymentDate.Year() == on.Year() {
				rows = append(rows, q.figures.Rows...)
			}
		}
	}
	rules := t.Rules.Current(ctx)
	if s.Untaxed() { // there is no income, or the books before this system have taxed it
		f.Result = tax.Result{Rules: tax.RulesUsed{PackID: rules.Corpus.National().Pack()},
			Gross: f.CreatorShare, Net: f.CreatorShare, Steps: s.taxedBeforeSteps()}
	} else {
		f.Result, err = rules.Corpus.ComputeRows(facts, rows)
		t.Shadows.compare(ctx, rules, computed{settlement: s, facts: facts, rows: rows, ahead: ahead,
			result: f.Result, err: err, at: t.Service.Clock.Instant()})
	}
	if err != nil {
		return f, 0, nil, err
	}
	f.Item, f.Rows = f.Result.Item, f.Result.Rows
	err = f.encodeAndHash()
	return f, seq, before, err
}

// encodeAndHash encodes the figures and sets their hash, by which they are stored. A booking with
// the same result as the quote thus refers to the figures that the quote has stored.
func (f *Figures) encodeAndHash() (err error) {
	if f.Document, err = f.Encode(); err != nil {
		return err
	}
	sum := sha256.Sum256(f.Document)
	f.Hash = hex.EncodeToString(sum[:8])
	return nil
}

// Facts reads the master data of a settlement and returns the facts by which the rules of a day tax
// it.
//
// Errors: fault.NotFound when the paying entity or the taxpayer is unknown; fault.RuleMissing with
// reason profile_missing when the taxpayer has no tax profile on that day.
func (t *Taxes) Facts(ctx context.Context, s Settlement, on civil.Date) (tax.Facts, error) {
	entity, err := t.Service.Directory.Entity(ctx, s.Tenant, s.Entity, on)
	if err != nil {
		return tax.Facts{}, err
	}
	payer, err := t.Service.Directory.Taxpayer(ctx, s.Tenant, s.TaxpayerID)
	if err != nil {
		return tax.Facts{}, err
	}
	profile, ok := payer.ProfileOn(on)
	if !ok {
		return tax.Facts{}, fault.MissingRule("profile_missing", string("tax profile of "+s.TaxpayerID),
			"The taxpayer has no tax profile on "+on.String()+"; record one.")
	}
	positions, err := t.Service.Directory.Positions(ctx, s.Tenant, on)
	if err != nil {
		return tax.Facts{}, err
	}
	return FactsOf(s.Opening, entity, profile, positions, on), nil
}

// FactsOf returns the facts of a settlement by which the tax engine computes.
func FactsOf(s Opening, entity tenancy.PayingEntity, profile tenancy.Profile,
	positions []tenancy.Position, on civil.Date) tax.Facts {
	f := tax.Facts{
		PaymentDate: on, VATDate: s.VATDate, Entity: EntityFacts(entity), Route: s.Route,
		Taxpayer:   TaxpayerFacts(profile),
		IncomeType: s.IncomeType, Platform: s.Platform, Project: s.Project, Amount: s.CreatorShare(),
		VATIncluded: s.VATIncluded, AfterTax: s.AfterTax,
		Positions: PositionFacts(positions),
	}
	for _, p := range profile.Papers {
		if p.Name == ConsentPaper && !on.Before(p.From) && (p.To.IsZero() || !on.After(p.To)) {
			f.AgencyFiling = true
		}
	}
	return f
}

// EntityFacts converts a paying entity of the master data for the tax engine.
func EntityFacts(e tenancy.PayingEntity) tax.Entity {
	out := tax.Entity{ID: string(e.EntityID), Place: e.Place, PlaceTier: e.PlaceTier, VAT: e.VAT}
	for _, f := range e.Filings {
		out.Filings = append(out.Filings,
			tax.PlatformFiling{Platform: f.Platform, From: f.From, To: f.To})
	}
	return out
}

// TaxpayerFacts converts a tax profile of the master data for the tax engine.
func TaxpayerFacts(p tenancy.Profile) tax.Taxpayer {
	return tax.Taxpayer{Kind: p.Kind, Resident: p.Resident, VAT: p.VAT, Collection: p.Collection,
		Jurisdiction: p.Jurisdiction, Industry: p.Industry,
		PlaceTier: p.PlaceTier, VATPeriod: p.VATPeriod, Overseas: p.Overseas, HoldsEquity: p.HoldsEquity}
}

// PositionFacts converts approved tax positions for the tax engine.
func PositionFacts(ps []tenancy.Position) []tax.Position {
	var out []tax.Position
	for _, p := range ps {
		out = append(out, tax.Position{ID: p.PositionID, Rule: p.Rule, Reading: p.Reading})
	}
	return out
}

// readBookedRows reads the tax rows on which the taxes of a payment depend: those of the payment's
// year and, where it differs, of the VAT date's year. It also returns the next free number of the
// payment's year. The error is merged when the taxpayer was merged into another.
func (t *Taxes) readBookedRows(ctx context.Context, s Settlement,
	on civil.Date) ([]tax.Row, int, error) {
	var rows []tax.Row
	bookings, err := t.Service.Store.TaxRows(ctx, s.Tenant, s.Entity, s.TaxpayerID, on.Year())
	if err != nil {
		return nil, 0, err
	}
	if into := mergedInto(bookings); into != "" {
		return nil, 0, &merged{into}
	}
	seq := len(bookings) + 1
	bookings = BookingsOfPerson(bookings)
	if y := s.VATDate.Year(); y != on.Year() {
		other, err := t.Service.Store.TaxRows(ctx, s.Tenant, s.Entity, s.TaxpayerID, y)
		if err != nil {
			return nil, 0, err
		}
		bookings = append(bookings, BookingsOfPerson(other)...)
	}
	for _, b := range bookings {
		// when s is booked again, its earlier booking does not count
		if b.EntryID != s.BookedEntry || s.BookedEntry == "" {
			rows = append(rows, b.Rows...)
		}
	}
	return rows, seq, nil
}

// quoted is an open settlement with the figures of its quote.
type quoted struct {
	Settlement
	figures Figures
}

// quotedBefore lists the open settlements of the same taxpayer that have a quote and were opened
// before s, with the figures of their quotes.
func (t *Taxes) quotedBefore(ctx context.Context, s Settlement) ([]quoted, error) {
	open, err := t.Service.Store.OpenOf(ctx, s.Tenant, s.Entity, s.TaxpayerID)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(open, compareOpenings)
	var out []quoted
	for _, o := range open {
		if o.Quote == "" || o.Carries != "" || compareOpenings(o, s) >= 0 {
			continue
		}
		f, err := t.Service.Store.Figures(ctx, o.Tenant, o.ID, o.Quote)
		if err != nil {
			return nil, err
		}
		out = append(out, quoted{o, f})
	}
	return out, nil
}

// compareOpenings orders settlements by the instant of their opening, then by id.
func compareOpenings(a, b Settlement) int {
	return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), cmp.Compare(a.ID, b.ID))
}

// laterDate returns the later of two dates.
func laterDate(a, b civil.Date) civil.Date {
	if a.Before(b) {
		return b
	}
	return a
}

// gap is a rule or a fact that is missing for a computation, with a sentence for people.
type gap struct{ rule, text string }

// ruleGapOf reports whether an error means that a rule or a tax profile is missing, or that a
// method of taxation is forbidden. Such an error puts the settlement on hold RULE_GAP; any other
// error fails the computation.
func ruleGapOf(err error) (gap, bool) {
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.RuleMissing {
		return gap{}, false
	}
	return gap{cmp.Or(e.Missing, e.Reason), e.Public}, true
}

// ruleOrDataGapOf is ruleGapOf, and accepts invalid master data too: these also put the settlement
// on hold until a person corrects them.
func ruleOrDataGapOf(err error) (gap, bool) {
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.InvalidInput && len(e.Fields) > 0 {
		return gap{e.Fields[0].Field, e.Fields[0].Field + " " + e.Fields[0].Problem}, true
	}
	return ruleGapOf(err)
}
