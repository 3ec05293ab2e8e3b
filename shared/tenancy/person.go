package tenancy

import (
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy/nationalid"
)

// The kinds of identity papers, by the code of the tax returns (身份证件类型); organisations have their
// credit code.
const (
	CitizenCard = "201" // 居民身份证
	CreditCode  = "uscc"
)

// IDTypes are the kinds of papers that are accepted: 201 citizen card, 208 foreign passport, 210
// and 213 travel permits of people from Hong Kong and Macau and from Taiwan, 227 Chinese passport,
// 233 permanent residence card, 237 and 238 residence permits of people from Hong Kong and Macau
// and from Taiwan.
func IDTypes() []string {
	return []string{CitizenCard, "208", "210", "213", "227", "233", "237", "238", CreditCode}
}

// idTypeOf gives the code of a kind of paper that was named by a word.
func idTypeOf(s string) string {
	switch s {
	case "resident_id":
		return CitizenCard
	case "passport":
		return "208"
	}
	return s
}

// Person is what identifies a taxpayer, in clear. It is sealed in the vault and found by keyed
// hash; only Masked leaves the house.
type Person struct {
	Name, IDType, IDNumber, Phone string
}

// Normalized gives the person with its numbers in their normal form.
func (p Person) Normalized() Person {
	p.Name = strings.TrimSpace(p.Name)
	p.IDType = idTypeOf(p.IDType)
	p.IDNumber = strings.ToUpper(strings.TrimSpace(p.IDNumber))
	return p
}

// Masked gives the person as it may be shown.
func (p Person) Masked() Person {
	p.Name = MaskName(p.Name)
	p.IDNumber = MaskNumber(p.IDNumber)
	p.Phone = MaskPhone(p.Phone)
	return p
}

var (
	phonePattern  = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
	numberPattern = regexp.MustCompile(`^[A-Z0-9()/-]{5,64}$`)
	bankPattern   = regexp.MustCompile(`^[0-9]{8,32}$`)
	walletPattern = regexp.MustCompile(`^[A-Za-z0-9_.@+-]{1,128}$`)
)

// Problems lists all that is wrong with a person in its normal form.
func (p Person) Problems(today civil.Date) []fault.Field {
	var c checks
	c.text("name", p.Name, 200)
	c.oneOf("id_type", p.IDType, IDTypes()...)
	switch p.IDType {
	case CreditCode:
		c.creditCode("id_number", p.IDNumber)
	case CitizenCard, "237", "238":
		if _, err := nationalid.ParseCitizen(p.IDNumber, today); err != nil {
			c.Add("id_number", err.Error())
		}
	default:
		if !numberPattern.MatchString(p.IDNumber) {
			c.Add("id_number", "must be 5 to 64 letters and digits")
		}
	}
	if p.Phone != "" && !phonePattern.MatchString(p.Phone) {
		c.Add("phone", "must be a mobile number of 11 digits")
	}
	return c.Problems
}

func (c *checks) creditCode(field, value string) {
	if _, err := nationalid.ParseCreditCode(value); err != nil {
		c.Add(field, err.Error())
	}
}

// TaxpayerKinds and the lists below are the words of a tax profile.
func TaxpayerKinds() []string {
	return []string{"natural_person", "individual_business", "sole_proprietorship", "partnership",
		"company", "employee", "student_intern"}
}

// IsOrganisation tells whether a kind of taxpayer is an organisation, which has a credit code and is
// paid to a corporate account. An individual business may stand under its owner's own papers.
func IsOrganisation(kind string) bool {
	return kind == "sole_proprietorship" || kind == "partnership" || kind == "company"
}

// ProfileProblems lists all that is wrong with a taxpayer's profiles, given the kind of its papers;
// "" is one that is not known.
func ProfileProblems(profiles []Profile, idType string) []fault.Field {
	var c checks
	if len(profiles) == 0 {
		c.Add("profiles", "must hold at least one profile")
	}
	var days []civil.Date
	for i, p := range profiles {
		path := at("profiles", i)
		c.profile(path, p)
		c.fits(path+"kind", p.Kind, idType)
		if slices.Contains(days, p.From) {
			c.Add(path+"from", "is the first day of another profile too")
		}
		days = append(days, p.From)
	}
	return c.Problems
}

func (c *checks) profile(path string, p Profile) {
	if p.From.IsZero() {
		c.Add(path+"from", "must be given")
	}
	c.oneOf(path+"kind", p.Kind, TaxpayerKinds()...)
	c.oneOf(path+"vat", p.VAT, "natural_person", "small_scale", "general")
	c.oneOf(path+"collection", p.Collection, "withheld", "books", "income_rate", "cost_rate",
		"levy_rate")
	c.place(path+"jurisdiction", p.Jurisdiction)
	if p.VATPeriod != "" {
		c.oneOf(path+"vat_period", p.VATPeriod, "month", "quarter")
	}
	if p.Overseas && (p.Resident || p.Kind != "natural_person") {
		c.Add(path+"overseas", "is only for natural persons who are not resident")
	}
	if p.PlaceTier != "" {
		c.oneOf(path+"place_tier", p.PlaceTier, "city", "county", "other")
	}
	c.note(path+"industry", p.Industry, 64)
	for i, paper := range p.Papers {
		q := at(path+"papers", i)
		c.text(q+"name", paper.Name, 64)
		c.text(q+"number", paper.Number, 128)
		c.period(q, paper.From, paper.To)
		if paper.FileSHA256 != "" && !sha256Pattern.MatchString(paper.FileSHA256) {
			c.Add(q+"file_sha256", "must be 64 digits of lower-case hexadecimal")
		}
		c.note(q+"checked_by", paper.CheckedBy, 128)
	}
}

// fits wants a credit code for organisations and a person's papers for people.
func (c *checks) fits(field, kind, idType string) {
	if idType == "" {
		return
	}
	person := kind == "natural_person" || kind == "employee" || kind == "student_intern"
	switch {
	case IsOrganisation(kind) && idType != CreditCode:
		c.Add(field, "is an organisation, whose id_type is uscc")
	case person && idType == CreditCode:
		c.Add(field, "is a person, who has no credit code")
	}
}

// Problems lists all that is wrong with a payout account in clear.
func (a PayoutAccount) Problems() []fault.Field {
	var c checks
	c.oneOf("payout.method", a.Method, PayMethods()...)
	switch {
	case strings.Contains(a.Account, "*"):
		c.Add("payout.account", "is masked; send it in full, or leave payout out to keep it")
	case a.Method == "bank" && !bankPattern.MatchString(a.Account):
		c.Add("payout.account", "must be 8 to 32 digits")
	case a.Method != "bank" && !walletPattern.MatchString(a.Account):
		c.Add("payout.account", "must be 1 to 128 letters, digits and . _ - @ +")
	}
	c.text("payout.holder", a.Holder, 200)
	if strings.Contains(a.Holder, "*") {
		c.Add("payout.holder", "is masked; send it in full, or leave payout out to keep it")
	}
	return c.Problems
}

// Masked gives the account as it may be shown.
func (a PayoutAccount) Masked() PayoutAccount {
	a.Account, a.Holder = MaskAccount(a.Account), MaskName(a.Holder)
	return a
}
