package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fenzhang/shared/vault/sm2signer/keyfile"
)

// rulesKey is the private key that signs policy packs for this machine's stack. It is made here and
// never leaves.
func (p profile) rulesKey() string { return p.file("rules-publisher.key") }

// rulesPublisher gives the public key that the stack trusts, for the template's parameter, and
// makes the key when there is none yet.
func (p profile) rulesPublisher() (string, error) {
	text, err := os.ReadFile(p.rulesKey())
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newKey(p.rulesKey())
	}
	if err != nil {
		return "", err
	}
	key, err := keyfile.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.rulesKey(), err)
	}
	return key.Public().Line()
}

func newKey(path string) ([]byte, error) {
	_, text, err := keyfile.Generate()
	if err != nil {
		return nil, err
	}
	return text, os.WriteFile(path, text, 0o600)
}

// rules runs fenzhang pack against this stack: its addresses and its key.
func rules(ctx context.Context, p profile, args []string) error {
	vars, err := readEnv(p.env)
	if err != nil {
		return fmt.Errorf("the stack is not up (%w); start it with %s", err, p.make())
	}
	if len(args) > 0 && args[0] == "sign" {
		args = append([]string{"sign", "-key", p.rulesKey()}, args[1:]...)
	}
	cmd := program(ctx, p.root, "go", append([]string{"run", "./cmd/fenzhang", "pack"}, args...)...)
	cmd.Env = os.Environ()
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
