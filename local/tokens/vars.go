package tokens

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// Vars reads the settings of a running stack: a file of KEY=VALUE lines, which must say what is
// needed.
func Vars(path string, needed ...string) (map[string]string, error) {
	f, err := os.Open(path) //nolint:gosec // the file that the caller names is the purpose
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
