package billing_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement/billing"
)

func TestDueBucketOpensOneSettlement(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.upload(t, "operator@mcn-one", line("a1", "c1", "live_tip", "2026-08", "100.00"), line("a2", "c1", "live_tip", "2026-08", "0.01"),
		line("x1", "c1", "xingtu_ad", "2026-08", "50.00"), line("n1", "c1", "live_tip", "2026-09", "7.00"))

	if r := w.run(t, "2026-09-14"); r.Due != 0 || len(w.settlements(t)) != 0 {
		t.Fatalf("before the pay day: %+v", r)
	}
	if r := w.run(t, "2026-09-15"); r.Due != 2 || r.Opened != 2 || r.Already != 0 || len(r.Skipped) != 0 {
		t.Fatalf("on the pay day: %+v", r)
	}
	if r := w.run(t, "2026-09-15"); r.Due != 2 || r.Opened != 0 || r.Already != 2 {
		t.Fatalf("again: %+v", r)
	}
	all := w.settlements(t)
	if len(all) != 2 {
		t.Fatalf("%d settlements", len(all))
	}
	i := slices.IndexFunc(all, func(s settlement.Settlement) bool { return s.IncomeType == "live_tip" })
	s := all[i]
	if s.Gross != money.MustParse("100.01") || s.CreatorShare() != money.MustParse("70.01") || s.ActivityID != "stmt:live_tip:2026-08" ||
		s.Platform != "douyin" || s.VATDate != civil.MustDate("2026-09-15") || s.Status != settlement.PendingReview || s.Opener != billing.System {
		t.Errorf("settlement %+v", s)
	}
	if !slices.Contains(s.Preparers, "operator@mcn-one") || slices.Contains(s.Preparers, billing.System) {
		t.Errorf("preparers %v: who uploaded lines is one, the system none", s.Preparers)
	}
	if b := w.bucket(t, "c1", "2026-08", "live_tip"); b.State != income.Settled || b.Settlement != ident.Settlement(s.ID) || b.Occurrence != 1 {
		t.Errorf("bucket %+v", b)
	}
}

func TestDueDay(t *testing.T) {
	for name, c := range map[string]struct {
		payDay, cutOff int
		before, on     string
	}{
		"pay day on a holiday moves":    {payDay: 1, before: "2026-10-01", on: "2026-10-02"},
		"cut-off day comes first":       {payDay: 15, cutOff: 5, before: "2026-10-04", on: "2026-10-05"},
		"none fixed: the month's first": {before: "2026-09-30", on: "2026-10-01"},
		"the 31st of a month of 31":     {payDay: 31, before: "2026-10-30", on: "2026-11-02"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "2026-11-30")
			w.directory.payDay, w.directory.cutOffDay = c.payDay, c.cutOff
			w.upload(t, "op", line("a", "c1", "live_tip", "2026-09", "10.00"))
			if r := w.run(t, c.before); r.Due != 0 {
				t.Errorf("due on %s", c.before)
			}
			if r := w.run(t, c.on); r.Opened != 1 {
				t.Errorf("not opened on %s: %+v", c.on, r)
			}
		})
	}
}

func TestLateLineEntersTheNextOpenMonth(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "10.00"))
	w.run(t, "2026-09-15")
	got := w.upload(t, "op", line("late", "c1", "live_tip", "2026-08", "5.00"), line("a", "c1", "live_tip", "2026-08", "10.00"))
	if got[0].Err != nil || got[0].Bucket != "2026-09#live_tip" || got[0].IsRepeat {
		t.Errorf("late line: %+v", got[0])
	}
	if got[1].Err != nil || got[1].Bucket != "2026-08#live_tip" || !got[1].IsRepeat {
		t.Errorf("repeat of a settled line: %+v", got[1])
	}
	b := w.bucket(t, "c1", "2026-09", "live_tip")
	if b.LinesByMonth[civil.MustMonth("2026-08")] != 1 || b.Distributable != money.MustParse("5.00") {
		t.Errorf("bucket %+v", b)
	}
	w.upload(t, "op", line("own", "c1", "live_tip", "2026-09", "1.00"))
	w.today.Store(civil.MustDate("2026-10-15"))
	if r := w.run(t, "2026-10-15"); r.Opened != 1 || r.Already != 1 {
		t.Errorf("next month: %+v", r)
	}
	if sum := grossOf(w.settlements(t)); sum != money.MustParse("16.00") {
		t.Errorf("settled %s of 16.00", sum)
	}
}

