// Package civil holds calendar days and months of Asia/Shanghai, in which every tax period, pay day
// and service period is counted; instants never enter a rule.
package civil

import (
	"cmp"
	"encoding/json"
	"errors"
	"time"
)

// Shanghai is the zone of all business dates: UTC+8 without daylight saving since 1992.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Date is a calendar day; the zero value is no day.
type Date struct{ year, month, day int16 }

// Month is a calendar month; the zero value is no month.
type Month struct{ year, month int16 }

// ErrDate and ErrMonth tell that a text is not a day or month.
var (
	ErrDate  = errors.New("must be a day as YYYY-MM-DD")
	ErrMonth = errors.New("must be a month as YYYY-MM")
)

// NewDate makes a date; out-of-range days roll over as in time.Date.
func NewDate(year int, month time.Month, day int) Date {
	return fromTime(time.Date(year, month, day, 0, 0, 0, 0, Shanghai))
}

// DateOf is the day in Shanghai that contains the instant t.
func DateOf(t time.Time) Date { return fromTime(t.In(Shanghai)) }

func fromTime(t time.Time) Date {
	y, m, d := t.Date()
	return Date{int16(y), int16(m), int16(d)}
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation("2006-01-02", s, Shanghai)
	if err != nil || t.Year() < 1900 {
		return Date{}, ErrDate
	}
	return fromTime(t), nil
}

// MustDate is ParseDate for constants in tests.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return d
}

// Start is the first instant of the day in Shanghai.
func (d Date) Start() time.Time {
	return time.Date(int(d.year), time.Month(d.month), int(d.day), 0, 0, 0, 0, Shanghai)
}

// Year gives the calendar year.
func (d Date) Year() int { return int(d.year) }

// Month gives the month that contains the day.
func (d Date) Month() Month { return Month{d.year, d.month} }

// Day gives the day of the month.
func (d Date) Day() int { return int(d.day) }

// Weekday gives the day of the week.
func (d Date) Weekday() time.Weekday { return d.Start().Weekday() }

// AddDays moves by n days.
func (d Date) AddDays(n int) Date { return fromTime(d.Start().AddDate(0, 0, n)) }

// IsZero tells whether there is no day.
func (d Date) IsZero() bool { return d == Date{} }

// Before and After compare days.
func (d Date) Before(e Date) bool { return d.ordinal() < e.ordinal() }

// After tells whether d comes after e.
func (d Date) After(e Date) bool { return d.ordinal() > e.ordinal() }

// Compare orders days: -1, 0 or +1 as d comes before e, is it, or comes after it.
func (d Date) Compare(e Date) int { return cmp.Compare(d.ordinal(), e.ordinal()) }

func (d Date) ordinal() int32 { return int32(d.year)<<9 | int32(d.month)<<5 | int32(d.day) }

// String gives YYYY-MM-DD, and "" for no day.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	b := appendTwoDigits(
		append(appendTwoDigits(appendTwoDigits(make([]byte, 0, len("2006-01-02")), int(d.year)/100),
			int(d.year)%100), '-'), int(d.month))
	return string(appendTwoDigits(append(b, '-'), int(d.day)))
}

// MarshalJSON writes the text, null for no day.
func (d Date) MarshalJSON() ([]byte, error) { return marshalText(d.String()) }

// UnmarshalJSON reads the text; null is no day.
func (d *Date) UnmarshalJSON(b []byte) error { return unmarshalText(b, d, ParseDate, ErrDate) }

// MonthOf is the month in Shanghai that contains the instant t.
func MonthOf(t time.Time) Month { return DateOf(t).Month() }

// NewMonth makes a month; months beyond 1 to 12 roll over.
func NewMonth(year int, month time.Month) Month { return NewDate(year, month, 1).Month() }

// ParseMonth reads YYYY-MM.
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

// parseDigits reads a number of digits alone.
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

// MustMonth is ParseMonth for constants in tests.
func MustMonth(s string) Month {
	m, err := ParseMonth(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return m
}

// Year gives the calendar year, which is the tax year.
func (m Month) Year() int { return int(m.year) }

// Number gives 1 to 12.
func (m Month) Number() int { return int(m.month) }

// First and Last give the month's first and last day.
func (m Month) First() Date { return Date{m.year, m.month, 1} }

// Last gives the month's last day.
func (m Month) Last() Date { return m.Add(1).First().AddDays(-1) }

// Day gives the n-th day, at most the last one.
func (m Month) Day(n int) Date {
	if last := m.Last(); n > last.Day() {
		return last
	}
	return Date{m.year, m.month, int16(n)}
}

// Add moves by n months.
func (m Month) Add(n int) Month {
	k := int(m.year)*12 + int(m.month) - 1 + n
	return Month{int16(k / 12), int16(k%12 + 1)}
}

// Sub counts the months from n to m.
func (m Month) Sub(n Month) int {
	return (int(m.year)-int(n.year))*12 + int(m.month) - int(n.month)
}

// Before and After compare months.
func (m Month) Before(n Month) bool { return m.Sub(n) < 0 }

// After tells whether m comes after n.
func (m Month) After(n Month) bool { return m.Sub(n) > 0 }

// IsZero tells whether there is no month.
func (m Month) IsZero() bool { return m == Month{} }

// String gives YYYY-MM, and "" for no month.
func (m Month) String() string {
	if m.IsZero() {
		return ""
	}
	return m.First().String()[:7]
}

// MarshalJSON writes the text, null for no month.
func (m Month) MarshalJSON() ([]byte, error) { return marshalText(m.String()) }

// UnmarshalJSON reads the text; null is no month.
func (m *Month) UnmarshalJSON(b []byte) error { return unmarshalText(b, m, ParseMonth, ErrMonth) }

func appendTwoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func marshalText(s string) ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return []byte(`"` + s + `"`), nil
}

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
