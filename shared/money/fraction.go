package money

// Fraction is a rate in whole numbers, num/den with a positive denominator. The tax program
// computes with it: an amount times a fraction is one multiplication and one division of machine
// words and allocates nothing. The zero value is 0.
type Fraction struct {
	num int64
	den int64 // 0 means 1
}

// NewFraction makes num/den; it panics when den is not positive.
func NewFraction(num, den int64) Fraction {
	if den <= 0 {
		//nolint:forbidigo // only a mistake in the code gets here: data is checked by ParseRate
		panic("money: denominator of a fraction must be positive")
	}
	return Fraction{num, den}
}

// Num gives the numerator.
func (f Fraction) Num() int64 { return f.num }

// Den gives the denominator, at least 1.
func (f Fraction) Den() int64 { return max(f.den, 1) }

// Rate gives the fraction as it is written outside the tax program. That of the zero value is the
// zero value.
func (f Fraction) Rate() Rate {
	if f == (Fraction{}) {
		return Rate{}
	}
	return Ratio(f.num, f.Den())
}

// IsZero reports whether the fraction is 0.
func (f Fraction) IsZero() bool { return f.num == 0 }

// Cmp compares two fractions exactly: -1, 0 or 1 as f is below, equal to or above g.
func (f Fraction) Cmp(g Fraction) int { return f.Rate().Cmp(g.Rate()) }

// String gives the text of the rate.
func (f Fraction) String() string { return f.Rate().String() }

// MarshalJSON writes the text of the rate.
func (f Fraction) MarshalJSON() ([]byte, error) { return f.Rate().MarshalJSON() }

// UnmarshalJSON reads the text of a rate.
func (f *Fraction) UnmarshalJSON(b []byte) error {
	var r Rate
	if err := r.UnmarshalJSON(b); err != nil {
		return err
	}
	*f = r.Fraction()
	return nil
}