func TestNegativeBucketIsCarried(t *testing.T) {
	w := newWorld(t, "2026-10-15")
	w.upload(t, "op", line("r", "c1", "live_tip", "2026-08", "-30.00"), line("p", "c1", "live_tip", "2026-09", "100.00"),
		line("z1", "c2", "live_tip", "2026-08", "5.00"), line("z2", "c2", "live_tip", "2026-08", "-5.00"))
	r := w.run(t, "2026-10-15")
	if r.Opened != 0 && r.Opened != 1 {
		t.Fatalf("first run: %+v", r)
	}
	again := w.run(t, "2026-10-15")
	if again.Opened+r.Opened != 1 {
		t.Fatalf("runs: %+v, %+v", r, again)
	}
	all := w.settlements(t)
	if len(all) != 1 || all[0].Gross != money.MustParse("70.00") {
		t.Fatalf("settlements %+v", all)
	}
	if b := w.bucket(t, "c1", "2026-08", "live_tip"); b.State != income.Carried || b.CarriedTo.String() != "2026-09" {
		t.Errorf("carried bucket %+v", b)
	}
	if b := w.bucket(t, "c2", "2026-08", "live_tip"); b.State != income.Carried || !b.CarriedTo.IsZero() {
		t.Errorf("a sum of 0.00 carries nothing: %+v", b)
	}
	if _, ok, _ := w.lines.ReadBucket(t.Context(), tenant, "c2", cycle.WholeMonth(civil.MustMonth("2026-09")), "live_tip"); ok {
		t.Error("a sum of 0.00 made a bucket in the next month")
	}
}

func TestTwentyRunsAtOnceOpenOnce(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	for i := range 5 {
		w.upload(t, "op", line(fmt.Sprint("l", i), "c1", "live_tip", "2026-08", "10.00"), line(fmt.Sprint("l", i), "c2", "xingtu_ad", "2026-08", "1.00"))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 20 {
		wg.Go(func() {
			r, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: billing.System}, "")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += r.Opened
			if r.Opened+r.Already != 2 {
				t.Errorf("a run saw %+v", r)
			}
		})
	}
	wg.Wait()
	if all := w.settlements(t); total != 2 || len(all) != 2 || grossOf(all) != money.MustParse("55.00") {
		t.Errorf("20 runs opened %d, %d settlements", total, len(all))
	}
}

func TestRejectedStatementOpensAgain(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "10.00"))
	w.run(t, "2026-09-15")
	first := w.settlements(t)[0]
	move := func(role identity.Role, to settlement.Status, version int) {
		t.Helper()
		if _, err := w.service.Transition(t.Context(), settlement.Intent{By: person(role), ID: first.ID, Version: version, Reason: "wrong"}, to); err != nil {
			t.Fatal(err)
		}
	}
	move(identity.Finance, settlement.InReview, 1)
	move(identity.Approver, settlement.Failed, 2)
	if r := w.run(t, "2026-09-15"); r.Opened != 1 || r.Already != 0 {
		t.Fatalf("after the rejection: %+v", r)
	}
	if r := w.run(t, "2026-09-15"); r.Opened != 0 || r.Already != 1 {
		t.Fatalf("again: %+v", r)
	}
	second, err := w.store.Load(t.Context(), tenant, ident.Settlement(settlement.IDOf(first.Identity, 2)))
	if err != nil || second.Gross != first.Gross || second.Occurrence != 2 {
		t.Errorf("second occurrence %+v, %v", second, err)
	}
}

