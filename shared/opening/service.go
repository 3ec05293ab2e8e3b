package opening

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/master"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// The states of an import.
const (
	// Checked is the state of an import without problems; a second person may approve it.
	Checked = "checked"
	// Posted is the state of an import whose rows are all posted.
	Posted = "posted"
)

// Record states who handed in and who approved which file. The file contains names and id numbers
// of people and is not stored: the approver hands it in again, and its hash must be the same.
type Record struct {
	ID     string       `json:"import_id"`
	Tenant ident.Tenant `json:"-"`
	SHA256 string       `json:"sha256"`
	State  string       `json:"state"`
	// Rows counts the rows by sheet.
	Rows       map[string]int `json:"rows"`
	CheckedBy  string         `json:"checked_by"`
	CheckedAt  time.Time      `json:"checked_at"`
	ApprovedBy string         `json:"approved_by,omitempty"`
	PostedAt   time.Time      `json:"posted_at,omitzero"`
}

// Master validates and creates master data from JSON documents; *master.Service implements it.
type Master interface {
	// Problems lists what is wrong with a document by itself and in relation to the tenant's objects.
	Problems(ctx context.Context, by master.Caller, kind tenancy.Kind,
		body []byte) ([]fault.Field, error)
	// Create creates the object of a document; when it exists with the same content, nothing happens.
	Create(ctx context.Context, by master.Caller, kind tenancy.Kind,
		body []byte) (master.Answer, error)
}

// Store stores the records of imports and the opening tax rows.
type Store interface {
	// ReadRecord reads a record with a consistent read; fault.MissingObject when there is none.
	ReadRecord(ctx context.Context, tenant ident.Tenant, id string) (Record, error)
	// SaveRecord replaces the record whose state was seen ("" when there was none) and writes the
	// audit record with the id act. The error is optimistic.ErrRival when the stored state is another
	// one.
	SaveRecord(ctx context.Context, r Record, seen, act, by string) error
	// TaxRows reads a year's bookings of a taxpayer at a paying entity, in order, with consistent
	// reads.
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]settlement.Booking, error)
	// AppendRows appends opening tax rows under their sequence number; the error is
	// optimistic.ErrRival when the number exists.
	AppendRows(ctx context.Context, tenant ident.Tenant, b settlement.Booking) error
}

// Periods reports whether a tenant has sealed an accounting period, after which its opening is
// closed.
type Periods interface {
	HasSealedPeriod(ctx context.Context, tenant ident.Tenant) (bool, error)
}

// Debts raises the receivables that creators owe from before the start; raising the same id again
// changes nothing.
type Debts interface {
	RaiseReceivable(ctx context.Context, by identity.Principal, approvedBy string, r Receivable) error
}

// Payer opens the settlements of what is owed to creators from before the start.
type Payer interface {
	OpenBefore(ctx context.Context, in settlement.Before) error
}

// Service checks and posts opening imports.
type Service struct {
	Master    Master
	Directory tenancy.Directory
	Store     Store
	Periods   Periods
	Debts     Debts
	Payer     Payer
	Clock     clock.Clock
	NewID     func() string
}

// HashFile returns the SHA-256 of a file in hexadecimal.
func HashFile(file []byte) string {
	sum := sha256.Sum256(file)
	return hex.EncodeToString(sum[:])
}

// CheckImport validates a file. Without problems it stores a record, so that a second person can
// approve the import; with problems it stores nothing. It posts nothing.
//
// CheckImport returns 3001 opening_closed after the first sealed period, and 2002 import_exists
// when the id belongs to another file.
func (s *Service) CheckImport(ctx context.Context, by identity.Principal, id string, file []byte,
	book Book) (Record, []Problem, error) {
	if err := s.refuseAfterSeal(ctx, by.Tenant); err != nil {
		return Record{}, nil, err
	}
	hash := HashFile(file)
	known, err := s.Store.ReadRecord(ctx, by.Tenant, id)
	switch {
	case err == nil && known.SHA256 != hash:
		return Record{}, nil,
			fault.New(fault.OtherContent, "import_exists",
				"The import "+id+" is another file; choose another import_id.")
	case err == nil:
		return known, nil, nil
	case !fault.HasCode(err, fault.NotFound):
		return Record{}, nil, err
	}
	in, problems, err := s.readAndCheck(ctx, by, book)
	if err != nil || len(problems) > 0 {
		return Record{}, problems, err
	}
	r := Record{ID: id, Tenant: by.Tenant, SHA256: hash, State: Checked, Rows: in.rowsBySheet(),
		CheckedBy: by.Subject, CheckedAt: s.Clock.Instant()}
	if err := s.Store.SaveRecord(ctx, r, "", s.NewID(), by.Subject); err != nil {
		return Record{}, nil, err
	}
	return r, nil, nil
}

