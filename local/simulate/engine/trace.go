package engine

import (
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"fenzhang/shared/civil"
)

// Trace writes what happens in a run, one line for each event. The lines are written only when
// there is a writer; the digest of all database writes is always computed, so that two runs of one
// seed can be compared.
type Trace struct {
	out    io.Writer // nil: no lines are written
	Digest uint64
	lines  int
	now    func() time.Time
}

// Printf writes one line with the simulated time.
func (t *Trace) Printf(kind, format string, args ...any) {
	t.lines++
	if t.out == nil {
		return
	}
	_, _ = fmt.Fprintf(t.out, "%s %-8s %s\n", t.now().In(civil.Shanghai).Format("01-02 15:04:05.000"),
		kind, fmt.Sprintf(format, args...))
}

// addWrite adds a database write to the digest, and writes a line about it when there is a writer.
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
		t.Printf("write", "%s: %s %s: %.120s", by.Name, k.op, what, outcome)
	}
}