func TestWhatOpensNothingSaysWhy(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.directory.missing["live_tip"] = true
	w.directory.routes["xingtu_ad"] = "platform_pays_creator"
	got := w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "10.00"), line("b", "c1", "xingtu_ad", "2026-08", "-1.00"), line("c", "nobody", "live_tip", "2026-08", "1.00"))
	if got[0].Parked != "contract_missing" || got[0].Err != nil || got[1].SettledBy != "platform_pays_creator" || got[1].Err != nil {
		t.Errorf("results %+v", got[:2])
	}
	if !fault.HasCode(got[2].Err, fault.NotFound) {
		t.Errorf("unknown creator: %v", got[2].Err)
	}
	r := w.run(t, "2026-09-15")
	reasons := map[string]string{}
	for _, s := range r.Skipped {
		reasons[s.IncomeType] = s.Reason
	}
	if r.Due != 2 || r.Opened != 0 || reasons["live_tip"] != "contract_missing" || reasons["xingtu_ad"] != billing.NotThePayer {
		t.Errorf("run %+v", r)
	}
	shown, err := w.statements.ListStatements(t.Context(), person(identity.Creator), "c1", civil.Month{})
	if err != nil || len(shown) != 2 || shown[0].Parked != "contract_missing" || shown[1].SettledBy != "platform_pays_creator" {
		t.Errorf("shown %+v, %v", shown, err)
	}
	delete(w.directory.missing, "live_tip")
	if r := w.run(t, "2026-09-15"); r.Opened != 1 {
		t.Errorf("with a contract: %+v", r)
	}
	if _, err := w.statements.ListStatements(t.Context(), person(identity.Creator), "c2", civil.Month{}); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("another creator's statements: %v", err)
	}
}

func TestRunRefusesTheFuture(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	_, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: "f", Date: civil.MustDate("2026-09-16")}, "")
	if !fault.HasCode(err, fault.InvalidInput) {
		t.Errorf("a run for tomorrow: %v", err)
	}
	if _, err = w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: "f"}, "nobody"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("a run for nobody: %v", err)
	}
}

func TestCohortsCoverAllCreators(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	for i := range 40 {
		id := fmt.Sprint("k", i)
		w.directory.creators[id] = true
		w.upload(t, "op", line("a", ident.Creator(id), "live_tip", "2026-08", "1.00"))
	}
	opened := 0
	tasks, err := w.statements.SplitIntoTasks(t.Context(), billing.Order{Tenant: tenant, By: billing.System, Date: civil.MustDate("2026-09-15")})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		r, err := w.statements.RunTask(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		opened += r.Opened
	}
	if opened != 40 || len(tasks) != 1 {
		t.Errorf("%d of 40 opened by %d tasks", opened, len(tasks))
	}
}

// Every id is in one cohort, whoever it is; a cohort lists its own creators and not the tenant's.
func TestCohortsOfALargeTenant(t *testing.T) {
	w := newWorldOn(t, dynamotest.OpenInMemory(t), "2026-09-15")
	for i := range 10_000 {
		w.directory.creators[fmt.Sprintf("k%05d", i)] = true
	}
	for i := range 20 {
		w.upload(t, "op", line("a", ident.Creator(fmt.Sprintf("k%05d", i*500)), "live_tip", "2026-08", "1.00"))
	}
	tasks, err := w.statements.SplitIntoTasks(t.Context(), billing.Order{Tenant: tenant, By: billing.System, Date: civil.MustDate("2026-09-15")})
	if err != nil || len(tasks) != billing.MaxCohorts {
		t.Fatalf("%d tasks, %v", len(tasks), err)
	}
	for _, id := range []string{"", "a", "c1", "k00000", "k00499", "k00500", "k04321", "k09999", "zz"} {
		in := 0
		for _, task := range tasks {
			if task.Includes(ident.Creator(id)) {
				in++
			}
		}
		if (id == "") != (in == 0) || in > 1 {
			t.Errorf("%q is in %d cohorts", id, in)
		}
	}
	opened, listed := 0, w.directory.listed
	for _, task := range tasks {
		r, err := w.statements.RunTask(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		opened += r.Opened
	}
	if listed = w.directory.listed - listed; opened != 20 || listed > 10_000+500*billing.MaxCohorts {
		t.Errorf("%d of 20 opened, %d creators listed", opened, listed)
	}
}

func TestTamperedTotalsOpenNothing(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "10.00"))
	w.tamper(t, "c1", "2026-08", "live_tip", 2000)
	if r := w.run(t, "2026-09-15"); r.Opened != 0 || len(r.Skipped) != 1 || r.Skipped[0].Reason != billing.TotalsDiffer {
		t.Errorf("run %+v", r)
	}
	task := billing.Task{Tenant: tenant, Upto: "c1", Date: civil.MustDate("2026-09-15"), By: billing.System}
	if _, err := w.statements.RunTask(t.Context(), task); !errors.Is(err, billing.ErrTotalsDiffer) {
		t.Errorf("the task must fail aloud: %v", err)
	}
	if len(w.settlements(t)) != 0 {
		t.Error("a settlement was opened")
	}
}

