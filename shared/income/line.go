// Package income validates and stores the income lines that platforms report, and defines the
// buckets in which lines wait for the statement that consumes them.
package income

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// Line is one validated line of income from a platform (收入明细). Its amounts include VAT.
type Line struct {
	LineID              string        `json:"line_id"`
	CreatorID           ident.Creator `json:"creator_id"`
	IncomeType          string        `json:"income_type"`
	Platform            string        `json:"platform"`
	AccountUID          string        `json:"account_uid,omitempty"`
	Nickname            string        `json:"nickname,omitempty"`
	ShopID              string        `json:"shop_id,omitempty"`
	OccurredOn          civil.Date    `json:"occurred_on"`
	ServicePeriod       civil.Month   `json:"service_period"`
	GrossBeforePlatform money.Amount  `json:"gross_before_platform"`
	PlatformFee         money.Amount  `json:"platform_fee"`
	Refund              money.Amount  `json:"refund"`
	Subsidy             money.Amount  `json:"subsidy"`
	// Distributable is the amount that the paying entity receives; it is negative when a sale that was
	// settled before was returned.
	Distributable money.Amount `json:"distributable"`
	Count         int64        `json:"count,omitempty"`
	Description   string       `json:"description,omitempty"`
	Source        string       `json:"source,omitempty"`
}

// Incentive is the income type of accrued rewards. Its lines are made when a day is closed and are
// never uploaded.
const Incentive = "incentive"

// Clients may not use line ids that begin with these prefixes, because the system makes such lines.
const (
	// AccrualPrefix begins the ids of lines that the close of a day makes.
	AccrualPrefix = "accr-"
	// CarryPrefix begins the ids of lines that carry money from one bucket into another.
	CarryPrefix = "carry-"
)

// Bounds of a line's fields.
const (
	maxDaysBack   = 400
	maxMonthsBack = 13
	maxCount      = 1_000_000_000
)

var (
	largest = money.MustParse("99999999999.99")
)

// Hash returns the hash of the line's content; a line that is sent again unchanged has the same
// hash.
func (l Line) Hash() string {
	doc, err := json.Marshal(l)
	if err != nil { // texts, dates and amounts can always be encoded as JSON
		return ""
	}
	return HashDocument(doc)
}

// HashDocument returns the hash of a line that is already encoded as JSON.
func HashDocument(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:16])
}

// DayInPeriod returns the day that decides to which part of its service period a line belongs: the
// day on which it occurred or, when that lies outside the period, the nearest day of the period.
func (l Line) DayInPeriod() civil.Date {
	switch first, last := l.ServicePeriod.First(), l.ServicePeriod.Last(); {
	case l.OccurredOn.Before(first):
		return first
	case l.OccurredOn.After(last):
		return last
	}
	return l.OccurredOn
}

// ComputedDistributable computes gross minus platform fee minus refund plus subsidy; the
// distributable amount of a line must be equal to it.
func (l Line) ComputedDistributable() money.Amount {
	return l.GrossBeforePlatform.Sub(l.PlatformFee).Sub(l.Refund).Add(l.Subsidy)
}

// draft is a line as a client sent it, before validation; a nil amount was not given.
type draft struct {
	LineID        string        `json:"line_id"`
	CreatorID     ident.Creator `json:"creator_id"`
	IncomeType    string        `json:"income_type"`
	Platform      string        `json:"platform"`
	AccountUID    string        `json:"account_uid"`
	Nickname      string        `json:"nickname"`
	ShopID        string        `json:"shop_id"`
	OccurredOn    civil.Date    `json:"occurred_on"`
	ServicePeriod civil.Month   `json:"service_period"`
	Gross         *money.Amount `json:"gross_before_platform"`
	PlatformFee   *money.Amount `json:"platform_fee"`
	Refund        *money.Amount `json:"refund"`
	Subsidy       *money.Amount `json:"subsidy"`
	Distributable *money.Amount `json:"distributable"`
	Count         int64         `json:"count"`
	Description   string        `json:"description"`
	Source        string        `json:"source"`
}

// ParseLine decodes and validates one line; the error lists all its problems. today is the business
// date from which the allowed days and months are counted. The line's id is returned even when
// other fields are wrong; it is "" when it cannot be read.
func ParseLine(raw []byte, today civil.Date) (Line, string, error) {
	var d draft
	c := checker{problems: strictjson.Decode(raw, &d)}
	// When nothing could be decoded, problems of missing fields would only repeat the same problem.
	if len(c.problems) > 0 && d == (draft{}) {
		return Line{}, "", fault.Invalid(c.problems...)
	}
	c.checkNames(d)
	c.checkDates(d, today)
	c.checkAmounts(d)
	id := ""
	// The id of a refused line is returned too, so that the sender can see which line of its upload
	// was refused.
	if ident.Valid(d.LineID) {
		id = d.LineID
	}
	if len(c.problems) > 0 {
		return Line{}, id, fault.Invalid(c.problems...)
	}
	return d.toLine(), id, nil
}

