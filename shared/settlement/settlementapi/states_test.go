package settlementapi_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fenzhang/local/checks/goldens"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

var update = flag.Bool("update", false, "write the table of states in testdata anew")

// lives brings settlements into each state, every one for a creator of its own.
type lives struct {
	*site
	n int
}

// open opens a settlement of 10,000.00, whose taxes are computed unless no quote is wanted.
func (l *lives) open(quoted bool) ident.Settlement {
	l.n++
	creator := fmt.Sprintf("c-%d", l.n)
	l.w.People.AddCreator(ident.Creator(creator), "natural_person", settletest.Ordinary, "mcn_pays")
	return l.opened(ident.Creator(creator), quoted)
}

func (l *lives) opened(creator ident.Creator, quoted bool) ident.Settlement {
	l.t.Helper()
	l.n++
	a, _, err := l.w.Settle(l.t.Context(), settletest.CallerWith(identity.Operator), fmt.Sprintf("key-%08d", l.n), settletest.SettleRequest(creator, fmt.Sprintf("live-%d", l.n), "10000.00"))
	if err == nil && quoted {
		err = l.w.Quote(l.t.Context(), settletest.Tenant, a.SettlementID)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return a.SettlementID
}

func (l *lives) load(id string) settlement.Settlement {
	l.t.Helper()
	s, err := l.w.Store.Load(l.t.Context(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// person is a caller who has prepared nothing: the subject is not the one that brings settlements into their states.
func person(role identity.Role) identity.Principal {
	p := settletest.CallerWith(role)
	p.Subject = string(role) + "-2@" + settletest.Tenant
	return p
}

// after lets the maker or the approver make acts one after the other.
func (l *lives) after(id string, acts ...func(settlement.Intent) (settlement.Settlement, error)) string {
	l.t.Helper()
	for _, act := range acts {
		by := settletest.CallerWith(identity.Finance, identity.Approver)
		if s := l.load(id); s.Status != settlement.PendingReview {
			by.Subject = "decider@" + settletest.Tenant
		}
		if _, err := act(settlement.Intent{By: by, ID: id, Version: l.load(id).StatusVersion, Reason: "tested"}); err != nil {
			l.t.Fatal(err)
		}
	}
	return id
}

func (l *lives) to(status settlement.Status) func(settlement.Intent) (settlement.Settlement, error) {
	return func(in settlement.Intent) (settlement.Settlement, error) {
		return l.w.Transition(l.t.Context(), in, status)
	}
}

func (l *lives) held(in settlement.Intent) (settlement.Settlement, error) {
	return l.w.PutOnHold(l.t.Context(), in, settlement.Hold{Reason: settlement.HoldManual, Owner: in.By.Subject})
}

func (l *lives) cancelled(in settlement.Intent) (settlement.Settlement, error) {
	return l.w.Cancel(l.t.Context(), in)
}

// heard is a settlement in PAYING of whose payout the system has said something.
func (l *lives) heard(states ...payout.State) string {
	l.t.Helper()
	id := l.after(string(l.open(true)), l.to(settlement.InReview), l.to(settlement.Approved))
	if err := l.w.Book(l.t.Context(), settletest.Tenant, ident.Settlement(id)); err != nil {
		l.t.Fatal(err)
	}
	for _, state := range states {
		if err := l.hear(id, state); err != nil {
			l.t.Fatal(err)
		}
	}
	return id
}

// hear is what the system does with a word about a payout.
func (l *lives) hear(id string, state payout.State) error {
	ctx := context.Background()
	p, err := l.w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil {
		return err
	}
	if state == payout.Sent {
		return l.w.Payables.MarkSent(ctx, p, l.w.Now())
	}
	return l.w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, At: l.w.Now()})
}

// netChanged is a settlement whose net has fallen since its approval, for others of its person were booked first.
func (l *lives) netChanged() string {
	l.t.Helper()
	id := l.after(string(l.open(true)), l.to(settlement.InReview), l.to(settlement.Approved))
	creator := l.load(id).CreatorID
	for range 3 { // what they are paid takes the next one into a higher rate
		first := l.after(string(l.opened(creator, true)), l.to(settlement.InReview), l.to(settlement.Approved))
		if err := l.w.Book(l.t.Context(), settletest.Tenant, ident.Settlement(first)); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := l.w.Book(l.t.Context(), settletest.Tenant, ident.Settlement(id)); err != nil {
		l.t.Fatal(err)
	}
	return id
}

// state is a state of a settlement and how one gets there; in want its status, its hold and its payout are named.
type state struct {
	want  string
	enter func(*lives) string
}

func states() []state {
	return []state{
		{"PENDING_REVIEW unquoted", func(l *lives) string { return string(l.open(false)) }},
		{"PENDING_REVIEW", func(l *lives) string { return string(l.open(true)) }},
		{"PENDING_REVIEW hold MANUAL", func(l *lives) string { return l.after(string(l.open(true)), l.held) }},
		{"IN_REVIEW unquoted", func(l *lives) string { return l.after(string(l.open(false)), l.to(settlement.InReview)) }},
		{"IN_REVIEW", func(l *lives) string { return l.after(string(l.open(true)), l.to(settlement.InReview)) }},
		{"IN_REVIEW hold MANUAL", func(l *lives) string { return l.after(string(l.open(true)), l.to(settlement.InReview), l.held) }},
		{"APPROVED", func(l *lives) string {
			return l.after(string(l.open(true)), l.to(settlement.InReview), l.to(settlement.Approved))
		}},
		{"APPROVED hold MANUAL", func(l *lives) string {
			return l.after(string(l.open(true)), l.to(settlement.InReview), l.to(settlement.Approved), l.held)
		}},
		{"APPROVED hold NET_CHANGED", (*lives).netChanged},
		{"PAYING payout CREATED", func(l *lives) string { return l.heard() }},
		{"PAYING hold MANUAL payout CREATED", func(l *lives) string { return l.after(l.heard(), l.held) }},
		{"PAYING payout SENT", func(l *lives) string { return l.heard(payout.Sent) }},
		{"PAYING payout UNKNOWN", func(l *lives) string { return l.heard(payout.Sent, payout.Unknown) }},
		{"PAYING payout ACCEPTED", func(l *lives) string { return l.heard(payout.Sent, payout.Accepted) }},
		{"PAID payout PAID", func(l *lives) string { return l.heard(payout.Sent, payout.Paid) }},
		{"PAID payout RETURNED", func(l *lives) string { return l.heard(payout.Sent, payout.Paid, payout.Returned) }},
		{"FAILED rejected", func(l *lives) string {
			return l.after(string(l.open(true)), l.to(settlement.InReview), l.to(settlement.Failed))
		}},
		{"FAILED cancelled", func(l *lives) string { return l.after(l.heard(), l.cancelled) }},
		{"FAILED payment_failed payout FAILED", func(l *lives) string { return l.heard(payout.Sent, payout.Failed) }},
	}
}

// name is a settlement's state as the table writes it.
func name(s settlement.Settlement) string {
	out := string(s.Status)
	if s.Quote == "" {
		out += " unquoted"
	}
	if s.ReasonClass != "" {
		out += " " + s.ReasonClass
	}
	if s.Hold != nil {
		out += " hold " + s.Hold.Reason
	}
	if s.Payout != nil {
		out += " payout " + string(s.Payout.State)
	}
	return out
}

// request is a person's act: the path below a settlement, and its body beside the version.
type request struct{ name, path, body string }

func requests(s settlement.Settlement) []request {
	var out []request
	for _, to := range settlement.Statuses() {
		out = append(out, request{"to " + string(to), "/transitions", fmt.Sprintf(`"to":%q,"reason":"tested"`, to)})
	}
	return append(out,
		request{"hold", "/hold", `"reason":"RISK"`},
		request{"release", "/release", `"reason":"tested"`},
		request{"confirm net", "/confirm-net", fmt.Sprintf(`"net":%q`, s.Net)},
		request{"cancel", "/cancel", `"reason":"tested"`},
		request{"reopen", "/reopen", `"reason":"tested"`},
		request{"invoice", "/invoice", fmt.Sprintf(`"number":"26332000000012345678","issued_on":"2026-09-02","amount":%q,"file_sha256":%q`, s.CreatorShare(), strings.Repeat("0a", 32))},
	)
}

// duties are the acts of the system.
func (l *lives) duties() []struct {
	name string
	do   func(id string) error
} {
	ctx, v := context.Background(), l.w.Advancer(nil, nil)
	type duty = struct {
		name string
		do   func(id string) error
	}
	out := []duty{
		{"quote", func(id string) error { return l.w.Quote(ctx, settletest.Tenant, ident.Settlement(id)) }},
		{"book", func(id string) error { return l.w.Book(ctx, settletest.Tenant, ident.Settlement(id)) }},
		{"rebook", func(id string) error { return l.w.Rebook(ctx, settletest.Tenant, ident.Settlement(id)) }},
		{"advance", func(id string) error {
			return v.RunTask(ctx, settlement.Task{Tenant: settletest.Tenant, SettlementID: ident.Settlement(id), Op: settlement.OpAdvance})
		}},
	}
	for _, state := range []payout.State{payout.Sent, payout.Unknown, payout.Accepted, payout.WaitingPayee, payout.Paid, payout.Failed, payout.Cancelled, payout.Returned} {
		out = append(out, duty{"payout " + string(state), func(id string) error { return l.hear(id, state) }})
	}
	return out
}

// edges are the only moves that promise P4 allows. They are written here once more, so that no list that is written
// anew can allow another.
var edges = []string{"PENDING_REVIEW IN_REVIEW", "IN_REVIEW APPROVED", "IN_REVIEW FAILED", "APPROVED PAYING", "PAYING PAID", "PAYING FAILED"}

// checkMoved holds what an act did against the promise: only allowed edges, and nothing at all where it was refused.
func (l *lives) checkMoved(was settlement.Settlement, what string, refused bool) settlement.Settlement {
	l.t.Helper()
	now := l.load(was.ID)
	if refused && now.Revision != was.Revision {
		l.t.Errorf("%s in %s was refused and has written revision %d", what, name(was), now.Revision)
	}
	at := settlement.PendingReview
	for _, m := range now.History {
		if !slices.Contains(edges, string(at)+" "+string(m.To)) {
			l.t.Errorf("%s in %s: moved from %s to %s", what, name(was), at, m.To)
		}
		at = m.To
	}
	if at != now.Status || now.StatusVersion != len(now.History)+1 {
		l.t.Errorf("%s in %s: %s version %d after moves to %s", what, name(was), now.Status, now.StatusVersion, at)
	}
	return now
}

// TestEveryActInEveryState tries every act in every state as every role, through the routes and the system's own ways,
// and holds what comes of it against the table.
func TestEveryActInEveryState(t *testing.T) {
	l := &lives{site: over(t, settletest.OpenIn(t, dynamotest.OpenInMemory(t)))}
	var lines []string
	for _, st := range states() {
		id := ""
		fresh := func() settlement.Settlement {
			if id == "" {
				id = st.enter(l)
			}
			return l.load(id)
		}
		if got := name(fresh()); got != st.want {
			t.Fatalf("brought to %s, want %s", got, st.want)
		}
		for i := range requests(fresh()) {
			var results []string
			roles := map[string][]string{}
			for _, role := range identity.AllRoles() {
				was := fresh()
				r := requests(was)[i]
				result, refused := l.ask(role, was, r)
				if now := l.checkMoved(was, r.name, refused); !refused {
					result = name(now)
					id = ""
				}
				if roles[result] == nil {
					results = append(results, result)
				}
				roles[result] = append(roles[result], string(role))
			}
			for _, result := range results {
				lines = append(lines, fmt.Sprintf("%s | %s | %s | %s", st.want, requests(fresh())[i].name, result, strings.Join(roles[result], " ")))
			}
		}
		for _, duty := range l.duties() {
			was := fresh()
			err := duty.do(was.ID)
			now := l.checkMoved(was, duty.name, err != nil)
			result := name(now)
			switch {
			case err != nil:
				result = refusal(fault.AsError(err))
			case now.Revision == was.Revision:
				result = "-"
			}
			lines = append(lines, fmt.Sprintf("%s | %s | %s | system", st.want, duty.name, result))
			if now.Revision != was.Revision {
				id = ""
			}
		}
	}
	goldens.Compare(t, "testdata/states.txt", lines, *update)
}

func refusal(e *fault.Error) string { return fmt.Sprintf("%d %s", e.Code, e.Reason) }

// ask sends a person's act.
func (l *lives) ask(role identity.Role, was settlement.Settlement, r request) (result string, refused bool) {
	p := person(role)
	c := caller{settletest.Tenant, p.Subject, string(role), was.CreatorID}
	status, v := l.post(c, "/v1/settlements/"+was.ID+r.path, fmt.Sprintf(`{"status_version":%d,%s}`, was.StatusVersion, r.body))
	if status == 200 {
		return "", false
	}
	code, _ := v["code"].(float64)
	return fmt.Sprintf("%d %s", int(code), v["reason"]), true
}
