package audit_test

import (
	"bytes"
	"strings"
	"testing"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/audittest"
)

// TestOnlyWhatContinuesTheChainFollows: an object under the next number is adopted only when each of its lines goes on
// where the one before has ended, whatever else is right with it.
func TestOnlyWhatContinuesTheChainFollows(t *testing.T) {
	head := audit.Head{Tenant: "demo"}
	first, head, err := head.SealBatch(entries(t, "demo", 0, 2))
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := head.SealBatch(entries(t, "demo", 2, 5))
	if err != nil {
		t.Fatal(err)
	}
	body := second.Body()
	if again, _, err := head.ParseNextBatch(body); err != nil || !bytes.Equal(again.Body(), body) || again.Number != 2 {
		t.Fatalf("what was sealed does not follow: %v", err)
	}
	foreign, _, err := audit.Head{Tenant: "demo"}.SealBatch(entries(t, "demo", 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	at := func(n int) string { return second.Lines[n].Prev.String() }
	start := foreign.Lines[0].Prev.String()
	for name, changed := range map[string]string{
		"another chain before the first line": strings.Replace(string(body), at(0), start, 1),
		"another chain between the lines":     strings.Replace(string(body), at(1), at(2), 1),
		"the chain of the first everywhere":   strings.NewReplacer(at(1), at(0), at(2), at(0)).Replace(string(body)),
		"a number left out":                   strings.Replace(string(body), `{"seq":3,`, `{"seq":4,`, 1),
		"a number that does not go on":        strings.Replace(string(body), `{"seq":2,`, `{"seq":1,`, 1),
		"another tenant's record":             strings.Replace(string(body), `"tenant":"demo"`, `"tenant":"else"`, 1),
		"a line left out":                     strings.Join(strings.SplitAfter(string(body), "\n")[1:], ""),
		"the batch before":                    string(first.Body()),
		"another record in the first place":   string(bytes.Join([][]byte{foreignLine(t), second.Lines[1].Bytes, second.Lines[2].Bytes, nil}, []byte("\n"))),
		"no line":                             "",
		"half a line":                         string(body[:len(body)-1]),
	} {
		if changed == string(body) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, _, err := head.ParseNextBatch([]byte(changed)); err == nil {
			t.Errorf("%s: it was taken as the next batch", name)
		}
	}
}

// foreignLine is the third line of another chain of the same tenant: number and form are right.
func foreignLine(t *testing.T) []byte {
	t.Helper()
	var other []audit.Entry
	for _, id := range []string{"x", "y", "z"} {
		other = append(other, audittest.Entry(t, "demo", id))
	}
	b, _, err := audit.Head{Tenant: "demo"}.SealBatch(other)
	if err != nil {
		t.Fatal(err)
	}
	return b.Lines[2].Bytes
}
