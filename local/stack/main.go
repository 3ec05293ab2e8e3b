// Command stack runs the whole system on one machine: the local AWS, stand-ins for the payment
// gateways, and the same template that is deployed to AWS.
//
//	go run ./local/stack [-profile run|test] [-port N] up|down|status|build|install
//	go run ./local/stack [-profile run|test] token TENANT ROLE [CREATOR] [SCOPE]
//	go run ./local/stack [-profile run|test] rules COMMAND...   (fenzhang pack on this stack)
//	go run ./local/stack [-arch amd64|arm64] build
//	go run ./local/stack concurrency ENV   (compares reserved concurrency with the quota)
//	go run ./local/stack font STACK   (puts the font of documents into the bucket of a stack on AWS)
//	go run ./local/stack tools NAME...   (aws, sam, lint, peer: local/requirements-NAME.txt)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runCommand(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n"+err.Error())
		os.Exit(1)
	}
}

// runCommand reads the flags and runs the command.
func runCommand(ctx context.Context) error {
	name := flag.String("profile", "run",
		"which stack: run (make run) or test (make test); they do not touch each other")
	port := flag.Int("port", 0,
		"port of the local AWS; the stand-ins take the two after it (default 4566, for test 4766)")
	arch := flag.String("arch", "", "build for AWS: amd64 or arm64 (default: for this machine)")
	flag.Usage = usage
	flag.Parse()
	// the program may be called from any folder of the checkout
	root, err := findCheckout()
	if err != nil {
		return err
	}
	p, err := newProfile(root, *name, *port)
	if err != nil {
		return err
	}
	return dispatch(ctx, p, *arch)
}

// dispatch runs the command that the command line names.
func dispatch(ctx context.Context, p profile, arch string) error {
	switch command := flag.Arg(0); command {
	case "up":
		return bringUp(ctx, p)
	case "down":
		return takeDown(p)
	case "status":
		return printStatus(p)
	case "token":
		return printToken(ctx, p, flag.Args()[1:])
	case "install", "tools":
		return runInstall(ctx, p, command, flag.Args()[1:])
	case "build":
		return withLock(p, func() error { return buildForArch(ctx, p, arch) })
	case "concurrency":
		return checkConcurrency(ctx, p.root, flag.Arg(1))
	case "font":
		return withLock(p, func() error { return uploadDeployedFont(ctx, p, flag.Arg(1)) })
	case "rules":
		return runRulesCommand(ctx, p, flag.Args()[1:])
	case "":
		usage()
		return errors.New("say what to do")
	default:
		usage()
		return fmt.Errorf("unknown command %q", command)
	}
}

// runInstall installs what a stack needs, or the virtual environments with the given names.
func runInstall(ctx context.Context, p profile, command string, names []string) error {
	if err := checkTools(ctx); err != nil {
		return err
	}
	return withLock(p, func() error {
		if command == "tools" {
			return installVenvs(ctx, p.root, names)
		}
		return installTools(ctx, p.root)
	})
}

// usage prints how this program is called.
func usage() {
	fmt.Fprintln(os.Stderr,
		"usage: stack [-profile run|test] [-port N] [-arch amd64|arm64] up | down | status | build | "+
			"install | tools NAME... | token TENANT ROLE [CREATOR] [SCOPE] | rules COMMAND... | "+
			"concurrency ENV | font STACK")
	flag.PrintDefaults()
}

// installVenvs makes the Python virtual environments with the given names.
func installVenvs(ctx context.Context, root string, names []string) error {
	var tasks []func() error
	for _, name := range names {
		tasks = append(tasks, func() error {
			return runStep(ctx, "Python packages: "+name,
				func(ctx context.Context, say func(string)) (string, error) {
					return ensureVenv(ctx, root, name, say)
				})
		})
	}
	return runTogether(tasks...)
}

// buildForArch builds the functions for Lambda with an architecture, or for this machine when arch
// is empty.
func buildForArch(ctx context.Context, p profile, arch string) error {
	t := hostTarget()
	if arch != "" {
		t = lambdaTarget(arch)
	}
	return runStep(ctx, "build the functions for "+t.String(),
		func(ctx context.Context, say func(string)) (string, error) {
			return buildFunctions(ctx, p.root, t, say)
		})
}
