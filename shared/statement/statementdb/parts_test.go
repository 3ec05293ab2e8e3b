package statementdb_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/printing"
)

// A creator whose contract settles by half months or weeks has a statement of each part: its number, file and title say
// which, it has the lines of those days and no others, and the parts come to the month.
func TestStatementsOfPartsOfAMonth(t *testing.T) {
	for cycle, parts := range map[string]map[string]string{
		"half_month": {"2026-08-H1": "300.00", "2026-08-H2": "1200.00"},
		"weekly":     {"2026-08-W1": "100.00", "2026-08-W3": "200.00", "2026-08-W4": "400.00", "2026-08-W6": "800.00"}, // August 2026 begins on a Saturday
	} {
		t.Run(cycle, func(t *testing.T) {
			d := open(t)
			c := d.creator("c-parts", cycle)
			d.settled(t, line("1", ident.Creator(c), "live_tip", "2026-08-02", "100.00"), line("2", ident.Creator(c), "live_tip", "2026-08-15", "200.00"), line("3", ident.Creator(c), "live_tip", "2026-08-20", "400.00"),
				line("4", ident.Creator(c), "commerce_commission", "2026-08-31", "800.00"))
			var total money.Amount
			for name, base := range parts {
				period, err := statement.ParsePeriod(name)
				if err != nil {
					t.Fatal(err)
				}
				st, err := d.statements.BuildStatement(t.Context(), settletest.Tenant, ident.Creator(c), period)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if st.Totals.Base != money.MustParse(base) || st.Totals.Distributable != st.Totals.Base || len(st.Bills) == 0 || st.Totals.Pending != 0 {
					t.Errorf("%s: %d settlements of %+v, want %s", name, len(st.Bills), st.Totals, base)
				}
				for _, b := range st.Bills {
					if s := must(t)(d.Store.Load(t.Context(), settletest.Tenant, b.SettlementID)); s.Part != period.Part || !strings.HasSuffix(s.ActivityID, ":"+name) {
						t.Errorf("%s has the settlement of %s", name, s.ActivityID)
					}
				}
				total = total.Add(st.Totals.CreatorShare)
				d.printed(t, st, name)
				d.sendPart(t, ident.Creator(c), period, name)
			}
			if want := money.MustParse("1050.00"); total != want { // 70 of 100
				t.Errorf("the parts come to %s, the month to %s", total, want)
			}
			if _, err := d.statements.BuildStatement(t.Context(), settletest.Tenant, ident.Creator(c), august); !fault.HasCode(err, fault.NotFound) {
				t.Errorf("the month as a whole: %v", err)
			}
			list, err := d.statements.ListStatements(t.Context(), as(ident.Creator(c)), ident.Creator(c))
			if err != nil || len(list) != len(parts) {
				t.Fatalf("%d statements, %v", len(list), err)
			}
			for i, s := range list {
				if s.Standing != statement.Sent || (i > 0 && s.Period.String() >= list[i-1].Period.String()) {
					t.Errorf("%d is %s of %s", i, s.Standing, s.Period)
				}
			}
		})
	}
}

func must(t *testing.T) func(s settled, err error) settled {
	return func(s settled, err error) settled {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// printed looks at the workbook: it names the part.
func (d *desk) printed(t *testing.T, st statement.Statement, name string) {
	t.Helper()
	body, err := (&printing.Typesetter{}).TypesetStatement(t.Context(), st, statement.XLSX)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := f.GetRows(f.GetSheetList()[0])
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, r := range rows {
		if len(r) > 1 {
			said[r[0]] = r[1]
		}
	}
	if said["账期 Period"] != name {
		t.Errorf("the workbook of %s says %v", name, said)
	}
}

// sendPart sends the part, and lends its document under a name that says which part it is.
func (d *desk) sendPart(t *testing.T, creator ident.Creator, period statement.Period, name string) {
	t.Helper()
	state, err := d.statements.SendStatement(t.Context(), settletest.CallerWith(identity.Finance), creator, period)
	number := "DZ" + strings.ReplaceAll(name, "-", "") + "-" + string(creator)
	if err != nil || state.Number != number || state.Period != period {
		t.Fatalf("%s: %+v %v", name, state, err)
	}
	link, err := d.statements.Documents.LinkSentStatement(t.Context(), settletest.Tenant, creator, period, state.Hash, statement.PDF)
	if err != nil || !strings.HasPrefix(link.URL, string("statements/"+settletest.Tenant+"/"+creator+"/")+name+"/") || !strings.HasSuffix(link.URL, "?as="+number+".pdf") || link.Number != number {
		t.Errorf("%s: %+v %v", name, link, err)
	}
}
