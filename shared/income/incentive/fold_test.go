package incentive

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
)

var kinds = []Kind{Cash, Traffic, Shop}

// drawDay draws the entries of a day, one for each event.
func drawDay(t *rapid.T) []Entry {
	n := rapid.IntRange(0, 40).Draw(t, "events")
	entries := make([]Entry, n)
	for i := range entries {
		entries[i].EventID = "ev-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		if rapid.IntRange(0, 4).Draw(t, "parked") == 0 {
			continue
		}
		strategy := rapid.IntRange(0, 3).Draw(t, "strategy")
		g := NewGrant(kinds[strategy%3], rapid.Int64Range(0, 10_000).Draw(t, "value"), "st-"+string(rune('0'+strategy)),
			rapid.IntRange(1, 2).Draw(t, "version"), rapid.SampledFrom([]int64{0, 5_000}).Draw(t, "cap"))
		entries[i].Grant = &g
	}
	return entries
}

// P6: the fold is the same under redelivery, reordering and other batch borders.
func TestFoldIgnoresRedeliveryAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := drawDay(t)
		want := SumDay(day)
		if want.Events != len(day) {
			t.Fatalf("%d events counted of %d", want.Events, len(day))
		}
		again := slices.Clone(day)
		for range rapid.IntRange(0, 60).Draw(t, "repeats") {
			if len(day) == 0 {
				break
			}
			e := day[rapid.IntRange(0, len(day)-1).Draw(t, "which")]
			if rapid.Bool().Draw(t, "before its reward") {
				e.Grant = nil
			}
			again = append(again, e)
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if got := SumDay(again); got != want {
			t.Fatalf("fold is %+v, want %+v", got, want)
		}
		border := rapid.IntRange(0, len(again)).Draw(t, "border")
		var parts []Entry
		for _, part := range [][]Entry{again[:border], again[border:]} {
			read, err := DecodeEntries(EncodeEntries(part))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, read...)
		}
		if got := SumDay(parts); got != want {
			t.Fatalf("fold of chunks is %+v, want %+v", got, want)
		}
	})
}

func TestEncodeDependsOnTheSetOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := drawDay(t)
		text := EncodeEntries(day)
		turned := append(slices.Clone(day), day...)
		slices.Reverse(turned)
		if again := EncodeEntries(turned); again != text {
			t.Fatalf("another order or a repeat gives another chunk:\n%s\n%s", text, again)
		}
	})
}

func TestFoldCutsAtTheDailyCap(t *testing.T) {
	entry := func(id string, fen, limit int64) Entry {
		g := NewGrant(Cash, fen, "st-1", 1, limit)
		return Entry{EventID: id, Grant: &g}
	}
	for name, c := range map[string]struct {
		entries []Entry
		want    string
	}{
		"below":                   {[]Entry{entry("a", 300, 1000), entry("b", 400, 1000)}, "7.00"},
		"above":                   {[]Entry{entry("a", 800, 1000), entry("b", 400, 1000)}, "10.00"},
		"no cap":                  {[]Entry{entry("a", 800, 0), entry("b", 400, 0)}, "12.00"},
		"the larger cap holds":    {[]Entry{entry("a", 800, 500), entry("b", 400, 1000)}, "10.00"},
		"a version without a cap": {[]Entry{entry("a", 800, 500), entry("b", 400, 0)}, "12.00"},
	} {
		if got := SumDay(c.entries).Cash; got != money.MustParse(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Parked events in a hundred of a creator's events must not push a chunk over the unit that it is paid by.
func TestChunkIsSmall(t *testing.T) {
	g := NewGrant(Cash, 123456, "strategy-of-usual-length", 12, 100000)
	var entries []Entry
	for i := range 12 {
		entries = append(entries, Entry{EventID: "01jd3k5m7n9p1q3r5s7t9v1w" + string(rune('a'+i)), Grant: &g})
	}
	if n := len(EncodeEntries(entries)); n > 700 {
		t.Errorf("12 events take %d bytes; with the keys they must stay below 1 KB", n)
	}
}

func FuzzDecodeChunk(f *testing.F) {
	f.Add("@st-1 2 cash 1000\nev-1 50\nev-2 60\n")
	f.Add("@\nev-3\n")
	f.Add("@st 1 traffic 0\nev 9223372036854775807\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := DecodeEntries(text)
		if err != nil {
			return
		}
		again, err := DecodeEntries(EncodeEntries(entries))
		if err != nil {
			t.Fatalf("own output refused: %v", err)
		}
		if len(grantByEvent(entries)) != len(again) {
			t.Fatalf("%d events became %d", len(grantByEvent(entries)), len(again))
		}
	})
}