// rowsBySheet returns the number of rows of each sheet.
func (i *Import) rowsBySheet() map[string]int {
	return map[string]int{Creators: len(i.Creators), Contracts: len(i.Contracts),
		Payables: len(i.Payables), Receivables: len(i.Receivables), Withholding: len(i.Withholding)}
}

// refuseAfterSeal returns 3001 opening_closed when the tenant has sealed an accounting period.
func (s *Service) refuseAfterSeal(ctx context.Context, tenant ident.Tenant) error {
	sealed, err := s.Periods.HasSealedPeriod(ctx, tenant)
	if err == nil && sealed {
		err = fault.New(fault.IllegalMove, "opening_closed",
			"A period of this tenant is sealed, so its books have begun; what is missing from before is "+
				"posted as a correction in the open period.")
	}
	return err
}

// ApproveImport posts a checked import when a second person hands in the same file. When a call
// stops half-way, the next call continues; every row is posted once.
//
// ApproveImport returns 1003 second_person for the person who checked the import, 2002 other_file
// for another file, and 2001 with the problems that have arisen since the check.
func (s *Service) ApproveImport(ctx context.Context, by identity.Principal, id string, file []byte,
	book Book) (Record, []Problem, error) {
	r, err := s.Store.ReadRecord(ctx, by.Tenant, id)
	if err != nil {
		return Record{}, nil, err
	}
	if r.SHA256 != HashFile(file) {
		return Record{}, nil, otherFileError(r)
	}
	// A repeated approval of a posted import returns its record.
	if r.State == Posted {
		return r, nil, nil
	}
	if r.CheckedBy == by.Subject {
		return Record{}, nil, fault.New(fault.Forbidden, "second_person",
			"You handed this import in; a second person approves it.")
	}
	// A period may have been sealed, and objects may have changed, since the check.
	if err := s.refuseAfterSeal(ctx, by.Tenant); err != nil {
		return Record{}, nil, err
	}
	in, problems, err := s.readAndCheck(ctx, by, book)
	if err != nil || len(problems) > 0 {
		return Record{}, problems, err
	}
	if err := s.postImport(ctx, by, r, in); err != nil {
		return Record{}, nil, err
	}
	r.State = Posted
	r.ApprovedBy = by.Subject
	r.PostedAt = s.Clock.Instant()
	if err := s.Store.SaveRecord(ctx, r, Checked, s.NewID(), by.Subject); err != nil {
		return Record{}, nil, err
	}
	return r, nil, nil
}

// otherFileError refuses a file that is not the one that was checked.
func otherFileError(r Record) error {
	return fault.New(fault.OtherContent, "other_file", "This is not the file that was checked as "+
		r.ID+" (sha256 "+r.SHA256+").")
}

// atOnce is the largest number of rows that are posted at the same time.
const atOnce = 8

// forEach calls do for all values, several at the same time, and returns the first error.
func forEach[V any](ctx context.Context, all []V, do func(context.Context, V) error) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	for _, v := range all {
		work.Go(func() error { return do(ctx, v) })
	}
	return work.Wait()
}

// postImport posts all rows. Creators come before their contracts and both before the amounts,
// because each refers to the ones before.
func (s *Service) postImport(ctx context.Context, by identity.Principal, r Record,
	in Import) error {
	maker := identity.Principal{Tenant: by.Tenant, Subject: r.CheckedBy}
	for _, make := range [][]object{in.creatorDocuments(), in.contractDocuments()} {
		if err := forEach(ctx, make, func(ctx context.Context, o object) error {
			_, err := s.Master.Create(ctx, master.Caller{Principal: maker}, o.kind, o.body)
			return err
		}); err != nil {
			return err
		}
	}
	if err := forEach(ctx, in.Payables, func(ctx context.Context, p Payable) error {
		return s.Payer.OpenBefore(ctx, settlement.Before{Tenant: by.Tenant, By: r.CheckedBy, Ref: p.Ref,
			CreatorID: p.CreatorID, IncomeType: p.IncomeType, Period: p.Period, Amount: p.Amount,
			Taxed: p.Taxed, Document: p.TaxDocument})
	}); err != nil {
		return err
	}
	if err := forEach(ctx, in.Receivables, func(ctx context.Context, c Receivable) error {
		return s.Debts.RaiseReceivable(ctx, maker, by.Subject, c)
	}); err != nil {
		return err
	}
	return s.postWithholding(ctx, r, by.Subject, in.Withholding)
}

// postWithholding posts the rows of withholding, each once. When somebody else wrote to a list of
// tax rows, or merged two taxpayers, the rows are grouped again.
func (s *Service) postWithholding(ctx context.Context, r Record, approvedBy string,
	rows []Withheld) error {
	return optimistic.Retry(ctx, func() error {
		lists, err := s.groupByTaxList(ctx, r.Tenant, rows)
		if err != nil {
			return err
		}
		return forEach(ctx, lists, func(ctx context.Context, l taxList) error {
			return s.appendNewRows(ctx, r, approvedBy, l)
		})
	})
}

