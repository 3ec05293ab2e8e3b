package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// profile is the stack for `make run` or the one for `make test`: its ports and its state folder.
type profile struct {
	name    string
	root    string // the checkout
	dir     string // folder of state, logs and process records
	envFile string // path of the file of addresses (KEY=VALUE) for clients
	port    int    // port of the local AWS; Douyin Pay and the bank use the next two
}

// Region and credentials of the local AWS, and the name of its CloudFormation stack.
const (
	region    = "us-east-1"
	stackName = "fenzhang-local"
	accessKey = "test"
)

// newProfile returns the profile "run" or "test" of a checkout.
func newProfile(root, name string, port int) (profile, error) {
	local := filepath.Join(root, ".local")
	switch name {
	case "run":
		p := profile{name: name, root: root, dir: filepath.Join(local, "run"),
			envFile: filepath.Join(local, "stack.env"), port: 4566}
		return p.withPort(port), nil
	case "test":
		p := profile{name: name, root: root, dir: filepath.Join(local, "test"),
			envFile: filepath.Join(local, "test", "stack.env"), port: 4766}
		return p.withPort(port), nil
	}
	return profile{}, fmt.Errorf("there is no profile %q; use run or test", name)
}

// withPort returns the profile with another port; port 0 means the port on which the stack was
// last started.
func (p profile) withPort(port int) profile {
	if b, err := os.ReadFile(p.portFile()); port == 0 && err == nil {
		port, _ = strconv.Atoi(string(b)) // a file without a number counts as absent
	}
	if port != 0 {
		p.port = port
	}
	return p
}

// portFile returns the path of the file that keeps the port between up and down.
func (p profile) portFile() string { return p.statePath("port") }

// address returns host and port of a program of the stack; the offset is 0 for the local AWS, 1
// for Douyin Pay and 2 for the bank.
func (p profile) address(offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port+offset))
}

// endpoint returns the URL of the local AWS.
func (p profile) endpoint() string { return "http://" + p.address(0) }

// statePath returns the path of a file in the state folder of the profile.
func (p profile) statePath(name string) string { return filepath.Join(p.dir, name) }

// makeTarget returns the make command that starts the profile.
func (p profile) makeTarget() string {
	return map[string]string{"run": "make run", "test": "make test"}[p.name]
}

// findCheckout returns the folder of the project: the nearest parent folder with a template.yaml.
func findCheckout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "template.yaml")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("this is not inside a Fenzhang checkout (no template.yaml here or above)")
		}
		dir = parent
	}
}

// withLock runs a task while no other stack of this checkout is being built: all stacks share the
// tools and the binaries.
func withLock(p profile, do func() error) error {
	if err := os.MkdirAll(filepath.Join(p.root, ".local"), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(p.root, ".local", "stack.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // releases the lock
	fd := int(f.Fd())
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		fmt.Println("  waiting for another make run or make test of this checkout to finish starting")
		if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
			return err
		}
	}
	return do()
}

// writeEnv writes the file of addresses for clients atomically.
//
// Errors: an error when a value holds a character that a shell would change.
func writeEnv(path string, lines []setting) error {
	var b strings.Builder
	for _, l := range lines {
		if strings.ContainsAny(l.value, " \t\r\n\"'$`\\") {
			return fmt.Errorf("%s: the value of %s holds a character that shells would change", path, l.key)
		}
		fmt.Fprintf(&b, "%s=%s\n", l.key, l.value)
	}
	// readers never see a half-written file
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// setting is one line of the file of addresses.
type setting struct{ key, value string }

// readEnv reads a file that writeEnv has written.
func readEnv(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			vars[key] = value
		}
	}
	return vars, nil
}
