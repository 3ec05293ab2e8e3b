package taxpack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/taxpack"
)

const ratesFile = `id: test.rates
kind: rates
title: {zh: 试验, en: A test}
values:
  - from: 2019-01-01
    value:
      catering: "0.07"
      other: "0.10"
      culture: open
    status: confirmed
    reference: {document: 甲, number: 乙, article: 丙, url: "https://example.cn", published: 2019-01-01}
`

// A table of rates loads with its open rows, and the rule book shows it as its file does.
func TestRates(t *testing.T) {
	files := copyOf(t)
	files["test/rates.yaml"] = &fstest.MapFile{Data: []byte(ratesFile)}
	c, err := taxpack.LoadCorpus(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.National().Rulebook(civil.MustDate("2026-11-22")) {
		if x.ID != "test.rates" {
			continue
		}
		b, err := json.Marshal(x.Value)
		if err != nil || string(b) != `{"catering":"0.07","culture":"open","other":"0.10"}` {
			t.Errorf("%s, %v", b, err)
		}
		return
	}
	t.Error("test.rates is not in the book")
}

func TestRatesRefusals(t *testing.T) {
	tests := []struct{ name, old, new, wantAt, wantText string }{
		{"rate above 1", `"0.07"`, `"7"`, "x.yaml:7: ", "0 to 1"},
		{"another word than open", "open", "unknown", "x.yaml:9: ", "word open"},
		{"a row twice", "culture: open", `catering: "0.01"`, "x.yaml:9: ", ""},
		{"word out of shape", "catering:", "Catering:", "x.yaml:7: ", "small letters"},
		{"a list instead of a table", "culture: open", "culture: [open]", "x.yaml:9: ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, ps := taxpack.ParseRule("x.yaml", []byte(strings.Replace(ratesFile, tt.old, tt.new, 1)))
			for _, p := range ps {
				if strings.HasPrefix(p.Error(), tt.wantAt) && strings.Contains(p.Text, tt.wantText) {
					return
				}
			}
			t.Errorf("want %s%q, got %v", tt.wantAt, tt.wantText, ps)
		})
	}
}
