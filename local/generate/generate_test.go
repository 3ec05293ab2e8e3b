package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/local/income"
	"fenzhang/shared/money"
)

const samples = "../../samples"

func TestSamplesAreWhatTheSeedMakes(t *testing.T) {
	files, err := Generate(Seed)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(samples, path))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what seed %d makes: run go run ./local/generate", path, Seed)
		}
		if len(got) >= 1_000_000 {
			t.Errorf("%s has %d bytes", path, len(got))
		}
	}
	err = filepath.Walk(samples, func(path string, info os.FileInfo, err error) error {
		rel, _ := filepath.Rel(samples, path)
		byHand := filepath.Ext(path) == ".md" || strings.HasSuffix(path, ".examples.yaml")
		if err == nil && !info.IsDir() && !byHand && files[filepath.ToSlash(rel)] == nil {
			t.Errorf("%s is made by nobody", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnotherSeedMakesAnotherWorld(t *testing.T) {
	a, errA := Generate(1)
	b, errB := Generate(2)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if bytes.Equal(a["demo-mcn/2026-08/orders.ndjson"], b["demo-mcn/2026-08/orders.ndjson"]) {
		t.Error("the seed changes nothing")
	}
}

// TestFilesLeadToWhatTheManifestExpects reads the committed files as the loader does and sums them up.
func TestFilesLeadToWhatTheManifestExpects(t *testing.T) {
	list, err := income.Open(os.DirFS(samples))
	if err != nil {
		t.Fatal(err)
	}
	var orders, events, refused, noted, repeats int
	sums := map[statementKey]money.Amount{}
	for _, f := range list.Files {
		switch f.Kind {
		case income.LiveTips, income.Xingtu, income.Orders:
			b, err := list.Lines(f)
			if err != nil {
				t.Fatal(err)
			}
			refused, noted = refused+len(b.Refused), noted+len(b.Odd)
			orders += b.Ignored
			repeats += addLines(sums, f, b.Lines)
		case income.Events:
			lines, bad, err := list.Events(f)
			if err != nil {
				t.Fatal(err)
			}
			events += len(lines) + len(bad)
		}
	}
	if events != eventLines || refused != 3 || noted != 1 || repeats < 15 || orders < 250 {
		t.Errorf("%d events, %d refused, %d noted, %d repeated, %d orders that are no money", events, refused, noted, repeats, orders)
	}
	var demo int
	for _, e := range list.Expected {
		if e.Tenant == demoTenant {
			demo++
		}
		if e.IncomeType == incentive || e.ActivityID[:5] != "stmt:" {
			continue
		}
		key := statementKey{e.CreatorID, e.IncomeType, e.Period}
		if sums[key] != e.Gross || !e.Gross.Positive() {
			t.Errorf("%v: files have %s, manifest %s", key, sums[key], e.Gross)
		}
		delete(sums, key)
	}
	if len(sums) > 0 {
		t.Errorf("the manifest does not expect %v", sums)
	}
	if demo < 290 || demo > 310 {
		t.Errorf("%d settlements of the demo agency", demo)
	}
}

// addLines sums each line once into the statement of the month before the day it is sent, and counts repeats.
func addLines(sums map[statementKey]money.Amount, f income.File, lines []income.Line) int {
	seen := map[string]bool{}
	repeats := 0
	for _, l := range lines {
		if seen[l.LineID] {
			repeats++
			continue
		}
		seen[l.LineID] = true
		key := statementKey{l.CreatorID, l.IncomeType, f.SendOn.Month().Add(-1)}
		sums[key] = sums[key].Add(l.Distributable)
	}
	return repeats
}

func TestMasterDataIsPlausible(t *testing.T) {
	var w income.Master
	readJSON(t, demoTenant+"/master.json", &w)
	if len(w.PayingEntities) != 2 || len(w.Creators) != 60 || len(w.Taxpayers) != 59 || len(w.Contracts) != 60 {
		t.Errorf("%d entities, %d creators, %d taxpayers, %d contracts", len(w.PayingEntities), len(w.Creators), len(w.Taxpayers), len(w.Contracts))
	}
	kinds, ids := map[string]int{}, map[string]bool{}
	for _, p := range w.Taxpayers {
		kinds[p.Profiles[0].Kind]++
		if ids[p.IDNumber] {
			t.Errorf("%s is there twice", p.IDNumber)
		}
		ids[p.IDNumber] = true
		person := p.Profiles[0].Kind == "natural_person"
		if person && !regexp.MustCompile(`^[0-9]{6}18[89][0-9]{8}[0-9X]$`).MatchString(p.IDNumber) {
			t.Errorf("%s may be a living person's number", p.IDNumber)
		}
		if !person && p.IDNumber[8:11] != "DEM" {
			t.Errorf("%s may be a real organisation's code", p.IDNumber)
		}
	}
	if kinds["natural_person"] != 45 || kinds["individual_business"] != 8 || kinds["sole_proprietorship"] != 3 || kinds["company"] != 3 {
		t.Errorf("kinds %v", kinds)
	}
	if len(w.Positions) != 1 || w.Positions[0].Rule != positionRule {
		t.Errorf("positions %v", w.Positions)
	}
}

func TestWorkedCasesAddUp(t *testing.T) {
	list, err := income.Open(os.DirFS(samples))
	if err != nil {
		t.Fatal(err)
	}
	shares := map[string]money.Amount{}
	for _, e := range list.Expected {
		for _, k := range list.Master[string(e.Tenant)].Contracts {
			if k.CreatorID != e.CreatorID {
				continue
			}
			for _, p := range k.Splits[e.IncomeType].Parties {
				if p.Kind == "creator" {
					id := string(e.CreatorID) + e.PayOn.String()
					shares[id] = shares[id].Add(money.MustRate(p.Share).ApplyTo(e.Gross, money.HalfEven))
				}
			}
		}
	}
	letters := map[string]bool{}
	for _, w := range list.Worked {
		letters[w.Case] = true
		net := w.Share
		for _, amount := range w.Taxes {
			net = net.Sub(amount)
		}
		if w.Hold == "" && net != w.Net {
			t.Errorf("case %s, %s on %s: share less taxes is %s, not %s", w.Case, w.CreatorID, w.PayOn, net, w.Net)
		}
		if got := shares[string(w.CreatorID)+w.PayOn.String()]; got != w.Share {
			t.Errorf("case %s, %s on %s: the files give a share of %s, not %s", w.Case, w.CreatorID, w.PayOn, got, w.Share)
		}
	}
	if len(letters) != 5 {
		t.Errorf("cases %v", letters)
	}
}

func TestPapersHaveTheirPublishedCheckCharacters(t *testing.T) {
	if got := residentID("510104", 1888, 2, 29, 2); got != "510104188802290029" {
		t.Errorf("resident id %s", got)
	}
	if got := residentID("440524", 1880, 1, 1, 1); got != "440524188001010014" {
		t.Errorf("resident id %s", got)
	}
	// 91310115A00000011E is made of organisation code A00000011.
	if got := organisationCheck("A0000001"); got != "1" {
		t.Errorf("organisation check %s", got)
	}
	if got := newBankAccount(1); !luhn(got) {
		t.Errorf("account %s", got)
	}
}

// luhn checks a card number from its right end.
func luhn(number string) bool {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

func TestPartsKeepTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &random{state: rapid.Uint64().Draw(t, "seed")}
		n := rapid.IntRange(1, 16).Draw(t, "n")
		step := rapid.Int64Range(1, 10).Draw(t, "step")
		total := rapid.Int64Range(int64(n)*step*3, 1<<40).Draw(t, "total")
		var sum int64
		for i, p := range r.splitTotal(total, n, step) {
			if p <= 0 || (i < n-1 && p%step != 0) {
				t.Fatalf("part %d is %d", i, p)
			}
			sum += p
		}
		if sum != total {
			t.Fatalf("parts sum to %d, not %d", sum, total)
		}
	})
}

func TestCommissionLeavesJustWhatTheAgencyReceives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inst := rapid.Int64Range(1, 1<<40).Draw(t, "institution_commission")
		c := commissionFor(inst)
		if fee := money.Fen(c).MulDiv(techFeeRate, 10_000, money.HalfEven).Fen(); c-fee != inst {
			t.Fatalf("%d less %d is not %d", c, fee, inst)
		}
		rate := rapid.Int64Range(100, 9000).Draw(t, "rate")
		if got := money.Fen(goodsFor(c, rate)).MulDiv(rate, 10_000, money.HalfEven).Fen(); got != c {
			t.Fatalf("goods give %d, not %d", got, c)
		}
	})
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(samples, path))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
