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

// month plays the scenes of one agency: each stops somebody's money in another way, and ends with
// it paid, or with the reason why not. What a scene finds done already it leaves and tells.
type month struct {
	*demo
	mu    sync.Mutex
	lines []string
}

// scene is one thing that happens on a business date. Scenes of a turn play side by side, the turns
// of a date one after the other.
type scene struct {
	name string
	on   civil.Date
	turn int
	play func(*month, context.Context) (string, error)
}

// scenePatience is how long a scene waits for the system to do the next thing.
const scenePatience = 60 * time.Second

// playAlone plays the scenes of all dates and checks the agency's books.
func (m *month) playAlone(ctx context.Context) error {
	if err := m.load(ctx); err != nil {
		return err
	}
	var last civil.Date
	for _, s := range scenes() { // they stand in the order of their dates
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
	auditor, err := m.as(monthTenant, "auditor")
	if err != nil {
		return err
	}
	unexplained, err := m.checkLedger(ctx, auditor)
	if err == nil && !unexplained.IsZero() {
		err = fmt.Errorf("%s: the ledger has %s unexplained", monthTenant, unexplained)
	}
	m.report.say("%s: %d fen unexplained", monthTenant, unexplained.Fen())
	return err
}

// playMonth plays the scenes of a business date.
func (m *month) playMonth(ctx context.Context, on civil.Date) error {
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
				m.tell(s.name, how)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// tell keeps how a scene went, for the summary.
func (m *month) tell(name, how string) {
	m.report.say("%-10s %s: %s", monthTenant, name, how)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, fmt.Sprintf("%-22s %s", name, how))
	slices.Sort(m.lines)
}

// load makes the agency's master data.
func (m *month) load(ctx context.Context) error {
	entities, taxpayers, creators, contracts := monthMaster()
	for _, set := range []struct {
		kind    apiclient.Kind
		objects []any
	}{{apiclient.PayingEntities, anys(entities)}, {apiclient.Taxpayers, anys(taxpayers)},
		{apiclient.Creators, anys(creators)}, {apiclient.Contracts, anys(contracts)}} {
		if err := m.create(ctx, monthTenant, set.kind, set.objects); err != nil {
			return err
		}
	}
	return m.setReview(ctx)
}

// setReview sets the agency's own rules of review over the defaults: a sum that is held, and a
// paper that studios need.
func (m *month) setReview(ctx context.Context) error {
	var rules map[string]any
	if err := m.by(ctx, "admin", http.MethodGet, "/v1/review-rules", nil, &rules); err != nil {
		return err
	}
	if v, _ := rules["version"].(float64); v > 0 {
		return nil // set by an earlier run
	}
	for _, c := range list(rules["checks"]) {
		if c["code"] == "amount" {
			c["amount"], c["effect"] = "40000.00", "hold_risk"
		}
	}
	for _, p := range list(rules["papers"]) {
		if p["paper"] == "business_licence" {
			p["on"] = true
		}
	}
	rules["from"] = "2026-01-01"
	return m.by(ctx, "admin", http.MethodPut, "/v1/review-rules", rules, nil)
}

// list gives the objects of a JSON list.
func list(v any) []map[string]any {
	var out []map[string]any
	items, _ := v.([]any)
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			out = append(out, object)
		}
	}
	return out
}

// by asks a route as a person with a role; what was done already is no error.
func (m *month) by(ctx context.Context, role, method, path string, in, out any) error {
	c, err := m.as(monthTenant, role)
	if err != nil {
		return err
	}
	if _, err = c.Ask(ctx, method, path, in, out); err != nil {
		return fmt.Errorf("%s %s %s: %w", role, method, path, err)
	}
	return nil
}

// asCreator gives the client of a creator of the month.
func (m *month) asCreator(creator ident.Creator) (*apiclient.Client, error) {
	token, err := m.signer.Sign(tokens.Claims{Tenant: monthTenant, Roles: []string{"creator"},
		Creator: creator})
	if err != nil {
		return nil, err
	}
	return apiclient.New(m.vars["FENZHANG_API_URL"], apiclient.Static(token),
		apiclient.WithDevice("demo-creator"), apiclient.WithRetries(8, 250*time.Millisecond)), nil
}

// open settles live tips of a creator by a call and gives the settlement; settled before, it gives
// that one.
func (m *month) open(ctx context.Context, creator ident.Creator, activity, amount string,
	on civil.Date) (apiclient.Settlement, error) {
	operator, err := m.as(monthTenant, "operator")
	if err != nil {
		return apiclient.Settlement{}, err
	}
	ts := on.Month().Add(-1).Day(20).Start().UnixMilli()
	_, _, err = operator.Settle(ctx, string("month-"+creator+"-")+activity,
		apiclient.SettleRequest{UserID: string(creator), ActivityID: activity, TS: ts, Amount: amount,
			IncomeType: "live_tip"})
	if err != nil && !apiclient.IsConflict(err) {
		return apiclient.Settlement{}, err
	}
	return m.standing(ctx, creator, activity)
}

