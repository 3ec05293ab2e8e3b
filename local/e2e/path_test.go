package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"fenzhang/local/apiclient"
	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
)

// TestMainJob plays the lives of some settlements side by side, and then looks at what they left: a ledger without
// an unexplained fen, and evidence that an auditor can check.
func TestMainJob(t *testing.T) {
	s := use(t)
	s.entity(t)
	t.Run("lives", func(t *testing.T) {
		for name, life := range map[string]func(*testing.T, *stack){
			"from income and incentives to PAID": fromIncomeToPaid,
			"a studio against invoice":           studioAgainstInvoice,
			"repeated and late messages":         repeatedMessages,
			"time-out after acceptance":          timeoutAfterAcceptance,
			"no notice":                          noNotice,
			"notices three times":                noticesThreeTimes,
			"failed, reopened, paid":             failedAndReopened,
			"returned, reopened, paid":           returnedAndReopened,
		} {
			t.Run(name, func(t *testing.T) { t.Parallel(); life(t, s) })
		}
	})
	t.Run("no fen unexplained", func(t *testing.T) { unexplained(t, s) })
	t.Run("evidence", func(t *testing.T) { evidence(t, s) })
}

func fromIncomeToPaid(t *testing.T, s *stack) {
	p := s.person(t, "main")
	s.recordAndClose(t, p)
	s.upload(t, p)

	finance := as(identity.Finance)
	var run apiclient.StatementRun
	order := map[string]string{"creator_id": string(p.creator), "date": today}
	s.must(t, finance, "POST", "/v1/statements/run", order, &run)
	if run.Due != 3 || run.Opened != 3 || len(run.Skipped) != 0 {
		t.Fatalf("first run: %+v", run)
	}
	s.must(t, finance, "POST", "/v1/statements/run", order, &run)
	if run.Opened != 0 || run.Already != 3 {
		t.Errorf("second run: %+v", run)
	}

	ids := s.settlementsOf(t, p.creator, 3)
	var shares, kept money.Amount
	gross := map[string]string{}
	for _, id := range ids { // in the order of their opening, in which they were quoted
		st := s.pay(t, id)
		adds(t, st)
		gross[st.IncomeType] = st.Gross
		shares = shares.Add(amount(t, st.CreatorShare))
		for _, x := range st.Taxes {
			if x.Tax == "IIT" {
				kept = kept.Add(amount(t, x.Amount))
			}
		}
		s.lived(t, st)
	}
	if gross["live_tip"] != "10000.00" || gross["commerce_commission"] != "2000.00" || gross["incentive"] != "7.00" {
		t.Errorf("gross %v", gross)
	}
	// One project of one month: 80% of what was paid in it, and 20% of that.
	if want := money.MustRate("0.16").ApplyTo(shares, money.HalfUp); kept != want {
		t.Errorf("income tax of the month %s on %s, want %s", kept, shares, want)
	}
}

// recordAndClose records events by all ways of recording, and closes their day.
func (s *stack) recordAndClose(t *testing.T, p payee) {
	t.Helper()
	operator := as(identity.Operator)
	action := "e2e_" + s.run
	s.must(t, as(identity.Admin), "POST", "/v1/strategies", apiclient.Strategy{StrategyID: s.id("strategy"), From: since, Match: apiclient.Match{ActionType: action},
		Reward: apiclient.Reward{Kind: "cash", Amount: json.RawMessage(`"3.50"`)}}, nil)
	event := func(n int, action string) apiclient.Event {
		return apiclient.Event{EventID: s.id(fmt.Sprintf("ev-%d", n)), CreatorID: p.creator, ActionType: action, OccurredAt: "2026-09-10T12:00:00+08:00", Platform: "douyin"}
	}
	const path = "/api/v1/incentive/record"
	// Running functions may go on with the strategies they have read for a while; such an event is parked and
	// rewarded when the strategy is seen.
	if a := s.must(t, operator, "POST", path, event(1, action), nil); a.status != 201 || a.replayed {
		t.Errorf("first: %d %s", a.status, a.body)
	}
	if a := s.must(t, operator, "POST", path, event(1, action), nil); a.status != 200 || !a.replayed {
		t.Errorf("repeated: %d, replayed %v", a.status, a.replayed)
	}
	other := event(1, action)
	other.Quantity = 2
	s.call(t, operator, "POST", path, other).refused(t, "same id, other content", 422, 2002, "")
	var batch struct{ Results []apiclient.EventResult }
	unknown := event(3, action)
	unknown.OccurredAt = "yesterday"
	s.must(t, operator, "POST", path, map[string]any{"events": []any{event(1, action), event(2, action), event(2, action), unknown, event(4, "nobody_rewards_"+s.run)}}, &batch)
	var statuses []int
	for _, r := range batch.Results {
		statuses = append(statuses, r.Status)
	}
	if !slices.Equal(statuses, []int{200, 201, 200, 400, 201}) || batch.Results[4].Parked != "strategy_missing" {
		t.Errorf("batch: %v", statuses)
	}
	counters := func() (c apiclient.Counters) {
		s.must(t, operator, "GET", string("/api/v1/incentive/counters/"+p.creator+"?date=2026-09-10"), nil, &c)
		return c
	}
	var c apiclient.Counters
	show := func() string { return fmt.Sprintf("%+v", c) }
	eventually(t, "the counters", func() bool { c = counters(); return c.Events == 3 }, show)
	// A close that ran before an event was seen is followed by another, which adds the difference.
	eventually(t, "the close of the day", func() bool {
		s.invoke(t, "accrue-incentive", "close-day")
		c = counters()
		return c.Closed && c.Rewards.Cash == "7.00"
	}, show)
}

