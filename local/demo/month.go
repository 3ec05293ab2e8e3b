package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/local/apiclient"
	"fenzhang/local/tokens"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// month plays the scenes of one agency. In each scene an obstacle stops a payment, and the scene
// ends with the payment, or with the reason why there is none. A scene that an earlier run has
// played changes nothing and only reports the result.
type month struct {
	*demo
	mu    sync.Mutex
	lines []string
}

// scene is one thing that happens on a business date. The scenes of one turn run in parallel, the
// turns of a date one after the other.
type scene struct {
	name string
	on   civil.Date
	turn int
	play func(*month, context.Context) (string, error)
}

// scenePatience is how long a scene waits for the next change of a settlement.
const scenePatience = 60 * time.Second

// playAlone plays the scenes of all dates without the sample data, and checks the agency's ledger.
func (m *month) playAlone(ctx context.Context) error {
	if err := m.loadMonthMaster(ctx); err != nil {
		return err
	}
	var last civil.Date
	for _, s := range scenes() { // in the order of their dates
		if s.on == last {
			continue
		}
		last = s.on
		if err := m.setDate(ctx, s.on); err != nil {
			return err
		}
		if err := m.playMonth(ctx, s.on); err != nil {
			return err
		}
	}
	auditor, err := m.clientAs(monthTenant, "auditor")
	if err != nil {
		return err
	}
	unexplained, err := m.checkLedger(ctx, auditor)
	if err == nil && !unexplained.IsZero() {
		err = fmt.Errorf("%s: the ledger has %s unexplained", monthTenant, unexplained)
	}
	m.report.printf("%s: %d fen unexplained", monthTenant, unexplained.Fen())
	return err
}

