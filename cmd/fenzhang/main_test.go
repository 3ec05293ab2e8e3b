package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// call runs the tool and returns its exit code and both outputs.
func call(t *testing.T, args ...string) (code int, out, problems string) {
	t.Helper()
	var o, p bytes.Buffer
	code = runSubcommand(t.Context(), args, &o, &p)
	return code, o.String(), p.String()
}

func TestHelpListsEverySubcommand(t *testing.T) {
	code, out, problems := call(t, "help")
	if lines := strings.Count(out, "\n"); code != allPassed || problems != "" || lines != len(subcommands())+1 {
		t.Errorf("%d, %d lines, %q", code, lines, problems)
	}
	for _, s := range subcommands() {
		if !regexp.MustCompile(`(?m)^  ` + s.name + `  +` + regexp.QuoteMeta(s.purpose) + `$`).MatchString(out) {
			t.Errorf("%s is not listed:\n%s", s.name, out)
		}
	}
	if code, out, problems := call(t); code != notDone || out != "" || !strings.HasPrefix(problems, "usage: fenzhang ") {
		t.Errorf("without a subcommand: %d, %q, %q", code, out, problems)
	}
}

func TestWrongUseIsRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"tax-cheque"}, `there is no subcommand "tax-cheque"; fenzhang help lists them`},
		{[]string{"journal", "-tenent", "x"}, "flag provided but not defined: -tenent"},
		{[]string{"fuzz", "-time", "long"}, `invalid value "long" for flag -time`},
		{[]string{"rules-schema", "rules"}, `"rules" is one word too many`},
		{[]string{"tax-check"}, "usage: make tax-check FILE="},
		{[]string{"tax-check", "none.yaml"}, "none.yaml"},
		{[]string{"pack"}, "usage: fenzhang pack keygen FILE"},
		{[]string{"pack", "sign", "-kee", "x", "y"}, "flag provided but not defined: -kee"},
	} {
		if code, out, problems := call(t, c.args...); code != notDone || out != "" || !strings.Contains(problems, c.says) {
			t.Errorf("%v: %d, %q, %q", c.args, code, out, problems)
		}
	}
}

func TestEachSubcommandListsItsFlags(t *testing.T) {
	for _, s := range subcommands() {
		if code, _, problems := call(t, s.name, "-h"); code != allPassed || !strings.HasPrefix(problems, "usage: fenzhang "+s.name+" ") {
			t.Errorf("%s: %d, %q", s.name, code, problems)
		}
	}
	if _, _, problems := call(t, "journal", "-h"); !strings.Contains(problems, "-period string") {
		t.Errorf("journal: %q", problems)
	}
}

// A check that found something exits with 1, one that found nothing with 0; the last line is what others rely on.
func TestExitCodeOfAFailedCheck(t *testing.T) {
	dir := t.TempDir()
	for amount, want := range map[string]struct {
		code int
		last string
	}{"40.00": {allPassed, "1 passed, 0 failed\n"}, "41.00": {someFailed, "0 passed, 1 failed\n"}} {
		file := filepath.Join(dir, amount+".json")
		text := `[{"id":"a","tax":"iit_labor_withholding","date":"2026-06-30","inputs":{"payments":["1000.00"],"same_project_same_month":true},"expected":{"withheld":"` + amount + `"}}]`
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, problems := call(t, "tax-check", file); code != want.code || !strings.HasSuffix(out, want.last) || problems != "" {
			t.Errorf("%s: %d, %q, %q", amount, code, out, problems)
		}
	}
}

// Every call in the Makefile names a subcommand, and every subcommand but pack, which the stack runs, has a target of
// its name.
func TestMakefileCallsSubcommands(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var called []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z-]+):.*\n(?:\t.*\n)*?\t.*go run \./cmd/fenzhang ([a-z-]+)`).FindAllStringSubmatch(string(makefile), -1) {
		if m[1] != m[2] {
			t.Errorf("target %s runs %s", m[1], m[2])
		}
		called = append(called, m[2])
	}
	var known []string
	for _, s := range subcommands() {
		if s.name != "pack" {
			known = append(known, s.name)
		}
	}
	slices.Sort(called)
	if !slices.Equal(called, known) {
		t.Errorf("the Makefile calls %v, the tool knows %v", called, known)
	}
}
