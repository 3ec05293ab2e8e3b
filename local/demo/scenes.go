package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// scenes returns what happens in the agency's month, in the order of the dates. The name of a
// scene says what stops the payment.
func scenes() []scene {
	october := civil.MustDate("2026-10-15")
	november := civil.MustDate("2026-11-16")
	return []scene{
		{"hold WAITING_INVOICE", october, 0, (*month).playWaitingInvoice},
		{"hold MANUAL", october, 0, (*month).playManualHold},
		{"hold NET_CHANGED", october, 0, (*month).playNetChanged},
		{"a payout comes back", october, 0, (*month).playReturnedPayout},
		{"a disputed line", october, 0, (*month).playDispute},
		{"hold RISK", october, 0, (*month).playRiskHold},
		{"hold PAPER_MISSING", october, 0, (*month).playPaperMissing},
		{"a set-off", october, 0, (*month).playSetOff},
		{"a scout's part", october, 0, (*month).playScoutShare},
		{"a month taxed too high", october, 0, (*month).playLateReturn},
		{"hold RULE_GAP", november, 0, (*month).playRuleGap},
		{"a true-up", november, 1, (*month).playTrueUp},
		{"a sealed period", november, 2, (*month).playSealedPeriod},
	}
}

// playWaitingInvoice: a studio is paid only when its invoice has been handed in.
func (m *month) playWaitingInvoice(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-studio", "studio-1", "20000.00", civil.MustDate("2026-10-15"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.handInInvoice(ctx, s, "26332000000000000001"); err != nil {
		return "", err
	}
	s, err = m.payOut(ctx, s)
	return "held until finance handed the invoice in; " + figuresLine(s), err
}

// playManualHold: finance holds a settlement, checks it, and releases the hold.
func (m *month) playManualHold(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-manual", "live-1", "3000.00", civil.MustDate("2026-10-15"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.waitUntil(ctx, s, "a quote", isQuoted); err != nil {
		return "", err
	}
	if s.Hold == nil && s.Status == apiclient.PendingReview {
		if s, err = m.postAct(ctx, "finance", s, "hold",
			map[string]any{"reason": "MANUAL", "until": "2026-10-31",
				"text": "the number of viewers looks odd"}); err != nil {
			return "", err
		}
	}
	if s.Hold != nil {
		if s, err = m.postAct(ctx, "finance", s, "release", map[string]any{}); err != nil {
			return "", err
		}
	}
	s, err = m.payOut(ctx, s)
	return "held by finance for a look, released by finance; " + figuresLine(s), err
}

// playNetChanged: of two payables of a month the later one is booked first. The month's tax then
// falls on the earlier one, whose net amount drops after its approval and must be confirmed.
func (m *month) playNetChanged(ctx context.Context) (string, error) {
	day := civil.MustDate("2026-10-15")
	first, err := m.settleTips(ctx, "m-net", "live-1", "4000.00", day)
	if err != nil || hasEnded(first) {
		return "ended before: " + figuresLine(first), err
	}
	if first, err = m.waitUntil(ctx, first, "a quote", isQuoted); err != nil {
		return "", err
	}
	second, err := m.settleTips(ctx, "m-net", "live-2", "30000.00", day)
	if err != nil {
		return "", err
	}
	if _, err = m.payOut(ctx, second); err != nil {
		return "", err
	}
	before := *first.Net
	if first, err = m.approve(ctx, first); err != nil {
		return "", err
	}
	if first, err = m.waitUntil(ctx, first, "the hold", func(s apiclient.Settlement) bool {
		return isHeldFor("NET_CHANGED")(s) || hasEnded(s)
	}); err != nil {
		return "", err
	}
	if !hasEnded(first) {
		if first, err = m.postAct(ctx, "approver", first, "confirm-net",
			map[string]any{"net": *first.Net}); err != nil {
			return "", err
		}
	}
	first, err = m.waitUntil(ctx, first, "the payment", hasEnded)
	return "approved at " + before + ", an approver confirmed the new net; " + figuresLine(first), err
}

