package yamldoc_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"fenzhang/shared/input/yamldoc"
)

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, doc string
		line      int
		text      string
	}{
		{"nothing", "# only a comment\n", 0, "no document"},
		{"a second document", "a: b\n---\nc: d\n", 2, "second document"},
		{"an anchor", "a: b\nc: &d e\n", 2, "anchors"},
		{"an alias", "a: &b {}\nc: *b\n", 1, "anchors"},
		{"a tag", "a: !!str 1\n", 1, "tag"},
		{"a tag of its own", "a: b\nc: !d e\n", 2, "tag !d"},
		{"a merge key", "a: b\n<<: {c: d}\n", 2, "must be a word"},
		{"a key twice", "a: b\nc:\n  d: 1\n  e: 2\n  d: 3\n", 5, "stands on line 3 already"},
		{"the same key quoted", "a: b\n\"a\": c\n", 2, "stands on line 1 already"},
		{"a list as key", "[a]: b\n", 1, "must be a word"},
		{"no key", "~: b\n", 1, "must be a word"},
		{"bad indentation", "a: b\n  c: d\n", 2, "mapping values"},
		{"an open bracket", "a: [b\n", 1, "did not find"},
		{"too deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), 1, "nested deeper"},
		{"far too deep", strings.Repeat("[", 100_000), 0, ""},
		{"too many keys", manyKeys(1001), 1, "more than 1000 keys"},
		{"too large", strings.Repeat("#", 1<<20+1), 0, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := yamldoc.Parse([]byte(tt.doc))
			var e *yamldoc.Error
			if !errors.As(err, &e) || e.Text == "" || !strings.Contains(e.Text, tt.text) || (tt.line > 0 && e.Line != tt.line) {
				t.Errorf("got %v, want line %d with %q", err, tt.line, tt.text)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/100) + ": 1\n")
	}
	return b.String()
}

func TestJSON(t *testing.T) {
	tests := []struct{ doc, want string }{
		{"a: b", `{"a":"b"}`},
		{"z: 1\na: [true, ~, \"1.50\", 2026-11-22, -3]", `{"z":1,"a":[true,null,"1.50","2026-11-22",-3]}`},
		{"a: |\n  two\n  lines\nb: >-\n  one\n  line\n", `{"a":"two\nlines\n","b":"one line"}`},
		{"- 财税\n- \"<&>\"", `["财税","\u003c\u0026\u003e"]`},
		{"a: no", `{"a":"no"}`},
		{"a: True", `{"a":true}`},
		{"a: 1.50", ""},
		{"a: 0x10", ""},
		{"a: 1_000", ""},
		{"a: 012", ""},
		{"a: .inf", ""},
		{"a: 99999999999999999999", ""},
	}
	for _, tt := range tests {
		n, err := yamldoc.Parse([]byte(tt.doc))
		if err != nil {
			t.Fatalf("%s: %v", tt.doc, err)
		}
		got, err := yamldoc.JSON(n)
		var e *yamldoc.Error
		if tt.want == "" && (!errors.As(err, &e) || e.Line != 1) {
			t.Errorf("%s became %s, %v", tt.doc, got, err)
		}
		if tt.want != "" && (err != nil || string(got) != tt.want) {
			t.Errorf("%s became %s, %v; want %s", tt.doc, got, err, tt.want)
		}
	}
}

// Whatever the bytes, they are refused with a reason or become valid JSON.
func FuzzParse(f *testing.F) {
	for _, doc := range []string{"a: b\n", "- {a: [1, ~, true]}\n", "a: &b c\nd: *b\n", "a: |\n  b\n", "\"a\\x41\": 'b'\n", "<<: {}\n", "--- a\n...\n---\n"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := yamldoc.Parse(data)
		var out []byte
		if err == nil {
			out, err = yamldoc.JSON(n)
		}
		var e *yamldoc.Error
		switch {
		case err == nil && !json.Valid(out):
			t.Fatalf("%q became %s", data, out)
		case err != nil && (!errors.As(err, &e) || e.Text == "" || e.Line < 0):
			t.Fatalf("%q: %v", data, err)
		}
	})
}
