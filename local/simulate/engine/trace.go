package engine

import (
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"fenzhang/shared/civil"
)

// Trace tells what happened, line by line. It is written only where somebody reads it; its digest
// is always kept, so that two runs of one seed can be compared.
type Trace struct {
	out    io.Writer // nil: nobody reads it
	Digest uint64
	lines  int
	now    func() time.Time
}

func (t *Trace) Addf(kind, format string, args ...any) {
	t.lines++
	if t.out == nil {
		return
	}
	_, _ = fmt.Fprintf(t.out, "%s %-8s %s\n", t.now().In(civil.Shanghai).Format("01-02 15:04:05.000"),
		kind, fmt.Sprintf(format, args...))
}

// addWrite adds a write to the digest and, where somebody reads, to the text.
func (t *Trace) addWrite(by *Task, k dbCall, err error) {
	h := fnv.New64a()
	what := k.label()
	_, _ = fmt.Fprintf(h, "%d %d %s %s %s %v", t.Digest, t.now().UnixNano(), by.Name, k.op, what,
		err != nil)
	t.Digest = h.Sum64()
	if t.out != nil {
		outcome := "ok"
		if err != nil {
			outcome = err.Error()
		}
		t.Addf("write", "%s: %s %s: %.120s", by.Name, k.op, what, outcome)
	}
}
