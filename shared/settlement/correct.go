package settlement

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
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
)

// The states of a correction.
const (
	Prepared = "prepared"
	Posted   = "posted"
)

// Correction is what one person asked to post and another posts: the true-ups of the months of one taxpayer's year
// at a paying entity that are not filed, under the rules in force.
type Correction struct {
	ID         string        `json:"correction_id"` // the client's, chosen before the first try
	Tenant     string        `json:"-"`
	Entity     string        `json:"paying_entity"`
	Taxpayer   string        `json:"taxpayer_id"`
	Year       int           `json:"year"`
	Filed      []civil.Month `json:"filed_months"`
	Stored     bool          `json:"filed_from_store,omitempty"` // Filed is what was recorded, and nobody's own list
	Reason     string        `json:"reason"`
	State      string        `json:"state"`
	Digest     string        `json:"digest"` // of the rows: what is posted is what was prepared
	Rows       int           `json:"rows"`
	Additional money.Amount  `json:"additional"`
	Over       money.Amount  `json:"over"`
	Rules      tax.PackID    `json:"rules"` // national pack in force
	PreparedBy string        `json:"prepared_by"`
	PreparedAt time.Time     `json:"prepared_at"`
	PostedBy   string        `json:"posted_by,omitempty"`
	PostedAt   time.Time     `json:"posted_at,omitzero"`
	Act        string        `json:"transition_id,omitempty"` // id of the rows and journal entries posted
}

// who is the person's year.
func (c *Correction) who() lawdiff.Who {
	return lawdiff.Who{Entity: c.Entity, Taxpayer: c.Taxpayer, Year: c.Year}
}

// asked tells whether two corrections ask for the same thing; which months were recorded as filed is not asked.
func (c *Correction) asked(o Correction) bool {
	return c.who() == o.who() && c.Reason == o.Reason && c.Stored == o.Stored && (c.Stored || slices.Equal(c.Filed, o.Filed))
}

// Posting is a correction with all that is written with it.
type Posting struct {
	Correction Correction // posted
	Booking    Booking
	Entries    []ledger.Entry
	Raised     []receivable.Receivable // what the entries make the creators owe, or be owed
	Record     audit.Record
}

// CorrectionStore keeps corrections. Finding one's own act in the way is success; a rival's is ErrRival.
type CorrectionStore interface {
	// Correction reads a correction, consistently; fault.Absent when there is none.
	Correction(ctx context.Context, tenant, id string) (Correction, error)
	// Prepare writes a new correction. ErrRival when the id is taken.
	Prepare(ctx context.Context, c Correction) error
	// Post writes rows, entries, audit record and the correction's new state together, or nothing. ErrRival when the
	// correction was posted meanwhile or the number of the rows is taken.
	Post(ctx context.Context, p Posting) error
	// TaxRows reads a year's bookings of a taxpayer at a paying entity, in order, consistently.
	TaxRows(ctx context.Context, tenant, entity, taxpayer string, year int) ([]Booking, error)
	// LoadAll reads settlements by their ids.
	LoadAll(ctx context.Context, tenant string, ids []string) ([]Settlement, error)
	// FiguresOf reads the standing figures of some settlements, by settlement id and hash.
	FiguresOf(ctx context.Context, page []Settlement) (map[string]map[string]Figures, error)
}

// Corrections compares what is booked with what another law gives, and posts the difference when it is told to.
type Corrections struct {
	*Taxes
	Store CorrectionStore
}

// yearOf are the bookings of one year with their settlements.
type yearOf struct {
	who         lawdiff.Who
	bookings    []Booking
	settlements map[string]Settlement
	figures     map[string]map[string]Figures
}

