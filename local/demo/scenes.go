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

// scenes are what happens in the agency's month, by business date. Each name says what stops the
// money.
func scenes() []scene {
	october := civil.MustDate("2026-10-15")
	november := civil.MustDate("2026-11-16")
	return []scene{
		{"hold WAITING_INVOICE", october, 0, (*month).waitingInvoice},
		{"hold MANUAL", october, 0, (*month).manual},
		{"hold NET_CHANGED", october, 0, (*month).netChanged},
		{"a payout comes back", october, 0, (*month).returned},
		{"a disputed line", october, 0, (*month).disputed},
		{"hold RISK", october, 0, (*month).risk},
		{"hold PAPER_MISSING", october, 0, (*month).paperMissing},
		{"a set-off", october, 0, (*month).setOff},
		{"a scout's part", october, 0, (*month).party},
		{"a month taxed too high", october, 0, (*month).comesBack},
		{"hold RULE_GAP", november, 0, (*month).ruleGap},
		{"a true-up", november, 1, (*month).trueUp},
		{"a sealed period", november, 2, (*month).sealed},
	}
}

// waitingInvoice: a studio is paid against its invoice, and waits until that is here.
func (m *month) waitingInvoice(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-studio", "studio-1", "20000.00", civil.MustDate("2026-10-15"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.handIn(ctx, s, "26332000000000000001"); err != nil {
		return "", err
	}
	s, err = m.pay(ctx, s)
	return "held until finance handed the invoice in; " + sum(s), err
}

// manual: finance wants to look again, and then lets it go.
func (m *month) manual(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-manual", "live-1", "3000.00", civil.MustDate("2026-10-15"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.wait(ctx, s, "a quote", quoted); err != nil {
		return "", err
	}
	if s.Hold == nil && s.Status == apiclient.PendingReview {
		if s, err = m.act(ctx, "finance", s, "hold",
			map[string]any{"reason": "MANUAL", "until": "2026-10-31",
				"text": "the number of viewers looks odd"}); err != nil {
			return "", err
		}
	}
	if s.Hold != nil {
		if s, err = m.act(ctx, "finance", s, "release", map[string]any{}); err != nil {
			return "", err
		}
	}
	s, err = m.pay(ctx, s)
	return "held by finance for a look, released by finance; " + sum(s), err
}

// netChanged: the later payable of a month is booked first, so that the month's tax weighs on the
// earlier one, whose net falls after its approval.
func (m *month) netChanged(ctx context.Context) (string, error) {
	day := civil.MustDate("2026-10-15")
	first, err := m.open(ctx, "m-net", "live-1", "4000.00", day)
	if err != nil || ended(first) {
		return "ended before: " + sum(first), err
	}
	if first, err = m.wait(ctx, first, "a quote", quoted); err != nil {
		return "", err
	}
	second, err := m.open(ctx, "m-net", "live-2", "30000.00", day)
	if err != nil {
		return "", err
	}
	if _, err = m.pay(ctx, second); err != nil {
		return "", err
	}
	before := *first.Net
	if first, err = m.approve(ctx, first); err != nil {
		return "", err
	}
	if first, err = m.wait(ctx, first, "the hold", func(s apiclient.Settlement) bool {
		return held("NET_CHANGED")(s) || ended(s)
	}); err != nil {
		return "", err
	}
	if !ended(first) {
		if first, err = m.act(ctx, "approver", first, "confirm-net",
			map[string]any{"net": *first.Net}); err != nil {
			return "", err
		}
	}
	first, err = m.wait(ctx, first, "the payment", ended)
	return "approved at " + before + ", an approver confirmed the new net; " + sum(first), err
}

// returned: the gateway pays and the money comes back; the payable is reopened and paid under a new
// key.
func (m *month) returned(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-return", "live-1", "5000.00", civil.MustDate("2026-10-15"))
	if err != nil {
		return "", err
	}
	if s.Reopens == nil && s.Status == apiclient.PendingReview {
		if err := m.misbehave(ctx, s, "late_return"); err != nil {
			return "", err
		}
	}
	if s.Reopens == nil {
		if s, err = m.pay(ctx, s); err != nil {
			return "", err
		}
		s, err = m.wait(ctx, s, "the money back", func(s apiclient.Settlement) bool {
			return s.Payout != nil && s.Payout.State == "RETURNED"
		})
		if err != nil {
			return "", err
		}
		if s, err = m.act(ctx, "approver", s, "reopen",
			map[string]any{"reason": "the creator's account is open again"}); err != nil {
			return "", err
		}
	}
	s, err = m.pay(ctx, s)
	return "reopened as its second occurrence; " + sum(s), err
}

