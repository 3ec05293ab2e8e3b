package civil

import "time"

// Stamp is an instant as answers show it: Shanghai time with milliseconds.
type Stamp time.Time

// MarshalJSON writes RFC 3339 with milliseconds and the offset of Shanghai.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).In(Shanghai).Format("2006-01-02T15:04:05.000Z07:00") + `"`), nil
}

// StampOf returns an instant as a Stamp; nil for the zero time.
func StampOf(t time.Time) *Stamp {
	if t.IsZero() {
		return nil
	}
	s := Stamp(t)
	return &s
}
