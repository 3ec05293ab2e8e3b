package nationalid

import (
	"errors"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
)

// rows reads a tab-separated file of samples; lines that begin with # are notes.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.Split(line, "\t"))
		}
	}
	return out
}

func reason(t *testing.T, word string) error {
	t.Helper()
	err, ok := map[string]error{
		"": nil, "length": ErrLength, "character": ErrCharacter, "region": ErrRegion, "birth": ErrBirth,
		"check": ErrCheck, "organisation": ErrOrganisation, "class": ErrClass,
	}[word]
	if !ok {
		t.Fatalf("sample with unknown reason %q", word)
	}
	return err
}

func TestCitizenNumbers(t *testing.T) {
	for _, r := range rows(t, "citizen_numbers.tsv") {
		got, err := ParseCitizen(r[0], civil.MustDate("2026-11-22"))
		if !errors.Is(err, reason(t, r[5])) {
			t.Errorf("%q: %v, want %q", r[0], err, r[5])
			continue
		}
		if err != nil {
			continue
		}
		sex := "F"
		if got.Male {
			sex = "M"
		}
		if got.Number != r[1] || (r[2] != "" && (got.Birth.String() != r[2] || sex != r[3] || got.Region != r[4])) {
			t.Errorf("%q: got %+v", r[0], got)
		}
	}
}

func TestCreditCodes(t *testing.T) {
	for _, r := range rows(t, "credit_codes.tsv") {
		got, err := ParseCreditCode(r[0])
		if !errors.Is(err, reason(t, r[2])) {
			t.Errorf("%q: %v, want %q", r[0], err, r[2])
		}
		if err == nil && got != r[1] {
			t.Errorf("%q: got %q", r[0], got)
		}
	}
	if _, err := ParseCreditCode("A1350100M000100Y43"); !errors.Is(err, ErrClass) {
		t.Errorf("unknown class: %v", err)
	}
	if !IsIndividualBusiness("92440300K12345677B") || IsIndividualBusiness("91350100M000100Y43") {
		t.Error("individual businesses are those whose code begins with 92")
	}
}

// One wrong character, or two neighbours exchanged, are the usual slips; the check characters find them.
func TestOneWrongCharacterIsFound(t *testing.T) {
	const number, code = "11010519491231002X", "91350100M000100Y43"
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, 16).Draw(t, "place")
		d := rapid.SampledFrom([]byte("0123456789")).Draw(t, "digit")
		if number[i] != d {
			if _, err := ParseCitizen(number[:i]+string(d)+number[i+1:], civil.MustDate("2026-11-22")); err == nil {
				t.Fatalf("citizen number with %c at %d was accepted", d, i)
			}
		}
		c := rapid.SampledFrom([]byte(creditAlphabet)).Draw(t, "character")
		if code[i] != c {
			if _, err := ParseCreditCode(code[:i] + string(c) + code[i+1:]); err == nil {
				t.Fatalf("credit code with %c at %d was accepted", c, i)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("11010519491231002X")
	f.Add("91350100M000100Y43")
	f.Add("１１０１０５19491231002X")
	f.Fuzz(func(t *testing.T, s string) {
		today := civil.MustDate("2026-11-22")
		if c, err := ParseCitizen(s, today); err == nil {
			if again, err := ParseCitizen(c.Number, today); err != nil || again != c {
				t.Errorf("%q: own form read as %v, %v", s, again, err)
			}
		}
		if c, err := ParseCreditCode(s); err == nil {
			if again, err := ParseCreditCode(c); err != nil || again != c {
				t.Errorf("%q: own form read as %q, %v", s, again, err)
			}
		}
	})
}
