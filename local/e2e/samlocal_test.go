package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Where the checkout lies, seen from this package.
var root = filepath.Join("..", "..")

// samFile is one of the files that make up writes for `sam local`, beside the stack's addresses.
func samFile(name string) string { return filepath.Join(filepath.Dir(os.Getenv(environment)), name) }

// variables are those of every function, as `sam local` gives them.
func variables(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile(samFile("sam-env.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]string
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The binaries that run on the stack must not find their way to the real AWS, whoever starts them.
func TestFunctionsDoNotStartWithoutAnEndpoint(t *testing.T) {
	use(t)
	given := map[string]string{}
	for _, of := range variables(t) {
		maps.Copy(given, of)
	}
	delete(given, "AWS_ENDPOINT_URL")
	env := []string{"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1"}
	for name, value := range given {
		env = append(env, name+"="+value)
	}
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatal(mains, err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(root, ".local", "build", "bin-"+runtime.GOOS+"-"+runtime.GOARCH, name))
			cmd.Env = env
			said, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(said), "AWS_ENDPOINT_URL is not set") {
				t.Errorf("ended with %v and says %s", err, said)
			}
		})
	}
}

// pulled is how long `sam local` may take; the first time it fetches Lambda's image.
const pulled = 10 * time.Minute

// With a container engine a function answers its sample in a container, out of the running stack's tables.
func TestSAMInvokesAFunctionInAContainer(t *testing.T) {
	use(t)
	if said, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Skipf("there is no container engine here, so `sam local` invokes nothing: %v %.100s", err, said)
	}
	ctx, cancel := context.WithTimeout(t.Context(), pulled)
	defer cancel()
	sam, err := filepath.Abs(filepath.Join(root, ".local", "venv-sam", "bin", "sam"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, sam, "local", "invoke", "ManageSettlements", "--template", samFile("sam-template.json"),
		"--env-vars", samFile("sam-env.json"), "--event", filepath.Join("functions", "manage-settlements", "event.json"),
		"--add-host", "host.docker.internal:host-gateway", "--region", "us-east-1")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SAM_CLI_TELEMETRY=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var res events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &res); err != nil || res.StatusCode != 200 {
		t.Errorf("answered %s %v\n%s", out, err, said.String())
	}
}
