package lawdiff_test

import (
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/money"
)

// BenchmarkRetax taxes settlements of many persons under a second law; one operation is one settlement.
func BenchmarkRetax(b *testing.B) {
	law := first(b)
	template := newHistory(law, "e", "")
	for m := 1; m <= 12; m++ {
		for _, day := range []int{5, 20} {
			f := payment(civil.NewMonth(2026, 1).Add(m-1).Day(day).String(), money.Fen(int64(m*day)*1_000_37).String(), true)
			f.AgencyFiling = true
			if !template.book(f) {
				b.Fatal("no figures")
			}
		}
	}
	other := second(b, deduction)
	b.ReportAllocs()
	b.ResetTimer()
	changed, n := 0, 0
	_, err := lawdiff.CompareByPerson(other, func(yield func(*lawdiff.Event, error) bool) {
		var e lawdiff.Event
		for n < b.N {
			taxpayer := taxpayerNumber(n / len(template.events))
			for _, t := range template.events {
				e = *t
				e.Taxpayer = ident.Taxpayer(taxpayer)
				if n++; !yield(&e, nil) {
					return
				}
			}
		}
	}, func(p *lawdiff.Person) error {
		changed += len(p.Differences)
		return nil
	})
	if err != nil || changed == 0 {
		b.Fatal(err, changed)
	}
}

// taxpayerNumber names person n so that names come in order.
func taxpayerNumber(n int) string {
	id := []byte("tp-00000000")
	for i := len(id) - 1; n > 0; i, n = i-1, n/10 {
		id[i] = byte('0' + n%10)
	}
	return string(id)
}
