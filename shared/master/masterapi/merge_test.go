package masterapi

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/master"
)

// passport is the person of taxpayer with another paper.
func passport() object {
	return changed(taxpayer(), "taxpayer_id", "t2", "name", "Yang Li", "id_type", "208", "id_number", "E12345678")
}

// twice is a world in which one person is recorded as two taxpayers, each with a creator.
func twice(t *testing.T, local dynamotest.Tables) *world {
	t.Helper()
	w := openIn(t, local)
	w.want(w.admin("POST", "/v1/paying-entities", entity()), 201, 0)
	w.want(w.admin("POST", "/v1/taxpayers", taxpayer()), 201, 0)
	w.want(w.admin("POST", "/v1/taxpayers", passport()), 201, 0)
	w.want(w.admin("POST", "/v1/creators", creator()), 201, 0)
	w.want(w.admin("POST", "/v1/creators", changed(creator(), "creator_id", "c2", "taxpayer_id", "t2")), 201, 0)
	return w
}

func ask(pairs ...any) object {
	return changed(object{"into": "t1", "reason": "the same person on both papers", "version": 1}, pairs...)
}

func (w *world) approveMerge(role, id string) answer {
	w.t.Helper()
	return w.call("demo", role, "POST", "/v1/taxpayers/"+id+"/merge/approve", nil)
}

func TestTwoRecordsOfOnePersonAreMerged(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, local dynamotest.Tables) {
		w := twice(t, local)
		asked := w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
		if again := w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0); again.raw != asked.raw || again.header["Idempotency-Replayed"] != "true" {
			t.Errorf("the same request again: %s", again.raw)
		}
		w.want(w.approveMerge("admin", "t2"), 403, 1003)
		done := w.want(w.approveMerge("approver", "t2"), 200, 0)
		if done.body["merged_into"] != "t1" || done.body["id_number"] != "E*******8" {
			t.Errorf("%s", done.raw)
		}
		if again := w.want(w.approveMerge("approver", "t2"), 200, 0); again.raw != done.raw {
			t.Errorf("the same yes again: %s", again.raw)
		}
		if again := w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0); again.raw != done.raw {
			t.Errorf("the same request after all: %s", again.raw)
		}
		if got := w.want(w.admin("GET", "/v1/taxpayers/t2", nil), 200, 0); got.raw != done.raw {
			t.Errorf("read: %s", got.raw)
		}
		if got := w.want(w.admin("GET", "/v1/taxpayers/t1", nil), 200, 0); !slices.Equal(got.body["merged"].([]any), []any{"t2"}) {
			t.Errorf("the survivor: %s", got.raw)
		}
		if n := len(w.records("taxpayer.merged")); n != 1 {
			t.Errorf("%d audit records", n)
		}
		if r := w.records("taxpayer.merged")[0]; r.Why == "" || r.Actor != "approver@demo" || r.TaxID != "t2" {
			t.Errorf("%+v", r)
		}
		w.want(w.admin("PUT", "/v1/taxpayers/t2", object{"version": 3, "phone": "13900139000"}), 409, 3001)
		w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask("reason", "once more", "version", 3)), 409, 3001)
	})
}

