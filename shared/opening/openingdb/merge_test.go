package openingdb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/opening"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// The worker is recorded twice: under another paper too.
const twin = "c-twin"

// merge makes the twin's taxpayer the worker's, as two people would while an import is being posted.
func (w *world) merge(t *testing.T) {
	t.Helper()
	from, into := "tp-"+twin, "tp-"+settletest.Worker
	p := w.People.Taxpayers[from]
	p.MergedInto = into
	w.People.Taxpayers[from] = p
	c := w.People.People[twin]
	c.TaxpayerID = ident.Taxpayer(into)
	w.People.People[twin] = c
	if err := w.Merging(t, settletest.Filed).ApplyMerge(t.Context(), settletest.Tenant, from, into, "admin@x"); err != nil {
		t.Fatal(err)
	}
}

// interrupted is a store in which something happens before rows are read or posted, which may fail; an import that is
// done posts those of nobody.
type interrupted struct {
	opening.Store
	rows func(b settlement.Booking) error
	read func(taxpayer ident.Taxpayer)
}

func (s *interrupted) AppendRows(ctx context.Context, tenant ident.Tenant, b settlement.Booking) error {
	if s.rows != nil {
		if err := s.rows(b); err != nil {
			return err
		}
	}
	return s.Store.AppendRows(ctx, tenant, b)
}

func (s *interrupted) TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	if s.read != nil {
		s.read(taxpayer)
	}
	return s.Store.TaxRows(ctx, tenant, entity, taxpayer, year)
}

func (s *interrupted) SaveRecord(ctx context.Context, r opening.Record, seen, act, by string) error {
	if r.State == opening.Posted && s.rows != nil {
		if err := s.rows(settlement.Booking{}); err != nil {
			return err
		}
	}
	return s.Store.SaveRecord(ctx, r, seen, act, by)
}

var errDown = errors.New("down")

// Two taxpayers of an import are merged while it is posted: whatever was written before, the person's year has every
// row of the file once.
func TestOpeningRowsOfTaxpayersWhoAreMergedMeanwhileStandOnce(t *testing.T) {
	head := []string{"paying_entity", "creator_id", "tax", "item", "platform", "month", "income", "received", "sales", "withheld", "collection", "document"}
	row := func(creator ident.Creator, month, income, withheld string) []string {
		return []string{settletest.Filed, string(creator), "IIT", tax.ItemLaborPlatform, "douyin", month, income, "", "", withheld, "withheld", "return of " + month}
	}
	book := opening.Book{opening.Withholding: {head, row(settletest.Worker, "2026-03", "10000.00", "90.00"), row(twin, "2026-03", "10000.00", "90.00"), row(twin, "2026-04", "8000.00", "42.00")}}
	for name, before := range map[string]map[string]bool{
		"both lists were posted":                {"tp-" + settletest.Worker: true, "tp-" + twin: true},
		"only the merged one's was posted":      {"tp-" + twin: true},
		"only the survivor's was posted":        {"tp-" + settletest.Worker: true},
		"nothing was posted when it was merged": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			w.People.AddCreator(twin, "natural_person", settletest.Filed, "mcn_pays")
			k := w.People.Contracts[twin]
			k.From = civil.MustDate("2025-12-01")
			w.People.Contracts[twin] = k
			w.SetDate("2026-07-01")
			file := []byte(fmt.Sprint(book))
			if _, problems, err := w.imports.CheckImport(t.Context(), settletest.CallerWith(identity.Finance), "first", file, book); err != nil || len(problems) > 0 {
				t.Fatal(problems, err)
			}
			whole := w.imports.Store
			w.imports.Store = &interrupted{Store: whole, rows: func(b settlement.Booking) error {
				if before[string(b.Taxpayer)] {
					return nil
				}
				return errDown
			}}
			if _, _, err := w.imports.ApproveImport(t.Context(), settletest.CallerWith(identity.Approver), "first", file, book); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			w.merge(t)
			w.imports.Store = whole
			w.approved(t, file, book)
			w.once(t)
		})
	}
	t.Run("between reading whose rows they are and writing them", func(t *testing.T) {
		w := open(t)
		w.People.AddCreator(twin, "natural_person", settletest.Filed, "mcn_pays")
		w.SetDate("2026-07-01")
		file := []byte(fmt.Sprint(book))
		if _, problems, err := w.imports.CheckImport(t.Context(), settletest.CallerWith(identity.Finance), "first", file, book); err != nil || len(problems) > 0 {
			t.Fatal(problems, err)
		}
		reads := 0
		whole := w.imports.Store
		w.imports.Store = &interrupted{Store: whole, read: func(taxpayer ident.Taxpayer) {
			if taxpayer != "tp-"+twin {
				return
			}
			if reads++; reads == 4 { // after its two rows were checked, and sorted into its list
				w.merge(t)
			}
		}}
		w.approved(t, file, book) // the two lists are one now, and written at once
		if reads < 4 {
			t.Fatal("they were not merged in between")
		}
		w.once(t)
	})
}

func (w *world) approved(t *testing.T, file []byte, book opening.Book) {
	t.Helper()
	r, problems, err := w.imports.ApproveImport(t.Context(), settletest.CallerWith(identity.Approver), "first", file, book)
	if err != nil || len(problems) > 0 || r.State != opening.Posted {
		t.Fatalf("%+v %+v %v", r, problems, err)
	}
}

// once wants every row of the file in the person's year, and none twice.
func (w *world) once(t *testing.T) {
	t.Helper()
	list, err := w.Store.TaxRows(t.Context(), settletest.Tenant, settletest.Filed, "tp-"+settletest.Worker, 2026)
	if err != nil {
		t.Fatal(err)
	}
	var income, withheld money.Amount
	rows := 0
	for _, b := range settlement.BookingsOfPerson(list) {
		for _, r := range b.Rows {
			income, withheld = income.Add(r.Income), withheld.Add(r.Withheld)
			rows++
		}
	}
	if income != money.MustParse("28000.00") || withheld != money.MustParse("222.00") || rows != 3 {
		t.Errorf("the year has %d rows with %s of income and %s withheld", rows, income, withheld)
	}
}