func TestAccrualsAreSettledByTheStatement(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	post := func(day string, revision int, difference, total string) error {
		return w.accruals.PostAccrual(t.Context(), incentive.Accrual{Tenant: tenant, Creator: "c1", Day: civil.MustDate(day), Revision: revision,
			Difference: money.MustParse(difference), Total: money.MustParse(total), Events: 3, ClosedAt: w.service.Clock.Instant()})
	}
	for _, p := range []struct {
		day               string
		revision          int
		difference, total string
	}{{"2026-08-01", 1, "3.00", "3.00"}, {"2026-08-02", 1, "2.00", "2.00"}, {"2026-08-01", 2, "0.50", "3.50"}} {
		if err := post(p.day, p.revision, p.difference, p.total); err != nil {
			t.Fatal(err)
		}
	}
	if err := post("2026-08-01", 2, "0.50", "3.50"); !fault.HasCode(err, fault.StaleVersion) {
		t.Errorf("the same revision again: %v", err)
	}
	if r := w.run(t, "2026-09-15"); r.Opened != 1 {
		t.Fatalf("run %+v", r)
	}
	s := w.settlements(t)[0]
	if s.Gross != money.MustParse("5.50") || s.CreatorShare() != s.Gross || s.Source != settlement.SourceAccrued {
		t.Errorf("settlement %+v", s)
	}
	if err := post("2026-08-03", 1, "1.00", "1.00"); err != nil {
		t.Fatal(err)
	}
	if b := w.bucket(t, "c1", "2026-09", "incentive"); b.Distributable != money.MustParse("1.00") || b.Source != income.SourceAccrued {
		t.Errorf("a late accrual lies in %+v", b)
	}
	book := ledgerdb.Book{DB: w.tables.Client, Table: w.tables.Ledger}
	entries, err := book.Entries(t.Context(), tenant, "c1")
	if err != nil {
		t.Fatal(err)
	}
	balances, err := book.Balances(t.Context(), tenant, "c1")
	if err != nil {
		t.Fatal(err)
	}
	sums := ledger.SumByAccount(entries)
	if sums[ledger.CreatorAccrued] != money.MustParse("-1.00") || balances["ent-1"][ledger.CreatorAccrued] != money.MustParse("-1.00") ||
		sums[ledger.MCNIncentiveCost] != money.MustParse("6.50") {
		t.Errorf("journal %v, balances %v", sums, balances)
	}
	w.directory.missing["incentive"] = true
	if err := post("2026-08-04", 1, "1.00", "1.00"); !fault.HasCode(err, fault.RuleMissing) {
		t.Errorf("without contract: %v", err)
	}
}

