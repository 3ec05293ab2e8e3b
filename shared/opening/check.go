package opening

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/master"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// object is the JSON document of a creator or contract, with the rows from which it is made.
type object struct {
	kind tenancy.Kind
	body []byte
	rows []Row
}

// creatorDocuments returns the documents of the workbook's creators.
func (i *Import) creatorDocuments() []object {
	var out []object
	for _, r := range i.Creators {
		profile := map[string]any{"from": r.Cell("profile_from"), "kind": r.Cell("kind"),
			"resident": parseYesNo(r.Cell("resident")), "vat": r.Cell("vat"),
			"collection": r.Cell("collection"), "jurisdiction": r.Cell("jurisdiction")}
		setIfGiven(profile, "industry", r.Cell("industry"))
		taxpayer := map[string]any{"name": r.Cell("name"), "id_type": r.Cell("id_type"),
			"id_number": r.Cell("id_number"), "profiles": []any{profile}}
		setIfGiven(taxpayer, "phone", r.Cell("phone"))
		body := map[string]any{"creator_id": r.Cell("creator_id"), "nickname": r.Cell("nickname"),
			"taxpayer": taxpayer,
			"payout": map[string]any{"method": r.Cell("payout_method"),
				"account": r.Cell("payout_account"), "holder": r.Cell("payout_holder")}}
		setIfGiven(body, "level", r.Cell("level"))
		if r.Cell("platform") != "" || r.Cell("account_uid") != "" {
			body["platform_accounts"] = []any{map[string]any{"platform": r.Cell("platform"),
				"uid": r.Cell("account_uid")}}
		}
		out = append(out, object{tenancy.KindCreator, marshalDocument(body), []Row{r}})
	}
	return out
}

// contractDocuments returns the documents of the workbook's contracts; all rows with the same
// contract id make one contract.
func (i *Import) contractDocuments() []object {
	var out []object
	for n, first := range i.Contracts {
		id := first.Cell("contract_id")
		// The rows of this contract were collected at its first row.
		if slices.ContainsFunc(i.Contracts[:n], func(r Row) bool { return r.Cell("contract_id") == id }) {
			continue
		}
		o := object{kind: tenancy.KindContract}
		routes, splits := map[string]any{}, map[string]any{}
		for _, r := range i.Contracts {
			if r.Cell("contract_id") != id {
				continue
			}
			o.rows = append(o.rows, r)
			routes[r.Cell("income_type")] = r.Cell("route")
			if tenancy.IsPaidByTenant(r.Cell("route")) {
				splits[r.Cell("income_type")] = splitDocument(r)
			}
		}
		body := map[string]any{"contract_id": id, "creator_id": first.Cell("creator_id"),
			"paying_entity": first.Cell("paying_entity"), "from": first.Cell("from"),
			"routes": routes, "splits": splits, "cycle": first.Cell("cycle"),
			"price_basis": first.Cell("price_basis"), "revenue_basis": first.Cell("revenue_basis")}
		setIfGiven(body, "to", first.Cell("to"))
		if day := first.Cell("pay_day"); day != "" {
			body["pay_day"] = json.Number(day)
		}
		o.body = marshalDocument(body)
		out = append(out, o)
	}
	return out
}

// splitDocument returns the split of a row: the creator's share, and the rest for the agency.
func splitDocument(r Row) any {
	parties := []any{map[string]any{"party": r.Cell("creator_id"), "kind": "creator",
		"share": r.Cell("creator_share")}}
	if rest, ok := remainingShare(r.Cell("creator_share")); ok {
		parties = append(parties, map[string]any{"party": "mcn", "kind": "mcn", "share": rest})
	}
	return map[string]any{"method": "ratio", "parties": parties}
}

// parseYesNo returns true or false for yes or no in English or Chinese, and any other text
// unchanged.
func parseYesNo(text string) any {
	switch strings.ToLower(text) {
	case "yes", "是", "true":
		return true
	case "no", "否", "false":
		return false
	}
	// Any other text is passed on, so that the validation of the master data reports it.
	return text
}

// setIfGiven sets a field of a document unless the value is empty.
func setIfGiven(body map[string]any, field, value string) {
	if value != "" {
		body[field] = value
	}
}

// marshalDocument encodes a document as JSON. The encoding fails only for an invalid number, which
// the reader of the empty document reports.
func marshalDocument(body any) []byte {
	doc, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	return doc
}

