package lawdiff

import (
	"errors"

	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
)

// Person is what the second law changes in one tax year of a taxpayer at a paying entity.
type Person struct {
	PersonYear
	Settlements int
	Differences []Difference
	Gaps        []Gap

	behind   bool
	taxpayer string           // kind of the taxpayer, by the last facts
	blocked  ident.Settlement // the first settlement without figures: what follows stands on it
	booked   []tax.Row
	standing []tax.Row // under the second law, with openings and reversals
	parts    []part
	index    map[string]int // of parts by settlement
	merged   []Difference
}

// FirstCreator is the first of the creators, by id, whose settlements the person has; "" when there
// are none. A taxpayer with several creators is told with that one.
func (p *Person) FirstCreator() ident.Creator {
	first := ident.Creator("")
	for i := range p.parts {
		if c := p.parts[i].creator; first == "" || c < first {
			first = c
		}
	}
	return first
}

// span is a part of a list of rows.
type span struct{ from, to int }

// part is one settlement of the person.
type part struct {
	settlement       ident.Settlement
	creator          ident.Creator
	booked, standing []span
	last             span // of the last booking, in standing
	gap              bool
	afterTax         bool // the payer bears its taxes
}

func (p *Person) begin(w PersonYear) {
	clear(p.index)
	*p = Person{PersonYear: w, Differences: p.Differences[:0], Gaps: p.Gaps[:0], booked: p.booked[:0],
		standing: p.standing[:0], parts: p.parts[:0],
		index: p.index, merged: p.merged[:0]}
}

// part finds a settlement, or begins it in the memory of one that was there for another person.
func (p *Person) part(settlement ident.Settlement, creator ident.Creator) *part {
	i, ok := p.index[string(settlement)]
	if !ok {
		i = len(p.parts)
		p.index[string(settlement)] = i
		if i < cap(p.parts) {
			p.parts = p.parts[:i+1]
		} else {
			p.parts = append(p.parts, part{})
		}
		q := &p.parts[i]
		*q = part{settlement: settlement, creator: creator, booked: q.booked[:0],
			standing: q.standing[:0]}
		p.Settlements++
	}
	return &p.parts[i]
}

func (q *part) addBooked(p *Person, rows []tax.Row) {
	q.booked = append(q.booked, span{len(p.booked), len(p.booked) + len(rows)})
	p.booked = append(p.booked, rows...)
}

func (q *part) addStanding(p *Person, rows []tax.Row) {
	q.last = span{len(p.standing), len(p.standing) + len(rows)}
	q.standing = append(q.standing, q.last)
	p.standing = append(p.standing, rows...)
}

// leave notes a settlement without figures.
func (p *Person) leave(q *part, g Gap) {
	q.gap = true
	p.Gaps = append(p.Gaps, g)
	if p.blocked == "" {
		p.blocked = q.settlement
	}
}

// reverse takes the last booking of a settlement back, on both sides.
func (p *Person) reverse(e *Event) {
	q := p.part(e.Settlement, e.Creator)
	q.addBooked(p, e.Rows)
	from := len(p.standing)
	for i := q.last.from; i < q.last.to; i++ {
		r := p.standing[i]
		r.Income = r.Income.Neg()
		r.Received = r.Received.Neg()
		r.Sales = r.Sales.Neg()
		r.Withheld = r.Withheld.Neg()
		p.standing = append(p.standing, r)
	}
	q.standing = append(q.standing, span{from, len(p.standing)})
	q.last = span{}
}

// errTrueUp tells that a true-up does not say what it corrects.
var errTrueUp = errors.New("lawdiff: a true-up must name settlement and creator of each row")

// trueUp adds what was posted to the settlements that it corrects.
func (p *Person) trueUp(e *Event) error {
	if len(e.Corrects) != len(e.Rows) || len(e.Creators) != len(e.Rows) {
		return errTrueUp
	}
	for i := range e.Rows {
		q := p.part(e.Corrects[i], e.Creators[i])
		q.addBooked(p, e.Rows[i:i+1])
	}
	return nil
}