func TestRacingAccrualsPostOnce(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	var wg sync.WaitGroup
	var mu sync.Mutex
	posted := 0
	for range 10 {
		wg.Go(func() {
			err := w.accruals.PostAccrual(t.Context(), incentive.Accrual{Tenant: tenant, Creator: "c1", Day: civil.MustDate("2026-08-01"), Revision: 1,
				Difference: money.Yuan(3), Total: money.Yuan(3), ClosedAt: w.service.Clock.Instant()})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				posted++
			} else if !fault.HasCode(err, fault.StaleVersion) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if b := w.bucket(t, "c1", "2026-08", "incentive"); posted != 1 || b.Distributable != money.Yuan(3) {
		t.Errorf("%d posted, bucket holds %s", posted, b.Distributable)
	}
}

// Whatever is uploaded, repeated, sent late and run in between, each line is settled exactly once.
func TestEachLineIsConsumedOnce(t *testing.T) {
	w := newWorld(t, "2026-11-20")
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		creator := fmt.Sprint("r", rounds)
		w.directory.creators[creator] = true
		w.today.Store(civil.MustDate("2026-08-20"))
		var sent []income.Line
		var wg sync.WaitGroup
		steps := rapid.IntRange(3, 12).Draw(rt, "steps")
		for step := range steps {
			switch rapid.SampledFrom([]string{"new", "new", "new", "repeat", "run", "day"}).Draw(rt, "step") {
			case "new":
				amount := money.Fen(rapid.Int64Range(-3000, 9000).Draw(rt, "fen"))
				month := civil.MustMonth("2026-08").Add(rapid.IntRange(0, w.today.Load().(civil.Date).Month().Sub(civil.MustMonth("2026-08"))).Draw(rt, "month"))
				l := line(fmt.Sprint("l", step), ident.Creator(creator), "live_tip", month.String(), amount.String())
				sent = append(sent, l)
				for range rapid.IntRange(1, 3).Draw(rt, "times at once") {
					wg.Go(func() { w.upload(t, "op", l) })
				}
			case "repeat":
				for _, res := range w.upload(t, "op", sent...) {
					if res.Err != nil {
						rt.Fatalf("repeat: %v", res.Err)
					}
				}
			case "run":
				for range rapid.IntRange(1, 3).Draw(rt, "runs at once") {
					wg.Go(func() {
						if _, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: billing.System}, ident.Creator(creator)); err != nil {
							t.Error(err)
						}
					})
				}
			case "day":
				wg.Wait()
				w.today.Store(w.today.Load().(civil.Date).AddDays(rapid.IntRange(1, 20).Draw(rt, "days")))
			}
			if rapid.Bool().Draw(rt, "wait") {
				wg.Wait()
			}
		}
		wg.Wait()
		w.check(t, rt, ident.Creator(creator), sent)
	})
}

// check ends the year and compares what was settled with what was sent.
func (w *world) check(t *testing.T, rt *rapid.T, creator ident.Creator, sent []income.Line) {
	w.today.Store(civil.MustDate("2026-12-31"))
	for range 3 { // what is carried on becomes due with the next month
		if _, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: billing.System}, creator); err != nil {
			rt.Fatal(err)
		}
	}
	buckets, err := w.lines.ListBuckets(t.Context(), tenant, creator, civil.MustMonth("2026-08"), civil.MustMonth("2026-12"))
	if err != nil {
		rt.Fatal(err)
	}
	var want, got money.Amount
	for _, l := range sent {
		want = want.Add(l.Distributable)
	}
	lines := 0
	for _, b := range buckets {
		if sum, err := w.lines.SumLines(t.Context(), b); err != nil || sum != b.Totals {
			rt.Fatalf("bucket %s holds %+v, its lines %+v, %v", b.Name(), b.Totals, sum, err)
		}
		lines += b.Lines
		switch b.State {
		case income.Settled:
			s, err := w.store.Load(t.Context(), tenant, b.Settlement)
			if err != nil || s.Gross != b.Distributable {
				rt.Fatalf("settlement of %s: %s for %s, %v", b.Name(), s.Gross, b.Distributable, err)
			}
			got = got.Add(b.Distributable)
		case income.Carried:
			if b.Distributable.Positive() {
				rt.Fatalf("%s was carried with %s", b.Name(), b.Distributable)
			}
			if b.Distributable.Negative() {
				lines--
			}
		case income.Open:
			got = got.Add(b.Distributable)
		}
	}
	if got != want || lines != len(sent) {
		rt.Fatalf("sent %d lines of %s, found %d of %s", len(sent), want, lines, got)
	}
}

func grossOf(all []settlement.Settlement) money.Amount {
	var sum money.Amount
	for _, s := range all {
		if !s.IsUndone() {
			sum = sum.Add(s.Gross)
		}
	}
	return sum
}

func TestUploadOfOtherContent(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	good := line("a", "c1", "live_tip", "2026-08", "10.00")
	other := line("a", "c1", "live_tip", "2026-08", "11.00")
	got := w.upload(t, "op", good, other, good)
	if got[0].Err != nil || got[0].IsRepeat || !fault.HasCode(got[1].Err, fault.OtherContent) || got[2].Err != nil || !got[2].IsRepeat {
		t.Errorf("within one upload: %+v", got)
	}
	got = w.upload(t, "op", other, good)
	if !fault.HasCode(got[0].Err, fault.OtherContent) || got[1].Err != nil || !got[1].IsRepeat {
		t.Errorf("in a later upload: %+v", got)
	}
	if b := w.bucket(t, "c1", "2026-08", "live_tip"); b.Lines != 1 || b.Distributable != money.MustParse("10.00") {
		t.Errorf("bucket %+v", b.Totals)
	}
}

