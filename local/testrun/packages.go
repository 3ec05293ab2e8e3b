package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// module is the prefix of the import paths of all packages.
const module = "fenzhang/"

// listPackages returns the import paths of all packages of the module.
func listPackages(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// withoutPackage returns a list of packages without one of them.
func withoutPackage(packages []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(packages), func(p string) bool { return p == name })
}

// shard is one of several parts of the packages, so that several machines can share a test run;
// the zero value selects all packages.
type shard struct{ part, parts uint32 }

// parse reads a shard such as "1/2", the first of two parts; "" selects all packages.
func (s *shard) parse(text string) error {
	if text == "" {
		return nil
	}
	if n, err := fmt.Sscanf(text, "%d/%d", &s.part, &s.parts); n != 2 || err != nil || s.part < 1 ||
		s.part > s.parts {
		return errors.New("a part is written as 1/2, the first of two")
	}
	return nil
}

// selectPackages returns the packages of the shard. It selects by the hash of the import path, so
// that a package stays in its shard when others are added or removed.
func (s shard) selectPackages(packages []string) []string {
	if s.parts < 2 {
		return packages
	}
	var mine []string
	for _, p := range packages {
		// any hash that spreads evenly will do; it must not change between machines
		h := fnv.New32a()
		_, _ = h.Write([]byte(p)) // a hash takes everything
		if h.Sum32()%s.parts == s.part-1 {
			mine = append(mine, p)
		}
	}
	return mine
}
