package lawdiff

import (
	"cmp"
	"errors"
	"fmt"
	"iter"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
)

// errOrder tells that events did not come in order of entity, taxpayer and year.
var errOrder = errors.New("lawdiff: events must be ordered by paying entity, taxpayer and year")

// CompareByPerson taxes a stream of events again and hands each person-year over when its last
// event is through. Events are ordered by paying entity, taxpayer and year, and within a year as
// they were booked; a payment of January whose VAT belongs to December finds the rows of the year
// before only if that year precedes it in the stream. Memory does not grow with the number of
// persons: an event may be used again after it was given, and the Person stands only until emit
// returns.
//
// Errors: those of the stream and of emit; events out of order.
func CompareByPerson(law *tax.Corpus, events iter.Seq2[*Event, error],
	emit func(*Person) error) (Totals, error) {
	r := &run{law: law.NewFigureComputer(), emit: emit}
	r.person.index = map[string]int{}
	for e, err := range events {
		if err == nil {
			err = r.take(e)
		}
		if err != nil {
			return r.totals, err
		}
	}
	return r.totals, r.close()
}

type run struct {
	law    *tax.FigureComputer
	emit   func(*Person) error
	totals Totals
	person Person
	begun  bool
	before []tax.Row  // of the same person's year before, under the second law
	old    PersonYear // whose rows before are
	rows   []tax.Row  // of two years together
}

// take runs one event, after closing the person before if it is another's.
func (r *run) take(e *Event) error {
	if !r.begun || e.PersonYear != r.person.PersonYear {
		if err := r.next(e.PersonYear); err != nil {
			return err
		}
	}
	p := &r.person
	p.behind = e.IsEarlierYear
	switch e.Kind {
	case Booking:
		r.book(e)
	case Reversal:
		p.reverse(e)
	case TrueUp:
		return p.trueUp(e)
	case SettledTrueUp:
		return p.decided(e)
	case Opening:
		p.booked = append(p.booked, e.Rows...)
		p.standing = append(p.standing, e.Rows...)
	default:
		return fmt.Errorf("lawdiff: %s of %s is no kind of event", e.Kind, e.Settlement)
	}
	return nil
}

// next closes a person and begins another.
func (r *run) next(w PersonYear) error {
	if r.begun {
		if !before(r.person.PersonYear, w) {
			return errOrder
		}
		if err := r.close(); err != nil {
			return err
		}
		r.old = r.person.PersonYear
		r.before = append(r.before[:0], r.person.standing...)
	}
	r.begun = true
	r.person.begin(w)
	return nil
}

func before(a, b PersonYear) bool {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Taxpayer, b.Taxpayer),
		cmp.Compare(a.Year, b.Year)) < 0
}

// close sums a person up and hands it over.
func (r *run) close() error {
	if !r.begun || r.person.behind {
		return nil
	}
	r.person.compare(&r.totals)
	return r.emit(&r.person)
}

// book taxes a settlement again on the rows that stand under the second law.
func (r *run) book(e *Event) {
	p := &r.person
	part := p.part(e.Settlement, e.Creator)
	part.addBooked(p, e.Rows)
	part.last = span{len(p.standing), len(p.standing)}
	switch {
	case part.gap: // booked anew, and it was not computable the first time
	case p.blocked != "":
		p.leave(part, Gap{Settlement: e.Settlement, Creator: e.Creator, Rule: p.Gaps[0].Rule,
			Missing: p.Gaps[0].Missing, BlockedBy: p.blocked})
	case e.Missing != nil:
		g := *e.Missing
		g.Settlement, g.Creator = e.Settlement, e.Creator
		p.leave(part, g)
	case e.Facts != nil:
		p.taxpayer, part.afterTax = e.Facts.Taxpayer.Kind, e.Facts.AfterTax
		res, err := r.law.ComputeRows(e.Facts, r.standing(e.Facts))
		if err != nil {
			p.leave(part, gapOf(err, e))
			return
		}
		part.addStanding(p, res.Rows)
	}
}

// standing are the rows on which a payment is taxed: those of its tax year and, where the VAT
// belongs to the year before, of that one.
func (r *run) standing(f *tax.Facts) []tax.Row {
	p := &r.person
	year := f.VATDate.Year()
	if year == p.Year || r.old != (PersonYear{Entity: p.Entity, Taxpayer: p.Taxpayer, Year: year}) {
		return p.standing
	}
	r.rows = append(append(r.rows[:0], p.standing...), r.before...)
	return r.rows
}

// gapOf names what the second law does not give.
func gapOf(err error, e *Event) Gap {
	g := Gap{Settlement: e.Settlement, Creator: e.Creator}
	var gap *tax.Gap
	var forbidden *tax.Forbidden
	switch {
	case errors.As(err, &gap):
		g.Rule, g.Missing = gap.Rule, gap.Missing
	case errors.As(err, &forbidden):
		g.Rule, g.Missing = forbidden.Rule, forbidden.Why
	default:
		f := fault.Of(err)
		g.Rule, g.Missing = cmp.Or(f.Missing, f.Reason), bilingual.Text{ZH: f.Public, EN: f.Public}
	}
	return g
}
