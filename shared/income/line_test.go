package income_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
)

const good = `{"line_id":"LT-1","creator_id":"c1","income_type":"live_tip","platform":"douyin","account_uid":"9","nickname":"半夏","shop_id":"4",` +
	`"occurred_on":"2026-08-29","service_period":"2026-08","gross_before_platform":"1288.40","platform_fee":"644.20","refund":"10.00","subsidy":"0.50",` +
	`"distributable":"634.70","count":2,"description":"场次","source":"a.csv"}`

func today() civil.Date { return civil.MustDate("2026-09-15") }

// with replaces a field of the good line; "" takes it away.
func with(t *testing.T, field, value string) []byte {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(good), &m); err != nil {
		t.Fatal(err)
	}
	if m[field] = json.RawMessage(value); value == "" {
		delete(m, field)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadGoodLine(t *testing.T) {
	l, id, err := income.ParseLine([]byte(good), today())
	if err != nil || id != "LT-1" || l.Distributable != money.MustParse("634.70") || l.ComputedDistributable() != l.Distributable || l.Nickname != "半夏" || l.Count != 2 {
		t.Errorf("%+v %q %v", l, id, err)
	}
	again, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if m, _, err := income.ParseLine(again, today()); err != nil || m != l || m.Hash() != l.Hash() {
		t.Errorf("read again: %+v, %v", m, err)
	}
	l.Count++
	if m, _, _ := income.ParseLine([]byte(good), today()); m.Hash() == l.Hash() {
		t.Error("two contents have one hash")
	}
}

func TestReadBadField(t *testing.T) {
	for name, c := range map[string]struct{ field, value string }{
		"no id":                 {"line_id", ""},
		"over-long id":          {"line_id", `"` + strings.Repeat("a", 65) + `"`},
		"id with a control":     {"line_id", `"a\u0001"`},
		"an accrual's id":       {"line_id", `"accr-2026-08-01-r1"`},
		"a carried line's id":   {"line_id", `"carry-2026-08"`},
		"no creator":            {"creator_id", ""},
		"incentive":             {"income_type", `"incentive"`},
		"unknown type":          {"income_type", `"gift"`},
		"no platform":           {"platform", ""},
		"long description":      {"description", `"` + strings.Repeat("长", 501) + `"`},
		"no day":                {"occurred_on", ""},
		"tomorrow":              {"occurred_on", `"2026-09-16"`},
		"401 days ago":          {"occurred_on", `"2025-08-10"`},
		"no such day":           {"occurred_on", `"2026-02-30"`},
		"next month":            {"service_period", `"2026-10"`},
		"fourteen months ago":   {"service_period", `"2025-07"`},
		"three decimals":        {"refund", `"10.000"`},
		"a number":              {"platform_fee", `644.20`},
		"negative gross":        {"gross_before_platform", `"-1.00"`},
		"huge":                  {"gross_before_platform", `"100000000000.00"`},
		"no subsidy":            {"subsidy", ""},
		"null":                  {"subsidy", "null"},
		"does not add up":       {"distributable", `"634.71"`},
		"negative count":        {"count", "-1"},
		"count with a fraction": {"count", "1.5"},
		"unknown field":         {"amount", `"1.00"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := income.ParseLine(with(t, c.field, c.value), today())
			var e *fault.Error
			if !errors.As(err, &e) || e.Code != fault.InvalidInput || len(e.Fields) != 1 || e.Fields[0].Field != c.field {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReadListsEveryProblem(t *testing.T) {
	raw := `{"line_id":"x y","creator_id":"","income_type":"?","occurred_on":"2027-01-01","service_period":"2027-01","gross_before_platform":"-1.00",` +
		`"platform_fee":"1","refund":"0.00","subsidy":"0.00","extra":1}`
	_, id, err := income.ParseLine([]byte(raw), today())
	var e *fault.Error
	if !errors.As(err, &e) || id != "" {
		t.Fatalf("%q %v", id, err)
	}
	var fields []string
	for _, f := range e.Fields {
		fields = append(fields, f.Field)
	}
	slices.Sort(fields)
	want := []string{"creator_id", "distributable", "extra", "gross_before_platform", "income_type", "line_id", "occurred_on", "platform", "platform_fee", "service_period"}
	if !slices.Equal(fields, want) {
		t.Errorf("problems of %v, want %v", fields, want)
	}
}

func TestReadNegativeLine(t *testing.T) {
	raw := `{"line_id":"dy1-refund","creator_id":"c1","income_type":"commerce_commission","platform":"douyin","occurred_on":"2026-09-01","service_period":"2026-09",` +
		`"gross_before_platform":"0.00","platform_fee":"0.00","refund":"5.00","subsidy":"0.00","distributable":"-5.00"}`
	if l, _, err := income.ParseLine([]byte(raw), today()); err != nil || l.Distributable != money.MustParse("-5.00") {
		t.Errorf("%+v %v", l, err)
	}
}

// What is read can be written and read again, and keeps the promises that the rest rests on.
func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"line_id":"a","line_id":"b"}`))
	f.Add([]byte(`[1,{"line_id":"\u0000"}]`))
	if sample, err := os.ReadFile("../../functions/build-statements/event.json"); err == nil {
		f.Add(sample)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, id, err := income.ParseLine(raw, today())
		if err != nil {
			if !fault.HasCode(err, fault.InvalidInput) || len(fault.AsError(err).Fields) == 0 {
				t.Fatalf("a refusal that names no field: %v", err)
			}
			return
		}
		if id != l.LineID || l.ComputedDistributable() != l.Distributable || l.IncomeType == income.Incentive || l.OccurredOn.After(today()) {
			t.Fatalf("let through %+v", l)
		}
		again, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if m, _, err := income.ParseLine(again, today()); err != nil || m != l {
			t.Fatalf("%+v became %+v, %v", l, m, err)
		}
	})
}
