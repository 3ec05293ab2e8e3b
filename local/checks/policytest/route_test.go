package policytest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/lambda/contracttest"
)

// The functions' own tests hold their routes against what the template declares (contracttest.CheckServedRoutes); this one proves
// that the deployed resources are what it declares.
func TestDeployedRoutesAreTheDeclaredOnes(t *testing.T) {
	tpl := load(t)
	declared, err := contracttest.ReadGateway()
	if err != nil {
		t.Fatal(err)
	}
	var deployed contracttest.Gateway
	for _, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		deployed = append(deployed, contracttest.NewGatewayRoute(text(r.properties, "RouteKey"), functionBehind(tpl, r)))
	}
	for _, r := range deployed {
		if !slices.Contains(declared, r) {
			t.Errorf("%s leads to %q, which is not declared", r.Key(), r.Function)
		}
	}
	for _, r := range declared {
		if !slices.Contains(deployed, r) {
			t.Errorf("%s does not lead to %s", r.Key(), r.Function)
		}
	}
}

// integrationOf is the integration that a route leads to.
func integrationOf(tpl template, route resource) resource {
	return tpl.resources[strings.Trim(strings.TrimPrefix(text(route.properties, "Target", "Fn::Sub"), "integrations/"), "${}")]
}

// functionBehind is the folder of the function that a route leads to.
func functionBehind(tpl template, route resource) string {
	const arn = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
	name, _ := strings.CutPrefix(text(integrationOf(tpl, route).properties, "IntegrationUri", "Fn::Sub"), arn)
	return name
}

// AWS refuses the second route of one key; the local AWS takes it.
func TestNoRouteKeyIsThereTwice(t *testing.T) {
	seen := map[string]string{}
	for _, r := range load(t).of("AWS::ApiGatewayV2::Route") {
		key := text(r.properties, "RouteKey")
		if other := seen[key]; other != "" {
			t.Errorf("%s and %s are both %q", other, r.id, key)
		}
		seen[key] = r.id
	}
}

func TestWhatNoRouteServesIsRefusedInOurWords(t *testing.T) {
	i := slices.IndexFunc(load(t).of("AWS::ApiGatewayV2::Route"), func(r resource) bool {
		return text(r.properties, "RouteKey") == "$default" && text(r.properties, "AuthorizationType") == "CUSTOM"
	})
	if i < 0 {
		t.Error("there is no $default route with the authorizer")
	}
}

func TestEveryHTTPFunctionHoldsItsRoutesAgainstTheContract(t *testing.T) {
	tpl := load(t)
	for _, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		function := functionBehind(tpl, r)
		tests, err := filepath.Glob(filepath.Join(root, "functions", function, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(tests, func(path string) bool { return holds(t, path, fmt.Sprintf("contracttest.CheckServedRoutes(t, %q,", function)) }) {
			t.Errorf("no test in functions/%s calls contracttest.CheckServedRoutes for it", function)
		}
	}
}

func holds(t *testing.T, path, what string) bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(content), what)
}

func TestOnlyThisApiMayCallTheFunctionsBehindRoutes(t *testing.T) {
	tpl := load(t)
	callable := map[string]bool{}
	for _, p := range tpl.of("AWS::Lambda::Permission") {
		if strings.HasSuffix(text(p.properties, "SourceArn", "Fn::Sub"), ":${HttpApi}/*/*") {
			callable[name(tpl.resources[target(p.properties["FunctionName"])])] = true
		}
	}
	for _, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		if function := functionBehind(tpl, r); !callable[function] {
			t.Errorf("%s leads to %s, which this API may not call", r.id, function)
		}
	}
}