// playReturnedPayout: a payment is returned after it was paid; the payable is reopened and paid
// with a new payout key.
func (m *month) playReturnedPayout(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-return", "live-1", "5000.00", civil.MustDate("2026-10-15"))
	if err != nil {
		return "", err
	}
	if s.Reopens == nil && s.Status == apiclient.PendingReview {
		if err := m.injectFault(ctx, s, "late_return"); err != nil {
			return "", err
		}
	}
	if s.Reopens == nil {
		if s, err = m.payOut(ctx, s); err != nil {
			return "", err
		}
		s, err = m.waitUntil(ctx, s, "the money back", func(s apiclient.Settlement) bool {
			return s.Payout != nil && s.Payout.State == "RETURNED"
		})
		if err != nil {
			return "", err
		}
		if s, err = m.postAct(ctx, "approver", s, "reopen",
			map[string]any{"reason": "the creator's account is open again"}); err != nil {
			return "", err
		}
	}
	s, err = m.payOut(ctx, s)
	return "reopened as its second occurrence; " + figuresLine(s), err
}

// playRuleGap: from November on the VAT of natural persons is open law; a tax position of two
// people closes the gap.
func (m *month) playRuleGap(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-gap", "live-1", "6000.00", civil.MustDate("2026-11-16"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.waitUntil(ctx, s, "the hold", func(s apiclient.Settlement) bool {
		return isHeldFor("RULE_GAP")(s) || s.HasQuote()
	}); err != nil {
		return "", err
	}
	if err := m.decidePosition(ctx, monthTenant,
		apiclient.Position{PositionID: "pos-month-28", Rule: "vat.natural_person.withholding",
			Reading:  "daily_1000_at_1pct",
			Reasons:  "until the text of No. 28 can be read",
			Evidence: "minutes of the finance meeting 2026-11-02", From: "2026-11-01"}); err != nil {
		return "", err
	}
	if err := m.runSweeps(ctx); err != nil {
		return "", err
	}
	s, err = m.payOut(ctx, s)
	return "held until a tax position was decided by one and approved by another person; " +
			figuresLine(s),
		err
}

// playDispute: a creator disputes a line of the statement; only the settlement of this line waits
// until finance has answered.
func (m *month) playDispute(ctx context.Context) (string, error) {
	operator, err := m.clientAs(monthTenant, "operator")
	if err != nil {
		return "", err
	}
	line := apiclient.IncomeLine{LineID: disputedLine, CreatorID: "m-dispute",
		IncomeType: "live_tip", Platform: "douyin", AccountUID: "u-m-dispute", OccurredOn: "2026-09-18",
		ServicePeriod: "2026-09", GrossBeforePlatform: "9000.00", PlatformFee: "4500.00", Refund: "0.00",
		Subsidy: "0.00", Distributable: "4500.00"}
	if _, err := operator.UploadIncome(ctx, []apiclient.IncomeLine{line}); err != nil {
		return "", err
	}
	if err := m.callAs(ctx, "finance", http.MethodPost, "/v1/statements/run",
		map[string]any{"creator_id": "m-dispute", "date": "2026-10-15"}, nil); err != nil {
		return "", err
	}
	s, err := m.latestOccurrence(ctx, "m-dispute", "stmt:live_tip:2026-09")
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.waitUntil(ctx, s, "a quote", isQuoted); err != nil {
		return "", err
	}
	if err := m.disputeLine(ctx); err != nil {
		return "", err
	}
	if s, err = m.waitUntil(ctx, s, "the hold", isHeldFor("DISPUTED")); err != nil {
		return "", err
	}
	if err := m.callAs(ctx, "finance", http.MethodPost, disputedStatement+"resolve",
		map[string]any{"line_id": disputedLine, "outcome": "stands",
			"text": "the platform's figure was compared with its detail"}, nil); err != nil {
		return "", err
	}
	if s, err = m.waitUntil(ctx, s, "the end of the hold", func(s apiclient.Settlement) bool {
		return s.Hold == nil
	}); err != nil {
		return "", err
	}
	s, err = m.payOut(ctx, s)
	return "disputed by the creator, answered by finance, the line stands; " + figuresLine(s), err
}