// decided adds an open true-up that was settled to both sides: whatever the law, it was collected
// or given back.
func (p *Person) decided(e *Event) error {
	if len(e.Corrects) != len(e.Rows) || len(e.Creators) != len(e.Rows) {
		return errTrueUp
	}
	for i := range e.Rows {
		q := p.part(e.Corrects[i], e.Creators[i])
		q.addBooked(p, e.Rows[i:i+1])
		q.standing = append(q.standing, span{len(p.standing), len(p.standing) + 1})
		p.standing = append(p.standing, e.Rows[i])
	}
	return nil
}

// compare lists the differences of all settlements and adds them to the totals.
func (p *Person) compare(t *Totals) {
	t.Persons++
	t.Settlements += p.Settlements
	t.Gaps += len(p.Gaps)
	for i := range p.parts {
		q := &p.parts[i]
		if q.gap {
			continue
		}
		b, s := p.rowsOf(q)
		t.add(b, s)
		if !same(b, s) {
			p.differ(q)
		}
	}
	for i := range p.Differences {
		d := &p.Differences[i]
		change := d.Change().Withheld
		if x := t.of(d.Tax); change.Negative() {
			x.Over = x.Over.Add(change.Neg())
		} else {
			x.Additional = x.Additional.Add(change)
		}
	}
	if len(p.Differences) > 0 {
		t.Changed++
	}
}

// rowsOf gives the rows of a settlement; only those of several bookings are copied.
func (p *Person) rowsOf(q *part) (booked, standing []tax.Row) {
	for _, s := range q.booked {
		booked = p.booked[s.from:s.to]
	}
	for _, s := range q.standing {
		standing = p.standing[s.from:s.to]
	}
	if len(q.booked) > 1 || len(q.standing) > 1 {
		booked, standing = p.gathered(q)
	}
	return booked, standing
}

// gathered copies the rows of a settlement with several bookings.
func (p *Person) gathered(q *part) (booked, standing []tax.Row) {
	for _, s := range q.booked {
		booked = append(booked, p.booked[s.from:s.to]...)
	}
	for _, s := range q.standing {
		standing = append(standing, p.standing[s.from:s.to]...)
	}
	return booked, standing
}

func (t *Totals) add(booked, standing []tax.Row) {
	for i := range booked {
		x := t.of(booked[i].Kind)
		x.Booked = x.Booked.Add(booked[i].Withheld)
	}
	for i := range standing {
		x := t.of(standing[i].Kind)
		x.Recomputed = x.Recomputed.Add(standing[i].Withheld)
	}
}

func same(a, b []tax.Row) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// differ lists what differs in one settlement, key by key.
func (p *Person) differ(q *part) {
	p.merged = p.merged[:0]
	for _, s := range q.booked {
		for i := s.from; i < s.to; i++ {
			d := p.keyed(keyOf(&p.booked[i]))
			d.Booked = d.Booked.Add(figuresOf(&p.booked[i]))
		}
	}
	for _, s := range q.standing {
		for i := s.from; i < s.to; i++ {
			d := p.keyed(keyOf(&p.standing[i]))
			d.Recomputed = d.Recomputed.Add(figuresOf(&p.standing[i]))
		}
	}
	for i := range p.merged {
		d := &p.merged[i]
		if d.Booked == d.Recomputed {
			continue
		}
		d.Settlement = q.settlement
		d.Creator = q.creator
		d.AfterTax = q.afterTax
		p.Differences = append(p.Differences, *d)
	}
}

func (p *Person) keyed(k Key) *Difference {
	for i := range p.merged {
		if p.merged[i].Key == k {
			return &p.merged[i]
		}
	}
	p.merged = append(p.merged, Difference{Key: k})
	return &p.merged[len(p.merged)-1]
}
