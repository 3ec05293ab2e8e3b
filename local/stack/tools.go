package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// checkTools returns an error that names what this machine lacks. Go is not checked: this program
// would not run without it.
func checkTools(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "python3", "-c",
		"import sys, venv, ensurepip; print(sys.version_info >= (3, 11))").CombinedOutput()
	switch {
	case err != nil && len(out) == 0:
		return fmt.Errorf("python3 is missing: install Python 3.11 or newer")
	case err != nil:
		return fmt.Errorf(
			"python3 cannot make virtual environments (on Debian: apt-get install python3-venv): %s",
			strings.TrimSpace(string(out)))
	case strings.TrimSpace(string(out)) != "True":
		return fmt.Errorf("python3 is too old: Python 3.11 or newer is needed")
	}
	return nil
}

// ensureVenv makes a virtual environment with pinned packages unless it is complete. A marker file
// with the hash of the list of packages shows that it is complete.
func ensureVenv(ctx context.Context, root, name string, say func(string)) (string, error) {
	requirements := filepath.Join(root, "local", "requirements-"+name+".txt")
	list, err := os.ReadFile(requirements)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".local", "venv-"+name)
	marker := filepath.Join(dir, "complete")
	want := sha256Hex(list)
	if have, err := os.ReadFile(marker); err == nil && string(have) == want {
		return "ready", nil
	}
	// an incomplete or outdated environment is built again from nothing
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := runLogged(ctx, newCommand(ctx, root, "python3", "-m", "venv", dir), dir+".log",
		say); err != nil {
		return "", err
	}
	pip := newCommand(ctx, root, filepath.Join(dir, "bin", "python"), "-m", "pip", "install",
		"--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-deps", "--no-compile",
		"-r", requirements)
	if err := runLogged(ctx, pip, dir+".log", say); err != nil {
		return "", err
	}
	return "installed", os.WriteFile(marker, []byte(want), 0o644)
}

// toolPath returns the path of a program of a virtual environment.
func toolPath(root, venv, name string) string {
	return filepath.Join(root, ".local", "venv-"+venv, "bin", name)
}

// sha256Hex returns the SHA-256 of some bytes in hexadecimal digits.
func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
