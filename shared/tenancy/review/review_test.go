package review_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

func defaults(t testing.TB) review.Rules {
	t.Helper()
	r, err := review.Defaults()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDefaultsAreRulesThatATenantMaySend(t *testing.T) {
	r := defaults(t)
	if p := r.Problems(); len(p) > 0 {
		t.Errorf("problems %v", p)
	}
	if len(r.Checks) != len(review.CheckCodes()) || len(r.Deadlines) != len(review.DeadlineStates()) {
		t.Errorf("%d checks of %d, %d deadlines of %d", len(r.Checks), len(review.CheckCodes()), len(r.Deadlines), len(review.DeadlineStates()))
	}
	if r.Automatic.Submit || r.Automatic.ApproveUpTo.Positive() {
		t.Error("automatic steps are on by default")
	}
}

// quiet are facts that no default check finds anything in.
func quiet() review.Facts {
	return review.Facts{Day: civil.MustDate("2026-09-15"), Gross: money.MustParse("100.00"), Count: 1, Sum: money.MustParse("100.00"), PaidBefore: true}
}

func TestEachCheckFindsItsFact(t *testing.T) {
	r := defaults(t)
	for code, change := range map[string]func(*review.Facts){
		review.Amount:           func(f *review.Facts) { f.Gross = money.MustParse("20000.01") },
		review.Velocity:         func(f *review.Facts) { f.Count = 21 },
		review.NewAccount:       func(f *review.Facts) { f.AccountSince = civil.MustDate("2026-09-09") },
		review.ChangedAccount:   func(f *review.Facts) { f.AccountNewer = true },
		review.NameMismatch:     func(f *review.Facts) { f.HolderDiffers = true },
		review.ContractMismatch: func(f *review.Facts) { f.OtherContract = true },
		review.FirstPayment:     func(f *review.Facts) { f.PaidBefore = false },
		review.SetOff:           func(f *review.Facts) { f.SetOffs = true },
		review.Held:             func(f *review.Facts) { f.Holds = []string{"RISK"} },
	} {
		f := quiet()
		if found := r.Findings(f); found != nil {
			t.Errorf("quiet facts: %v", found)
		}
		change(&f)
		if found := r.Findings(f); !slices.Equal(found, []string{code}) {
			t.Errorf("%s: found %v", code, found)
		}
		off := r
		off.Checks = slices.Clone(r.Checks)
		for i := range off.Checks {
			off.Checks[i].On = off.Checks[i].Code != code
		}
		if found := off.Findings(f); found != nil {
			t.Errorf("%s is off: found %v", code, found)
		}
	}
	f := quiet()
	f.Gross, f.AccountSince = money.MustParse("20000.00"), civil.MustDate("2026-09-08")
	if found := r.Findings(f); found != nil {
		t.Errorf("on the edge: %v", found)
	}
	f.Sum = money.MustParse("200000.01")
	if found := r.Findings(f); !slices.Equal(found, []string{review.Velocity}) {
		t.Errorf("sum of the window: %v", found)
	}
}

// Whatever a tenant sets: a first payment, a changed account, a set-off, a finding, a second level or an amount above
// the limit is never approved by the system.
func TestNothingDoubtfulIsApprovedByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, err := review.Defaults()
		if err != nil {
			t.Fatal(err)
		}
		r.Checks = slices.Clone(r.Checks)
		for i := range r.Checks {
			r.Checks[i].On = rapid.Bool().Draw(t, r.Checks[i].Code)
		}
		r.Automatic.ApproveUpTo = money.Fen(rapid.Int64Range(0, 10_000_000).Draw(t, "limit"))
		f := review.Facts{Day: civil.MustDate("2026-09-15"), Gross: money.Fen(rapid.Int64Range(1, 12_000_000).Draw(t, "gross")), Count: 1, PaidBefore: rapid.Bool().Draw(t, "paid"),
			AccountNewer: rapid.Bool().Draw(t, "newer"), SetOffs: rapid.Bool().Draw(t, "set off"), OtherContract: rapid.Bool().Draw(t, "contract")}
		found := r.Findings(f)
		doubtful := !f.PaidBefore || f.AccountNewer || f.SetOffs || len(found) > 0 || r.RequiredApprovers(f.Gross) > 1 || f.Gross.Cmp(r.Automatic.ApproveUpTo) > 0
		if r.CanApproveAutomatically(f, found) == doubtful {
			t.Fatalf("%+v with %v: may %v", f, found, !doubtful)
		}
	})
}

