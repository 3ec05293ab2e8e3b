package statementdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/statement/statementdb"
)

// shelf keeps the names of documents, which are all blank.
type shelf struct {
	mu    sync.Mutex
	names []string
}

func (s *shelf) HasFile(_ context.Context, name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.names, name), nil
}

func (s *shelf) PutFile(_ context.Context, name string, _ statement.Format, _ []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
	return nil
}

func (s *shelf) PresignLink(_ context.Context, name, as string, _ statement.Format, _ time.Duration) (string, error) {
	return name + "?as=" + as, nil
}

// blank sets nothing.
type blank struct{}

func (blank) TypesetStatement(context.Context, statement.Statement, statement.Format) ([]byte, error) {
	return []byte("blank"), nil
}

func (blank) TypesetCertificate(context.Context, statement.Certificate, statement.Format) ([]byte, error) {
	return []byte("blank"), nil
}

// desk is finance of a tenant that sends statements.
type desk struct {
	*settletest.World
	lines      *incomedb.Store
	statements *statement.Service
	meet       *meeting
	shelf      *shelf
}

func open(t *testing.T) *desk {
	t.Helper()
	w, token := settletest.Open(t), ids.NewSource(time.Now)
	d := &desk{World: w, shelf: &shelf{}, lines: &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: token}}
	d.meet = &meeting{states: &statementdb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, Metas: w.Database, NewToken: token}}
	d.statements = &statement.Service{Builder: statement.Builder{Facts: d.lines, Settlements: w.Store, Directory: w.People}, States: d.meet, Clock: w.Clock, NewID: w.NextID,
		Documents: &statement.Documents{Files: d.shelf, Typesetter: blank{}, Now: w.Now}}
	return d
}

// creator adds somebody who is paid nothing before its word, and whose silence of five days is a yes.
func (d *desk) creator(name, cycle string) string {
	d.People.AddCreator(ident.Creator(name), "natural_person", settletest.Ordinary, "mcn_pays")
	c := d.People.Contracts[name]
	c.ConfirmBeforePayment, c.AcceptAfterDays = true, 5
	if c.Cycle = cycle; cycle != "month" {
		c.PayDay = 0
	}
	d.People.Contracts[name] = c
	return name
}

func line(id string, creator ident.Creator, kind, on, distributable string) income.Line {
	got, day := money.MustParse(distributable), civil.MustDate(on)
	return income.Line{LineID: string(creator+"-") + id, CreatorID: creator, IncomeType: kind, Platform: "douyin", AccountUID: string("u-" + creator), OccurredOn: day,
		ServicePeriod: day.Month(), GrossBeforePlatform: got.Add(got), PlatformFee: got, Distributable: got, Description: "场次 " + id}
}

