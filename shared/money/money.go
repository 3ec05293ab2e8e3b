// Package money has amounts in whole fen and exact rates. No amount is ever a floating-point number
// (promise P11 of the documentation).
package money

import (
	"errors"
	"math"
	"strconv"
)

// Amount is a sum of money in fen (1/100 yuan). A debt is negative. The zero value is 0.00. Amounts
// are added and subtracted; they can be multiplied by a rate only, never by each other.
type Amount struct{ fen int64 }

var errOverflow = errors.New("money: sum does not fit into 64 bits of fen")

// Fen returns an amount of whole fen.
func Fen(fen int64) Amount { return Amount{fen} }

// Yuan returns an amount of whole yuan, for constants in tests and defaults.
func Yuan(yuan int64) Amount { return Amount{yuan * 100} }

// Fen returns the amount in fen.
func (a Amount) Fen() int64 { return a.fen }

// Add returns a + b. Add panics when the sum does not fit into 64 bits: such a sum can only come
// from a programming error, and a wrapped sum would be paid.
func (a Amount) Add(b Amount) Amount {
	s := a.fen + b.fen
	// the sum moves in the direction of b, unless it has overflowed
	if (s > a.fen) != (b.fen > 0) {
		panic(errOverflow) //nolint:forbidigo // no caller could go on, and a wrapped sum would be paid
	}
	return Amount{s}
}

// Sub returns a - b; it panics as Add does.
func (a Amount) Sub(b Amount) Amount {
	// this number has no negative in 64 bits
	if b.fen == math.MinInt64 {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	return a.Add(Amount{-b.fen})
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{}.Sub(a) }

// Abs returns the amount without its sign.
func (a Amount) Abs() Amount {
	if a.fen < 0 {
		return a.Neg()
	}
	return a
}

// Cmp returns -1, 0 or 1 when a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.fen < b.fen:
		return -1
	case a.fen > b.fen:
		return 1
	}
	return 0
}

// IsZero reports whether the amount is 0.00.
func (a Amount) IsZero() bool { return a.fen == 0 }

// Negative reports whether the amount is below zero.
func (a Amount) Negative() bool { return a.fen < 0 }

// Positive reports whether the amount is above zero.
func (a Amount) Positive() bool { return a.fen > 0 }

// Min returns the smaller of two amounts.
func Min(a, b Amount) Amount {
	if a.fen < b.fen {
		return a
	}
	return b
}

// Max returns the larger of two amounts.
func Max(a, b Amount) Amount {
	if a.fen > b.fen {
		return a
	}
	return b
}

// Sum returns the sum of all amounts; it panics as Add does.
func Sum(as ...Amount) Amount {
	var s Amount
	for _, a := range as {
		s = s.Add(a)
	}
	return s
}

// String returns the amount in yuan with exactly two decimals, such as "-12.30".
func (a Amount) String() string {
	var buf [24]byte
	return string(a.Append(buf[:0]))
}

// Append appends the text of String to b without allocating memory.
func (a Amount) Append(b []byte) []byte {
	u := uint64(a.fen)
	if a.fen < 0 {
		b = append(b, '-')
		u = -u
	}
	b = strconv.AppendUint(b, u/100, 10)
	return append(b, '.', byte('0'+u/10%10), byte('0'+u%10))
}

// ErrFormat reports that a text is not an amount in yuan with exactly two decimals.
var ErrFormat = errors.New(`must be yuan with exactly two decimals, like "1234.50"`)

// Parse reads an amount in yuan with exactly two decimals and an optional minus sign.
//
// Errors: ErrFormat, also for exponents, plus signs, separators, blanks, leading zeros, "-0.00" and
// digits other than 0 to 9.
func Parse(s string) (Amount, error) {
	t := s
	neg := len(t) > 0 && t[0] == '-'
	if neg {
		t = t[1:]
	}
	n := len(t)
	// 18 characters hold at most 17 digits, which fit into 64 bits
	if n < 4 || n > 18 || t[n-3] != '.' || (t[0] == '0' && n > 4) {
		return Amount{}, ErrFormat
	}
	var fen int64
	for i := 0; i < n; i++ {
		if i == n-3 {
			continue
		}
		d := t[i] - '0'
		if d > 9 {
			return Amount{}, ErrFormat
		}
		fen = fen*10 + int64(d)
	}
	if neg {
		if fen == 0 {
			return Amount{}, ErrFormat
		}
		fen = -fen
	}
	return Amount{fen}, nil
}

// MustParse is Parse for constants in tests; it panics when the text is wrong.
func MustParse(s string) Amount {
	a, err := Parse(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return a
}

// MarshalJSON writes the amount as a string in yuan.
func (a Amount) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 24), '"')
	return append(a.Append(b), '"'), nil
}

// UnmarshalJSON reads the amount from a string. UnmarshalJSON refuses a JSON number, because that
// may have passed through a float.
func (a *Amount) UnmarshalJSON(b []byte) error {
	s, ok := unquote(b)
	if !ok {
		return ErrFormat
	}
	v, err := Parse(s)
	if err != nil {
		return err
	}
	*a = v
	return nil
}