func TestLargeUploadIsWrittenWhole(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	var lines []income.Line
	for i := range 500 {
		lines = append(lines, line(fmt.Sprint("l", i), "c1", "live_tip", "2026-08", "1.00"))
	}
	half := w.upload(t, "op", lines[100:300]...)
	all := w.upload(t, "op", lines...)
	repeats := 0
	for i, r := range append(half, all...) {
		if r.Err != nil {
			t.Fatalf("line %d: %v", i, r.Err)
		}
		if r.IsRepeat {
			repeats++
		}
	}
	if b := w.bucket(t, "c1", "2026-08", "live_tip"); b.Lines != 500 || b.Distributable != money.Yuan(500) || repeats != 200 {
		t.Errorf("bucket %+v, %d repeats", b.Totals, repeats)
	}
	if all[0].Bucket != "2026-08#live_tip" {
		t.Errorf("bucket name %q", all[0].Bucket)
	}
}

func TestLargeTenantIsFannedOut(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	for i := range 300 {
		w.directory.creators[fmt.Sprint("k", i)] = true
	}
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "1.00"))
	r, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: "f"}, "")
	if !errors.Is(err, billing.ErrTooManyCreators) || r.Date != civil.MustDate("2026-09-15") || r.Opened != 0 {
		t.Errorf("302 creators in one call: %+v, %v", r, err)
	}
}

func TestAccruedAtAnotherEntityIsNotOpened(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	if err := w.accruals.PostAccrual(t.Context(), incentive.Accrual{Tenant: tenant, Creator: "c1", Day: civil.MustDate("2026-08-01"), Revision: 1,
		Difference: money.Yuan(3), Total: money.Yuan(3), ClosedAt: w.service.Clock.Instant()}); err != nil {
		t.Fatal(err)
	}
	w.directory.entity = "ent-2"
	if r := w.run(t, "2026-09-15"); r.Opened != 0 || len(r.Skipped) != 1 || r.Skipped[0].Reason != billing.EntityChanged {
		t.Errorf("run %+v", r)
	}
	w.directory.entity = "ent-1"
	if r := w.run(t, "2026-09-15"); r.Opened != 1 {
		t.Errorf("at its own entity: %+v", r)
	}
}

// A month whose pay day lies in a year that is not loaded is not skipped: its statement is made on the day that was
// agreed, and its dates are provisional.
func TestAMonthWhosePayDayIsNotLoaded(t *testing.T) {
	for name, c := range map[string]struct {
		payDay, cutOff int
		before, on     string
	}{
		"on its pay day":     {payDay: 15, before: "2027-01-14", on: "2027-01-15"},
		"on its cut-off day": {payDay: 20, cutOff: 2, before: "2027-01-01", on: "2027-01-02"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "2027-01-20")
			w.directory.payDay, w.directory.cutOffDay = c.payDay, c.cutOff
			w.upload(t, "op", line("a", "c1", "live_tip", "2026-12", "10.00"))
			if r := w.run(t, c.before); r.Due != 0 || len(r.Skipped) != 0 {
				t.Fatalf("%+v", r)
			}
			if r := w.run(t, c.on); r.Opened != 1 || len(r.Skipped) != 0 {
				t.Fatalf("%+v", r)
			}
			s := w.settlements(t)[0]
			if s.VATDate != civil.MustDate("2027-01-01").AddDays(c.payDay-1) || s.Provisional == nil || s.Hold == nil || s.Hold.Reason != settlement.HoldCalendar || s.Gross.String() != "10.00" {
				t.Errorf("%+v, hold %+v", s.Opening, s.Hold)
			}
		})
	}
}

func TestAListShowsTheDayOfAYearThatIsNotLoaded(t *testing.T) {
	w := newWorld(t, "2026-12-15")
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-12", "10.00"))
	list, err := w.statements.ListStatements(t.Context(), person(identity.Finance), "c1", civil.MustMonth("2026-12"))
	if err != nil || len(list) != 1 || list[0].Waits != billing.NotDue || list[0].DueOn != civil.MustDate("2027-01-15") {
		t.Errorf("%+v, %v", list, err)
	}
}
