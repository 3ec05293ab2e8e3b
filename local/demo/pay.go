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

// Reasons of holds that a person of the demo resolves, and RULE_GAP, which only the law resolves.
const (
	holdRuleGap    = "RULE_GAP"
	holdNetChanged = "NET_CHANGED"
	holdInvoice    = "WAITING_INVOICE"
)

// payable identifies what is due: a statement of a creator, or a settle call.
type payable struct {
	creator  ident.Creator
	activity string
}

// payDay is one tenant's pay day: statements are made, and people move each settlement on until
// all are paid, failed, or held by open law.
type payDay struct {
	*demo
	tenant ident.Tenant
	date   string
	due    map[payable]income.Expected
	seen   map[payable]apiclient.Settlement
	newest []payable // keys of seen, the newest settlement first
	said   string    // the last line of printCounts
	moved  time.Time
}

// runPayDay runs a pay day of a tenant to its end.
func (d *demo) runPayDay(ctx context.Context, tenant ident.Tenant, due []income.Expected) error {
	p := &payDay{demo: d, tenant: tenant, date: due[0].PayOn.String(),
		due: map[payable]income.Expected{}}
	for _, e := range due {
		p.due[payable{e.CreatorID, e.ActivityID}] = e
	}
	if err := p.readDueSettlements(ctx); err != nil {
		return err
	}
	// settle calls and earlier runs have opened some settlements already
	if len(p.seen) < len(p.due) {
		if err := p.runStatements(ctx); err != nil {
			return err
		}
	}
	p.moved = time.Now()
	for !p.isFinished() {
		// a settlement that hangs must not let the demo wait forever
		if time.Since(p.moved) > payDayPatience {
			return fmt.Errorf("%s: nothing moved for %s\n%s", tenant, payDayPatience, p.describeOpen())
		}
		if err := p.advanceAll(ctx); err != nil {
			return err
		}
		if err := sleep(ctx, d.pause); err != nil {
			return err
		}
		if err := p.readDueSettlements(ctx); err != nil {
			return err
		}
	}
	return nil
}

// payDayPatience is how long a pay day waits for any settlement to change.
const payDayPatience = 90 * time.Second

// runStatements has finance run the statements of the day.
func (p *payDay) runStatements(ctx context.Context) error {
	finance, err := p.clientAs(p.tenant, "finance")
	if err != nil {
		return err
	}
	run, err := finance.RunStatements(ctx, p.date, "")
	if err != nil {
		return fmt.Errorf("run statements: %w", err)
	}
	p.report.printf("%-10s statements run: %d due, %d opened, %d open already", p.tenant, run.Due,
		run.Opened, run.Already)
	for _, s := range run.Skipped {
		p.report.printf("%-10s skipped %s %s %s: %s", p.tenant, s.CreatorID, s.IncomeType, s.Period,
			s.Reason)
	}
	return nil
}

// readDueSettlements reads the settlements that are due. In a first run they are the newest ones,
// so that reading stops when all were found.
func (p *payDay) readDueSettlements(ctx context.Context) error {
	auditor, err := p.clientAs(p.tenant, "auditor")
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
			// of a reopened payable only the last settlement counts
			if _, ok := p.due[k]; ok && s.ReopenedBy == nil {
				if _, again := p.seen[k]; !again {
					p.newest = append(p.newest, k)
				}
				p.seen[k] = s
			}
		}
		// older pages hold the settlements of earlier pay days
		if f.Cursor = next; next == "" || len(p.seen) == len(p.due) {
			break
		}
	}
	p.printCounts()
	return nil
}

// printCounts prints how many settlements are in each state, when this has changed.
func (p *payDay) printCounts() {
	counts := map[string]int{"not opened": len(p.due) - len(p.seen)}
	for _, s := range p.seen {
		counts[stateText(s)]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
		}
	}
	// a changed count shows that the system is at work
	if text := strings.Join(parts, ", "); text != p.said {
		p.said, p.moved = text, time.Now()
		p.report.printf("%-10s %d due: %s", p.tenant, len(p.due), text)
	}
}

