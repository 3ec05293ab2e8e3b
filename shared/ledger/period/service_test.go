package period_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/settlement/settletest"
)

// agency is a tenant whose books say what a test wants; its periods are kept in tables in memory.
type agency struct {
	period.Service
	now      time.Time
	findings map[string][]period.Finding // by book
	due      []civil.Date
}

func open(t *testing.T) *agency {
	t.Helper()
	tables := dynamotest.OpenInMemory(t)
	a := &agency{now: civil.MustDate("2026-12-03").Start(), findings: map[string][]period.Finding{}}
	a.Service = period.Service{Store: &perioddb.Store{DB: tables.Client, Ledger: tables.Ledger, Settlements: tables.Settlements, NewToken: ids.NewSource(time.Now)},
		Books: a, Creators: settletest.NewDirectory(), Days: a, Evidence: a, Charts: a, Clock: clock.Clock{Now: func() time.Time { return a.now }}, NewID: ids.NewSource(time.Now)}
	return a
}

// Review is a book without entries, and what was found in it.
func (a *agency) Review(_ context.Context, _ ident.Tenant, _ ident.Entity, book string, _ civil.Month) (period.Book, error) {
	return period.Book{Findings: a.findings[book]}, nil
}

func (a *agency) ListDueDays(_ context.Context, _ ident.Tenant, before civil.Date) ([]civil.Date, error) {
	return slices.DeleteFunc(slices.Clone(a.due), func(d civil.Date) bool { return !d.Before(before) }), nil
}

func (a *agency) Head(context.Context, ident.Tenant) (audit.Head, error) {
	return audit.Head{Tree: audit.Tree{Count: 42}, Chain: audit.Hash{7}}, nil
}

func (a *agency) FindChart(context.Context, ident.Tenant, ident.Entity) (ledger.Chart, error) {
	return ledger.Chart{}, nil
}

const entity = settletest.Ordinary

func (a *agency) close(month string) (period.Period, error) {
	return a.Close(context.Background(), settletest.CallerWith(identity.Finance), entity, civil.MustMonth(month))
}

func (a *agency) seal(role identity.Role, month string) (period.Period, error) {
	return a.Seal(context.Background(), settletest.CallerWith(role), entity, civil.MustMonth(month))
}

func want(t *testing.T, what, reason string, err error) {
	t.Helper()
	if err == nil || fault.AsError(err).Reason != reason {
		t.Errorf("%s: %v, want %s", what, err, reason)
	}
}

func TestPeriodsAreClosedInOrderAndOnce(t *testing.T) {
	a := open(t)
	_, err := a.close("2026-12")
	want(t, "the month that is not over", "period_not_over", err)
	_, err = a.seal(identity.Approver, "2026-10")
	want(t, "a period that nobody closes", "not_closing", err)
	p, err := a.close("2026-10")
	if err != nil || p.State != period.Closing || !p.First || !p.Review.Complete || len(p.Review.FailedChecks()) > 0 {
		t.Fatalf("%+v %v", p, err)
	}
	_, err = a.close("2026-11")
	want(t, "the next one while one is closing", "period_order", err)
	_, err = a.close("2026-09")
	want(t, "one before the first", "period_sealed", err)
	_, err = a.seal(identity.Finance, "2026-10")
	want(t, "who began the closing", "preparer", err)
	_, err = a.seal(identity.Approver, "2026-10")
	want(t, "before every function knows of the closing", "settling", err)
	a.now = a.now.Add(ledger.Settling)
	if p, err = a.seal(identity.Approver, "2026-10"); err != nil || p.State != period.Sealed {
		t.Fatalf("%s %v", p.State, err)
	}
	again, err := a.seal(identity.Auditor, "2026-10")
	if err != nil || again.Seal.Hash != p.Seal.Hash || again.Revision != p.Revision {
		t.Errorf("sealed again: revision %d after %d, %v", again.Revision, p.Revision, err)
	}
	_, err = a.close("2026-10")
	want(t, "a sealed period", "period_sealed", err)
	a.now = civil.MustDate("2027-01-05").Start()
	_, err = a.close("2026-12")
	want(t, "a month left out", "period_order", err)
	if p, err = a.close("2026-11"); err != nil || p.First {
		t.Errorf("the next period: first %v, %v", p.First, err)
	}
}

