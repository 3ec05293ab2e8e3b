// Package openingapi serves the routes of the opening import.
package openingapi

import (
	"context"
	"encoding/base64"
	"net/http"

	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingxlsx"
	"fenzhang/shared/tenancy"
)

// API serves the routes of the opening import.
type API struct{ Imports *opening.Service }

// Routes returns the routes with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	may := []identity.Role{identity.Finance, identity.Admin}
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/opening/template", Roles: readers, Handle: a.serveTemplate},
		{Method: http.MethodPost, Path: "/v1/opening/imports", Roles: may, Handle: a.checkImport},
		{Method: http.MethodGet, Path: "/v1/opening/imports/{id}", Roles: readers, Handle: a.serveImport},
		{Method: http.MethodPost, Path: "/v1/opening/imports/{id}/approve",
			Roles: []identity.Role{identity.Approver}, Handle: a.approveImport},
	}
}

// workbook is a file as JSON transports it.
type workbook struct {
	ImportID string `json:"import_id,omitempty"`
	FileName string `json:"file_name,omitempty"`
	// File is the XLSX file in base64.
	File string `json:"file"`
}

// serveTemplate returns the empty workbook of the import.
func (a API) serveTemplate(context.Context, *httpapi.Request) (httpapi.Response, error) {
	file, err := openingxlsx.WriteTemplate()
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	return httpapi.OK(
		workbook{FileName: "opening.xlsx", File: base64.StdEncoding.EncodeToString(file)}), nil
}

// readWorkbook reads the workbook of a call; withID requires the import's id in the body.
func readWorkbook(r *httpapi.Request,
	withID bool) (in workbook, file []byte, book opening.Book, err error) {
	if err := r.DecodeJSON(&in); err != nil {
		return in, nil, nil, err
	}
	var problems fault.Problems
	if withID {
		problems = tenancy.IDProblems("import_id", in.ImportID)
	} else if in.ImportID != "" {
		problems.Add("import_id", "stands in the path")
	}
	file, err = base64.StdEncoding.DecodeString(in.File)
	if err != nil || len(file) == 0 {
		problems.Add("file", "must be the workbook (XLSX) in base64")
	} else if book, err = openingxlsx.ReadWorkbook(file); err != nil {
		problems.Add("file", "is no readable XLSX workbook, or too large a one")
	}
	if len(problems) > 0 {
		return in, nil, nil, fault.Invalid(problems...)
	}
	return in, file, book, nil
}

// checkImport checks a workbook and returns its record.
func (a API) checkImport(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	in, file, book, err := readWorkbook(r, true)
	if err != nil {
		return httpapi.Response{}, err
	}
	done, problems, err := a.Imports.CheckImport(ctx, r.Principal, in.ImportID, file, book)
	if err = problemsError(problems, err); err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.Created(done), nil
}

// approveImport posts a checked workbook.
func (a API) approveImport(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	_, file, book, err := readWorkbook(r, false)
	if err != nil {
		return httpapi.Response{}, err
	}
	done, problems, err := a.Imports.ApproveImport(ctx, r.Principal, r.Params["id"], file, book)
	if err = problemsError(problems, err); err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(done), nil
}

// problemsError returns the problems of a workbook as an input error, each with its sheet, row and
// column.
func problemsError(problems []opening.Problem, err error) error {
	if err != nil || len(problems) == 0 {
		return err
	}
	fields := make([]fault.Field, len(problems))
	for i, p := range problems {
		fields[i] = fault.Field{Field: p.CellPath(), Problem: p.Problem}
	}
	return fault.Invalid(fields...)
}

// serveImport returns the record of an import.
func (a API) serveImport(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if len(tenancy.IDProblems("id", r.Params["id"])) > 0 {
		return httpapi.Response{}, fault.MissingObject("opening import")
	}
	found, err := a.Imports.Store.ReadRecord(ctx, r.Tenant, r.Params["id"])
	return httpapi.OK(found), err
}