// toLine converts a draft whose amounts are all given into a line.
func (d draft) toLine() Line {
	return Line{LineID: d.LineID, CreatorID: d.CreatorID, IncomeType: d.IncomeType,
		Platform: d.Platform, AccountUID: d.AccountUID,
		Nickname: d.Nickname, ShopID: d.ShopID, OccurredOn: d.OccurredOn, ServicePeriod: d.ServicePeriod,
		GrossBeforePlatform: *d.Gross,
		PlatformFee:         *d.PlatformFee, Refund: *d.Refund, Subsidy: *d.Subsidy,
		Distributable: *d.Distributable, Count: d.Count,
		Description: d.Description, Source: d.Source}
}

// checker collects the problems of one line, at most one for each field.
type checker struct{ problems fault.Problems }

// hasProblem reports whether a field has a problem already.
func (c *checker) hasProblem(field string) bool {
	return slices.ContainsFunc(c.problems, func(f fault.Field) bool { return f.Field == field })
}

// addProblemIf adds a problem when something is wrong with a field that has no problem yet.
func (c *checker) addProblemIf(wrong bool, field, problem string) {
	c.problems.AddIf(wrong && !c.hasProblem(field), field, problem)
}

// checkNames checks the ids, the income type, the lengths of the texts and the count.
func (c *checker) checkNames(d draft) {
	const id = "must be 1 to 64 letters, digits, _ or -"
	c.addProblemIf(!ident.Valid(d.LineID), "line_id", id)
	c.addProblemIf(strings.HasPrefix(d.LineID, AccrualPrefix) ||
		strings.HasPrefix(d.LineID, CarryPrefix),
		"line_id", "must not begin with accr- or carry-, the system uses them")
	c.addProblemIf(!ident.Valid(d.CreatorID), "creator_id", id)
	c.addProblemIf(d.IncomeType == Incentive, "income_type",
		"must not be incentive: incentives are recorded as events, or settled by a call")
	c.addProblemIf(!slices.Contains(tenancy.IncomeTypes(), d.IncomeType), "income_type",
		"must be one of "+strings.Join(uploadableTypes(), ", "))
	c.addProblemIf(d.Platform == "", "platform", "must be given")
	for _, t := range []struct {
		field, value string
		limit        int
	}{
		{"platform", d.Platform, 64}, {"account_uid", d.AccountUID, 128}, {"nickname", d.Nickname, 128},
		{"shop_id", d.ShopID, 128},
		{"description", d.Description, 500}, {"source", d.Source, 200},
	} {
		c.addProblemIf(utf8.RuneCountInString(t.value) > t.limit, t.field,
			fmt.Sprintf("must have at most %d characters", t.limit))
	}
	c.addProblemIf(d.Count < 0 || d.Count > maxCount, "count", "must be 0 to 1000000000")
}

// uploadableTypes lists the income types that may be uploaded: all but incentives.
func uploadableTypes() []string {
	return slices.DeleteFunc(tenancy.IncomeTypes(), func(t string) bool { return t == Incentive })
}

// checkDates checks that the day and the service period are given, not in the future and not too
// old.
func (c *checker) checkDates(d draft, today civil.Date) {
	c.addProblemIf(d.OccurredOn.IsZero(), "occurred_on", "must be given")
	c.addProblemIf(d.OccurredOn.After(today), "occurred_on", "lies in the future")
	c.addProblemIf(d.OccurredOn.Before(today.AddDays(-maxDaysBack)), "occurred_on",
		"lies more than 400 days back")
	c.addProblemIf(d.ServicePeriod.IsZero(), "service_period", "must be given")
	c.addProblemIf(d.ServicePeriod.After(today.Month()), "service_period", "lies in the future")
	c.addProblemIf(d.ServicePeriod.Before(today.Month().Add(-maxMonthsBack)), "service_period",
		"lies more than 13 months back")
}

// checkAmounts checks each amount and then their sum.
func (c *checker) checkAmounts(d draft) {
	sound := true
	for _, a := range []struct {
		field  string
		amount *money.Amount
		signed bool
	}{
		{"gross_before_platform", d.Gross, false}, {"platform_fee", d.PlatformFee, false},
		{"refund", d.Refund, false},
		{"subsidy", d.Subsidy, false}, {"distributable", d.Distributable, true},
	} {
		c.addProblemIf(a.amount == nil, a.field, "must be given")
		if a.amount != nil {
			c.addProblemIf(a.amount.Negative() && !a.signed, a.field, "must not be negative")
			c.addProblemIf(a.amount.Abs().Cmp(largest) > 0, a.field, "must be at most "+largest.String())
		}
		sound = sound && !c.hasProblem(a.field)
	}
	// The sum is compared only when every amount is right; otherwise one wrong amount would be
	// reported twice.
	if sound {
		want := d.toLine().ComputedDistributable()
		c.addProblemIf(*d.Distributable != want, "distributable",
			"must be gross_before_platform - platform_fee - refund + subsidy, which is "+want.String())
	}
}
