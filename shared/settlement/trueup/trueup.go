package trueup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// The causes of an open true-up, as far as they are known.
const (
	// the rules in force are others than those of the bookings: a correction posts it
	CauseLaw = "law"
	// after a reversal, a threshold is crossed no more, or a deduction used up
	CauseThreshold = "threshold"
	CauseReversal  = "reversal"
	CauseLate      = "late"   // what was booked late fell into a period that was taxed already
	CauseMerged    = "merged" // two taxpayers are one person, whose periods are taxed as one
	// a rule that the period was taxed by is not there any more: no figure is known
	CauseRule = "rule"
)

// Assessment compares, for one tax and period of a taxpayer at a paying entity, what its rows say
// was withheld with what the rules in force give on the period's total (promise P5).
type Assessment struct {
	ID       string         `json:"true_up_id"`
	Entity   ident.Entity   `json:"paying_entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer_id"`
	Tax      string         `json:"tax"`
	// month or day; of cumulative methods the last month with income
	Period   string       `json:"period"`
	Item     string       `json:"item"`
	Project  string       `json:"project,omitempty"`
	Platform string       `json:"platform,omitempty"` // of cumulative methods
	Withheld money.Amount `json:"withheld"`
	Rule     money.Amount `json:"rule"`
	// Difference is Rule - Withheld: above zero it is to be collected, below zero to be given back.
	Difference money.Amount `json:"difference"`
	Cause      string       `json:"cause"`
	// the rule without which no figure is known
	Missing     string             `json:"missing,omitempty"`
	Settlements []ident.Settlement `json:"settlements"`

	last     ident.Settlement // settlement of the last booking, for which a decision is posted
	income   tax.Row          // its income tax row: VAT that is decided changes that income
	year     int              // whose rows hold it
	reversed bool             // rows were taken back
	// collection is the way in which the tax reaches the tax office.
	collection string
	facts      tax.Facts // of the last booking
}

// Open is true when promise P5 does not hold for the figure, so that two people must decide it.
func (s *Assessment) Open() bool { return !s.Difference.IsZero() || s.Missing != "" }

// Month is the month that the period belongs to.
func (s *Assessment) Month() civil.Month { return lawdiff.MonthOfPeriod(s.Period) }

// setID names the figure by what it is of, so that its id stays the same however often it is
// assessed.
func (s *Assessment) setID() {
	parts := []string{string(s.Entity), string(s.Taxpayer), s.Tax, s.Period, s.Item}
	if s.Project != "" || s.Platform != "" {
		sum := sha256.Sum256([]byte(s.Project + "\n" + s.Platform))
		parts = append(parts, hex.EncodeToString(sum[:4]))
	}
	s.ID = strings.Join(parts, "~")
}

// trueUpName reads an id: whose figure it is, and of which month.
func trueUpName(id string) (entity ident.Entity, taxpayer ident.Taxpayer, month civil.Month,
	ok bool) {
	parts := strings.Split(id, "~")
	if len(parts) < 5 {
		return "", "", month, false
	}
	month = lawdiff.MonthOfPeriod(parts[3])
	return ident.Entity(parts[0]), ident.Taxpayer(parts[1]), month, !month.IsZero()
}

// FactsOfBooking gives the facts of a booking, as it was taxed. Its error may be a gap.
type FactsOfBooking func(b *settlement.Booking) (tax.Facts, error)

