package money

// Fraction is a rate as a quotient of two whole numbers with a positive denominator. The tax engine
// computes with fractions, because an amount times a fraction is one multiplication and one
// division of machine words and allocates no memory. The zero value is 0.
type Fraction struct {
	num int64
	// den is the denominator; 0 means 1.
	den int64
}

// NewFraction returns num/den; it panics when den is not positive.
func NewFraction(num, den int64) Fraction {
	if den <= 0 {
		//nolint:forbidigo // only a mistake in the code gets here: data is checked by ParseRate
		panic("money: denominator of a fraction must be positive")
	}
	return Fraction{num, den}
}

// Num returns the numerator.
func (f Fraction) Num() int64 { return f.num }

// Den returns the denominator, at least 1.
func (f Fraction) Den() int64 { return max(f.den, 1) }

// Rate returns the fraction as a rate, the form that is used outside of the tax engine. The zero
// value becomes the zero value.
func (f Fraction) Rate() Rate {
	if f == (Fraction{}) {
		return Rate{}
	}
	return Ratio(f.num, f.Den())
}

// IsZero reports whether the fraction is 0.
func (f Fraction) IsZero() bool { return f.num == 0 }

// Cmp compares two fractions exactly and returns -1, 0 or 1 when f is below, equal to or above g.
func (f Fraction) Cmp(g Fraction) int { return f.Rate().Cmp(g.Rate()) }

// String returns the text of the fraction as a rate.
func (f Fraction) String() string { return f.Rate().String() }

// MarshalJSON writes the fraction as the string of a rate.
func (f Fraction) MarshalJSON() ([]byte, error) { return f.Rate().MarshalJSON() }

// UnmarshalJSON reads the fraction from the string of a rate.
func (f *Fraction) UnmarshalJSON(b []byte) error {
	var r Rate
	if err := r.UnmarshalJSON(b); err != nil {
		return err
	}
	*f = r.Fraction()
	return nil
}