// taxListKey identifies the tax rows of one taxpayer's year at a paying entity.
type taxListKey struct {
	entity   ident.Entity
	taxpayer ident.Taxpayer
	year     int
}

// taxList is a group of imported rows for one taxpayer's year at a paying entity.
type taxList struct {
	taxListKey
	rows      []tax.Row
	documents []string
}

// groupByTaxList groups the withholding rows by taxpayer, entity and year. The rows of a taxpayer
// who was merged into another one belong to the surviving taxpayer.
func (s *Service) groupByTaxList(ctx context.Context, tenant ident.Tenant,
	rows []Withheld) ([]taxList, error) {
	var out []taxList
	// at is the index of a list in out, by the taxpayer of the master data.
	at := map[taxListKey]int{}
	for _, w := range rows {
		creator, err := s.Directory.Creator(ctx, tenant, w.CreatorID)
		if err != nil {
			return nil, err
		}
		k := taxListKey{w.Entity, creator.TaxpayerID, w.Month.Year()}
		i, known := at[k]
		if !known {
			had, err := s.Store.TaxRows(ctx, tenant, k.entity, k.taxpayer, k.year)
			if err != nil {
				return nil, err
			}
			of := k
			if into, closed := settlement.MergedInto(had); closed {
				of.taxpayer = into
			}
			if i = slices.IndexFunc(out, func(l taxList) bool { return l.taxListKey == of }); i < 0 {
				i = len(out)
				out = append(out, taxList{taxListKey: of})
			}
			at[k] = i
		}
		out[i].rows = append(out[i].rows, w.taxRow())
		if !slices.Contains(out[i].documents, w.Document) {
			out[i].documents = append(out[i].documents, w.Document)
		}
	}
	return out, nil
}

// taxRow converts a row of the workbook into a tax row.
func (w Withheld) taxRow() tax.Row {
	return tax.Row{Kind: w.Tax, Item: w.Item, Platform: w.Platform, Period: w.Month.String(),
		Income: w.Income, Received: w.Received, Sales: w.Sales,
		Withheld: w.Withheld, Collection: w.Collection, Months: w.Months}
}

// appendNewRows appends the rows of one list that an earlier call has not posted yet. It returns
// optimistic.ErrRival when a merge has closed the list or somebody else has appended to it first.
func (s *Service) appendNewRows(ctx context.Context, r Record, approvedBy string, l taxList) error {
	act := "opening-" + r.ID
	had, err := s.Store.TaxRows(ctx, r.Tenant, l.entity, l.taxpayer, l.year)
	if err != nil {
		return err
	}
	if _, closed := settlement.MergedInto(had); closed {
		return optimistic.ErrRival
	}
	rows := l.rows
	for _, b := range settlement.BookingsOfPerson(had) {
		if b.EntryID == act {
			// An earlier call of this import, which was stopped, has posted these rows.
			rows = subtractRows(rows, b.Rows)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.Store.AppendRows(ctx, r.Tenant, settlement.Booking{Entity: l.entity, Taxpayer: l.taxpayer,
		Year: l.year, Seq: len(had) + 1, Kind: settlement.KindOpening,
		EntryID: act, At: s.Clock.Instant(), Rows: rows,
		Opening: &settlement.OpeningSource{Documents: l.documents, SHA256: r.SHA256,
			By: []string{r.CheckedBy, approvedBy}}})
}

// subtractRows removes from rows one equal row for each of others.
func subtractRows(rows, others []tax.Row) []tax.Row {
	left := slices.Clone(rows)
	for _, r := range others {
		if i := slices.Index(left, r); i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
	}
	return left
}

// readAndCheck parses a workbook and checks its rows against each other and against the tenant's
// objects.
func (s *Service) readAndCheck(ctx context.Context, by identity.Principal,
	book Book) (Import, []Problem, error) {
	in, problems := ParseWorkbook(book)
	if len(problems) > 0 {
		return in, problems, nil
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return in, nil, fault.Temporary(err)
	}
	c := checker{Service: s, by: by, in: in, today: today, newCreators: map[string]bool{},
		entities: map[string]bool{}}
	for _, row := range in.Creators {
		c.newCreators[row.Cell("creator_id")] = true
	}
	err = c.checkAll(ctx)
	return in, c.problems, err
}

// checker checks the rows of a workbook against the tenant's objects.
type checker struct {
	*Service
	reader
	by    identity.Principal
	in    Import
	today civil.Date
	// newCreators are the creators that the workbook itself contains.
	newCreators map[string]bool
	// entities caches whether a paying entity exists.
	entities map[string]bool
}