// Fold assesses a taxpayer at a paying entity: for each tax, period and item (and platform) what
// was withheld, and what the law gives on the bookings that were not reversed. Cumulative methods
// owe the highest value that their formula has reached at the end of any month; what was withheld
// above that waits for the annual settlement and is no difference. Bookings are those of whole
// years, in order.
//
// Errors: those of facts and law that are no gaps.
func Fold(law *tax.Corpus, bookings []settlement.Booking,
	facts FactsOfBooking) ([]Assessment, error) {
	groups, rows := groupRows(bookings)
	markSurchargesReversed(groups)
	var out []Assessment
	for i := range groups {
		g := &groups[i]
		if g.booking == nil {
			continue // opening rows alone: taken over as they are
		}
		f, err := facts(g.booking)
		if err == nil {
			err = g.judge(law, f, rows, groups)
		}
		if rule := missingRule(err); rule != "" {
			g.Missing = rule
			g.Cause = CauseRule
			err = nil
		}
		if err != nil {
			return nil, err
		}
		if g.later {
			continue
		}
		g.setID()
		out = append(out, g.Assessment)
	}
	return out, nil
}

// missingRule names the rule or the master data without which no figure is known; "" for any other
// error.
func missingRule(err error) string {
	switch e := fault.Of(err); {
	case fault.HasCode(err, fault.RuleMissing):
		return cmp.Or(e.Missing, e.Reason)
	case fault.HasCode(err, fault.NotFound):
		return e.Public
	}
	return ""
}

// group gathers the rows of one figure.
type group struct {
	Assessment
	booking *settlement.Booking // the last one that stands, or else the last
	alive   bool                // it stands
	later   bool                // a cumulative method is judged at the last month of the year
}

// groupRows sorts the rows into figures, leaving out what the payee files itself.
func groupRows(bookings []settlement.Booking) ([]group, []tax.Row) {
	alive := map[string]string{} // settlement: act of the booking that stands
	for i := range bookings {
		switch b := &bookings[i]; b.Kind {
		case settlement.KindBooking:
			alive[string(b.Settlement)] = b.EntryID
		case settlement.KindReversal:
			delete(alive, string(b.Settlement))
		}
	}
	var groups []group
	var rows []tax.Row
	for i := range bookings {
		b := &bookings[i]
		rows = append(rows, b.Rows...)
		for n := range b.Rows {
			if r := &b.Rows[n]; r.Collection != tax.SelfFiled {
				addRow(&groups, b, n, alive[string(b.Settlement)] == b.EntryID)
			}
		}
	}
	return groups, rows
}

// markSurchargesReversed marks surcharges as reversed when the VAT that they are computed on is.
func markSurchargesReversed(groups []group) {
	for i := range groups {
		vat := &groups[i]
		for n := range groups {
			if g := &groups[n]; vat.Tax == tax.VAT && g.Tax != tax.IIT && g.Period == vat.Period {
				g.reversed = g.reversed || vat.reversed
			}
		}
	}
}

// addRow adds row n of a booking to its figure.
func addRow(groups *[]group, b *settlement.Booking, n int, alive bool) {
	r := &b.Rows[n]
	k := Assessment{Entity: b.Entity, Taxpayer: b.Taxpayer, Tax: r.Kind, Period: r.Period,
		Item: r.Item}
	if r.Kind == tax.IIT {
		k.Project = r.Project
		if r.Item == tax.ItemLaborPlatform {
			k.Platform = r.Platform
		}
	}
	at := slices.IndexFunc(*groups, func(g group) bool {
		return g.Tax == k.Tax && g.Period == k.Period &&
			(k.Tax != tax.IIT || (g.Item == k.Item && g.Project == k.Project && g.Platform == k.Platform))
	})
	if at < 0 {
		at = len(*groups)
		*groups = append(*groups, group{Assessment: k})
	}
	g := &(*groups)[at]
	g.Withheld = g.Withheld.Add(r.Withheld)
	g.reversed = g.reversed || b.Kind == settlement.KindReversal
	of := b.Settlement
	if n < len(b.Of) {
		of = b.Of[n]
	}
	if of != "" && !slices.Contains(g.Settlements, of) {
		g.Settlements = append(g.Settlements, of)
	}
	if b.Kind == settlement.KindBooking && (alive || !g.alive) {
		g.booking = b
		g.last = b.Settlement
		g.alive = alive
		g.year = b.Year
		g.income = incomeOf(b)
		g.collection = r.Collection
	}
}

