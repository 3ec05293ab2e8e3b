package trueup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
)

// The states of a correction: prepared by one person, posted by another.
const (
	Prepared = "prepared"
	Posted   = "posted"
)

// Correction corrects the tax of one taxpayer at a paying entity in a year to the rules in force,
// for the months that are not filed. One person prepares it, another one posts it.
type Correction struct {
	// chosen by the client, so that a retry finds the same correction
	ID       string         `json:"correction_id"`
	Tenant   ident.Tenant   `json:"-"`
	Entity   ident.Entity   `json:"paying_entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer_id"`
	Year     int            `json:"year"`
	Filed    []civil.Month  `json:"filed_months"`
	// the filed months are those recorded here, not a list of the client
	Stored bool   `json:"filed_from_store,omitempty"`
	Reason string `json:"reason"`
	State  string `json:"state"`
	// hash of the rows; posting compares it with what was prepared
	Digest     string       `json:"digest"`
	Rows       int          `json:"rows"`
	Additional money.Amount `json:"additional"`
	Over       money.Amount `json:"over"`
	Rules      tax.PackID   `json:"rules"` // national pack in force
	PreparedBy string       `json:"prepared_by"`
	PreparedAt time.Time    `json:"prepared_at"`
	PostedBy   string       `json:"posted_by,omitempty"`
	PostedAt   time.Time    `json:"posted_at,omitzero"`
	// id of the act that posted the correction, of its tax rows and journal entries
	Act string `json:"transition_id,omitempty"`
}

// personYear is the taxpayer, paying entity and year of the correction.
func (c *Correction) personYear() lawdiff.PersonYear {
	return lawdiff.PersonYear{Entity: c.Entity, Taxpayer: c.Taxpayer, Year: c.Year}
}

// isSameRequest reports whether two corrections were requested with the same content. Filed months
// count only when the client listed them.
func (c *Correction) isSameRequest(o Correction) bool {
	return c.personYear() == o.personYear() && c.Reason == o.Reason && c.Stored == o.Stored &&
		(c.Stored || slices.Equal(c.Filed, o.Filed))
}

// Posting is a posted correction with everything that is written in the same transaction.
type Posting struct {
	Correction Correction // posted
	Booking    settlement.Booking
	Entries    []ledger.Entry
	Raised     []receivable.Receivable // claims on creators, and debts to them
	Record     audit.Record
}

// yearOf holds the bookings of a taxpayer's year with their settlements.
type yearOf struct {
	who         lawdiff.PersonYear
	bookings    []settlement.Booking
	settlements map[string]settlement.Settlement
}