// The income line that is disputed, and the path of its statement.
const (
	disputedLine      = "month-dispute-1"
	disputedStatement = "/v1/statements/m-dispute/2026-09/"
)

// disputeLine has finance send the statement and the creator dispute its line. A dispute of an
// earlier run is no error.
func (m *month) disputeLine(ctx context.Context) error {
	if err := m.callAs(ctx, "finance", http.MethodPost, disputedStatement+"send", map[string]any{},
		nil); err != nil {
		return err
	}
	creator, err := m.asCreator("m-dispute")
	if err != nil {
		return err
	}
	lines := []any{map[string]any{"line_id": disputedLine,
		"reason": "the room earned more that evening"}}
	_, err = creator.CallRoute(ctx, http.MethodPost, disputedStatement+"dispute",
		map[string]any{"lines": lines}, nil)
	if apiclient.IsConflict(err) {
		return nil
	}
	return err
}

// playRiskHold: an amount above the limit of the agency is held by its review rules until finance
// has released it.
func (m *month) playRiskHold(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-risk", "live-1", "45000.00", civil.MustDate("2026-10-15"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.waitUntil(ctx, s, "a quote", isQuoted); err != nil {
		return "", err
	}
	if s, err = m.submit(ctx, s); err != nil {
		return "", err
	}
	if s.Status == apiclient.InReview {
		if s, err = m.waitUntil(ctx, s, "the hold", func(s apiclient.Settlement) bool {
			return isHeldFor("RISK")(s) || s.Status != apiclient.InReview
		}); err != nil {
			return "", err
		}
	}
	if s.Hold != nil {
		if s, err = m.postAct(ctx, "finance", s, "release", map[string]any{}); err != nil {
			return "", err
		}
	}
	s, err = m.payOut(ctx, s)
	return "above the agency's limit, released by finance; " + figuresLine(s), err
}

// playPaperMissing: the business licence of a studio has expired; the hold ends when the renewed
// licence is recorded.
func (m *month) playPaperMissing(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-paper", "studio-1", "8000.00", civil.MustDate("2026-10-15"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	if s, err = m.waitUntil(ctx, s, "the hold", func(s apiclient.Settlement) bool {
		return isHeldFor("PAPER_MISSING")(s) || isHeldFor("WAITING_INVOICE")(s) || isDecided(s)
	}); err != nil {
		return "", err
	}
	if isHeldFor("PAPER_MISSING")(s) {
		if err := m.renewLicence(ctx); err != nil {
			return "", err
		}
		if err := sleep(ctx, masterMemo); err != nil {
			return "", err
		}
		if err := m.runSweeps(ctx); err != nil {
			return "", err
		}
	}
	if s, err = m.waitUntil(ctx, s, "the end of the hold", func(s apiclient.Settlement) bool {
		return !isHeldFor("PAPER_MISSING")(s)
	}); err != nil {
		return "", err
	}
	if s, err = m.handInInvoice(ctx, s, "26332000000000000002"); err != nil {
		return "", err
	}
	s, err = m.payOut(ctx, s)
	return "held until the new business licence was recorded; " + figuresLine(s), err
}

// masterMemo is how long a warm function may use master data that it has cached.
const masterMemo = 31 * time.Second

// renewLicence records the business licence without an end date.
func (m *month) renewLicence(ctx context.Context) error {
	_, taxpayers, _, _ := monthMaster()
	for _, t := range taxpayers {
		if t.TaxpayerID != "tp-m-paper" {
			continue
		}
		var now struct {
			Version int `json:"version"`
		}
		if err := m.callAs(ctx, "admin", http.MethodGet, string("/v1/taxpayers/"+t.TaxpayerID), nil,
			&now); err != nil {
			return err
		}
		t.Profiles[0].Papers[0].To = ""
		return m.callAs(ctx, "admin", http.MethodPut, string("/v1/taxpayers/"+t.TaxpayerID),
			map[string]any{"version": now.Version, "from": "2026-10-01", "profiles": t.Profiles}, nil)
	}
	return nil
}

