package statement

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// Certificate states what a paying entity paid a taxpayer in a year and what it withheld (收入纳税明细).
// It is made from the tax rows alone.
type Certificate struct {
	Number     string         `json:"number"`
	Tenant     ident.Tenant   `json:"tenant"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	// Name is the taxpayer's name, masked.
	Name   string `json:"name"`
	IDType string `json:"id_type"`
	// IDNumber is the number of the taxpayer's identity document, masked.
	IDNumber string           `json:"id_number"`
	Entity   Entity           `json:"paying_entity"`
	Year     int              `json:"year"`
	Rows     []CertificateRow `json:"rows"`
	// Totals are the rows summed by tax and item over the year.
	Totals   []CertificateRow `json:"totals"`
	Bookings int              `json:"bookings"`
	// Opening reports that some rows happened before this system kept the books.
	Opening bool   `json:"has_opening_rows"`
	Hash    string `json:"content_hash,omitempty"`
}

// CertificateRow is one tax on one item of income in one month.
type CertificateRow struct {
	Tax  string `json:"tax"`
	Item string `json:"item"`
	// Month is like "2026-09"; the rows of the year's totals have none.
	Month      string `json:"month,omitempty"`
	Collection string `json:"collection"`
	// Income is the income of the item, or the sales without VAT for a tax that is levied on sales.
	Income   money.Amount `json:"income"`
	Withheld money.Amount `json:"withheld"`
}

// yearText returns the year as text.
func (c Certificate) yearText() string { return strconv.Itoa(c.Year) }

// BuildCertificate builds the certificate of a taxpayer's year at a paying entity. A taxpayer who
// was merged into another one has the certificate of the surviving taxpayer, because a person has
// one certificate.
//
// BuildCertificate returns fault.MissingObject for an unknown taxpayer or entity, and for a creator
// who asks for another person.
func (s *Service) BuildCertificate(ctx context.Context, by identity.Principal,
	taxpayer ident.Taxpayer,
	entity ident.Entity, year int) (Certificate, error) {
	if by.SeesOnlyOwn() {
		who, err := s.Directory.Creator(ctx, by.Tenant, by.Creator)
		if err != nil || who.TaxpayerID != taxpayer {
			return Certificate{}, fault.MissingObject("taxpayer")
		}
	}
	payer, err := s.Directory.Taxpayer(ctx, by.Tenant, taxpayer)
	if err == nil && payer.MergedInto != "" {
		taxpayer = ident.Taxpayer(payer.MergedInto)
		payer, err = s.Directory.Taxpayer(ctx, by.Tenant, taxpayer)
	}
	if err != nil {
		return Certificate{}, err
	}
	company, err := s.Directory.Entity(ctx, by.Tenant, entity, civil.NewDate(year, 12, 31))
	if err != nil {
		return Certificate{}, err
	}
	bookings, err := s.Settlements.TaxRows(ctx, by.Tenant, entity, taxpayer, year)
	if err != nil {
		return Certificate{}, err
	}
	c := Certificate{Tenant: by.Tenant, TaxpayerID: taxpayer, Name: payer.Name, IDType: payer.IDType,
		IDNumber: payer.IDNumber,
		Entity:   Entity{entity, company.Name, company.USCC}, Year: year, Bookings: len(bookings)}
	c.Number = "NS" + c.yearText() + "-" + string(taxpayer) + "-" + string(entity)
	c.sumBookings(settlement.BookingsOfPerson(bookings))
	c.Hash, err = contentHash(c)
	return c, err
}

// sumBookings sums the tax rows by tax, item, way of collection and month, and over the year.
func (c *Certificate) sumBookings(bookings []settlement.Booking) {
	rows, totals := map[CertificateRow]CertificateRow{}, map[CertificateRow]CertificateRow{}
	add := func(into map[CertificateRow]CertificateRow, key CertificateRow, income,
		withheld money.Amount) {
		sum, ok := into[key]
		if !ok {
			sum = key
		}
		sum.Income, sum.Withheld = sum.Income.Add(income), sum.Withheld.Add(withheld)
		into[key] = sum
	}
	for _, b := range bookings {
		c.Opening = c.Opening || b.Kind == settlement.KindOpening
		for _, r := range b.Rows {
			income := r.Income
			// Income tax is levied on income; VAT and its surcharges are levied on sales without VAT.
			if r.Kind != "IIT" {
				income = r.Sales
			}
			key := CertificateRow{Tax: r.Kind, Item: r.Item, Collection: r.Collection}
			add(totals, key, income, r.Withheld)
			key.Month = r.Period[:min(len(r.Period), len("2026-01"))]
			add(rows, key, income, r.Withheld)
		}
	}
	c.Rows, c.Totals = sortedRows(rows), sortedRows(totals)
}

// taxOrder returns the position at which a tax is shown: income tax comes first.
func taxOrder(kind string) int {
	if at := slices.Index([]string{"IIT", "VAT", "UMCT", "EDU", "LEDU"}, kind); at >= 0 {
		return at
	}
	return len(kind) + 100
}

// sortedRows returns the rows in the order of tax, item, month and way of collection.
func sortedRows(m map[CertificateRow]CertificateRow) []CertificateRow {
	rows := slices.SortedFunc(maps.Values(m), func(a, b CertificateRow) int {
		return cmp.Or(cmp.Compare(taxOrder(a.Tax), taxOrder(b.Tax)), cmp.Compare(a.Tax, b.Tax),
			cmp.Compare(a.Item, b.Item), cmp.Compare(a.Month, b.Month),
			cmp.Compare(a.Collection, b.Collection))
	})
	if rows == nil {
		return []CertificateRow{}
	}
	return rows
}