// incomeOf is the income tax row of a booking; empty where nothing is withheld of it.
func incomeOf(b *settlement.Booking) tax.Row {
	for _, r := range b.Rows {
		if r.Kind == tax.IIT && r.Collection != tax.SelfFiled {
			return r
		}
	}
	return tax.Row{}
}

// judge applies the law to what stands in the figure's period.
func (g *group) judge(law *tax.Corpus, f tax.Facts, rows []tax.Row, all []group) error {
	g.facts = f
	if g.Tax == tax.IIT {
		f.Item = g.Item
		if tax.IsCumulative(g.Item, f.Taxpayer.Kind) {
			return g.judgeYear(law, f, rows, all)
		}
	}
	return g.compare(law, f, rows)
}

// judgeYear judges the year of a cumulative method at its last month with income that stands.
func (g *group) judgeYear(law *tax.Corpus, f tax.Facts, rows []tax.Row, all []group) error {
	if g.later = !g.alive; g.later {
		return nil
	}
	withheld := money.Amount{}
	for i := range all {
		o := &all[i]
		if o.Tax != g.Tax || o.Item != g.Item || o.Platform != g.Platform ||
			o.Month().Year() != g.Month().Year() {
			continue
		}
		if o.alive && o.Month().After(g.Month()) ||
			(o.alive && o.Period == g.Period && o.Project < g.Project) {
			g.later = true
			return nil
		}
		withheld, g.reversed = withheld.Add(rowsOf(rows, o)), g.reversed || o.reversed
		for _, s := range o.Settlements {
			if !slices.Contains(g.Settlements, s) {
				g.Settlements = append(g.Settlements, s)
			}
		}
	}
	g.Withheld, g.Project = withheld, ""
	return g.compare(law, f, rows)
}

// rowsOf is what the rows of a figure come to.
func rowsOf(rows []tax.Row, g *group) money.Amount {
	var sum money.Amount
	for i := range rows {
		r := &rows[i]
		if r.Kind == g.Tax && r.Period == g.Period && r.Item == g.Item &&
			(r.Item != tax.ItemLaborPlatform || r.Platform == g.Platform) && r.Project == g.Project &&
			r.Collection != tax.SelfFiled {
			sum = sum.Add(r.Withheld)
		}
	}
	return sum
}

// compare sets what the rules give, the difference, and its cause.
func (g *group) compare(law *tax.Corpus, f tax.Facts, rows []tax.Row) error {
	list, err := law.TrueUps(f, rows)
	if err != nil {
		return err
	}
	g.Rule = g.Withheld
	for _, u := range list {
		if u.Tax == g.Tax && u.Period == g.Period {
			g.Rule = g.Withheld.Sub(u.Excess)
		}
	}
	g.Difference = g.Rule.Sub(g.Withheld)
	switch {
	case g.Difference.IsZero():
	case g.reversed && g.Rule.IsZero() != g.Withheld.IsZero():
		g.Cause = CauseThreshold
	case g.reversed:
		g.Cause = CauseReversal
	default:
		g.Cause = CauseLate
	}
	return nil
}

// taxLog is what was booked for a taxpayer at a paying entity in some years.
type taxLog struct {
	taxpayer ident.Taxpayer
	into     string // the taxpayer in whose lists the person goes on, where these are closed
	bookings []settlement.Booking
	next     map[int]int // the next free number of each year's list
	merged   bool        // lists of other taxpayers, who are the same person, count with it
}

