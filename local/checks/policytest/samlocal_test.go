package policytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// samView is what `sam local` finds in the template at Stage local, as samview.py prints it.
type samView struct {
	Functions map[string]struct {
		Code      string   `json:"code"`
		Variables []string `json:"variables"`
		Stage     string   `json:"stage"`
	} `json:"functions"`
	Routes []samRoute `json:"routes"`
}

type samRoute struct {
	Methods    []string `json:"methods"`
	Path       string   `json:"path"`
	Function   string   `json:"function"`
	Authorizer string   `json:"authorizer"`
}

// askSAM asks SAM's own providers, or skips the test where SAM is not installed.
func askSAM(t *testing.T) samView {
	t.Helper()
	load(t) // which writes the template with its loops written out
	view, err := samFinds()
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SAM is not installed, so nobody asks what it finds; install it with `go run ./local/stack tools sam` (%v)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return view
}

var samFinds = sync.OnceValues(func() (samView, error) {
	python, err := filepath.Abs(filepath.Join(root, ".local", "venv-sam", "bin", "python"))
	if err != nil {
		return samView{}, err
	}
	program, err := filepath.Abs("samview.py")
	if err != nil {
		return samView{}, err
	}
	if _, err := os.Stat(python); err != nil {
		return samView{}, err
	}
	cmd := exec.Command(python, program, filepath.Join(".local", "template.json"), "Stage=local")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0", "AWS_DEFAULT_REGION=us-east-1")
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return samView{}, fmt.Errorf("%w\n%s", err, said.String())
	}
	var view samView
	return view, json.Unmarshal(out, &view)
})

// sam local starts only functions that it finds, and gives them only variables that the template declares.
func TestSAMFindsEveryFunctionWithItsVariables(t *testing.T) {
	view, tpl := askSAM(t), load(t)
	functions := tpl.of("AWS::Serverless::Function")
	if len(view.Functions) != len(functions) {
		t.Errorf("SAM finds %d functions, the template has %d", len(view.Functions), len(functions))
	}
	for _, f := range functions {
		found := view.Functions[f.id]
		if want := filepath.Join(".local", "build", name(f)+".zip"); !strings.HasSuffix(found.Code, want) {
			t.Errorf("%s: SAM takes its code from %q, not from %s", f.id, found.Code, want)
		}
		if found.Stage != "local" {
			t.Errorf("%s would start at stage %q", f.id, found.Stage)
		}
		declared := maps.Clone(variables(f))
		maps.Copy(declared, get(tpl.globals, "Environment", "Variables").(object))
		if want := slices.Sorted(maps.Keys(declared)); !slices.Equal(found.Variables, want) {
			t.Errorf("%s: SAM gives it %v, the template declares %v", f.id, found.Variables, want)
		}
	}
}

// A function of a local stack without an endpoint would call the real AWS; on AWS the SDK finds its endpoints itself.
func TestFunctionsHaveAnEndpointAtStageLocalOnly(t *testing.T) {
	want := object{"Fn::If": []any{"IsLocal", object{"Ref": "LocalEndpoint"}, object{"Ref": "AWS::NoValue"}}}
	if got := get(load(t).globals, "Environment", "Variables", "AWS_ENDPOINT_URL"); !reflect.DeepEqual(got, want) {
		t.Errorf("AWS_ENDPOINT_URL is %v, want %v", got, want)
	}
}

// sam local start-api answers 502 for a route whose function it does not find, and skips an authorizer that it does
// not understand.
func TestSAMFindsTheFunctionBehindEveryRoute(t *testing.T) {
	view, tpl := askSAM(t), load(t)
	ids := map[string]string{}
	for _, f := range tpl.of("AWS::Serverless::Function") {
		ids[name(f)] = f.id
	}
	routes := tpl.of("AWS::ApiGatewayV2::Route")
	for _, r := range routes {
		method, path, both := strings.Cut(text(r.properties, "RouteKey"), " ")
		if !both {
			path = method // $default
		}
		at := slices.IndexFunc(view.Routes, func(s samRoute) bool {
			return s.Path == path && (!both || method == "ANY" || slices.Contains(s.Methods, method))
		})
		if at < 0 {
			t.Errorf("SAM finds no route %q", text(r.properties, "RouteKey"))
			continue
		}
		found := view.Routes[at]
		if want := ids[functionBehind(tpl, r)]; want == "" || found.Function != want {
			t.Errorf("%s %s: SAM finds %q behind it, not %q", method, path, found.Function, want)
		}
		guarded := text(r.properties, "AuthorizationType") == "CUSTOM"
		if guarded != (found.Authorizer == "AuthorizeRequest") {
			t.Errorf("%s %s: SAM asks the authorizer %q", method, path, found.Authorizer)
		}
	}
	if len(routes) < 20 || len(view.Routes) > len(routes) {
		t.Errorf("SAM finds %d routes, the template has %d", len(view.Routes), len(routes))
	}
}
