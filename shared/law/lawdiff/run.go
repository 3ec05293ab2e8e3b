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

// errEventOrder tells that events did not come in order of entity, taxpayer and year.
var errEventOrder = errors.New("lawdiff: events must be ordered by paying entity, taxpayer and year")

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
	r := &comparison{law: law.NewFigureComputer(), emit: emit}
	r.person.index = map[string]int{}
	for e, err := range events {
		if err == nil {
			err = r.processEvent(e)
		}
		if err != nil {
			return r.totals, err
		}
	}
	return r.totals, r.finishPerson()
}

type comparison struct {
	law              *tax.FigureComputer
	emit             func(*Person) error
	totals           Totals
	person           Person
	hasPerson        bool
	previousYearRows []tax.Row  // of the same person's year before, under the second law
	previousYear     PersonYear // whose rows before are
	twoYearRows      []tax.Row  // of two years together
}

// processEvent runs one event, after closing the person before if it is another's.
func (r *comparison) processEvent(e *Event) error {
	if !r.hasPerson || e.PersonYear != r.person.PersonYear {
		if err := r.startPerson(e.PersonYear); err != nil {
			return err
		}
	}
	p := &r.person
	p.isEarlierYear = e.IsEarlierYear
	switch e.Kind {
	case Booking:
		r.recomputeBooking(e)
	case Reversal:
		p.reverseBooking(e)
	case TrueUp:
		return p.addPostedTrueUp(e)
	case SettledTrueUp:
		return p.addSettledTrueUp(e)
	case Opening:
		p.booked = append(p.booked, e.Rows...)
		p.recomputed = append(p.recomputed, e.Rows...)
	default:
		return fmt.Errorf("lawdiff: %s of %s is no kind of event", e.Kind, e.Settlement)
	}
	return nil
}

// startPerson closes a person and begins another.
func (r *comparison) startPerson(w PersonYear) error {
	if r.hasPerson {
		if !precedes(r.person.PersonYear, w) {
			return errEventOrder
		}
		if err := r.finishPerson(); err != nil {
			return err
		}
		r.previousYear = r.person.PersonYear
		r.previousYearRows = append(r.previousYearRows[:0], r.person.recomputed...)
	}
	r.hasPerson = true
	r.person.reset(w)
	return nil
}

func precedes(a, b PersonYear) bool {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Taxpayer, b.Taxpayer),
		cmp.Compare(a.Year, b.Year)) < 0
}

// finishPerson sums a person up and hands it over.
func (r *comparison) finishPerson() error {
	if !r.hasPerson || r.person.isEarlierYear {
		return nil
	}
	r.person.compareSettlements(&r.totals)
	return r.emit(&r.person)
}

// recomputeBooking taxes a settlement again on the rows that stand under the second law.
func (r *comparison) recomputeBooking(e *Event) {
	p := &r.person
	part := p.findOrAddSettlement(e.Settlement, e.Creator)
	part.appendBooked(p, e.Rows)
	part.lastBooking = rowRange{len(p.recomputed), len(p.recomputed)}
	switch {
	case part.hasGap: // booked anew, and it was not computable the first time
	case p.blocked != "":
		p.recordGap(part, Gap{Settlement: e.Settlement, Creator: e.Creator, Rule: p.Gaps[0].Rule,
			Missing: p.Gaps[0].Missing, BlockedBy: p.blocked})
	case e.Missing != nil:
		g := *e.Missing
		g.Settlement, g.Creator = e.Settlement, e.Creator
		p.recordGap(part, g)
	case e.Facts != nil:
		p.taxpayer, part.payerBearsTax = e.Facts.Taxpayer.Kind, e.Facts.AfterTax
		res, err := r.law.ComputeRows(e.Facts, r.earlierRows(e.Facts))
		if err != nil {
			p.recordGap(part, gapFromError(err, e))
			return
		}
		part.appendRecomputed(p, res.Rows)
	}
}

// earlierRows are the rows on which a payment is taxed: those of its tax year and, where the VAT
// belongs to the year before, of that one.
func (r *comparison) earlierRows(f *tax.Facts) []tax.Row {
	p := &r.person
	year := f.VATDate.Year()
	if year == p.Year || r.previousYear != (PersonYear{Entity: p.Entity, Taxpayer: p.Taxpayer, Year: year}) {
		return p.recomputed
	}
	r.twoYearRows = append(append(r.twoYearRows[:0], p.recomputed...), r.previousYearRows...)
	return r.twoYearRows
}

// gapFromError names what the second law does not give.
func gapFromError(err error, e *Event) Gap {
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