// settled uploads lines, opens what is due and quotes it.
func (d *desk) settled(t *testing.T, lines ...income.Line) {
	t.Helper()
	rec := &income.Recorder{Lines: d.lines, Directory: d.People, Clock: d.Clock, NewID: d.NextID}
	u := income.Upload{Tenant: settletest.Tenant, By: "operator@" + settletest.Tenant}
	for _, l := range lines {
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		u.Lines = append(u.Lines, raw)
	}
	results, err := rec.RecordUpload(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	run := &billing.Service{Settlements: d.Service, Buckets: d.lines, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if _, err := run.OpenDueSettlements(t.Context(), billing.Order{Tenant: settletest.Tenant, By: billing.System}, ""); err != nil {
		t.Fatal(err)
	}
	for _, s := range d.all(t) {
		if err := d.Quote(t.Context(), settletest.Tenant, ident.Settlement(s.ID)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desk) all(t *testing.T) []settlement.Settlement {
	t.Helper()
	page, _, err := d.Store.List(t.Context(), settletest.Tenant, settlement.Query{}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

var august = statement.Period{Month: civil.MustMonth("2026-08")}

func as(creator ident.Creator) identity.Principal {
	return identity.Principal{Tenant: settletest.Tenant, Subject: string("creator@" + creator), Creator: creator, Roles: []identity.Role{identity.Creator}}
}

// told counts the audit records of a creator's statements.
func (d *desk) told(t *testing.T, creator ident.Creator) int {
	t.Helper()
	n := 0
	for _, it := range d.Tables.ReadTable(t, d.Tables.Settlements) {
		doc, ok := it[outbox.AuditAttribute].(*types.AttributeValueMemberS)
		if !ok {
			continue
		}
		var r audit.Record
		if err := json.Unmarshal([]byte(doc.Value), &r); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(r.Act, "statement.") && strings.HasPrefix(r.Object, string(creator+"/")) {
			n++
		}
	}
	return n
}

type (
	states  = statement.StateStore
	settled = settlement.Settlement
)

// meeting lets the first callers of a race look at the state all before one of them writes.
type meeting struct {
	states
	mu   sync.Mutex
	due  int // callers that have still to come
	open chan struct{}
}

func (m *meeting) expect(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.due, m.open = n, make(chan struct{})
}

func (m *meeting) ReadState(ctx context.Context, tenant ident.Tenant, creator ident.Creator, period statement.Period) (statement.State, bool, error) {
	s, ok, err := m.states.ReadState(ctx, tenant, creator, period)
	m.mu.Lock()
	if m.due--; m.due == 0 {
		close(m.open)
	}
	waits, open := m.due > 0, m.open
	m.mu.Unlock()
	if waits {
		<-open
	}
	return s, ok, err
}

// outcome is what the callers of one race were told.
type outcome struct {
	confirm, dispute []error
	accepted         atomic.Int64
}

// race lets the creator confirm and dispute, each twice, while two nightly runs take its silence for a yes.
func (d *desk) race(t *testing.T, creator ident.Creator, confirms int) *outcome {
	t.Helper()
	o := &outcome{confirm: make([]error, confirms), dispute: make([]error, 2)}
	d.meet.expect(confirms + 4)
	var work errgroup.Group
	patient := func(do func() error) error {
		for {
			if err := do(); !fault.HasCode(err, fault.Unavailable) {
				return err
			}
		}
	}
	for i := range o.confirm {
		work.Go(func() error {
			o.confirm[i] = patient(func() error {
				_, err := d.statements.ConfirmStatement(t.Context(), as(creator), creator, august, "")
				return err
			})
			return nil
		})
	}
	for i := range o.dispute {
		work.Go(func() error {
			o.dispute[i] = patient(func() error {
				_, err := d.statements.DisputeStatement(t.Context(), as(creator), creator, august, []statement.Objection{{LineID: string(creator + "-a"), Reason: "少算了一场"}})
				return err
			})
			return nil
		})
		work.Go(func() error {
			return patient(func() error {
				n, err := d.statements.AcceptSilent(t.Context(), settletest.Tenant, func(c ident.Creator) bool { return c == creator })
				o.accepted.Add(int64(n))
				return err
			})
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	return o
}

// want wants one answer of every caller: none, or a refusal with this reason.
func want(t *testing.T, who string, errs []error, reason string) {
	t.Helper()
	for _, err := range errs {
		if (err == nil) != (reason == "") || (err != nil && (!fault.HasCode(err, fault.IllegalMove) || fault.AsError(err).Reason != reason)) {
			t.Errorf("%s was told %v, want %q", who, err, reason)
		}
	}
}

// The creator's yes and no and its silence at the same instant: one of them stands, the others are told why not, and
// settlements, state and audit records say the same.
func TestYesNoAndSilenceAtOnce(t *testing.T) {
	d := open(t)
	const races = 8
	var lines []income.Line
	for n := range races {
		c := d.creator(fmt.Sprintf("c-%d", n), "month")
		lines = append(lines, line("a", ident.Creator(c), "live_tip", "2026-08-20", "1000.00"), line("b", ident.Creator(c), "commerce_commission", "2026-08-21", "500.00"))
	}
	d.settled(t, lines...)
	for n := range races {
		if _, err := d.statements.SendStatement(t.Context(), settletest.CallerWith(identity.Finance), ident.Creator(fmt.Sprintf("c-%d", n)), august); err != nil {
			t.Fatal(err)
		}
	}
	d.SetDate("2026-09-21")
	wins := map[statement.Standing]int{}
	for n := range races {
		creator := fmt.Sprintf("c-%d", n)
		o := d.race(t, ident.Creator(creator), 2*(n%2)) // in every second race nobody confirms
		state, ok, err := d.statements.States.ReadState(t.Context(), settletest.Tenant, ident.Creator(creator), august)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		wins[state.Standing]++
		switch state.Standing {
		case statement.Disputed:
			want(t, "who disputed", o.dispute, "")
			want(t, "who confirmed", o.confirm, "disputed")
			if o.accepted.Load() != 0 || len(state.Disputes) != 1 || !state.Disputes[0].Held {
				t.Errorf("disputed, and accepted %d times: %+v", o.accepted.Load(), state.Disputes)
			}
		case statement.Confirmed, statement.Accepted:
			want(t, "who disputed", o.dispute, "heard")
			want(t, "who confirmed", o.confirm, "")
			if o.accepted.Load() > 1 || len(state.Disputes) != 0 || (state.Standing == statement.Accepted) != (len(o.confirm) == 0) {
				t.Errorf("%s, accepted %d times, %+v", state.Standing, o.accepted.Load(), state.Disputes)
			}
		default:
			t.Errorf("the statement is %s", state.Standing)
		}
		d.agrees(t, ident.Creator(creator), state)
	}
	t.Logf("how the races ended: %v", wins)
}

// agrees holds the settlements and the audit records of a statement to its state.
func (d *desk) agrees(t *testing.T, creator ident.Creator, state statement.State) {
	t.Helper()
	seen := 0
	for _, s := range d.all(t) {
		if s.CreatorID != creator {
			continue
		}
		seen++
		disputed := state.Standing == statement.Disputed && s.IncomeType == "live_tip"
		if s.Confirmed == disputed || s.Disputed.IsZero() == disputed || (s.Hold != nil) != disputed || (disputed && s.Hold.Reason != settlement.HoldDisputed) {
			t.Errorf("%s, and its settlement of %s is confirmed %v, disputed %s, held %+v", state.Standing, s.IncomeType, s.Confirmed, s.Disputed, s.Hold)
		}
	}
	if n := d.told(t, creator); seen != 2 || n != state.Version {
		t.Errorf("version %d after %d acts on %d settlements", state.Version, n, seen)
	}
}
