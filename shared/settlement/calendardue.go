package settlement

import (
	"fmt"

	"fenzhang/shared/civil"
)

// ParseCalendarDue reads the day of a year from which on the calendar of the next one is missed, as
// in 11-01. The year of the result means nothing.
func ParseCalendarDue(day string) (civil.Date, error) {
	d, err := civil.ParseDate("2028-" + day) // a leap year has every day
	if err != nil {
		return d, fmt.Errorf("CALENDAR_DUE: %w", err)
	}
	return d, nil
}