// ruleGap: from November the VAT of natural persons is open law; a tax position of two people
// closes the gap.
func (m *month) ruleGap(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-gap", "live-1", "6000.00", civil.MustDate("2026-11-16"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.wait(ctx, s, "the hold", func(s apiclient.Settlement) bool {
		return held("RULE_GAP")(s) || s.Quoted()
	}); err != nil {
		return "", err
	}
	if err := m.decide(ctx, monthTenant,
		apiclient.Position{PositionID: "pos-month-28", Rule: "vat.natural_person.withholding",
			Reading:  "daily_1000_at_1pct",
			Reasons:  "until the text of No. 28 can be read",
			Evidence: "minutes of the finance meeting 2026-11-02", From: "2026-11-01"}); err != nil {
		return "", err
	}
	if err := m.sweep(ctx); err != nil {
		return "", err
	}
	s, err = m.pay(ctx, s)
	return "held until a tax position was decided by one and approved by another person; " + sum(s),
		err
}

// disputed: the creator disputes a line of the statement; only that settlement waits until finance
// has answered.
func (m *month) disputed(ctx context.Context) (string, error) {
	operator, err := m.as(monthTenant, "operator")
	if err != nil {
		return "", err
	}
	line := apiclient.IncomeLine{LineID: "month-dispute-1", CreatorID: "m-dispute",
		IncomeType: "live_tip", Platform: "douyin", AccountUID: "u-m-dispute", OccurredOn: "2026-09-18",
		ServicePeriod: "2026-09", GrossBeforePlatform: "9000.00", PlatformFee: "4500.00", Refund: "0.00",
		Subsidy: "0.00", Distributable: "4500.00"}
	if _, err := operator.UploadIncome(ctx, []apiclient.IncomeLine{line}); err != nil {
		return "", err
	}
	if err := m.by(ctx, "finance", http.MethodPost, "/v1/statements/run",
		map[string]any{"creator_id": "m-dispute", "date": "2026-10-15"}, nil); err != nil {
		return "", err
	}
	s, err := m.standing(ctx, "m-dispute", "stmt:live_tip:2026-09")
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.wait(ctx, s, "a quote", quoted); err != nil {
		return "", err
	}
	path := "/v1/statements/m-dispute/2026-09/"
	if err := m.by(ctx, "finance", http.MethodPost, path+"send", map[string]any{}, nil); err != nil {
		return "", err
	}
	creator, err := m.asCreator("m-dispute")
	if err != nil {
		return "", err
	}
	if _, err := creator.Ask(ctx, http.MethodPost, path+"dispute",
		map[string]any{"lines": []any{
			map[string]any{"line_id": line.LineID, "reason": "the room earned more that evening"}}},
		nil); err != nil && !apiclient.IsConflict(err) {
		return "", err
	}
	if s, err = m.wait(ctx, s, "the hold", held("DISPUTED")); err != nil {
		return "", err
	}
	if err := m.by(ctx, "finance", http.MethodPost, path+"resolve",
		map[string]any{"line_id": line.LineID, "outcome": "stands",
			"text": "the platform's figure was compared with its detail"}, nil); err != nil {
		return "", err
	}
	if s, err = m.wait(ctx, s, "the end of the hold", func(s apiclient.Settlement) bool {
		return s.Hold == nil
	}); err != nil {
		return "", err
	}
	s, err = m.pay(ctx, s)
	return "disputed by the creator, answered by finance, the line stands; " + sum(s), err
}

// risk: an amount above what the agency lets pass is held by its rules of review until finance has
// looked.
func (m *month) risk(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-risk", "live-1", "45000.00", civil.MustDate("2026-10-15"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.wait(ctx, s, "a quote", quoted); err != nil {
		return "", err
	}
	if s, err = m.submit(ctx, s); err != nil {
		return "", err
	}
	if s.Status == apiclient.InReview {
		if s, err = m.wait(ctx, s, "the hold", func(s apiclient.Settlement) bool {
			return held("RISK")(s) || s.Status != apiclient.InReview
		}); err != nil {
			return "", err
		}
	}
	if s.Hold != nil {
		if s, err = m.act(ctx, "finance", s, "release", map[string]any{}); err != nil {
			return "", err
		}
	}
	s, err = m.pay(ctx, s)
	return "above the agency's limit, released by finance; " + sum(s), err
}