// Compare taxes a year of a taxpayer at a paying entity again under a law and lets look at the outcome; look is not
// called when nothing was booked. The year before is taxed first where a VAT date lies in it.
func (c *Corrections) Compare(ctx context.Context, tenant string, who lawdiff.Who, law *tax.Corpus, look func(*lawdiff.Person) error) (lawdiff.Totals, error) {
	y, err := c.year(ctx, tenant, who)
	if err != nil || len(y.bookings) == 0 {
		return lawdiff.Totals{}, err
	}
	years := []yearOf{y}
	behind := lawdiff.Who{}
	if y.reachesBack() {
		behind = who
		behind.Year--
		before, err := c.year(ctx, tenant, behind)
		if err != nil {
			return lawdiff.Totals{}, err
		}
		years = []yearOf{before, y}
	}
	return lawdiff.Run(law, func(yield func(*lawdiff.Event, error) bool) {
		for _, y := range years {
			for i := range y.bookings {
				e, err := c.event(ctx, &y, &y.bookings[i])
				if err == nil {
					e.Behind = y.who == behind
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}, look)
}

func (c *Corrections) year(ctx context.Context, tenant string, who lawdiff.Who) (yearOf, error) {
	y := yearOf{who: who, settlements: map[string]Settlement{}}
	list, err := c.Store.TaxRows(ctx, tenant, who.Entity, who.Taxpayer, who.Year)
	if err != nil {
		return y, err
	}
	y.bookings = Whole(list)
	var ids []string
	for i := range y.bookings {
		for _, id := range append([]string{y.bookings[i].Settlement}, y.bookings[i].Of...) {
			if id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	found, err := c.Store.LoadAll(ctx, tenant, ids)
	if err != nil {
		return y, err
	}
	for _, s := range found {
		y.settlements[s.ID] = s
	}
	y.figures, err = c.Store.FiguresOf(ctx, found)
	return y, err
}

// reachesBack tells that a payment's VAT belongs to the year before.
func (y *yearOf) reachesBack() bool {
	for _, s := range y.settlements {
		if s.VATDate.Year() < y.who.Year {
			return true
		}
	}
	return false
}

// event gives a booking with the facts of its settlement.
func (c *Corrections) event(ctx context.Context, y *yearOf, b *Booking) (*lawdiff.Event, error) {
	s := y.settlements[b.Settlement]
	e := &lawdiff.Event{Who: y.who, Kind: lawdiff.Kind(b.Kind), Settlement: b.Settlement, Creator: s.CreatorID, Rows: b.Rows, Of: b.Of}
	for _, id := range b.Of {
		e.Creators = append(e.Creators, y.settlements[id].CreatorID)
	}
	if b.Kind != KindBooking || s.untaxed() {
		return e, nil
	}
	facts, err := c.facts(ctx, s, b.paidOn(s))
	var missing *fault.Error
	switch {
	case errors.As(err, &missing) && (missing.Code == fault.RuleMissing || missing.Code == fault.NotFound):
		e.Missing = &lawdiff.Gap{Rule: cmp.Or(missing.Missing, missing.Reason), Missing: tax.Text{ZH: missing.Public, EN: missing.Public}}
		return e, nil
	case err != nil:
		return nil, err
	}
	e.Facts = &facts
	return e, nil
}

// paidOn is the payment date that a booking was taxed for. One that was made before bookings kept it, and was made
// again since, was taxed for a day of its income tax month.
func (b *Booking) paidOn(s Settlement) civil.Date {
	if !b.On.IsZero() {
		return b.On
	}
	for _, r := range b.Rows {
		if m, err := civil.ParseMonth(r.Period); b.EntryID != s.BookedEntry && r.Kind == tax.IIT && err == nil {
			return m.Last()
		}
	}
	return s.PaymentDate
}

// Prepare works out what is to be posted and keeps it for a second person. The same call again answers the same. Filed
// months that are nil are those recorded.
//
// Errors: 3001 nothing_to_post when booked and law agree; 5002 when a settlement cannot be computed; 2002 when the
// id stands for another correction.
func (c *Corrections) Prepare(ctx context.Context, by identity.Principal, in Correction) (kept Correction, replayed bool, err error) {
	in.Tenant, in.State, in.PreparedBy, in.PreparedAt, in.Stored = by.Tenant, Prepared, by.Subject, c.Clock.Instant(), in.Filed == nil
	if had, err := c.Store.Correction(ctx, in.Tenant, in.ID); err == nil || !fault.HasCode(err, fault.NotFound) {
		return had, true, orOther(err, had, in)
	}
	post, _, err := c.work(ctx, &in)
	if err != nil {
		return Correction{}, false, err
	}
	if post.Empty() {
		return Correction{}, false, notNow("nothing_to_post", "What is booked for these months is what the rules in force give; there is nothing to post.")
	}
	err = c.Store.Prepare(ctx, in)
	if errors.Is(err, ErrRival) {
		had, err := c.Store.Correction(ctx, in.Tenant, in.ID)
		return had, true, orOther(err, had, in)
	}
	return in, false, err
}

// orOther refuses an id that stands for something else.
func orOther(err error, had, in Correction) error {
	if err == nil && !had.asked(in) {
		return fault.New(fault.OtherContent, "correction_exists", "This correction_id stands for another correction; choose a new one.")
	}
	return err
}

// work computes a correction under the rules in force and fills in what it comes to, and the next free number of the
// year's rows.
func (c *Corrections) work(ctx context.Context, in *Correction) (lawdiff.Correction, int, error) {
	law := c.Rules.Current(ctx).Corpus
	in.Rules = law.National().Pack()
	if in.Stored {
		var err error
		if in.Filed, err = c.RecordedMonths(ctx, in.Tenant, in.Entity); err != nil {
			return lawdiff.Correction{}, 0, err
		}
	}
	bookings, err := c.Store.TaxRows(ctx, in.Tenant, in.Entity, in.Taxpayer, in.Year)
	if err != nil {
		return lawdiff.Correction{}, 0, err
	}
	if into := closedFor(bookings); into != "" {
		return lawdiff.Correction{}, 0, notNow("taxpayer_merged", "This taxpayer was merged into "+into+"; correct the year there.")
	}
	var post lawdiff.Correction
	_, err = c.Compare(ctx, in.Tenant, in.who(), law, func(p *lawdiff.Person) (err error) {
		post, err = p.Correction(lawdiff.Months(in.Filed))
		return err
	})
	if err != nil {
		return post, 0, err
	}
	doc, err := json.Marshal([]any{post.Rows, post.Of})
	if err != nil {
		return post, 0, fault.Internal(err)
	}
	sum := sha256.Sum256(doc)
	in.Digest, in.Rows, in.Additional, in.Over = hex.EncodeToString(sum[:]), len(post.Rows), post.Additional, post.Over
	return post, len(bookings) + 1, nil
}

// RecordedMonths are the months that a paying entity is recorded to have filed, oldest first; never nil.
func (c *Corrections) RecordedMonths(ctx context.Context, tenant, entity string) ([]civil.Month, error) {
	list, err := c.Service.Store.FiledMonths(ctx, tenant, entity)
	months := make([]civil.Month, len(list))
	for i, f := range list {
		months[i] = f.Month
	}
	return months, err
}

// Post posts a prepared correction by a second person's word. Posted already, it is answered as it is.
//
// Errors: 1003 for the preparer; 3002 when the figures are others than those prepared.
func (c *Corrections) Post(ctx context.Context, by identity.Principal, id string) (Correction, error) {
	act := c.NewID()
	for range rounds {
		done, err := c.post(ctx, by, id, act)
		if !errors.Is(err, ErrRival) {
			return done, err
		}
	}
	return Correction{}, fault.Later(ErrRival)
}

func (c *Corrections) post(ctx context.Context, by identity.Principal, id, act string) (Correction, error) {
	had, err := c.Store.Correction(ctx, by.Tenant, id)
	if err != nil || had.State == Posted {
		return had, err
	}
	if had.PreparedBy == by.Subject {
		return had, fault.New(fault.Forbidden, "preparer", "Who prepared a correction does not post it; a second person does.")
	}
	now := had
	post, seq, err := c.work(ctx, &now)
	if err != nil {
		return had, err
	}
	if now.Digest != had.Digest {
		return had, fault.New(fault.StaleVersion, "figures_changed", "Since it was prepared, bookings or rules have changed what is to be posted; prepare it anew under a new id.")
	}
	now.State, now.PostedBy, now.PostedAt, now.Act = Posted, by.Subject, c.Clock.Instant(), act
	p, err := posting(now, post, seq)
	if err != nil {
		return had, err
	}
	return now, c.Store.Post(ctx, p)
}

// maxEntries bounds the journal entries of one correction: with their balances they must fit into one transaction.
const maxEntries = 24

// claimsOf are the receivable or the debt to the creator that an entry of a correction makes: the next settlement
// takes or pays it.
func claimsOf(c Correction, e *ledger.Entry) []receivable.Receivable {
	r := receivable.Receivable{ID: ShortfallPrefix + e.ID, Tenant: c.Tenant, CreatorID: e.CreatorID, Entity: c.Entity, Document: c.ID, Reason: c.Reason,
		State: receivable.Open, RaisedOn: civil.DateOf(c.PostedAt), PreparedBy: c.PreparedBy, PreparedAt: c.PostedAt, ApprovedBy: c.PostedBy, ApprovedAt: c.PostedAt, Act: c.Act}
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

// posting gathers what is written: the rows under the next number, an entry for each creator and tax month, and the
// audit record.
func posting(c Correction, post lawdiff.Correction, seq int) (Posting, error) {
	p := Posting{Correction: c, Booking: Booking{Entity: c.Entity, Taxpayer: c.Taxpayer, Year: c.Year, Seq: seq, Kind: KindTrueUp, EntryID: c.Act,
		At: c.PostedAt, Rows: post.Rows, Of: post.Of}, Entries: post.Entries}
	if len(p.Entries) > maxEntries {
		return p, notNow("too_many_entries", "The correction spans too many creators and months for one posting; file or correct some months first.")
	}
	for i := range p.Entries {
		e := &p.Entries[i]
		e.ID, e.Tenant, e.At, e.Accounting = c.Act+"-"+e.Tax.String(), c.Tenant, c.PostedAt, civil.MonthOf(c.PostedAt)
		p.Raised = append(p.Raised, claimsOf(c, e)...)
	}
	what, err := json.Marshal(map[string]any{"paying_entity": c.Entity, "year": c.Year, "filed_months": c.Filed, "additional": c.Additional, "over": c.Over,
		"rows": c.Rows, "digest": c.Digest, "rules": c.Rules, "prepared_by": c.PreparedBy})
	if err != nil {
		return p, fault.Internal(err)
	}
	p.Record = audit.Record{ID: c.Act, Tenant: c.Tenant, At: c.PostedAt, Actor: c.PostedBy, Act: "tax.corrected", Object: c.ID, What: what, Why: c.Reason, TaxID: c.Taxpayer}
	return p, nil
}
