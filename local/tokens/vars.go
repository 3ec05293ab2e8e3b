package tokens

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// ReadVars reads the file of addresses of a running stack, which has lines KEY=VALUE.
//
// Errors: an error when a needed key is missing.
func ReadVars(path string, needed ...string) (map[string]string, error) {
	f, err := os.Open(path) //nolint:gosec // the caller chooses the file
	if err != nil {
		return nil, fmt.Errorf("%w; is the stack up?", err)
	}
	defer func() { _ = f.Close() }()
	vars := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok {
			vars[name] = value
		}
	}
	for _, name := range needed {
		if vars[name] == "" {
			return nil, fmt.Errorf("%s does not say %s", path, name)
		}
	}
	return vars, lines.Err()
}
