package opening

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/tenancy"
)

// sheet is a page with the example of each column in every row, but for what change says.
func sheet(name string, rows ...map[string]string) [][]string {
	var out [][]string
	for _, s := range Sheets() {
		if s.Name != name {
			continue
		}
		var head []string
		for _, c := range s.Columns {
			head = append(head, c.HeadText())
		}
		out = append(out, head)
		for _, change := range rows {
			var line []string
			for _, c := range s.Columns {
				text, ok := change[c.Key]
				if !ok {
					text = c.Example
				}
				line = append(line, text)
			}
			out = append(out, line)
		}
	}
	return out
}

func TestEveryProblemHasItsCell(t *testing.T) {
	for name, c := range map[string]struct {
		sheet, column, value string
	}{
		"no month":           {Withholding, "month", ""},
		"a day":              {Withholding, "month", "2026-06-01"},
		"a float":            {Withholding, "withheld", "330"},
		"three decimals":     {Payables, "amount", "1.000"},
		"a negative":         {Payables, "amount", "-1.00"},
		"nothing":            {Receivables, "amount", "0.00"},
		"another tax":        {Withholding, "tax", "个税"},
		"too many months":    {Withholding, "months", "13"},
		"before January":     {Withholding, "months", "7"},
		"an id with a blank": {Receivables, "external_ref", "a b"},
		"unknown kind":       {Receivables, "kind", "loan"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := ParseWorkbook(Book{c.sheet: sheet(c.sheet, map[string]string{}, map[string]string{c.column: c.value, "external_ref": "second"}, map[string]string{c.column: c.value})})
			found := false
			for _, p := range problems {
				found = found || (p.Sheet == c.sheet && p.Row == 4 && p.Column == c.column)
			}
			if !found {
				t.Errorf("%+v", problems)
			}
		})
	}
}

func TestAMonthIsToldOnce(t *testing.T) {
	_, problems := ParseWorkbook(Book{Withholding: sheet(Withholding, map[string]string{"month": "2026-05", "months": "5"}, map[string]string{"month": "2026-06"}, map[string]string{"month": "2026-03"})})
	if len(problems) != 1 || problems[0].Row != 4 || !strings.Contains(problems[0].Problem, "row 2") {
		t.Errorf("%+v", problems)
	}
}

func TestUnknownSheetsAndColumnsAreTold(t *testing.T) {
	cells := sheet(Payables, map[string]string{})
	cells[0] = append(cells[0], "bonus")
	cells[1] = append(cells[1], "1.00", "2.00")
	_, problems := ParseWorkbook(Book{Payables: cells, "notes": {{"x"}}})
	if len(problems) != 4 {
		t.Errorf("%+v", problems)
	}
}

func TestMoreRowsThanTheLimitAreRefusedWhole(t *testing.T) {
	var rows []map[string]string
	for range MaxRows + 10 {
		rows = append(rows, map[string]string{})
	}
	_, problems := ParseWorkbook(Book{Creators: sheet(Creators, rows...)})
	if len(problems) == 0 || len(problems) > maxProblems {
		t.Errorf("%d problems", len(problems))
	}
}

// Whatever stands in the cells, reading ends with rows or problems, and no row is lost without a word.
func TestAnyCellsAreReadOrTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.SampledFrom([]string{"", " ", "x", "2026-06", "1.00", "-1.00", "IIT", "withheld", "advance", "12", "c-1", "=1+1", "１.00"})
		name := rapid.SampledFrom([]string{Creators, Contracts, Payables, Receivables, Withholding}).Draw(t, "sheet")
		cells := sheet(name)
		filled := 0
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			line := rapid.SliceOfN(cell, len(cells[0]), len(cells[0])).Draw(t, "line")
			cells = append(cells, line)
			if strings.TrimSpace(strings.Join(line, "")) != "" {
				filled++
			}
		}
		in, problems := ParseWorkbook(Book{name: cells})
		if in.CountRows() != filled {
			t.Fatalf("%d of %d rows", in.CountRows(), filled)
		}
		if filled == 0 && len(problems) == 0 {
			t.Fatal("an empty book is fine")
		}
	})
}

func TestSamplesAreGoodRows(t *testing.T) {
	cycles := map[string]bool{}
	for _, s := range Sheets() {
		var rows []map[string]string
		for _, x := range s.Samples {
			rows = append(rows, x.Cells)
		}
		if len(rows) == 0 {
			continue
		}
		in, problems := ParseWorkbook(Book{s.Name: sheet(s.Name, rows...), SamplesSheet: {{"anything"}}})
		if len(problems) > 0 || in.CountRows() != len(rows) {
			t.Errorf("%s: %+v", s.Name, problems)
		}
		for _, o := range in.contractDocuments() {
			var k tenancy.Contract
			if err := json.Unmarshal(o.body, &k); err != nil || len(k.Problems()) > 0 {
				t.Errorf("%s: %v %+v", o.body, err, k.Problems())
			}
			cycles[k.Cycle] = true
		}
	}
	if len(cycles) != len(tenancy.Cycles())-1 {
		t.Errorf("samples of the cycles %v", cycles)
	}
}

// A payable is taxed here or was taxed before, and the file says which.
func TestAPayableSaysWhetherItWasTaxed(t *testing.T) {
	for name, c := range map[string]struct {
		taxed, document, column string
		want                    bool
	}{
		"nothing said":             {"", "", "", false},
		"no":                       {"no", "", "", false},
		"yes with the receipt":     {"yes", "r", "", true},
		"是":                        {"是", "r", "", true},
		"yes without a receipt":    {"yes", "", "tax_document", true},
		"no with a receipt":        {"no", "r", "tax_document", false},
		"perhaps":                  {"perhaps", "", "taxed", false},
		"a receipt without an end": {"yes", strings.Repeat("x", 101), "tax_document", true},
	} {
		t.Run(name, func(t *testing.T) {
			in, problems := ParseWorkbook(Book{Payables: sheet(Payables, map[string]string{"taxed": c.taxed, "tax_document": c.document})})
			if len(in.Payables) != 1 || in.Payables[0].Taxed != c.want {
				t.Errorf("%+v", in.Payables)
			}
			if (c.column == "") != (len(problems) == 0) || (len(problems) > 0 && (len(problems) != 1 || problems[0].Column != c.column)) {
				t.Errorf("%+v", problems)
			}
		})
	}
}

// TestTheSheetsAreComplete decodes the embedded file, which Sheets expects to be right.
func TestTheSheetsAreComplete(t *testing.T) {
	sheets, err := loadSheets()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range sheets {
		names = append(names, s.Name)
		if s.Title == "" || s.Note == "" {
			t.Errorf("sheet %s has no title or no note", s.Name)
		}
		seen := map[string]bool{}
		for _, c := range s.Columns {
			if c.Key == "" || c.Title == "" || seen[c.Key] || seen[c.Title] {
				t.Errorf("column %+v of sheet %s lacks a name, or repeats one", c, s.Name)
			}
			seen[c.Key], seen[c.Title] = true, true
		}
		for _, x := range s.Samples {
			for key := range x.Cells {
				if !seen[key] {
					t.Errorf("sample %q of sheet %s has a cell in no column: %s", x.Title, s.Name, key)
				}
			}
		}
	}
	if want := []string{Creators, Contracts, Payables, Receivables, Withholding}; !slices.Equal(names, want) {
		t.Errorf("the sheets are %v, want %v", names, want)
	}
}