// logOf reads the bookings that concern the year of a month: those of the year, of the year before
// and, for VAT of payments made later, of the year after.
func (t *Service) logOf(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, around civil.Month) (taxLog, error) {
	today, err := t.clock.Today(ctx)
	if err != nil {
		return taxLog{}, fault.Later(err)
	}
	log := taxLog{taxpayer: taxpayer, next: map[int]int{}}
	for year := around.Year() - 1; year <= min(around.Year()+1, today.Year()); year++ {
		list, err := t.booked.TaxRows(ctx, tenant, entity, taxpayer, year)
		if err != nil {
			return taxLog{}, err
		}
		log.bookings, log.next[year] = append(log.bookings, settlement.Whole(list)...), len(list)+1
		if into, closed := settlement.ClosedFor(list); closed {
			log.into = string(into)
		}
		log.merged = log.merged || slices.ContainsFunc(list, func(b settlement.Booking) bool {
			return b.Kind == settlement.KindMerged
		})
	}
	return log, nil
}

// fold assesses the months up to one.
func (t *Service) fold(ctx context.Context, tenant ident.Tenant, log taxLog,
	through civil.Month) ([]Assessment, error) {
	if len(log.bookings) == 0 {
		return nil, nil
	}
	found, err := t.settlementsOf(ctx, tenant, log.bookings)
	if err != nil {
		return nil, err
	}
	list, err := Fold(t.Law(ctx), log.bookings, func(b *settlement.Booking) (tax.Facts, error) {
		return t.taxes.Facts(ctx, found[string(b.Settlement)], b.PaidOn(found[string(b.Settlement)]))
	})
	for i := range list {
		if log.merged && list[i].Cause == CauseLate {
			list[i].Cause = CauseMerged
		}
	}
	return slices.DeleteFunc(list, func(s Assessment) bool { return s.Month().After(through) }), err
}

// settlementsOf reads the settlements that were booked.
func (t *Service) settlementsOf(ctx context.Context, tenant ident.Tenant,
	bookings []settlement.Booking) (map[string]settlement.Settlement, error) {
	var ids []ident.Settlement
	for i := range bookings {
		if b := &bookings[i]; b.Kind == settlement.KindBooking && len(b.Rows) > 0 &&
			!slices.Contains(ids, b.Settlement) {
			ids = append(ids, b.Settlement)
		}
	}
	list, err := t.booked.LoadAll(ctx, tenant, ids)
	found := make(map[string]settlement.Settlement, len(list))
	for _, s := range list {
		found[s.ID] = s
	}
	return found, err
}

