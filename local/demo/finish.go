package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// taxNames are the tax columns of the summary, in the order in which the taxes build on each
// other.
var taxNames = [...]string{"VAT", "UMCT", "EDU", "LEDU", "IIT"}

// account adds up settlements: those of a creator, of a pay day, or of a tenant.
type account struct {
	settlements       int
	gross, share, mcn money.Amount
	taxes, owed       map[string]money.Amount
	net, paid         money.Amount
	states            map[string]int
}

// newAccount returns an account without settlements.
func newAccount() *account {
	return &account{taxes: map[string]money.Amount{}, owed: map[string]money.Amount{},
		states: map[string]int{}}
}

// addSettlement adds the amounts of a settlement to the account.
func (a *account) addSettlement(s apiclient.Settlement) error {
	a.settlements++
	a.states[stateText(s)]++
	var errs []error
	plus := func(sum money.Amount, text string) money.Amount {
		if text == "" {
			return sum
		}
		v, err := money.Parse(text)
		errs = append(errs, err)
		return sum.Add(v)
	}
	a.gross, a.share = plus(a.gross, s.Gross), plus(a.share, s.CreatorShare)
	for _, share := range s.Shares {
		if share.Kind == "mcn" {
			a.mcn = plus(a.mcn, share.Amount)
		}
	}
	for _, t := range s.Taxes {
		a.taxes[t.Tax] = plus(a.taxes[t.Tax], t.Amount)
	}
	for _, t := range s.PayeeObligations {
		a.owed[t.Tax] = plus(a.owed[t.Tax], t.Due)
	}
	if s.Net != nil {
		a.net = plus(a.net, *s.Net)
	}
	if s.Status == apiclient.Paid && s.ToPay != nil &&
		(s.Payout == nil || s.Payout.State != "RETURNED") {
		a.paid = plus(a.paid, *s.ToPay)
	}
	return errors.Join(errs...)
}

// tableRow returns the account as a row of the summary table.
func (a *account) tableRow(name string) string {
	cells := []string{fmt.Sprintf("%-8s %4d %13s %13s %12s", name, a.settlements, a.gross, a.share,
		a.mcn)}
	for _, t := range taxNames {
		cells = append(cells, fmt.Sprintf("%10s", a.taxes[t]))
	}
	var states []string
	for _, s := range slices.Sorted(maps.Keys(a.states)) {
		states = append(states, fmt.Sprintf("%d %s", a.states[s], s))
	}
	return strings.Join(cells, " ") + fmt.Sprintf(" %13s %13s  %s", a.net, a.paid,
		strings.Join(states, ", "))
}

// tableHeading returns the heading of the summary table.
func tableHeading() string {
	cells := []string{fmt.Sprintf("%-8s %4s %13s %13s %12s", "creator", "n", "gross", "share",
		"agency")}
	for _, t := range taxNames {
		cells = append(cells, fmt.Sprintf("%10s", t))
	}
	return strings.Join(cells, " ") + fmt.Sprintf(" %13s %13s  %s", "net", "paid", "status")
}

// books is everything that is read back from the API at the end of the demo.
type books struct {
	settlements map[string][]apiclient.Settlement // by tenant
	unexplained map[string]money.Amount
}

// printResults reads everything back, compares it with what the sample data must lead to, and
// prints the summary. The last printed line is the total of the first tenant.
func (d *demo) printResults(ctx context.Context) error {
	b := books{map[string][]apiclient.Settlement{}, map[string]money.Amount{}}
	// the tables are printed even when the ledger check fails
	unchecked := d.report.runPhase("check the books", func() error { return d.readBooks(ctx, b) })
	var wrong []string
	for _, tenant := range d.Tenants {
		if err := d.printTenant(ident.Tenant(tenant), b.settlements[tenant]); err != nil {
			return err
		}
		wrong = append(wrong, d.compareWithExpected(ident.Tenant(tenant), b.settlements[tenant])...)
		if gap := b.unexplained[tenant]; !gap.IsZero() {
			wrong = append(wrong, fmt.Sprintf("%s: the ledger has %s unexplained", tenant, gap))
		}
	}
	if gap := b.unexplained[monthTenant]; !gap.IsZero() {
		wrong = append(wrong, fmt.Sprintf("%s: the ledger has %s unexplained", monthTenant, gap))
	}
	cases, failed := d.compareWorkedCases(b)
	wrong = append(wrong, failed...)
	d.printSections(cases, wrong)
	if unchecked != nil { // the last line would claim that the ledger was checked
		return unchecked
	}
	first := d.Tenants[0]
	fmt.Printf("\nmain job: %d settlements PAID, %d fen unexplained\n",
		countPaid(b.settlements[first]), b.unexplained[first].Fen())
	if len(wrong) > 0 {
		return fmt.Errorf("%d findings, listed above", len(wrong))
	}
	return nil
}

