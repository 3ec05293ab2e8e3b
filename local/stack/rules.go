package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"fenzhang/shared/vault/sm2signer/keyfile"
)

// rulesKeyPath returns the path of the private key that signs policy packs for the stack of this
// machine. The key is created on this machine and never leaves it.
func (p profile) rulesKeyPath() string { return p.statePath("rules-publisher.key") }

// rulesPublicKey returns the public key with which the stack verifies policy packs, and creates
// the key pair when there is none.
func (p profile) rulesPublicKey() (string, error) {
	text, err := os.ReadFile(p.rulesKeyPath())
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createRulesKey(p.rulesKeyPath())
	}
	if err != nil {
		return "", err
	}
	key, err := keyfile.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.rulesKeyPath(), err)
	}
	return key.Public().Line()
}

// createRulesKey writes a new private key to a file.
func createRulesKey(path string) ([]byte, error) {
	_, text, err := keyfile.Generate()
	if err != nil {
		return nil, err
	}
	return text, os.WriteFile(path, text, 0o600)
}

// runRulesCommand runs `fenzhang pack` with the addresses and the signing key of this stack.
func runRulesCommand(ctx context.Context, p profile, args []string) error {
	vars, err := readEnv(p.envFile)
	if err != nil {
		return fmt.Errorf("the stack is not up (%w); start it with %s", err, p.makeTarget())
	}
	// only signing needs the private key
	if len(args) > 0 && args[0] == "sign" {
		args = append([]string{"sign", "-key", p.rulesKeyPath()}, args[1:]...)
	}
	cmd := newCommand(ctx, p.root, "go", append([]string{"run", "./cmd/fenzhang", "pack"}, args...)...)
	cmd.Env = os.Environ()
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
