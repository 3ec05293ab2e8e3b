// Package contracttest holds answers against the HTTP contract in api/openapi.yaml: status, headers
// and body must be what the document says, nothing more.
package contracttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"fenzhang/api"
)

// contract is the document with its routes, read once.
type contract struct {
	doc    *openapi3.T
	routes routers.Router
}

var loadContract = sync.OnceValues(func() (contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.JSON())
	if err != nil {
		return contract{}, fmt.Errorf("contracttest: read the contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return contract{}, fmt.Errorf("contracttest: the contract is not valid OpenAPI: %w", err)
	}
	doc.Servers = nil // every address serves the same paths
	routes, err := gorillamux.NewRouter(doc)
	if err != nil {
		return contract{}, fmt.Errorf("contracttest: %w", err)
	}
	return contract{doc: doc, routes: routes}, nil
})

// CheckAnswer fails the test when an answer is not what the contract says for this route. Path may
// have a query.
func CheckAnswer(t testing.TB, method, path string, status int, header http.Header, body []byte) {
	t.Helper()
	if err := ValidateAnswer(method, path, status, header, body); err != nil {
		t.Errorf("%s %s -> %d breaks the contract: %v\nbody: %s", method, path, status, err, body)
	}
}

// CheckEvent is Check for a function's own answer to a gateway event.
func CheckEvent(t testing.TB, ev events.APIGatewayV2HTTPRequest,
	res events.APIGatewayV2HTTPResponse) {
	t.Helper()
	header := http.Header{}
	for k, v := range res.Headers {
		header.Set(k, v)
	}
	CheckAnswer(t, ev.RequestContext.HTTP.Method, ev.RawPath, res.StatusCode, header, []byte(res.Body))
}

// ValidateAnswer tells how an answer differs from the contract. An undocumented status is a
// difference; an unknown route must be answered with the error body and 404.
func ValidateAnswer(method, path string, status int, header http.Header, body []byte) error {
	c, err := loadContract()
	if err != nil {
		return err
	}
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	req := &http.Request{Method: method, URL: u, Header: http.Header{}}
	route, params, err := c.routes.FindRoute(req)
	if err != nil {
		return c.validateUnknownRoute(status, body)
	}
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params,
			Route: route},
		Status:  status,
		Header:  header,
		Body:    io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	return openapi3filter.ValidateResponse(context.Background(), in)
}

// validateUnknownRoute checks the answer to a call that no route of the contract serves.
func (c contract) validateUnknownRoute(status int, body []byte) error {
	if status != http.StatusNotFound {
		return fmt.Errorf("the contract has no such route, so the answer must be 404")
	}
	return c.validateSchema("Error", body)
}

func (c contract) validateSchema(name string, body []byte) error {
	ref := c.doc.Components.Schemas[name]
	if ref == nil {
		return fmt.Errorf("the contract has no schema %s", name)
	}
	value, err := decodeBody(body)
	if err != nil {
		return err
	}
	return ref.Value.VisitJSON(value, openapi3.MultiErrors())
}

// ContractRoutes lists the contract's routes as "METHOD /path".
func ContractRoutes() ([]string, error) {
	c, err := loadContract()
	if err != nil {
		return nil, err
	}
	var out []string
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			out = append(out, strings.ToUpper(method)+" "+path)
		}
	}
	return out, nil
}