// paperMissing: the studio's business licence has run out; the hold ends when the new one is
// recorded.
func (m *month) paperMissing(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-paper", "studio-1", "8000.00", civil.MustDate("2026-10-15"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	if s, err = m.wait(ctx, s, "the hold", func(s apiclient.Settlement) bool {
		return held("PAPER_MISSING")(s) || held("WAITING_INVOICE")(s) || decided(s)
	}); err != nil {
		return "", err
	}
	if held("PAPER_MISSING")(s) {
		if err := m.renewLicence(ctx); err != nil {
			return "", err
		}
		if err := sleep(ctx, masterMemo); err != nil {
			return "", err
		}
		if err := m.sweep(ctx); err != nil {
			return "", err
		}
	}
	if s, err = m.wait(ctx, s, "the end of the hold", func(s apiclient.Settlement) bool {
		return !held("PAPER_MISSING")(s)
	}); err != nil {
		return "", err
	}
	if s, err = m.handIn(ctx, s, "26332000000000000002"); err != nil {
		return "", err
	}
	s, err = m.pay(ctx, s)
	return "held until the new business licence was recorded; " + sum(s), err
}

// masterMemo is how long a warm function may remember master data.
const masterMemo = 31 * time.Second

// renewLicence records the licence without an end.
func (m *month) renewLicence(ctx context.Context) error {
	_, taxpayers, _, _ := monthMaster()
	for _, t := range taxpayers {
		if t.TaxpayerID != "tp-m-paper" {
			continue
		}
		var now struct {
			Version int `json:"version"`
		}
		if err := m.by(ctx, "admin", http.MethodGet, string("/v1/taxpayers/"+t.TaxpayerID), nil,
			&now); err != nil {
			return err
		}
		t.Profiles[0].Papers[0].To = ""
		return m.by(ctx, "admin", http.MethodPut, string("/v1/taxpayers/"+t.TaxpayerID),
			map[string]any{"version": now.Version, "from": "2026-10-01", "profiles": t.Profiles}, nil)
	}
	return nil
}

// handIn hands in the invoice that a studio's settlement waits for.
func (m *month) handIn(ctx context.Context, s apiclient.Settlement,
	number string) (apiclient.Settlement, error) {
	s, err := m.wait(ctx, s, "the hold for the invoice", func(s apiclient.Settlement) bool {
		return held("WAITING_INVOICE")(s) || s.Status == apiclient.Approved || ended(s)
	})
	if err != nil || s.Hold == nil {
		return s, err
	}
	file := sha256.Sum256([]byte("invoice " + number))
	return m.act(ctx, "finance", s, "invoice",
		map[string]any{"number": number, "issued_on": "2026-10-15", "amount": s.CreatorShare,
			"file_sha256": hex.EncodeToString(file[:])})
}

// setOff: what a creator owes is taken from what it is paid, after two people have seen it.
func (m *month) setOff(ctx context.Context) (string, error) {
	claim := map[string]any{"receivable_id": "month-penalty-1", "creator_id": "m-setoff",
		"paying_entity": monthEntity, "kind": "penalty", "amount": "200.00",
		"document": "agreement of 2026-09-28", "reason": "a scheduled room was not opened"}
	if err := m.by(ctx, "finance", http.MethodPost, "/v1/receivables", claim, nil); err != nil {
		return "", err
	}
	if err := m.by(ctx, "admin", http.MethodPost, "/v1/receivables/month-penalty-1/approve",
		map[string]any{}, nil); err != nil && !apiclient.IsConflict(err) {
		return "", err
	}
	s, err := m.open(ctx, "m-setoff", "live-1", "4000.00", civil.MustDate("2026-10-15"))
	if err != nil || ended(s) {
		return "ended before: " + sum(s), err
	}
	s, err = m.pay(ctx, s)
	return "a penalty of 200.00 that two people confirmed; " + sum(s), err
}

// sealed: the books of October are checked, closed by one person and sealed by another.
func (m *month) sealed(ctx context.Context) (string, error) {
	path := "/v1/ledger/periods/" + monthEntity + "/2026-10"
	var p period
	err := m.by(ctx, "auditor", http.MethodGet, path, nil, &p)
	if err == nil && p.State == "sealed" {
		return "sealed before, " + p.tell(), nil
	}
	if err := m.by(ctx, "finance", http.MethodPost, path+"/close", map[string]any{}, &p); err != nil {
		return "", err
	}
	var refused error
	err = until(ctx, scenePatience, 2*time.Second, func() (bool, error) {
		refused = m.by(ctx, "approver", http.MethodPost, path+"/seal", map[string]any{}, &p)
		if refused != nil && !apiclient.IsConflict(refused) {
			return false, refused
		}
		return refused == nil && p.State == "sealed", nil
	}, func() string { return fmt.Sprint("the seal: ", refused) })
	return "closed by finance, checked, sealed by an approver, " + p.tell(), err
}

