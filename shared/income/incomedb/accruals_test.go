package incomedb_test

import (
	"fmt"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/money"
)

// monthEnd is a paying entity's books around the end of August, half an hour after midnight.
type monthEnd struct {
	now      time.Time
	accruals *incomedb.Accruals
	periods  *perioddb.Store
	book     ledgerdb.Book
	last     *period.Period
}

func newMonthEnd(t *testing.T) *monthEnd {
	l := dynamotest.Open(t)
	newID := ids.NewSource(time.Now)
	m := &monthEnd{now: civil.MustDate("2026-09-01").Start().Add(30 * time.Minute), book: ledgerdb.Book{DB: l.Client, Table: l.Ledger},
		periods: &perioddb.Store{DB: l.Client, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: newID}}
	m.accruals = &incomedb.Accruals{Store: &incomedb.Store{DB: l.Client, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: newID}, Incentives: l.Incentives,
		Directory: contracts{}, NewID: newID,
		Periods: &ledgerdb.Periods{DB: l.Client, Table: l.Ledger, Clock: clock.Clock{Now: func() time.Time { return m.now }}}}
	return m
}

// accrue accrues a yuan for a creator's day and tells in which period it was posted.
func (m *monthEnd) accrue(t *testing.T, creator ident.Creator, day string, revision int) string {
	t.Helper()
	acc := incentive.Accrual{Tenant: tenant, Creator: creator, Day: civil.MustDate(day), Revision: revision, Difference: money.Yuan(1), Total: money.Yuan(int64(revision)),
		Events: 1, ClosedAt: m.now}
	if err := m.accruals.PostAccrual(t.Context(), acc); err != nil {
		t.Fatal(err)
	}
	entries, err := m.book.Entries(t.Context(), tenant, creator)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Reason == acc.JournalReason() {
			return e.Accounting.String()
		}
	}
	t.Fatalf("%s of %s is not in the journal", day, creator)
	return ""
}

// closes begins the closing of the month after the last one that was closed, or of August.
func (m *monthEnd) closes(t *testing.T) {
	t.Helper()
	p := period.Period{Tenant: tenant, Entity: "ent-1", Month: civil.MustMonth("2026-08"), State: period.Closing, First: m.last == nil, Revision: 1, Act: "closes"}
	m.save(t, p)
}

func (m *monthEnd) moves(t *testing.T, change func(*period.Period)) {
	t.Helper()
	p := *m.last
	p.Revision++
	p.Act = fmt.Sprint("act-", p.Revision)
	change(&p)
	m.save(t, p)
}

func (m *monthEnd) save(t *testing.T, p period.Period) {
	t.Helper()
	if err := m.periods.SavePeriod(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	m.last = &p
}

func (m *monthEnd) sealing(t *testing.T) {
	m.moves(t, func(p *period.Period) { p.Sealing = true })
}

func (m *monthEnd) seals(t *testing.T) {
	m.moves(t, func(p *period.Period) { p.State, p.Seal = period.Sealed, &period.Seal{} })
}

func (m *monthEnd) want(t *testing.T, when, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: posted in %s, want %s", when, got, want)
	}
}

// What a month's last day owes is its month's, as long as that takes entries: a closing that has begun waits for it.
func TestTheLastDayIsAccruedInItsMonth(t *testing.T) {
	m := newMonthEnd(t)
	m.want(t, "no period was ever closed", m.accrue(t, "c1", "2026-08-31", 1), "2026-08")
	m.want(t, "the first day of the new month", m.accrue(t, "c1", "2026-09-01", 1), "2026-09")
	m.closes(t)
	m.want(t, "the closing has begun, nobody here has heard of it", m.accrue(t, "c1", "2026-08-31", 2), "2026-08")
	m.now = m.now.Add(ledger.Settling)
	m.want(t, "the closing is known", m.accrue(t, "c1", "2026-08-31", 3), "2026-08")
	m.want(t, "a book that begins now", m.accrue(t, "c2", "2026-08-31", 1), "2026-08")
	m.sealing(t)
	m.want(t, "the sealing has begun, nobody here has heard of it", m.accrue(t, "c3", "2026-08-31", 1), "2026-09")
	m.now = m.now.Add(ledger.Settling)
	m.want(t, "the sealing is known", m.accrue(t, "c1", "2026-08-31", 4), "2026-09")
	m.seals(t)
	m.want(t, "the month is sealed, nobody here has heard of it", m.accrue(t, "c1", "2026-08-31", 5), "2026-09")
	m.now = m.now.Add(ledger.Settling)
	m.want(t, "the month is sealed", m.accrue(t, "c1", "2026-07-31", 1), "2026-09")
}

// A book that is closed refuses the month, whatever the poster remembers; what comes late goes to the open one.
func TestAFencedBookSendsAccrualsOn(t *testing.T) {
	m := newMonthEnd(t)
	m.want(t, "before", m.accrue(t, "c1", "2026-08-31", 1), "2026-08")
	if err := m.periods.FenceBook(t.Context(), tenant, "c1", "ent-1", civil.MustMonth("2026-08")); err != nil {
		t.Fatal(err)
	}
	m.want(t, "after", m.accrue(t, "c1", "2026-08-31", 2), "2026-09")
	b := bucket(t, m.accruals.Store, "2026-08", income.Incentive)
	if b.Distributable != money.Yuan(2) {
		t.Errorf("the statement of the day's month holds %s", b.Distributable)
	}
}