// handInInvoice hands in the invoice for which a studio's settlement waits.
func (m *month) handInInvoice(ctx context.Context, s apiclient.Settlement,
	number string) (apiclient.Settlement, error) {
	s, err := m.waitUntil(ctx, s, "the hold for the invoice", func(s apiclient.Settlement) bool {
		return isHeldFor("WAITING_INVOICE")(s) || s.Status == apiclient.Approved || hasEnded(s)
	})
	if err != nil || s.Hold == nil {
		return s, err
	}
	file := sha256.Sum256([]byte("invoice " + number))
	return m.postAct(ctx, "finance", s, "invoice",
		map[string]any{"number": number, "issued_on": "2026-10-15", "amount": s.CreatorShare,
			"file_sha256": hex.EncodeToString(file[:])})
}

// playSetOff: a claim on a creator, approved by a second person, is set off against a settlement.
func (m *month) playSetOff(ctx context.Context) (string, error) {
	claim := map[string]any{"receivable_id": "month-penalty-1", "creator_id": "m-setoff",
		"paying_entity": monthEntity, "kind": "penalty", "amount": "200.00",
		"document": "agreement of 2026-09-28", "reason": "a scheduled room was not opened"}
	if err := m.callAs(ctx, "finance", http.MethodPost, "/v1/receivables", claim, nil); err != nil {
		return "", err
	}
	if err := m.callAs(ctx, "admin", http.MethodPost, "/v1/receivables/month-penalty-1/approve",
		map[string]any{}, nil); err != nil && !apiclient.IsConflict(err) {
		return "", err
	}
	s, err := m.settleTips(ctx, "m-setoff", "live-1", "4000.00", civil.MustDate("2026-10-15"))
	if err != nil || hasEnded(s) {
		return "ended before: " + figuresLine(s), err
	}
	s, err = m.payOut(ctx, s)
	return "a penalty of 200.00 that two people confirmed; " + figuresLine(s), err
}

// playSealedPeriod: the accounting period of October is checked, closed by one person and sealed
// by another.
func (m *month) playSealedPeriod(ctx context.Context) (string, error) {
	path := "/v1/ledger/periods/" + monthEntity + "/2026-10"
	var p period
	err := m.callAs(ctx, "auditor", http.MethodGet, path, nil, &p)
	if err == nil && p.State == "sealed" {
		return "sealed before, " + p.summary(), nil
	}
	if err := m.callAs(ctx, "finance", http.MethodPost, path+"/close", map[string]any{},
		&p); err != nil {
		return "", err
	}
	var refused error
	err = pollUntil(ctx, scenePatience, 2*time.Second, func() (bool, error) {
		refused = m.callAs(ctx, "approver", http.MethodPost, path+"/seal", map[string]any{}, &p)
		if refused != nil && !apiclient.IsConflict(refused) {
			return false, refused
		}
		return refused == nil && p.State == "sealed", nil
	}, func() string { return fmt.Sprint("the seal: ", refused) })
	return "closed by finance, checked, sealed by an approver, " + p.summary(), err
}

// period is the part of a sealed period that the scene reports.
type period struct {
	State  string  `json:"state"`
	Hash   *string `json:"hash"`
	Checks []struct {
		Name   string `json:"name"`
		Result string `json:"result"`
	} `json:"checks"`
}

// summary returns the state of a sealed month with its trial balance in one line.
func (p period) summary() string {
	passed := 0
	for _, c := range p.Checks {
		if c.Result == "passed" {
			passed++
		}
	}
	if p.Hash == nil {
		return p.State
	}
	return fmt.Sprintf("%d of %d checks passed, SM3 %.16s", passed, len(p.Checks), *p.Hash)
}