// upload sends income lines, some of them twice, one broken.
func (s *stack) upload(t *testing.T, p payee) {
	t.Helper()
	line := func(n int, income, amount string) apiclient.IncomeLine {
		return apiclient.IncomeLine{LineID: s.id(fmt.Sprintf("line-%d", n)), CreatorID: p.creator, IncomeType: income, Platform: "douyin", AccountUID: string("u-" + p.creator),
			OccurredOn: "2026-09-12", ServicePeriod: "2026-09", GrossBeforePlatform: amount, PlatformFee: "0.00", Refund: "0.00", Subsidy: "0.00", Distributable: amount}
	}
	var out struct{ Results []apiclient.LineResult }
	send := func(lines ...apiclient.IncomeLine) []int {
		s.must(t, as(identity.Finance), "POST", "/v1/income-lines", map[string]any{"lines": lines}, &out)
		var statuses []int
		for _, r := range out.Results {
			statuses = append(statuses, r.Status)
		}
		return statuses
	}
	broken := line(4, "live_tip", "1.00")
	broken.Distributable = "1.005"
	first := []apiclient.IncomeLine{line(1, "live_tip", "6000.00"), line(2, "live_tip", "4000.00"), line(3, "commerce_commission", "2000.00"), broken, line(1, "live_tip", "6000.00")}
	if got := send(first...); !slices.Equal(got, []int{201, 201, 201, 400, 200}) {
		t.Fatalf("first upload: %v", got)
	}
	if got := send(line(1, "live_tip", "6000.00"), line(2, "live_tip", "5000.00")); !slices.Equal(got, []int{200, 422}) {
		t.Errorf("repeated, and changed: %v", got)
	}
}

// settlementsOf lists a creator's settlements in the order of their opening.
func (s *stack) settlementsOf(t *testing.T, creator ident.Creator, want int) []string {
	t.Helper()
	var list struct{ Settlements []apiclient.Settlement }
	eventually(t, "the list", func() bool {
		s.must(t, as(identity.Auditor), "GET", string("/v1/settlements?creator_id="+creator), nil, &list)
		return len(list.Settlements) == want
	}, func() string { return fmt.Sprintf("%d settlements, want %d", len(list.Settlements), want) })
	var ids []string
	for _, st := range slices.Backward(list.Settlements) {
		ids = append(ids, string(st.SettlementID))
	}
	return ids
}

// lived checks what a whole life shows: its history, its explanation, its payment.
func (s *stack) lived(t *testing.T, st apiclient.Settlement) {
	t.Helper()
	var moves []string
	for _, m := range st.History {
		if m.From != nil {
			moves = append(moves, *m.From+">"+m.To+" "+strings.Split(m.By, "@")[0])
		}
	}
	want := []string{"PENDING_REVIEW>IN_REVIEW finance", "IN_REVIEW>APPROVED approver", "APPROVED>PAYING system:compute-tax", "PAYING>PAID system:payout"}
	if !slices.Equal(moves, want) || st.StatusVersion != 5 {
		t.Errorf("version %d, history %v", st.StatusVersion, moves)
	}
	if st.Payout == nil || st.Payout.State != "PAID" || len(st.Payout.Key) != 32 || st.Payout.GatewayID == nil || *st.PaymentDate != today {
		t.Errorf("payout %+v on %v", st.Payout, st.PaymentDate)
	}
	var explained struct{ Steps []json.RawMessage }
	s.must(t, as(identity.Finance), "GET", string("/v1/settlements/"+st.SettlementID+"/explanation"), nil, &explained)
	if len(explained.Steps) < 3 {
		t.Errorf("%d steps explain it", len(explained.Steps))
	}
	// What the gateway has is what the settlement says.
	if b := s.bill(t, "DOUYIN", st.Payout.Key); st.Payout.Method == "douyin" && (b == nil || b.Amount != *st.ToPay || b.State != "SUCCESS") {
		t.Errorf("the gateway has %+v for %s", b, *st.ToPay)
	}
}

