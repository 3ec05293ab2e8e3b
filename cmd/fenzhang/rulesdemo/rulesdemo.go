// Package rulesdemo shows on the running stack how a policy pack changes quotes. rulesdemo uploads
// Zhejiang's pack with another rate of the local education surcharge, moves it to shadow, activates
// it, waits until quotes use it, and rolls it back. Each step runs the command that a person would
// type.
package rulesdemo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"fenzhang/shared/law/ruletest"
)

// Command registers the flags of rules-demo and returns the function that runs it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	profile := flags.String("profile", "run", "which stack")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		err := runDemo(ctx, demo{profile: *profile, out: out})
		return err == nil, err
	}
}

// demo is the stack on which the demonstration runs.
type demo struct {
	profile, api, token string
	out                 io.Writer
}

// province is the jurisdiction whose pack is changed; patience is the longest wait until quotes use
// an activated pack.
const (
	province = ruletest.Province
	patience = 30 * time.Second
)

// runDemo runs all steps and ends with the status of the pack.
func runDemo(ctx context.Context, d demo) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	first, err := d.fetchQuote(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.out,
		"\nA studio in Hangzhou on 200,000.00: local education surcharge %s, by pack %s@%s\n",
		first.Amount, province, first.Version)
	// The seconds of the clock make a new version number at each run, which no published pack has.
	version := fmt.Sprintf("2030.%d", time.Now().Unix()%100_000_000)
	dir := filepath.Join(".local", d.profile, "demo-pack")
	if err := writePack(dir, version); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(d.out,
		"\n%s holds the pack with the rate 0.01 instead of 0.02, as version %s\n", dir, version)
	for _, step := range [][]string{{"sign", dir}, {"upload", dir}, {"shadow", province, version},
		{"activate", province, version}} {
		if err := d.runPackCommand(ctx, step...); err != nil {
			return err
		}
	}
	if err := d.waitForVersion(ctx, version); err != nil {
		return err
	}
	if err := d.runPackCommand(ctx, "rollback", province); err != nil {
		return err
	}
	return errors.Join(d.waitForVersion(ctx, first.Version), d.runPackCommand(ctx, "status", province))
}

// writePack writes the files of the changed pack into a folder.
func writePack(dir, version string) error {
	files, err := ruletest.PackWithLocalRate(province, version, "0.01")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, fs.FS(files))
}

// connect reads the address of the stack's API and makes a token for finance.
func (d *demo) connect(ctx context.Context) error {
	file := filepath.Join(".local", "stack.env")
	if d.profile != "run" {
		file = filepath.Join(".local", d.profile, "stack.env")
	}
	vars, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("the stack is not up: %w", err)
	}
	for line := range strings.Lines(string(vars)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "FENZHANG_API_URL="); ok {
			d.api = value
		}
	}
	out, err := d.stackCommand(ctx, "token", "demo-mcn", "finance").Output()
	d.token = strings.TrimSpace(string(out))
	return err
}

// stackCommand returns the command of the local stack with these arguments.
func (d demo) stackCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "go",
		append([]string{"run", "./local/stack", "-profile", d.profile}, args...)...)
}

// runPackCommand prints one pack command and runs it.
func (d demo) runPackCommand(ctx context.Context, args ...string) error {
	_, _ = fmt.Fprintln(d.out, "\n$ fenzhang pack "+strings.Join(args, " "))
	cmd := d.stackCommand(ctx, append([]string{"rules"}, args...)...)
	cmd.Stdout, cmd.Stderr = d.out, os.Stderr
	return cmd.Run()
}

// fetchQuote returns the local education surcharge of the demonstration's quote.
func (d demo) fetchQuote(ctx context.Context) (ruletest.QuotedFigure, error) {
	return ruletest.QuoteSurcharge(ctx, http.DefaultClient, d.api, d.token)
}

// waitForVersion requests quotes until they are computed by a version of the pack.
func (d demo) waitForVersion(ctx context.Context, version string) error {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Second) {
		f, err := d.fetchQuote(ctx)
		if err != nil {
			return err
		}
		if f.Version == version {
			_, _ = fmt.Fprintf(d.out,
				"  after %.0f s the quote says %s, by %s@%s; no function was deployed\n",
				time.Since(began).Seconds(), f.Amount, province, f.Version)
			return nil
		}
	}
	return fmt.Errorf("after %s the quotes are not computed by %s@%s", patience, province, version)
}
