package statement

import (
	"regexp"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Period is what one statement covers: a month, or the part of it that the contract's cycle names.
type Period struct {
	Month civil.Month
	Part  string // "" for the whole month; H1, H2, W1 to W6, D01 to D31, N1 and on
}

var periodShape = regexp.MustCompile(
	`^([0-9]{4}-[0-9]{2})(?:-((?:H[12]|W[1-6]|D[0-3][0-9]|N[1-9][0-9]{0,2})(?:C[0-3][0-9])?|C[0-3][0-9]))?$`)

// ParsePeriod reads "2026-08" or "2026-08-H1".
func ParsePeriod(s string) (Period, error) {
	m := periodShape.FindStringSubmatch(s)
	if m == nil {
		return Period{}, periodError()
	}
	month, err := civil.ParseMonth(m[1])
	if err != nil {
		return Period{}, periodError()
	}
	return Period{month, m[2]}, nil
}

func periodError() error {
	return fault.Invalid(fault.Field{Field: "period",
		Problem: "must be a month like 2026-08, or a part of one like 2026-08-H1"})
}

// String is the period as ParsePeriod reads it.
func (p Period) String() string {
	if p.Part == "" {
		return p.Month.String()
	}
	return p.Month.String() + "-" + p.Part
}

// MarshalText writes the period as a string.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads it back.
func (p *Period) UnmarshalText(b []byte) error {
	read, err := ParsePeriod(string(b))
	*p = read
	return err
}
