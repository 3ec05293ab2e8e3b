package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"fenzhang/shared/civil"
)

// trace tells what happened, line by line. It is written only where somebody reads it; its digest
// is always kept, so that two runs of one seed can be compared.
type trace struct {
	out    io.Writer // nil: nobody reads it
	digest uint64
	lines  int
	now    func() time.Time
}

func (t *trace) add(kind, format string, args ...any) {
	t.lines++
	if t.out == nil {
		return
	}
	_, _ = fmt.Fprintf(t.out, "%s %-8s %s\n", t.now().In(civil.Shanghai).Format("01-02 15:04:05.000"),
		kind, fmt.Sprintf(format, args...))
}

// op adds a write to the digest and, where somebody reads, to the text.
func (t *trace) op(by *task, k call, err error) {
	h := fnv.New64a()
	what := k.what()
	_, _ = fmt.Fprintf(h, "%d %d %s %s %s %v", t.digest, t.now().UnixNano(), by.name, k.op, what,
		err != nil)
	t.digest = h.Sum64()
	if t.out != nil {
		outcome := "ok"
		if err != nil {
			outcome = err.Error()
		}
		t.add("write", "%s: %s %s: %.120s", by.name, k.op, what, outcome)
	}
}
