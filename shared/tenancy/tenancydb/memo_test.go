package tenancydb

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestMemoryIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	m := newMemo(func() time.Time { return now })
	for n := range memoSize + 10 {
		m.put(fmt.Sprint(n), n, now)
		m.get("0") // in use all the time: stays
	}
	if len(m.kept) != memoSize || m.order.Len() != memoSize {
		t.Errorf("%d answers kept, %d in order", len(m.kept), m.order.Len())
	}
	if _, ok := m.get("0"); !ok {
		t.Error("the answer in use was forgotten")
	}
	if _, ok := m.get("1"); ok {
		t.Error("the answer that nobody used was kept")
	}
}

func TestRecall(t *testing.T) {
	now := time.Unix(0, 0)
	m := newMemo(func() time.Time { return now })
	loads := 0
	load := func(v int, err error) func() (int, error) {
		return func() (int, error) { loads++; return v, err }
	}
	positive := func(v int) bool { return v > 0 }
	for _, step := range []struct {
		name        string
		after       time.Duration
		load        int
		err         error
		want, loads int
	}{
		{"what is not worth keeping", 0, 0, nil, 0, 1},
		{"is loaded again", 0, 1, nil, 1, 2},
		{"and then kept", memoAge - time.Second, 2, nil, 1, 2},
		{"until it is too old", time.Second, 3, nil, 3, 3},
		{"an error is not kept", memoAge, 4, errors.New("away"), 4, 4},
		{"nor does it stay", 0, 5, nil, 5, 5},
	} {
		now = now.Add(step.after)
		got, err := recallOrLoad(m, "k", positive, load(step.load, step.err))
		if got != step.want || !errors.Is(err, step.err) || loads != step.loads {
			t.Errorf("%s: got %d, %v after %d loads", step.name, got, err, loads)
		}
	}
	if got, _ := recallOrLoad(m, "k", func(v int) bool { return v == 9 }, load(9, nil)); got != 9 || loads != 6 {
		t.Errorf("an answer in memory that does not do is used: %d", got)
	}
}
