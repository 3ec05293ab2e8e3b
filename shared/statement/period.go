package statement

import (
	"regexp"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Period is the time that one statement covers: a month, or the part of it that the contract's
// settlement cycle defines.
type Period struct {
	Month civil.Month
	// Part is "" for the whole month, and else H1 or H2, W1 to W6, D01 to D31, or N1 and higher.
	Part string
}

var periodShape = regexp.MustCompile(
	`^([0-9]{4}-[0-9]{2})(?:-((?:H[12]|W[1-6]|D[0-3][0-9]|N[1-9][0-9]{0,2})(?:C[0-3][0-9])?|` +
		`C[0-3][0-9]))?$`)

// ParsePeriod parses "2026-08" or "2026-08-H1".
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

// periodError refuses a text that is not a period.
func periodError() error {
	return fault.Invalid(fault.Field{Field: "period",
		Problem: "must be a month like 2026-08, or a part of one like 2026-08-H1"})
}

// String returns the period in the form that ParsePeriod reads.
func (p Period) String() string {
	if p.Part == "" {
		return p.Month.String()
	}
	return p.Month.String() + "-" + p.Part
}

// MarshalText encodes the period as text.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText decodes a period with ParsePeriod.
func (p *Period) UnmarshalText(b []byte) error {
	read, err := ParsePeriod(string(b))
	*p = read
	return err
}
