package ledgercheck

import (
	"context"
	"unicode/utf8"

	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
)

// maxCursor is the greatest length of a cursor in bytes; a cursor is the id of a creator.
const maxCursor = 64

// HandleCheck handles GET /v1/ledger/check: it checks one page of creators, from the cursor on.
func (s Service) HandleCheck(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	cursor := r.Query.Get("cursor")
	if len(cursor) > maxCursor || !utf8.ValidString(cursor) {
		return httpapi.Response{},
			fault.Invalid(fault.Field{Field: "cursor",
				Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	page, err := s.CheckPage(ctx, r.Tenant, cursor)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(page), nil
}
