package money

import (
	"encoding/json"
	"errors"
	"math/bits"
	"strings"
)

// Rate is an exact fraction num/den with a positive denominator. The zero value is 0.
// Decimal rates keep the scale they were written with, so that they print as they were given.
type Rate struct {
	num int64
	den int64 // 0 means 1
}

// ErrRate tells that a text is not a decimal rate.
var ErrRate = errors.New(`must be a decimal like "0.03", at most nine decimals`)

// Ratio makes the fraction num/den; it panics when den is not positive.
func Ratio(num, den int64) Rate {
	if den <= 0 {
		panic("money: denominator of a rate must be positive") //nolint:forbidigo // only a mistake in the code gets here: data is checked by ParseRate
	}
	return Rate{num, den}
}

// ParseRate reads a decimal with at most nine decimals.
func ParseRate(s string) (Rate, error) {
	t := s
	neg := strings.HasPrefix(t, "-")
	t = strings.TrimPrefix(t, "-")
	whole, frac, dotted := strings.Cut(t, ".")
	if whole == "" || len(whole) > 8 || len(frac) > 9 || (dotted && frac == "") || (len(whole) > 1 && whole[0] == '0') {
		return Rate{}, ErrRate
	}
	num, den := int64(0), int64(1)
	for i, part := range []string{whole, frac} {
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return Rate{}, ErrRate
			}
			num = num*10 + int64(c-'0')
			if i == 1 {
				den *= 10
			}
		}
	}
	if neg {
		num = -num
	}
	return Rate{num, den}, nil
}

// MustRate is ParseRate for constants in tests; it panics on a bad text.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return r
}

// Num and Den give the fraction.
func (r Rate) Num() int64 { return r.num }

// Den gives the denominator, at least 1.
func (r Rate) Den() int64 {
	if r.den == 0 {
		return 1
	}
	return r.den
}

// IsZero tells whether the rate is 0.
func (r Rate) IsZero() bool { return r.num == 0 }

// Cmp compares two rates exactly.
func (r Rate) Cmp(s Rate) int {
	switch a, b := cross(r.num, s.Den()), cross(s.num, r.Den()); {
	case a.less(b):
		return -1
	case b.less(a):
		return 1
	}
	return 0
}

// wide is a signed 128 bit product.
type wide struct {
	neg    bool
	hi, lo uint64
}

func cross(a, b int64) wide {
	neg := a < 0
	u := uint64(a)
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(b))
	return wide{neg && hi|lo != 0, hi, lo}
}

func (w wide) less(v wide) bool {
	if w.neg != v.neg {
		return w.neg
	}
	below := w.hi < v.hi || (w.hi == v.hi && w.lo < v.lo)
	above := w.hi > v.hi || (w.hi == v.hi && w.lo > v.lo)
	if w.neg {
		return above
	}
	return below
}

// String gives the decimal form of a rate whose denominator is a power of ten, and "num/den" otherwise.
func (r Rate) String() string {
	den, scale := r.Den(), 0
	for den > 1 && den%10 == 0 {
		den /= 10
		scale++
	}
	num := r.num
	sign := ""
	if num < 0 {
		sign, num = "-", -num
	}
	digits := itoa(num)
	if den != 1 {
		return sign + digits + "/" + itoa(r.Den())
	}
	if scale == 0 {
		return sign + digits
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func itoa(n int64) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int64) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

// MarshalJSON writes the rate as a string.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// UnmarshalJSON reads a decimal string; a JSON number is refused, it may have passed through a float.
func (r *Rate) UnmarshalJSON(b []byte) error {
	s, ok := quoted(b)
	if !ok {
		return ErrRate
	}
	if num, den, cut := strings.Cut(s, "/"); cut {
		n, err1 := ParseRate(num)
		d, err2 := ParseRate(den)
		if err1 != nil || err2 != nil || n.Den() != 1 || d.Den() != 1 || d.num <= 0 {
			return ErrRate
		}
		*r = Rate{n.num, d.num}
		return nil
	}
	v, err := ParseRate(s)
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Rounding names what happens to the part of a fen.
type Rounding int

const (
	// HalfUp rounds half a fen away from zero (四舍五入). No tax law read fixes a rounding; this is the
	// universal practice for each reported amount (customary).
	HalfUp Rounding = iota
	// HalfEven rounds half a fen to the even neighbour (the split of commerce commissions).
	HalfEven
	// Down drops the part of a fen (live tips, Xingtu).
	Down
)

// Times gives a x r, rounded once, symmetric around zero. It panics when the result leaves int64.
func (a Amount) Times(r Rate, how Rounding) Amount { return a.MulDiv(r.num, r.Den(), how) }

// DividedBy gives a / r, rounded once: price with tax over (1 + rate) is its use. r must be positive.
func (a Amount) DividedBy(r Rate, how Rounding) Amount { return a.MulDiv(r.Den(), r.num, how) }

// MulDiv gives a x num / den, rounded once. den must be positive.
func (a Amount) MulDiv(num, den int64, how Rounding) Amount {
	if den <= 0 {
		panic("money: denominator must be positive") //nolint:forbidigo // a division by nothing is a mistake in the code, as for /
	}
	neg := (a.fen < 0) != (num < 0)
	u, n := uint64(a.fen), uint64(num)
	if a.fen < 0 {
		u = -u
	}
	if num < 0 {
		n = -n
	}
	q, rest := mulDiv(u, n, uint64(den))
	twice, d := rest*2, uint64(den) // rest < den <= 2^63-1, so twice cannot wrap
	switch how {
	case HalfUp:
		if twice >= d {
			q++
		}
	case HalfEven:
		if twice > d || (twice == d && q%2 == 1) {
			q++
		}
	case Down:
	}
	if neg {
		return Amount{-int64(q)}
	}
	return Amount{int64(q)}
}
