package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// unknown is the outcome of a call that may or may not have had its effect.
const unknown = "unknown"

// otherContent is the refusal of what is known with another content. Which of key and payable the refusal names is not
// compared: they are read one after the other, and a call may hear of the payable that its own key is just opening.
const otherContent = "other content"

// settling is a settle call for the one payable of a history.
type settling struct{ key, content int }

// payable is what a sequence of settle calls has made: the content that was opened (0 for none), and what each key
// was used with.
type payable struct {
	content int
	keys    [3]int
}

// settle is the sequential model: cases 1 to 6 of the contract.
func (p payable) settle(in settling) (string, payable) {
	switch used := p.keys[in.key]; {
	case used != 0 && used != in.content:
		return otherContent, p
	case used != 0:
		return "duplicate_request", p
	case p.content != 0 && p.content != in.content:
		return otherContent, p
	case p.content != 0:
		p.keys[in.key] = in.content
		return "existing", p
	}
	p.content, p.keys[in.key] = in.content, in.content
	return "opened", p
}

func settleModel() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{payable{}} },
		Step: func(state, in, out any) []any {
			p := state.(payable)
			word, after := p.settle(in.(settling))
			switch out {
			case unknown:
				return []any{p, after}
			case word:
				return []any{after}
			}
			return nil
		},
	}
	return nondeterministic.ToModel()
}

// move is a transition with the version that its caller has seen.
type move struct {
	version int
	to      settlement.Status
}

// place is where a settlement stands.
type place struct {
	version int
	status  settlement.Status
}

// after is the sequential model of a move; ok is false when it must be refused.
func (p place) after(m move) (place, bool) {
	allowed := p.status == settlement.PendingReview && m.to == settlement.InReview ||
		p.status == settlement.InReview && (m.to == settlement.Approved || m.to == settlement.Failed)
	if m.version != p.version || !allowed {
		return p, false
	}
	return place{p.version + 1, m.to}, true
}

func moveModel() porcupine.Model {
	nondeterministic := porcupine.NondeterministicModel{
		Init: func() []any { return []any{place{1, settlement.PendingReview}} },
		Step: func(state, in, out any) []any {
			p := state.(place)
			if seen, isRead := out.(place); isRead {
				if seen == p {
					return []any{p}
				}
				return nil
			}
			next, ok := p.after(in.(move))
			switch {
			case out == unknown:
				return []any{p, next}
			case ok == (out == "moved"):
				return []any{next}
			}
			return nil
		},
	}
	return nondeterministic.ToModel()
}

// history collects what clients did and when.
type history struct {
	mu    sync.Mutex
	began time.Time
	ops   []porcupine.Operation
}

// do runs one call of a client and notes it.
func (h *history) do(client int, in any, call func() any) {
	from := time.Since(h.began).Nanoseconds()
	out := call()
	to := time.Since(h.began).Nanoseconds()
	if out == unknown { // it may have its effect at any later time
		to = int64(time.Hour)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: from, Output: out, Return: to})
}

const (
	clients = 6
	calls   = 4
)

// together lets clients call at the same time.
func together(call func(h *history, client int, chance *rand.Rand)) []porcupine.Operation {
	h := &history{began: time.Now()}
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(client), 7)) // what is called is fixed; when it arrives is not
			for range calls {
				call(h, client, chance)
			}
		})
	}
	wg.Wait()
	return h.ops
}

// word is the outcome of a refused call.
func word(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code == fault.Unavailable {
		return unknown
	}
	if f.Code == fault.OtherContent {
		return otherContent
	}
	return f.Reason
}

func settles(w *settletest.World, activity string) []porcupine.Operation {
	return together(func(h *history, client int, chance *rand.Rand) {
		in := settling{key: chance.IntN(3), content: 1 + chance.IntN(2)}
		h.do(client, in, func() any {
			_, how, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), fmt.Sprintf("key-%s-%d", activity, in.key),
				settletest.SettleRequest(settletest.Person, activity, fmt.Sprintf("%d.00", 1000*in.content)))
			switch {
			case err != nil:
				return word(err)
			case how == settlement.Existing:
				return "existing"
			}
			return "opened"
		})
	})
}

