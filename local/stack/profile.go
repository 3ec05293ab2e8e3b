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

// profile is one stack on this machine: its ports and the folder of its state.
type profile struct {
	name string
	root string // the checkout
	dir  string // state, logs, process records
	env  string // the file of KEY=VALUE lines that clients read
	port int    // of the local AWS; Douyin Pay and the bank follow
}

// Where the local AWS pretends to be, and what its stack is called.
const (
	region    = "us-east-1"
	stackName = "fenzhang-local"
	accessKey = "test"
)

func newProfile(root, name string, port int) (profile, error) {
	local := filepath.Join(root, ".local")
	switch name {
	case "run":
		p := profile{name: name, root: root, dir: filepath.Join(local, "run"),
			env: filepath.Join(local, "stack.env"), port: 4566}
		return p.at(port), nil
	case "test":
		p := profile{name: name, root: root, dir: filepath.Join(local, "test"),
			env: filepath.Join(local, "test", "stack.env"), port: 4766}
		return p.at(port), nil
	}
	return profile{}, fmt.Errorf("there is no profile %q; use run or test", name)
}

// at moves the profile to another port; unless one is named, to the one on which its stack was last
// brought up.
func (p profile) at(port int) profile {
	if b, err := os.ReadFile(p.portFile()); port == 0 && err == nil {
		port, _ = strconv.Atoi(string(b)) // what is no number counts as not named
	}
	if port != 0 {
		p.port = port
	}
	return p
}

// portFile keeps the port between up and down.
func (p profile) portFile() string { return p.file("port") }

func (p profile) addr(offset int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port+offset))
}
func (p profile) endpoint() string        { return "http://" + p.addr(0) }
func (p profile) file(name string) string { return filepath.Join(p.dir, name) }
func (p profile) make() string {
	return map[string]string{"run": "make run", "test": "make test"}[p.name]
}

// checkout finds the project's folder: the nearest one above with a template in it.
func checkout() (string, error) {
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

// withLock lets one stack of a checkout be built at a time: two share the tools and the binaries.
func withLock(p profile, do func() error) error {
	if err := os.MkdirAll(filepath.Join(p.root, ".local"), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(p.root, ".local", "stack.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // gives the lock back
	fd := int(f.Fd())
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		fmt.Println("  waiting for another make run or make test of this checkout to finish starting")
		if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
			return err
		}
	}
	return do()
}

// writeEnv writes the client's file in one step. Values that a shell would read differently are
// refused.
func writeEnv(path string, lines []setting) error {
	var b strings.Builder
	for _, l := range lines {
		if strings.ContainsAny(l.value, " \t\r\n\"'$`\\") {
			return fmt.Errorf("%s: the value of %s holds a character that shells would change", path, l.key)
		}
		fmt.Fprintf(&b, "%s=%s\n", l.key, l.value)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, []byte(b.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// setting is one line of the client's file.
type setting struct{ key, value string }

// readEnv reads such a file.
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