// stateText returns the status of a settlement with its hold, for people.
func stateText(s apiclient.Settlement) string {
	switch {
	case s.HeldFor() != "":
		return s.Status + " on hold " + s.HeldFor()
	case s.Status == apiclient.PendingReview && !s.HasQuote():
		return s.Status + " without quote"
	}
	return s.Status
}

// isFinished reports whether everything due is paid, failed, or held because the law is open.
func (p *payDay) isFinished() bool {
	for _, s := range p.seen {
		if s.Status != apiclient.Paid && s.Status != apiclient.Failed && s.HeldFor() != holdRuleGap {
			return false
		}
	}
	return len(p.seen) == len(p.due)
}

// describeOpen lists up to ten settlements that are not paid, for the error message.
func (p *payDay) describeOpen() string {
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
				stateText(s), next.Action, next.Owner))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), 10)], "\n")
}

// advanceAll has people do what each settlement needs. The settlements of one taxpayer are handled
// in the order in which they were opened and quoted, and a settlement that cannot go on stops
// those after it: so no net amount falls after its approval, and nobody has to confirm it again.
func (p *payDay) advanceAll(ctx context.Context) error {
	byPerson := map[string][]apiclient.Settlement{}
	for _, k := range slices.Backward(p.newest) {
		s := p.seen[k]
		byPerson[string(s.TaxpayerID)] = append(byPerson[string(s.TaxpayerID)], s)
	}
	people := slices.Collect(maps.Values(byPerson))
	return forEach(ctx, p.callers, people,
		func(ctx context.Context, list []apiclient.Settlement) error {
			for _, s := range list {
				through, err := p.advance(ctx, s)
				if err != nil && !apiclient.IsConflict(err) { // after a conflict the settlement is read again
					return fmt.Errorf("%s of %s: %w", s.SettlementID, s.CreatorID, err)
				}
				if !through {
					return nil
				}
			}
			return nil
		})
}

// advance has people move a settlement on as far as possible now, and reports whether nothing is
// left for them to do.
func (p *payDay) advance(ctx context.Context, s apiclient.Settlement) (through bool, err error) {
	finance, err := p.clientAs(p.tenant, "finance")
	if err != nil {
		return false, err
	}
	approver, err := p.clientAs(p.tenant, "approver")
	if err != nil {
		return false, err
	}
	switch s.HeldFor() {
	case holdRuleGap:
		return true, nil
	// the approver confirms the amount that is shown now
	case holdNetChanged:
		if s.Net != nil {
			_, err = approver.ConfirmNet(ctx, s.SettlementID, *s.Net, s.StatusVersion)
		}
		return false, err
	case holdInvoice:
		if s, err = finance.HandInInvoice(ctx, s.SettlementID, p.invoiceOf(s)); err != nil {
			return false, err
		}
	}
	if s.Status == apiclient.PendingReview && s.HasQuote() && s.Hold == nil {
		if s, err = finance.Transition(ctx, s.SettlementID, apiclient.InReview, s.StatusVersion,
			""); err != nil {
			return false, err
		}
	}
	if s.Status == apiclient.InReview && s.HasQuote() && s.Hold == nil {
		if s, err = approver.Transition(ctx, s.SettlementID, apiclient.Approved, s.StatusVersion,
			""); err != nil {
			return false, err
		}
	}
	return s.Status != apiclient.PendingReview && s.Status != apiclient.InReview, nil
}

// invoiceOf returns the invoice of a studio over its share. Number and file hash follow from the
// id of the settlement, so that a second run hands in the same invoice.
func (p *payDay) invoiceOf(s apiclient.Settlement) apiclient.Invoice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.SettlementID))
	number := fmt.Sprintf("26331%015d", h.Sum64()%1_000_000_000_000_000)
	file := sha256.Sum256([]byte("invoice " + number))
	return apiclient.Invoice{Number: number, IssuedOn: p.date, Amount: s.CreatorShare,
		FileSHA256: hex.EncodeToString(file[:]), StatusVersion: s.StatusVersion}
}
