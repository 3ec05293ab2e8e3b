package ledger

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/fault"
)

// The types of accounts, and the sides on which an account normally has its balance.
const (
	Asset     = "asset"
	Liability = "liability"
	Income    = "income"
	Cost      = "cost"
	Memo      = "memo"

	DebitSide  = "debit"
	CreditSide = "credit"
)

// The kinds of balances: one for each creator, or one for the paying entity as a whole. A balance
// of the whole entity is called hot, because every settlement changes it; it is stored in parts,
// one in each creator's book, and summed from them.
const (
	ByCreator = "creator"
	Hot       = "hot"
)

// ChartAccount is one account of a chart of accounts.
type ChartAccount struct {
	Account Account        `json:"account"`
	Code    string         `json:"code"` // code of the account in the paying entity's own books
	Name    bilingual.Text `json:"name"`
	Type    string         `json:"type"`
	Side    string         `json:"side"` // side on which the account normally has its balance
	Book    string         `json:"book"`
	Meaning bilingual.Text `json:"meaning"`
}

// Chart is the chart of accounts that a paying entity's entries may use (会计科目表).
type Chart struct {
	Accounts []ChartAccount `json:"accounts"`
	index    map[Account]int
}

//go:embed chart.json
var standardChart []byte

var parsedStandard = sync.OnceValues(func() (Chart, error) {
	var c Chart
	d := json.NewDecoder(bytes.NewReader(standardChart))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("ledger: chart.json: %w", err)
	}
	return c.withIndex(), nil
})

// StandardChart returns the chart that every paying entity has: the accounts that the system itself
// posts to, under the codes that an agency following the enterprise accounting standards (企业会计准则)
// uses. Callers must not change the chart, because it is shared.
func StandardChart() (Chart, error) { return parsedStandard() }

// withIndex returns the chart sorted by code, with its index by account.
func (c Chart) withIndex() Chart {
	slices.SortStableFunc(c.Accounts, func(a, b ChartAccount) int {
		return strings.Compare(a.Code, b.Code)
	})
	c.index = make(map[Account]int, len(c.Accounts))
	for i, a := range c.Accounts {
		c.index[a.Account] = i
	}
	return c
}

// FindAccount returns an account of the chart; the second result is false when the chart lacks it.
func (c Chart) FindAccount(a Account) (ChartAccount, bool) {
	i, ok := c.index[a]
	if !ok {
		return ChartAccount{}, false
	}
	return c.Accounts[i], true
}

// CheckAccounts returns an error when the entry posts to an account that the chart lacks.
func (c Chart) CheckAccounts(e Entry) error {
	for _, p := range e.Postings {
		if _, ok := c.index[p.Account]; !ok {
			return fmt.Errorf("ledger: entry %s names the account %q, which the chart of %s lacks", e.ID,
				p.Account, e.Entity)
		}
	}
	return nil
}

// OwnPrefix begins the names of accounts that a paying entity adds, so that they never equal the
// name of a standard account.
const OwnPrefix = "own."

// Custom is what a paying entity changes in the standard chart: its own codes for standard
// accounts, and additional accounts. Standard accounts cannot be removed, because the system posts
// to them.
type Custom struct {
	Codes    map[Account]string `json:"codes"`
	Accounts []ChartAccount     `json:"accounts"`
}

// The limits of what a paying entity may add.
const (
	maxOwnAccounts = 200
	maxName        = 200 // bytes
)

var (
	codeShape = regexp.MustCompile(`^[0-9]{4}(\.?[0-9]{2,4}){0,4}$`)
	ownShape  = regexp.MustCompile(`^own\.[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$`)
)

// Problems lists the invalid fields of the changes. before is the set of changes that they replace;
// its accounts must stay, because entries may use them.
func (u Custom) Problems(before Custom) []fault.Field {
	var found fault.Problems
	wrong := func(bad bool, field, problem string) {
		found.AddIf(bad, field, problem)
	}
	std, err := StandardChart()
	wrong(err != nil, "", "the standard chart cannot be read")
	for a, code := range u.Codes {
		_, ours := std.FindAccount(a)
		wrong(!ours, "codes."+string(a),
			"is none of the accounts that every chart has; give an account of your own its code in accounts")
		wrong(!codeShape.MatchString(code), "codes."+string(a), codeProblem)
	}
	wrong(len(u.Accounts) > maxOwnAccounts, "accounts",
		fmt.Sprintf("must not be more than %d", maxOwnAccounts))
	seen := map[Account]bool{}
	for i, a := range u.Accounts[:min(len(u.Accounts), maxOwnAccounts)] {
		at := fmt.Sprintf("accounts[%d]", i)
		wrong(!ownShape.MatchString(string(a.Account)) || len(a.Account) > 64, at+".account",
			`must be "own." and one to four words of a-z, 0-9 and _, joined by dots, 64 letters at most`)
		wrong(seen[a.Account], at+".account", "stands twice")
		seen[a.Account] = true
		found = append(found, a.problems(at)...)
	}
	for _, a := range before.Accounts {
		wrong(!seen[a.Account], "accounts",
			"must keep "+string(a.Account)+": entries may name it; an account is never taken away")
	}
	slices.SortStableFunc(found, func(a, b fault.Field) int {
		return strings.Compare(a.Field, b.Field)
	})
	return found
}

const codeProblem = "must be an account code: four digits, then groups of two to four digits, " +
	"with or without dots"

// problems lists the invalid fields of an additional account; at is its path in the document.
func (a ChartAccount) problems(at string) []fault.Field {
	var found fault.Problems
	wrong := func(bad bool, field, problem string) {
		found.AddIf(bad, at+"."+field, problem)
	}
	isName := func(s string) bool { return s != "" && len(s) <= maxName && utf8.ValidString(s) }
	wrong(!codeShape.MatchString(a.Code), "code", codeProblem)
	wrong(!isName(a.Name.ZH), "name.zh", fmt.Sprintf("must be 1 to %d bytes", maxName))
	wrong(!isName(a.Name.EN), "name.en", fmt.Sprintf("must be 1 to %d bytes", maxName))
	wrong(!slices.Contains([]string{Asset, Liability, Income, Cost, Memo}, a.Type), "type",
		"must be asset, liability, income, cost or memo")
	wrong(a.Side != DebitSide && a.Side != CreditSide, "side", "must be debit or credit")
	wrong(a.Book != Hot && a.Book != ByCreator, "book", "must be creator or hot")
	wrong(len(a.Meaning.ZH) > maxName || len(a.Meaning.EN) > maxName, "meaning",
		fmt.Sprintf("must not be longer than %d bytes in either language", maxName))
	return found
}

// errAccountExists means that an account which a paying entity added is now a standard account.
var errAccountExists = errors.New(
	"ledger: an account of the paying entity's own stands in the chart already")

// WithCustom returns the chart with a paying entity's changes.
func (c Chart) WithCustom(u Custom) (Chart, error) {
	out := Chart{Accounts: slices.Clone(c.Accounts)}
	for i, a := range out.Accounts {
		if code, ok := u.Codes[a.Account]; ok {
			out.Accounts[i].Code = code
		}
	}
	for _, a := range u.Accounts {
		if _, exists := c.FindAccount(a.Account); exists {
			return Chart{}, errAccountExists
		}
		out.Accounts = append(out.Accounts, a)
	}
	return out.withIndex(), nil
}