// The hash covers what the seal fixes: another total, month, entity or end of the chain is another hash.
func TestTheSealCoversWhatItFixes(t *testing.T) {
	a := open(t)
	if _, err := a.close("2026-11"); err != nil {
		t.Fatal(err)
	}
	a.now = a.now.Add(ledger.Settling)
	p, err := a.seal(identity.Approver, "2026-11")
	if err != nil {
		t.Fatal(err)
	}
	if p.Seal.By != "approver@"+settletest.Tenant || p.Seal.AuditSeq != 42 || !strings.HasPrefix(p.Seal.Audit, "0700") {
		t.Errorf("%+v", p.Seal)
	}
	hash, err := period.SealHash(p, *p.Seal)
	if err != nil || hash != p.Seal.Hash || len(hash) != 64 {
		t.Fatalf("%s is not %s, %v", hash, p.Seal.Hash, err)
	}
	for name, change := range map[string]func(*period.Period, *period.Seal){
		"tenant": func(p *period.Period, _ *period.Seal) { p.Tenant = "else" },
		"entity": func(p *period.Period, _ *period.Seal) { p.Entity = "else" },
		"month":  func(p *period.Period, _ *period.Seal) { p.Month = civil.MustMonth("2026-10") },
		"balance": func(_ *period.Period, s *period.Seal) {
			s.Balance.Rows = append(slices.Clip(s.Balance.Rows), ledger.TrialRow{})
		},
		"records":  func(_ *period.Period, s *period.Seal) { s.AuditSeq++ },
		"evidence": func(_ *period.Period, s *period.Seal) { s.Audit = "08" + s.Audit[2:] },
	} {
		other, seal := p, *p.Seal
		change(&other, &seal)
		if got, err := period.SealHash(other, seal); err != nil || got == hash {
			t.Errorf("another %s has the same hash (%v)", name, err)
		}
	}
}

// What a check found is told with its book's words, and stops the seal unless it is for information only.
func TestWhatWasFoundStopsTheSeal(t *testing.T) {
	a := open(t)
	a.findings[settletest.Person] = []period.Finding{{Check: period.CheckBalances, Text: "one"}, {Check: period.CheckReceipts, Text: "open"}}
	for range 15 {
		a.findings[settletest.Worker] = append(a.findings[settletest.Worker], period.Finding{Check: period.CheckFigures, Text: "none"})
	}
	p, err := a.close("2026-11")
	if err != nil || strings.Join(p.Review.FailedChecks(), " ") != "balances figures" {
		t.Fatalf("failed: %v, %v", p.Review.FailedChecks(), err)
	}
	for _, c := range p.Review.Checks {
		if c.Name == period.CheckFigures && (c.Found != 15 || len(c.Details) != 10) {
			t.Errorf("%d found, %d of them told", c.Found, len(c.Details))
		}
		if c.Name == period.CheckReceipts && (c.Result != period.Information || c.Found != 1) {
			t.Errorf("information is %s", c.Result)
		}
	}
	a.now = a.now.Add(ledger.Settling)
	_, err = a.seal(identity.Approver, "2026-11")
	want(t, "failed checks", "checks_failed", err)
	clear(a.findings)
	a.due = []civil.Date{civil.MustDate("2026-11-30")}
	_, err = a.seal(identity.Approver, "2026-11")
	want(t, "a day that is not accrued", "checks_failed", err)
	a.due = []civil.Date{civil.MustDate("2026-12-01")}
	if p, err = a.seal(identity.Approver, "2026-11"); err != nil || p.State != period.Sealed {
		t.Errorf("a day of the next month stops the seal: %v", err)
	}
}

// Books that do not fit into one call are gone on with by the next.
func TestAReviewGoesOnWhereItStopped(t *testing.T) {
	a := open(t)
	for n := range 60 {
		a.Creators.(*settletest.Directory).AddCreator(ident.Creator("c-"+string(rune('a'+n/26))+string(rune('a'+n%26))), "natural_person", entity, "mcn_pays")
	}
	a.Budget = time.Nanosecond
	a.Clock.Now = func() time.Time {
		a.now = a.now.Add(time.Millisecond)
		return a.now
	}
	var seen []int
	for {
		p, err := a.close("2026-11")
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, p.Review.Books); p.Review.Complete {
			break
		}
		if len(seen) > 20 {
			t.Fatal("it never ends")
		}
	}
	if len(seen) < 3 || !slices.IsSorted(seen) || seen[len(seen)-1] != 64 { // 63 creators and the house
		t.Errorf("books after each call: %v", seen)
	}
}