// checkAll checks every row of the workbook and collects the problems.
func (c *checker) checkAll(ctx context.Context) error {
	for _, o := range append(c.in.creatorDocuments(), c.in.contractDocuments()...) {
		if err := c.checkObject(ctx, o); err != nil {
			return err
		}
	}
	for _, p := range c.in.Payables {
		if err := c.checkPayable(ctx, p); err != nil {
			return err
		}
	}
	for _, r := range c.in.Receivables {
		if err := c.checkCreator(ctx, r.Row, r.CreatorID); err != nil {
			return err
		}
		if err := c.checkEntity(ctx, r.Row, r.Entity); err != nil {
			return err
		}
	}
	for _, w := range c.in.Withholding {
		if err := c.checkWithholding(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// checkPayable checks the creator, the income type, the service period and the contract of a
// payable.
func (c *checker) checkPayable(ctx context.Context, p Payable) error {
	if err := c.checkCreator(ctx, p.Row, p.CreatorID); err != nil {
		return err
	}
	if !slices.Contains(tenancy.IncomeTypes(), p.IncomeType) {
		c.addCellProblem(p.Row, "income_type",
			"must be one of "+strings.Join(tenancy.IncomeTypes(), ", "))
	}
	if p.Period.After(c.today.Month()) {
		c.addCellProblem(p.Row, "service_period", "lies in the future")
	}
	return c.checkCoverage(ctx, p)
}

// checkObject checks the document of a creator or contract; a creator of the same workbook counts
// as existing.
func (c *checker) checkObject(ctx context.Context, o object) error {
	fields, err := c.Master.Problems(ctx, master.Caller{Principal: c.by}, o.kind, o.body)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if o.kind == tenancy.KindContract && f.Field == "creator_id" &&
			c.newCreators[o.rows[0].Cell("creator_id")] {
			continue
		}
		row, column := o.findCell(f.Field)
		c.addProblem(row.Sheet, row.Number, column, f.Problem)
	}
	for _, r := range o.rows[1:] {
		for _, column := range []string{"creator_id", "paying_entity", "from", "to", "cycle", "pay_day",
			"price_basis", "revenue_basis"} {
			if r.Cell(column) != o.rows[0].Cell(column) {
				c.addProblem(r.Sheet, r.Number, column, "must be the same in all rows of contract "+
					r.Cell("contract_id"))
			}
		}
	}
	return nil
}

// findCell returns the row and the column from which a field of the document comes.
func (o object) findCell(field string) (Row, string) {
	row := o.rows[0]
	for _, r := range o.rows {
		if t := r.Cell("income_type"); t != "" &&
			(strings.HasPrefix(field, "routes."+t) || strings.HasPrefix(field, "splits."+t)) {
			row = r
		}
	}
	parts := strings.Split(field, ".")
	last := parts[len(parts)-1]
	switch {
	case parts[0] == "payout" && len(parts) > 1:
		return row, "payout_" + last
	case parts[0] == "splits":
		return row, "creator_share"
	case parts[0] == "routes":
		return row, "route"
	case last == "uid":
		return row, "account_uid"
	case last == "from" && parts[0] == "taxpayer":
		return row, "profile_from"
	}
	return row, last
}

// checkCreator requires a creator that exists or is in the workbook.
func (c *checker) checkCreator(ctx context.Context, row Row, id ident.Creator) error {
	if c.newCreators[string(id)] {
		return nil
	}
	_, err := c.Directory.Creator(ctx, c.by.Tenant, id)
	if fault.HasCode(err, fault.NotFound) {
		c.addCellProblem(row, "creator_id", "names no creator, neither of yours nor of this workbook")
		return nil
	}
	return err
}

// checkEntity requires a paying entity that exists.
func (c *checker) checkEntity(ctx context.Context, row Row, id ident.Entity) error {
	known, cached := c.entities[string(id)]
	if !cached {
		_, err := c.Directory.Entity(ctx, c.by.Tenant, id, c.today)
		if err != nil && !fault.HasCode(err, fault.NotFound) {
			return err
		}
		known = err == nil
		c.entities[string(id)] = known
	}
	if !known {
		c.addCellProblem(row, "paying_entity", "names no paying entity of yours; create it first")
	}
	return nil
}

// checkCoverage requires a contract that covers a payable: one of the workbook, or one in force for
// an existing creator.
func (c *checker) checkCoverage(ctx context.Context, p Payable) error {
	if p.Period.IsZero() {
		return nil
	}
	inWorkbook := slices.ContainsFunc(c.in.Contracts, func(r Row) bool {
		return ident.Creator(r.Cell("creator_id")) == p.CreatorID &&
			r.Cell("income_type") == p.IncomeType && tenancy.IsPaidByTenant(r.Cell("route")) &&
			isInForce(r, p.Period.Last())
	})
	if inWorkbook {
		return nil
	}
	var k tenancy.Contract
	err := error(fault.MissingObject("creator"))
	if !c.newCreators[string(p.CreatorID)] {
		k, err = c.Directory.Contract(ctx, c.by.Tenant, p.CreatorID, p.IncomeType, p.Period.Last())
	}
	switch {
	case fault.HasCode(err, fault.NotFound), fault.HasCode(err, fault.RuleMissing),
		err == nil && !tenancy.IsPaidByTenant(k.Routes[p.IncomeType]):
		c.addCellProblem(p.Row, "income_type", "is covered by no contract in "+p.Period.String()+
			" by which you pay it")
		return nil
	}
	return err
}

// isInForce reports whether a row of the sheet of contracts is in force on a day.
func isInForce(r Row, day civil.Date) bool {
	from, err := civil.ParseDate(r.Cell("from"))
	to, open := civil.ParseDate(r.Cell("to"))
	return err == nil && !day.Before(from) && (open != nil || !day.After(to))
}

// withheldItems returns the items of income for which tax is withheld.
func withheldItems() []string {
	return []string{tax.ItemWages, tax.ItemLabor, tax.ItemLaborPlatform, tax.ItemAuthor,
		tax.ItemRoyalty, tax.ItemIncidental}
}

// checkWithholding checks a row of withholding: it must be of this year and before the taxpayer's
// first booking in this system.
func (c *checker) checkWithholding(ctx context.Context, w Withheld) error {
	if err := c.checkEntity(ctx, w.Row, w.Entity); err != nil {
		return err
	}
	if err := c.checkCreator(ctx, w.Row, w.CreatorID); err != nil {
		return err
	}
	if !slices.Contains(withheldItems(), w.Item) {
		c.addCellProblem(w.Row, "item", "must be one of "+strings.Join(withheldItems(), ", "))
	}
	switch {
	case w.Month.Year() != c.today.Year():
		c.addCellProblem(w.Row, "month", "must lie in this year: totals begin anew each January")
	case w.Month.After(c.today.Month()):
		c.addCellProblem(w.Row, "month", "lies in the future")
	}
	income, sales := !w.Income.IsZero(), !w.Sales.IsZero() || !w.Received.IsZero()
	switch {
	case w.Tax == tax.IIT && !income:
		c.addProblem(w.Sheet, w.Number, "income", "must be given for income tax")
	case w.Tax == tax.IIT && sales, w.Tax != tax.IIT && income:
		c.addProblem(w.Sheet, w.Number, "income",
			"income belongs to income tax alone, received and sales to VAT")
	case w.Tax == tax.VAT && (w.Sales.IsZero() || w.Received.IsZero()):
		c.addProblem(w.Sheet, w.Number, "sales", "must be given for VAT, with received")
	}
	if c.newCreators[string(w.CreatorID)] {
		return nil
	}
	return c.checkUnbooked(ctx, w)
}

// checkUnbooked refuses withholding rows of a taxpayer who has bookings in this system already,
// because the rows would change the totals on which the bookings were taxed.
func (c *checker) checkUnbooked(ctx context.Context, w Withheld) error {
	creator, err := c.Directory.Creator(ctx, c.by.Tenant, w.CreatorID)
	if err != nil || w.Month.IsZero() {
		if fault.HasCode(err, fault.NotFound) {
			return nil
		}
		return err
	}
	had, err := c.Store.TaxRows(ctx, c.by.Tenant, w.Entity, creator.TaxpayerID, w.Month.Year())
	if slices.ContainsFunc(settlement.BookingsOfPerson(had), func(b settlement.Booking) bool {
		return b.Kind != settlement.KindOpening
	}) {
		c.addCellProblem(w.Row, "creator_id", string("has bookings at "+w.Entity+" in ")+
			w.Month.String()[:4]+
			" already; history comes before the first one")
	}
	return err
}

// remainingShare returns 1 minus the share; false when nothing is left or the share is not a rate.
func remainingShare(share string) (string, bool) {
	r, err := money.ParseRate(share)
	if err != nil || r.Negative() || !r.Complement().Positive() {
		return "", false
	}
	return r.Complement().String(), true
}