// playScoutShare: a scout who gets a share of the income is paid by a separate settlement, which
// is opened after the main settlement is approved.
func (m *month) playScoutShare(ctx context.Context) (string, error) {
	s, err := m.settleTips(ctx, "m-party", "live-1", "6000.00", civil.MustDate("2026-10-15"))
	if err != nil {
		return "", err
	}
	if s, err = m.payOut(ctx, s); err != nil {
		return "", err
	}
	scout, err := m.latestOccurrence(ctx, "m-scout", string("party:"+s.SettlementID))
	if err != nil {
		return "", err
	}
	scout, err = m.payOut(ctx, scout)
	return figuresLine(s) + "; the scout's own settlement: " + figuresLine(scout), err
}

// playLateReturn: of two payments of a month the earlier one is returned after the later one was
// taxed on the total of both.
func (m *month) playLateReturn(ctx context.Context) (string, error) {
	day := civil.MustDate("2026-10-15")
	first, err := m.settleTips(ctx, "m-trueup", "live-1", "30000.00", day)
	if err != nil {
		return "", err
	}
	if first.Reopens != nil || (first.Payout != nil && first.Payout.State == "RETURNED") {
		return "the first payment came back before", nil
	}
	if first, err = m.payOut(ctx, first); err != nil {
		return "", err
	}
	second, err := m.settleTips(ctx, "m-trueup", "live-2", "20000.00", day)
	if err != nil {
		return "", err
	}
	if second, err = m.payOut(ctx, second); err != nil {
		return "", err
	}
	if err := m.controlGateway(ctx, "return",
		map[string]string{"out_bill_no": first.Payout.Key}); err != nil {
		return "", err
	}
	_, err = m.waitUntil(ctx, first, "the money back", func(s apiclient.Settlement) bool {
		return s.Payout != nil && s.Payout.State == "RETURNED"
	})
	return "the first payment came back; " + figuresLine(second), err
}

// playTrueUp: the returned payment is made again in November, so that October was taxed too high
// for the remaining payment. Two people decide to give the difference back, and the next
// settlement pays it.
func (m *month) playTrueUp(ctx context.Context) (string, error) {
	first, err := m.latestOccurrence(ctx, "m-trueup", "live-1")
	if err != nil {
		return "", err
	}
	if first.Reopens == nil {
		if first, err = m.postAct(ctx, "approver", first, "reopen",
			map[string]any{"reason": "the account is open again"}); err != nil {
			return "", err
		}
	}
	if _, err = m.payOut(ctx, first); err != nil {
		return "", err
	}
	how, err := m.giveTaxBack(ctx)
	if err != nil {
		return "", err
	}
	next, err := m.settleTips(ctx, "m-trueup", "live-3", "1000.00", civil.MustDate("2026-11-16"))
	if err != nil {
		return "", err
	}
	next, err = m.payOut(ctx, next)
	return how + "; the next settlement: " + figuresLine(next), err
}

// giveTaxBack has two people decide to give back what the open true-ups of October show as taxed
// too high.
func (m *month) giveTaxBack(ctx context.Context) (how string, err error) {
	var open struct {
		TrueUps []struct {
			ID         string         `json:"true_up_id"`
			Taxpayer   ident.Taxpayer `json:"taxpayer_id"`
			Tax        string         `json:"tax"`
			Difference string         `json:"difference"`
		} `json:"true_ups"`
	}
	if err := m.callAs(ctx, "finance", http.MethodGet, "/v1/tax/true-ups?paying_entity="+monthEntity+
		"&month=2026-10", nil, &open); err != nil {
		return "", err
	}
	how = "decided before"
	for _, u := range open.TrueUps {
		if u.Taxpayer != "tp-m-trueup" {
			continue
		}
		path := "/v1/tax/true-ups/" + u.ID
		if err := m.callAs(ctx, "finance", http.MethodPost, path+"/decide",
			map[string]any{"decision": "give_back", "reason": "withheld on money that came back"},
			nil); err != nil {
			return "", err
		}
		if err := m.callAs(ctx, "admin", http.MethodPost, path+"/confirm", nil, nil); err != nil {
			return "", err
		}
		how = u.Tax + " of October off by " + u.Difference + ", given back by two people"
	}
	return how, nil
}
