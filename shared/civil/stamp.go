package civil

import "time"

// Stamp is an instant as it is shown: Shanghai time to the millisecond.
type Stamp time.Time

// MarshalJSON writes RFC 3339 with milliseconds and offset.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).In(Shanghai).Format("2006-01-02T15:04:05.000Z07:00") + `"`), nil
}

// StampOf shows an instant; nil for none.
func StampOf(t time.Time) *Stamp {
	if t.IsZero() {
		return nil
	}
	s := Stamp(t)
	return &s
}