// playMonth plays the scenes of a business date.
func (m *month) playMonth(ctx context.Context, on civil.Date) error {
	// scenes of a later turn need the results of the earlier turns
	for turn, left := 0, true; left; turn++ {
		left = false
		group, ctx := errgroup.WithContext(ctx)
		for _, s := range scenes() {
			left = left || (s.on == on && s.turn > turn)
			if s.on != on || s.turn != turn {
				continue
			}
			group.Go(func() error {
				how, err := s.play(m, ctx)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				m.reportScene(s.name, how)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// reportScene prints how a scene ended and keeps the line for the summary.
func (m *month) reportScene(name, how string) {
	m.report.printf("%-10s %s: %s", monthTenant, name, how)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, fmt.Sprintf("%-22s %s", name, how))
	slices.Sort(m.lines)
}

// loadMonthMaster posts the agency's master data.
func (m *month) loadMonthMaster(ctx context.Context) error {
	entities, taxpayers, creators, contracts := monthMaster()
	for _, set := range []struct {
		kind    apiclient.Kind
		objects []any
	}{{apiclient.PayingEntities, toAny(entities)}, {apiclient.Taxpayers, toAny(taxpayers)},
		{apiclient.Creators, toAny(creators)}, {apiclient.Contracts, toAny(contracts)}} {
		if err := m.createObjects(ctx, monthTenant, set.kind, set.objects); err != nil {
			return err
		}
	}
	return m.setReviewRules(ctx)
}

// setReviewRules sets the agency's own review rules: large amounts are held, and studios need a
// business licence.
func (m *month) setReviewRules(ctx context.Context) error {
	var rules map[string]any
	if err := m.callAs(ctx, "admin", http.MethodGet, "/v1/review-rules", nil, &rules); err != nil {
		return err
	}
	// the default rules have version 0
	if v, _ := rules["version"].(float64); v > 0 {
		return nil // set by an earlier run
	}
	for _, c := range jsonObjects(rules["checks"]) {
		if c["code"] == "amount" {
			c["amount"], c["effect"] = "40000.00", "hold_risk"
		}
	}
	for _, p := range jsonObjects(rules["papers"]) {
		if p["paper"] == "business_licence" {
			p["on"] = true
		}
	}
	rules["from"] = "2026-01-01"
	return m.callAs(ctx, "admin", http.MethodPut, "/v1/review-rules", rules, nil)
}

// jsonObjects returns the objects of a decoded JSON array.
func jsonObjects(v any) []map[string]any {
	var out []map[string]any
	items, _ := v.([]any)
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// callAs calls a route as a person with a role. An act that was done before is no error.
func (m *month) callAs(ctx context.Context, role, method, path string, in, out any) error {
	c, err := m.clientAs(monthTenant, role)
	if err != nil {
		return err
	}
	if _, err = c.CallRoute(ctx, method, path, in, out); err != nil {
		return fmt.Errorf("%s %s %s: %w", role, method, path, err)
	}
	return nil
}

// asCreator returns the API client of a creator.
func (m *month) asCreator(creator ident.Creator) (*apiclient.Client, error) {
	token, err := m.signer.Sign(tokens.Claims{Tenant: monthTenant, Roles: []string{"creator"},
		Creator: creator})
	if err != nil {
		return nil, err
	}
	return apiclient.New(m.vars["FENZHANG_API_URL"], apiclient.StaticToken(token),
		apiclient.WithDevice("demo-creator"), apiclient.WithRetries(8, 250*time.Millisecond)), nil
}

// settleTips settles live tips of a creator by a settle call and returns the settlement, which may
// exist from an earlier run.
func (m *month) settleTips(ctx context.Context, creator ident.Creator, activity, amount string,
	on civil.Date) (apiclient.Settlement, error) {
	operator, err := m.clientAs(monthTenant, "operator")
	if err != nil {
		return apiclient.Settlement{}, err
	}
	// the income is of the month before, as in a statement
	ts := on.Month().Add(-1).Day(20).Start().UnixMilli()
	_, _, err = operator.Settle(ctx, string("month-"+creator+"-")+activity,
		apiclient.SettleRequest{UserID: string(creator), ActivityID: activity, TS: ts, Amount: amount,
			IncomeType: "live_tip"})
	if err != nil && !apiclient.IsConflict(err) {
		return apiclient.Settlement{}, err
	}
	return m.latestOccurrence(ctx, creator, activity)
}

// latestOccurrence reads the settlement of a payable that was not reopened by a later one.
func (m *month) latestOccurrence(ctx context.Context, creator ident.Creator,
	activity string) (apiclient.Settlement, error) {
	auditor, err := m.clientAs(monthTenant, "auditor")
	if err != nil {
		return apiclient.Settlement{}, err
	}
	var found *apiclient.Settlement
	err = pollUntil(ctx, scenePatience, 300*time.Millisecond, func() (bool, error) {
		all, err := auditor.AllSettlements(ctx, apiclient.Filter{CreatorID: creator})
		i := slices.IndexFunc(all, func(s apiclient.Settlement) bool {
			return s.ActivityID == activity && s.ReopenedBy == nil
		})
		if i >= 0 {
			found = &all[i]
		}
		return i >= 0, err
	}, func() string { return "no settlement " + activity + " of " + string(creator) })
	if err != nil {
		return apiclient.Settlement{}, err
	}
	return *found, nil
}

// waitUntil reads a settlement repeatedly until a condition holds.
func (m *month) waitUntil(ctx context.Context, s apiclient.Settlement, what string,
	wanted func(apiclient.Settlement) bool) (apiclient.Settlement, error) {
	auditor, err := m.clientAs(monthTenant, "auditor")
	if err != nil {
		return s, err
	}
	err = pollUntil(ctx, scenePatience, 300*time.Millisecond, func() (bool, error) {
		var err error
		s, err = auditor.Settlement(ctx, s.SettlementID)
		return err == nil && wanted(s), err
	}, func() string { return what + "; " + string(s.SettlementID) + " is " + stateText(s) })
	return s, err
}

// isHeldFor returns a condition: the settlement is on hold for a reason.
func isHeldFor(reason string) func(apiclient.Settlement) bool {
	return func(s apiclient.Settlement) bool { return s.HeldFor() == reason }
}

// isQuoted reports whether the taxes of a settlement have been computed.
func isQuoted(s apiclient.Settlement) bool { return s.HasQuote() }

// hasEnded reports whether a settlement is paid or failed.
func hasEnded(s apiclient.Settlement) bool {
	return s.Status == apiclient.Paid || s.Status == apiclient.Failed
}

// isDecided reports whether people have approved or rejected a settlement.
func isDecided(s apiclient.Settlement) bool {
	return s.Status != apiclient.PendingReview && s.Status != apiclient.InReview
}

// submit has finance submit a settlement for review.
func (m *month) submit(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	if s.Status != apiclient.PendingReview {
		return s, nil
	}
	return m.transition(ctx, "finance", s, apiclient.InReview)
}

// approve submits a settlement and has an approver approve it.
func (m *month) approve(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	s, err := m.submit(ctx, s)
	if err != nil || s.Status != apiclient.InReview {
		return s, err
	}
	return m.transition(ctx, "approver", s, apiclient.Approved)
}

// transition moves a settlement to a status as a person with a role, and repeats the call after a
// conflict with a change by the system.
func (m *month) transition(ctx context.Context, role string, s apiclient.Settlement,
	to string) (apiclient.Settlement, error) {
	c, err := m.clientAs(monthTenant, role)
	if err != nil {
		return s, err
	}
	for {
		out, err := c.Transition(ctx, s.SettlementID, to, s.StatusVersion, "")
		// the system may have changed the settlement since it was read
		if !apiclient.IsConflict(err) {
			return out, err
		}
		now, err := m.waitUntil(ctx, s, "moved by somebody else", func(apiclient.Settlement) bool {
			return true
		})
		if err != nil || now.StatusVersion != s.StatusVersion {
			return now, err
		}
		if err := sleep(ctx, 300*time.Millisecond); err != nil {
			return s, err
		}
	}
}

// payOut takes a settlement without obstacles from the quote to the payment.
func (m *month) payOut(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	s, err := m.waitUntil(ctx, s, "a quote", func(s apiclient.Settlement) bool {
		return s.HasQuote() || hasEnded(s)
	})
	if err != nil || hasEnded(s) {
		return s, err
	}
	if s, err = m.approve(ctx, s); err != nil {
		return s, err
	}
	return m.waitUntil(ctx, s, "the payment", hasEnded)
}

// postAct posts one of the acts below the path of a settlement, such as "hold" or "reopen".
func (m *month) postAct(ctx context.Context, role string, s apiclient.Settlement, action string,
	in map[string]any) (apiclient.Settlement, error) {
	var out apiclient.Settlement
	in["status_version"] = s.StatusVersion
	err := m.callAs(ctx, role, http.MethodPost, string("/v1/settlements/"+s.SettlementID+"/")+action,
		in, &out)
	return out, err
}

// injectFault has the stand-in of the payment gateway treat the payment of a settlement in a
// faulty way.
func (m *month) injectFault(ctx context.Context, s apiclient.Settlement, fault string) error {
	return m.controlGateway(ctx, "faults",
		map[string]string{"out_bill_no": payout.SettlementKey(monthTenant, s.SettlementID),
			"fault": fault})
}

// controlGateway sends an order to the control route of the gateway's stand-in.
func (m *month) controlGateway(ctx context.Context, what string, order map[string]string) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		m.vars["GATEWAY_DOUYIN_URL"]+"/control/"+what, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the stand-in answers %s to %s %v", res.Status, what, order)
	}
	return nil
}

// figuresLine returns the amounts of a settlement in one line.
func figuresLine(s apiclient.Settlement) string {
	parts := []string{"share " + s.CreatorShare}
	if s.Net != nil {
		parts = append(parts, "net "+*s.Net)
	}
	if s.ToPay != nil && s.Net != nil && *s.ToPay != *s.Net {
		parts = append(parts, "set off, so that "+*s.ToPay+" is paid")
	}
	return strings.Join(append(parts, s.Status), ", ")
}
