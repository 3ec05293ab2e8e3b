package settlementdb

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

func TestFiguresAreReadAsTheyWereWritten(t *testing.T) {
	want := settlement.Figures{Tenant: "t", Settlement: "st-1", Hash: "h", Item: "labor", Gross: money.Yuan(7), Result: tax.Result{Net: money.Yuan(5), Steps: []tax.Step{tax.NewContractStep("set_off", "d", "what is open", money.Yuan(5), money.Yuan(1), nil, bilingual.Text{ZH: "抵扣", EN: "set-off"})}}}
	it, err := figuresItem(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeFigures(it, "t", "st-1", "h")
	if err != nil || got.Tenant != "t" || got.Settlement != "st-1" || got.Hash != "h" {
		t.Errorf("%+v %v", got, err)
	}
	first, err1 := want.Encode()
	again, err2 := got.Encode()
	if err1 != nil || err2 != nil || !bytes.Equal(first, again) || !bytes.Contains(first, []byte(`"set_off"`)) {
		t.Errorf("%v %v\n%s\n%s", err1, err2, first, again)
	}
	delete(it, attrFigures)
	if _, err := decodeFigures(it, "t", "st-1", "h"); err == nil {
		t.Error("figures without a document were read")
	}
}

// Packing is the same whoever packs at the same time and whatever was packed before, and gives what no more memory
// than a document may have.
func TestPackingIsAFunction(t *testing.T) {
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			plain := bytes.Repeat([]byte(`{"net":"5.00","n":`+strings.Repeat("7", n)+`}`), n)
			for range 20 {
				z := compress(plain)
				if back, err := decompress(z); err != nil || !bytes.Equal(z, compress(plain)) || !bytes.Equal(back, plain) {
					t.Errorf("%d: %q, %v", n, back, err)
				}
			}
		})
	}
	all.Wait()
	whole := compress([]byte(`["` + strings.Repeat("5", 500) + `"]`))
	for name, z := range map[string][]byte{"half": whole[:len(whole)/2], "a bomb": compress(make([]byte, 2*maxFiguresSize))} {
		if back, err := decompress(z); err == nil {
			t.Errorf("%s was read: %q", name, back)
		}
	}
}

func BenchmarkPackMETA(b *testing.B) {
	b.ReportAllocs()
	s := busy()
	for b.Loop() {
		metaItem(s)
	}
}

func BenchmarkUnpackMETA(b *testing.B) {
	b.ReportAllocs()
	it := metaItem(busy())
	for b.Loop() {
		if _, err := DecodeMeta(it); err != nil {
			b.Fatal(err)
		}
	}
}