// printSections prints the sections of the summary below the tables of the tenants.
func (d *demo) printSections(cases, wrong []string) {
	d.report.printSection("What stopped money in a month of "+monthTenant+", and how it ended",
		d.month.lines)
	d.report.printSection("Worked cases (docs/worked-cases.md)", cases)
	d.report.printSection("Rows that were not taken", d.report.refused)
	d.report.printSection("Rows that were taken, but look odd", d.report.noted)
	d.report.printSection("Time of each phase", d.report.phaseTimes())
	d.report.printSection("What is not as it should be", wrong)
}

// readBooks reads all settlements and checks the ledger of every tenant.
func (d *demo) readBooks(ctx context.Context, b books) error {
	var errs []error
	for _, tenant := range append(slices.Clone(d.Tenants), monthTenant) {
		auditor, err := d.clientAs(ident.Tenant(tenant), "auditor")
		if err != nil {
			return err
		}
		var listed, checked error
		b.settlements[tenant], listed = auditor.AllSettlements(ctx, apiclient.Filter{})
		b.unexplained[tenant], checked = d.checkLedger(ctx, auditor)
		errs = append(errs, listed, checked)
	}
	return errors.Join(errs...)
}

// countPaid returns how many settlements are paid.
func countPaid(all []apiclient.Settlement) int {
	n := 0
	for _, s := range all {
		if s.Status == apiclient.Paid {
			n++
		}
	}
	return n
}

// printTenant prints the summary of a tenant: a row for each creator, and the totals.
func (d *demo) printTenant(tenant ident.Tenant, all []apiclient.Settlement) error {
	creators, total := map[string]*account{}, newAccount()
	for _, s := range all {
		if creators[string(s.CreatorID)] == nil {
			creators[string(s.CreatorID)] = newAccount()
		}
		if err := errors.Join(creators[string(s.CreatorID)].addSettlement(s),
			total.addSettlement(s)); err != nil {
			return fmt.Errorf("%s: %w", s.SettlementID, err)
		}
	}
	lines := []string{tableHeading()}
	for _, id := range slices.Sorted(maps.Keys(creators)) {
		lines = append(lines, creators[id].tableRow(id))
	}
	d.report.printSection(string("Settlements of "+tenant+" (yuan)"),
		append(lines, total.tableRow("total")))
	return nil
}

// compareWithExpected lists the differences between the settlements and what the sample data must
// lead to.
func (d *demo) compareWithExpected(tenant ident.Tenant, all []apiclient.Settlement) []string {
	have := map[payable]apiclient.Settlement{}
	for _, s := range all {
		if s.ReopenedBy == nil {
			have[payable{s.CreatorID, s.ActivityID}] = s
		}
	}
	var wrong []string
	for _, e := range d.Expected {
		if e.Tenant != tenant {
			continue
		}
		s, ok := have[payable{e.CreatorID, e.ActivityID}]
		switch {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s %s %s: no settlement", tenant, e.CreatorID, e.ActivityID))
		case s.Gross != e.Gross.String():
			wrong = append(wrong, fmt.Sprintf("%s %s %s: gross %s, the files give %s", tenant, e.CreatorID,
				e.ActivityID, s.Gross, e.Gross))
		case s.Status != apiclient.Paid && !d.isHoldExpected(e):
			wrong = append(wrong,
				fmt.Sprintf("%s %s %s: %s", tenant, e.CreatorID, e.ActivityID, stateText(s)))
		}
		delete(have, payable{e.CreatorID, e.ActivityID})
	}
	for k := range have {
		wrong = append(wrong, fmt.Sprintf("%s %s %s: a settlement that nobody expects", tenant, k.creator,
			k.activity))
	}
	slices.Sort(wrong)
	return wrong
}

