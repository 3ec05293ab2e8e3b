package contracttest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"fenzhang/shared/lambda/httpapi"
)

// Gateway is the API's table of routes. Family routes ("ANY /v1/settlements/{proxy+}") bring many
// calls to one function, which finds the handler itself.
type Gateway []GatewayRoute

// GatewayRoute is one route of the gateway. The route $default has no method and no path.
type GatewayRoute struct {
	Method, Path string // Method is ANY where it does not matter
	Function     string // the folder below functions/
}

// Key is the route as the template writes it.
func (r GatewayRoute) Key() string {
	if r.Path == "" {
		return "$default"
	}
	return r.Method + " " + r.Path
}

// NewGatewayRoute reads a route key of the template.
func NewGatewayRoute(key, function string) GatewayRoute {
	method, path, found := strings.Cut(key, " ")
	if !found {
		return GatewayRoute{Function: function}
	}
	return GatewayRoute{Method: method, Path: path, Function: function}
}

// FunctionFor is the function that API Gateway brings a call to, "" where no route fits.
func (g Gateway) FunctionFor(method, path string) string {
	return g.RouteFor(method, path).Function
}

// RouteFor is the route that API Gateway takes for a call. A path that fits without {proxy+} wins
// over one that needs it, more parts in plain text win over fewer, and a method wins over ANY;
// $default takes what is left.
func (g Gateway) RouteFor(method, path string) GatewayRoute {
	var fitting []GatewayRoute
	for _, r := range g {
		if r.matches(method, path) {
			fitting = append(fitting, r)
		}
	}
	if len(fitting) == 0 {
		return GatewayRoute{}
	}
	return slices.MaxFunc(fitting, func(a, b GatewayRoute) int {
		return slices.Compare(a.priority(), b.priority())
	})
}

const greedy = "{proxy+}"

var placeholder = regexp.MustCompile(`\{\w+\}`)

func (r GatewayRoute) matches(method, path string) bool {
	if r.Path == "" {
		return true
	}
	if r.Method != "ANY" && r.Method != method {
		return false
	}
	var pattern strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Path, "/"), "/") {
		pattern.WriteString("/")
		switch {
		case part == greedy:
			pattern.WriteString(".+")
		case placeholder.MatchString(part):
			pattern.WriteString("[^/]+")
		default:
			pattern.WriteString(regexp.QuoteMeta(part))
		}
	}
	return regexp.MustCompile("^" + pattern.String() + "$").MatchString(path)
}

// priority orders the routes that fit a call: the greatest is taken.
func (r GatewayRoute) priority() []int {
	if r.Path == "" {
		return []int{0, 0, 0}
	}
	level, method := 2, 1
	if strings.HasSuffix(r.Path, greedy) {
		level = 1
	}
	if r.Method == "ANY" {
		method = 0
	}
	plain := strings.Count(r.Path, "/") - strings.Count(r.Path, "{")
	return []int{level, plain, method}
}

// ReadGateway reads the routes that template.yaml declares: those of its mapping Routes, out of
// which a loop makes resources, and those that are resources as they stand. local/checks/policytest
// proves that the deployed template has exactly these.
func ReadGateway() (Gateway, error) {
	text, err := readTemplate()
	if err != nil {
		return nil, err
	}
	var t struct {
		Mappings struct {
			Functions map[string]struct {
				Name string `yaml:"Name"`
			} `yaml:"Functions"`
			Routes map[string]struct {
				Keys []string `yaml:"Keys"`
			} `yaml:"Routes"`
		} `yaml:"Mappings"`
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &t); err != nil {
		return nil, fmt.Errorf("contracttest: read the template: %w", err)
	}
	var g Gateway
	for id, routes := range t.Mappings.Routes {
		for _, key := range routes.Keys {
			g = append(g, NewGatewayRoute(key, t.Mappings.Functions[id].Name))
		}
	}
	for _, node := range t.Resources {
		var r struct {
			Type       string `yaml:"Type"`
			Properties struct {
				RouteKey yaml.Node `yaml:"RouteKey"`
				Target   yaml.Node `yaml:"Target"`
			} `yaml:"Properties"`
		}
		if node.Kind != yaml.MappingNode || node.Decode(&r) != nil ||
			r.Type != "AWS::ApiGatewayV2::Route" {
			continue // loops, and resources of other kinds
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(r.Properties.Target.Value, "integrations/${"),
			"Integration}")
		g = append(g, NewGatewayRoute(r.Properties.RouteKey.Value,
			t.Mappings.Functions[strings.TrimSuffix(id, "Open")].Name))
	}
	slices.SortFunc(g, func(a, b GatewayRoute) int { return cmp.Compare(a.Key(), b.Key()) })
	return g, nil
}

// readTemplate finds template.yaml in the folder of the test or one above it.
func readTemplate() ([]byte, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return text, err
		}
		dir = filepath.Dir(dir)
	}
}

// CheckServedRoutes holds a function's own routes against the contract: it serves what the gateway
// brings to it of the routes in api/openapi.yaml, and nothing else.
func CheckServedRoutes(t testing.TB, function string, routes []httpapi.Route) {
	t.Helper()
	gateway, err := ReadGateway()
	if err != nil {
		t.Fatal(err)
	}
	contract, err := ContractRoutes()
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, r := range routes {
		own = append(own, r.Method+" "+r.Path)
	}
	for _, problem := range gateway.compareRoutes(function, own, contract) {
		t.Error(problem)
	}
}

func (g Gateway) compareRoutes(function string, own, contract []string) []string {
	var problems []string
	for _, key := range contract {
		method, path, _ := strings.Cut(key, " ")
		if g.FunctionFor(method, ExamplePath(path)) == function && !slices.Contains(own, key) {
			problems = append(problems,
				fmt.Sprintf("the gateway brings %s to %s, which does not serve it", key, function))
		}
	}
	for i, key := range own {
		method, path, _ := strings.Cut(key, " ")
		switch to := g.FunctionFor(method, ExamplePath(path)); {
		case !slices.Contains(contract, key):
			problems = append(problems,
				fmt.Sprintf("%s serves %s, which is not in api/openapi.yaml", function, key))
		case to != function:
			problems = append(problems,
				fmt.Sprintf("%s serves %s, which the gateway brings to %s", function, key, to))
		}
		for _, earlier := range own[:i] { // a function takes the first of its routes that fits
			if NewGatewayRoute(earlier, function).matches(method, ExamplePath(path)) {
				problems = append(problems,
					fmt.Sprintf("%s never answers %s: %s is before it", function, key, earlier))
			}
		}
	}
	return problems
}

// ExamplePath is a path that somebody may call: each {name} has a value that is no part of any
// route.
func ExamplePath(pattern string) string { return placeholder.ReplaceAllString(pattern, "x-1") }
