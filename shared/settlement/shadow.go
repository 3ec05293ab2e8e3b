package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Rules gives the rules in force. A computation asks once and keeps the answer to its end.
type Rules interface {
	// Current never fails: where newer rules cannot be had, those that are there go on.
	Current(ctx context.Context) *ruleset.Generation
}

// Comparison is what a shadow version makes of one computation of a settlement.
type Comparison struct {
	Tenant     ident.Tenant     `json:"-"`
	Settlement ident.Settlement `json:"settlement_id"`
	Shadow     tax.PackID       `json:"shadow"`
	Active     string           `json:"active"` // version of the same pack that computed
	Act        string           `json:"act"`    // quote or booking
	Date       civil.Date       `json:"date"`   // of the payment
	At         time.Time        `json:"at"`
	Differs    bool             `json:"differs"`
	Is         Outcome          `json:"is"`       // by the active version
	WouldBe    Outcome          `json:"would_be"` // by the shadow
	// the shadow could not compute, and not for want of a rule
	Failed string `json:"failed,omitempty"`
}

// Outcome is one side of a comparison: figures, or the rule that is missing.
type Outcome struct {
	Net      money.Amount  `json:"net"`
	Withheld money.Amount  `json:"withheld"`
	Taxes    []ComparedTax `json:"taxes"`
	Missing  string        `json:"missing,omitempty"`
}

// ComparedTax is the sum of one tax in one of the three lists.
type ComparedTax struct {
	List   string       `json:"list"` // taxes, payee_obligations, payer_taxes
	Tax    string       `json:"tax"`
	Amount money.Amount `json:"amount"`
}

// NetDifference is what the payee would get more; negative for less, zero where a side has no
// figure.
func (c Comparison) NetDifference() money.Amount {
	if c.Failed != "" || c.Is.Missing != "" || c.WouldBe.Missing != "" {
		return money.Amount{}
	}
	return c.WouldBe.Net.Sub(c.Is.Net)
}

// ShadowStore keeps comparisons, one for each settlement and version: the last one counts.
type ShadowStore interface {
	// PutComparison writes one; writing it again changes nothing.
	PutComparison(ctx context.Context, c Comparison) error
	// ShadowReport sums up what was compared with one version.
	ShadowReport(ctx context.Context, tenant ident.Tenant, shadow tax.PackID) (ShadowReport, error)
	// Comparisons lists those that differ or failed, by settlement; the cursor is "" at the start and
	// at the end.
	Comparisons(ctx context.Context, tenant ident.Tenant, pack, version, cursor string,
		limit int) ([]Comparison, string, error)
	// Shadowed lists the versions that were compared.
	Shadowed(ctx context.Context, tenant ident.Tenant) ([]tax.PackID, error)
}

// ShadowReport sums up the comparisons with one version.
type ShadowReport struct {
	Shadow    tax.PackID   `json:"shadow"`
	Compared  int          `json:"compared"`
	Differing int          `json:"differing"`
	Failed    int          `json:"failed"`
	NetMore   money.Amount `json:"net_more"` // sum over payees who would get more
	// sum over payees who would get less, as a positive amount
	NetLess        money.Amount `json:"net_less"`
	WithheldChange money.Amount `json:"withheld_change"`
	Worst          []WorstCase  `json:"worst"` // largest differences of the net first
}

// WorstCase points at a comparison.
type WorstCase struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Difference money.Amount     `json:"net_difference"`
}

// Shadows compares computations with the versions in the shadow. It never fails or delays the real
// path: it works within shadowBudget, and what goes wrong is part of the report or, where that
// cannot be written, of the log.
type Shadows struct {
	Store  ShadowStore
	Log    *slog.Logger
	Budget time.Duration // what the comparisons of one computation may take; 0: shadowBudget
}

// shadowBudget is small, because the computation waits for its comparisons.
const shadowBudget = 500 * time.Millisecond

// computed is a computation with all that went into it.
type computed struct {
	settlement Settlement
	facts      tax.Facts
	rows       []tax.Row
	ahead      bool
	result     tax.Result
	err        error
	at         time.Time
}

