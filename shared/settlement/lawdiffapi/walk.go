package lawdiffapi

import (
	"context"
	"slices"

	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// pageWalk compares the taxpayers of one page and collects the response.
type pageWalk struct {
	api    API
	tenant ident.Tenant
	diffQuestion
	law *tax.Corpus
	// filedMonths are the filed months of the paying entity filedBy, or those of the request.
	filedMonths lawdiff.Filed
	filedBy     ident.Entity
	desk        lawdiff.LatenessRules
	out         diffPage
}

// comparePage compares the taxpayers of one page: the one taxpayer and paying entity of the
// request, all paying entities of the request's taxpayer, or the next creators of the tenant.
func (w *pageWalk) comparePage(ctx context.Context, cursor string, limit int) error {
	// With both ids there is exactly one year to compare, and no search for creators.
	if w.Entity != "" && w.Taxpayer != "" {
		return w.comparePerson(ctx,
			lawdiff.PersonYear{Entity: w.Entity, Taxpayer: w.Taxpayer, Year: w.Year}, "")
	}
	if w.Taxpayer != "" {
		return w.compareTaxpayer(ctx)
	}
	creators, next, err := w.api.Directory.Creators(ctx, w.tenant, cursor, limit)
	if err != nil {
		return err
	}
	for _, c := range creators {
		if err := w.compareCreator(ctx, c); err != nil {
			return err
		}
	}
	if next != "" {
		w.out.NextCursor = &next
	}
	return nil
}

// creatorsPerRead is how many creators one read returns in the search for the creators of a
// taxpayer.
const creatorsPerRead = 1000

// compareTaxpayer compares the years of all creators of the request's taxpayer. Creators are not
// indexed by taxpayer, so all creators of the tenant are read.
func (w *pageWalk) compareTaxpayer(ctx context.Context) error {
	for cursor := ""; ; {
		creators, next, err := w.api.Directory.Creators(ctx, w.tenant, cursor, creatorsPerRead)
		if err != nil {
			return err
		}
		for _, c := range creators {
			if c.TaxpayerID == w.Taxpayer {
				if err := w.compareCreator(ctx, c); err != nil {
					return err
				}
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// compareCreator compares the tax years of a creator's taxpayer at each paying entity, or at the
// one of the request.
func (w *pageWalk) compareCreator(ctx context.Context, c tenancy.Creator) error {
	entities := []ident.Entity{w.Entity}
	if w.Entity == "" {
		var err error
		if entities, err = w.bookingEntities(ctx, c.CreatorID); err != nil {
			return err
		}
	}
	for _, e := range entities {
		if err := w.comparePerson(ctx,
			lawdiff.PersonYear{Entity: e, Taxpayer: c.TaxpayerID, Year: w.Year},
			c.CreatorID); err != nil {
			return err
		}
	}
	return nil
}

// settlementsPerRead is how many settlements one read returns.
const settlementsPerRead = 100

// bookingEntities lists the paying entities at which settlements of a creator are booked, sorted by
// id.
func (w *pageWalk) bookingEntities(ctx context.Context,
	creator ident.Creator) ([]ident.Entity, error) {
	var out []ident.Entity
	for cursor := ""; ; {
		page, next, err := w.api.Settlements.List(ctx, w.tenant, settlement.Query{Creator: creator},
			cursor, settlementsPerRead)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			// Settlements that are not booked have no taxes to compare.
			if s.BookedEntry != "" && !slices.Contains(out, s.Entity) {
				out = append(out, s.Entity)
			}
		}
		if cursor = next; cursor == "" {
			slices.Sort(out)
			return out, nil
		}
	}
}

// comparePerson compares one taxpayer's year at a paying entity. A taxpayer with several creators
// appears only once, with its first creator. The parameter creator is "" when the request names the
// taxpayer.
func (w *pageWalk) comparePerson(ctx context.Context, who lawdiff.PersonYear,
	creator ident.Creator) error {
	if err := w.loadFiledMonths(ctx, who.Entity); err != nil {
		return err
	}
	skip := false
	totals, err := w.api.TrueUps.Compare(ctx, w.tenant, who, w.law, func(p *lawdiff.Person) error {
		if skip = creator != "" && p.FirstCreator() != creator; skip ||
			(len(p.Differences) == 0 && len(p.Gaps) == 0) {
			return nil
		}
		year, err := w.newPersonYear(p)
		w.out.Persons = append(w.out.Persons, year)
		return err
	})
	// A taxpayer that was skipped is counted with its first creator.
	if err == nil && !skip {
		w.out.Totals.Add(totals)
	}
	return err
}

// loadFiledMonths finds the filed months of a paying entity: those of the request, or else those
// that are recorded.
func (w *pageWalk) loadFiledMonths(ctx context.Context, entity ident.Entity) error {
	if w.Filed != nil {
		w.filedMonths = lawdiff.FiledMonths(w.Filed)
		return nil
	}
	// The months of the last paying entity are kept, because creators often share one.
	if w.filedMonths != nil && w.filedBy == entity {
		return nil
	}
	months, err := w.api.TrueUps.RecordedMonths(ctx, w.tenant, entity)
	w.filedMonths, w.filedBy = lawdiff.FiledMonths(months), entity
	return err
}

// newPersonYear returns the differences of one taxpayer's year in the form of the response.
func (w *pageWalk) newPersonYear(p *lawdiff.Person) (personYear, error) {
	out := personYear{PersonYear: p.PersonYear, Settlements: p.Settlements,
		Differences:   []difference{},
		NotComputable: append([]lawdiff.Gap{}, p.Gaps...)}
	for i := range p.Differences {
		d := p.Differences[i]
		out.Differences = append(out.Differences,
			difference{Difference: d, Change: d.Change(), Filed: d.IsInFiledMonth(w.filedMonths)})
	}
	// Without all differences a correction would be wrong, so none is proposed.
	if len(p.Gaps) > 0 {
		return out, nil
	}
	c, err := p.CorrectionOfUnfiledMonths(w.filedMonths)
	if err != nil {
		return out, err
	}
	out.TrueUps = &trueUps{Rows: len(c.Rows), Additional: c.Additional.String(), Over: c.Over.String()}
	months, err := p.Amendments(w.filedMonths, w.desk)
	out.Amendments = append([]lawdiff.Amendment{}, months...)
	return out, err
}
