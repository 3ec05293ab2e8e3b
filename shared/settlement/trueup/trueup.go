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

// The causes of an open true-up.
const (
	// the rules have changed since the bookings; a correction of the year posts the difference
	CauseLaw = "law"
	// after a reversal the total falls below a threshold, so that no tax is due, or rises above it
	CauseThreshold = "threshold"
	CauseReversal  = "reversal"
	CauseLate      = "late"   // income was booked late into a period that was taxed already
	CauseMerged    = "merged" // two taxpayers were merged, and their periods are taxed together
	// a rule for the period is missing now, so that the tax cannot be computed
	CauseRule = "rule"
)

// Assessment compares, for one tax and period of a taxpayer at a paying entity, the tax withheld
// with the tax by the rules in force on the period's total (promise P5).
type Assessment struct {
	ID       string         `json:"true_up_id"`
	Entity   ident.Entity   `json:"paying_entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer_id"`
	Tax      string         `json:"tax"`
	// month or day; for cumulative methods the last month with income
	Period   string       `json:"period"`
	Item     string       `json:"item"`
	Project  string       `json:"project,omitempty"`
	Platform string       `json:"platform,omitempty"` // of cumulative methods
	Withheld money.Amount `json:"withheld"`
	Rule     money.Amount `json:"rule"`
	// Difference is Rule less Withheld: tax to collect when positive, to refund when negative.
	Difference money.Amount `json:"difference"`
	Cause      string       `json:"cause"`
	// the missing rule or master data, without which the tax cannot be computed
	Missing     string             `json:"missing,omitempty"`
	Settlements []ident.Settlement `json:"settlements"`

	last     ident.Settlement // settlement of the last booking; a decision is posted for it
	income   tax.Row          // income tax row of that booking: a change of VAT changes its income
	year     int              // year of the list with the rows
	reversed bool             // some of the rows were reversed
	// collection is the way in which the tax reaches the tax office.
	collection string
	facts      tax.Facts // facts by which the last booking was taxed
}

// Open reports whether two people must decide about the assessment: the tax withheld differs from
// the tax by the rules (promise P5), or cannot be computed.
func (s *Assessment) Open() bool { return !s.Difference.IsZero() || s.Missing != "" }

// Month is the month that the period belongs to.
func (s *Assessment) Month() civil.Month { return lawdiff.MonthOfPeriod(s.Period) }

// setID sets the id of an assessment. The id is made of what is assessed, so that assessing again
// gives the same id.
func (s *Assessment) setID() {
	parts := []string{string(s.Entity), string(s.Taxpayer), s.Tax, s.Period, s.Item}
	if s.Project != "" || s.Platform != "" {
		sum := sha256.Sum256([]byte(s.Project + "\n" + s.Platform))
		parts = append(parts, hex.EncodeToString(sum[:4]))
	}
	s.ID = strings.Join(parts, "~")
}

// parseTrueUpID parses the id of an assessment: paying entity, taxpayer and month.
func parseTrueUpID(id string) (entity ident.Entity, taxpayer ident.Taxpayer, month civil.Month,
	ok bool) {
	parts := strings.Split(id, "~")
	if len(parts) < 5 {
		return "", "", month, false
	}
	month = lawdiff.MonthOfPeriod(parts[3])
	return ident.Entity(parts[0]), ident.Taxpayer(parts[1]), month, !month.IsZero()
}

// FactsOfBooking returns the facts by which a booking was taxed. Its error may be a missing rule or
// missing master data.
type FactsOfBooking func(b *settlement.Booking) (tax.Facts, error)

