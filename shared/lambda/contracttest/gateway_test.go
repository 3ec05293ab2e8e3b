package contracttest_test

import (
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/httpapi"
)

// table is a gateway with a route of each sort.
func table() contracttest.Gateway {
	var g contracttest.Gateway
	for key, function := range map[string]string{
		"$default":                          "default",
		"GET /healthz":                      "open",
		"ANY /v1/contracts":                 "contracts",
		"ANY /v1/contracts/{proxy+}":        "contracts",
		"POST /v1/contracts/replay":         "replay",
		"ANY /v1/creators/{id}/statements":  "statements",
		"ANY /v1/creators/{proxy+}":         "creators",
		"ANY /v1/creators/all/statements":   "all",
		"GET /v1/creators/{id}/statements":  "reading",
		"ANY /v1/{kind}/{id}/{part}/{more}": "deep",
	} {
		g = append(g, contracttest.NewGatewayRoute(key, function))
	}
	return g
}

// The cases are those of the documentation of API Gateway ("Routing API requests"), told with our paths.
func TestTheGatewayTakesTheRouteThatFitsBest(t *testing.T) {
	for call, want := range map[string]string{
		"GET /healthz":                     "open",
		"POST /healthz":                    "default",
		"PUT /v1/contracts":                "contracts",
		"GET /v1/contracts/c-1":            "contracts",
		"GET /v1/contracts/c-1/lines/7":    "deep", // fits without {proxy+}
		"POST /v1/contracts/replay":        "replay",
		"GET /v1/contracts/replay":         "contracts",
		"POST /v1/contracts/replay/now":    "contracts",
		"GET /v1/creators/c-1/statements":  "reading",
		"POST /v1/creators/c-1/statements": "statements",
		"GET /v1/creators/all/statements":  "all", // the text counts more than the method
		"GET /v1/creators/c-1":             "creators",
		"GET /v1/creators/":                "default", // {proxy+} is at least one part
		"GET /v1/creators":                 "default",
		"GET /v1/other":                    "default",
		"GET /":                            "default",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := table().FunctionFor(method, path); got != want {
			t.Errorf("%s comes to %q, want %q", call, got, want)
		}
	}
	if got := (contracttest.Gateway{}).FunctionFor("GET", "/"); got != "" {
		t.Errorf("a gateway without routes brings a call to %q", got)
	}
}

// problems is what Serves says about a function.
type problems struct {
	testing.TB
	said []string
}

func (p *problems) Helper() {}

func (p *problems) Error(args ...any) { p.said = append(p.said, args[0].(string)) }

func TestAFunctionServesWhatTheGatewayBringsToIt(t *testing.T) {
	healthz, contract := httpapi.Route{Method: "GET", Path: "/healthz"}, httpapi.Route{Method: "GET", Path: "/v1/openapi.json"}
	settle := httpapi.Route{Method: "POST", Path: "/v1/incentive/settle"}
	for name, c := range map[string]struct {
		function string
		routes   []httpapi.Route
		said     []string
	}{
		"as it should":   {"settle-incentive", []httpapi.Route{settle}, nil},
		"nothing":        {"settle-incentive", nil, []string{"the gateway brings POST /v1/incentive/settle to settle-incentive, which does not serve it"}},
		"of another":     {"settle-incentive", []httpapi.Route{settle, healthz}, []string{"settle-incentive serves GET /healthz, which the gateway brings to manage-settlements"}},
		"not documented": {"settle-incentive", []httpapi.Route{settle, {Method: "GET", Path: "/v1/incentive/none"}}, []string{"settle-incentive serves GET /v1/incentive/none, which is not in api/openapi.yaml"}},
		"twice":          {"settle-incentive", []httpapi.Route{settle, settle}, []string{"settle-incentive never answers POST /v1/incentive/settle: POST /v1/incentive/settle is before it"}},
		"hidden": {"settle-incentive", []httpapi.Route{{Method: "POST", Path: "/v1/incentive/{id}"}, settle}, []string{
			"settle-incentive serves POST /v1/incentive/{id}, which is not in api/openapi.yaml",
			"settle-incentive never answers POST /v1/incentive/settle: POST /v1/incentive/{id} is before it",
		}},
		"nobody": {"nobody", []httpapi.Route{contract}, []string{"nobody serves GET /v1/openapi.json, which the gateway brings to manage-settlements"}},
	} {
		p := &problems{TB: t}
		contracttest.CheckServedRoutes(p, c.function, c.routes)
		if !slices.Equal(p.said, c.said) {
			t.Errorf("%s: %q", name, p.said)
		}
	}
}

// Each route of the contract has a route of the gateway that is meant for it, and each route of the gateway one of the
// contract.
func TestTheGatewayAndTheContractHaveNoRouteTooMany(t *testing.T) {
	gateway, err := contracttest.ReadGateway()
	if err != nil {
		t.Fatal(err)
	}
	documented, err := contracttest.ContractRoutes()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"$default": true}
	for _, key := range documented {
		method, path, _ := strings.Cut(key, " ")
		r := gateway.RouteFor(method, contracttest.ExamplePath(path))
		if r.Path == "" {
			t.Errorf("%s is in api/openapi.yaml and only $default takes it", key)
		}
		used[r.Key()] = true
	}
	for _, r := range gateway {
		if !used[r.Key()] {
			t.Errorf("no route of api/openapi.yaml comes through %s", r.Key())
		}
		if r.Function == "" {
			t.Errorf("%s leads to no function", r.Key())
		}
	}
}