func TestCreatorsOfAMergedTaxpayerAreTheSurvivors(t *testing.T) {
	ctx := context.Background()
	w := twice(t, dynamotest.OpenInMemory(t))
	w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
	w.want(w.approveMerge("approver", "t2"), 200, 0)
	person := changed(passport(), "taxpayer_id", nil, "profiles", nil)
	for id, body := range map[string]object{
		"c3": changed(creator(), "creator_id", "c3", "taxpayer_id", nil, "taxpayer", person),
		"c4": changed(creator(), "creator_id", "c4", "taxpayer_id", "t2"),
		"c5": changed(creator(), "creator_id", "c5", "taxpayer_id", nil, "taxpayer", changed(taxpayer(), "taxpayer_id", nil)),
	} {
		if got := w.want(w.admin("POST", "/v1/creators", body), 201, 0); got.body["taxpayer_id"] != "t1" {
			t.Errorf("%s is %v's", id, got.body["taxpayer_id"])
		}
	}
	fresh := openIn(t, w.local).Store // with nothing in memory
	if c, err := fresh.Creator(ctx, "demo", "c2"); err != nil || c.TaxpayerID != "t1" {
		t.Errorf("%s, %v", c.TaxpayerID, err)
	}
	page, _, err := fresh.Creators(ctx, "demo", "", 100)
	if err != nil || len(page) != 5 {
		t.Fatal(page, err)
	}
	for _, c := range page {
		if c.TaxpayerID != "t1" {
			t.Errorf("%s is listed as %s's", c.CreatorID, c.TaxpayerID)
		}
	}
	for id, want := range map[string]string{"c1": "t1", "c2": "t2", "c3": "t1"} {
		if got, err := fresh.SealingTaxpayer(ctx, "demo", ident.Creator(id)); err != nil || got != ident.Taxpayer(want) {
			t.Errorf("%s is sealed under %s, %v", id, got, err)
		}
	}
	w.want(w.admin("PUT", "/v1/creators/c2", object{"version": 1, "nickname": "x", "payout": payout()}), 200, 0) // still under its own key
	if got, err := fresh.SealingTaxpayer(ctx, "demo", "c2"); err != nil || got != "t2" {
		t.Errorf("changed, it is sealed under %s, %v", got, err)
	}
}

func TestWhatIsNotMerged(t *testing.T) {
	w := twice(t, dynamotest.OpenInMemory(t))
	w.want(w.admin("POST", "/v1/taxpayers", changed(taxpayer(), "taxpayer_id", "t3", "id_number", "440524188001010014",
		"profiles", []object{changed(profile(), "resident", false, "collection", "books")})), 201, 0)
	w.want(w.admin("POST", "/v1/taxpayers", changed(passport(), "taxpayer_id", "t4", "id_number", "E87654321")), 201, 0)
	for name, c := range map[string]struct {
		id     string
		body   object
		fields []string
	}{
		"itself":             {"t1", ask(), []string{"into"}},
		"nobody":             {"t2", ask("into", "t9"), []string{"into"}},
		"everything at once": {"t2", object{}, []string{"into", "reason", "version"}},
		"contradictions":     {"t3", ask(), []string{"id_type", "profiles.resident", "profiles.collection"}},
	} {
		a := w.want(w.admin("POST", "/v1/taxpayers/"+c.id+"/merge", c.body), 400, 2001)
		for _, f := range c.fields {
			if a.fields()[f] == "" {
				t.Errorf("%s: %s is not told: %s", name, f, a.raw)
			}
		}
	}
	w.want(w.admin("POST", "/v1/taxpayers/t9/merge", ask()), 404, 3003)
	w.want(w.call("other", "admin", "POST", "/v1/taxpayers/t2/merge", ask()), 404, 3003)
	w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask("version", 2)), 409, 3002)
	w.want(w.approveMerge("approver", "t2"), 409, 3001)
	w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
	w.want(w.admin("POST", "/v1/taxpayers/t1/merge", ask("into", "t2")), 200, 0) // the other way round, both wait
	w.want(w.approveMerge("approver", "t2"), 200, 0)
	w.want(w.approveMerge("approver", "t1"), 409, 3001)
	w.want(w.admin("POST", "/v1/taxpayers/t4/merge", ask("into", "t2")), 409, 3001)
	w.want(w.admin("POST", "/v1/taxpayers/t1/merge", ask("into", "t4", "version", 3)), 409, 3001)
	w.want(w.admin("POST", "/v1/taxpayers/t4/merge", ask()), 200, 0)
	w.want(w.approveMerge("approver", "t4"), 200, 0)
}

