package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/ident"
)

// The holds that a person of the demo answers, and the one that the law must answer.
const (
	holdRuleGap    = "RULE_GAP"
	holdNetChanged = "NET_CHANGED"
	holdInvoice    = "WAITING_INVOICE"
)

// payable names what is due: a creator's statement or settle call.
type payable struct {
	creator  ident.Creator
	activity string
}

// payDay is one tenant's pay day: statements are run, and people bring each settlement on its way
// until all are at their end.
type payDay struct {
	*demo
	tenant ident.Tenant
	date   string
	due    map[payable]income.Expected
	seen   map[payable]apiclient.Settlement
	newest []payable // what was seen, newest opening first
	said   string    // the counts that were printed last
	moved  time.Time
}

// payDay runs a pay day.
func (d *demo) payDay(ctx context.Context, tenant ident.Tenant, due []income.Expected) error {
	p := &payDay{demo: d, tenant: tenant, date: due[0].PayOn.String(),
		due: map[payable]income.Expected{}}
	for _, e := range due {
		p.due[payable{e.CreatorID, e.ActivityID}] = e
	}
	if err := p.look(ctx); err != nil {
		return err
	}
	if len(p.seen) < len(p.due) {
		if err := p.runStatements(ctx); err != nil {
			return err
		}
	}
	p.moved = time.Now()
	for !p.finished() {
		if time.Since(p.moved) > patience {
			return fmt.Errorf("%s: nothing moved for %s\n%s", tenant, patience, p.stuck())
		}
		if err := p.act(ctx); err != nil {
			return err
		}
		if err := sleep(ctx, d.pause); err != nil {
			return err
		}
		if err := p.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long a pay day waits for anything to move.
const patience = 90 * time.Second

func (p *payDay) runStatements(ctx context.Context) error {
	finance, err := p.as(p.tenant, "finance")
	if err != nil {
		return err
	}
	run, err := finance.RunStatements(ctx, p.date, "")
	if err != nil {
		return fmt.Errorf("run statements: %w", err)
	}
	p.report.say("%-10s statements run: %d due, %d opened, %d open already", p.tenant, run.Due,
		run.Opened, run.Already)
	for _, s := range run.Skipped {
		p.report.say("%-10s skipped %s %s %s: %s", p.tenant, s.CreatorID, s.IncomeType, s.Period,
			s.Reason)
	}
	return nil
}

// look reads the settlements that are due. They are the newest ones on a first run, so that reading
// can stop when all were found.
func (p *payDay) look(ctx context.Context) error {
	auditor, err := p.as(p.tenant, "auditor")
	if err != nil {
		return err
	}
	p.seen, p.newest = map[payable]apiclient.Settlement{}, nil
	f := apiclient.Filter{Limit: 100}
	for {
		page, next, err := auditor.Settlements(ctx, f)
		if err != nil {
			return err
		}
		for _, s := range page {
			k := payable{s.CreatorID, s.ActivityID}
			if _, ok := p.due[k]; ok && s.ReopenedBy == nil {
				if _, again := p.seen[k]; !again {
					p.newest = append(p.newest, k)
				}
				p.seen[k] = s
			}
		}
		if f.Cursor = next; next == "" || len(p.seen) == len(p.due) {
			break
		}
	}
	p.tell()
	return nil
}

// tell prints the counts when they have changed.
func (p *payDay) tell() {
	counts := map[string]int{"not opened": len(p.due) - len(p.seen)}
	for _, s := range p.seen {
		counts[stateOf(s)]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
		}
	}
	if text := strings.Join(parts, ", "); text != p.said {
		p.said, p.moved = text, time.Now()
		p.report.say("%-10s %d due: %s", p.tenant, len(p.due), text)
	}
}

// stateOf is what a person would call a settlement's state.
func stateOf(s apiclient.Settlement) string {
	switch {
	case s.HeldFor() != "":
		return s.Status + " on hold " + s.HeldFor()
	case s.Status == apiclient.PendingReview && !s.Quoted():
		return s.Status + " without quote"
	}
	return s.Status
}

// finished tells that everything due is at its end: paid, failed, or held because the law is open.
func (p *payDay) finished() bool {
	for _, s := range p.seen {
		if s.Status != apiclient.Paid && s.Status != apiclient.Failed && s.HeldFor() != holdRuleGap {
			return false
		}
	}
	return len(p.seen) == len(p.due)
}

// stuck lists some settlements that are not at their end.
func (p *payDay) stuck() string {
	var lines []string
	for k, e := range p.due {
		s, ok := p.seen[k]
		switch {
		case !ok:
			lines = append(lines,
				fmt.Sprintf("  %s %s: not opened, %s expected", k.creator, k.activity, e.Gross))
		case s.Status != apiclient.Paid:
			next := apiclient.Next{}
			if s.Next != nil {
				next = *s.Next
			}
			lines = append(lines, fmt.Sprintf("  %s %s: %s, next %s by %s", k.creator, s.SettlementID,
				stateOf(s), next.Action, next.Owner))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), 10)], "\n")
}