func studioAgainstInvoice(t *testing.T, s *stack) {
	p := s.studio(t, "studio")
	id := s.open(t, p, "live-studio", "10000.00")
	st := s.until(t, string(id), "a quote that waits for the invoice", func(st apiclient.Settlement) bool { return st.HasQuote() && st.HeldFor() == "WAITING_INVOICE" })
	invoice := apiclient.Invoice{Number: "26331000000000000001", IssuedOn: today, Amount: "6999.99", FileSHA256: strings.Repeat("ab", 32), StatusVersion: st.StatusVersion}
	finance := as(identity.Finance)
	s.call(t, finance, "POST", string("/v1/settlements/"+id+"/invoice"), invoice).refused(t, "over another amount", 400, 2001, "")
	invoice.Amount = st.CreatorShare
	s.must(t, finance, "POST", string("/v1/settlements/"+id+"/invoice"), invoice, &st)
	if st.Hold != nil {
		t.Errorf("still on hold %s", st.HeldFor())
	}
	st = s.pay(t, string(id))
	adds(t, st)
	if *st.Net != "7000.00" || len(st.Taxes) != 0 || len(st.PayeeObligations) == 0 {
		t.Errorf("net %s, taxes %v, obligations %v", *st.Net, st.Taxes, st.PayeeObligations)
	}
	if b := s.bill(t, "BANK", st.Payout.Key); b == nil || b.Amount != "7000.00" || b.State != "SUCCESS" {
		t.Errorf("the bank has %+v", b)
	}
}

// unexplained reads the whole check of the ledger, which must end at 0.00.
func unexplained(t *testing.T, s *stack) {
	for cursor := ""; ; {
		var page apiclient.LedgerCheck
		s.must(t, as(identity.Auditor), "GET", "/v1/ledger/check"+cursor, nil, &page)
		if page.Unexplained != "0.00" || len(page.Differences) != 0 {
			t.Errorf("%s unexplained: %s", page.Unexplained, page.Differences)
		}
		if page.NextCursor == nil {
			return
		}
		cursor = "?cursor=" + *page.NextCursor
	}
}

// evidence finds the record of a settlement's last move, proves it, finds the locked object, and has everything
// checked as an auditor would.
func evidence(t *testing.T, s *stack) {
	p := payee{creator: ident.Creator(s.id("c-main"))}
	st := s.read(t, s.settlementsOf(t, p.creator, 3)[0])
	record := "/v1/audit/records/" + st.History[len(st.History)-1].TransitionID
	auditor := as(identity.Auditor)
	eventually(t, "the record of the payment", func() bool {
		a := s.call(t, auditor, "GET", record, nil)
		return a.status == http.StatusOK
	}, func() string { return record })
	s.must(t, auditor, "GET", record+"/proof", nil, nil)
	s.locked(t)

	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	env, err := filepath.Abs(os.Getenv(environment))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "evidence")
	cmd := exec.CommandContext(ctx, "go", "run", "./cmd/fenzhang", "audit-verify", "-env", env, "-dir", dir)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), ", 0 failed") {
		t.Errorf("the offline check: %v\n%s", err, out)
	}
	for _, id := range s.settlementsOf(t, p.creator, 3) {
		s.witnessed(t, dir, id)
	}
}

// witnessed checks that each write of a settlement, also of those whose messages came several times, has exactly one
// record (P7).
func (s *stack) witnessed(t *testing.T, dir, id string) {
	t.Helper()
	stored, err := s.store.Load(t.Context(), mcn, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	reads := 0
	seen := map[string]bool{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		for line := range bytes.Lines(raw) {
			var l struct{ Record audit.Record }
			if json.Unmarshal(line, &l) != nil || l.Record.Object != id { // heads and others' records
				continue
			}
			if seen[l.Record.ID] {
				t.Errorf("two records of %s", l.Record.ID)
			}
			seen[l.Record.ID] = true
			if l.Record.Act == "personal_data.read" {
				reads++
				continue
			}
			acts = append(acts, l.Record.Act)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(acts) != stored.Revision {
		t.Errorf("%d writes of %s, %d records: %v", stored.Revision, id, len(acts), acts)
	}
	if reads == 0 {
		t.Errorf("the payee's account was read for %s, and nobody was told", id)
	}
	for _, m := range stored.History {
		if !seen[m.TransitionID] {
			t.Errorf("%s -> %s has no record", m.From, m.To)
		}
	}
}

// locked looks at the locks of the main tenant's objects; deleting a version is refused.
func (s *stack) locked(t *testing.T) {
	t.Helper()
	client := s3.NewFromConfig(s.aws, func(o *s3.Options) { o.UsePathStyle = true })
	bucket := aws.String(s.vars["AUDIT_BUCKET"])
	page, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket, Prefix: aws.String(mcn + "/")})
	if err != nil || len(page.Versions) == 0 {
		t.Fatalf("objects of %s: %v %v", mcn, page, err)
	}
	for _, v := range page.Versions[:min(5, len(page.Versions))] {
		lock, err := client.GetObjectRetention(t.Context(), &s3.GetObjectRetentionInput{Bucket: bucket, Key: v.Key, VersionId: v.VersionId})
		if err != nil {
			t.Errorf("%s: %v", *v.Key, err)
			continue
		}
		if lock.Retention.Mode != s3types.ObjectLockRetentionModeGovernance || lock.Retention.RetainUntilDate.Before(time.Now()) {
			t.Errorf("%s: lock %s until %v", *v.Key, lock.Retention.Mode, lock.Retention.RetainUntilDate)
		}
		if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: v.Key, VersionId: v.VersionId}); err == nil {
			t.Errorf("%s was deleted", *v.Key)
		}
	}
}
