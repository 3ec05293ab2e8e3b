// Package env reads the environment variables of a function and reports all missing ones in one
// error.
package env

import (
	"fmt"
	"os"
	"strings"
)

// Vars reads variables and remembers which required ones were missing.
type Vars struct {
	get     func(string) string
	missing []string
}

// Read returns the variables of this process.
func Read() *Vars { return ReadFrom(os.Getenv) }

// ReadFrom returns the variables of another source, for tests.
func ReadFrom(get func(string) string) *Vars { return &Vars{get: get} }

// Need returns a required variable; when it is empty, Err will name it.
func (v *Vars) Need(name string) string {
	s := v.get(name)
	if s == "" {
		v.missing = append(v.missing, name)
	}
	return s
}

// Optional returns a variable that may be empty.
func (v *Vars) Optional(name string) string { return v.get(name) }

// Err names all required variables that were missing; nil when there were none.
func (v *Vars) Err() error {
	if len(v.missing) == 0 {
		return nil
	}
	return fmt.Errorf("environment: missing %s", strings.Join(v.missing, ", "))
}
