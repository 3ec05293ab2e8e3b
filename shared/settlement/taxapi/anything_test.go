package taxapi_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
)

// bodies draws well-formed questions whose values may be anything: possible, odd and out of all range.
type bodies struct{ *rapid.T }

func (d bodies) amount(name string) string {
	if rapid.IntRange(0, 60).Draw(d.T, "odd "+name) == 60 {
		return money.Fen(rapid.SampledFrom([]int64{-1, 99_999_999_999, 1_000_000_000_000_000, 1_000_000_000_000_001, 9_000_000_000_000_000_000, -9_000_000_000_000_000_000}).Draw(d.T, name)).String()
	}
	return money.Fen(rapid.OneOf(rapid.Int64Range(0, 30_000_000), rapid.SampledFrom([]int64{0, 1, 9_999_999, 10_000_000, 100_000_000})).Draw(d.T, name)).String()
}

func (d bodies) word(name string, words ...string) string {
	return rapid.SampledFrom(words).Draw(d.T, name)
}

func (d bodies) flag(name string) bool { return rapid.Bool().Draw(d.T, name) }

func (d bodies) rarely(name string) bool { return rapid.IntRange(0, 9).Draw(d.T, name) == 9 }

func (d bodies) date(name string) string {
	return fmt.Sprintf("%d-%02d-%02d", rapid.SampledFrom([]int{2026, 2026, 2026, 2026, 2026, 2026, 2027, 2025, 2024, 2019, 2028, 2018, 1, 9999}).Draw(d.T, name), rapid.IntRange(1, 12).Draw(d.T, name), rapid.IntRange(1, 28).Draw(d.T, name))
}

func (d bodies) place(name string) string {
	return d.word(name, "330100", "330100", "000000", "650000", "659001", "440300", "110000", "460000", "350200", "510000", "620000", "710000")
}

func (d bodies) entity() map[string]any {
	if rapid.IntRange(0, 9).Draw(d.T, "named entity") == 0 {
		return map[string]any{"id": d.word("entity", "ent-mcn", "ent-plat", "nobody")}
	}
	return map[string]any{"place": d.place("place"), "place_tier": d.word("tier", "city", "county", "other"), "platform_filing": d.flag("filed")}
}

func (d bodies) taxpayer() map[string]any {
	if rapid.IntRange(0, 9).Draw(d.T, "named payee") == 0 {
		return map[string]any{"id": d.word("payee", "tp-c-person", "tp-c-studio", "nobody")}
	}
	return map[string]any{"kind": d.word("kind", "natural_person", "natural_person", "employee", "individual_business", "sole_proprietorship", "partnership", "company", "employee", "student_intern"),
		"resident": d.flag("resident"), "vat": d.word("vat", "natural_person", "small_scale", "general"), "collection": d.word("collection", "withheld", "books", "income_rate", "cost_rate", "levy_rate"),
		"jurisdiction": d.place("registered"), "industry": d.word("industry", "", "culture", "live_streaming", "industry"), "place_tier": d.word("own tier", "", "city", "other"),
		"vat_period": d.word("period", "", "month", "quarter"), "overseas": d.rarely("overseas"), "holds_equity": d.flag("equity"), "agency_consent": d.flag("consent")}
}

func (d bodies) payroll() any {
	if d.flag("no payroll") {
		return nil
	}
	return map[string]any{"complete": d.flag("complete"), "months": rapid.IntRange(1, 6).Draw(d.T, "months"), "rule": d.word("rule", "", "normal", "first_wage_in_year", "prior_year_le_60000"),
		"exempt": d.amount("exempt"), "special": d.amount("special"), "additional": d.amount("additional"), "other": d.amount("other")}
}

func (d bodies) amounts(name string) []string {
	list := []string{}
	for range rapid.IntRange(0, 12).Draw(d.T, name) {
		list = append(list, d.amount(name))
	}
	return list
}

func (d bodies) quote() map[string]any {
	income := map[string]any{"type": d.word("type", "live_tip", "xingtu_ad", "salary"), "item": d.word("item", "", "", "", "wages", "labor", "labor_platform", "author", "royalty", "business", "incidental"),
		"platform": d.word("platform", "", "douyin", "kuaishou"), "in_kind": d.amount("in kind"), "vat_included": d.flag("vat included")}
	income[d.word("price", "amount", "net_wanted")] = d.amount("price")
	turnover := func(name string) map[string]any {
		return map[string]any{"sales": d.amount(name), "vat": d.amount(name)}
	}
	q := map[string]any{"date": d.date("date"), "paying_entity": d.entity(), "taxpayer": d.taxpayer(), "income": income, "payroll": d.payroll(), "low_earner": d.flag("low earner"),
		"deductions": d.amount("deductions"), "route": d.word("route", "", "mcn_pays", "studio_invoice", "payroll", "flex_platform_pays")}
	if d.flag("another VAT date") {
		q["vat_date"] = d.date("vat date")
	}
	if d.flag("to date") {
		q["period_to_date"] = map[string]any{"day": turnover("day"), "quarter": turnover("quarter"), "month": map[string]any{"income": d.amount("month"), "withheld": d.amount("month"), "sales": d.amount("month")},
			"year": map[string]any{"months": rapid.IntRange(0, 12).Draw(d.T, "months so far"), "income": d.amount("year"), "withheld": d.amount("year"), "peak": d.amount("peak"), "broken": d.flag("broken"),
				"by_month": d.amounts("by month"), "withheld_by_month": d.amounts("withheld by month")}}
	}
	return q
}

func (d bodies) forecast() map[string]any {
	year := rapid.SampledFrom([]int{2026, 2026, 2026, 2025, 2027, 2018, 2029}).Draw(d.T, "year")
	q := map[string]any{"year": year, "paying_entity": d.entity(), "taxpayer": d.taxpayer(), "special": d.amount("special"), "donations": d.amount("donations")}
	booked, expected := []any{}, []any{}
	for range rapid.IntRange(0, 3).Draw(d.T, "booked") {
		booked = append(booked, map[string]any{"month": rapid.IntRange(1, 12).Draw(d.T, "month"), "months": rapid.IntRange(0, 3).Draw(d.T, "months"), "item": d.word("item", "wages", "labor", "labor_platform", "author", "royalty"),
			"income": d.amount("income"), "withheld": d.amount("withheld")})
	}
	for range rapid.IntRange(0, 3).Draw(d.T, "expected") {
		expected = append(expected, map[string]any{"date": fmt.Sprintf("%d-%02d-15", year, rapid.IntRange(1, 12).Draw(d.T, "date")), "type": "live_tip", "item": d.word("item", "", "labor", "author", "incidental"), "amount": d.amount("amount"), "in_kind": d.amount("in kind"), "payroll": d.payroll()})
	}
	q["booked"], q["expected"] = booked, expected
	return q
}

// No well-formed question, however odd, makes the service fail: it has figures, or a refusal that says why.
func TestQuestionsAboutAnything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := bodies{r}
		path, q := "/v1/tax/quote", d.quote
		if d.flag("forecast") {
			path, q = "/v1/tax/forecast", d.forecast
		}
		body, err := json.Marshal(q())
		if err != nil {
			r.Fatal(err)
		}
		status, v := ask(t, "finance", "POST", path, "", string(body))
		code, _ := v["code"].(float64)
		switch {
		case status == 200 && (v["steps"] != nil):
		case status == 400 && code == 2001 && len(v["fields"].([]any)) > 0:
		case status == 404 && code == 3003:
		case status == 422 && code == 5002 && v["missing"] != "":
		default:
			r.Fatalf("%s %s: %d %v", path, body, status, v)
		}
	})
}
