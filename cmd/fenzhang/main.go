// Command fenzhang holds the programs for people who keep books, write rules or change this code;
// `fenzhang help` lists them. The exit code is 0 on success, 1 when a check has found a fault, and
// 2 when the command line is wrong or the work could not be done.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"

	"fenzhang/cmd/fenzhang/auditverify"
	"fenzhang/cmd/fenzhang/contractcheck"
	"fenzhang/cmd/fenzhang/journal"
	"fenzhang/cmd/fenzhang/pack"
	"fenzhang/cmd/fenzhang/rulebook"
	"fenzhang/cmd/fenzhang/rulesdemo"
	"fenzhang/cmd/fenzhang/rulesschema"
	"fenzhang/cmd/fenzhang/taxcheck"
	"fenzhang/local/checks/fuzz"
	"fenzhang/local/checks/mutation"
	"fenzhang/local/checks/rulesmutation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := runSubcommand(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes of the command.
const (
	allPassed = iota
	someFailed
	notDone
)

// subcommand is one program of the command fenzhang. Field command registers the program's flags
// and returns the function to call after they are parsed; the returned function answers false when
// a check has found a fault.
type subcommand struct {
	name string
	// arguments that follow the flags, for the usage text; "" for a subcommand without arguments
	arguments string
	purpose   string
	command   func(*flag.FlagSet) func(context.Context, io.Writer) (bool, error)
}

// subcommands lists all subcommands under the names of the Makefile targets that run them.
func subcommands() []subcommand {
	return []subcommand{
		{"audit-verify", "", "check the audit chains of the running stack", auditverify.Command},
		{"contract-check", "[FILE]...", "run the worked examples beside contracts",
			contractcheck.Command},
		{"fuzz", "", "fuzz what reads bytes from outside", fuzz.Command},
		{"journal", "", "export the journal of the running stack, and sum it", journal.Command},
		{"mutation", "", "replace each operator of the code that moves money and list what no test " +
			"notices", mutation.Command},
		{"pack", "WORD [ARGUMENT]...", "make, sign, upload and move policy packs", pack.Command},
		{"rulebook", "", "render all rules as a linked book of pages", rulebook.Command},
		{"rules-demo", "", "show how a policy pack changes quotes without a deploy", rulesdemo.Command},
		{"rules-mutation", "", "change each number of the rules and list what no example notices",
			rulesmutation.Command},
		{"rules-schema", "", "check every file of rules/ against rules/schema.json", rulesschema.Command},
		{"tax-check", "FILE", "run a file of tax examples", taxcheck.Command},
	}
}

// runSubcommand finds the subcommand that the first argument names, runs it, and returns the exit
// code.
func runSubcommand(ctx context.Context, args []string, out, problems io.Writer) int {
	if len(args) == 0 {
		printHelp(problems)
		return notDone
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		printHelp(out)
		return allPassed
	}
	all := subcommands()
	i := slices.IndexFunc(all, func(s subcommand) bool { return s.name == args[0] })
	if i < 0 {
		const message = "fenzhang: there is no subcommand %q; fenzhang help lists them\n"
		_, _ = fmt.Fprintf(problems, message, args[0])
		return notDone
	}
	return all[i].run(ctx, args[1:], out, problems)
}

// run parses the flags of the subcommand, runs it, and returns the exit code.
func (s subcommand) run(ctx context.Context, args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet(s.name, flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() {
		_, _ = fmt.Fprintf(problems, "usage: fenzhang %s [flags] %s\n", s.name, s.arguments)
		flags.PrintDefaults()
	}
	do := s.command(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return allPassed
	case err != nil: // flags.Parse has printed the error
		return notDone
	}
	if s.arguments == "" && flags.NArg() > 0 {
		_, _ = fmt.Fprintf(problems, "fenzhang %s: %q is one word too many\n", s.name, flags.Arg(0))
		return notDone
	}
	passed, err := do(ctx, out)
	switch {
	case err != nil:
		_, _ = fmt.Fprintf(problems, "fenzhang %s: %v\n", s.name, err)
		return notDone
	case !passed:
		return someFailed
	}
	return allPassed
}

// printHelp prints the list of subcommands.
func printHelp(w io.Writer) {
	_, _ = fmt.Fprintln(w, "usage: fenzhang SUBCOMMAND [flags] [arguments]; "+
		"fenzhang SUBCOMMAND -h lists its flags")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range subcommands() {
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", s.name, s.purpose)
	}
	_ = table.Flush() // a failed write to the terminal can be reported nowhere
}
