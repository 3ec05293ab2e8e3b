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

// Gateway is the list of routes of the API Gateway in template.yaml. A family route ("ANY
// /v1/settlements/{proxy+}") sends many operations to one function, which finds the handler by
// method and path.
type Gateway []GatewayRoute

// GatewayRoute is one route of the gateway. The route $default has neither method nor path.
type GatewayRoute struct {
	// Method is ANY for a route that fits every method.
	Method, Path string
	// Function is the folder below functions/.
	Function string
}

// Key returns the route key as the template writes it.
func (r GatewayRoute) Key() string {
	if r.Path == "" {
		return "$default"
	}
	return r.Method + " " + r.Path
}

// NewGatewayRoute parses a route key of the template, "METHOD /path" or "$default".
func NewGatewayRoute(key, function string) GatewayRoute {
	method, path, found := strings.Cut(key, " ")
	if !found {
		return GatewayRoute{Function: function}
	}
	return GatewayRoute{Method: method, Path: path, Function: function}
}

// FunctionFor returns the function to which API Gateway sends a call; "" when no route fits.
func (g Gateway) FunctionFor(method, path string) string {
	return g.RouteFor(method, path).Function
}

// RouteFor returns the route that API Gateway chooses for a call. A path without {proxy+} is chosen
// before one with it, a path with more fixed parts before one with fewer, and a method before ANY;
// $default takes the rest.
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

// greedy is the part of a path that stands for all the rest of it.
const greedy = "{proxy+}"

// placeholder matches a {name} part of a path.
var placeholder = regexp.MustCompile(`\{\w+\}`)

// matches reports whether a route fits a call.
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

// priority orders the routes that fit a call; the gateway chooses the greatest.
func (r GatewayRoute) priority() []int {
	if r.Path == "" {
		return []int{0, 0, 0}
	}
	// level is 0 for $default, 1 for a path with {proxy+} and 2 for any other path
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

// ReadGateway reads the routes of template.yaml: those of its mapping Routes, from which
// Fn::ForEach makes resources, and those that are resources themselves. A test in
// local/checks/policytest proves that the expanded template has exactly these routes.
func ReadGateway() (Gateway, error) {
	text, err := readTemplate()
	if err != nil {
		return nil, err
	}
	var t template
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
		if r, ok := t.routeOf(node); ok {
			g = append(g, r)
		}
	}
	slices.SortFunc(g, func(a, b GatewayRoute) int { return cmp.Compare(a.Key(), b.Key()) })
	return g, nil
}

// template is the part of template.yaml that declares routes.
type template struct {
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

// routeOf reads the route that a resource declares; ok is false for a loop of the template and for
// a resource that is no route.
func (t template) routeOf(node yaml.Node) (route GatewayRoute, ok bool) {
	var r struct {
		Type       string `yaml:"Type"`
		Properties struct {
			RouteKey yaml.Node `yaml:"RouteKey"`
			Target   yaml.Node `yaml:"Target"`
		} `yaml:"Properties"`
	}
	if node.Kind != yaml.MappingNode || node.Decode(&r) != nil ||
		r.Type != "AWS::ApiGatewayV2::Route" {
		return GatewayRoute{}, false
	}
	// the target is integrations/${<function>Integration}, or ${<function>OpenIntegration} without
	// an authorizer
	id, _, _ := strings.Cut(strings.TrimPrefix(r.Properties.Target.Value, "integrations/${"),
		"Integration}")
	return NewGatewayRoute(r.Properties.RouteKey.Value,
		t.Mappings.Functions[strings.TrimSuffix(id, "Open")].Name), true
}

// readTemplate reads template.yaml from the folder of the test or from the nearest folder above
// that has one.
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

// CheckServedRoutes fails the test when a function does not serve exactly the operations of
// api/openapi.yaml that the gateway sends to it.
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

// compareRoutes lists the differences between the routes of a function, the gateway and the
// contract, and the routes that an earlier route of the same function hides.
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
		// a function takes the first of its routes that fits, so an earlier route can hide this one
		for _, earlier := range own[:i] {
			if NewGatewayRoute(earlier, function).matches(method, ExamplePath(path)) {
				problems = append(problems,
					fmt.Sprintf("%s never answers %s: %s is before it", function, key, earlier))
			}
		}
	}
	return problems
}

// ExamplePath returns a path that fits a pattern: each {name} is replaced by a value that is no
// fixed part of any route.
func ExamplePath(pattern string) string { return placeholder.ReplaceAllString(pattern, "x-1") }
