package strictjson

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

type sample struct {
	Name   string            `json:"name"`
	Amount money.Amount      `json:"amount"`
	Count  int               `json:"count"`
	Inner  *inner            `json:"inner"`
	List   []inner           `json:"list"`
	Notes  map[string]string `json:"notes"`
}

type inner struct {
	Flag bool `json:"flag"`
}

// nested is lists within lists.
func nested(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }

func TestDecodeNamesEveryProblem(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string // "field problem" beginnings, all of them
	}{
		"fine":             {`{"name":"a","amount":"1.00","inner":{"flag":true},"list":[{"flag":false}],"notes":{"k":"v"}}`, nil},
		"several at once":  {`{"amount":1.5,"count":"x","extra":1,"name":7}`, []string{"amount must", "count must", "extra is not", "name must"}},
		"nested":           {`{"inner":{"flag":1},"list":[{"flag":true},{"no":1}]}`, []string{"inner.flag must", "list.1.no is not"}},
		"duplicate":        {`{"name":"a","name":"b"}`, []string{"name is given twice"}},
		"nested duplicate": {`{"inner":{"flag":true,"flag":false}}`, []string{"inner.flag is given twice"}},
		"trailing":         {`{} {}`, []string{" has data after"}},
		"control":          {`{"name":"a\u0000b"}`, []string{"name must not"}},
		"raw control":      {"{\"name\":\"a\nb\"}", []string{"name is not a valid"}},
		"broken":           {`{"name":`, []string{" is not valid JSON"}},
		"comma":            {`{"name":"a",}`, []string{" is not valid JSON"}},
		"not an object":    {`[]`, []string{" must be an object"}},
		"null":             {`null`, []string{" must be an object"}},
		"empty":            {``, []string{" is not valid JSON"}},
		"case matters":     {`{"Name":"a"}`, []string{"Name is not"}},
		"deep":             {nested(MaxDepth + 1), []string{strings.Repeat("0.", MaxDepth-1) + "0 is nested deeper than 32 levels"}},
		"very deep":        {nested(4000), []string{strings.Repeat("0.", MaxDepth-1) + "0 is nested deeper than 32 levels"}},
		"not too deep":     {nested(MaxDepth), []string{" must be an object"}},
		"not utf8":         {"{\"name\":\"\xff\"}", []string{" must be UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			var s sample
			got := Decode([]byte(c.body), &s)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i, p := range got {
				if !strings.HasPrefix(p.Field+" "+p.Problem, c.want[i]) {
					t.Errorf("problem %d is %q %q, want %q", i, p.Field, p.Problem, c.want[i])
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"name":"a","amount":"1.00","count":3,"inner":{"flag":true},"list":[{"flag":false}]}`)
	f.Add(`{"name":"\ud800"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var s sample
		if len(Decode([]byte(body), &s)) > 0 {
			return
		}
		if !json.Valid([]byte(body)) {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again sample
		if p := Decode(out, &again); len(p) > 0 && !strings.Contains(string(out), "null") {
			t.Fatalf("own output refused: %v in %s", p, out)
		}
	})
}

func TestSplitObjectKeepsRepeatedNames(t *testing.T) {
	members, err := SplitObject([]byte(` {"lines": [1, {"a": "b"}], "x": null, "lines": 2} `))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members {
		got = append(got, m.Name+"="+string(m.Value))
	}
	if want := []string{`lines=[1, {"a": "b"}]`, "x=null", "lines=2"}; !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
	for _, bad := range []string{"", "[]", "1", `"a"`, `{"a":1`, `{"a":1} {}`, `{"a":1,}`} {
		if _, err := SplitObject([]byte(bad)); !fault.HasCode(err, fault.InvalidInput) {
			t.Errorf("%s: %v, want a refusal 2001", bad, err)
		}
	}
}
