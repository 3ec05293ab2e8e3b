// Package contracttest compares what functions answer with the HTTP contract, api/openapi.yaml:
// status, headers and body must be what the document describes, and nothing more. Package
// contracttest also compares the routes that a function serves with the contract and with the
// gateway of template.yaml.
//
// A new route needs three things from this package in its tests. CheckServedRoutes, called with the
// function's name and all of its routes, reports a route that the contract, the gateway or the
// function lacks. Check every answer, good or refused, with CheckEvent (for gateway events) or
// CheckAnswer (for HTTP). The function's sample event.json, sent by triggertest.RunSamples, is
// checked in the same way. When one of them fails, either the code or the contract is wrong: a
// status that api/openapi.yaml does not list is a difference too. How to write the route itself is
// explained in package httpapi.
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

// contract is the parsed OpenAPI document and a router that finds the operation of a call.
type contract struct {
	doc    *openapi3.T
	routes routers.Router
}

// loadContract parses and validates api/openapi.yaml at its first call.
var loadContract = sync.OnceValues(func() (contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.JSON())
	if err != nil {
		return contract{}, fmt.Errorf("contracttest: read the contract: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return contract{}, fmt.Errorf("contracttest: the contract is not valid OpenAPI: %w", err)
	}
	// without servers the router matches paths only, whatever the host of a test is
	doc.Servers = nil
	routes, err := gorillamux.NewRouter(doc)
	if err != nil {
		return contract{}, fmt.Errorf("contracttest: %w", err)
	}
	return contract{doc: doc, routes: routes}, nil
})

// CheckAnswer fails the test when an answer differs from the contract's description of this
// operation. The path may have a query.
func CheckAnswer(t testing.TB, method, path string, status int, header http.Header, body []byte) {
	t.Helper()
	if err := ValidateAnswer(method, path, status, header, body); err != nil {
		t.Errorf("%s %s -> %d breaks the contract: %v\nbody: %s", method, path, status, err, body)
	}
}

// CheckEvent is CheckAnswer for a gateway event and the function's answer to it.
func CheckEvent(t testing.TB, ev events.APIGatewayV2HTTPRequest,
	res events.APIGatewayV2HTTPResponse) {
	t.Helper()
	header := http.Header{}
	for k, v := range res.Headers {
		header.Set(k, v)
	}
	CheckAnswer(t, ev.RequestContext.HTTP.Method, ev.RawPath, res.StatusCode, header, []byte(res.Body))
}

// ValidateAnswer returns an error that describes how an answer differs from the contract; nil when
// it conforms. An undocumented status is a difference. A call that no operation of the contract
// fits must be answered with 404 and the error body.
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
		Status: status,
		Header: header,
		Body:   io.NopCloser(bytes.NewReader(body)),
		// an undocumented status is an error, and all differences are reported at once
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	return openapi3filter.ValidateResponse(context.Background(), in)
}

// validateUnknownRoute checks the answer to a call that no operation of the contract fits.
func (c contract) validateUnknownRoute(status int, body []byte) error {
	if status != http.StatusNotFound {
		return fmt.Errorf("the contract has no such route, so the answer must be 404")
	}
	return c.validateSchema("Error", body)
}

// validateSchema checks a body against the schema with the given name.
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

// ContractRoutes lists the operations of the contract as "METHOD /path", in no order.
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