// Compare taxes a year of a taxpayer at a paying entity again by a law and calls look with the
// result; it does not call look when nothing was booked. The year before is taxed first when the
// VAT date of a settlement lies in it.
func (t *Service) Compare(ctx context.Context, tenant ident.Tenant, who lawdiff.PersonYear,
	law *tax.Corpus, look func(*lawdiff.Person) error) (lawdiff.Totals, error) {
	y, err := t.readYear(ctx, tenant, who)
	if err != nil || len(y.bookings) == 0 {
		return lawdiff.Totals{}, err
	}
	years := []yearOf{y}
	behind := lawdiff.PersonYear{}
	if y.hasVATOfYearBefore() {
		behind = who
		behind.Year--
		before, err := t.readYear(ctx, tenant, behind)
		if err != nil {
			return lawdiff.Totals{}, err
		}
		years = []yearOf{before, y}
	}
	return lawdiff.CompareByPerson(law, func(yield func(*lawdiff.Event, error) bool) {
		for _, y := range years {
			for i := range y.bookings {
				e, err := t.eventOf(ctx, &y, &y.bookings[i])
				if err == nil {
					e.IsEarlierYear = y.who == behind
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}, look)
}

// readYear reads the bookings of a taxpayer's year and their settlements.
func (t *Service) readYear(ctx context.Context, tenant ident.Tenant,
	who lawdiff.PersonYear) (yearOf, error) {
	y := yearOf{who: who, settlements: map[string]settlement.Settlement{}}
	list, err := t.booked.TaxRows(ctx, tenant, who.Entity, who.Taxpayer, who.Year)
	if err != nil {
		return y, err
	}
	y.bookings = settlement.BookingsOfPerson(list)
	var ids []ident.Settlement
	for i := range y.bookings {
		for _, id := range append([]ident.Settlement{y.bookings[i].Settlement}, y.bookings[i].Of...) {
			if id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	found, err := t.booked.LoadAll(ctx, tenant, ids)
	if err != nil {
		return y, err
	}
	for _, s := range found {
		y.settlements[s.ID] = s
	}
	return y, nil
}

// hasVATOfYearBefore reports whether the VAT date of a settlement lies in the year before.
func (y *yearOf) hasVATOfYearBefore() bool {
	for _, s := range y.settlements {
		if s.VATDate.Year() < y.who.Year {
			return true
		}
	}
	return false
}

// eventOf returns a booking with the facts of its settlement, as the comparison of laws needs it.
func (t *Service) eventOf(ctx context.Context, y *yearOf,
	b *settlement.Booking) (*lawdiff.Event, error) {
	s := y.settlements[string(b.Settlement)]
	e := &lawdiff.Event{PersonYear: y.who, Kind: lawdiff.Kind(b.Kind), Settlement: b.Settlement,
		Creator: s.CreatorID, Rows: b.Rows, Corrects: b.Of}
	for _, id := range b.Of {
		e.Creators = append(e.Creators, y.settlements[string(id)].CreatorID)
	}
	if b.Kind != settlement.KindBooking || s.Untaxed() {
		return e, nil
	}
	facts, err := t.taxes.Facts(ctx, s, b.PaidOn(s))
	var missing *fault.Error
	switch {
	case errors.As(err, &missing) &&
		(missing.Code == fault.RuleMissing || missing.Code == fault.NotFound):
		e.Missing = &lawdiff.Gap{Rule: cmp.Or(missing.Missing, missing.Reason),
			Missing: bilingual.Text{ZH: missing.Public, EN: missing.Public}}
		return e, nil
	case err != nil:
		return nil, err
	}
	e.Facts = &facts
	return e, nil
}

// Prepare computes a correction and stores it; a second person posts it. It is idempotent. When the
// filed months of the correction are nil, those recorded here are used.
//
// Errors: 3001 nothing_to_post when the bookings agree with the rules; 3001 taxpayer_merged when
// the taxpayer was merged into another one; 5002 when a settlement cannot be computed; 2002
// correction_exists when the id belongs to another correction.
func (t *Service) Prepare(ctx context.Context, by identity.Principal,
	in Correction) (kept Correction, replayed bool, err error) {
	in.Tenant = by.Tenant
	in.State = Prepared
	in.PreparedBy = by.Subject
	in.PreparedAt = t.clock.Instant()
	in.Stored = in.Filed == nil
	if had, err := t.store.Correction(ctx, in.Tenant, in.ID); err == nil ||
		!fault.HasCode(err, fault.NotFound) {
		return had, true, refuseOtherContent(err, had, in)
	}
	post, _, err := t.computeCorrection(ctx, &in)
	if err != nil {
		return Correction{}, false, err
	}
	if post.IsEmpty() {
		return Correction{}, false,
			fault.New(fault.IllegalMove, "nothing_to_post",
				"What is booked for these months is what the rules in force give; there is nothing to post.")
	}
	err = t.store.Prepare(ctx, in)
	if errors.Is(err, optimistic.ErrRival) {
		had, err := t.store.Correction(ctx, in.Tenant, in.ID)
		return had, true, refuseOtherContent(err, had, in)
	}
	return in, false, err
}

// refuseOtherContent refuses a correction whose id belongs to a stored correction with other
// content; err is the error of reading the stored correction.
func refuseOtherContent(err error, had, in Correction) error {
	if err == nil && !had.isSameRequest(in) {
		return fault.New(fault.OtherContent, "correction_exists",
			"This correction_id stands for another correction; choose a new one.")
	}
	return err
}

// computeCorrection computes a correction by the rules in force and sets its totals in in. It also
// returns the next free number of the taxpayer's list of the year.
func (t *Service) computeCorrection(ctx context.Context,
	in *Correction) (lawdiff.Correction, int, error) {
	law := t.Law(ctx)
	in.Rules = law.National().Pack()
	if in.Stored {
		var err error
		if in.Filed, err = t.RecordedMonths(ctx, in.Tenant, in.Entity); err != nil {
			return lawdiff.Correction{}, 0, err
		}
	}
	bookings, err := t.booked.TaxRows(ctx, in.Tenant, in.Entity, in.Taxpayer, in.Year)
	if err != nil {
		return lawdiff.Correction{}, 0, err
	}
	if into, closed := settlement.MergedInto(bookings); closed {
		return lawdiff.Correction{}, 0,
			fault.New(fault.IllegalMove, "taxpayer_merged",
				string("This taxpayer was merged into "+into+"; correct the year there."))
	}
	var post lawdiff.Correction
	_, err = t.Compare(ctx, in.Tenant, in.personYear(), law, func(p *lawdiff.Person) (err error) {
		post, err = p.CorrectionOfUnfiledMonths(lawdiff.FiledMonths(in.Filed))
		return err
	})
	if err != nil {
		return post, 0, err
	}
	doc, err := json.Marshal([]any{post.Rows, post.Corrects})
	if err != nil {
		return post, 0, fault.Internal(err)
	}
	sum := sha256.Sum256(doc)
	in.Digest = hex.EncodeToString(sum[:])
	in.Rows = len(post.Rows)
	in.Additional = post.Additional
	in.Over = post.Over
	return post, len(bookings) + 1, nil
}

// RecordedMonths lists the months that are recorded as filed by a paying entity, oldest first. The
// list is never nil.
func (t *Service) RecordedMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]civil.Month, error) {
	list, err := t.booked.FiledMonths(ctx, tenant, entity)
	months := make([]civil.Month, len(list))
	for i, f := range list {
		months[i] = f.Month
	}
	return months, err
}

// Correction reads a prepared or posted correction. The error is fault.MissingObject when there is
// none.
func (t *Service) Correction(ctx context.Context, tenant ident.Tenant,
	id string) (Correction, error) {
	return t.store.Correction(ctx, tenant, id)
}

// Post posts a prepared correction; the caller must be another person than the preparer. A posted
// correction is answered as it is.
//
// Errors: 1003 when the caller prepared the correction; 3002 figures_changed when it comes to other
// rows now than when it was prepared.
func (t *Service) Post(ctx context.Context, by identity.Principal, id string) (Correction, error) {
	return optimistic.RetryValue(ctx, func() (Correction, error) {
		return t.postOnce(ctx, by, id, t.newID())
	})
}

// postOnce makes one try of Post under the id of an act.
func (t *Service) postOnce(ctx context.Context, by identity.Principal, id,
	act string) (Correction, error) {
	had, err := t.store.Correction(ctx, by.Tenant, id)
	if err != nil || had.State == Posted {
		return had, err
	}
	if had.PreparedBy == by.Subject {
		return had, fault.New(fault.Forbidden, "preparer",
			"Who prepared a correction does not post it; a second person does.")
	}
	now := had
	post, seq, err := t.computeCorrection(ctx, &now)
	if err != nil {
		return had, err
	}
	if now.Digest != had.Digest {
		return had, fault.New(fault.StaleVersion, "figures_changed",
			"Since it was prepared, bookings or rules have changed what is to be posted; prepare it anew "+
				"under a new id.")
	}
	now.State = Posted
	now.PostedBy = by.Subject
	now.PostedAt = t.clock.Instant()
	now.Act = act
	p, err := newPosting(now, post, seq)
	if err != nil {
		return had, err
	}
	return now, t.store.Post(ctx, p)
}

// maxEntries is the greatest number of journal entries of one correction: together with their
// balances they must fit into one DynamoDB transaction.
const maxEntries = 24

// claimsOf returns the claim on the creator, or the debt to the creator, that a journal entry of a
// correction posts. The creator's next settlement sets it off.
func claimsOf(c Correction, e *ledger.Entry) []receivable.Receivable {
	r := receivable.Receivable{ID: settlement.ShortfallPrefix + e.ID, Tenant: c.Tenant,
		CreatorID: e.CreatorID, Entity: c.Entity, Document: c.ID, Reason: c.Reason,
		State: receivable.Open, RaisedOn: civil.DateOf(c.PostedAt), PreparedBy: c.PreparedBy,
		PreparedAt: c.PostedAt, ApprovedBy: c.PostedBy, ApprovedAt: c.PostedAt, Act: c.Act}
	var out []receivable.Receivable
	for _, p := range e.Postings {
		switch p.Account {
		case ledger.CreatorReceivable:
			r.Kind, r.Amount = receivable.TaxShortfall, p.Amount
		case ledger.CreatorPayable:
			r.Kind, r.Amount = receivable.GiveBack, p.Amount.Neg()
		default:
			continue
		}
		r.Open = r.Amount
		out = append(out, r)
	}
	return out
}

// newPosting gathers what is written when a correction is posted: the tax rows, a journal entry for
// each creator and tax month, the claims, and the audit record.
func newPosting(c Correction, post lawdiff.Correction, seq int) (Posting, error) {
	p := Posting{Correction: c, Booking: settlement.Booking{Entity: c.Entity, Taxpayer: c.Taxpayer,
		Year: c.Year, Seq: seq, Kind: settlement.KindTrueUp, EntryID: c.Act,
		At: c.PostedAt, Rows: post.Rows, Of: post.Corrects}, Entries: post.Entries}
	if len(p.Entries) > maxEntries {
		return p, fault.New(fault.IllegalMove, "too_many_entries",
			"The correction spans too many creators and months for one posting; file or correct some "+
				"months first.")
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		e.ID = c.Act + "-" + e.Tax.String()
		e.Tenant = c.Tenant
		e.At = c.PostedAt
		e.Accounting = civil.MonthOf(c.PostedAt)
		p.Raised = append(p.Raised, claimsOf(c, e)...)
	}
	what, err := json.Marshal(map[string]any{"paying_entity": string(c.Entity), "year": c.Year,
		"filed_months": c.Filed, "additional": c.Additional, "over": c.Over,
		"rows": c.Rows, "digest": c.Digest, "rules": c.Rules, "prepared_by": c.PreparedBy})
	if err != nil {
		return p, fault.Internal(err)
	}
	p.Record = audit.Record{ID: c.Act, Tenant: c.Tenant, At: c.PostedAt, Actor: c.PostedBy,
		Act: "tax.corrected", Object: c.ID, What: what, Why: c.Reason, TaxID: c.Taxpayer}
	return p, nil
}
