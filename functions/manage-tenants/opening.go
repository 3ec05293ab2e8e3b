package main

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"

	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingxlsx"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/tenancy"
)

// master makes master data for an opening import as the routes of master data do.
type master struct{ *service }

var _ opening.Master = master{}

func (m master) kind(name string) (kind, error) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, fault.Internal(errors.New("manage-tenants: no kind " + name))
	}
	return all[i], nil
}

// Problems lists what is wrong with an object; one that is there with the same content has none.
func (m master) Problems(ctx context.Context, by identity.Principal, name string, body []byte) ([]fault.Field, error) {
	k, err := m.kind(name)
	if err != nil {
		return nil, err
	}
	d, c, err := m.begin(ctx, &httpapi.Request{Principal: by, Body: body}, k, false)
	var told *fault.Error
	if errors.As(err, &told) && told.Code == fault.InvalidInput {
		return told.Fields, nil
	}
	if err != nil {
		return nil, err
	}
	if c.id, err = d.locate(ctx, m.service, c); err != nil {
		return nil, err
	}
	first, exists, err := m.store.First(ctx, c.tenant, k.name, c.id)
	switch {
	case err != nil:
		return nil, err
	case exists && first.Digest == c.digest:
		return nil, nil
	case exists:
		return []fault.Field{{Field: k.name + "_id", Problem: "is there already with other content; leave the row out, or choose another id"}}, nil
	}
	return d.against(ctx, m.service, c)
}

// Create makes an object, or finds it made.
func (m master) Create(ctx context.Context, by identity.Principal, name string, body []byte) error {
	k, err := m.kind(name)
	if err != nil {
		return err
	}
	_, err = m.again(m.create(k))(ctx, &httpapi.Request{Principal: by, Body: body})
	return err
}

// seals tells of the periods of a tenant's paying entities.
type seals struct {
	entities func(ctx context.Context, tenant, cursor string, limit int) ([]tenancy.PayingEntity, string, error)
	periods  *perioddb.Store
}

// AnySealed looks through the periods of all paying entities.
func (s seals) AnySealed(ctx context.Context, tenant string) (bool, error) {
	for cursor := ""; ; {
		page, next, err := s.entities(ctx, tenant, cursor, 100)
		if err != nil {
			return false, err
		}
		for _, e := range page {
			all, err := s.periods.List(ctx, tenant, e.EntityID)
			if err != nil || slices.ContainsFunc(all, func(p period.Period) bool { return p.State == period.Sealed }) {
				return err == nil, err
			}
		}
		if cursor = next; cursor == "" {
			return false, nil
		}
	}
}

// debts raises receivables from before: prepared by who handed the file in, confirmed by who approved it.
type debts struct{ *receivable.Claims }

// Opening raises one, once.
func (d debts) Opening(ctx context.Context, by identity.Principal, approvedBy string, r opening.Receivable) error {
	kept, _, err := d.Prepare(ctx, by, receivable.Receivable{ID: r.ID(), CreatorID: r.CreatorID, Entity: r.Entity, Kind: receivable.Kind(r.Kind), Amount: r.Amount,
		Document: r.Document, Reason: "owed from before, " + r.Ref, Opening: true})
	if err != nil || kept.State != receivable.Prepared {
		return err
	}
	second := by
	second.Subject = approvedBy
	_, err = d.Approve(ctx, second, kept.ID)
	return err
}

// openings serves the routes of the opening import.
type openings struct{ *opening.Service }

func (o openings) routes() []httpapi.Route {
	may := []identity.Role{identity.Finance, identity.Admin}
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/opening/template", Roles: readers, Handle: o.template},
		{Method: http.MethodPost, Path: "/v1/opening/imports", Roles: may, Handle: o.check},
		{Method: http.MethodGet, Path: "/v1/opening/imports/{id}", Roles: readers, Handle: o.read},
		{Method: http.MethodPost, Path: "/v1/opening/imports/{id}/approve", Roles: []identity.Role{identity.Approver}, Handle: o.approve},
	}
}

// workbook is a file as it travels in JSON.
type workbook struct {
	ImportID string `json:"import_id,omitempty"`
	FileName string `json:"file_name,omitempty"`
	File     string `json:"file"` // XLSX in base64
}

func (o openings) template(context.Context, *httpapi.Request) (httpapi.Response, error) {
	file, err := openingxlsx.Template()
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	return httpapi.OK(workbook{FileName: "opening.xlsx", File: base64.StdEncoding.EncodeToString(file)}), nil
}

// received reads the file of a call.
func received(r *httpapi.Request, named bool) (in workbook, file []byte, book opening.Book, err error) {
	if err := r.JSON(&in); err != nil {
		return in, nil, nil, err
	}
	var problems []fault.Field
	if named {
		problems = tenancy.IDProblems("import_id", in.ImportID)
	} else if in.ImportID != "" {
		problems = append(problems, fault.Field{Field: "import_id", Problem: "stands in the path"})
	}
	file, err = base64.StdEncoding.DecodeString(in.File)
	if err != nil || len(file) == 0 {
		problems = append(problems, fault.Field{Field: "file", Problem: "must be the workbook (XLSX) in base64"})
	} else if book, err = openingxlsx.Read(file); err != nil {
		problems = append(problems, fault.Field{Field: "file", Problem: "is no readable XLSX workbook, or too large a one"})
	}
	if len(problems) > 0 {
		return in, nil, nil, fault.Invalid(problems...)
	}
	return in, file, book, nil
}

func (o openings) check(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, file, book, err := received(r, true)
	if err != nil {
		return httpapi.Response{}, err
	}
	done, problems, err := o.Check(ctx, r.Principal, in.ImportID, file, book)
	if err = refused(problems, err); err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.Created(done), nil
}

func (o openings) approve(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	_, file, book, err := received(r, false)
	if err != nil {
		return httpapi.Response{}, err
	}
	done, problems, err := o.Approve(ctx, r.Principal, r.Params["id"], file, book)
	if err = refused(problems, err); err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(done), nil
}

// refused makes the problems of a file bad input, each with its sheet, row and column.
func refused(problems []opening.Problem, err error) error {
	if err != nil || len(problems) == 0 {
		return err
	}
	fields := make([]fault.Field, len(problems))
	for i, p := range problems {
		fields[i] = fault.Field{Field: p.Place(), Problem: p.Problem}
	}
	return fault.Invalid(fields...)
}

func (o openings) read(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if len(tenancy.IDProblems("id", r.Params["id"])) > 0 {
		return httpapi.Response{}, fault.Absent("opening import")
	}
	found, err := o.Store.Import(ctx, r.Tenant, r.Params["id"])
	return httpapi.OK(found), err
}