// markChangedByLaw marks the differences that a change of the law explains: a correction of the
// year posts those.
func (t *Service) markChangedByLaw(ctx context.Context, tenant ident.Tenant,
	list []Assessment) error {
	law := t.Law(ctx)
	seen := map[int]bool{}
	for i := range list {
		if seen[list[i].year] || list[i].year == 0 {
			continue
		}
		seen[list[i].year] = true
		who := lawdiff.PersonYear{Entity: list[i].Entity, Taxpayer: list[i].Taxpayer, Year: list[i].year}
		_, err := t.Compare(ctx, tenant, who, law, func(p *lawdiff.Person) error {
			for n := range list {
				list[n].markIfByLaw(p)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// markIfByLaw marks a figure some of whose settlements are taxed otherwise by the law in force.
func (s *Assessment) markIfByLaw(p *lawdiff.Person) {
	var part money.Amount
	for i := range p.Differences {
		d := &p.Differences[i]
		if d.Tax == s.Tax && d.Period == s.Period &&
			(s.Tax != tax.IIT || (d.Item == s.Item && d.Project == s.Project)) {
			part = part.Add(d.Change().Withheld)
		}
	}
	if s.Open() && !part.IsZero() {
		s.Cause = CauseLaw
	}
}

// TrueUp is an open true-up with what was decided of it.
type TrueUp struct {
	Assessment
	Decision *Decision `json:"decision"` // null while nobody has decided
	Decided  bool      `json:"decided"`  // two people have, and the figure has not changed since
}

// OfTaxpayer lists the open true-ups of a taxpayer at a paying entity, up to a month; one that was
// merged into another has none.
func (t *Service) OfTaxpayer(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, through civil.Month) ([]TrueUp, error) {
	log, err := t.logOf(ctx, tenant, entity, taxpayer, through)
	if err != nil {
		return nil, err
	}
	list, err := t.fold(ctx, tenant, log, through)
	if err != nil {
		return nil, err
	}
	return t.withDecisions(ctx, tenant, list)
}

// withDecisions keeps the open ones of a list and adds what was decided of each.
func (t *Service) withDecisions(ctx context.Context, tenant ident.Tenant,
	list []Assessment) ([]TrueUp, error) {
	list = slices.DeleteFunc(list, func(s Assessment) bool { return !s.Open() })
	if len(list) == 0 {
		return nil, nil
	}
	if err := t.markChangedByLaw(ctx, tenant, list); err != nil {
		return nil, err
	}
	out := make([]TrueUp, 0, len(list))
	for i := range list {
		o := TrueUp{Assessment: list[i]}
		d, err := t.store.Decision(ctx, tenant, o.Entity, o.ID)
		switch {
		case err == nil &&
			d.State != DecisionPosted: // a posted one has done its work: what is open is new
			o.Decision, o.Decided = &d, d.State == DecisionLeft && d.Difference == o.Difference
		case err != nil && !fault.HasCode(err, fault.NotFound):
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// OfCreator lists the open true-ups of a creator's taxpayer. A taxpayer with several creators is
// listed with the one whose settlement was booked first.
func (t *Service) OfCreator(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	c tenancy.Creator, through civil.Month) ([]TrueUp, error) {
	log, first, err := t.logOfCreator(ctx, tenant, entity, c, through)
	if err != nil || !first {
		return nil, err
	}
	list, err := t.fold(ctx, tenant, log, through)
	if err != nil {
		return nil, err
	}
	return t.withDecisions(ctx, tenant, list)
}

// Open lists a page of open true-ups of a paying entity up to a month: those of the next creators
// after the cursor.
func (t *Service) Open(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	through civil.Month, cursor string, limit int) ([]TrueUp, string, error) {
	creators, next, err := t.directory.Creators(ctx, tenant, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var out []TrueUp
	for _, c := range creators {
		list, err := t.OfCreator(ctx, tenant, entity, c, through)
		if err != nil {
			return nil, "", err
		}
		out = append(out, list...)
	}
	return out, next, nil
}

// creatorsListed is how many creators are looked through at once.
const creatorsListed = 100

// OpenTrueUps lists all open true-ups of a paying entity up to a month, with or without a decision.
func (t *Service) OpenTrueUps(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	through civil.Month) ([]TrueUp, error) {
	var out []TrueUp
	for cursor := ""; ; {
		list, next, err := t.Open(ctx, tenant, entity, through, cursor, creatorsListed)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
		if cursor = next; cursor == "" {
			return out, nil
		}
	}
}

// Undecided lists the open true-ups of a paying entity without a decision of two people, each in
// words, up to a month.
func (t *Service) Undecided(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	through civil.Month) ([]string, error) {
	list, err := t.OpenTrueUps(ctx, tenant, entity, through)
	return InWords(list), err
}

// InWords writes out the open true-ups that two people have not decided.
func InWords(list []TrueUp) []string {
	var out []string
	for i := range list {
		if o := &list[i]; !o.Decided {
			out = append(out, o.words())
		}
	}
	return out
}

func (o *TrueUp) words() string {
	text := o.Tax + " of " + string(o.Taxpayer) + ", " + o.Period + ", " + o.Item + ": "
	switch {
	case o.Missing != "":
		text += "no figure, because " + o.Missing + " is missing"
	case o.Difference.Positive():
		text += o.Difference.String() + " too little withheld (" + o.Cause + ")"
	default:
		text += o.Difference.Neg().String() + " too much withheld (" + o.Cause + ")"
	}
	if o.Decision != nil {
		text += ", " + o.Decision.Decision + " waits for a second person"
	}
	return text + ", settlements " + strconv.Itoa(len(o.Settlements)) + ": " +
		strings.Join(ident.Texts(o.Settlements[:min(len(o.Settlements), 3)]), " ")
}
