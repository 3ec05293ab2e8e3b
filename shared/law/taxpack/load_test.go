package taxpack_test

import (
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/taxpack"
)

func nationalFS(t testing.TB) fs.FS {
	t.Helper()
	sub, err := fs.Sub(rules.Files, "national")
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// copyOf is the national pack in memory, for spoiling.
func copyOf(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(nationalFS(t), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(nationalFS(t), name)
		out[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each spoiled file is refused with its name, its line and what is wrong with it.
func TestRefusals(t *testing.T) {
	tests := []struct {
		name, file, old, new string
		wantLine             string
		wantText             string
	}{
		{"no reference", "iit/labor/cost_rate.yaml", "    reference:", "    also: []\n    note:", "iit/labor/cost_rate.yaml:", "unknown field"},
		{"reference dropped", "vat/threshold_day.yaml", "reference:\n      document", "note: {zh: 无, en: none}\n    also:\n    - document", "vat/threshold_day.yaml:", ""},
		{"overlapping periods", "vat/threshold_month.yaml", "to: 2025-12-31", "to: 2026-01-01", "vat/threshold_month.yaml:17", "overlaps"},
		{"undeclared gap", "vat/threshold_month.yaml", "to: 2025-12-31", "to: 2025-12-30", "vat/threshold_month.yaml:17", "nothing is said about 2025-12-31 to 2025-12-31"},
		{"period without end before the next", "vat/threshold_month.yaml", "    to: 2025-12-31\n", "", "vat/threshold_month.yaml:16", "overlaps"},
		{"wrong quick deduction", "iit/brackets_annual.yaml", "16920.00", "16929.00", "iit/brackets_annual.yaml:10", "must be 16920.00"},
		{"falling rate", "iit/brackets_labor.yaml", `rate: "0.30"`, `rate: "0.15"`, "iit/brackets_labor.yaml:9", "does not rise"},
		{"last level with an end", "iit/brackets_labor.yaml", `{rate: "0.40"`, `{up_to: "90000.00", rate: "0.40"`, "iit/brackets_labor.yaml:10", "no up_to"},
		{"unknown key", "iit/labor/cost_rate.yaml", "unit: ratio", "unti: ratio", "iit/labor/cost_rate.yaml:4", "unknown field"},
		{"unknown key in a value", "vat/threshold_day.yaml", "edge: reach", "egde: reach", "vat/threshold_day.yaml:8", "unknown field"},
		{"unknown edge", "vat/threshold_day.yaml", "edge: reach", "edge: about", "vat/threshold_day.yaml:8", "reach"},
		{"key twice", "iit/labor/cost_rate.yaml", "unit: ratio", "unit: ratio\nunit: ratio", "iit/labor/cost_rate.yaml:5", ""},
		{"rate above 1", "iit/labor/cost_rate.yaml", `"0.20"`, `"20"`, "iit/labor/cost_rate.yaml:7", "0 to 1"},
		{"amount with three decimals", "iit/labor/small_deduction.yaml", `"800.00"`, `"800.000"`, "iit/labor/small_deduction.yaml:7", "two decimals"},
		{"no such day", "iit/labor/cost_rate.yaml", "from: 2019-01-01", "from: 2019-02-30", "iit/labor/cost_rate.yaml:6", "day"},
		{"unknown status", "iit/labor/cost_rate.yaml", "status: confirmed", "status: sure", "iit/labor/cost_rate.yaml:6", "status"},
		{"unknown method", "iit/labor/one_off.yaml", "method: labor_one_off", "method: guess", "iit/labor/one_off.yaml:", "no method"},
		{"role missing", "iit/labor/one_off.yaml", "        cost_rate: iit.labor.cost_rate\n", "", "iit/labor/one_off.yaml:", "cost_rate"},
		{"use of nothing", "iit/labor/one_off.yaml", "iit.labor.cost_rate", "iit.labor.cost", "iit/labor/one_off.yaml", "which no file defines"},
		{"use of another kind", "iit/labor/one_off.yaml", "iit.labor.cost_rate", "iit.labor.small_deduction", "iit/labor/one_off.yaml", "kind"},
		{"step without English", "iit/labor/one_off.yaml", "      en: \"Tax of the month", "      note: \"Tax of the month", "iit/labor/one_off.yaml:", ""},
		{"step cites nothing", "iit/labor/one_off.yaml", "cites: [rule, brackets]", "cites: [rule, table]", "iit/labor/one_off.yaml:", "no role"},
		{"unknown fact", "regimes/labor.yaml", "kind == natural_person", "colour == red", "regimes/labor.yaml:", "no fact"},
		{"unknown value of a fact", "regimes/labor.yaml", "kind == natural_person", "kind == robot", "regimes/labor.yaml:", "robot"},
		{"open without readings", "iit/labor_platform/break_months.yaml", "    readings:", "    also:", "iit/labor_platform/break_months.yaml:", ""},
		{"same id twice", "umct", "", "", "", ""},
		{"id out of shape", "iit/labor/cost_rate.yaml", "id: iit.labor.cost_rate", "id: CostRate", "iit/labor/cost_rate.yaml:1", "small letters"},
		{"notice with a day of another year", "calendar/2026.yaml", "from: 2026-10-01, to: 2026-10-07", "from: 2027-10-01, to: 2027-10-07", "calendar/2026.yaml:1", "outside"},
		{"day off that is worked", "calendar/2026.yaml", "work_days: [2026-01-04", "work_days: [2026-01-03", "calendar/2026.yaml:1", "both"},
		{"small-scale levy rate too high", "vat/levy_rate.yaml", `from: 2026-01-01
    value: "0.03"`, `from: 2026-01-01
    value: "0.030000001"`, "vat/levy_rate.yaml:17", "0.005 to 0.03"},
		{"small-scale levy rate too low", "vat/levy_rate_reduced.yaml", `value: "0.01"`, `value: "0.004999999"`, "vat/levy_rate_reduced.yaml:8", "0.005 to 0.03"},
		{"bounds upside down", "vat/levy_rate.yaml", `least: "0.005"`, `least: "0.05"`, "vat/levy_rate.yaml:26", "least and most"},
		{"bounds without reference", "vat/levy_rate.yaml", "  note:\n", "  why:\n", "vat/levy_rate.yaml:", "why"},
		{"bounds of an amount", "iit/labor/small_deduction.yaml", "kind: amount\n", "kind: amount\nbounds: {least: \"0\", most: \"1\"}\n", "iit/labor/small_deduction.yaml:3", "only a rate"},
		{"no manifest", "manifest.yaml", "pack: national", "pack: \"\"", "manifest.yaml", "without pack"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := copyOf(t)
			if tt.file == "umct" {
				files["surcharges/again.yaml"] = files["surcharges/umct.yaml"]
				tt.wantLine, tt.wantText = "surcharges/umct.yaml", "is also that of surcharges/again.yaml"
			} else {
				data := string(files[tt.file].Data)
				if !strings.Contains(data, tt.old) {
					t.Fatalf("%s does not hold %q any more", tt.file, tt.old)
				}
				files[tt.file] = &fstest.MapFile{Data: []byte(strings.Replace(data, tt.old, tt.new, 1))}
			}
			_, err := taxpack.LoadCorpus(files)
			var ps taxpack.Problems
			if !errors.As(err, &ps) {
				t.Fatalf("want problems, got %v", err)
			}
			for _, p := range ps {
				if strings.HasPrefix(p.Error(), tt.wantLine) && strings.Contains(p.Text, tt.wantText) {
					return
				}
			}
			t.Errorf("want %s with %q, got\n%v", tt.wantLine, tt.wantText, err)
		})
	}
}

// The hash names the content: it changes with any byte and not with the order of reading.
func TestHash(t *testing.T) {
	a, err := taxpack.ReadNational(nationalFS(t))
	if err != nil {
		t.Fatal(err)
	}
	b, err := taxpack.ReadNational(copyOf(t))
	if err != nil || a.ID != b.ID || len(a.ID.SHA256) != 64 {
		t.Fatalf("%v and %v, %v", a.ID, b.ID, err)
	}
	files := copyOf(t)
	name := "iit/labor/cost_rate.yaml"
	files[name] = &fstest.MapFile{Data: append(files[name].Data, '\n')}
	if c, err := taxpack.ReadNational(files); err != nil || c.ID.SHA256 == a.ID.SHA256 {
		t.Errorf("a changed byte leaves %v, %v", c.ID, err)
	}
}

// A declared lapse loads, and the days in it answer with their gap.
func TestDeclaredLapse(t *testing.T) {
	files := copyOf(t)
	name := "vat/threshold_month.yaml"
	data := strings.Replace(string(files[name].Data), "to: 2025-12-31", "to: 2025-11-30", 1)
	lapse := `  - from: 2025-12-01
    to: 2025-12-31
    lapsed: {zh: 试验用空档, en: a gap declared for the test}
    reference: {document: 甲, number: 乙, article: 丙, url: "https://example.cn", published: 2025-01-01}
  - from: 2026-01-01`
	files[name] = &fstest.MapFile{Data: []byte(strings.Replace(data, "  - from: 2026-01-01", lapse, 1))}
	c, err := taxpack.LoadCorpus(files)
	if err != nil {
		t.Fatal(err)
	}
	e := c.National()
	if _, err := e.TurnoverRule("vat.small_scale.month", civil.MustDate("2025-12-15")); err == nil || !strings.Contains(err.Error(), "declared for the test") {
		t.Errorf("inside the lapse: %v", err)
	}
	for _, day := range []string{"2025-11-30", "2026-01-01"} {
		if _, err := e.TurnoverRule("vat.small_scale.month", civil.MustDate(day)); err != nil {
			t.Errorf("%s: %v", day, err)
		}
	}
}

func TestCalendar(t *testing.T) {
	fromFiles, err := taxpack.LoadCalendar(nationalFS(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := taxpack.NationalCalendar()
	if err != nil || !reflect.DeepEqual(c, fromFiles) {
		t.Fatalf("the prepared calendar differs from the files': %v", err)
	}
	tests := []struct{ day, want string }{
		{"2026-09-15", "2026-09-15"}, // Tuesday
		{"2026-11-15", "2026-11-16"}, // Sunday
		{"2026-10-01", "2026-10-08"}, // National Day
		{"2026-10-10", "2026-10-10"}, // a Saturday that is worked
		{"2026-02-14", "2026-02-14"},
		{"2026-02-15", "2026-02-24"}, // Spring Festival
		{"2025-12-31", "2025-12-31"},
	}
	for _, tt := range tests {
		if got, err := c.WorkingDayOnOrAfter(civil.MustDate(tt.day)); err != nil || got.String() != tt.want {
			t.Errorf("on or after %s: %s, %v; want %s", tt.day, got, err, tt.want)
		}
	}
	if got, err := c.NextWorkingDay(civil.MustDate("2026-09-30")); err != nil || got.String() != "2026-10-08" {
		t.Errorf("after 2026-09-30: %s, %v", got, err)
	}
	if _, err := c.NextWorkingDay(civil.MustDate("2026-12-31")); fault.AsError(err).Code != fault.RuleMissing || fault.AsError(err).Missing != "calendar.2027" {
		t.Errorf("a year without a notice: %v", err)
	}
}

func FuzzParseRule(f *testing.F) {
	err := fs.WalkDir(rules.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(rules.Files, name)
		f.Add(data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, problems := taxpack.ParseRule("x.yaml", data)
		if d.ID == "" && len(problems) == 0 {
			t.Fatal("neither a definition nor a problem")
		}
		for _, p := range problems {
			if p.Text == "" || p.File != "x.yaml" {
				t.Fatalf("a problem that says nothing: %+v", p)
			}
		}
		if len(problems) == 0 {
			for _, v := range d.Values {
				if len(v.Law) == 0 || v.From.IsZero() {
					t.Fatalf("accepted a value without reference or first day: %+v", v)
				}
			}
		}
	})
}

// The prepared form in the binary is that of the files beside it.
func TestPrepared(t *testing.T) {
	want, err := taxpack.PrepareForms(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		t.Fatal(err)
	}
	have, err := rules.Prepared.ReadDir("prepared")
	if err != nil || len(have) != len(want) {
		t.Fatalf("%d files, %v; want %d: run go generate ./rules", len(have), err, len(want))
	}
	for name, data := range want {
		if got, err := rules.Prepared.ReadFile("prepared/" + name); err != nil || string(got) != string(data) {
			t.Fatalf("rules/prepared/%s is not that of the rule files: run go generate ./rules", name)
		}
	}
	fast, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	slow, err := taxpack.LoadCorpus(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, fast, slow)
}
