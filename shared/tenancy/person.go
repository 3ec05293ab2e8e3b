package tenancy

import (
	"regexp"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy/nationalid"
)

// The ID types that this package names: the code that tax returns use (身份证件类型), and for
// organisations the unified social credit code.
const (
	CitizenCard = "201" // 居民身份证
	CreditCode  = "uscc"
)

// IDTypes lists the accepted ID types: 201 citizen card, 208 foreign passport, 210 and 213 travel
// permits of people from Hong Kong and Macau and from Taiwan, 227 Chinese passport, 233 permanent
// residence card, 237 and 238 residence permits of people from Hong Kong and Macau and from Taiwan,
// and uscc for organisations.
func IDTypes() []string {
	return []string{CitizenCard, "208", "210", "213", "227", "233", "237", "238", CreditCode}
}

// idTypeCode returns the code of an ID type that may be given as an English word.
func idTypeCode(s string) string {
	switch s {
	case "resident_id":
		return CitizenCard
	case "passport":
		return "208"
	}
	return s
}

// Person is the personal data that identifies a taxpayer, in clear text. Person is sealed in the
// vault and found by a keyed hash; only the masked form is ever answered. The names of its fields
// are part of stored digests.
type Person struct {
	Name, IDType, IDNumber, Phone string
}

// Normalized returns the person with ID type, ID number and name in normal form.
func (p Person) Normalized() Person {
	p.Name = strings.TrimSpace(p.Name)
	p.IDType = idTypeCode(p.IDType)
	p.IDNumber = strings.ToUpper(strings.TrimSpace(p.IDNumber))
	return p
}

// Masked returns the person with masked name, number and phone, as it may be shown.
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

// Problems lists the invalid fields of a person in normal form. A birth date after today is
// invalid.
func (p Person) Problems(today civil.Date) []fault.Field {
	var c validator
	c.checkText("name", p.Name, 200)
	c.checkOneOf("id_type", p.IDType, IDTypes()...)
	switch p.IDType {
	case CreditCode:
		c.checkCreditCode("id_number", p.IDNumber)
	case CitizenCard, "237", "238":
		if _, err := nationalid.ParseCitizen(p.IDNumber, today); err != nil {
			c.Add("id_number", err.Error())
		}
	// Papers of other states have no check digit that could be verified.
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

// checkCreditCode demands a valid unified social credit code.
func (c *validator) checkCreditCode(field, value string) {
	if _, err := nationalid.ParseCreditCode(value); err != nil {
		c.Add(field, err.Error())
	}
}

// TaxpayerKinds lists the kinds of taxpayers that a tax profile may have.
func TaxpayerKinds() []string {
	return []string{"natural_person", "individual_business", "sole_proprietorship", "partnership",
		"company", "employee", "student_intern"}
}

// IsOrganisation reports whether a kind of taxpayer is an organisation, which has a credit code and
// is paid to a corporate account. An individual business is none: it may be registered under its
// owner's ID.
func IsOrganisation(kind string) bool {
	return kind == "sole_proprietorship" || kind == "partnership" || kind == "company"
}

// ProfileProblems lists the invalid fields of a taxpayer's profiles. idType is the ID type of the
// taxpayer, "" when it is not known; kinds that do not fit it are refused.
func ProfileProblems(profiles []Profile, idType string) []fault.Field {
	var c validator
	if len(profiles) == 0 {
		c.Add("profiles", "must hold at least one profile")
	}
	var days []civil.Date
	for i, p := range profiles {
		path := elementPath("profiles", i)
		c.checkProfile(path, p)
		c.checkKindFitsPaper(path+"kind", p.Kind, idType)
		// Two profiles of one day would leave open which of them is in force.
		if slices.Contains(days, p.From) {
			c.Add(path+"from", "is the first day of another profile too")
		}
		days = append(days, p.From)
	}
	return c.Problems
}

// checkProfile checks one tax profile; path is where it stands in the document.
func (c *validator) checkProfile(path string, p Profile) {
	if p.From.IsZero() {
		c.Add(path+"from", "must be given")
	}
	c.checkOneOf(path+"kind", p.Kind, TaxpayerKinds()...)
	c.checkOneOf(path+"vat", p.VAT, "natural_person", "small_scale", "general")
	c.checkOneOf(path+"collection", p.Collection, "withheld", "books", "income_rate", "cost_rate",
		"levy_rate")
	c.checkPlace(path+"jurisdiction", p.Jurisdiction)
	if p.VATPeriod != "" {
		c.checkOneOf(path+"vat_period", p.VATPeriod, "month", "quarter")
	}
	if p.Overseas && (p.Resident || p.Kind != "natural_person") {
		c.Add(path+"overseas", "is only for natural persons who are not resident")
	}
	if p.PlaceTier != "" {
		c.checkOneOf(path+"place_tier", p.PlaceTier, "city", "county", "other")
	}
	c.checkOptionalText(path+"industry", p.Industry, 64)
	for i, paper := range p.Papers {
		q := elementPath(path+"papers", i)
		c.checkText(q+"name", paper.Name, 64)
		c.checkText(q+"number", paper.Number, 128)
		c.checkPeriod(q, paper.From, paper.To)
		if paper.FileSHA256 != "" && !sha256Pattern.MatchString(paper.FileSHA256) {
			c.Add(q+"file_sha256", "must be 64 digits of lower-case hexadecimal")
		}
		c.checkOptionalText(q+"checked_by", paper.CheckedBy, 128)
	}
}

// checkKindFitsPaper demands a credit code for organisations and an ID of a person for people.
func (c *validator) checkKindFitsPaper(field, kind, idType string) {
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

// Problems lists the invalid fields of a payout account in clear text.
func (a PayoutAccount) Problems() []fault.Field {
	var c validator
	c.checkOneOf("payout.method", a.Method, PayMethods()...)
	switch {
	// A client that sends back what it read would overwrite the account with its mask.
	case strings.Contains(a.Account, "*"):
		c.Add("payout.account", "is masked; send it in full, or leave payout out to keep it")
	case a.Method == "bank" && !bankPattern.MatchString(a.Account):
		c.Add("payout.account", "must be 8 to 32 digits")
	case a.Method != "bank" && !walletPattern.MatchString(a.Account):
		c.Add("payout.account", "must be 1 to 128 letters, digits and . _ - @ +")
	}
	c.checkText("payout.holder", a.Holder, 200)
	if strings.Contains(a.Holder, "*") {
		c.Add("payout.holder", "is masked; send it in full, or leave payout out to keep it")
	}
	return c.Problems
}

// Masked returns the account with masked number and holder, as it may be shown.
func (a PayoutAccount) Masked() PayoutAccount {
	a.Account = MaskAccount(a.Account)
	a.Holder = MaskName(a.Holder)
	return a
}
