package payout_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/payout"
)

var (
	kept  = []payout.State{payout.Created, payout.Sent, payout.Unknown, payout.Accepted, payout.WaitingPayee, payout.Paid, payout.Failed, payout.Cancelled, payout.Returned}
	heard = []payout.State{payout.Unknown, payout.NotFound, payout.Accepted, payout.WaitingPayee, payout.Paid, payout.Failed, payout.Cancelled, payout.Returned}
)

func TestPath(t *testing.T) {
	type s = payout.State
	cases := []struct {
		now, heard s
		want       []s
		contra     bool
	}{
		{payout.Sent, payout.Accepted, []s{payout.Accepted}, false},
		{payout.Sent, payout.Paid, []s{payout.Paid}, false},
		{payout.Sent, payout.Unknown, []s{payout.Unknown}, false},
		{payout.Sent, payout.NotFound, nil, false},
		{payout.Unknown, payout.Unknown, nil, false},
		{payout.Unknown, payout.Failed, []s{payout.Failed}, false},
		{payout.Unknown, payout.Returned, []s{payout.Paid, payout.Returned}, false},
		{payout.Accepted, payout.Unknown, nil, false},
		{payout.Accepted, payout.Accepted, nil, false},
		{payout.WaitingPayee, payout.Accepted, nil, false},
		{payout.WaitingPayee, payout.Cancelled, []s{payout.Cancelled}, false},
		{payout.Paid, payout.Accepted, nil, false},
		{payout.Paid, payout.Paid, nil, false},
		{payout.Paid, payout.Returned, []s{payout.Returned}, false},
		{payout.Returned, payout.Paid, nil, false},
		{payout.Failed, payout.Cancelled, nil, false},
		{payout.Failed, payout.Accepted, nil, false},
		{payout.Paid, payout.Failed, nil, true},
		{payout.Failed, payout.Paid, nil, true},
		{payout.Cancelled, payout.Returned, nil, true},
		{payout.Created, payout.Accepted, nil, true},
		{payout.Created, payout.Unknown, nil, true},
		{payout.Sent, "NONSENSE", nil, true},
		{"NONSENSE", payout.Paid, nil, true},
		{payout.Sent, payout.Created, nil, true},
	}
	for _, c := range cases {
		got, err := payout.Transitions(c.now, c.heard)
		if !slices.Equal(got, c.want) || errors.Is(err, payout.ErrContradiction) != c.contra || (err != nil) != c.contra {
			t.Errorf("Path(%s, %s) = %v, %v; want %v, contradiction %v", c.now, c.heard, got, err, c.want, c.contra)
		}
	}
}

// Whatever is heard in whatever order: a payout never leaves a final state except from PAID to RETURNED, never
// goes back, and hearing the same again changes nothing.
func TestPathOnlyGoesForward(t *testing.T) {
	rank := map[payout.State]int{payout.Created: 0, payout.Sent: 1, payout.Unknown: 2, payout.Accepted: 3, payout.WaitingPayee: 4, payout.Paid: 5, payout.Failed: 5, payout.Cancelled: 5, payout.Returned: 6}
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.SampledFrom(kept).Draw(t, "now")
		for _, word := range rapid.SliceOfN(rapid.SampledFrom(heard), 1, 12).Draw(t, "words") {
			steps, err := payout.Transitions(now, word)
			if err != nil && len(steps) > 0 {
				t.Fatalf("%s hears %s: both steps and an error", now, word)
			}
			for _, step := range steps {
				if rank[step] <= rank[now] || (now.IsFinal() && (now != payout.Paid || step != payout.Returned)) {
					t.Fatalf("%s -> %s on hearing %s", now, step, word)
				}
				now = step
			}
			if again, err2 := payout.Transitions(now, word); len(again) > 0 || (err == nil && err2 != nil) {
				t.Fatalf("%s hears %s twice: %v, %v", now, word, again, err2)
			}
		}
	})
}

// Which words a payout hears in which order does not change where it ends, once the gateway's last word is
// among them.
func TestLastWordDecides(t *testing.T) {
	ends := map[payout.State][]payout.State{
		payout.Paid:     {payout.Accepted, payout.WaitingPayee, payout.Unknown, payout.NotFound, payout.Paid},
		payout.Failed:   {payout.Accepted, payout.WaitingPayee, payout.Unknown, payout.NotFound, payout.Failed},
		payout.Returned: {payout.Accepted, payout.Unknown, payout.Paid, payout.Returned},
	}
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]payout.State{payout.Paid, payout.Failed, payout.Returned}).Draw(t, "end")
		now := payout.Sent
		for _, word := range rapid.Permutation(ends[end]).Draw(t, "order") {
			steps, err := payout.Transitions(now, word)
			if err != nil {
				t.Fatal(err)
			}
			if len(steps) > 0 {
				now = steps[len(steps)-1]
			}
		}
		if now != end {
			t.Fatalf("ends %s, gateway said %s", now, end)
		}
	})
}