// period is what the scene tells of a sealed month.
type period struct {
	State  string  `json:"state"`
	Hash   *string `json:"hash"`
	Checks []struct {
		Name   string `json:"name"`
		Result string `json:"result"`
	} `json:"checks"`
}

func (p period) tell() string {
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

// party: a payee beside the creator is paid its part by a settlement of its own, opened once the
// main one is approved.
func (m *month) party(ctx context.Context) (string, error) {
	s, err := m.open(ctx, "m-party", "live-1", "6000.00", civil.MustDate("2026-10-15"))
	if err != nil {
		return "", err
	}
	if s, err = m.pay(ctx, s); err != nil {
		return "", err
	}
	scout, err := m.standing(ctx, "m-scout", string("party:"+s.SettlementID))
	if err != nil {
		return "", err
	}
	scout, err = m.pay(ctx, scout)
	return sum(s) + "; the scout's own settlement: " + sum(scout), err
}

// comesBack: of two payments of a month the earlier one comes back after the later one was taxed on
// both.
func (m *month) comesBack(ctx context.Context) (string, error) {
	day := civil.MustDate("2026-10-15")
	first, err := m.open(ctx, "m-trueup", "live-1", "30000.00", day)
	if err != nil {
		return "", err
	}
	if first.Reopens != nil || (first.Payout != nil && first.Payout.State == "RETURNED") {
		return "the first payment came back before", nil
	}
	if first, err = m.pay(ctx, first); err != nil {
		return "", err
	}
	second, err := m.open(ctx, "m-trueup", "live-2", "20000.00", day)
	if err != nil {
		return "", err
	}
	if second, err = m.pay(ctx, second); err != nil {
		return "", err
	}
	if err := m.control(ctx, "return",
		map[string]string{"out_bill_no": first.Payout.Key}); err != nil {
		return "", err
	}
	_, err = m.wait(ctx, first, "the money back", func(s apiclient.Settlement) bool {
		return s.Payout != nil && s.Payout.State == "RETURNED"
	})
	return "the first payment came back; " + sum(second), err
}

// trueUp: the payment that came back is made again in November, so that October was taxed too high
// for what is left in it; two people decide to give the difference back, and the next settlement
// pays it.
func (m *month) trueUp(ctx context.Context) (string, error) {
	first, err := m.standing(ctx, "m-trueup", "live-1")
	if err != nil {
		return "", err
	}
	if first.Reopens == nil {
		if first, err = m.act(ctx, "approver", first, "reopen",
			map[string]any{"reason": "the account is open again"}); err != nil {
			return "", err
		}
	}
	if _, err = m.pay(ctx, first); err != nil {
		return "", err
	}
	var open struct {
		TrueUps []struct {
			ID         string         `json:"true_up_id"`
			Taxpayer   ident.Taxpayer `json:"taxpayer_id"`
			Tax        string         `json:"tax"`
			Difference string         `json:"difference"`
		} `json:"true_ups"`
	}
	if err := m.by(ctx, "finance", http.MethodGet, "/v1/tax/true-ups?paying_entity="+monthEntity+
		"&month=2026-10", nil, &open); err != nil {
		return "", err
	}
	how := "decided before"
	for _, u := range open.TrueUps {
		if u.Taxpayer != "tp-m-trueup" {
			continue
		}
		path := "/v1/tax/true-ups/" + u.ID
		if err := m.by(ctx, "finance", http.MethodPost, path+"/decide",
			map[string]any{"decision": "give_back", "reason": "withheld on money that came back"},
			nil); err != nil {
			return "", err
		}
		if err := m.by(ctx, "admin", http.MethodPost, path+"/confirm", nil, nil); err != nil {
			return "", err
		}
		how = u.Tax + " of October off by " + u.Difference + ", given back by two people"
	}
	next, err := m.open(ctx, "m-trueup", "live-3", "1000.00", civil.MustDate("2026-11-16"))
	if err != nil {
		return "", err
	}
	next, err = m.pay(ctx, next)
	return how + "; the next settlement: " + sum(next), err
}
