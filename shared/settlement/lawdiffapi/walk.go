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

// walk goes through the persons of a page.
type walk struct {
	api    API
	tenant ident.Tenant
	question
	law   *tax.Corpus
	filed lawdiff.Filed // at the paying entity of
	at    ident.Entity
	desk  lawdiff.LatenessRules
	out   answer
}

// page walks a page: the one person that is named, all creators of a taxpayer, or the next creators
// of the tenant.
func (w *walk) page(ctx context.Context, cursor string, limit int) error {
	if w.Entity != "" && w.Taxpayer != "" {
		return w.person(ctx, lawdiff.PersonYear{Entity: w.Entity, Taxpayer: w.Taxpayer, Year: w.Year}, "")
	}
	if w.Taxpayer != "" {
		return w.taxpayer(ctx)
	}
	creators, next, err := w.api.Directory.Creators(ctx, w.tenant, cursor, limit)
	if err != nil {
		return err
	}
	for _, c := range creators {
		if err := w.creator(ctx, c); err != nil {
			return err
		}
	}
	if next != "" {
		w.out.NextCursor = &next
	}
	return nil
}

// manyCreators is how many creators are looked through at once for those of a taxpayer.
const manyCreators = 1000

func (w *walk) taxpayer(ctx context.Context) error {
	for cursor := ""; ; {
		creators, next, err := w.api.Directory.Creators(ctx, w.tenant, cursor, manyCreators)
		if err != nil {
			return err
		}
		for _, c := range creators {
			if c.TaxpayerID == w.Taxpayer {
				if err := w.creator(ctx, c); err != nil {
					return err
				}
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// creator compares the years of a creator's taxpayer at each paying entity.
func (w *walk) creator(ctx context.Context, c tenancy.Creator) error {
	entities := []ident.Entity{w.Entity}
	if w.Entity == "" {
		var err error
		if entities, err = w.entitiesOf(ctx, c.CreatorID); err != nil {
			return err
		}
	}
	for _, e := range entities {
		if err := w.person(ctx, lawdiff.PersonYear{Entity: e, Taxpayer: c.TaxpayerID, Year: w.Year},
			c.CreatorID); err != nil {
			return err
		}
	}
	return nil
}

// listed is how many settlements are read at once.
const listed = 100

// entitiesOf finds where a creator's settlements were booked, in order.
func (w *walk) entitiesOf(ctx context.Context, creator ident.Creator) ([]ident.Entity, error) {
	var out []ident.Entity
	for cursor := ""; ; {
		page, next, err := w.api.Settlements.List(ctx, w.tenant, settlement.Query{Creator: creator},
			cursor, listed)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
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

// person compares one year. A taxpayer with several creators is told with the first of them only;
// as is "" when the person was named.
func (w *walk) person(ctx context.Context, who lawdiff.PersonYear, as ident.Creator) error {
	if err := w.file(ctx, who.Entity); err != nil {
		return err
	}
	skip := false
	totals, err := w.api.TrueUps.Compare(ctx, w.tenant, who, w.law, func(p *lawdiff.Person) error {
		if skip = as != "" && p.FirstCreator() != as; skip ||
			(len(p.Differences) == 0 && len(p.Gaps) == 0) {
			return nil
		}
		told, err := w.tell(p)
		w.out.Persons = append(w.out.Persons, told)
		return err
	})
	if err == nil && !skip {
		w.out.Totals.Add(totals)
	}
	return err
}

// file finds the filed months of a paying entity: the caller's, or those recorded.
func (w *walk) file(ctx context.Context, entity ident.Entity) error {
	if w.Filed != nil {
		w.filed = lawdiff.FiledMonths(w.Filed)
		return nil
	}
	if w.filed != nil && w.at == entity {
		return nil
	}
	months, err := w.api.TrueUps.RecordedMonths(ctx, w.tenant, entity)
	w.filed, w.at = lawdiff.FiledMonths(months), entity
	return err
}

// tell writes a person down.
func (w *walk) tell(p *lawdiff.Person) (person, error) {
	out := person{PersonYear: p.PersonYear, Settlements: p.Settlements, Differences: []difference{},
		NotComputable: append([]lawdiff.Gap{}, p.Gaps...)}
	for i := range p.Differences {
		d := p.Differences[i]
		out.Differences = append(out.Differences,
			difference{Difference: d, Change: d.Change(), Filed: d.IsInFiledMonth(w.filed)})
	}
	if len(p.Gaps) > 0 {
		return out, nil
	}
	c, err := p.CorrectionOfUnfiledMonths(w.filed)
	if err != nil {
		return out, err
	}
	out.TrueUps = &trueUps{Rows: len(c.Rows), Additional: c.Additional.String(), Over: c.Over.String()}
	months, err := p.Amendments(w.filed, w.desk)
	out.Amendments = append([]lawdiff.Amendment{}, months...)
	return out, err
}
