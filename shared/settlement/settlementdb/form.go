package settlementdb

import (
	varint "encoding/binary"
	"errors"
	"math"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// form is a document of META's stored form, being written or being read. One walk over a type's
// fields does both, so that writing and reading cannot drift apart. The form has no names: fields
// stand in the order of the walk, numbers are varints, and texts are as short as wording makes
// them. A field that is added later is walked only where the document's version is new enough.
// JSON, even compressed, takes twenty times as long, and a move of a settlement spent most of its
// time on it.
type form struct {
	reading bool
	version uint64   // of the document: what is written has the newest
	b       []byte   // written so far, or left to read
	seen    []string // texts so far that are no words of the list
	err     error
}

// formVersion is the newest version of the stored form.
const formVersion = 1

// errForm is a document that is cut off, damaged, or newer than this code.
var errForm = errors.New("settlementdb: not the stored form of a settlement")

// write gives the document that a walk makes of v.
func write[T any](v *T, walk func(*form, *T)) []byte {
	f := form{version: formVersion, b: make([]byte, 0, 896), seen: make([]string, 0, 48)}
	f.number(&f.version)
	walk(&f, v)
	return f.b
}

// parse reads a document whole into v.
func parse[T any](b []byte, v *T, walk func(*form, *T)) error {
	f := form{reading: true, b: b, seen: make([]string, 0, 48)}
	f.number(&f.version)
	if f.err == nil && f.version > formVersion {
		return errForm
	}
	walk(&f, v)
	if f.err == nil && len(f.b) > 0 {
		return errForm
	}
	return f.err
}

func (f *form) fail() {
	f.err, f.b = errForm, nil
}

// number walks a number that is never negative.
func (f *form) number(n *uint64) {
	if !f.reading {
		f.b = varint.AppendUvarint(f.b, *n)
		return
	}
	v, used := varint.Uvarint(f.b)
	if used <= 0 {
		f.fail()
		return
	}
	*n, f.b = v, f.b[used:]
}

// integer walks a number of either sign.
func (f *form) integer(n *int64) {
	if !f.reading {
		f.b = varint.AppendVarint(f.b, *n)
		return
	}
	v, used := varint.Varint(f.b)
	if used <= 0 {
		f.fail()
		return
	}
	*n, f.b = v, f.b[used:]
}

func (f *form) count(n *int) {
	v := int64(*n)
	f.integer(&v)
	*n = int(v)
}

func (f *form) flag(is *bool) {
	n := uint64(0)
	if *is {
		n = 1
	}
	f.number(&n)
	*is = n != 0
}

// length walks the length of a list, which holds at most as many elements as bytes are left.
func (f *form) length(n int) int {
	v := uint64(n)
	f.number(&v)
	if f.reading && v > uint64(len(f.b)) {
		f.fail()
		return 0
	}
	return int(v)
}

func (f *form) amount(a *money.Amount) {
	fen := a.Fen()
	f.integer(&fen)
	*a = money.Fen(fen)
}

// rate walks a rate; one over nothing is no rate.
func (f *form) rate(r *money.Rate) {
	fraction := r.Fraction()
	num, den := fraction.Num(), uint64(fraction.Den())
	if fraction == (money.Fraction{}) {
		den = 0
	}
	f.integer(&num)
	f.number(&den)
	switch {
	case !f.reading || den == 0:
	case den > math.MaxInt64:
		f.fail()
	default:
		*r = money.Ratio(num, int64(den))
	}
}

// instant walks a time in milliseconds, which the house reads as Shanghai's; 0 is no time.
func (f *form) instant(t *time.Time) {
	ms := millis(*t)
	f.integer(&ms)
	*t = instant(ms)
}

func (f *form) date(d *civil.Date) {
	var n int
	if !d.IsZero() {
		n = (d.Year()*12+d.Month().Number()-1)*31 + d.Day() - 1
	}
	f.count(&n)
	if f.reading && n != 0 {
		*d = civil.On(n/31/12, time.Month(n/31%12+1), n%31+1)
	}
}

func (f *form) month(m *civil.Month) {
	var n int
	if !m.IsZero() {
		n = m.Year()*12 + m.Number() - 1
	}
	f.count(&n)
	if f.reading && n != 0 {
		*m = civil.In(n/12, time.Month(n%12+1))
	}
}

// list walks a list; one without elements is read as nil.
func list[T any](f *form, all *[]T, walk func(*form, *T)) {
	n := f.length(len(*all))
	if f.reading && n > 0 {
		*all = make([]T, n)
	}
	for i := range *all {
		walk(f, &(*all)[i])
	}
}

// maybe walks what may be missing.
func maybe[T any](f *form, p **T, walk func(*form, *T)) {
	there := *p != nil
	f.flag(&there)
	if !there {
		return
	}
	if f.reading {
		*p = new(T)
	}
	walk(f, *p)
}
