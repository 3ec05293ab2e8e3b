package memdb

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// someValue draws a value that the engine would keep.
func someValue(depth int) *rapid.Generator[types.AttributeValue] {
	return rapid.Custom(func(t *rapid.T) types.AttributeValue {
		words := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{1,4}"), 1, 4, rapid.ID[string]).Draw(t, "members")
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0:
			return &avN{Value: rapid.SampledFrom([]string{"0", "-7.5", strings.Repeat("9", 38)}).Draw(t, "number")}
		case kind == 1:
			return &avB{Value: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")}
		case kind == 2:
			return &avBOOL{Value: rapid.Bool().Draw(t, "flag")}
		case kind == 3:
			return &avNULL{Value: true}
		case kind == 4:
			return &avSS{Value: words}
		case kind == 5:
			return binarySet(words)
		case kind == 6 && depth < 3:
			return &avM{Value: rapid.MapOf(rapid.StringMatching("[a-z]{1,3}"), someValue(depth+1)).Draw(t, "map")}
		case kind == 7 && depth < 3:
			return &avL{Value: rapid.SliceOf(someValue(depth+1)).Draw(t, "list")}
		}
		return &avS{Value: rapid.OneOf(rapid.String(), rapid.Just(strings.Repeat("长", 200))).Draw(t, "text")}
	})
}

func TestWhatIsPackedComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		it := Item{}
		for name, v := range rapid.MapOf(rapid.StringMatching("[a-z]{1,3}"), someValue(1)).Draw(t, "item") {
			kept, err := canonicalValue(v, 1)
			if err != nil {
				t.Fatal(err)
			}
			it[name] = kept
		}
		p := packItem(it)
		back := (&row{attrs: p, n: len(it)}).item()
		if len(back) != len(it) || packItem(back) != p {
			t.Fatalf("%v came back as %v", it, back)
		}
		for name, v := range it {
			if got := p.attribute(name); !equalValues(v, got.unpack()) || typeName(v) != typeName(got.unpack()) || got.billedSize() != billedSize(v) {
				t.Errorf("%s: %v came back as %v, %d bytes", name, v, got.unpack(), got.billedSize())
			}
		}
		if p.attribute("none") != "" || !reflect.DeepEqual(p.attribute("none").unpack(), nil) {
			t.Error("an attribute that is not there was found")
		}
	})
}
