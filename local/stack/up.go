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

// The programs that run in the background.
const (
	localAWS = "ministack"
	douyin   = "douyinpay"
	bank     = "bank"
)

// tenants of the demo; each has a merchant account at both gateways.
const tenants = "demo-mcn,demo-small,demo-month"

func (p profile) gatewayKeys() string   { return p.file("gateway-keys.json") }
func (p profile) gatewaySecret() string { return p.gatewayKeys() + ".secret.json" }

// up brings the stack to life, or finds that it lives and brings it to the state of the sources.
func up(ctx context.Context, p profile) error {
	began := time.Now()
	if err := checkTools(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	return withLock(p, func() error {
		if err := p.portsFree(ctx); err != nil { // before minutes of work, not after
			return err
		}
		if err := prepare(ctx, p); err != nil {
			return err
		}
		if err := os.WriteFile(p.portFile(), []byte(strconv.Itoa(p.port)), 0o644); err != nil {
			return err
		}
		if err := serve(ctx, p); err != nil {
			return err
		}
		fmt.Printf("  the stack is up after %.1f s; %s holds its addresses\n",
			time.Since(began).Seconds(), shown(p, p.env))
		return nil
	})
}

// portsFree looks at the ports of what is not running yet.
func (p profile) portsFree(ctx context.Context) error {
	for offset, name := range []string{localAWS, douyin, bank} {
		if _, ok := running(p, name); ok {
			continue
		}
		if err := free(ctx, p, p.addr(offset)); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes tools and binaries. They do not need each other, so they are made side by side.
func prepare(ctx context.Context, p profile) error {
	return together(
		func() error { return installAll(ctx, p.root) },
		func() error {
			if err := buildFor(ctx, p, ""); err != nil {
				return err
			}
			return step(ctx, "build the stand-ins",
				func(ctx context.Context, say func(string)) (string, error) {
					return buildStandins(ctx, p.root, say)
				})
		},
	)
}

// installAll fetches what a stack, and the tests without one, need beside Go and Python.
func installAll(ctx context.Context, root string) error {
	return together(
		func() error { return install(ctx, root, []string{"aws", "sam"}) },
		func() error { return installFont(ctx, root) },
	)
}

// serve starts what runs in the background and deploys to it.
func serve(ctx context.Context, p profile) error {
	err := step(ctx, "start the local AWS", func(ctx context.Context, _ func(string)) (string, error) {
		return startAWS(ctx, p)
	})
	if err != nil {
		return err
	}
	if err := step(ctx, "gateways' keys", func(ctx context.Context, say func(string)) (string, error) {
		return makeKeys(ctx, p, say)
	}); err != nil {
		return err
	}
	if err := step(ctx, "deploy the template",
		func(ctx context.Context, say func(string)) (string, error) {
			return deploy(ctx, p, say)
		}); err != nil {
		return err
	}
	if err := p.lendFont(ctx); err != nil {
		return err
	}
	err = step(ctx, "start the stand-ins", func(ctx context.Context, _ func(string)) (string, error) {
		return startStandins(ctx, p)
	})
	if err != nil {
		return err
	}
	return startBridge(ctx, p)
}

// startAWS starts the local AWS. It begins empty, and then so do the stand-ins: a bill of a
// forgotten settlement would only confuse.
func startAWS(ctx context.Context, p profile) (string, error) {
	temporary := p.file("tmp")
	if _, ok := running(p, localAWS); !ok {
		if err := emptied(temporary); err != nil {
			return "", err
		}
	}
	started, err := ensure(ctx, p, localAWS, p.addr(0), p.endpoint()+"/_ministack/health", []string{
		"GATEWAY_PORT=" + fmt.Sprint(p.port), "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1",
		"IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0",
		"MINISTACK_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "AWS_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + accessKey, "AWS_SESSION_TOKEN=",
		// it hands this on to the functions, which would dial the real AWS
		"AWS_ENDPOINT_URL=" + p.endpoint(),
		// The tests find out whether each role may do what its function does; it costs a fifth of the
		// speed.
		"AUTH=" + strconv.FormatBool(p.name == "test"),
		"LAMBDA_WARM_TTL_SECONDS=86400", "PERSIST_STATE=0", "PYTHONUNBUFFERED=1",
		"TMPDIR=" + temporary, "STATE_DIR=" + temporary, "S3_DATA_DIR=" + temporary,
	}, tool(p.root, "aws", "python"), filepath.Join(p.root, "local", "stack", "localaws.py"))
	if err != nil || !started {
		return p.endpoint(), err
	}
	for _, name := range []string{douyin, bank} {
		if err := stop(p, name); err != nil {
			return "", err
		}
	}
	for _, stale := range []string{p.file("deployed"), p.file("standin")} {
		if err := os.RemoveAll(stale); err != nil {
			return "", err
		}
	}
	return p.endpoint(), nil
}

// emptied makes a folder with nothing in it.
func emptied(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}

func makeKeys(ctx context.Context, p profile, say func(string)) (string, error) {
	cmd := program(ctx, p.root, filepath.Join(p.root, ".local", "build", "standin", "keys"), "-out",
		p.gatewayKeys(), "-tenants", tenants)
	return shown(p, p.gatewayKeys()), command(ctx, cmd, logPath(p, "keys"), say)
}

// startStandins starts the payment gateways' stand-ins after the deployment: they are told where
// notices go.
func startStandins(ctx context.Context, p profile) (string, error) {
	vars, err := readEnv(p.env)
	if err != nil {
		return "", err
	}
	state := p.file("standin")
	if err := os.MkdirAll(state, 0o755); err != nil {
		return "", err
	}
	var addresses []string
	for i, s := range []struct{ name, gateway string }{{douyin, "douyin"}, {bank, "bank"}} {
		addr := p.addr(i + 1)
		_, err := ensure(ctx, p, s.name, addr, "http://"+addr+"/healthz", nil,
			filepath.Join(p.root, ".local", "build", "standin", s.name), "-addr", addr, "-state", state,
			"-keys", p.gatewayKeys(),
			"-notify", vars["FENZHANG_API_URL"]+"/v1/payouts/callbacks/"+s.gateway)
		if err != nil {
			return "", err
		}
		addresses = append(addresses, s.name+" "+addr)
	}
	return strings.Join(addresses, ", "), nil
}

// down stops what up started and takes away what only made sense while it ran.
func down(p profile) error {
	names := recorded(p)
	if len(names) == 0 {
		fmt.Println("nothing of the " + p.name + " stack is running")
	}
	var errs []error
	for _, name := range names {
		if err := stop(p, name); err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Println("stopped " + name)
	}
	for _, stale := range []string{p.env, p.samVariables(), p.samTemplate(), p.file("deployed"),
		p.file("tmp"), p.portFile()} {
		if err := os.RemoveAll(stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// status tells what is running.
func status(p profile) error {
	for _, name := range []string{localAWS, douyin, bank} {
		if r, ok := running(p, name); ok {
			fmt.Printf("%-10s pid %d, log %s\n", name, r.PID, shown(p, logPath(p, name)))
		} else {
			fmt.Printf("%-10s not running\n", name)
		}
	}
	if vars, err := readEnv(p.env); err == nil {
		fmt.Println("API        " + vars["FENZHANG_API_URL"])
	}
	return nil
}

// token prints an access token of the stack: TENANT ROLE [CREATOR] [SCOPE].
func token(ctx context.Context, p profile, args []string) error {
	for len(args) < 4 {
		args = append(args, "")
	}
	if args[0] == "" || args[1] == "" {
		return errors.New(
			"a token needs a tenant and a role: make token TENANT=demo-mcn ROLE=finance [CREATOR=] [SCOPE=]")
	}
	vars, err := readEnv(p.env)
	if err != nil {
		return fmt.Errorf("the stack is not up (%w); start it with %s", err, p.make())
	}
	signer, err := tokens.ForStack(ctx, p.aws(), func(name string) string { return vars[name] })
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

// shown is a path as a person in the checkout would write it.
func shown(p profile, path string) string {
	if rel, err := filepath.Rel(p.root, path); err == nil {
		return rel
	}
	return path
}
