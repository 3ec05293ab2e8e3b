package tax_test

import (
	"encoding/json"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
)

func find(t *testing.T, list []tax.Entry, id string) tax.Entry {
	t.Helper()
	for _, x := range list {
		if x.ID == id {
			return x
		}
	}
	t.Fatalf("%s is not in the book", id)
	return tax.Entry{}
}

func TestRulebook(t *testing.T) {
	e := national(t)
	before, after, lapsed := e.Rulebook(civil.MustDate("2026-10-31")), e.Rulebook(civil.MustDate("2026-11-01")), e.Rulebook(civil.MustDate("2028-01-01"))
	if x := find(t, before, "vat.natural_person.withholding"); x.Gap != nil || x.Status != tax.Confirmed {
		t.Errorf("before the change: %+v", x)
	}
	if x := find(t, after, "vat.natural_person.withholding"); x.Gap == nil || x.Readings["daily_1000_at_1pct"].ZH == "" || x.Value != nil {
		t.Errorf("open: %+v", x)
	}
	if x := find(t, lapsed, "vat.threshold.day"); x.Gap == nil || !strings.Contains(x.Gap.EN, "2027-12-31") {
		t.Errorf("lapsed: %+v", x)
	}
	if x := find(t, lapsed, "vat.small_scale.month"); x.Gap == nil || !strings.Contains(x.Gap.EN, "vat.levy_rate.reduced") {
		t.Errorf("a method without its values: %+v", x)
	}
	b, err := json.Marshal(find(t, after, "vat.threshold.day"))
	if err != nil || !strings.Contains(string(b), `"value":{"amount":"1000.00","edge":"reach"}`) || !strings.Contains(string(b), `"published":"2026-01-30"`) {
		t.Errorf("%s, %v", b, err)
	}
	for _, x := range after {
		if len(x.Law) == 0 || (x.Value == nil) == (x.Gap == nil) {
			t.Errorf("%s has value %v and gap %v, law %v", x.ID, x.Value, x.Gap, x.Law)
		}
	}
}

func TestReadings(t *testing.T) {
	e := national(t)
	if r, ok := e.Readings("vat.natural_person.withholding", civil.MustDate("2026-11-16")); !ok || len(r) != 1 {
		t.Errorf("%v, %v", r, ok)
	}
	for _, rule := range []string{"vat.threshold.day", "no.such_rule"} {
		if _, ok := e.Readings(rule, civil.MustDate("2026-11-16")); ok {
			t.Errorf("%s takes no position", rule)
		}
	}
	if _, ok := e.Readings("vat.natural_person.withholding", civil.MustDate("2026-10-31")); ok {
		t.Error("before it is open a rule takes no position")
	}
}
