// Package civil has calendar days and months in Asia/Shanghai. All tax periods, pay days and
// service periods are counted in them; rules never use instants.
package civil

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"
)

// Shanghai is the time zone of all business dates: UTC+8, without daylight saving time since 1992.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Date is a calendar day; the zero value means no day.
type Date struct{ year, month, day int16 }

// Month is a calendar month; the zero value means no month.
type Month struct{ year, month int16 }

var (
	// ErrDate reports that a text is not a day.
	ErrDate = errors.New("must be a day as YYYY-MM-DD")
	// ErrMonth reports that a text is not a month.
	ErrMonth = errors.New("must be a month as YYYY-MM")
)

// NewDate returns a date; a day outside the month rolls over as in time.Date.
func NewDate(year int, month time.Month, day int) Date {
	return fromTime(time.Date(year, month, day, 0, 0, 0, 0, Shanghai))
}

// DateOf returns the day in Shanghai that contains the instant t.
func DateOf(t time.Time) Date { return fromTime(t.In(Shanghai)) }

// fromTime returns the day of t in t's own time zone.
func fromTime(t time.Time) Date {
	y, m, d := t.Date()
	return Date{int16(y), int16(m), int16(d)}
}

// ParseDate reads a day written as YYYY-MM-DD.
//
// Errors: ErrDate, also for years before 1900.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation("2006-01-02", s, Shanghai)
	// an earlier year is a typing error; no payment and no person of this system is that old
	if err != nil || t.Year() < 1900 {
		return Date{}, ErrDate
	}
	return fromTime(t), nil
}

// MustDate is ParseDate for constants in tests; it panics when the text is wrong.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return d
}

// Start returns the first instant of the day in Shanghai.
func (d Date) Start() time.Time {
	return time.Date(int(d.year), time.Month(d.month), int(d.day), 0, 0, 0, 0, Shanghai)
}

// Year returns the calendar year.
func (d Date) Year() int { return int(d.year) }

// Month returns the month that contains the day.
func (d Date) Month() Month { return Month{d.year, d.month} }

// Day returns the day of the month.
func (d Date) Day() int { return int(d.day) }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Start().Weekday() }

// AddDays returns the date n days later, or earlier when n is negative.
func (d Date) AddDays(n int) Date { return fromTime(d.Start().AddDate(0, 0, n)) }

// IsZero reports whether the date is the zero value, no day.
func (d Date) IsZero() bool { return d == Date{} }

// Before reports whether d is earlier than e.
func (d Date) Before(e Date) bool { return d.ordinal() < e.ordinal() }

// After reports whether d is later than e.
func (d Date) After(e Date) bool { return d.ordinal() > e.ordinal() }

// Compare returns -1, 0 or +1 when d is before, equal to or after e.
func (d Date) Compare(e Date) int { return cmp.Compare(d.ordinal(), e.ordinal()) }

// ordinal returns a number that grows with the date; it is not a count of days.
func (d Date) ordinal() int32 { return int32(d.year)<<9 | int32(d.month)<<5 | int32(d.day) }

// String returns YYYY-MM-DD, and "" for no day.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	b := appendTwoDigits(
		append(appendTwoDigits(appendTwoDigits(make([]byte, 0, len("2006-01-02")), int(d.year)/100),
			int(d.year)%100), '-'), int(d.month))
	return string(appendTwoDigits(append(b, '-'), int(d.day)))
}

// MarshalJSON writes the day as a string, and null for no day.
func (d Date) MarshalJSON() ([]byte, error) { return marshalText(d.String()) }

// UnmarshalJSON reads the day from a string; null means no day.
func (d *Date) UnmarshalJSON(b []byte) error { return unmarshalText(b, d, ParseDate, ErrDate) }

// MonthOf returns the month in Shanghai that contains the instant t.
func MonthOf(t time.Time) Month { return DateOf(t).Month() }

// NewMonth returns a month; a number outside 1 to 12 rolls over into another year.
func NewMonth(year int, month time.Month) Month { return NewDate(year, month, 1).Month() }

// ParseMonth reads a month written as YYYY-MM.
//
// Errors: ErrMonth, also for years before 1900.
func ParseMonth(s string) (Month, error) {
	if len(s) != len("2006-01") || s[4] != '-' {
		return Month{}, ErrMonth
	}
	year, ok1 := parseDigits(s[:4])
	month, ok2 := parseDigits(s[5:])
	if !ok1 || !ok2 || year < 1900 || month < 1 || month > 12 {
		return Month{}, ErrMonth
	}
	return Month{year, month}, nil
}

// parseDigits reads a number that consists of the digits 0 to 9 only.
func parseDigits(s string) (int16, bool) {
	n := int16(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int16(s[i]-'0')
	}
	return n, true
}

// MustMonth is ParseMonth for constants in tests; it panics when the text is wrong.
func MustMonth(s string) Month {
	m, err := ParseMonth(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return m
}

// Year returns the calendar year, which is also the tax year.
func (m Month) Year() int { return int(m.year) }

// Number returns the number of the month, 1 to 12.
func (m Month) Number() int { return int(m.month) }

// First returns the first day of the month.
func (m Month) First() Date { return Date{m.year, m.month, 1} }

// Last returns the last day of the month.
func (m Month) Last() Date { return m.Add(1).First().AddDays(-1) }

// Day returns the n-th day of the month, or the last day when the month is shorter.
func (m Month) Day(n int) Date {
	if last := m.Last(); n > last.Day() {
		return last
	}
	return Date{m.year, m.month, int16(n)}
}

// Add returns the month n months later, or earlier when n is negative.
func (m Month) Add(n int) Month {
	k := int(m.year)*12 + int(m.month) - 1 + n
	return Month{int16(k / 12), int16(k%12 + 1)}
}

// Sub returns the number of months from n to m.
func (m Month) Sub(n Month) int {
	return (int(m.year)-int(n.year))*12 + int(m.month) - int(n.month)
}

// Before reports whether m is earlier than n.
func (m Month) Before(n Month) bool { return m.Sub(n) < 0 }

// After reports whether m is later than n.
func (m Month) After(n Month) bool { return m.Sub(n) > 0 }

// IsZero reports whether the month is the zero value, no month.
func (m Month) IsZero() bool { return m == Month{} }

// String returns YYYY-MM, and "" for no month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return m.First().String()[:7]
}

// MarshalJSON writes the month as a string, and null for no month.
func (m Month) MarshalJSON() ([]byte, error) { return marshalText(m.String()) }

// UnmarshalJSON reads the month from a string; null means no month.
func (m *Month) UnmarshalJSON(b []byte) error { return unmarshalText(b, m, ParseMonth, ErrMonth) }

// appendTwoDigits appends a number from 0 to 99 with two digits.
func appendTwoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// marshalText writes a text as a JSON string, and null for an empty one.
func marshalText(s string) ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return []byte(`"` + s + `"`), nil
}

// unmarshalText reads a JSON string with parse into into; null leaves into unchanged. bad is the
// error for other JSON values.
func unmarshalText[T any](b []byte, into *T, parse func(string) (T, error), bad error) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return bad
	}
	v, err := parse(s)
	if err != nil {
		return err
	}
	*into = v
	return nil
}