// One step leads from a record to the one that goes on. Who has taken in others goes into nobody: neither into a third
// one, nor into one that has taken in others too, whichever way round; and nothing is written.
func TestNoMergeLeadsOverTwoSteps(t *testing.T) {
	w := twice(t, dynamotest.OpenInMemory(t))
	for id, number := range map[string]string{"t5": "E87654321", "t6": "E87654322", "t7": "E87654323"} {
		w.want(w.admin("POST", "/v1/taxpayers", changed(passport(), "taxpayer_id", id, "id_number", number)), 201, 0)
	}
	for from, into := range map[string]string{"t2": "t1", "t6": "t5"} {
		w.want(w.admin("POST", "/v1/taxpayers/"+from+"/merge", ask("into", into)), 200, 0)
		w.want(w.approveMerge("approver", from), 200, 0)
	}
	for _, c := range [][2]string{{"t1", "t7"}, {"t1", "t5"}, {"t5", "t1"}} {
		before := w.want(w.admin("GET", "/v1/taxpayers/"+c[0], nil), 200, 0).raw
		a := w.want(w.admin("POST", "/v1/taxpayers/"+c[0]+"/merge", ask("into", c[1], "version", 2)), 409, 3001)
		if a.body["reason"] != "has_merged" || !strings.Contains(a.raw, "instead") {
			t.Errorf("%v: %s", c, a.raw)
		}
		if now := w.want(w.admin("GET", "/v1/taxpayers/"+c[0], nil), 200, 0).raw; now != before {
			t.Errorf("%v: %s became %s", c, before, now)
		}
	}
	w.want(w.admin("POST", "/v1/taxpayers/t7/merge", ask()), 200, 0) // the other one into this one
	w.want(w.approveMerge("approver", "t7"), 200, 0)
}

func TestAMergeIsApprovedOnceByRacingPeople(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, local dynamotest.Tables) {
		w := twice(t, local)
		w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
		var work sync.WaitGroup
		for range 6 {
			work.Go(func() {
				if a := w.approveMerge("approver", "t2"); a.status != 200 {
					t.Errorf("%d %s", a.status, a.raw)
				}
			})
		}
		work.Wait()
		if n := len(w.records("taxpayer.merged")); n != 1 {
			t.Errorf("%d audit records", n)
		}
	})
}

// The account of a person of two records may be held by the name of either.
func TestTheHolderOfAnAccountMayHaveTheMergedName(t *testing.T) {
	w := twice(t, dynamotest.OpenInMemory(t))
	holders := map[string]string{"c3": "样例人", "c4": "Yang Li", "c5": "别人"}
	for id, holder := range holders {
		w.want(w.admin("POST", "/v1/creators", changed(creator(), "creator_id", id, "taxpayer_id", "t2", "payout", changed(payout(), "holder", holder))), 201, 0)
	}
	w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
	w.want(w.approveMerge("approver", "t2"), 200, 0)
	for id, holder := range holders {
		if same, known, err := w.Store.HolderIsTaxpayer(context.Background(), "demo", ident.Creator(id), "t1"); err != nil || !known || same == (holder == "别人") {
			t.Errorf("%s holds the account: %t, %t, %v", holder, same, known, err)
		}
	}
}

// stopping fails once, as a process that is killed between the steps.
type stopping struct {
	master.MergeFollowUp
	calls int
}

func (s *stopping) ApplyMerge(ctx context.Context, tenant ident.Tenant, from, into, by string) error {
	if s.calls++; s.calls == 1 {
		return fault.Temporary(context.DeadlineExceeded)
	}
	return s.MergeFollowUp.ApplyMerge(ctx, tenant, from, into, by)
}

func TestAnApprovalThatStoppedHalfwayIsFinishedByCallingAgain(t *testing.T) {
	w := twice(t, dynamotest.OpenInMemory(t))
	w.want(w.admin("POST", "/v1/taxpayers/t2/merge", ask()), 200, 0)
	s := &stopping{MergeFollowUp: w.Service.MergeFollowUp}
	w.Service.MergeFollowUp = s
	w.want(w.approveMerge("approver", "t2"), 503, 5003)
	w.want(w.approveMerge("approver", "t2"), 200, 0)
	if s.calls != 2 || len(w.records("taxpayer.merged")) != 1 {
		t.Errorf("%d calls, %d records", s.calls, len(w.records("taxpayer.merged")))
	}
}

func TestRolesOfMerging(t *testing.T) {
	w := twice(t, dynamotest.OpenInMemory(t))
	for _, role := range identity.AllRoles() {
		asks := w.call("demo", string(role), "POST", "/v1/taxpayers/nobody/merge", ask())
		if want := role == identity.Admin; (asks.code() != 1003) != want {
			t.Errorf("%s asks: %s", role, asks.raw)
		}
		says := w.approveMerge(string(role), "nobody")
		if want := role == identity.Admin || role == identity.Approver; (says.code() != 1003) != want {
			t.Errorf("%s approves: %s", role, says.raw)
		}
	}
}