// act has people do what is theirs to do. The settlements of one taxpayer go in the order of their
// opening, in which they were quoted, and one that cannot go on keeps those behind it; then no net
// falls and nobody has to look twice.
func (p *payDay) act(ctx context.Context) error {
	byPerson := map[string][]apiclient.Settlement{}
	for _, k := range slices.Backward(p.newest) {
		s := p.seen[k]
		byPerson[string(s.TaxpayerID)] = append(byPerson[string(s.TaxpayerID)], s)
	}
	people := slices.Collect(maps.Values(byPerson))
	return each(ctx, p.callers, people, func(ctx context.Context, list []apiclient.Settlement) error {
		for _, s := range list {
			through, err := p.advance(ctx, s)
			if err != nil && !apiclient.IsConflict(err) { // with a conflict somebody was faster: look again
				return fmt.Errorf("%s of %s: %w", s.SettlementID, s.CreatorID, err)
			}
			if !through {
				return nil
			}
		}
		return nil
	})
}

// advance takes a settlement as far as people can take it now, and tells whether their part is
// done.
func (p *payDay) advance(ctx context.Context, s apiclient.Settlement) (through bool, err error) {
	finance, err := p.as(p.tenant, "finance")
	if err != nil {
		return false, err
	}
	approver, err := p.as(p.tenant, "approver")
	if err != nil {
		return false, err
	}
	switch s.HeldFor() {
	case holdRuleGap:
		return true, nil
	case holdNetChanged:
		if s.Net != nil {
			_, err = approver.ConfirmNet(ctx, s.SettlementID, *s.Net, s.StatusVersion)
		}
		return false, err
	case holdInvoice:
		if s, err = finance.HandInInvoice(ctx, s.SettlementID, p.invoice(s)); err != nil {
			return false, err
		}
	}
	if s.Status == apiclient.PendingReview && s.Quoted() && s.Hold == nil {
		if s, err = finance.Transition(ctx, s.SettlementID, apiclient.InReview, s.StatusVersion,
			""); err != nil {
			return false, err
		}
	}
	if s.Status == apiclient.InReview && s.Quoted() && s.Hold == nil {
		if s, err = approver.Transition(ctx, s.SettlementID, apiclient.Approved, s.StatusVersion,
			""); err != nil {
			return false, err
		}
	}
	return s.Status != apiclient.PendingReview && s.Status != apiclient.InReview, nil
}

// invoice is what the studio bills: its share. Number and file follow from the settlement.
func (p *payDay) invoice(s apiclient.Settlement) apiclient.Invoice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.SettlementID))
	number := fmt.Sprintf("26331%015d", h.Sum64()%1_000_000_000_000_000)
	file := sha256.Sum256([]byte("invoice " + number))
	return apiclient.Invoice{Number: number, IssuedOn: p.date, Amount: s.CreatorShare,
		FileSHA256: hex.EncodeToString(file[:]), StatusVersion: s.StatusVersion}
}
