// Package env reads a function's environment once and names every variable that is missing.
package env

import (
	"fmt"
	"os"
	"strings"
)

// Vars are the variables a function was started with.
type Vars struct {
	get     func(string) string
	missing []string
}

// Read looks at the process environment.
func Read() *Vars { return ReadFrom(os.Getenv) }

// ReadFrom reads from any source; for tests.
func ReadFrom(get func(string) string) *Vars { return &Vars{get: get} }

// Need gives a variable and remembers its name when it is empty.
func (v *Vars) Need(name string) string {
	s := v.get(name)
	if s == "" {
		v.missing = append(v.missing, name)
	}
	return s
}

// Optional gives a variable that may be empty.
func (v *Vars) Optional(name string) string { return v.get(name) }

// Err names all missing variables at once.
func (v *Vars) Err() error {
	if len(v.missing) == 0 {
		return nil
	}
	return fmt.Errorf("environment: missing %s", strings.Join(v.missing, ", "))
}
