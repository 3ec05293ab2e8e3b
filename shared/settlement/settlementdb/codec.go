package settlementdb

import (
	varint "encoding/binary"
	"errors"
	"math"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// codec encodes or decodes the document in the attribute attrMeta. The same function lists the
// fields of a type for both directions, so that encoding and decoding cannot differ. The document
// has no field names: the fields follow one another in the order of these functions, numbers are
// varints, and writeText shortens texts. A field that is added later is decoded only when the
// document's version is new enough. JSON takes twenty times as long, even when compressed, and a
// status move of a settlement spent most of its time on JSON.
type codec struct {
	reading bool
	// version is the version of the document; a new document has the newest version.
	version uint64
	// bytes is the document that is encoded so far, or what is not yet decoded of a document.
	bytes []byte
	// texts are the texts of the document so far that are not in the vocabulary.
	texts []string
	err   error
}

// formVersion is the newest version of the stored form, and the one that this code writes.
const formVersion = 1

// errNotStoredForm is the error for a document that is cut off, damaged, or newer than this code.
var errNotStoredForm = errors.New("settlementdb: not the stored form of a settlement")

// encodeWith encodes v as a document by the function that lists the fields of its type.
func encodeWith[T any](v *T, fields func(*codec, *T)) []byte {
	c := codec{version: formVersion, bytes: make([]byte, 0, 896), texts: make([]string, 0, 48)}
	c.unsignedField(&c.version)
	fields(&c, v)
	return c.bytes
}

// decodeWith decodes a whole document into v by the function that lists the fields of its type.
func decodeWith[T any](b []byte, v *T, fields func(*codec, *T)) error {
	c := codec{reading: true, bytes: b, texts: make([]string, 0, 48)}
	// The document begins with its version, because the fields that follow depend on the version.
	c.unsignedField(&c.version)
	if c.err == nil && c.version > formVersion {
		return errNotStoredForm
	}
	fields(&c, v)
	// Bytes that are left over belong to fields that this code does not know.
	if c.err == nil && len(c.bytes) > 0 {
		return errNotStoredForm
	}
	return c.err
}

// markDamaged records that the document is not in the stored form. The rest of the document is
// dropped, so that all fields that follow fail as well.
func (c *codec) markDamaged() {
	c.err = errNotStoredForm
	c.bytes = nil
}

// unsignedField encodes or decodes a number that is never negative.
func (c *codec) unsignedField(n *uint64) {
	if !c.reading {
		c.bytes = varint.AppendUvarint(c.bytes, *n)
		return
	}
	v, used := varint.Uvarint(c.bytes)
	if used <= 0 {
		c.markDamaged()
		return
	}
	*n = v
	c.bytes = c.bytes[used:]
}

// signedField encodes or decodes a number that may be negative.
func (c *codec) signedField(n *int64) {
	if !c.reading {
		c.bytes = varint.AppendVarint(c.bytes, *n)
		return
	}
	v, used := varint.Varint(c.bytes)
	if used <= 0 {
		c.markDamaged()
		return
	}
	*n = v
	c.bytes = c.bytes[used:]
}

// intField encodes or decodes an int.
func (c *codec) intField(n *int) {
	v := int64(*n)
	c.signedField(&v)
	*n = int(v)
}

// boolField encodes or decodes a truth value as 1 or 0.
func (c *codec) boolField(is *bool) {
	n := uint64(0)
	if *is {
		n = 1
	}
	c.unsignedField(&n)
	*is = n != 0
}

// lengthField encodes or decodes the length of a list. Each element takes at least one byte, so
// that a length above the bytes that are left marks the document as damaged.
func (c *codec) lengthField(n int) int {
	v := uint64(n)
	c.unsignedField(&v)
	if c.reading && v > uint64(len(c.bytes)) {
		c.markDamaged()
		return 0
	}
	return int(v)
}

// amountField encodes or decodes an amount in fen.
func (c *codec) amountField(a *money.Amount) {
	fen := a.Fen()
	c.signedField(&fen)
	*a = money.Fen(fen)
}

// rateField encodes or decodes a rate as numerator and denominator; the denominator 0 stands for a
// missing rate.
func (c *codec) rateField(r *money.Rate) {
	fraction := r.Fraction()
	num, den := fraction.Num(), uint64(fraction.Den())
	if fraction == (money.Fraction{}) {
		den = 0
	}
	c.signedField(&num)
	c.unsignedField(&den)
	switch {
	case !c.reading || den == 0:
	case den > math.MaxInt64:
		c.markDamaged()
	default:
		*r = money.Ratio(num, int64(den))
	}
}

// instantField encodes or decodes an instant in milliseconds; 0 stands for a missing instant. The
// decoded instant is in the time zone Asia/Shanghai.
func (c *codec) instantField(t *time.Time) {
	ms := unixMillis(*t)
	c.signedField(&ms)
	*t = timeOfMillis(ms)
}

// dateField encodes or decodes a date as a number of days in years of 12 months of 31 days; 0
// stands for a missing date.
func (c *codec) dateField(d *civil.Date) {
	var n int
	if !d.IsZero() {
		n = (d.Year()*12+d.Month().Number()-1)*31 + d.Day() - 1
	}
	c.intField(&n)
	if c.reading && n != 0 {
		*d = civil.NewDate(n/31/12, time.Month(n/31%12+1), n%31+1)
	}
}

// monthField encodes or decodes a month as a number of months since the year 0; 0 stands for a
// missing month.
func (c *codec) monthField(m *civil.Month) {
	var n int
	if !m.IsZero() {
		n = m.Year()*12 + m.Number() - 1
	}
	c.intField(&n)
	if c.reading && n != 0 {
		*m = civil.NewMonth(n/12, time.Month(n%12+1))
	}
}

// listField encodes or decodes a list with its length first; an empty list is decoded as nil.
func listField[T any](c *codec, all *[]T, fields func(*codec, *T)) {
	n := c.lengthField(len(*all))
	if c.reading && n > 0 {
		*all = make([]T, n)
	}
	for i := range *all {
		fields(c, &(*all)[i])
	}
}

// optionalField encodes or decodes a value that may be missing, after a flag that says whether it
// is there.
func optionalField[T any](c *codec, p **T, fields func(*codec, *T)) {
	there := *p != nil
	c.boolField(&there)
	if !there {
		return
	}
	if c.reading {
		*p = new(T)
	}
	fields(c, *p)
}
