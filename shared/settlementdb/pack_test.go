package settlementdb

import (
	"bytes"
	"reflect"
	"strings"
	"sync"
	"testing"

	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tax"
)

func TestFiguresAreReadAsTheyWereWritten(t *testing.T) {
	want := settlement.Figures{Tenant: "t", Settlement: "st-1", Hash: "h", Item: "labor", Gross: money.Yuan(7), Result: tax.Result{Net: money.Yuan(5)}}
	it, err := figuresItem(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := figuresOf(it, "t", "st-1", "h"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
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
				var into any
				if z := pack(plain); !bytes.Equal(z, pack(plain)) || n == 1 && unpack(z, &into) != nil {
					t.Errorf("%d: another packing, or %v", n, into)
				}
			}
		})
	}
	all.Wait()
	var into any
	whole := pack([]byte(`["` + strings.Repeat("5", 500) + `"]`))
	if err := unpack(whole, &into); err != nil {
		t.Error(err)
	}
	for name, z := range map[string][]byte{"half": whole[:len(whole)/2], "none": nil, "a bomb": pack([]byte(`"` + strings.Repeat("5", maxPlain) + `"`))} {
		if unpack(z, &into) == nil {
			t.Errorf("%s was read", name)
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
		if _, err := FromItem(it); err != nil {
			b.Fatal(err)
		}
	}
}
