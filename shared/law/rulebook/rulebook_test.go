package rulebook_test

import (
	"bytes"
	"html"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/rulebook"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// source is the book of the packs in the binary on a day with an open national rule.
var source = sync.OnceValues(func() (rulebook.Source, error) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return rulebook.Source{}, err
	}
	s := rulebook.Source{Corpus: corpus, On: civil.MustDate("2026-11-22"), Examples: map[string][]example.Outcome{}}
	if s.Notices, err = taxpack.ReadNotices(rules.NationalPack()); err != nil {
		return s, err
	}
	for i, files := range append([]fs.FS{rules.NationalPack()}, rules.JurisdictionPacks()...) {
		examples, err := example.ReadExamples(files)
		if err != nil {
			return s, err
		}
		name := corpus.PackIDs()[i].Pack
		for _, x := range examples {
			s.Examples[name] = append(s.Examples[name], example.Check(corpus, x))
		}
	}
	return s, nil
})

func render(t *testing.T) (rulebook.Source, map[string][]byte) {
	t.Helper()
	s, err := source()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := rulebook.Render(s)
	if err != nil {
		t.Fatal(err)
	}
	return s, pages
}

// document is what a page links to, and what can be linked to in it.
type document struct {
	links []string
	ids   map[string]bool
	h1    int
	lang  string
}

// tag finds a tag with its attributes, attribute one of those. The templates quote every attribute.
var (
	tag       = regexp.MustCompile(`<([a-z0-9]+)((?: [a-z-]+="[^"]*")*)\s*/?>`)
	attribute = regexp.MustCompile(` ([a-z-]+)="([^"]*)"`)
)

func parse(t *testing.T, name string, page []byte) document {
	t.Helper()
	d := document{ids: map[string]bool{}}
	for _, m := range tag.FindAllStringSubmatch(string(page), -1) {
		for _, a := range attribute.FindAllStringSubmatch(m[2], -1) {
			switch {
			case a[1] == "id" && d.ids[a[2]]:
				t.Errorf("%s: id %s twice", name, a[2])
			case a[1] == "id":
				d.ids[a[2]] = true
			case a[1] == "href" || a[1] == "src":
				d.links = append(d.links, html.UnescapeString(a[2]))
			case a[1] == "lang" && m[1] == "html":
				d.lang = a[2]
			}
		}
		switch m[1] {
		case "h1":
			d.h1++
		case "script", "iframe", "form":
			t.Errorf("%s holds a %s", name, m[1])
		}
	}
	return d
}

// Every link within the book leads to a page, and to a place in it, that is there; nothing is loaded from elsewhere.
func TestEveryLinkResolves(t *testing.T) {
	_, pages := render(t)
	documents := map[string]document{}
	for name, page := range pages {
		if strings.HasSuffix(name, ".html") {
			documents[name] = parse(t, name, page)
		}
	}
	if len(documents) < 700 {
		t.Fatalf("only %d pages", len(documents))
	}
	inner := 0
	for name, d := range documents {
		for _, l := range d.links {
			if strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://") || l == "data:," {
				continue
			}
			inner++
			file, id, _ := strings.Cut(l, "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if pages[target] == nil {
				t.Errorf("%s links to %s, which is not there", name, l)
			}
			if id != "" && !documents[target].ids[id] {
				t.Errorf("%s links to %s, where no such place is", name, l)
			}
		}
	}
	if inner < 10_000 {
		t.Errorf("only %d links were looked at", inner)
	}
}

// Every page says its language, has one heading of the first level, and is there in both languages.
func TestPagesAreReadable(t *testing.T) {
	_, pages := render(t)
	for name, page := range pages {
		lang, rest, _ := strings.Cut(name, "/")
		if rest == "" {
			continue
		}
		d := parse(t, name, page)
		if want := map[string]string{"zh": "zh-CN", "en": "en"}[lang]; d.lang != want || d.h1 != 1 {
			t.Errorf("%s: language %q, %d headings", name, d.lang, d.h1)
		}
		if other := map[string]string{"zh": "en", "en": "zh"}[lang] + "/" + rest; pages[other] == nil {
			t.Errorf("%s has no %s", name, other)
		}
		if bytes.Contains(page, []byte("ZgotmplZ")) || bytes.Contains(page, []byte("<no value>")) {
			t.Errorf("%s has a hole", name)
		}
	}
}

// Every definition has a page that shows each of its values with its days and its sources.
func TestEveryDefinitionIsShown(t *testing.T) {
	s, pages := render(t)
	packs, err := s.Corpus.ReadPacks()
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for i, p := range packs {
		for _, d := range p.Definitions {
			name := "rules/" + d.ID + ".html"
			if i > 0 {
				name = path.Join(p.Jurisdiction.Code, d.Locality, d.ID+".html")
			}
			for _, lang := range []string{"zh", "en"} {
				page := string(pages[lang+"/"+name])
				for _, v := range d.Values {
					if !strings.Contains(page, `id="from-`+v.From.String()+`"`) || !strings.Contains(page, escaped(v.Law[0].Document)) || !strings.Contains(page, v.Published.String()) {
						t.Errorf("%s/%s does not show the value from %s with its source", lang, name, v.From)
					}
				}
			}
			shown++
		}
	}
	if shown < 300 {
		t.Errorf("only %d definitions", shown)
	}
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;", "+", "&#43;").Replace(s)
}