func TestLevelsByAmount(t *testing.T) {
	r := defaults(t)
	if n := r.RequiredApprovers(money.MustParse("9999999.99")); n != 1 {
		t.Errorf("a tenant that said nothing needs %d approvers", n)
	}
	r.Levels = []review.Level{{Above: money.MustParse("50000.00"), Approvers: 2}, {Above: money.MustParse("500000.00"), Approvers: 3}}
	for gross, need := range map[string]int{"0.01": 1, "50000.00": 1, "50000.01": 2, "500000.00": 2, "500000.01": 3} {
		if n := r.RequiredApprovers(money.MustParse(gross)); n != need {
			t.Errorf("%s needs %d, want %d", gross, n, need)
		}
	}
}

func TestTheStrongestEffectHolds(t *testing.T) {
	r := defaults(t)
	r.Checks = slices.Clone(r.Checks)
	r.Checks[0].Effect, r.Checks[1].Effect = review.HoldManual, review.HoldRisk
	for want, found := range map[string][]string{"": {review.SetOff}, review.HoldManual: {review.Amount}, review.HoldRisk: {review.Velocity, review.Amount}} {
		if got := r.StrongestHold(found); got != want {
			t.Errorf("%v stops by %q, want %q", found, got, want)
		}
	}
}

func TestTheFirstRejectingFindingIsNamed(t *testing.T) {
	r := defaults(t)
	r.Checks = slices.Clone(r.Checks)
	r.Checks[1].Effect, r.Checks[4].Effect = review.Reject, review.Reject
	for want, found := range map[string][]string{"": {review.Amount, review.SetOff}, review.Velocity: {review.Amount, review.Velocity, review.NameMismatch}, review.NameMismatch: {review.NameMismatch}} {
		if got := r.FirstRejecting(found); got != want {
			t.Errorf("%v rejects by %q, want %q", found, got, want)
		}
	}
}

func TestMissingAndExpiredPapers(t *testing.T) {
	r := defaults(t)
	r.Papers = []review.PaperRule{{Paper: "business_licence", On: true, Kinds: []string{"company"}}}
	day := civil.MustDate("2026-09-15")
	paper := func(name, from, to string) tenancy.Paper {
		p := tenancy.Paper{Name: name, From: civil.MustDate(from)}
		if to != "" {
			p.To = civil.MustDate(to)
		}
		return p
	}
	for name, c := range map[string]struct {
		kind   string
		papers []tenancy.Paper
		want   string
	}{
		"a person needs none":     {"natural_person", nil, ""},
		"missing":                 {"company", nil, "business_licence"},
		"there":                   {"company", []tenancy.Paper{paper("business_licence", "2026-01-01", "2026-09-15")}, ""},
		"expired":                 {"company", []tenancy.Paper{paper("business_licence", "2026-01-01", "2026-09-14")}, "business_licence"},
		"begins later":            {"company", []tenancy.Paper{paper("business_licence", "2026-09-16", "")}, "business_licence"},
		"another one has expired": {"natural_person", []tenancy.Paper{paper("consent", "2026-01-01", "2026-09-14")}, "consent"},
		"and was renewed":         {"natural_person", []tenancy.Paper{paper("consent", "2026-01-01", "2026-09-14"), paper("consent", "2026-09-15", "")}, ""},
	} {
		if got := r.MissingPaper(tenancy.Profile{Kind: c.kind, Papers: c.papers}, tenancy.MCNPays, day); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestProblemsAreToldTogether(t *testing.T) {
	var r review.Rules
	body := `{"checks":[{"code":"x","on":true,"effect":"y","days":-1,"text":{"zh":"","en":"a"}},{"code":"velocity","on":true,"effect":"needs_person","text":{"zh":"快","en":"fast"}},
			{"code":"first_payment","on":true,"effect":"reject","text":{"zh":"首次","en":"first"}},{"code":"amount","on":true,"effect":"reject","text":{"zh":"过高","en":"high"}}],
		"automatic":{"submit":true,"approve_up_to":"-1.00"},"levels":[{"above":"10.00","approvers":1},{"above":"5.00","approvers":2}],"papers":[{"paper":"","kinds":["x"]}],"deadlines":{"quote":{"hours":1,"working_days":1},"x":{}}}`
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	var fields []string
	for _, p := range r.Problems() {
		fields = append(fields, p.Field)
	}
	for _, want := range []string{"from", "checks.0.code", "checks.0.effect", "checks.0.days", "checks.0.text", "checks.1.days", "checks.1.count", "checks.2.effect", "automatic.approve_up_to",
		"levels.0.approvers", "levels.1.above", "papers.0.paper", "papers.0.kinds", "deadlines.quote", "deadlines.x"} {
		if !slices.Contains(fields, want) {
			t.Errorf("%s is not told; told are %v", want, fields)
		}
	}
	if slices.Contains(fields, "checks.3.effect") {
		t.Error("an amount may not reject")
	}
}
