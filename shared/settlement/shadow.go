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

// Rules finds the rules in force. A computation reads them once and uses the same rules to its end.
type Rules interface {
	// Current returns the rules in force. It never fails: when newer rules cannot be loaded, it
	// returns the last ones.
	Current(ctx context.Context) *ruleset.Generation
}

// Comparison compares one computation of a settlement by the rules in force with the same
// computation by a shadow version, which is a rule pack that is being tried out.
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
	// why the shadow version could not compute, unless a rule is missing
	Failed string `json:"failed,omitempty"`
}

// Outcome is the result of a computation in a comparison: figures, or the rule that is missing.
type Outcome struct {
	Net      money.Amount  `json:"net"`
	Withheld money.Amount  `json:"withheld"`
	Taxes    []ComparedTax `json:"taxes"`
	Missing  string        `json:"missing,omitempty"`
}

// ComparedTax is the total of one tax in one of the three lists of a result.
type ComparedTax struct {
	List   string       `json:"list"` // taxes, payee_obligations, payer_taxes
	Tax    string       `json:"tax"`
	Amount money.Amount `json:"amount"`
}

// NetDifference is by how much the net would be higher by the shadow version: negative when it
// would be lower, zero when one of the two sides has no net.
func (c Comparison) NetDifference() money.Amount {
	if c.Failed != "" || c.Is.Missing != "" || c.WouldBe.Missing != "" {
		return money.Amount{}
	}
	return c.WouldBe.Net.Sub(c.Is.Net)
}

// ShadowStore keeps comparisons: the last one for each settlement and shadow version.
type ShadowStore interface {
	// PutComparison writes a comparison; writing the same one again changes nothing.
	PutComparison(ctx context.Context, c Comparison) error
	// ShadowReport adds up the comparisons with one shadow version.
	ShadowReport(ctx context.Context, tenant ident.Tenant, shadow tax.PackID) (ShadowReport, error)
	// Comparisons lists the comparisons that differ or failed, in the order of settlement ids; the
	// cursor is "" at the start and at the end.
	Comparisons(ctx context.Context, tenant ident.Tenant, pack, version, cursor string,
		limit int) ([]Comparison, string, error)
	// Shadowed lists the shadow versions that settlements were compared with.
	Shadowed(ctx context.Context, tenant ident.Tenant) ([]tax.PackID, error)
}

// ShadowReport holds the totals of the comparisons with one shadow version.
type ShadowReport struct {
	Shadow    tax.PackID   `json:"shadow"`
	Compared  int          `json:"compared"`
	Differing int          `json:"differing"`
	Failed    int          `json:"failed"`
	NetMore   money.Amount `json:"net_more"` // sum by which nets would be higher by the shadow version
	// sum by which nets would be lower by the shadow version, as a positive amount
	NetLess        money.Amount `json:"net_less"`
	WithheldChange money.Amount `json:"withheld_change"`
	Worst          []WorstCase  `json:"worst"` // largest differences of the net first
}

// WorstCase names the settlement of a comparison with a large difference.
type WorstCase struct {
	Settlement ident.Settlement `json:"settlement_id"`
	Difference money.Amount     `json:"net_difference"`
}

// Shadows repeats computations by shadow versions of the rules and stores the comparisons. It never
// fails the real computation and delays it by shadowBudget at most. An error becomes part of the
// comparison, or a line of the log when the comparison cannot be written.
type Shadows struct {
	Store  ShadowStore
	Log    *slog.Logger
	Budget time.Duration // what the comparisons of one computation may take; 0: shadowBudget
}

// shadowBudget is the usual time for the comparisons of one computation; it is short because the
// computation waits for them.
const shadowBudget = 500 * time.Millisecond

// computed is a computation of taxes: its facts and its result.
type computed struct {
	settlement Settlement
	facts      tax.Facts
	rows       []tax.Row
	ahead      bool
	result     tax.Result
	err        error
	at         time.Time
}

// compare repeats a computation by each shadow version and stores the comparisons.
func (s *Shadows) compare(ctx context.Context, g *ruleset.Generation, c computed) {
	if s == nil || len(g.Shadows) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Budget, shadowBudget))
	defer cancel()
	for _, shadow := range g.Shadows {
		result, err := computeSafely(shadow.Corpus, c.facts, c.rows)
		if err == nil && !wasPackUsed(result.Rules, shadow.ID) {
			continue
		}
		if err := s.Store.PutComparison(ctx, c.comparisonWith(g, shadow.ID, result, err)); err != nil {
			s.Log.WarnContext(ctx, "comparison lost", "tenant", c.settlement.Tenant, "settlement_id",
				c.settlement.ID, "pack", shadow.ID.Pack, "version", shadow.ID.Version, "cause", err.Error())
		}
	}
}

// computeSafely computes by rules that are only tried out; a panic of the engine becomes an error.
func computeSafely(corpus *tax.Corpus, facts tax.Facts,
	rows []tax.Row) (result tax.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the rules broke the engine: %v", r)
		}
	}()
	return corpus.ComputeRows(facts, rows)
}

// wasPackUsed reports whether a rule pack was used for a result.
func wasPackUsed(used tax.RulesUsed, id tax.PackID) bool {
	return used.PackID == id || slices.Contains(used.Local, id)
}

// comparisonWith returns the comparison of a computation with the result by a shadow version.
func (c computed) comparisonWith(g *ruleset.Generation, shadow tax.PackID, result tax.Result,
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

// outcomeOf returns the figures of a result or, when err is a missing rule, the name of the rule.
func outcomeOf(r tax.Result, err error) Outcome {
	if gap, ok := ruleGapOf(err); ok {
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

// maxWorst is the greatest number of worst cases in a report.
const maxWorst = 10

// Add adds a comparison to the totals of a report.
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

// ParseShadow parses the name of a shadow version, PACK@VERSION.
func ParseShadow(name string) (tax.PackID, error) {
	pack, version, ok := strings.Cut(name, "@")
	if !ok || pack == "" || version == "" || strings.ContainsAny(name, "# ") {
		return tax.PackID{}, fault.Invalid(fault.Field{Field: "shadow", Problem: errShadowName.Error()})
	}
	return tax.PackID{Pack: pack, Version: version}, nil
}