// isHoldExpected reports whether a worked case says that a settlement stays on hold.
func (d *demo) isHoldExpected(e income.Expected) bool {
	return slices.ContainsFunc(d.Worked, func(w income.WorkedCase) bool {
		return w.Hold != "" && w.Tenant == e.Tenant && w.CreatorID == e.CreatorID && w.PayOn == e.PayOn
	})
}

// checkLedger reads all pages of the ledger check and returns the sum that the check cannot
// explain.
func (d *demo) checkLedger(ctx context.Context, auditor *apiclient.Client) (money.Amount, error) {
	var sum money.Amount
	for cursor := ""; ; {
		page, err := auditor.CheckLedger(ctx, cursor)
		if err != nil {
			return sum, fmt.Errorf("check the ledger: %w", err)
		}
		part, err := money.Parse(page.Unexplained)
		if err != nil {
			return sum, fmt.Errorf("check the ledger: %q: %w", page.Unexplained, err)
		}
		sum = sum.Add(part)
		if page.NextCursor == nil || *page.NextCursor == "" {
			return sum, nil
		}
		cursor = *page.NextCursor
	}
}

// compareWorkedCases compares what was paid with the figures of docs/worked-cases.md.
func (d *demo) compareWorkedCases(b books) (lines, failed []string) {
	for _, w := range d.Worked {
		got, hold, err := paidOn(b.settlements[string(w.Tenant)], w)
		name := fmt.Sprintf("%s  %-5s %s", w.Case, w.CreatorID, w.PayOn)
		var problem string
		if err != nil {
			problem = err.Error()
		} else {
			problem = firstDifference(w, got, hold)
		}
		switch {
		case problem != "":
			failed = append(failed, "worked case "+name+": "+problem)
		case hold != "":
			lines = append(lines, fmt.Sprintf("%s  share %s, on hold %s", name, got.share, hold))
		default:
			line := fmt.Sprintf("%s  share %s, kept back %s, net %s", name, got.share, taxesText(got.taxes),
				got.net)
			if owes := taxesText(got.owed); owes != noTaxes {
				line += ", files itself " + owes
			}
			lines = append(lines, line)
		}
	}
	return lines, failed
}

// paidOn adds up what a creator was paid on a pay day, and returns the hold of a settlement that
// was not paid.
func paidOn(all []apiclient.Settlement, w income.WorkedCase) (*account, string, error) {
	sum, hold := newAccount(), ""
	for _, s := range all {
		if s.CreatorID != w.CreatorID || s.ServicePeriod != w.PayOn.Month().Add(-1).String() {
			continue
		}
		hold = cmp.Or(hold, s.HeldFor())
		if err := sum.addSettlement(s); err != nil {
			return nil, "", err
		}
	}
	return sum, hold, nil
}

// firstDifference describes the first figure that differs from a worked case, and returns "" when
// all are equal.
func firstDifference(w income.WorkedCase, got *account, hold string) string {
	if hold != w.Hold {
		return fmt.Sprintf("hold %q, derived %q", hold, w.Hold)
	}
	if got.share != w.Share || got.net != w.Net {
		return fmt.Sprintf("share %s net %s, derived %s and %s", got.share, got.net, w.Share, w.Net)
	}
	for _, name := range taxNames {
		if got.taxes[name] != w.Taxes[name] {
			return fmt.Sprintf("%s %s, derived %s", name, got.taxes[name], w.Taxes[name])
		}
		if got.owed[name] != w.Owed[name] {
			return fmt.Sprintf("the payee owes %s %s, derived %s", name, got.owed[name], w.Owed[name])
		}
	}
	return ""
}

// noTaxes is the text for an empty list of taxes.
const noTaxes = "nothing"

// taxesText lists the taxes that are not zero.
func taxesText(taxes map[string]money.Amount) string {
	var parts []string
	for _, name := range taxNames {
		if !taxes[name].IsZero() {
			parts = append(parts, name+" "+taxes[name].String())
		}
	}
	if parts == nil {
		return noTaxes
	}
	return strings.Join(parts, ", ")
}