// AssessBookings compares, for each tax, period and item of a taxpayer, the tax withheld with the
// tax by the law on the bookings that were not reversed. The bookings are those of whole years of
// the taxpayer at a paying entity, in order. A cumulative method owes the highest value that its
// formula has reached at the end of any month; more tax withheld is refunded by the annual
// settlement and is no difference.
//
// Errors: those of facts and law, except missing rules and master data, which make an assessment of
// cause "rule".
func AssessBookings(law *tax.Corpus, bookings []settlement.Booking,
	facts FactsOfBooking) ([]Assessment, error) {
	groups, rows := groupRows(bookings)
	markSurchargesReversed(groups)
	var out []Assessment
	for i := range groups {
		g := &groups[i]
		if g.booking == nil {
			continue // only opening rows, which the tenant brought along and answers for
		}
		f, err := facts(g.booking)
		if err == nil {
			err = g.assess(law, f, rows, groups)
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

// missingRule returns the name of the rule or master data that an error reports as missing, "" for
// any other error.
func missingRule(err error) string {
	switch e := fault.AsError(err); {
	case fault.HasCode(err, fault.RuleMissing):
		return cmp.Or(e.Missing, e.Reason)
	case fault.HasCode(err, fault.NotFound):
		return e.Public
	}
	return ""
}

// group is an assessment while its rows are gathered.
type group struct {
	Assessment
	booking *settlement.Booking // the last booking that was not reversed, or else the last one
	alive   bool                // booking was not reversed
	// of a cumulative method: a later month of the year is assessed instead
	later bool
}

// groupRows groups the tax rows by tax, period and item. Rows of taxes that the payee files are
// left out of the groups.
func groupRows(bookings []settlement.Booking) ([]group, []tax.Row) {
	alive := map[string]string{} // by settlement: the act of its booking that was not reversed
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

// markSurchargesReversed marks the surcharges of a period as reversed when the VAT on which they
// are computed was reversed.
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

// addRow adds row n of a booking to its group and makes the booking the group's last one.
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
	g := groupFor(groups, k)
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
		g.income = incomeRowOf(b)
		g.collection = r.Collection
	}
}

// groupFor returns the group of an assessment and adds it when there is none. VAT and surcharges
// have one group for each period, income tax one for each item, project and platform too.
func groupFor(groups *[]group, k Assessment) *group {
	at := slices.IndexFunc(*groups, func(g group) bool {
		return g.Tax == k.Tax && g.Period == k.Period &&
			(k.Tax != tax.IIT || (g.Item == k.Item && g.Project == k.Project && g.Platform == k.Platform))
	})
	if at < 0 {
		at = len(*groups)
		*groups = append(*groups, group{Assessment: k})
	}
	return &(*groups)[at]
}

// incomeRowOf is the income tax row of a booking, the zero row when no income tax is withheld.
func incomeRowOf(b *settlement.Booking) tax.Row {
	for _, r := range b.Rows {
		if r.Kind == tax.IIT && r.Collection != tax.SelfFiled {
			return r
		}
	}
	return tax.Row{}
}

// assess computes the tax by the law for the period of a group.
func (g *group) assess(law *tax.Corpus, f tax.Facts, rows []tax.Row, all []group) error {
	g.facts = f
	if g.Tax == tax.IIT {
		f.Item = g.Item
		if tax.IsCumulative(g.Item, f.Taxpayer.Kind) {
			return g.assessCumulative(law, f, rows, all)
		}
	}
	return g.compareWithLaw(law, f, rows)
}

// assessCumulative assesses the year of a cumulative method at its last month with income that was
// not reversed; all other months of the year are marked as later.
func (g *group) assessCumulative(law *tax.Corpus, f tax.Facts, rows []tax.Row, all []group) error {
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
		withheld, g.reversed = withheld.Add(withheldOf(rows, o)), g.reversed || o.reversed
		for _, s := range o.Settlements {
			if !slices.Contains(g.Settlements, s) {
				g.Settlements = append(g.Settlements, s)
			}
		}
	}
	g.Withheld, g.Project = withheld, ""
	return g.compareWithLaw(law, f, rows)
}

// withheldOf is the sum of the tax withheld by the rows of a group.
func withheldOf(rows []tax.Row, g *group) money.Amount {
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

// compareWithLaw sets the tax by the rules, the difference from the tax withheld, and its cause.
func (g *group) compareWithLaw(law *tax.Corpus, f tax.Facts, rows []tax.Row) error {
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

// taxLog holds the bookings of a taxpayer at a paying entity in some years.
type taxLog struct {
	taxpayer ident.Taxpayer
	into     string // the surviving taxpayer, when a merge has closed these lists
	bookings []settlement.Booking
	next     map[int]int // the next free number of each year's list
	merged   bool        // the bookings include those of taxpayers who were merged into this one
}

// readTaxLog reads the bookings that concern the year of a month: those of the year, of the year
// before and, because VAT of the year may be paid later, of the year after.
func (t *Service) readTaxLog(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, around civil.Month) (taxLog, error) {
	today, err := t.clock.Today(ctx)
	if err != nil {
		return taxLog{}, fault.Temporary(err)
	}
	log := taxLog{taxpayer: taxpayer, next: map[int]int{}}
	for year := around.Year() - 1; year <= min(around.Year()+1, today.Year()); year++ {
		list, err := t.booked.TaxRows(ctx, tenant, entity, taxpayer, year)
		if err != nil {
			return taxLog{}, err
		}
		log.bookings, log.next[year] = append(log.bookings, settlement.BookingsOfPerson(list)...),
			len(list)+1
		if into, closed := settlement.MergedInto(list); closed {
			log.into = string(into)
		}
		log.merged = log.merged || slices.ContainsFunc(list, func(b settlement.Booking) bool {
			return b.Kind == settlement.KindMerged
		})
	}
	return log, nil
}

// assess assesses the periods of a tax log up to a month.
func (t *Service) assess(ctx context.Context, tenant ident.Tenant, log taxLog,
	through civil.Month) ([]Assessment, error) {
	if len(log.bookings) == 0 {
		return nil, nil
	}
	found, err := t.settlementsOf(ctx, tenant, log.bookings)
	if err != nil {
		return nil, err
	}
	list, err := AssessBookings(t.Law(ctx), log.bookings,
		func(b *settlement.Booking) (tax.Facts, error) {
			return t.taxes.Facts(ctx, found[string(b.Settlement)], b.PaidOn(found[string(b.Settlement)]))
		})
	for i := range list {
		if log.merged && list[i].Cause == CauseLate {
			list[i].Cause = CauseMerged
		}
	}
	return slices.DeleteFunc(list, func(s Assessment) bool { return s.Month().After(through) }), err
}

// settlementsOf reads the settlements of bookings.
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

// markChangedByLaw sets cause "law" on the differences that a change of the law explains. A
// correction of the year posts them.
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

// markIfByLaw sets cause "law" when some settlements of the assessment are taxed differently by the
// law in force than they were booked.
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

// TrueUp is an open true-up with the decision on it.
type TrueUp struct {
	Assessment
	Decision *Decision `json:"decision"` // null while nobody has decided
	// two people have decided, and the difference has not changed since
	Decided bool `json:"decided"`
}

// OfTaxpayer lists the open true-ups of a taxpayer at a paying entity up to a month. A taxpayer who
// was merged into another one has none.
func (t *Service) OfTaxpayer(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, through civil.Month) ([]TrueUp, error) {
	log, err := t.readTaxLog(ctx, tenant, entity, taxpayer, through)
	if err != nil {
		return nil, err
	}
	list, err := t.assess(ctx, tenant, log, through)
	if err != nil {
		return nil, err
	}
	return t.withDecisions(ctx, tenant, list)
}

// withDecisions drops assessments without a difference and adds to each other one the decision on
// it.
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
			d.State != DecisionPosted: // after a posted decision, what is open has arisen since
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
	log, first, err := t.readTaxLogOfCreator(ctx, tenant, entity, c, through)
	if err != nil || !first {
		return nil, err
	}
	list, err := t.assess(ctx, tenant, log, through)
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

// creatorsListed is the number of creators whose true-ups are listed in one page.
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

// Undecided describes the open true-ups of a paying entity up to a month on which two people have
// not decided, one sentence for each.
func (t *Service) Undecided(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	through civil.Month) ([]string, error) {
	list, err := t.OpenTrueUps(ctx, tenant, entity, through)
	return InWords(list), err
}

// InWords describes the true-ups of a list on which two people have not decided, one sentence each.
func InWords(list []TrueUp) []string {
	var out []string
	for i := range list {
		if o := &list[i]; !o.Decided {
			out = append(out, o.describe())
		}
	}
	return out
}

// describe returns a sentence about an open true-up: tax, taxpayer, difference, cause and some
// settlements.
func (o *TrueUp) describe() string {
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
		strings.Join(ident.ToTexts(o.Settlements[:min(len(o.Settlements), 3)]), " ")
}