func moves(t *testing.T, w *settletest.World, activity string) []porcupine.Operation {
	t.Helper()
	ctx := context.Background()
	a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "key-of-"+activity, settletest.SettleRequest(settletest.Person, activity, "1000.00"))
	if err == nil {
		err = w.Quote(ctx, settletest.Tenant, a.SettlementID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return together(func(h *history, client int, chance *rand.Rand) {
		if chance.IntN(4) == 0 {
			h.do(client, nil, func() any {
				s, err := w.Store.Load(ctx, settletest.Tenant, a.SettlementID)
				if err != nil {
					return unknown
				}
				return place{s.StatusVersion, s.Status}
			})
			return
		}
		in := move{1 + chance.IntN(3), []settlement.Status{settlement.InReview, settlement.Approved, settlement.Failed}[chance.IntN(3)]}
		h.do(client, in, func() any {
			by := settletest.CallerWith(identity.Approver)
			if in.to == settlement.InReview {
				by = settletest.CallerWith(identity.Finance)
			}
			_, err := w.Transition(ctx, settlement.Intent{By: by, ID: string(a.SettlementID), Version: in.version, Reason: "test"}, in.to)
			switch {
			case err == nil:
				return "moved"
			case word(err) == unknown:
				return unknown
			}
			return "refused"
		})
	})
}

// limit bounds the search of one history.
const limit = 5 * time.Minute

func linearizable(model porcupine.Model, ops []porcupine.Operation) bool {
	kept := ops[:0:0]
	for _, op := range ops {
		if op.Input != nil || op.Output != unknown { // a read without an answer says nothing
			kept = append(kept, op)
		}
	}
	return porcupine.CheckOperationsTimeout(model, kept, limit) == porcupine.Ok
}

func TestSettleCallsAreLinearizable(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		w := settletest.OpenIn(t, l)
		for round := range 5 {
			if ops := settles(w, fmt.Sprint("live-", round)); !linearizable(settleModel(), ops) {
				t.Fatalf("no order of these calls explains their answers: %+v", ops)
			}
		}
	})
}

func TestMovesAreLinearizable(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		w := settletest.OpenIn(t, l)
		for round := range 5 {
			if ops := moves(t, w, fmt.Sprint("live-", round)); !linearizable(moveModel(), ops) {
				t.Fatalf("no order of these moves explains their answers: %+v", ops)
			}
		}
	})
}

// careless is a store that forgets the conditions of its writes.
type careless struct{ dynamo.API }

func (c careless) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	without := *in
	without.ConditionExpression, without.ExpressionAttributeNames, without.ExpressionAttributeValues = nil, nil, nil
	return c.API.PutItem(ctx, &without, o...)
}

func (c careless) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	without := *in
	without.TransactItems = append(without.TransactItems[:0:0], in.TransactItems...)
	for i, part := range without.TransactItems {
		if part.Put != nil {
			put := *part.Put
			put.ConditionExpression, put.ExpressionAttributeNames, put.ExpressionAttributeValues = nil, nil, nil
			without.TransactItems[i].Put = &put
		}
	}
	return c.API.TransactWriteItems(ctx, &without, o...)
}

// A store that forgets conditions is found: the checker can fail.
func TestACarelessStoreIsFound(t *testing.T) {
	l := dynamotest.OpenInMemory(t)
	l.Memory.Before = func(_ context.Context, op memdb.Op) error {
		if op.Write {
			time.Sleep(time.Millisecond) // others read what this write is about to change
		}
		return nil
	}
	l.Client = careless{l.Client}
	w := settletest.OpenIn(t, l)
	found := map[string]bool{}
	for round := range 20 {
		found["settle"] = found["settle"] || !linearizable(settleModel(), settles(w, fmt.Sprint("live-", round)))
		found["move"] = found["move"] || !linearizable(moveModel(), moves(t, w, fmt.Sprint("show-", round)))
		if found["settle"] && found["move"] {
			return
		}
	}
	t.Errorf("found only %v", found)
}