// The pages say what their rules say.
func TestPages(t *testing.T) {
	_, pages := render(t)
	for name, wants := range map[string][]string{
		"zh/index.html": {"适用哪种征税方式", "个人所得税：劳务报酬", "rules/vat.threshold.month.html", "2026-11-22"},
		"en/index.html": {"Which regime applies", "Income tax: labor remuneration", "secondary"},
		"zh/rules/vat.threshold.month.html": {"≥ 100,000.00", "&gt; 100,000.00", "达到即征", "2026-01-01 至 2027-12-31", "主席令第41号《中华人民共和国增值税法》", "第二十三条", "2024-12-25",
			"vat.small_scale.month.html", "small-scale-month-both-sides-of-2026"},
		"en/rules/iit.brackets.labor.html":                {"20,000.00", "50,000.00", "2,000.00", "7,000.00", "40%"},
		"en/rules/iit.labor.one_off.html":                 {"income x (1 - cost_rate)", "<var>cost_rate</var>", "iit.labor.cost_rate.html", "the item is labor, one-off and resident", "labor-one-fen-above-the-limit"},
		"zh/rules/vat.natural_person.withholding.html":    {"空白", "按日汇总", "daily_1000_at_1pct", "2026-11-01 起"},
		"zh/rules/regime.labor.html":                      {"禁止的做法", "平台劳务报酬（累计）", "国家税务总局公告2025年第16号"},
		"en/places.html":                                  {"Beijing", "Xinjiang", "650000/index.html", "confirmed", "CN-BJ"},
		"zh/110000/iit.assessed.quota_bands.html":         {"&lt; 50,000.00", "≥ 50,000.00", "0.8%", "北京市"},
		"en/340000/index.html":                            {"340700", "340000/340700/iit.assessed.profit_rates.html"},
		"en/340000/340700/iit.assessed.profit_rates.html": {"catering", "7%"},
		"zh/340000/index.html":                            {"空白：分行业应税所得率"},
		"zh/gaps.html":                                    {"vat.natural_person.withholding", "g130000"},
		"zh/sources.html":                                 {"国家税务总局公告2018年第61号", "引用它的规则"},
		"en/holidays.html":                                {"2026-10-01 to 2026-10-07", "2026-10-10"},
	} {
		for _, want := range wants {
			if !bytes.Contains(pages[name], []byte(want)) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
}

// Every worked example is shown on its page as passed, and every national one leads to a rule that it concerns.
func TestExamplesAreShown(t *testing.T) {
	s, pages := render(t)
	for pack, list := range s.Examples {
		name := "zh/examples.html"
		if pack != "national" {
			name = "zh/" + pack + "/examples.html"
		}
		page := string(pages[name])
		for _, o := range list {
			if !strings.Contains(page, `id="`+o.Example.ID+`"`) {
				t.Errorf("%s does not show %s", name, o.Example.ID)
			}
			if len(o.Rules) == 0 {
				t.Errorf("%s concerns no rule", o.Example.ID)
			}
		}
		if strings.Contains(page, "check no") {
			t.Errorf("%s shows a failed example", name)
		}
	}
}

// The same source gives the same bytes.
func TestDeterministic(t *testing.T) {
	_, a := render(t)
	_, b := render(t)
	if len(a) != len(b) {
		t.Fatalf("%d and %d pages", len(a), len(b))
	}
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs", name)
		}
	}
}

// What a rule file says is text and never markup.
func TestEscaping(t *testing.T) {
	evil := `<script>alert(1)</script>`
	law := []tax.Law{{Document: evil, Article: evil, URL: "javascript:alert(1)"}}
	d := tax.Definition{ID: "x.evil", Kind: tax.KindChoice, Title: bilingual.Text{ZH: evil, EN: evil}, Unit: evil,
		Values: []tax.DatedValue{{From: civil.MustDate("2020-01-01"), Published: civil.MustDate("2020-01-01"), Status: tax.Confirmed, Choice: evil, Law: law, Note: bilingual.Text{ZH: evil, EN: evil}}}}
	corpus, err := tax.NewCorpus(tax.Pack{ID: tax.PackID{Pack: "national", Version: evil}, Jurisdiction: tax.Jurisdiction{Code: "000000"}, Definitions: []tax.Definition{d}})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := rulebook.Render(rulebook.Source{Corpus: corpus, On: civil.MustDate("2026-01-01")})
	if err != nil {
		t.Fatal(err)
	}
	live := regexp.MustCompile(`<script|href="javascript:`)
	for name, page := range pages {
		if live.Match(page) {
			t.Errorf("%s holds markup of a rule file", name)
		}
	}
	if !bytes.Contains(pages["en/rules/x.evil.html"], []byte("&lt;script&gt;")) {
		t.Error("the text itself is gone")
	}
}
