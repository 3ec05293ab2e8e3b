package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fenzhang/local/tokens"
	"fenzhang/shared/ident"
)

// The names of the programs of a stack that run in the background.
const (
	localAWS = "ministack"
	douyin   = "douyinpay"
	bank     = "bank"
)

// tenants are the tenants of the demo; each has a merchant account at both payment gateways.
const tenants = "demo-mcn,demo-small,demo-month"

// gatewayKeysPath returns the path of the keys of the payment gateways.
func (p profile) gatewayKeysPath() string { return p.statePath("gateway-keys.json") }

// gatewaySecretPath returns the path of the part of the keys that the functions get.
func (p profile) gatewaySecretPath() string { return p.gatewayKeysPath() + ".secret.json" }

// bringUp starts the stack, or updates a running stack to the state of the sources.
func bringUp(ctx context.Context, p profile) error {
	began := time.Now()
	if err := checkTools(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	return withLock(p, func() error {
		if err := p.checkPortsFree(ctx); err != nil { // checked before minutes of work
			return err
		}
		if err := prepareTools(ctx, p); err != nil {
			return err
		}
		if err := os.WriteFile(p.portFile(), []byte(strconv.Itoa(p.port)), 0o644); err != nil {
			return err
		}
		if err := startServices(ctx, p); err != nil {
			return err
		}
		fmt.Printf("  the stack is up after %.1f s; %s holds its addresses\n",
			time.Since(began).Seconds(), relativePath(p, p.envFile))
		return nil
	})
}

// checkPortsFree checks the ports of the programs that do not run yet.
func (p profile) checkPortsFree(ctx context.Context) error {
	for offset, name := range []string{localAWS, douyin, bank} {
		if _, ok := runningProcess(p, name); ok {
			continue
		}
		if err := checkPortFree(ctx, p, p.address(offset)); err != nil {
			return err
		}
	}
	return nil
}

// prepareTools installs the tools and builds the binaries in parallel.
func prepareTools(ctx context.Context, p profile) error {
	return runTogether(
		func() error { return installTools(ctx, p.root) },
		func() error {
			if err := buildForArch(ctx, p, ""); err != nil {
				return err
			}
			return runStep(ctx, "build the stand-ins",
				func(ctx context.Context, say func(string)) (string, error) {
					return buildStandins(ctx, p.root, say)
				})
		},
	)
}

// installTools installs what a stack, and the tests without a stack, need beside Go and Python.
func installTools(ctx context.Context, root string) error {
	return runTogether(
		func() error { return installVenvs(ctx, root, []string{"aws", "sam"}) },
		func() error { return installFont(ctx, root) },
	)
}

// startServices starts the programs that run in the background, and deploys the template.
func startServices(ctx context.Context, p profile) error {
	steps := []struct {
		name string
		do   func(context.Context, profile, func(string)) (string, error)
	}{
		{"start the local AWS", startAWS},
		{"gateways' keys", makeGatewayKeys},
		{"deploy the template", deploy},
		{"font into its bucket", uploadFont},
		{"start the stand-ins", startStandins},
	}
	for _, s := range steps {
		if err := runStep(ctx, s.name, func(ctx context.Context, say func(string)) (string, error) {
			return s.do(ctx, p, say)
		}); err != nil {
			return err
		}
	}
	return startBridge(ctx, p)
}

// startAWS starts the local AWS. A new local AWS is empty; the state of the stand-ins is removed
// with it, because bills of settlements that no longer exist would only confuse.
func startAWS(ctx context.Context, p profile, _ func(string)) (string, error) {
	temporary := p.statePath("tmp")
	if _, ok := runningProcess(p, localAWS); !ok {
		if err := emptyFolder(temporary); err != nil {
			return "", err
		}
	}
	started, err := ensureRunning(ctx, p, localAWS, p.address(0), p.endpoint()+"/_ministack/health",
		[]string{
			"GATEWAY_PORT=" + fmt.Sprint(p.port), "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1",
			"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
			"MINISTACK_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "AWS_REGION=" + region,
			"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + accessKey, "AWS_SESSION_TOKEN=",
			// the local AWS passes this on to the functions, which would call the real AWS otherwise
			"AWS_ENDPOINT_URL=" + p.endpoint(),
			// Only the tests check the permissions of each role: the check costs a fifth of the speed.
			"AUTH=" + strconv.FormatBool(p.name == "test"),
			"LAMBDA_WARM_TTL_SECONDS=86400", "PERSIST_STATE=0", "PYTHONUNBUFFERED=1",
			"TMPDIR=" + temporary, "STATE_DIR=" + temporary, "S3_DATA_DIR=" + temporary,
		}, toolPath(p.root, "aws", "python"), filepath.Join(p.root, "local", "stack", "localaws.py"))
	// a running local AWS keeps its state and that of the stand-ins
	if err != nil || !started {
		return p.endpoint(), err
	}
	for _, name := range []string{douyin, bank} {
		if err := stopProcess(p, name); err != nil {
			return "", err
		}
	}
	for _, stale := range []string{p.statePath("deployed"), p.statePath("standin")} {
		if err := os.RemoveAll(stale); err != nil {
			return "", err
		}
	}
	return p.endpoint(), nil
}

// emptyFolder makes a folder and removes what was in it.
func emptyFolder(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

// makeGatewayKeys makes the keys with which the payment gateways and the tenants sign.
func makeGatewayKeys(ctx context.Context, p profile, say func(string)) (string, error) {
	cmd := newCommand(ctx, p.root, filepath.Join(p.root, ".local", "build", "standin", "keys"), "-out",
		p.gatewayKeysPath(), "-tenants", tenants)
	return relativePath(p, p.gatewayKeysPath()), runLogged(ctx, cmd, logPath(p, "keys"), say)
}

// startStandins starts the stand-ins of the payment gateways. They start after the deployment,
// because they need the URL to which they send notices.
func startStandins(ctx context.Context, p profile, _ func(string)) (string, error) {
	vars, err := readEnv(p.envFile)
	if err != nil {
		return "", err
	}
	state := p.statePath("standin")
	if err := os.MkdirAll(state, 0o755); err != nil {
		return "", err
	}
	var addresses []string
	for i, s := range []struct{ name, gateway string }{{douyin, "douyin"}, {bank, "bank"}} {
		addr := p.address(i + 1)
		_, err := ensureRunning(ctx, p, s.name, addr, "http://"+addr+"/healthz", nil,
			filepath.Join(p.root, ".local", "build", "standin", s.name), "-addr", addr, "-state", state,
			"-keys", p.gatewayKeysPath(),
			"-notify", vars["FENZHANG_API_URL"]+"/v1/payouts/callbacks/"+s.gateway)
		if err != nil {
			return "", err
		}
		addresses = append(addresses, s.name+" "+addr)
	}
	return strings.Join(addresses, ", "), nil
}

// takeDown stops the programs of the stack and removes the files that are valid only while the
// stack runs.
func takeDown(p profile) error {
	names := recordedNames(p)
	if len(names) == 0 {
		fmt.Println("nothing of the " + p.name + " stack is running")
	}
	var errs []error
	for _, name := range names {
		if err := stopProcess(p, name); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println("stopped " + name)
	}
	// the addresses and the deployment ended with the local AWS
	for _, stale := range []string{p.envFile, p.samVariablesPath(), p.samTemplatePath(),
		p.statePath("deployed"),
		p.statePath("tmp"), p.portFile()} {
		if err := os.RemoveAll(stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// printStatus prints which programs of the stack run.
func printStatus(p profile) error {
	for _, name := range []string{localAWS, douyin, bank} {
		if r, ok := runningProcess(p, name); ok {
			fmt.Printf("%-10s pid %d, log %s\n", name, r.PID, relativePath(p, logPath(p, name)))
		} else {
			fmt.Printf("%-10s not running\n", name)
		}
	}
	if vars, err := readEnv(p.envFile); err == nil {
		fmt.Println("API        " + vars["FENZHANG_API_URL"])
	}
	return nil
}

// printToken prints an access token of the stack for TENANT ROLE [CREATOR] [SCOPE].
func printToken(ctx context.Context, p profile, args []string) error {
	for len(args) < 4 {
		args = append(args, "")
	}
	if args[0] == "" || args[1] == "" {
		return errors.New(
			"a token needs a tenant and a role: make token TENANT=demo-mcn ROLE=finance [CREATOR=] [SCOPE=]")
	}
	vars, err := readEnv(p.envFile)
	if err != nil {
		return fmt.Errorf("the stack is not up (%w); start it with %s", err, p.makeTarget())
	}
	signer, err := tokens.ForStack(ctx, p.awsConfig(), func(name string) string { return vars[name] })
	if err != nil {
		return err
	}
	text, err := signer.Sign(tokens.Claims{Tenant: ident.Tenant(args[0]),
		Roles: strings.Split(args[1], ","), Creator: ident.Creator(args[2]), Scope: args[3]})
	if err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}

// relativePath returns a path relative to the checkout.
func relativePath(p profile, path string) string {
	if rel, err := filepath.Rel(p.root, path); err == nil {
		return rel
	}
	return path
}