// compare does the computation again under each shadow and keeps what came out.
func (s *Shadows) compare(ctx context.Context, g *ruleset.Generation, c computed) {
	if s == nil || len(g.Shadows) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Budget, shadowBudget))
	defer cancel()
	for _, shadow := range g.Shadows {
		result, err := protected(shadow.Corpus, c.facts, c.rows)
		if err == nil && !concerns(result.Rules, shadow.ID) {
			continue
		}
		if err := s.Store.PutComparison(ctx, c.with(g, shadow.ID, result, err)); err != nil {
			s.Log.WarnContext(ctx, "comparison lost", "tenant", c.settlement.Tenant, "settlement_id",
				c.settlement.ID, "pack", shadow.ID.Pack, "version", shadow.ID.Version, "cause", err.Error())
		}
	}
}

// protected computes with rules that nobody relies on yet: even a panic is only a line of the
// report.
func protected(corpus *tax.Corpus, facts tax.Facts, rows []tax.Row) (result tax.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the rules broke the engine: %v", r)
		}
	}()
	return corpus.ComputeRows(facts, rows)
}

// concerns tells that a pack had a part in a result.
func concerns(used tax.RulesUsed, id tax.PackID) bool {
	return used.PackID == id || slices.Contains(used.Local, id)
}

func (c computed) with(g *ruleset.Generation, shadow tax.PackID, result tax.Result,
	err error) Comparison {
	out := Comparison{Tenant: c.settlement.Tenant, Settlement: ident.Settlement(c.settlement.ID),
		Shadow: shadow, Active: g.VersionOf(shadow.Pack), Act: "booking",
		Date: c.facts.PaymentDate, At: c.at, Is: outcomeOf(c.result, c.err),
		WouldBe: outcomeOf(result, err)}
	if c.ahead {
		out.Act = "quote"
	}
	if err != nil && out.WouldBe.Missing == "" {
		out.Failed = err.Error()
	}
	out.Differs = out.Failed != "" || out.Is.Net != out.WouldBe.Net ||
		out.Is.Withheld != out.WouldBe.Withheld || out.Is.Missing != out.WouldBe.Missing ||
		!slices.Equal(out.Is.Taxes, out.WouldBe.Taxes)
	return out
}

// outcomeOf gives the figures, or the rule that stands in their way.
func outcomeOf(r tax.Result, err error) Outcome {
	if gap, ok := gapOf(err); ok {
		return Outcome{Missing: gap.rule, Taxes: []ComparedTax{}}
	}
	if err != nil {
		return Outcome{Taxes: []ComparedTax{}}
	}
	out := Outcome{Net: r.Net, Withheld: r.TotalWithheld, Taxes: []ComparedTax{}}
	for _, list := range []struct {
		name  string
		lines []tax.Line
	}{{"taxes", r.Taxes}, {"payee_obligations", r.PayeeObligations}, {"payer_taxes", r.PayerTaxes}} {
		sums := map[string]money.Amount{}
		for _, l := range list.lines {
			sums[l.Tax] = sums[l.Tax].Add(l.Amount)
		}
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			out.Taxes = append(out.Taxes, ComparedTax{list.name, name, sums[name]})
		}
	}
	return out
}

// maxWorst bounds the worst cases of a report.
const maxWorst = 10

// Add takes one more comparison into the sums.
func (r *ShadowReport) Add(c Comparison) {
	r.Compared++
	if !c.Differs {
		return
	}
	r.Differing++
	if c.Failed != "" {
		r.Failed++
		return
	}
	if c.Is.Missing == "" && c.WouldBe.Missing == "" {
		r.WithheldChange = r.WithheldChange.Add(c.WouldBe.Withheld.Sub(c.Is.Withheld))
	}
	d := c.NetDifference()
	switch {
	case d.Positive():
		r.NetMore = r.NetMore.Add(d)
	case d.Negative():
		r.NetLess = r.NetLess.Add(d.Neg())
	default:
		return
	}
	r.Worst = append(r.Worst, WorstCase{c.Settlement, d})
	slices.SortStableFunc(r.Worst, func(a, b WorstCase) int {
		return b.Difference.Abs().Cmp(a.Difference.Abs())
	})
	r.Worst = r.Worst[:min(len(r.Worst), maxWorst)]
}

var errShadowName = errors.New("must be PACK@VERSION, as in the reports")

// ParseShadow reads the name of a version in the shadow.
func ParseShadow(name string) (tax.PackID, error) {
	pack, version, ok := strings.Cut(name, "@")
	if !ok || pack == "" || version == "" || strings.ContainsAny(name, "# ") {
		return tax.PackID{}, fault.Invalid(fault.Field{Field: "shadow", Problem: errShadowName.Error()})
	}
	return tax.PackID{Pack: pack, Version: version}, nil
}
