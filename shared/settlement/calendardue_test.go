package settlement_test

import (
	"testing"

	"fenzhang/shared/settlement"
)

func TestTheDayOfTheCalendarIsRead(t *testing.T) {
	if d, err := settlement.ParseCalendarDue("11-01"); err != nil || d.Month().Number() != 11 || d.Day() != 1 {
		t.Errorf("%s %v", d, err)
	}
	for _, day := range []string{"", "11-31", "1-1", "2026-11-01"} {
		if d, err := settlement.ParseCalendarDue(day); err == nil {
			t.Errorf("%q is %s", day, d)
		}
	}
}