// standing reads the occurrence of a payable that stands now.
func (m *month) standing(ctx context.Context, creator ident.Creator,
	activity string) (apiclient.Settlement, error) {
	auditor, err := m.as(monthTenant, "auditor")
	if err != nil {
		return apiclient.Settlement{}, err
	}
	var found *apiclient.Settlement
	err = until(ctx, scenePatience, 300*time.Millisecond, func() (bool, error) {
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

// wait reads a settlement again until it is as wanted.
func (m *month) wait(ctx context.Context, s apiclient.Settlement, what string,
	wanted func(apiclient.Settlement) bool) (apiclient.Settlement, error) {
	auditor, err := m.as(monthTenant, "auditor")
	if err != nil {
		return s, err
	}
	err = until(ctx, scenePatience, 300*time.Millisecond, func() (bool, error) {
		var err error
		s, err = auditor.Settlement(ctx, s.SettlementID)
		return err == nil && wanted(s), err
	}, func() string { return what + "; " + string(s.SettlementID) + " is " + stateOf(s) })
	return s, err
}

func held(reason string) func(apiclient.Settlement) bool {
	return func(s apiclient.Settlement) bool { return s.HeldFor() == reason }
}

func quoted(s apiclient.Settlement) bool { return s.Quoted() }

func ended(s apiclient.Settlement) bool {
	return s.Status == apiclient.Paid || s.Status == apiclient.Failed
}

// decided tells that people have done their part.
func decided(s apiclient.Settlement) bool {
	return s.Status != apiclient.PendingReview && s.Status != apiclient.InReview
}

// submit and approve are the two people's parts.
func (m *month) submit(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	if s.Status != apiclient.PendingReview {
		return s, nil
	}
	return m.move(ctx, "finance", s, apiclient.InReview)
}

func (m *month) approve(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	s, err := m.submit(ctx, s)
	if err != nil || s.Status != apiclient.InReview {
		return s, err
	}
	return m.move(ctx, "approver", s, apiclient.Approved)
}

func (m *month) move(ctx context.Context, role string, s apiclient.Settlement,
	to string) (apiclient.Settlement, error) {
	c, err := m.as(monthTenant, role)
	if err != nil {
		return s, err
	}
	for {
		out, err := c.Transition(ctx, s.SettlementID, to, s.StatusVersion, "")
		if !apiclient.IsConflict(err) {
			return out, err
		}
		now, err := m.wait(ctx, s, "moved by somebody else", func(apiclient.Settlement) bool {
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

// pay takes a settlement without obstacles to its end.
func (m *month) pay(ctx context.Context, s apiclient.Settlement) (apiclient.Settlement, error) {
	s, err := m.wait(ctx, s, "a quote", func(s apiclient.Settlement) bool {
		return s.Quoted() || ended(s)
	})
	if err != nil || ended(s) {
		return s, err
	}
	if s, err = m.approve(ctx, s); err != nil {
		return s, err
	}
	return m.wait(ctx, s, "the payment", ended)
}

// act makes one of the acts below a settlement's path.
func (m *month) act(ctx context.Context, role string, s apiclient.Settlement, action string,
	in map[string]any) (apiclient.Settlement, error) {
	var out apiclient.Settlement
	in["status_version"] = s.StatusVersion
	err := m.by(ctx, role, http.MethodPost, string("/v1/settlements/"+s.SettlementID+"/")+action,
		in, &out)
	return out, err
}

// misbehave has the stand-in of the gateway do something to the payment of a settlement.
func (m *month) misbehave(ctx context.Context, s apiclient.Settlement, fault string) error {
	return m.control(ctx, "faults",
		map[string]string{"out_bill_no": payout.PayoutKey(monthTenant, s.SettlementID), "fault": fault})
}

// control tells the stand-in of the gateway what to do.
func (m *month) control(ctx context.Context, what string, order map[string]string) error {
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

// sum tells the figures of a settlement in a line.
func sum(s apiclient.Settlement) string {
	parts := []string{"share " + s.CreatorShare}
	if s.Net != nil {
		parts = append(parts, "net "+*s.Net)
	}
	if s.ToPay != nil && s.Net != nil && *s.ToPay != *s.Net {
		parts = append(parts, "set off, so that "+*s.ToPay+" is paid")
	}
	return strings.Join(append(parts, s.Status), ", ")
}
